import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEFAULT_VERIFY, type Change } from '../../../../contract/migration-definition.ts'
import type { MigrationSample } from '../../../../contract/migration.ts'
import { serverOrWhy, startServer, type TestServer } from '../../testing/servers.ts'
import { listMismatches } from './mismatches.ts'
import { repair } from './repair.ts'
import { readVerification } from '../status.ts'
import type { MigrationContext } from '../context.ts'
import { SAMPLES } from '../testing/changes.ts'
import { startedMigration, TESTER } from '../testing/started-migration.ts'
import { watch } from './watch.ts'
import { createWork } from '../copying/work.ts'

const SPLIT: Change = {
  kind: 'columns',
  table: { schema: 'public', table: 'people' },
  add: [
    { name: 'first', type: 'text', up: `split_part(full_name, ' ', 1)`, notNull: false, default: null, unique: false },
    { name: 'last', type: 'text', up: `split_part(full_name, ' ', 2)`, notNull: false, default: null, unique: false },
  ],
  replace: [{ name: 'full_name', down: `first || ' ' || last` }],
  checks: [],
}

const PEOPLE = `CREATE TABLE people (id int PRIMARY KEY, full_name text NOT NULL); INSERT INTO people SELECT i, 'Ada' || i || ' Smith' FROM generate_series(1, 1200) i;`
const BEHIND = (sql: string) => `BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`

/** Watches until `enough` says so, or a deadline passes. */
async function watched(context: MigrationContext, enough: () => Promise<boolean>, paused = () => false): Promise<readonly MigrationSample[]> {
  const stop = new AbortController()
  const samples: MigrationSample[] = []
  const running = watch({ load: () => Promise.resolve(context), signal: stop.signal, paused, onSample: (sample) => samples.push(sample), copying: () => ({ rowsPerSecond: 0, waiting: false }) })
  const deadline = Date.now() + 15_000
  while (!(await enough()) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50))
  stop.abort()
  await running
  return samples
}

