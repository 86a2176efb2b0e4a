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

async function walked(sample: string, phase: WalkPhase, work: (walk: StepWalk) => Promise<void>, more = ''): Promise<void> {
  const { tables, change } = SAMPLES[sample]!
  const walk = await openStepWalk(server, tables + more, change)
  try {
    await walk.to(phase)
    await work(walk)
  } finally {
    await walk.close()
  }
}

const SAME = `SELECT count(*)::int AS n FROM customers c FULL JOIN people p USING (id) WHERE c.id IS NULL OR p.id IS NULL
  OR (p.first, p.last, p.email, p.visits) IS DISTINCT FROM (split_part(c.full_name, ' ', 1), substr(c.full_name, length(split_part(c.full_name, ' ', 1)) + 2), c.email, c.visits)`

describe.skipIf(why)(`tables on PostgreSQL 15${why ? ` (${why})` : ''}`, () => {
  test.each(['dualWrites', 'switchingReads', 'switchedWrites'] as const)('%s: writes of either side are on both', (phase) =>
    walked('newTable', phase, async ({ sql }) => {
      await sql(`INSERT INTO customers (id, full_name) VALUES (101, 'Ann Lee'), (102, 'Bob Ray')`)
      await sql(`INSERT INTO people (id, first, last, visits) VALUES (103, 'Cy', 'Fox', 1), (104, 'Di', 'Orr', 0)`)
      await sql(`INSERT INTO sb_mig_reads.customers (id, full_name) VALUES (105, 'Ed Poe')`)
      await sql(`UPDATE customers SET full_name = 'Ann Moe', visits = 3 WHERE id = 101`)
      await sql(`UPDATE people SET last = 'Moe' WHERE id IN (102, 103)`)
      await sql(`UPDATE sb_mig_reads.customers SET full_name = 'Ed Moe' WHERE id = 105`)
      await sql('DELETE FROM people WHERE id IN (104, 1)')
      await sql('DELETE FROM customers WHERE id = 2')
      await sql('DELETE FROM sb_mig_reads.customers WHERE id = 3')
      await sql('UPDATE customers SET id = 1101 WHERE id = 101')
      await sql('UPDATE people SET id = 1102 WHERE id = 102')
      await sql(`INSERT INTO customers (id, full_name) VALUES (4, 'x') ON CONFLICT (id) DO UPDATE SET full_name = 'Up Sert'`)
      expect(await sql('SELECT id::int, full_name FROM customers WHERE id < 5 OR id > 100 ORDER BY id')).toEqual([
        { id: 4, full_name: 'Up Sert' },
        { id: 103, full_name: 'Cy Moe' },
        { id: 105, full_name: 'Ed Moe' },
        { id: 1101, full_name: 'Ann Moe' },
        { id: 1102, full_name: 'Bob Moe' },
      ])
      expect(await sql(SAME)).toEqual([{ n: 0 }])
      expect(await sql('SELECT id::int, full_name, visits FROM sb_mig_reads.customers ORDER BY id')).toEqual(await sql('SELECT id::int, full_name, visits FROM customers ORDER BY id'))
      await sql('ALTER TABLE people DISABLE TRIGGER USER; UPDATE people SET visits = 99 WHERE id = 5; ALTER TABLE people ENABLE TRIGGER USER')
      expect(await sql(SAME), 'control: a write past the mirror is seen').toEqual([{ n: 1 }])
    }),
  )

  test('an update of a row the backfill has not copied makes it', () =>
    walked('newTable', 'backfilling', async ({ sql }) => {
      expect(await sql('SELECT count(*)::int AS n FROM people')).toEqual([{ n: 0 }])
      await sql('UPDATE customers SET visits = 1 WHERE id = 7; UPDATE customers SET id = 1008 WHERE id = 8; DELETE FROM customers WHERE id = 9')
      expect(await sql('SELECT id::int, first FROM people ORDER BY id')).toEqual([{ id: 7, first: 'First7' }, { id: 1008, first: 'First8' }])
    }),
  )

  test('after a way back, a client of the old shape is not given a key that a row of the new side has', () =>
    walked('newTable', 'switchedWrites', async (walk) => {
      const { sql } = walk
      await sql(`INSERT INTO people (id, first, last, visits) SELECT n, 'New', 'Row', 0 FROM generate_series(41, 60) n`)
      await expect(sql(`INSERT INTO customers (full_name) VALUES ('Too Early')`), 'control: before the way back').rejects.toThrow(/duplicate key/)
      await walk.step('setWrites', { phase: 'dualWrites', writes: 'old', readsPercent: 0 })
      await sql(`INSERT INTO customers (full_name) VALUES ('After It')`)
      await sql(`INSERT INTO people (id, first, last, visits) VALUES (90, 'New', 'Row', 0)`)
      await walk.collapse()
      expect(await sql(`INSERT INTO customers (full_name) VALUES ('And Last') RETURNING id::int`)).toEqual([{ id: 91 }])
    }),
  )

  test('keys that the server always makes itself are mirrored too', () =>
    walked('newTable', 'dualWrites', async ({ sql }) => {
      await sql(`INSERT INTO people (id, first, last, visits) VALUES (101, 'Ann', 'Lee', 0)`)
      expect(await sql('SELECT full_name FROM customers WHERE id = 101')).toEqual([{ full_name: 'Ann Lee' }])
    }, 'ALTER TABLE customers ALTER COLUMN id SET GENERATED ALWAYS;'))

  test('TRUNCATE of either side empties the other', () =>
    walked('newTable', 'switchedWrites', async ({ sql }) => {
      await sql('TRUNCATE customers')
      expect(await sql('SELECT count(*)::int AS n FROM people')).toEqual([{ n: 0 }])
      await sql(`INSERT INTO people (id, first, last, visits) VALUES (1, 'a', 'b', 0)`)
      expect(await sql('SELECT count(*)::int AS n FROM customers')).toEqual([{ n: 1 }])
      await sql('TRUNCATE people')
      expect(await sql('SELECT count(*)::int AS n FROM customers')).toEqual([{ n: 0 }])
    }),
  )

  test('a foreign key of another table that cascades is mirrored, and a child row keeps its parent', () =>
    walked(
      'newTable',
      'dualWrites',
      async ({ sql }) => {
        await sql('DELETE FROM teams WHERE id = 1')
        expect(await sql(SAME)).toEqual([{ n: 0 }])
        expect(await sql('SELECT count(*)::int AS n FROM people')).toEqual([{ n: 30 }])
      },
      `CREATE TABLE teams (id int PRIMARY KEY); INSERT INTO teams SELECT generate_series(1, 4); ALTER TABLE customers ADD COLUMN team int REFERENCES teams ON DELETE CASCADE; UPDATE customers SET team = 1 + id % 4;`,
    ))

  test("what an application's trigger writes inside a mirrored write is mirrored too", () =>
    walked(
      'newTable',
      'dualWrites',
      async ({ sql }) => {
        await sql(`UPDATE people SET last = 'Moe' WHERE id = 1`)
        expect(await sql('SELECT visits FROM customers WHERE id = 40')).toEqual([{ visits: 1 }])
        expect(await sql(SAME)).toEqual([{ n: 0 }])
      },
      `CREATE FUNCTION count_visit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE customers SET visits = visits + 1 WHERE id = 40 AND NEW.id <> 40; RETURN NULL; END $$;
       CREATE TRIGGER visit AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION count_visit();`,
    ))

  test("what an application's trigger changes in the very row that is mirrored is mirrored back", () =>
    walked(
      'newTable',
      'dualWrites',
      async ({ sql }) => {
        await sql(`UPDATE people SET email = 'NEW@X.ORG' WHERE id = 1`)
        expect(await sql('SELECT c.email AS old, p.email AS new FROM customers c JOIN people p USING (id) WHERE id = 1')).toEqual([{ old: 'new@x.org', new: 'new@x.org' }])
      },
      `CREATE FUNCTION lower_email() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.email := lower(NEW.email); RETURN NEW; END $$;
       CREATE TRIGGER normalize BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION lower_email();`,
    ))

  test('a row the new table refuses is quarantined before the switch, and refused after it', () =>
    walked('newTable', 'dualWrites', async (walk) => {
      const { sql } = walk
      await sql(`INSERT INTO customers (id, full_name) VALUES (101, 'forbidden'), (102, 'Ann Lee')`)
      expect(await sql('SELECT id::int FROM people WHERE id > 100')).toEqual([{ id: 102 }])
      expect(await sql('SELECT unit, key FROM signalbox.quarantine')).toEqual([{ unit: 'public.customers > public.people', key: { id: '101' } }])
      await sql(`UPDATE customers SET full_name = 'Allowed Now' WHERE id = 101`)
      expect(await sql('SELECT first FROM people WHERE id = 101')).toEqual([{ first: 'Allowed' }])
      expect(await sql('SELECT key FROM signalbox.quarantine')).toEqual([])
      await walk.to('switchedWrites')
      await expect(sql(`INSERT INTO customers (id, full_name) VALUES (103, 'forbidden')`)).rejects.toThrow(/first_there/)
      expect(await sql('SELECT id FROM customers WHERE id = 103')).toEqual([])
    }),
  )

  test('a split: one old row is two new ones, and either new one writes its columns back', () =>
    walked('splitTable', 'switchedWrites', async ({ sql }) => {
      await sql(`INSERT INTO users VALUES (101, 'ann', 'High St', 'Bath')`)
      await sql(`UPDATE addresses SET city = 'Leeds' WHERE account_id = 101`)
      await sql(`UPDATE accounts SET login = 'anna' WHERE id = 101`)
      expect(await sql('SELECT login, street, city FROM users WHERE id = 101')).toEqual([{ login: 'anna', street: 'High St', city: 'Leeds' }])
      expect(await sql('SELECT login, street, city FROM sb_mig_reads.users WHERE id = 101')).toEqual([{ login: 'anna', street: 'High St', city: 'Leeds' }])
      await sql('DELETE FROM addresses WHERE account_id = 101')
      expect(await sql('SELECT login, street, city FROM users WHERE id = 101')).toEqual([{ login: 'anna', street: null, city: null }])
      await sql(`INSERT INTO addresses VALUES (101, 'Low St', 'York')`)
      await sql(`INSERT INTO addresses VALUES (102, 'Mid St', 'Hull'); INSERT INTO accounts VALUES (102, 'bob')`)
      expect(await sql('SELECT login, street, city FROM users WHERE id > 100 ORDER BY id')).toEqual([
        { login: 'anna', street: 'Low St', city: 'York' },
        { login: 'bob', street: 'Mid St', city: 'Hull' },
      ])
      await sql('DELETE FROM users WHERE id = 101')
      expect(await sql('SELECT (SELECT count(*)::int FROM accounts WHERE id = 101) + (SELECT count(*)::int FROM addresses WHERE account_id = 101) AS n')).toEqual([{ n: 0 }])
    }),
  )

  test('a merge: the row that fills may come before the one it fills', () =>
    walked('mergeTables', 'dualWrites', async ({ sql }) => {
      await sql(`INSERT INTO profiles VALUES (101, 'early'); INSERT INTO accounts VALUES (101, 'ann')`)
      await sql(`INSERT INTO accounts VALUES (102, 'bob'); INSERT INTO profiles VALUES (102, 'late')`)
      expect(await sql('SELECT id, login, bio FROM members WHERE id > 100 ORDER BY id')).toEqual([
        { id: 101, login: 'ann', bio: 'early' },
        { id: 102, login: 'bob', bio: 'late' },
      ])
      await sql('DELETE FROM profiles WHERE account_id = 101')
      expect(await sql('SELECT bio FROM members WHERE id = 101')).toEqual([{ bio: null }])
    }),
  )

  test('another key: rows follow when the new key changes', () =>
    walked('reKey', 'dualWrites', async ({ sql }) => {
      await sql(`UPDATE items SET code = 'moved' WHERE id = 1; UPDATE items_by_code SET code = 'again' WHERE code = 'c2'; UPDATE items SET id = 103 WHERE id = 3`)
      expect(await sql('SELECT id, code FROM items WHERE id IN (1, 2, 103) ORDER BY id')).toEqual([{ id: 1, code: 'moved' }, { id: 2, code: 'again' }, { id: 103, code: 'c3' }])
      expect(await sql('SELECT old_id, code FROM items_by_code WHERE old_id IN (1, 2, 3, 103) ORDER BY old_id')).toEqual([{ old_id: 1, code: 'moved' }, { old_id: 2, code: 'again' }, { old_id: 103, code: 'c3' }])
    }),
  )

  test('tombstoned: the new table is written, the old one waits aside and is kept equal', () =>
    walked('newTable', 'tombstoned', async (walk) => {
      const { sql } = walk
      await sql(`INSERT INTO people (id, first, last, visits) VALUES (101, 'Ann', 'Lee', 1); UPDATE people SET last = 'Moe' WHERE id = 1`)
      expect(await sql('SELECT full_name FROM sb_gone_mig_customers WHERE id IN (1, 101) ORDER BY id')).toEqual([{ full_name: 'First1 Moe' }, { full_name: 'Ann Lee' }])
      await sql(`UPDATE sb_mig_old.customers SET full_name = 'Old Shape' WHERE id = 2; INSERT INTO sb_mig_reads.customers (id, full_name) VALUES (102, 'By Reads')`)
      expect(await sql('SELECT first FROM people WHERE id IN (2, 102) ORDER BY id')).toEqual([{ first: 'Old' }, { first: 'By' }])
      await walk.step('untombstone', { phase: 'rollingBack', writes: 'old', readsPercent: 0 })
      expect(await sql(SAME)).toEqual([{ n: 0 }])
      expect(await sql('SELECT count(*)::int AS n FROM customers')).toEqual([{ n: 42 }])
    }),
  )
})
