import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Change } from '../../../../contract/migration-definition.ts'
import { serverOrWhy, startServer, type TestServer } from '../../testing/servers.ts'
import { loadReader } from './load-signs.ts'
import { startedMigration, type StartedMigration } from '../testing/started-migration.ts'
import { createWork, type Work } from './work.ts'

const CHANGE: Change = {
  kind: 'columns',
  table: { schema: 'public', table: 'orders' },
  add: [{ name: 'amount', type: 'numeric(12,2)', up: 'amount::numeric(12,2)', notNull: true, default: null, unique: true }],
  replace: [{ name: 'amount', down: 'amount::text' }],
  checks: [{ name: 'positive', expression: 'amount > 0' }],
}
const ORDERS = `CREATE TABLE orders (id int PRIMARY KEY, amount text); INSERT INTO orders SELECT i, i || '.50' FROM generate_series(1, 500) i; CREATE INDEX orders_amount ON orders (amount);`

async function until(come: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await come())) {
    if (Date.now() > deadline) throw new Error('it did not come to that')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const why = serverOrWhy('15')
describe.skipIf(why !== null)(`validating, and what is seen of the server, on PostgreSQL 15${why ? ` (skipped: ${why})` : ''}`, () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer('15', { settings: { wal_level: 'logical' } })
  })
  afterAll(async () => {
    await server.stop()
  })

  async function filled(sql: string): Promise<{ readonly started: StartedMigration; readonly validate: (work?: Work, signal?: AbortSignal) => Promise<'done' | 'stopped'> }> {
    const started = await startedMigration(server, sql, CHANGE)
    const run = (work: Work, name: 'backfill' | 'validate', context = started.context, signal = new AbortController().signal) => work.run({ context, work: name, signal, paused: () => false, foregroundHarm: () => '' })
    await run(createWork(), 'backfill')
    const context = await started.in('verifying')
    return { started, validate: (work = createWork(), signal) => run(work, 'validate', context, signal) }
  }
  const indexes = (started: StartedMigration) => started.sql(`SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'orders'::regclass AND c.relname NOT IN ('orders_pkey', 'orders_amount') ORDER BY 1`)

  it('proves constraints and builds indexes, once', async () => {
    const { started, validate } = await filled(ORDERS)
    expect(await validate()).toBe('done')
    expect(await started.sql(`SELECT count(*)::int AS n, bool_and(convalidated) AS proved FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'c'`)).toEqual([{ n: 2, proved: true }])
    expect(await indexes(started)).toEqual([
      { name: 'orders_amount_unique', valid: true },
      { name: 'sb_mig_orders_amount', valid: true },
    ])
    expect(await validate()).toBe('done')
    await started.close()
  })

  it('waits for an old transaction as long as that takes, says for whom, and then is done', async () => {
    const { started, validate } = await filled(ORDERS)
    const reader = new Client(started.url)
    await reader.connect()
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM orders')
    const work = createWork()
    const running = validate(work)
    await until(() => Promise.resolve(/index \S+ waits for session \d+, whose transaction is \d+ s old/u.test(work.progress('mig')?.waitsFor ?? '')))
    await started.sql(`INSERT INTO orders VALUES (1000, '1000.25')`)
    await reader.query('COMMIT')
    await reader.end()
    expect(await running).toBe('done')
    expect((await indexes(started)).every(({ valid }) => valid === true)).toBe(true)
    await started.close()
  })

  it('takes an index that was left unfinished away, and builds it anew', async () => {
    const { started, validate } = await filled(ORDERS)
    const reader = new Client(started.url)
    await reader.connect()
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM orders')
    const stop = new AbortController()
    const running = validate(createWork(), stop.signal)
    await until(async () => (await indexes(started)).some(({ valid }) => valid === false))
    stop.abort()
    expect(await running).toBe('stopped')
    await reader.query('COMMIT')
    await reader.end()
    expect((await indexes(started)).some(({ valid }) => valid === false)).toBe(true)
    expect(await validate()).toBe('done')
    expect((await indexes(started)).every(({ valid }) => valid === true)).toBe(true)
    await started.close()
  })

  it('says of a constraint and of an index that they cannot be', async () => {
    const double = await filled(`${ORDERS} UPDATE orders SET amount = '7.50' WHERE id = 8;`)
    await expect(double.validate()).rejects.toMatchObject({ code: 'gateFailed', message: expect.stringContaining('values are not unique') as string })
    await double.started.close()
    const negative = await filled(`${ORDERS} UPDATE orders SET amount = '-7.50' WHERE id = 8;`)
    await expect(negative.validate()).rejects.toMatchObject({ code: 'gateFailed', message: expect.stringContaining('does not hold for all rows') as string })
    await negative.started.close()
  })

  it('sees who waits for our locks, what a slot keeps back, and how a probe does', async () => {
    const started = await startedMigration(server, ORDERS, CHANGE)
    const reader = loadReader({ ...started.context.definition, throttle: { ...started.context.definition.throttle, maxProbeMs: 5 } }, 'SELECT pg_sleep(0.01)')
    const look = await started.sessions.dedicated()
    const calm = await reader.read(look.session, Date.now())
    expect(calm).toMatchObject({ lockWaiters: 0, replica: null, walBacklog: expect.objectContaining({ bytes: 0 }) as unknown })
    expect(calm.probeMs).toBeGreaterThanOrEqual(9)
    const holder = await started.sessions.dedicated()
    await holder.session.query('BEGIN; UPDATE orders SET amount = amount WHERE id = 1')
    const waiter = new Client(started.url)
    await waiter.connect()
    const waiting = waiter.query(`UPDATE orders SET amount = '2.00' WHERE id = 1`)
    await until(async () => (await reader.read(look.session, Date.now())).lockWaiters === 1)
    await holder.session.query('ROLLBACK')
    await waiting
    await waiter.end()
    await started.sql(`SELECT pg_create_logical_replication_slot('etl', 'test_decoding')`)
    await started.sql(`INSERT INTO orders SELECT i, repeat('9', 9) FROM generate_series(2000, 9000) i`)
    expect((await reader.read(look.session, Date.now())).walBacklog).toMatchObject({ what: 'slot etl' })
    expect((await reader.read(look.session, Date.now())).walBacklog?.bytes).toBeGreaterThan(100_000)
    await started.sql(`SELECT pg_drop_replication_slot('etl')`)
    await Promise.all([look.end(), holder.end()])
    await started.close()
  })
})