const why = serverOrWhy('15')
describe.skipIf(why !== null)(`watching on PostgreSQL 15${why ? ` (skipped: ${why})` : ''}`, () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer('15')
  })
  afterAll(async () => {
    await server.stop()
  })

  async function dualWrites(definition = {}) {
    const started = await startedMigration(server, PEOPLE, SPLIT, { definition })
    await createWork().run({ context: started.context, work: 'backfill', signal: new AbortController().signal, paused: () => false, foregroundHarm: () => '' })
    const context = await started.in('dualWrites')
    const verification = () => started.sessions.use((session) => readVerification(session, 'mig'))
    const mismatches = () => started.sessions.use((session) => listMismatches(session, 'mig', { limit: 100 }))
    return { started, context, verification, mismatches }
  }

  it('re-reads what was written, compares reads and passes, and finds nothing under writers', async () => {
    const { started, context, verification } = await dualWrites()
    let writing = true
    const writer = (async () => {
      for (let i = 1; writing; i = (i % 1200) + 1) await started.sql(`UPDATE people SET full_name = 'Bo${i} Jones' WHERE id = ${i}`)
    })()
    const samples = await watched(context, async () => {
      const { reads, written, lastPass } = await verification()
      return reads.same >= 20 && written.checked >= 50 && lastPass !== null
    })
    writing = false
    await writer
    const seen = await verification()
    expect(seen.reads).toMatchObject({ different: 0, unverifiable: 0 })
    expect(seen.reads.same).toBeGreaterThanOrEqual(20)
    expect(seen.reads.oldP50Ms).toBeGreaterThan(0)
    expect(seen.written.checked).toBeGreaterThanOrEqual(50)
    expect(seen.lastPass).toMatchObject({ mismatches: 0 })
    expect(Object.values(seen.open).reduce((a, b) => a + b, 0)).toBe(0)
    expect(samples.length).toBeGreaterThanOrEqual(1)
    expect(samples.at(-1)).toMatchObject({ openMismatches: 0, lockWaitMs: 0 })
    await started.close()
  })

  it('finds a row written past the mirror, repairs it with before and after, and counts the hole', async () => {
    const { started, context, verification, mismatches } = await dualWrites()
    await started.sql(BEHIND(`UPDATE people SET first = 'Wrong' WHERE id = 77`))
    await watched(context, async () => (await verification()).open.differs === 1)
    const [found] = await mismatches()
    expect(found).toMatchObject({ class: 'differs', key: { id: '77' }, columns: ['first'], old: { full_name: 'Ada77 Smith' }, new: { first: 'Wrong', last: 'Smith' }, status: 'open' })
    expect(found?.detail).toContain(`first is 'Wrong' and should be 'Ada77'`)
    expect(await repair({ context, ids: 'all', by: TESTER, operationId: 'op-1' })).toEqual({ repaired: 1, left: 0 })
    expect(await started.sql('SELECT first FROM people WHERE id = 77')).toEqual([{ first: 'Ada77' }])
    expect((await mismatches())[0]).toMatchObject({ status: 'repaired', repair: '' })
    expect(await started.sql(`SELECT evidence->'before'->>'first' AS before, evidence->'after'->>'first' AS after FROM signalbox.events WHERE kind = 'repair'`)).toEqual([{ before: 'Wrong', after: 'Ada77' }])
    expect((await verification()).repairsAfterBackfill).toBe(1)
    await started.close()
  })

  it('finds the row that a delete could not see, since its transaction is older than the copy, and repairs it', async () => {
    const sample = SAMPLES['newTable']
    if (!sample) throw new Error('no sample')
    const started = await startedMigration(server, sample.tables, sample.change)
    const backfill = () => createWork().run({ context: started.context, work: 'backfill', signal: new AbortController().signal, paused: () => false, foregroundHarm: () => '' })
    const clients = [new Client(started.url), new Client(started.url)] as const
    for (const client of clients) await client.connect()
    const [older, other] = clients
    await older.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM customers')
    await backfill()
    await older.query('DELETE FROM customers WHERE id = 3; COMMIT')
    // The control: a transaction that sees the copy takes it along.
    await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ; DELETE FROM customers WHERE id = 4; COMMIT')
    expect(await started.sql('SELECT id::int FROM people WHERE id IN (3, 4)')).toEqual([{ id: 3 }])
    const context = await started.in('dualWrites')
    const mismatches = () => started.sessions.use((session) => listMismatches(session, 'mig', { limit: 100 }))
    await watched(context, async () => (await mismatches()).length > 0)
    expect(await mismatches()).toMatchObject([{ class: 'extra', key: { id: '3' }, foundBy: 'writtenKey', status: 'open' }])
    expect(await repair({ context, ids: 'all', by: TESTER, operationId: 'op-1' })).toEqual({ repaired: 1, left: 0 })
    expect(await started.sql('SELECT id FROM people WHERE id = 3')).toEqual([])
    for (const client of clients) await client.end()
    await started.close()
  })

  it('lowers the share of written keys when more come than may be read, shows it, and keeps up', async () => {
    const { started, context, verification } = await dualWrites({ verify: { ...DEFAULT_VERIFY, writtenKeysPerSecond: 40, readsPerSecond: 0 } })
    let writing = true
    const writer = (async () => {
      for (let i = 0; writing; i += 1) await started.sql(`UPDATE people SET full_name = 'Cy ${i}' WHERE id BETWEEN ${(i * 50) % 1200} AND ${((i * 50) % 1200) + 50}`)
    })()
    await watched(context, async () => (await verification()).written.sampledShare < 0.5)
    const lowered = await verification()
    expect(lowered.written.sampledShare).toBeLessThan(0.5)
    expect(lowered.written.sampledShare).toBeGreaterThanOrEqual(8 / 1024)
    writing = false
    await writer
    await watched(context, async () => (await verification()).written.sampledShare > lowered.written.sampledShare)
    expect((await verification()).written.sampledShare).toBeGreaterThan(lowered.written.sampledShare)
    expect((await verification()).open.differs).toBe(0)
    await started.close()
  })

  it('asks questions of the operator of both shapes, and settles those that are answered alike again', async () => {
    const queries = [
      { name: 'same', old: 'SELECT upper(full_name) FROM people WHERE id = $1', new: `SELECT upper(first || ' ' || last) FROM people WHERE id = $1` },
      { name: 'wrong', old: 'SELECT full_name FROM people WHERE id = $1', new: 'SELECT last FROM people WHERE id = $1' },
      { name: 'broken', old: 'SELECT full_name FROM people WHERE id = $1', new: 'SELECT nothing FROM people WHERE id = $1' },
    ]
    const { started, context, verification, mismatches } = await dualWrites({ verify: { ...DEFAULT_VERIFY, readsPerSecond: 200, queries } })
    await watched(context, async () => (await verification()).reads.different > 0 && (await verification()).reads.unverifiable > 0)
    const found = await mismatches()
    expect(found.some(({ table }) => table === 'query same')).toBe(false)
    expect(found.find(({ table }) => table === 'query wrong')).toMatchObject({ class: 'differs', foundBy: 'sample', status: 'open' })
    expect(found.find(({ class: kind }) => kind === 'unverifiable')?.detail).toContain('nothing')
    await started.close()
  })

  it('stands still while paused, but for what is written', async () => {
    const { started, context, verification, mismatches } = await dualWrites()
    await watched(
      context,
      async () => {
        await started.sql(`UPDATE people SET full_name = 'Di Fox' WHERE id = 5`)
        return (await verification()).written.checked > 3
      },
      () => true,
    )
    const seen = await verification()
    expect(seen).toMatchObject({ lastPass: null, reads: { same: 0, different: 0 } })
    expect(seen.written.checked).toBeGreaterThan(3)
    expect(await mismatches()).toEqual([])
    await started.close()
  })
})
