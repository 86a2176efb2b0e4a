import { describe, expect, test } from 'vitest'
import { Fault } from '../../contract/fault.ts'
import type { MigrationPhase, MigrationView } from '../../contract/migration.ts'
import { ADA, createMigrationSimulation, type MigrationSimulation } from '../sim/migration-simulation.ts'

const BEN = { ...ADA, id: 'ben@host', name: 'Ben' }

async function reach(sim: MigrationSimulation, phase: MigrationPhase): Promise<void> {
  for (let tries = 0; tries < 200 && sim.state()?.phase !== phase; tries += 1) {
    const view = sim.view()
    const command = view.phase === 'planned' ? 'start' : 'advance'
    const action = view.actions.find((each) => each.command === command)
    if (action && action.blocks.every(({ rule }) => rule === 'typed')) await sim.command(command, { typed: sim.definition.id })
    else await sim.time.advance(1000)
  }
  expect(sim.state()?.phase).toBe(phase)
}

async function opened(options: Parameters<typeof createMigrationSimulation>[0] = {}): Promise<MigrationSimulation> {
  const sim = createMigrationSimulation(options)
  sim.boot()
  await sim.time.advance(1500)
  return sim
}

const sorted = (rows: Iterable<readonly [string, string]>) => [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1))
const entries = (sim: MigrationSimulation) => sim.disk.entries

test('walks from declared to completed: each step under a durable intent, with its outcome, and no row lost', async () => {
  const sim = await opened()
  expect(sim.view()).toMatchObject({ phase: 'planned', next: expect.stringContaining('only declared') })
  await reach(sim, 'completed')
  expect(sorted(sim.database.rows.new ?? [])).toEqual(sorted(sim.database.rows.old))
  const steps = entries(sim).filter(({ action }) => action === 'migration.step')
  expect(steps.every(({ outcome }) => outcome === 'verified')).toBe(true)
  for (const step of steps) {
    const intent = entries(sim).find((entry) => entry.operationId === step.operationId && entry.kind === 'intent')
    expect(intent?.seq, step.summary).toBeLessThan(step.seq)
  }
  // Every change of state in the database has its intent here.
  for (const event of sim.database.rows.events) expect(entries(sim).some((entry) => entry.operationId === event.operationId && entry.kind === 'intent'), event.summary).toBe(true)
  expect(sim.view().actions).toEqual([])
})

describe('roll back', () => {
  test.each(['shadowReads', 'backfilling', 'verifying', 'dualWrites', 'switchingReads', 'switchedWrites', 'tombstoned'] as const)('from %s ends with the structure gone and old whole', async (phase) => {
    const sim = await opened()
    await reach(sim, phase)
    const before = sorted(sim.database.rows.old)
    expect(await sim.command('rollBack')).toMatchObject({ id: sim.definition.id })
    await sim.time.advance(5000)
    expect(sim.state()).toMatchObject({ phase: 'rolledBack', readsPercent: 0, writes: 'old' })
    expect(sim.database.rows.new).toBeNull()
    expect(sorted(sim.database.rows.old)).toEqual(before)
  })

  test('is legal while everything else is blocked, and keeps trying until the locks can be had', async () => {
    const sim = await opened()
    await reach(sim, 'dualWrites')
    sim.database.rows.locked = true
    await sim.command('rollBack')
    await sim.time.advance(60_000)
    expect(sim.state()?.phase).toBe('rollingBack')
    sim.database.rows.locked = false
    await sim.time.advance(20_000)
    expect(sim.state()?.phase).toBe('rolledBack')
  })

  test('puts readers and writers on old at once, and keeps the new structure while a live version needs it', async () => {
    let live = '2.0.0'
    const sim = await opened({ definition: { services: [{ service: 'customers', oldVersions: ['1.*'], newVersions: null }] }, versions: () => [{ service: 'customers', environment: 'green', version: live, as: 'live' }] })
    await reach(sim, 'switchedWrites')
    await sim.command('rollBack')
    await sim.time.advance(30_000)
    expect(sim.state()).toMatchObject({ phase: 'rollingBack', readsPercent: 0, writes: 'old' })
    expect(sim.database.rows.new).not.toBeNull()
    expect(sim.view().next).toContain('roll customers back first')
    live = '1.0.0'
    await sim.time.advance(5000)
    expect(sim.state()?.phase).toBe('rolledBack')
  })

  test('can be started again, as a further attempt', async () => {
    const sim = await opened()
    await reach(sim, 'backfilling')
    await sim.command('rollBack')
    await sim.time.advance(5000)
    await sim.command('start')
    expect(sim.state()).toMatchObject({ phase: 'shadowReads', attempt: 2 })
    await reach(sim, 'completed')
  })

  test('goes on when the journal cannot commit, and so does nothing else', async () => {
    const sim = await opened()
    await reach(sim, 'switchingReads')
    sim.failDisk(true)
    expect(await sim.command('advance')).toMatchObject({ data: { code: 'journalUnavailable' } })
    expect(sim.state()?.phase).toBe('switchingReads')
    await sim.command('rollBack')
    expect(sim.state()).toMatchObject({ phase: 'rollingBack', readsPercent: 0 })
    expect(sim.disk.emergency.length).toBeGreaterThan(0)
    sim.failDisk(false)
    await sim.time.advance(20_000)
    expect(sim.state()?.phase).toBe('rolledBack')
  })
})

