import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from 'pg'
import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY } from '../../../contract/migration-definition.ts'
import type { Change, MigrationDefinition } from '../../../contract/migration-definition.ts'
import type { MigrationTarget } from '../../../core/migration/ports.ts'
import { serverOrWhy, sharedServer } from '../testing/servers.ts'
import type { TestServer } from '../testing/servers.ts'
import { openRehearsalObserver } from './rehearsal-observer.ts'
import { rehearse } from './rehearsal.ts'
import type { RehearsedStep } from './rehearsal.ts'
import { openMigrationTarget } from './target.ts'

const CUSTOMERS = `
CREATE TABLE customers (id bigint PRIMARY KEY, full_name text NOT NULL, amount text, email text UNIQUE);
CREATE INDEX customers_name ON customers (full_name);
CREATE VIEW named AS SELECT id, email FROM customers;
INSERT INTO customers SELECT g, 'first' || g || ' last' || g, g::text, 'a' || g || '@x.com' FROM generate_series(1, 3000) g;`

const split: Change = {
  kind: 'columns',
  table: { schema: 'public', table: 'customers' },
  add: [
    { name: 'first_name', type: 'text', up: `split_part(full_name, ' ', 1)`, notNull: true, default: null, unique: false },
    { name: 'last_name', type: 'text', up: `split_part(full_name, ' ', 2)`, notNull: true, default: null, unique: false },
  ],
  replace: [{ name: 'full_name', down: `first_name || ' ' || last_name` }],
  checks: [],
}
const number: Change = {
  kind: 'columns',
  table: { schema: 'public', table: 'customers' },
  add: [{ name: 'amount', type: 'numeric(12,0)', up: 'amount::numeric(12,0)', notNull: false, default: null, unique: false }],
  replace: [{ name: 'amount', down: 'amount::text' }],
  checks: [],
}

const beside: Change = {
  kind: 'tables',
  old: [{ schema: 'public', table: 'customers' }],
  new: [{ name: { schema: 'public', table: 'contacts' }, columns: [{ name: 'customer', type: 'bigint', notNull: true, default: null }, { name: 'email', type: 'text', notNull: false, default: null }], primaryKey: ['customer'], unique: [], checks: [] }],
  up: [{ from: { schema: 'public', table: 'customers' }, to: { schema: 'public', table: 'contacts' }, key: [{ column: 'customer', expression: 'id' }], set: [{ column: 'email', expression: 'email' }], existence: true }],
  down: [{ from: { schema: 'public', table: 'contacts' }, to: { schema: 'public', table: 'customers' }, key: [{ column: 'id', expression: 'customer' }], set: [{ column: 'email', expression: 'email' }], existence: false }],
  dropOld: false,
}

const definitionOf = (change: Change): MigrationDefinition => ({ id: 'mig', title: '', database: 'prod', change, entity: [], services: [], verify: { ...DEFAULT_VERIFY, chunkRows: 500 }, throttle: { ...DEFAULT_THROTTLE, niceRatio: 0 }, policy: { ...DEFAULT_POLICY, readSteps: [10, 100] } })

const why = serverOrWhy('15')

