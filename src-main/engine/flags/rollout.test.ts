import { expect, test } from 'vitest'
import { createFlagSimulation, FLAG } from '../sim/flag-simulation.ts'

test('a whole rollout goes on by itself and ends without rules', async () => {
  const sim = createFlagSimulation()
  sim.boot()
  const started = await sim.start()
  expect(started).toMatchObject({ rollout: { phase: 'exposing', stageIndex: 0, number: 1 } })
  expect(await sim.until(() => sim.rollout().phase === 'holding')).toBe(true)
  expect(sim.exposure().percents?.get('on')).toBe(5)
  expect(await sim.until(() => sim.rollout().phase === 'finished')).toBe(true)
  expect(sim.exposure().everyone).toBe('on')
  expect(sim.definition().targeting).toEqual({ kind: 'rules', rules: [] })
  const rollout = sim.rollout()
  expect(rollout.stages.map(({ stage, exposedAt, endedAt }) => [stage, (endedAt ?? 0) - exposedAt >= 10_000])).toEqual([[0, true], [1, true], [2, true]])
  expect(sim.system.applied.map(({ kind }) => kind)).toEqual(['expose', 'expose', 'expose', 'finish'])
  expect(sim.disk.entries.map(({ kind, action, outcome }) => `${kind} ${action} ${outcome}`)).toEqual([
    'intent rollout.start sent',
    'outcome rollout.verified verified',
    'intent rollout.advance sent',
    'outcome rollout.verified verified',
    'intent rollout.advance sent',
    'outcome rollout.verified verified',
    'intent rollout.advance sent',
    'outcome rollout.verified verified',
  ])
  expect(sim.disk.entries.every(({ target }) => target.flag === `shop/${FLAG}` && target.rollout === rollout.id)).toBe(true)
  await sim.close()
})

test('roll back restores what was there, kill serves the safe variant', async () => {
  for (const [command, action] of [['rollBack', 'restore'], ['kill', 'kill']] as const) {
    const sim = createFlagSimulation()
    sim.boot()
    const before = sim.definition()
    await sim.start()
    await sim.until(() => sim.rollout().verifiedStage === 1)
    expect(sim.exposure().percents?.get('on')).toBe(50)
    await sim.command(command, { reason: 'enough' })
    expect(await sim.until(() => sim.rollout().phase === 'rolledBack', 2000)).toBe(true)
    expect(sim.system.applied.at(-1)?.kind).toBe(action)
    expect(sim.exposure().everyone).toBe('off')
    if (command === 'rollBack') expect(sim.definition()).toEqual(before)
    expect(sim.rollout().rollback).toMatchObject({ to: command === 'kill' ? 'safe' : 'before', reason: 'enough', byGuard: false })
    await sim.close()
  }
})