describe('interlocks', () => {
  const services = [{ service: 'customers', oldVersions: null, newVersions: ['1.1.0', '2.*'] }]

  test('writes are not switched while a live version cannot read the new shape; cleanup waits also for idle ones and ways back', async () => {
    let versions: { service: string; environment: 'blue' | 'green'; version: string; as: 'live' | 'idle' | 'wayBack' }[] = [{ service: 'customers', environment: 'blue', version: '1.0.0', as: 'live' }]
    const sim = await opened({ definition: { services }, versions: () => versions })
    await reach(sim, 'switchingReads')
    await sim.time.advance(10_000)
    await sim.command('advance')
    await sim.time.advance(10_000)
    expect(sim.state()).toMatchObject({ phase: 'switchingReads', readsPercent: 100 })
    expect(await sim.command('advance')).toMatchObject({ data: { code: 'interlocked', message: 'customers blue 1.0.0 is live and cannot read the new shape.' } })
    expect(entries(sim).at(-1)).toMatchObject({ kind: 'refusal', action: 'migration.advance' })
    versions = [
      { service: 'customers', environment: 'green', version: '2.0.0', as: 'live' },
      { service: 'customers', environment: 'blue', version: '1.0.0', as: 'idle' },
    ]
    await sim.command('advance')
    expect(sim.state()?.phase).toBe('switchedWrites')
    await sim.time.advance(15_000)
    for (const as of ['idle', 'wayBack'] as const) {
      versions = [{ service: 'customers', environment: 'blue', version: '1.0.0', as }]
      expect(await sim.command('advance')).toMatchObject({ data: { code: 'interlocked', message: expect.stringContaining('needs the old shape') } })
    }
    versions = [{ service: 'customers', environment: 'green', version: '2.0.0', as: 'live' }]
    await sim.command('advance')
    expect(sim.state()?.phase).toBe('tombstoned')
  })

  test('what cannot be undone is typed', async () => {
    const sim = await opened()
    await reach(sim, 'tombstoned')
    await sim.time.advance(30_000)
    expect(await sim.command('advance', { typed: 'yes' })).toMatchObject({ data: { message: expect.stringContaining('cannot be undone') } })
    await sim.command('advance', { typed: sim.definition.id })
    expect(sim.state()?.phase).toBe('completed')
  })

  test('gates hold, each with what it saw', async () => {
    const sim = await opened()
    await reach(sim, 'dualWrites')
    sim.database.rows.planted = 3
    await sim.time.advance(15_000)
    expect(await sim.command('advance')).toMatchObject({ data: { code: 'interlocked', message: expect.stringContaining('3') } })
    expect(await sim.act(sim.migrations().repair({ migration: sim.definition.id, ids: 'all', reason: '', operationId: 'op-repair-1' }, ADA))).toEqual({ repaired: 3, left: 0 })
    await sim.time.advance(3000)
    await sim.command('advance')
    expect(sim.state()?.phase).toBe('switchingReads')
  })

  test('an approval is somebody else’s, and is asked for where policy says', async () => {
    const sim = await opened({ definition: { policy: { ...createMigrationSimulation().definition.policy, approvals: { switchReads: 1, switchWrites: 0, drop: 0 } } } })
    await reach(sim, 'dualWrites')
    await sim.time.advance(15_000)
    expect(await sim.command('advance')).toMatchObject({ data: { message: expect.stringContaining('1 missing') } })
    expect(await sim.command('approve')).toMatchObject({ data: { code: 'notAllowed' } })
    await sim.command('approve', { by: BEN })
    await sim.command('advance')
    expect(sim.state()?.phase).toBe('switchingReads')
  })

  test('a viewer may look and do nothing, roll back included', async () => {
    const sim = await opened({ role: () => 'viewer' })
    expect(await sim.command('start')).toMatchObject({ data: { code: 'notAllowed' } })
    expect(sim.state()).toBeNull()
  })
})

