import { describe, expect, test } from 'vitest'
import type { Criterion } from '../../contract/analysis.ts'
import type { JournalEntry } from '../../contract/journal.ts'
import type { Plan } from '../../contract/plan.ts'
import type { ReleaseCommand } from '../../contract/vocabulary.ts'
import { NOTIFICATION_EVENTS } from '../../contract/workspace.ts'
import { createSimulation, type Simulation, type SimulationOptions } from '../../engine/sim/simulation.ts'
import { createOutbox, emptyOutbox } from './outbox.ts'
import { webhook } from './testing/harness.ts'
import { type Notification, notificationOfEntry, notificationOfWaiting } from './told.ts'

const errorLimit = (change: Partial<Criterion> = {}): Criterion => ({ name: 'error ratio', metric: { source: 'router', of: 'errorRatio' }, judge: { kind: 'threshold', limit: 0.02, harm: 'above', windowMs: 10_000, minRequests: 20, consecutive: 2 }, severity: 'fail', graceMs: 0, absence: { action: 'hold', afterMs: 0 }, ...change })

/** The real engine in simulated time; what it journals and what waits goes through the outbox, as in a console. */
async function simulated(plan: Partial<Plan> = {}, candidate: Parameters<Simulation['world']['script']>[1] = {}, options: SimulationOptions = {}) {
  const sim = createSimulation({ ...options, plan: { criteria: [errorLimit()], ...plan } })
  const outbox = createOutbox(emptyOutbox(0))
  const all = [webhook('all', 'http://receiver')]
  sim.world.script('2.0.0', candidate)
  sim.boot()
  const find = (id: string) => sim.engine().release(id)?.release ?? null

  function look(): void {
    const now = sim.time.clock.wallMs()
    for (const entry of sim.disk.entries.slice(outbox.seq)) {
      // The simulated disk chains nothing.
      const notification = notificationOfEntry({ ...entry, hash: entry.id }, find)
      if (notification) outbox.accept(notification, all, { workspace: '', tier: '' }, now)
      outbox.sawEntry(entry.seq)
    }
    for (const item of outbox.sawWaiting(sim.engine().snapshot().flatMap((watched) => (watched.kind === 'waiting' ? watched.items : [])), now)) {
      const notification = notificationOfWaiting(item, find)
      if (notification) outbox.accept(notification, all, { workspace: '', tier: '' }, now)
    }
  }
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      await sim.time.advance(500)
      look()
    }
  }
  const told = (): readonly Notification[] => outbox.deliveries.map(({ envelope }) => envelope)
  await pass(5000)
  // The first version, released by the console itself.
  expect(told().map(({ event }) => event)).toEqual(['completed'])
  return {
    sim,
    pass,
    /** What was told since the service was first there. */
    told: () => told().slice(1),
    events: () => told().slice(1).map(({ event }) => event),
    command: (name: ReleaseCommand, change: Parameters<Simulation['command']>[2] = {}) => sim.command(sim.current()?.release.id ?? '', name, change),
  }
}

/** Every event, from a real engine. The last test looks whether one is missing. */
const reached = new Set<string>()
function expectTold(told: readonly Notification[], expected: readonly Partial<Notification>[]): void {
  for (const { event } of told) reached.add(event)
  expect(told).toMatchObject(expected)
  expect(new Set(told.map(({ id }) => id)).size).toBe(told.length)
  for (const notification of told) expect(notification).toMatchObject({ service: 'checkout', releaseId: 'checkout-2', version: '2.0.0' })
}

