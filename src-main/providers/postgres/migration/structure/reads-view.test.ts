import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serverOrWhy, startServer } from '../../testing/servers.ts'
import type { TestServer } from '../../testing/servers.ts'
import { SAMPLES } from '../testing/changes.ts'
import { openStepWalk } from '../testing/step-walk.ts'
import type { StepWalk, WalkPhase } from '../testing/step-walk.ts'

const why = serverOrWhy('15')
let server: TestServer
beforeAll(async () => {
  if (why === null) server = await startServer('15')
})
afterAll(() => server?.stop())

async function walked(sample: string, phase: WalkPhase, work: (walk: StepWalk, client: (role?: string) => Promise<Client>) => Promise<void>, more = ''): Promise<void> {
  const { tables, change } = SAMPLES[sample]!
  const walk = await openStepWalk(server, tables + more, change)
  const clients: Client[] = []
  try {
    await walk.to(phase)
    await work(walk, async (role) => {
      const client = new Client({ connectionString: walk.url })
      clients.push(client)
      await client.connect()
      await client.query('SET search_path = sb_mig_reads, public')
      if (role !== undefined) await client.query(`SET ROLE ${role}`)
      return client
    })
  } finally {
    await Promise.all(clients.map((client) => client.end()))
    await walk.close()
  }
}

