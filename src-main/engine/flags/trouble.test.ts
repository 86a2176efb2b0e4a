import { expect, test } from 'vitest'
import { Fault } from '../../contract/fault.ts'
import { killed } from '../../core/flags/exposure.ts'
import { ADA, createFlagSimulation, FLAG, type FlagSimulation, type FlagSimulationOptions, QUICK_PLAN } from '../sim/flag-simulation.ts'

async function holding(options: FlagSimulationOptions = {}): Promise<FlagSimulation> {
  const sim = createFlagSimulation(options)
  sim.boot()
  expect(await sim.start()).toMatchObject({ rollout: { phase: 'exposing' } })
  expect(await sim.until(() => sim.rollout().phase === 'holding')).toBe(true)
  return sim
}

const unreachable = new Fault('providerUnavailable', 'The flag system does not answer.', 'Try again.')

test('somebody who changes the flag elsewhere pauses it, with the difference; going on writes the stage again', async () => {
  const sim = await holding()
  sim.system.changeElsewhere('prod', FLAG, (flag) => killed(flag, 'off'))
  expect(await sim.until(() => sim.rollout().drift !== null, 5000)).toBe(true)
  expect(sim.rollout()).toMatchObject({ phase: 'holding', dueAt: null, paused: { by: { id: 'system' } } })
  expect(sim.rollout().drift?.difference[0]).toBe('Exposure: 5 % became off.')
  await sim.time.advance(60_000)
  expect(sim.exposure().everyone).toBe('off')
  expect(sim.flags().waiting()).toMatchObject([{ title: 'Changed elsewhere' }])
  expect(await sim.command('advance')).toMatchObject({ code: 'interlocked' })
  await sim.command('resume')
  expect(await sim.until(() => sim.rollout().phase === 'holding' && sim.rollout().drift === null, 5000)).toBe(true)
  expect(sim.exposure().percents?.get('on')).toBe(5)
  expect(await sim.until(() => sim.rollout().phase === 'finished')).toBe(true)
  await sim.close()
})

test('a change elsewhere that gives nobody anything else is none', async () => {
  const sim = await holding()
  sim.system.changeElsewhere('prod', FLAG, (flag) => ({ ...flag, facts: { ...flag.facts, description: 'new words' } }))
  expect(await sim.until(() => sim.rollout().phase === 'finished')).toBe(true)
  expect(sim.definition().facts.description).toBe('new words')
  await sim.close()
})

test('abandoning after drift leaves what is there', async () => {
  const sim = await holding()
  sim.system.changeElsewhere('prod', FLAG, (flag) => killed(flag, 'off'))
  await sim.until(() => sim.rollout().drift !== null, 5000)
  expect(await sim.command('abandon', { reason: 'theirs is right' })).toMatchObject({ rollout: { phase: 'abandoned' } })
  await sim.time.advance(10_000)
  expect(sim.exposure().everyone).toBe('off')
  expect(sim.system.applied.length).toBe(1)
  await sim.close()
})

test('a flag that is gone is drift; a roll back brings it back', async () => {
  const sim = await holding()
  sim.system.setOf('prod').delete(FLAG)
  expect(await sim.until(() => sim.rollout().drift !== null, 5000)).toBe(true)
  expect(sim.rollout().drift?.difference).toEqual(['The flag is gone.'])
  expect(await sim.act(sim.flags().get('shop', FLAG))).toMatchObject({ rollout: { rollout: { phase: 'holding' } }, version: '' })
  await sim.command('rollBack')
  expect(await sim.until(() => sim.rollout().phase === 'rolledBack', 5000)).toBe(true)
  expect(sim.exposure().everyone).toBe('off')
  await sim.close()
})

test('a change the system wants approved waits there, and goes on once it was', async () => {
  const sim = createFlagSimulation()
  sim.system.approves = true
  sim.boot()
  await sim.start()
  expect(await sim.until(() => sim.rollout().submitted !== null, 5000)).toBe(true)
  expect(sim.rollout()).toMatchObject({ phase: 'exposing', verifiedStage: -1, submitted: { what: 'change-1', url: 'https://flags.example/change-1' } })
  expect(sim.flags().waiting()).toMatchObject([{ title: 'Waits for approval elsewhere', detail: 'change-1: https://flags.example/change-1' }])
  await sim.time.advance(120_000)
  expect(sim.system.waiting.size).toBe(1)
  sim.system.approve('change-1')
  expect(await sim.until(() => sim.rollout().phase === 'holding', 15_000)).toBe(true)
  expect(sim.rollout()).toMatchObject({ submitted: null, verifiedStage: 0 })
  await sim.close()
})

