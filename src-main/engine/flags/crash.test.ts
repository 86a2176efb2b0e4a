import { describe, expect, test } from 'vitest'
import { Fault } from '../../contract/fault.ts'
import { ROLLOUT_COMMANDS } from '../../contract/flag.ts'
import { sameJson } from '../../core/flags/json.ts'
import { percentAt } from '../../core/flags/rollout/state.ts'
import { createFlagSimulation, FLAG } from '../sim/flag-simulation.ts'

const POINTS = ['commit.before', 'commit.after', 'rollout.beforeApply', 'rollout.afterApply'] as const

describe('a console that dies', () => {
  for (const point of POINTS) {
    test(`at ${point}, anywhere in a rollout: the next one goes on with it, and it ends as without`, async () => {
      let died = 0
      for (let nth = 1; nth <= 9; nth += 1) {
        const sim = createFlagSimulation()
        sim.boot()
        sim.crashAt(point, nth)
        await sim.start()
        for (let waited = 0; waited < 200 && sim.alive(); waited += 1) await sim.time.advance(500)
        if (!sim.alive()) {
          died += 1
          await sim.restart(3000)
          // Before its first commit nothing was begun: then it is begun again.
          if (sim.disk.rollouts.size === 0) await sim.start()
        }
        expect(await sim.until(() => sim.rollout().phase === 'finished', 120_000), `${point} ${nth}`).toBe(true)
        expect(sim.exposure().everyone).toBe('on')
        expect(sim.rollout().drift).toBeNull()
        expect(sim.system.applied.map(({ kind }) => kind)).toEqual(['expose', 'expose', 'expose', 'finish'])
        await sim.close()
      }
      expect(died).toBeGreaterThan(3)
    })

    test(`at ${point}, while it rolls back: the way back is found again`, async () => {
      for (const command of ['rollBack', 'kill'] as const) {
        const sim = createFlagSimulation()
        sim.boot()
        const before = sim.definition()
        await sim.start()
        await sim.until(() => sim.rollout().verifiedStage === 1)
        sim.crashAt(point)
        await sim.command(command, { reason: 'bad' })
        for (let waited = 0; waited < 20 && sim.alive(); waited += 1) await sim.time.advance(500)
        expect(sim.alive()).toBe(false)
        await sim.restart(1000)
        if (point === 'commit.before') await sim.command(command, { reason: 'bad' })
        expect(await sim.until(() => sim.rollout().phase === 'rolledBack', 10_000)).toBe(true)
        expect(sim.exposure().everyone).toBe('off')
        if (command === 'rollBack') expect(sim.definition()).toEqual(before)
        await sim.close()
      }
    })
  }
})

test('a workspace that is read again in the middle of anything hands its rollouts on', async () => {
  let handed = 0
  for (let at = 0; at < 12; at += 1) {
    const sim = createFlagSimulation()
    const first = sim.boot()
    await sim.start()
    await sim.time.advance(at * 10)
    const before = sim.rollout().revision
    // Nobody waits for the one before to end.
    void first.stop()
    sim.boot()
    expect(await sim.until(() => sim.rollout().phase === 'finished', 120_000), `after ${at * 10} ms`).toBe(true)
    expect(sim.system.applied.map(({ kind }) => kind)).toEqual(['expose', 'expose', 'expose', 'finish'])
    if (before < sim.rollout().revision) handed += 1
    await sim.close()
  }
  expect(handed).toBe(12)
})