describe.skipIf(why !== null)(`rehearsing${why === null ? '' : ` (skipped: ${why})`}`, () => {
  let server: TestServer
  const targets: MigrationTarget[] = []
  let databases = 0
  beforeAll(async () => {
    server = await sharedServer('15')
  })
  afterAll(() => Promise.all(targets.map((target) => target.close())))

  async function staging(change: Change) {
    databases += 1
    const database = `rehearsal_${databases}`
    const url = await server.createDatabase(database)
    await server.sql(CUSTOMERS, database)
    const opened = openMigrationTarget({ database, url: () => Promise.resolve(url), consoleName: 'test' })
    targets.push(opened)
    return { database, url, target: opened, definition: definitionOf(change), observer: openRehearsalObserver({ database, url }), sql: (text: string) => server.sql(text, database) }
  }
  /** The walk must also meet what a preflight would have stopped. */
  function unlooked(opened: MigrationTarget): MigrationTarget {
    return { ...opened, preflight: async () => ({ at: 0, tookMs: 0, ok: true, checks: [], rows: [], rowsScanned: 0, digest: 'a'.repeat(64) }) }
  }

  it.each([
    ['split columns', split],
    ['type change in place', number],
    ['a table beside', beside],
  ] as const)('runs every phase and way back and leaves structure and rows as they were: %s', async (_name, change) => {
    const { target, definition, observer, sql } = await staging(change)
    const rows = await sql('SELECT md5(string_agg(c::text, chr(10) ORDER BY id)) AS digest FROM customers c')
    const steps: RehearsedStep[] = []
    const report = await rehearse(target, definition, { observer, onStep: (step) => steps.push(step) })
    expect(report).toMatchObject({ catalogSame: true, catalogDifference: [], mismatches: {}, rows: 3000 })
    expect(report.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(report.steps).toEqual(steps)
    expect(report.steps.map(({ step }) => step).join(' ')).toBe(
      'createShadow shadowScan expand backfill validate fullPass setReads setReads setWrites fullPass tombstone untombstone setWrites setReads fullPass setReads setReads setWrites setWrites collapse',
    )
    for (const step of report.steps) if (step.attempts !== null) expect(step.sql.length).toBeGreaterThan(10)
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    expect(report.summary).toContain('structure exactly as before')
    expect(await sql('SELECT md5(string_agg(c::text, chr(10) ORDER BY id)) AS digest FROM customers c')).toEqual(rows)
    expect((await target.read('mig'))?.state.phase).toBe('rolledBack')
    // Once more, as is done after each change of the definition.
    expect((await rehearse(target, definition, { observer })).digest).toBe(report.digest)
    await observer.close()
  })

  it('sees which locks were taken, and how long others waited for them', async () => {
    const { target, definition, observer, url } = await staging(split)
    const reader = new Client({ connectionString: url })
    reader.on('error', () => {})
    await reader.connect()
    let going = true
    const reading = (async () => {
      while (going) await reader.query('BEGIN; SELECT count(*) FROM customers; SELECT pg_sleep(0.01); COMMIT')
    })()
    const report = await rehearse(target, definition, { observer })
    going = false
    await reading
    await reader.end()
    const backfill = report.steps.find(({ step }) => step === 'backfill')
    expect(backfill?.locks?.looks).toBeGreaterThan(0)
    expect(report.steps.flatMap(({ locks }) => locks?.tables ?? []).map(({ table }) => table)).toContain('public.customers')
    for (const { locks } of report.steps) expect(locks?.othersWaitedMs ?? 0).toBeLessThan(1000)
    await observer.close()
  })

  it('rolls back and says what was found when rows do not fit', async () => {
    const { target, definition, observer, sql } = await staging(number)
    await sql(`UPDATE customers SET amount = 'many' WHERE id = 7`)
    const before = await observer.catalog()
    await expect(rehearse(target, definition, { observer })).rejects.toMatchObject({ code: 'gateFailed', message: expect.stringContaining('preflight') })
    expect(await target.read('mig')).toBeNull()
    await expect(rehearse(unlooked(target), definition, { observer })).rejects.toMatchObject({ code: 'gateFailed', message: expect.stringMatching(/1 rejected/) })
    expect(await observer.catalog()).toEqual(before)
    expect((await target.read('mig'))?.state.phase).toBe('rolledBack')
    await observer.close()
  })

  it('refuses where the migration is under way, and tells a structure that was changed meanwhile', async () => {
    const { target, definition, observer, sql } = await staging(split)
    const meddling = async ({ step }: RehearsedStep) => {
      if (step === 'backfill') await sql('CREATE TABLE left_over (id int)')
    }
    const pending: Promise<void>[] = []
    await expect(rehearse(target, definition, { observer, onStep: (step) => pending.push(meddling(step)) })).rejects.toMatchObject({ code: 'gateFailed', message: expect.stringContaining('left_over') })
    await Promise.all(pending)
    await sql(`UPDATE signalbox.migrations SET state = jsonb_set(state, '{phase}', '"dualWrites"')`)
    await expect(rehearse(target, definition, { observer })).rejects.toMatchObject({ code: 'interlocked' })
    await observer.close()
  })
})