test('harm takes readers and writers back by itself, with what decided in the journal', async () => {
  let harm = false
  const failing = { name: 'customers: error ratio', severity: 'fail' as const, verdict: 'fail' as const, why: 'error ratio 4 %, limit 1 %', value: 0.04, baseline: null, against: 'limit' as const, limit: 0.01, requests: 100, statistic: null, closeness: 1, fromAt: 0, toAt: 0, absentSince: null, bothSides: false }
  const sim = await opened({ judge: () => (harm ? [failing] : []) })
  await reach(sim, 'switchedWrites')
  harm = true
  await sim.time.advance(3000)
  expect(sim.state()).toMatchObject({ phase: 'dualWrites', readsPercent: 0, writes: 'old', paused: { why: failing.why } })
  const intent = entries(sim).find(({ action }) => action === 'migration.guard')
  expect(intent).toMatchObject({ kind: 'intent', summary: `Taken back by the guard: ${failing.why}`, evidence: { results: [failing] } })
})

test('pausing stops the backfill and nothing else; resuming goes on where it was', async () => {
  const sim = await opened({ rows: 200 })
  await reach(sim, 'backfilling')
  await sim.time.advance(1000)
  await sim.command('pause')
  await sim.time.advance(500)
  const copied = sim.database.rows.copiedTo
  await sim.time.advance(10_000)
  expect(sim.database.rows.copiedTo).toBe(copied)
  sim.database.write('row-1', 'written meanwhile')
  expect(sim.database.rows.new?.get('row-1')).toBe('written meanwhile')
  await sim.command('resume')
  await sim.time.advance(15_000)
  expect(sim.state()?.phase).toBe('dualWrites')
})

test('the same operation id is the same act, and a decision on an old picture is refused', async () => {
  const sim = await opened()
  await reach(sim, 'dualWrites')
  await sim.time.advance(15_000)
  const revision = sim.state()?.revision ?? 0
  const both = await Promise.all([sim.command('advance', { operationId: 'op-twice-1' }), sim.command('advance', { operationId: 'op-twice-1' })])
  expect(both.every((answer) => answer && !(answer instanceof Fault))).toBe(true)
  expect(sim.state()).toMatchObject({ phase: 'switchingReads', readsPercent: 10 })
  expect(await sim.command('stepBack', { expectedRevision: revision })).toMatchObject({ data: { code: 'staleRevision' } })
})

test('a second console looks on, says who drives, and takes over when the first is gone', async () => {
  const sim = await opened()
  await reach(sim, 'dualWrites')
  const second = sim.boot('console-2', false)
  await sim.time.advance(3000)
  const blocks = (await sim.act(second.get(sim.definition.id)) as MigrationView).actions.find(({ command }) => command === 'rollBack')?.blocks
  expect(blocks).toMatchObject([{ rule: 'drivenElsewhere', reason: 'console-1 drives it.' }])
  sim.database.rows.owner = null
  await sim.command('rollBack')
  await sim.time.advance(5000)
  expect(sim.state()?.phase).toBe('rolledBack')
})

test('what others did in the database is mirrored into the journal once', async () => {
  const sim = await opened()
  await reach(sim, 'dualWrites')
  sim.database.record({ kind: 'repair', summary: 'Repaired customers id 7', operationId: 'elsewhere', by: BEN, evidence: { before: 1, after: 2 } })
  await sim.time.advance(3000)
  await sim.restart(1000)
  await sim.time.advance(3000)
  const mirrored = entries(sim).filter(({ action, summary }) => action === 'migration.event' && summary === 'Repaired customers id 7')
  expect(mirrored).toHaveLength(1)
  expect(mirrored[0]).toMatchObject({ operator: BEN, evidence: { database: 'shop', event: sim.database.rows.events.at(-1)?.id } })
  // Its own acts are there as intents and outcomes already.
  expect(entries(sim).filter(({ action, summary }) => action === 'migration.event' && summary === 'Start dual writes')).toHaveLength(0)
})

test('an answer that was lost after the commit is asked for again, and nothing is done twice', async () => {
  const sim = await opened()
  await reach(sim, 'shadowReads')
  sim.loseCommits(true)
  await reach(sim, 'dualWrites')
  sim.loseCommits(false)
  const operations = sim.database.rows.events.map(({ operationId }) => operationId)
  expect(new Set(operations).size).toBe(operations.length)
})