/** Kills, full disks, silent systems, people and others, drawn by a seed; what must hold is looked at all the time. */
async function walk(seed: number): Promise<{ readonly ended: string; readonly kills: number; readonly drifts: number; readonly story: string }> {
  const sim = createFlagSimulation({ seed })
  const { random } = sim
  const pick = <T>(all: readonly T[]): T | undefined => all[Math.floor(random() * all.length)]
  sim.boot()
  let reads = true
  let writes = true
  sim.system.failRead = () => (reads ? null : new Fault('providerUnavailable', 'It does not answer.', 'Try again.'))
  sim.system.failWrite = () => (writes ? null : new Fault('timeout', 'It does not answer in time.', 'Try again.'))
  sim.system.loseAnswer = () => random() < 0.15
  const native = sim.system.setOf('prod').get(FLAG)?.native
  await sim.start()
  let kills = 0
  let drifts = 0
  let theirs = false
  let revision = 0

  function mustHold(): void {
    const rollout = sim.disk.rollouts.size > 0 ? sim.rollout() : null
    if (!rollout) return
    expect(rollout.revision, `seed ${seed}`).toBeGreaterThanOrEqual(revision)
    ;({ revision } = rollout)
    // Nobody has more than what a durable row asks for; what others do is theirs.
    const percent = sim.exposure().percents?.get('on') ?? 0
    const allowed = ['finishing', 'finished', 'rollingBack', 'abandoned'].includes(rollout.phase) || (rollout.phase === 'failed' && rollout.finishWith) ? 100 : rollout.phase === 'rolledBack' ? 0 : percentAt(rollout.plan, rollout.stageIndex)
    if (!theirs) expect(percent, `seed ${seed}: ${rollout.phase} ${rollout.stageIndex}`).toBeLessThanOrEqual(allowed)
    // What was changed was durably intended before.
    const intended = [...sim.disk.entries, ...sim.disk.emergency.flatMap(({ entries }) => entries)].filter(({ kind }) => kind === 'intent').length
    expect(new Set(sim.system.applied.map(({ kind, comment }) => `${kind} ${comment}`)).size, `seed ${seed}`).toBeLessThanOrEqual(intended)
  }

  for (let step = 0; step < 40; step += 1) {
    const dice = random()
    if (dice < 0.18) {
      kills += 1
      if (random() < 0.6) {
        sim.crashAt(pick(POINTS) ?? 'commit.after', 1 + Math.floor(random() * 2))
        await sim.time.advance(12_000)
      }
      await sim.restart(Math.floor(random() * 8000))
    } else if (dice < 0.26) sim.failDisk(random() < 0.5)
    else if (dice < 0.36) reads = random() < 0.6
    else if (dice < 0.46) writes = random() < 0.6
    else if (dice < 0.5 && sim.disk.rollouts.size > 0) {
      theirs = true
      drifts += 1
      sim.system.changeElsewhere('prod', FLAG, (flag) => ({ ...flag, defaultVariant: 'off', targeting: { kind: 'rules', rules: [] } }))
    } else if (dice < 0.62 && sim.disk.rollouts.size > 0) await sim.command(pick(ROLLOUT_COMMANDS.filter((each) => each !== 'abandon')) ?? 'pause', { reason: random() < 0.5 ? '' : 'because' })
    await sim.time.advance(Math.floor(random() * 6000))
    mustHold()
  }
  // The weather clears: it ends, one way or the other.
  sim.disarmed()
  sim.failDisk(false)
  reads = true
  writes = true
  await sim.restart(100)
  await sim.time.advance(70_000)
  if (sim.disk.rollouts.size === 0) return { ended: 'never begun', kills, drifts, story: '' }
  await sim.command('rollBack', { reason: 'the end' })
  expect(await sim.until(() => ['rolledBack', 'finished'].includes(sim.rollout().phase), 120_000), `seed ${seed}: ${sim.rollout().phase}`).toBe(true)
  const rollout = sim.rollout()
  const now = sim.system.setOf('prod').get(FLAG)?.native
  if (rollout.phase === 'rolledBack' && rollout.rollback?.to === 'before') expect(sameJson(now as never, native as never), `seed ${seed}`).toBe(true)
  if (rollout.phase === 'rolledBack' && rollout.rollback?.to === 'safe') expect(sim.exposure().everyone).toBe('off')
  const story = JSON.stringify(sim.disk.entries.map(({ at, kind, action, summary }) => [at, kind, action, summary]))
  await sim.close()
  return { ended: `${rollout.phase} ${rollout.rollback?.to ?? ''}`, kills, drifts, story }
}

test('rollouts through kills, full disks, silent systems and other people: nobody is exposed without a durable row, and each can be taken back', async () => {
  const ends = new Map<string, number>()
  let kills = 0
  let drifts = 0
  for (let seed = 1; seed <= 60; seed += 1) {
    const walked = await walk(seed)
    ends.set(walked.ended, (ends.get(walked.ended) ?? 0) + 1)
    kills += walked.kills
    drifts += walked.drifts
  }
  expect(kills).toBeGreaterThan(100)
  expect(drifts).toBeGreaterThan(20)
  expect([...ends.keys()]).toEqual(expect.arrayContaining(['rolledBack before', 'rolledBack safe']))
})

test('the same seed is the same story', async () => {
  const [first, again] = [await walk(7), await walk(7)]
  expect(first.story.length).toBeGreaterThan(500)
  expect(again.story).toBe(first.story)
})