const waitsForLock = async ({ sql }: StepWalk) => {
  for (let i = 0; i < 400; i++) {
    if ((await sql(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)).length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('nobody waited for a lock')
}

describe.skipIf(why)(`sticky reads on PostgreSQL 15${why ? ` (${why})` : ''}`, () => {
  test.each([
    ['split', 'customers', 'full_name', `UPDATE customers SET first = 'Marked', last = '' WHERE id <= 40`],
    ['newTable', 'customers', 'full_name', `UPDATE people SET first = 'Marked', last = '' WHERE id <= 40`],
  ] as const)('%s: the declared share of entities reads the new side, the same ones each time, and more of them as it grows', (sample, table, column, mark) =>
    walked(sample, 'dualWrites', async (walk, connect) => {
      // The two sides are made to differ past the mirror, so that it can be told which one was read.
      await walk.sql(`SET session_replication_role = replica; ${mark}`)
      const client = await connect()
      const seen = async () => (await client.query<{ id: string }>(`SELECT id FROM ${table} WHERE ${column} = 'Marked' ORDER BY id`)).rows.map(({ id }) => id)
      const shares: string[][] = []
      for (const readsPercent of [0, 25, 60, 100]) {
        await walk.step('setReads', { phase: 'switchingReads', readsPercent })
        shares.push(await seen())
        expect(await seen()).toEqual(shares.at(-1))
        const asked = await walk.sql(`SELECT id FROM ${table} WHERE signalbox.reads_new('mig', id::text) ORDER BY id`)
        expect(asked.map(({ id }) => String(id)), 'code that asks gets the same answer').toEqual(shares.at(-1)!.toSorted((a, b) => Number(a) - Number(b)))
      }
      const [none, quarter, more, all] = shares
      expect(none).toEqual([])
      expect(quarter!.length).toBeGreaterThan(2)
      expect(quarter!.length).toBeLessThan(20)
      expect(more).toEqual(expect.arrayContaining(quarter!))
      expect(more!.length).toBeLessThan(40)
      expect(all).toHaveLength(40)
    }),
  )

  test.each([
    ['split', 'dualWrites'],
    ['newTable', 'dualWrites'],
    ['split', 'tombstoned'],
    ['newTable', 'tombstoned'],
  ] as const)('%s, %s: insert, update and delete with RETURNING, defaults and generated keys as on the table itself', (sample, phase) =>
    walked(sample, phase, async (_walk, connect) => {
      const client = await connect()
      const inserted = await client.query(`INSERT INTO customers (email) VALUES ('a@x.org'), ('b@x.org') RETURNING id::int, full_name, email, visits`)
      expect(inserted.rows).toEqual([
        { id: expect.any(Number), full_name: '', email: 'a@x.org', visits: 0 },
        { id: expect.any(Number), full_name: '', email: 'b@x.org', visits: 0 },
      ])
      const updated = await client.query(`UPDATE customers SET full_name = 'Re Turned', visits = visits + 2 WHERE email = 'a@x.org' RETURNING full_name, visits`)
      expect(updated.rows).toEqual([{ full_name: 'Re Turned', visits: 2 }])
      expect((await client.query(`UPDATE customers SET visits = 1 WHERE email = 'nobody'`)).rowCount).toBe(0)
      expect((await client.query(`DELETE FROM customers WHERE email LIKE '_@x.org' RETURNING email`)).rowCount).toBe(2)
    }, sample === 'newTable' ? `SELECT setval(pg_get_serial_sequence('customers', 'id'), 1000);` : `SELECT setval(pg_get_serial_sequence('customers', 'id'), 1000);`),
  )

  test('a write over what another transaction changed meanwhile is refused, not lost', () =>
    walked('split', 'switchingReads', async (walk, connect) => {
      const [one, two] = [await connect(), await connect()]
      await one.query('BEGIN; UPDATE customers SET visits = visits + 1 WHERE id = 1')
      const second = two.query('UPDATE customers SET visits = visits + 1 WHERE id = 1').then(
        () => 'written',
        (error: { code?: string }) => error.code,
      )
      await waitsForLock(walk)
      await one.query('COMMIT')
      expect(await second).toBe('40001')
      await two.query('UPDATE customers SET visits = visits + 1 WHERE id = 1')
      expect(await walk.sql('SELECT visits FROM customers WHERE id = 1')).toEqual([{ visits: 2 }])
      await two.query('BEGIN; UPDATE customers SET visits = visits + 1 WHERE id = 1; UPDATE customers SET visits = visits + 1 WHERE id = 1; COMMIT')
      expect(await walk.sql('SELECT visits FROM customers WHERE id = 1'), 'its own earlier write is no other').toEqual([{ visits: 4 }])
    }),
  )

  test('a role that may only use the old table may do the same through all views, and nothing more', () =>
    walked('split', 'switchedWrites', async (walk, connect) => {
      const writer = await connect('shop_writer')
      await writer.query(`INSERT INTO customers (id, full_name) VALUES (501, 'Low Rights')`)
      await writer.query(`INSERT INTO sb_mig_new.customers (id, first, last) VALUES (502, 'New', 'Shape')`)
      await writer.query(`UPDATE sb_mig_old.customers SET full_name = 'Old Shape' WHERE id = 502`)
      await writer.query(`UPDATE customers SET full_name = 'By Reads' WHERE id = 501`)
      await expect(writer.query('DELETE FROM customers WHERE id = 501')).rejects.toThrow(/permission denied/)
      await expect(writer.query('SELECT * FROM signalbox.migrations')).rejects.toThrow(/permission denied/)
      const reader = await connect('shop_reader')
      expect((await reader.query('SELECT full_name FROM customers WHERE id IN (501, 502) ORDER BY id')).rows).toEqual([{ full_name: 'By Reads' }, { full_name: 'Old Shape' }])
      await expect(reader.query(`UPDATE customers SET full_name = 'x' WHERE id = 501`)).rejects.toThrow(/permission denied/)
      expect(await walk.sql('SELECT first, last FROM customers WHERE id IN (501, 502) ORDER BY id')).toEqual([{ first: 'By', last: 'Reads' }, { first: 'Old', last: 'Shape' }])
    }, `DO $$ BEGIN CREATE ROLE shop_writer; CREATE ROLE shop_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$; GRANT SELECT, INSERT, UPDATE ON customers TO shop_writer; GRANT SELECT (id, full_name, email, visits) ON customers TO shop_reader;`))

  test('rows that policies hide from a role stay hidden through every view', () =>
    walked('split', 'switchingReads', async (_walk, connect) => {
      const tenant = await connect('one_tenant')
      for (const schema of ['public', 'sb_mig_old', 'sb_mig_new', 'sb_mig_reads']) expect((await tenant.query(`SELECT count(*)::int AS n FROM ${schema}.customers`)).rows).toEqual([{ n: 5 }])
    }, `DO $$ BEGIN CREATE ROLE one_tenant; EXCEPTION WHEN duplicate_object THEN NULL; END $$; GRANT SELECT ON customers TO one_tenant; ALTER TABLE customers ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON customers USING (id <= 5);`))
})