test('a database that does not answer is shown as unknown, with since when, and everything goes on when it is back', async () => {
  const sim = await opened({ rows: 100 })
  await reach(sim, 'backfilling')
  sim.database.rows.unreachable = true
  await sim.time.advance(10_000)
  expect(sim.view()).toMatchObject({ observed: { kind: 'unknown', why: 'The database does not answer.' } })
  expect(await sim.command('rollBack')).toMatchObject({ data: { code: 'providerUnavailable' } })
  sim.database.rows.unreachable = false
  await sim.time.advance(30_000)
  expect(sim.state()?.phase).toBe('dualWrites')
})

describe('a console that dies', () => {
  test.each(['migration.beforeIntent', 'migration.afterIntent', 'migration.afterStep'])('at %s of any act is followed by one that goes on', async (point) => {
    for (let nth = 1; nth <= 14; nth += 1) {
      const sim = await opened({ seed: nth })
      sim.crashAt(point, nth)
      for (let tries = 0; tries < 300 && sim.state()?.phase !== 'completed'; tries += 1) {
        if (!sim.alive()) {
          await sim.restart(1000)
          await sim.time.advance(1500)
        }
        const view = sim.view()
        const command = view.phase === 'planned' ? 'start' : 'advance'
        const action = view.actions.find((each) => each.command === command)
        if (action && action.blocks.every(({ rule }) => rule === 'typed')) await sim.command(command, { typed: sim.definition.id })
        else await sim.time.advance(1000)
        sim.database.write(`row-${tries % 23}`, `value-${tries}`)
      }
      expect(sim.state()?.phase, `${point} ${nth}`).toBe('completed')
      expect(sim.database.rows.events.map(({ summary }) => summary).filter((summary) => summary === 'Start dual writes')).toHaveLength(1)
    }
  })

  test('at random, many times, under writers: no row lost, nothing without an intent, and roll back always ends', async () => {
    let kills = 0
    const seen = new Set<string>()
    for (let seed = 1; seed <= 25; seed += 1) {
      const sim = await opened({ seed, rows: 60 })
      const control = new Map(sim.database.rows.old)
      const write = (key: string, value: string | null) => {
        sim.database.write(key, value)
        if (value === null) control.delete(key)
        else control.set(key, value)
      }
      for (let turn = 0; turn < 60; turn += 1) {
        const dice = sim.random()
        write(`row-${Math.floor(sim.random() * 70)}`, dice < 0.2 ? null : `turn-${turn}`)
        if (dice < 0.15) {
          kills += 1
          await sim.restart(Math.floor(sim.random() * 3000))
        }
        const commands = (['start', 'advance', 'pause', 'resume', 'stepBack', 'retry'] as const)
        await sim.command(commands[Math.floor(sim.random() * commands.length)] ?? 'advance', { typed: '' })
        if (!sim.alive()) await sim.restart()
        await sim.time.advance(Math.floor(sim.random() * 8000))
        seen.add(sim.state()?.phase ?? 'planned')
      }
      if (sim.state() && sim.state()?.phase !== 'completed') {
        await sim.command('rollBack')
        await sim.time.advance(30_000)
        expect(sim.state()?.phase, `seed ${seed}`).toBe('rolledBack')
        expect(sim.database.rows.new).toBeNull()
      }
      expect(sorted(sim.database.rows.old), `seed ${seed}`).toEqual(sorted(control))
      for (const event of sim.database.rows.events) expect(entries(sim).some((entry) => entry.operationId === event.operationId && entry.kind === 'intent')).toBe(true)
    }
    expect(kills).toBeGreaterThan(100)
    for (const phase of ['shadowReads', 'backfilling', 'dualWrites', 'switchingReads', 'switchedWrites']) expect(seen).toContain(phase)
  })
})

test('what was rehearsed is kept in the journal with its digest, and is what policy may ask for', async () => {
  const policy = { ...createMigrationSimulation().definition.policy, rehearsal: 'required' as const }
  const sim = await opened({ definition: { policy }, rehearsal: 'shop-staging' })
  expect(await sim.command('start')).toMatchObject({ data: { message: 'This SQL was not rehearsed.' } })
  await sim.act(sim.migrations().rehearse(sim.definition.id, ADA, 'op-rehearse-1'))
  expect(entries(sim).find(({ action, kind }) => action === 'migration.rehearse' && kind === 'outcome')).toMatchObject({ outcome: 'verified', after: { digest: 'digest', database: 'shop-staging' } })
  await sim.command('start')
  expect(sim.state()?.phase).toBe('shadowReads')
  expect(sim.view().rehearsal).toMatchObject({ matches: true, steps: [{ step: 'expand', tookMs: 5, ranMs: null }] })
  await reach(sim, 'dualWrites')
  expect(sim.view().rehearsal?.steps[0]?.ranMs).toBeGreaterThan(0)
})