test('a system that does not answer is tried again, later each time, and as it says itself when it says', async () => {
  const sim = await holding()
  let writes = 0
  sim.system.failWrite = () => {
    writes += 1
    return writes === 1 ? new Fault('providerUnavailable', 'Too many requests.', 'Wait.', { retryAfterMs: 45_000 }) : writes < 5 ? unreachable : null
  }
  await sim.time.advance(20_000)
  expect(sim.rollout()).toMatchObject({ phase: 'exposing', stageIndex: 1, verifiedStage: 0 })
  expect(writes).toBe(1)
  const view = sim.flags().snapshot().find((item) => item.kind === 'rollout')
  expect(view?.rollout.next).toContain('Too many requests.')
  expect(await sim.until(() => sim.rollout().verifiedStage === 1, 120_000)).toBe(true)
  expect(writes).toBe(5)
  await sim.close()
})

test('what will not mend stops it where it was; a retry does it again', async () => {
  const sim = await holding()
  sim.system.failWrite = (change) => (change.kind === 'expose' ? new Fault('notAllowed', 'This token may not change production.', 'Use another token.') : null)
  expect(await sim.until(() => sim.rollout().phase === 'failed')).toBe(true)
  expect(sim.rollout()).toMatchObject({ verifiedStage: 0, stageIndex: 1, failure: { fault: { code: 'notAllowed' } } })
  expect(sim.exposure().percents?.get('on')).toBe(5)
  expect(sim.flags().waiting()).toMatchObject([{ title: 'Stopped' }])
  sim.system.failWrite = null
  await sim.command('retry')
  expect(await sim.until(() => sim.rollout().verifiedStage === 1, 5000)).toBe(true)
  await sim.close()
})

test('a file that is broken for a while stops nothing for good, and is in the inbox meanwhile', async () => {
  const sim = await holding()
  sim.system.broken = { since: sim.time.clock.wallMs(), why: 'prod.json:3:1: a comma is missing.' }
  sim.system.failWrite = (change) => (change.kind === 'expose' ? new Fault('invalidInput', 'prod.json is broken.', 'Mend it.') : null)
  await sim.time.advance(40_000)
  expect(sim.rollout()).toMatchObject({ phase: 'exposing', stageIndex: 1, verifiedStage: 0, failure: null })
  expect(sim.flags().waiting()).toMatchObject([{ title: 'Flags broken', detail: expect.stringContaining('a comma is missing') }])
  sim.system.broken = null
  sim.system.failWrite = null
  expect(await sim.until(() => sim.rollout().verifiedStage === 1, 60_000)).toBe(true)
  await sim.close()
})

test('an answer that was lost is no second change', async () => {
  const sim = createFlagSimulation()
  let lost = 0
  sim.system.loseAnswer = () => (lost += 1) === 1
  sim.boot()
  await sim.start()
  expect(await sim.until(() => sim.rollout().phase === 'holding')).toBe(true)
  expect(sim.system.applied.length).toBe(1)
  expect(sim.rollout().drift).toBeNull()
  await sim.close()
})

test('rolling back never gives up', async () => {
  const sim = await holding()
  sim.system.failWrite = () => new Fault('notAllowed', 'This token may not change production.', 'Use another token.')
  await sim.command('rollBack')
  await sim.time.advance(120_000)
  expect(sim.rollout()).toMatchObject({ phase: 'rollingBack', failure: { fault: { code: 'notAllowed' } } })
  expect(sim.disk.entries.filter(({ action }) => action === 'rollout.failed').length).toBe(1)
  sim.system.failWrite = null
  expect(await sim.until(() => sim.rollout().phase === 'rolledBack', 60_000)).toBe(true)
  expect(sim.exposure().everyone).toBe('off')
  await sim.close()
})

test('a kill is taken while the system does not answer, and a source that was away is read again', async () => {
  const sim = await holding()
  sim.system.failRead = () => unreachable
  expect(await sim.kill({ reason: 'now' })).toMatchObject({ rollout: { rollout: { phase: 'rollingBack', rollback: { to: 'safe' } } } })
  await sim.time.advance(60_000)
  expect(sim.flags().waiting()).toMatchObject([{ title: 'Rolling back' }])
  sim.system.failRead = null
  expect(await sim.until(() => sim.rollout().phase === 'rolledBack', 60_000)).toBe(true)
  await sim.time.advance(6000)
  expect(await sim.act(sim.flags().sources())).toMatchObject([{ problem: '' }])
  await sim.close()
})