describe('what is told of a release', () => {
  test('that went well: that it is live and stable, and that its waits are nobody\'s business', async () => {
    const run = await simulated()
    await run.sim.create('2.0.0')
    await run.pass(120_000)
    expectTold(run.told(), [{ event: 'completed', title: 'checkout 2.0.0 is live and stable' }])
  })

  test('that the guard took back: once, with what it saw, and with the entry that says it', async () => {
    const run = await simulated({}, { errorRatio: 0.2 })
    await run.sim.create('2.0.0')
    await run.pass(60_000)
    const told = run.told().filter(({ event }) => event !== 'failed')
    const entry = run.sim.disk.entries.find(({ action }) => action === 'release.rollBack')
    expectTold(told, [{ event: 'rolledBack', title: 'checkout is rolled back by itself', detail: expect.stringMatching(/^Roll back to blue \(1\.0\.0\): Error ratio 20 %/), entrySeq: entry?.seq ?? 0 }])
  })

  test('that a person took back, and whose way back has to wait', async () => {
    const run = await simulated({ bakeMs: 600_000 })
    run.sim.world.script('1.0.0', { startMs: 20_000, crashAfterMs: 1 })
    await run.sim.create('2.0.0')
    await run.pass(60_000)
    await run.command('rollBack')
    await run.pass(5000)
    expect(run.events()).toContain('rolledBack')
    const told = run.told().filter(({ title }) => title.includes('rolled back'))
    expectTold(told, [
      { event: 'rolledBack', title: 'checkout is rolled back by Anna', detail: 'Roll back to blue (1.0.0): because' },
      { event: 'failed', title: 'checkout cannot be rolled back yet' },
    ])
  })

  test('of which a criterion only warns: one piece of news, not that it waits too', async () => {
    const run = await simulated({ criteria: [errorLimit({ severity: 'warn' })] }, { errorRatio: 0.04 })
    await run.sim.create('2.0.0')
    await run.pass(60_000)
    expectTold(run.told().filter(({ event }) => event !== 'failed'), [{ event: 'warned', title: 'checkout 2.0.0 is paused, and asks', detail: expect.stringMatching(/^Error ratio .*, limit 2 %/) }])
    expect(run.sim.current()?.release.paused?.why).toMatch(/^Error ratio/)
  })

  test('that the guard took back before: it asks before its first traffic', async () => {
    const run = await simulated({}, { errorRatio: 0.2 })
    await run.sim.create('2.0.0')
    await run.pass(60_000)
    await run.sim.create('2.0.0')
    await run.pass(20_000)
    expect(run.sim.current()?.release.phase).toBe('verifying')
    expect(run.told().at(-1)).toMatchObject({ event: 'waiting', releaseId: 'checkout-3', title: 'checkout is paused, and asks', detail: expect.stringContaining('rolled back by the guard before') })
  })

  test('that is no longer warned of in a step: at baking it asks all the same, and waits in the inbox', async () => {
    const run = await simulated({ criteria: [errorLimit({ severity: 'warn' })], bakeMs: 300_000 })
    await run.sim.create('2.0.0')
    await run.pass(40_000)
    expect(run.sim.current()?.release.phase).toBe('baking')
    run.sim.world.script('2.0.0', { errorRatio: 0.04 })
    await run.pass(60_000)
    expectTold(run.told().filter(({ event }) => event !== 'failed'), [{ event: 'warned' }])
    expect(run.sim.engine().snapshot()).toContainEqual({ kind: 'waiting', items: expect.arrayContaining([expect.objectContaining({ kind: 'manualStep', title: 'Asks' })]) })
  })

  test('whose steps wait for a person: each one, though the inbox gives them one name', async () => {
    const manual = { kind: 'manual' } as const
    const run = await simulated({ criteria: [], steps: [{ weightPercent: 10, hold: manual, approvals: 0 }, { weightPercent: 50, hold: manual, approvals: 0 }, { weightPercent: 100, hold: { kind: 'timed', ms: 0 }, approvals: 1 }] })
    await run.sim.create('2.0.0')
    await run.pass(5000)
    await run.command('promote')
    await run.pass(5000)
    await run.command('promote')
    await run.pass(5000)
    expectTold(run.told(), [
      { event: 'waiting', title: 'checkout waits for someone to promote it', detail: '2.0.0 holds at 10 %.', entrySeq: null },
      { event: 'waiting', title: 'checkout waits for someone to promote it', detail: '2.0.0 holds at 50 %.' },
      { event: 'waiting', title: 'checkout waits for approval', detail: 'When it is approved, 100 % goes to green.' },
    ])
  })

  test('that stopped', async () => {
    const gates: SimulationOptions['gates'] = { run: async ({ name }) => ({ name, state: 'failed', detail: 'expected 200, got 500', exitCode: null, output: '', endedAt: 1 }) }
    const run = await simulated({ gates: [{ name: 'smoke', kind: 'command', command: 'true', timeoutMs: 1000 }] }, {}, { gates, initialVersion: '1.0.0' })
    await run.sim.create('2.0.0')
    await run.pass(20_000)
    expectTold(run.told(), [{ event: 'failed', title: 'checkout: the release of 2.0.0 stopped', detail: expect.stringMatching(/^Stopped: Gate "smoke" failed: expected 200, got 500/) }])
  })

  test('whose metrics are gone: that they are, then that it is held, each once', async () => {
    const run = await simulated()
    await run.sim.create('2.0.0')
    await run.pass(5000)
    run.sim.world.metricsOff(true)
    await run.pass(120_000)
    const told = run.told()
    expectTold(told.toSorted((a, b) => (a.event < b.event ? -1 : 1)), [
      { event: 'held', title: 'checkout is held by its analysis' },
      { event: 'metricsLost', title: 'checkout is held: no metrics', detail: expect.stringContaining('It neither promotes nor rolls back by itself') },
    ])
  })

  test('where both environments are bad', async () => {
    const run = await simulated({ steps: [{ weightPercent: 50, hold: { kind: 'analysis', ms: 600_000 }, approvals: 0 }, { weightPercent: 100, hold: { kind: 'timed', ms: 0 }, approvals: 0 }] })
    await run.sim.create('2.0.0')
    await run.pass(5000)
    run.sim.world.script('1.0.0', { errorRatio: 0.3 })
    run.sim.world.script('2.0.0', { errorRatio: 0.3 })
    await run.pass(60_000)
    expect(run.events()).not.toContain('rolledBack')
    expectTold(run.told().filter(({ event }) => event === 'held'), [{ event: 'held', title: 'checkout: both environments are bad, so nothing is moved' }])
  })

  test('whose guard is suspended: by whom, why and until when; and what the guard would have done, once', async () => {
    const run = await simulated()
    await run.sim.create('2.0.0')
    await run.pass(5000)
    await run.command('suspendGuard', { reason: 'load test', forMs: 60_000 })
    run.sim.world.script('2.0.0', { errorRatio: 0.2 })
    await run.pass(40_000)
    expectTold(run.told().filter(({ event }) => event === 'guardSuspended'), [
      { event: 'guardSuspended', title: 'checkout: automatic roll back is suspended', detail: expect.stringMatching(/^By Anna until 2026-01-01T00:01:.*Z: load test$/) },
      { event: 'guardSuspended', title: 'checkout 2.0.0 would have been rolled back' },
    ])
  })

  test('every event there is was told above', () => {
    expect([...reached].toSorted()).toEqual([...NOTIFICATION_EVENTS].toSorted())
  })
})

test.each<[string, Partial<JournalEntry>]>([
  ['a refusal', { kind: 'refusal' }],
  ['an outcome', { kind: 'outcome' }],
  ['what concerns no service', { target: {} }],
  ['a further try of a roll back', { before: { phase: 'rollingBack' } }],
  ['what came of telling it', { action: 'notification.failed', kind: 'outcome', outcome: 'failed' }],
])('not told: %s', (_what, change) => {
  const entry = { seq: 1, hash: 'h', at: 1, kind: 'intent', action: 'release.rollBack', operator: { id: 'system', name: 'Signalbox', email: '', known: 'system' }, target: { service: 'checkout' }, summary: '', reason: '', before: { phase: 'shifting' }, after: { phase: 'rollingBack' }, evidence: null } as unknown as JournalEntry
  expect(notificationOfEntry(entry, () => null)?.event).toBe('rolledBack')
  expect(notificationOfEntry({ ...entry, ...change }, () => null)).toBeNull()
})
