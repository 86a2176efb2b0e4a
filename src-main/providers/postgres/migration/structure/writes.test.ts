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

async function walked(sample: string, phase: WalkPhase, work: (walk: StepWalk) => Promise<void>, before = ''): Promise<void> {
  const { tables, change } = SAMPLES[sample]!
  const walk = await openStepWalk(server, tables + before, change)
  try {
    await walk.to(phase)
    await work(walk)
  } finally {
    await walk.close()
  }
}

const DUAL = ['backfilling', 'dualWrites', 'switchingReads', 'switchedWrites'] as const

describe.skipIf(why)(`columns on PostgreSQL 15${why ? ` (${why})` : ''}`, () => {
  test.each(DUAL)('%s: a write of either shape is seen in both, through every schema', (phase) =>
    walked('split', phase, async ({ sql }) => {
      await sql(`INSERT INTO customers (id, full_name) VALUES (101, 'Ann Lee')`)
      await sql(`INSERT INTO sb_mig_old.customers (id, full_name) VALUES (102, 'Bob Ray')`)
      await sql(`INSERT INTO sb_mig_new.customers (id, first, last) VALUES (103, 'Cy', 'Fox')`)
      await sql(`INSERT INTO sb_mig_reads.customers (id, full_name) VALUES (104, 'Di Orr')`)
      await sql(`INSERT INTO customers (id, first, last) VALUES (105, 'Ed', '')`)
      expect(await sql('SELECT id::int, full_name, first, last FROM customers WHERE id > 100 ORDER BY id')).toEqual([
        { id: 101, full_name: 'Ann Lee', first: 'Ann', last: 'Lee' },
        { id: 102, full_name: 'Bob Ray', first: 'Bob', last: 'Ray' },
        { id: 103, full_name: 'Cy Fox', first: 'Cy', last: 'Fox' },
        { id: 104, full_name: 'Di Orr', first: 'Di', last: 'Orr' },
        { id: 105, full_name: 'Ed', first: 'Ed', last: '' },
      ])
      await sql(`UPDATE customers SET full_name = 'Ann Moe' WHERE id = 101`)
      await sql(`UPDATE sb_mig_new.customers SET last = 'Moe' WHERE id = 102`)
      await sql(`UPDATE sb_mig_old.customers SET full_name = 'Cy Moe' WHERE id = 103`)
      await sql(`UPDATE sb_mig_reads.customers SET full_name = 'Di Moe', visits = 7 WHERE id = 104`)
      expect(await sql('SELECT full_name, last FROM customers WHERE id BETWEEN 101 AND 104 ORDER BY id')).toEqual(['Ann Moe', 'Bob Moe', 'Cy Moe', 'Di Moe'].map((full_name) => ({ full_name, last: 'Moe' })))
      expect(await sql('SELECT id::int, full_name FROM sb_mig_reads.customers WHERE id > 100 ORDER BY id')).toEqual(await sql('SELECT id::int, full_name FROM customers WHERE id > 100 ORDER BY id'))
      await sql('DELETE FROM sb_mig_reads.customers WHERE id = 104')
      await sql('DELETE FROM sb_mig_new.customers WHERE id = 103')
      expect(await sql('SELECT id::int FROM customers WHERE id > 100 ORDER BY id')).toEqual([{ id: 101 }, { id: 102 }, { id: 105 }])
    }),
  )

  test('tombstoned: the new shape under the old name, the old one still through its schema', () =>
    walked('split', 'tombstoned', async ({ sql }) => {
      await sql(`INSERT INTO customers (id, first, last) VALUES (101, 'Ann', 'Lee')`)
      await sql(`INSERT INTO sb_mig_old.customers (id, full_name) VALUES (102, 'Bob Ray')`)
      await sql(`INSERT INTO sb_mig_reads.customers (id, full_name) VALUES (103, 'Cy Fox')`)
      await sql(`UPDATE sb_mig_old.customers SET full_name = 'Ann Moe' WHERE id = 101`)
      expect(await sql('SELECT id::int, first, last, sb_gone_mig_full_name AS gone FROM customers WHERE id > 100 ORDER BY id')).toEqual([
        { id: 101, first: 'Ann', last: 'Moe', gone: 'Ann Moe' },
        { id: 102, first: 'Bob', last: 'Ray', gone: 'Bob Ray' },
        { id: 103, first: 'Cy', last: 'Fox', gone: 'Cy Fox' },
      ])
      await expect(sql(`UPDATE customers SET first = NULL WHERE id = 101`)).rejects.toThrow(/not-null/)
    }),
  )

  test('a type change in place keeps both columns equal under the name they share', () =>
    walked('textToNumeric', 'switchedWrites', async (walk) => {
      const { sql } = walk
      await sql(`INSERT INTO orders (id, part, amount) VALUES (101, 1, '12.50'), (102, 1, '3')`)
      await sql(`INSERT INTO sb_mig_new.orders (id, part, amount) VALUES (103, 1, 7.25)`)
      await sql('UPDATE sb_mig_new.orders SET amount = amount + 1 WHERE id = 101')
      const rows = [
        { id: 101, old: '13.50', new: '13.50' },
        { id: 102, old: '3', new: '3.00' },
        { id: 103, old: '7.25', new: '7.25' },
      ]
      expect(await sql('SELECT id, amount AS old, sb_mig_amount::text AS new FROM orders WHERE id > 100 ORDER BY id')).toEqual(rows)
      await walk.to('tombstoned')
      await sql('UPDATE orders SET amount = 14 WHERE id = 101')
      expect(await sql('SELECT amount::text AS new, sb_gone_mig_amount AS old FROM orders WHERE id = 101')).toEqual([{ new: '14.00', old: '14.00' }])
      await walk.to('completed')
      expect(await sql('SELECT amount::text AS amount FROM orders WHERE id > 100 ORDER BY id')).toEqual([{ amount: '14.00' }, { amount: '3.00' }, { amount: '7.25' }])
    }),
  )

  test('a row that was not filled yet is filled by any write, a change of its key among them', () =>
    walked('split', 'backfilling', async ({ sql }) => {
      expect(await sql('SELECT first FROM customers WHERE id IN (1, 2, 3)'), 'control: not filled').toEqual([{ first: null }, { first: null }, { first: null }])
      await sql('UPDATE customers SET visits = 5 WHERE id = 1')
      await sql('UPDATE customers SET id = 1002 WHERE id = 2')
      expect(await sql('SELECT id::int, first, last FROM customers WHERE id IN (1, 1002, 3) ORDER BY id')).toEqual([
        { id: 1, first: 'First1', last: 'Last1' },
        { id: 3, first: null, last: null },
        { id: 1002, first: 'First2', last: 'Last2' },
      ])
    }),
  )

  test('one of several new columns of a row that was not filled yet: the others come from the old side', () =>
    walked('split', 'backfilling', async ({ sql }) => {
      await sql(`UPDATE customers SET last = 'Moe' WHERE id = 1; UPDATE sb_mig_new.customers SET first = 'Ann' WHERE id = 2`)
      expect(await sql('SELECT full_name, first, last FROM customers WHERE id < 3 ORDER BY id')).toEqual([
        { full_name: 'First1 Moe', first: 'First1', last: 'Moe' },
        { full_name: 'Ann Last2', first: 'Ann', last: 'Last2' },
      ])
    }),
  )

  test('tombstoned: a default of the new column is no value that a client of the old shape gave', () =>
    walked('textToNumeric', 'tombstoned', async ({ sql }) => {
      await sql(`INSERT INTO sb_mig_old.orders (id, part, amount) VALUES (101, 1, '427.57'); INSERT INTO sb_mig_reads.orders (id, part, amount) VALUES (102, 1, '3.20')`)
      await sql(`INSERT INTO orders (id, part) VALUES (103, 1); INSERT INTO orders (id, part, amount) VALUES (104, 1, 0), (105, 1, 9)`)
      expect(await sql('SELECT id, amount::text AS new, sb_gone_mig_amount AS old FROM orders WHERE id > 100 ORDER BY id')).toEqual([
        { id: 101, new: '427.57', old: '427.57' },
        { id: 102, new: '3.20', old: '3.20' },
        { id: 103, new: '0.00', old: '0.00' },
        { id: 104, new: '0.00', old: '0.00' },
        { id: 105, new: '9.00', old: '9.00' },
      ])
      expect(await sql('SELECT class FROM signalbox.mismatches')).toEqual([])
    }),
  )

  test('what a client of the new shape wrote stays as it wrote it when another column changes', () =>
    walked('split', 'dualWrites', async ({ sql }) => {
      await sql(`UPDATE sb_mig_new.customers SET first = 'Ann Mary', last = 'Lee' WHERE id = 1`)
      await sql('UPDATE customers SET visits = 9 WHERE id = 1')
      expect(await sql('SELECT full_name, first, last FROM customers WHERE id = 1')).toEqual([{ full_name: 'Ann Mary Lee', first: 'Ann Mary', last: 'Lee' }])
    }),
  )

  test.each([
    ['dualWrites', 'New Old', 'New', 'Old'],
    ['switchedWrites', 'Other Side', 'Other', 'Side'],
  ] as const)('%s: both sides written by one statement and disagreeing is a conflict, and authority decides', (phase, full, first, last) =>
    walked('split', phase, async ({ sql }) => {
      await sql(`UPDATE customers SET full_name = 'Same Same', first = 'Same', last = 'Same' WHERE id = 2`)
      expect(await sql('SELECT class FROM signalbox.mismatches'), 'control: agreeing is none').toEqual([])
      await sql(`UPDATE customers SET full_name = 'New Old', first = 'Other', last = 'Side' WHERE id = 1`)
      expect(await sql('SELECT full_name, first, last FROM customers WHERE id = 1')).toEqual([{ full_name: full, first, last }])
      expect(await sql(`SELECT class, key, old_row, new_row->>'first' AS first FROM signalbox.mismatches`)).toEqual([{ class: 'conflict', key: { id: '1' }, old_row: { full_name: 'New Old' }, first: 'Other' }])
    }),
  )

  test('while old is authoritative a value the new side cannot take goes to quarantine, and the write goes on', () =>
    walked('textToNumeric', 'dualWrites', async (walk) => {
      const { sql } = walk
      await sql(`INSERT INTO orders (id, part, amount) VALUES (101, 1, 'a lot'), (102, 1, '2')`)
      await sql(`UPDATE orders SET amount = 'much' WHERE id = 1`)
      expect(await sql('SELECT id, amount, sb_mig_amount::text AS new FROM orders WHERE id IN (1, 101, 102) ORDER BY id')).toEqual([
        { id: 1, amount: 'much', new: null },
        { id: 101, amount: 'a lot', new: null },
        { id: 102, amount: '2', new: '2.00' },
      ])
      expect(await sql('SELECT key, error FROM signalbox.quarantine ORDER BY id')).toEqual([
        { key: { id: '101', part: '1' }, error: expect.stringContaining('a lot') },
        { key: { id: '1', part: '1' }, error: expect.stringContaining('much') },
      ])
      // Mended, deleted, moved: out of quarantine each time.
      await sql(`UPDATE orders SET amount = '5' WHERE id = 1`)
      await sql('DELETE FROM orders WHERE id = 101')
      expect(await sql('SELECT key FROM signalbox.quarantine')).toEqual([])
      await walk.to('switchedWrites')
      await expect(sql(`UPDATE orders SET amount = 'much' WHERE id = 1`)).rejects.toThrow(/invalid input syntax/)
      expect(await sql('SELECT amount FROM orders WHERE id = 1')).toEqual([{ amount: '5' }])
    }),
  )

  test.each(['notNull', 'checkOnly', 'split'] as const)('%s: a constraint of the new shape does not fail a client of the old one before the switch, and does after it', (sample) =>
    walked(sample, 'dualWrites', async (walk) => {
      const { sql } = walk
      const bad = { notNull: `INSERT INTO notes (id, body) VALUES (101, NULL)`, checkOnly: 'INSERT INTO stock VALUES (101, -1)', split: `INSERT INTO customers (id, full_name) VALUES (101, repeat('x', 60))` }[sample]
      const table = { notNull: 'notes', checkOnly: 'stock', split: 'customers' }[sample]
      if (sample === 'notNull') {
        // It is made what the new shape wants.
        await sql(bad)
        expect(await sql('SELECT sb_mig_body AS body FROM notes WHERE id = 101')).toEqual([{ body: '' }])
        return
      }
      await sql(`BEGIN; ${bad}; INSERT INTO ${table} SELECT * FROM ${table} WHERE false; COMMIT`)
      expect(await sql('SELECT key FROM signalbox.quarantine')).toEqual([{ key: { id: '101' } }])
      expect(await sql(`SELECT count(*)::int AS n FROM ${table} WHERE id = 101`)).toEqual([{ n: 1 }])
      // The lenience is for that row alone: a client of the new shape is held to the constraint.
      if (sample === 'split') await expect(sql(`BEGIN; ${bad.replace('101', '102')}; INSERT INTO sb_mig_new.customers (id, first, last) VALUES (103, repeat('y', 60), ''); COMMIT`)).rejects.toThrow(/sb_mig_first_short/)
      await sql(`DELETE FROM ${table} WHERE id > 100`)
      expect(await sql('SELECT key FROM signalbox.quarantine')).toEqual([])
      await walk.to('switchedWrites')
      await expect(sql(bad)).rejects.toThrow(/constraint/)
    }),
  )

  test('a value that the new shape allows but once does not fail a client of the old one before the switch', () =>
    walked('uniqueEmail', 'dualWrites', async (walk) => {
      const { sql } = walk
      await sql(`INSERT INTO logins VALUES (101, 'user1@x.org'), (102, 'New@x.org'); UPDATE logins SET email = 'USER2@x.org' WHERE id = 2`)
      expect(await sql('SELECT key, error FROM signalbox.quarantine')).toEqual([{ key: { id: '101' }, error: 'another row has that address' }])
      expect(await sql('SELECT id, email, address FROM logins WHERE id IN (2, 101, 102) ORDER BY id')).toEqual([
        { id: 2, email: 'USER2@x.org', address: 'user2@x.org' },
        { id: 101, email: 'user1@x.org', address: null },
        { id: 102, email: 'New@x.org', address: 'new@x.org' },
      ])
      await sql('DELETE FROM logins WHERE id = 101')
      await walk.to('switchedWrites')
      await expect(sql(`INSERT INTO logins VALUES (101, 'user1@x.org')`)).rejects.toThrow(/unique/)
    }),
  )

  test("the application's own trigger has its say first: both sides hold what the row holds", () =>
    walked(
      'split',
      'dualWrites',
      async ({ sql }) => {
        await sql(`INSERT INTO customers (id, full_name) VALUES (101, 'ANN LEE')`)
        await sql(`UPDATE customers SET full_name = 'BOB RAY' WHERE id = 1`)
        expect(await sql('SELECT full_name, first, last FROM customers WHERE id IN (1, 101) ORDER BY id')).toEqual([
          { full_name: 'bob ray', first: 'bob', last: 'ray' },
          { full_name: 'ann lee', first: 'ann', last: 'lee' },
        ])
      },
      `CREATE FUNCTION lower_name() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.full_name := lower(NEW.full_name); RETURN NEW; END $$;
       CREATE TRIGGER normalize BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION lower_name();`,
    ))

  test('a write of an application trigger beside the backfill is mirrored, the backfill itself is let through', () =>
    walked(
      'split',
      'backfilling',
      async ({ sql }) => {
        await sql(`BEGIN; SET LOCAL signalbox.backfill = 'mig'; UPDATE customers SET first = 'Copied', last = '' WHERE id = 1; COMMIT`)
        expect(await sql('SELECT full_name, first FROM customers WHERE id = 1')).toEqual([{ full_name: 'First1 Last1', first: 'Copied' }])
        expect(await sql('SELECT full_name, first, last FROM customers WHERE id = 40')).toEqual([{ full_name: 'Side Effect', first: 'Side', last: 'Effect' }])
      },
      `CREATE FUNCTION side_effect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE customers SET full_name = 'Side Effect' WHERE id = 40 AND NEW.id <> 40; RETURN NULL; END $$;
       CREATE TRIGGER side AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION side_effect();`,
    ))

  test('COPY, upserts, bulk statements, savepoints and prepared statements are mirrored like any write', () =>
    walked('split', 'dualWrites', async ({ sql }) => {
      await sql(`INSERT INTO customers (id, full_name) SELECT n, 'Bulk ' || n FROM generate_series(200, 300) n`)
      await sql(`INSERT INTO customers (id, full_name) VALUES (200, 'Up Sert') ON CONFLICT (id) DO UPDATE SET full_name = EXCLUDED.full_name`)
      await sql(`BEGIN; SAVEPOINT a; UPDATE customers SET full_name = 'Lost Lost' WHERE id = 201; ROLLBACK TO a; UPDATE customers SET full_name = 'Kept Kept' WHERE id = 202; COMMIT`)
      expect(await sql(`SELECT count(*)::int AS n FROM customers WHERE (first, last) IS DISTINCT FROM (split_part(full_name, ' ', 1), split_part(full_name, ' ', 2))`)).toEqual([{ n: 0 }])
      expect(await sql('SELECT id::int, first FROM customers WHERE id IN (200, 201, 202) ORDER BY id')).toEqual([{ id: 200, first: 'Up' }, { id: 201, first: 'Bulk' }, { id: 202, first: 'Kept' }])
    }),
  )

  test('written keys are queued, all or the declared share', () =>
    walked('split', 'dualWrites', async ({ sql }) => {
      await sql('DELETE FROM signalbox.written')
      await sql(`UPDATE customers SET full_name = full_name || 'x' WHERE id <= 10`)
      expect(await sql('SELECT count(*)::int AS n, min(unit) AS unit FROM signalbox.written')).toEqual([{ n: 10, unit: 'public.customers' }])
      await sql(`DELETE FROM signalbox.written; UPDATE signalbox.switches SET written_share = 0; UPDATE customers SET visits = 2`)
      expect(await sql('SELECT count(*)::int AS n FROM signalbox.written')).toEqual([{ n: 0 }])
      await sql(`UPDATE signalbox.switches SET written_share = 512; UPDATE customers SET visits = 3`)
      const [share] = await sql('SELECT count(*)::int AS n FROM signalbox.written')
      expect(share?.['n']).toBeGreaterThan(8)
      expect(share?.['n']).toBeLessThan(32)
    }),
  )
})