test('a change outside of a rollout that waits for approval elsewhere is no change yet, and says so', async () => {
  const sim = createFlagSimulation()
  sim.system.approves = true
  sim.system.changeElsewhere('prod', FLAG, (flag) => ({ ...flag, defaultVariant: 'on' }))
  sim.boot()
  expect(await sim.kill({ reason: 'now' })).toMatchObject({ code: 'interlocked', message: expect.stringContaining('change-1'), data: { next: 'Have it approved: https://flags.example/change-1' } })
  const found = await sim.act(sim.flags().get('shop', FLAG))
  if (!found || found instanceof Error) throw new Error('not read')
  expect(await sim.act(sim.flags().define({ source: 'shop', flag: FLAG, definition: { ...found.definition, defaultVariant: 'off' }, expectedVersion: found.version, reason: '', operationId: 'operation-define' }, ADA))).toMatchObject({ code: 'interlocked' })
  expect(sim.disk.entries.map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual(['intent sent', 'outcome accepted', 'intent sent', 'outcome accepted'])
  await sim.close()
})

test('a kill does not wait for a change that is on its way, and that change does not win', async () => {
  const sim = await holding()
  // The write of the second stage hangs for a while, then lands.
  let release: () => void = () => undefined
  const original = sim.system.make.bind(sim.system)
  let held = false
  sim.system.failWrite = (change) => {
    if (change.kind === 'expose' && !held) {
      held = true
      release = () => original('prod', FLAG, change)
      return unreachable
    }
    return null
  }
  expect(await sim.until(() => held)).toBe(true)
  await sim.kill({ reason: 'it is bad' })
  expect(sim.exposure().everyone).toBe('off')
  expect(await sim.until(() => sim.rollout().phase === 'rolledBack', 5000)).toBe(true)
  release()
  await sim.time.advance(10_000)
  // What came from elsewhere after the end is nobody's rollout: it is shown as it is.
  expect(sim.rollout().phase).toBe('rolledBack')
  await sim.close()
})

test('kill and roll back go on when the journal cannot commit; nothing else does', async () => {
  for (const command of ['kill', 'rollBack'] as const) {
    const sim = await holding()
    sim.failDisk(true)
    expect(await sim.command('pause')).toMatchObject({ code: 'journalUnavailable' })
    expect(await sim.command('advance', { reason: 'because' })).toMatchObject({ code: 'journalUnavailable' })
    await sim.time.advance(30_000)
    expect(sim.exposure().percents?.get('on')).toBe(5)
    if (command === 'kill') await sim.kill({ reason: 'bad' })
    else await sim.command('rollBack', { reason: 'bad' })
    expect(await sim.until(() => sim.exposure().everyone === 'off', 5000)).toBe(true)
    await sim.time.advance(2000)
    expect(sim.rollout().phase).toBe('rolledBack')
    sim.failDisk(false)
    await sim.restart()
    expect(sim.disk.rollouts.get(sim.rollout().id)?.phase).toBe('rolledBack')
    expect(sim.disk.entries.filter(({ emergency }) => emergency).map(({ kind }) => kind)).toEqual(['intent', 'outcome'])
    await sim.close()
  }
})

test('the kill switch of a flag without a rollout works too, also without a journal, and asks for a safe variant where there is none', async () => {
  const sim = createFlagSimulation()
  sim.boot()
  sim.system.changeElsewhere('prod', FLAG, (flag) => ({ ...flag, defaultVariant: 'on' }))
  sim.failDisk(true)
  expect(await sim.kill({ reason: 'bad' })).toMatchObject({ definition: { defaultVariant: 'off', state: 'ENABLED' } })
  sim.failDisk(false)
  sim.system.changeElsewhere('prod', FLAG, (flag) => ({ ...flag, type: 'string', variants: [{ name: 'a', value: 'a' }, { name: 'b', value: 'b' }], defaultVariant: 'a' }))
  expect(await sim.kill()).toMatchObject({ code: 'interlocked', message: expect.stringContaining('declares no safe variant') })
  await sim.close()
})

test('a kill does not wait for a change that hangs, and wins over it when it lands', async () => {
  const sim = createFlagSimulation()
  sim.system.changeElsewhere('prod', FLAG, (flag) => ({ ...flag, defaultVariant: 'on' }))
  sim.boot()
  const found = await sim.act(sim.flags().get('shop', FLAG))
  if (!found || found instanceof Error) throw new Error('not read')
  // Its write is away for a minute, and is done then, whatever there is.
  let away: (() => void) | null = null
  sim.system.hold = (change) => (change.kind === 'define' ? new Promise<void>((resolve) => (away = () => { sim.system.make('prod', FLAG, change); resolve() })) : null)
  const defined = sim.flags().define({ source: 'shop', flag: FLAG, definition: { ...found.definition, facts: { ...found.definition.facts, owner: 'someone' } }, expectedVersion: found.version, reason: '', operationId: 'operation-define' }, ADA).catch(() => null)
  await sim.time.advance(1000)
  expect(away).not.toBeNull()
  const killing = sim.kill({ reason: 'now' })
  expect(await sim.until(() => sim.exposure().everyone === 'off', 5000)).toBe(true)
  // It lands over the kill switch, and does not stay.
  ;(away as unknown as () => void)()
  await sim.time.advance(5000)
  await Promise.all([defined, killing])
  expect(sim.exposure().everyone).toBe('off')
  await sim.close()
})

test('the same operation id is the same act', async () => {
  const sim = createFlagSimulation()
  sim.boot()
  const first = await sim.start(QUICK_PLAN, { operationId: 'operation-1' })
  const again = await sim.start(QUICK_PLAN, { operationId: 'operation-1' })
  expect(first).toMatchObject({ rollout: { number: 1 } })
  expect(again).toMatchObject({ rollout: { number: 1 } })
  expect(sim.disk.rollouts.size).toBe(1)
  await sim.until(() => sim.rollout().phase === 'holding')
  await Promise.all([sim.command('advance', { operationId: 'operation-2' }), sim.command('advance', { operationId: 'operation-2' })])
  expect(sim.rollout().stageIndex).toBe(1)
  await sim.kill({ operationId: 'operation-3' })
  await sim.kill({ operationId: 'operation-3' })
  expect(sim.system.applied.filter(({ kind }) => kind === 'kill').length).toBe(1)
  await sim.close()
})

test('after a night asleep, an overdue hold goes on once, and not through the stages it slept over', async () => {
  const sim = await holding()
  await sim.restart(3_600_000)
  expect(await sim.until(() => sim.rollout().verifiedStage === 1, 5000)).toBe(true)
  await sim.time.advance(5000)
  expect(sim.rollout()).toMatchObject({ phase: 'holding', stageIndex: 1 })
  await sim.close()
})

test('a clock that jumps ends no hold', async () => {
  const sim = await holding()
  const left = (sim.rollout().dueAt ?? 0) - sim.time.clock.wallMs()
  sim.time.jumpWall(3_600_000)
  await sim.time.advance(2000)
  expect(sim.rollout()).toMatchObject({ phase: 'holding', stageIndex: 0 })
  const now = (sim.rollout().dueAt ?? 0) - sim.time.clock.wallMs()
  expect(now).toBeGreaterThan(left - 3000)
  expect(now).toBeLessThanOrEqual(left)
  await sim.close()
})

test('who may only look changes nothing, and is told why', async () => {
  let role: 'viewer' | 'admin' = 'admin'
  const sim = await holding({ role: () => role })
  role = 'viewer'
  for (const command of ['advance', 'rollBack', 'kill', 'pause'] as const) expect(await sim.command(command, { reason: 'x' })).toMatchObject({ code: 'notAllowed' })
  expect(await sim.kill()).toMatchObject({ code: 'notAllowed' })
  expect(sim.rollout().phase).toBe('holding')
  expect(sim.disk.entries.filter(({ kind }) => kind === 'refusal').length).toBe(5)
  await sim.close()
})

test('needs of the workspace hold an automatic stage and refuse a person, and never the way back', async () => {
  let phase: 'dualWrites' | 'switchingReads' = 'dualWrites'
  let live = ['1.9.0']
  const sim = createFlagSimulation({
    migrationPhase: () => phase,
    liveVersions: () => live,
    config: {
      needs: [
        { flag: FLAG, abovePercent: 5, migration: { id: 'split_name', phase: 'switchingReads' }, versions: null, why: '' },
        { flag: FLAG, abovePercent: 50, migration: null, versions: { service: 'checkout', anyOf: ['2.*'] }, why: 'Older versions do not know the new form.' },
      ],
    },
  })
  sim.boot()
  await sim.start()
  await sim.until(() => sim.rollout().phase === 'holding')
  await sim.time.advance(30_000)
  expect(sim.rollout().stageIndex).toBe(0)
  expect(await sim.command('advance', { reason: 'I insist' })).toMatchObject({ code: 'interlocked', message: expect.stringContaining('More than 5 % needs migration split_name to be switching reads; it is in dual writes') })
  const view = sim.flags().snapshot().find((item) => item.kind === 'rollout')
  expect(view?.rollout.stages.map(({ blocks }) => blocks.length)).toEqual([0, 1, 2])
  phase = 'switchingReads'
  expect(await sim.until(() => sim.rollout().verifiedStage === 1, 5000)).toBe(true)
  await sim.time.advance(20_000)
  expect(sim.rollout().stageIndex).toBe(1)
  live = ['2.0.0']
  expect(await sim.until(() => sim.rollout().stageIndex === 2, 5000)).toBe(true)
  phase = 'dualWrites'
  expect(await sim.command('rollBack')).toMatchObject({ rollout: { phase: 'rollingBack' } })
  await sim.close()
})
