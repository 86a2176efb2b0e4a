import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from 'pg'
import { DEFAULT_THROTTLE, type Change } from '../../../../contract/migration-definition.ts'
import { serverOrWhy, startServer, type ServerVersion, type TestServer } from '../../testing/servers.ts'
import { startedMigration, type StartedMigration } from '../testing/started-migration.ts'
import { createWork } from './work.ts'
import { listMismatches } from '../comparing/mismatches.ts'
import { readProgress, readVerification } from '../status.ts'

const AMOUNT: Change = {
  kind: 'columns',
  table: { schema: 'public', table: 'orders' },
  add: [{ name: 'amount', type: 'numeric(12,2)', up: 'amount::numeric(12,2)', notNull: false, default: null, unique: false }],
  replace: [{ name: 'amount', down: 'amount::text' }],
  checks: [],
}

function orders(rows: number, keyType = 'int', key = 'i'): string {
  return `CREATE TABLE orders (id ${keyType} PRIMARY KEY, amount text, note text); INSERT INTO orders SELECT ${key}, (i % 1000) || '.50', 'note ' || i FROM generate_series(1, ${rows}) i;`
}

const asked = { paused: () => false, foregroundHarm: () => '' }

async function unfilled(started: StartedMigration, where = 'true'): Promise<number> {
  const [row] = await started.sql(`SELECT count(*)::int AS n FROM orders WHERE ${where} AND sb_mig_amount IS DISTINCT FROM amount::numeric(12,2)`)
  return Number(row?.['n'])
}

async function until(true_: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await true_())) {
    if (Date.now() > deadline) throw new Error('it did not come to that')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function run(started: StartedMigration, work: 'backfill' | 'fullPass' | 'validate' | 'shadowScan', signal: AbortSignal = new AbortController().signal) {
  return createWork().run({ context: started.context, work, signal, ...asked })
}

for (const version of ['15', '18'] as const satisfies readonly ServerVersion[]) {
  const why = serverOrWhy(version)
  describe.skipIf(why !== null)(`backfill on PostgreSQL ${version}${why ? ` (skipped: ${why})` : ''}`, () => {
    let server: TestServer
    beforeAll(async () => {
      server = await startServer(version)
    })
    afterAll(async () => {
      await server.stop()
    })

    it('fills every row, and a pass over all of them finds nothing', async () => {
      const started = await startedMigration(server, orders(3000), AMOUNT)
      expect(await run(started, 'backfill')).toBe('done')
      expect(await started.sql('SELECT count(*)::int AS n FROM orders WHERE sb_mig_amount IS DISTINCT FROM amount::numeric(12,2)')).toEqual([{ n: 0 }])
      const progress = await started.sessions.use((session) => readProgress(session, 'mig', 'backfilling'))
      expect(progress).toMatchObject({ work: 'backfill', rowsDone: 3000, rowsTotal: 3000, etaMs: 0, waitsFor: '' })
      await started.in('verifying')
      expect(await run(started, 'fullPass')).toBe('done')
      const verification = await started.sessions.use((session) => readVerification(session, 'mig'))
      expect(verification.lastPass).toMatchObject({ rows: 3000, mismatches: 0, direction: 'oldToNew' })
      expect(verification.passProgress).toBeNull()
      await started.close()
    })

    it('finds one planted wrong row, with its key and both values', async () => {
      const started = await startedMigration(server, orders(3000), AMOUNT)
      await run(started, 'backfill')
      await started.in('verifying')
      await started.sql(`BEGIN; SET LOCAL session_replication_role = replica; UPDATE orders SET sb_mig_amount = 1.25 WHERE id = 1777; COMMIT`)
      await run(started, 'fullPass')
      const found = await started.sessions.use((session) => listMismatches(session, 'mig', { limit: 10 }))
      expect(found).toEqual([expect.objectContaining({ class: 'differs', table: 'public.orders', key: { id: '1777' }, columns: ['amount'], old: { amount: '777.50' }, new: { amount: '1.25' }, status: 'open', foundBy: 'fullPass' })])
      await started.close()
    })

    it.each([
      ['uuid', 'uuid', `md5(i::text)::uuid`],
      ['text in another order than bytes', 'text COLLATE "und-x-icu"', `chr(65 + i % 26) || lower(md5(i::text))`],
      ['timestamp', 'timestamptz', `'2020-01-01'::timestamptz + i * interval '1.000001 s'`],
      ['big numbers', 'numeric', `i * 1e20 + 0.5`],
    ])('walks keys of %s', async (_, type, key) => {
      const started = await startedMigration(server, orders(1300, type, key), AMOUNT)
      expect(await run(started, 'backfill')).toBe('done')
      expect(await unfilled(started)).toBe(0)
      expect(await started.rowsDone()).toBe(1300)
      await started.close()
    })

    it('walks keys of several columns, of which each page holds a part', async () => {
      const sql = `CREATE TABLE orders (shop text, no int, amount text, PRIMARY KEY (shop, no)); INSERT INTO orders SELECT 'shop ' || (i % 7), i, i || '.00' FROM generate_series(1, 1400) i;`
      const started = await startedMigration(server, sql, AMOUNT)
      expect(await run(started, 'backfill')).toBe('done')
      expect(await unfilled(started)).toBe(0)
      const [at] = await started.sql(`SELECT last_key, high_key, rows_done::int AS rows FROM signalbox.checkpoints WHERE work = 'backfill'`)
      expect(at).toEqual({ last_key: { shop: 'shop 6', no: '1399' }, high_key: { shop: 'shop 6', no: '1399' }, rows: 1400 })
      await started.close()
    })

    it.each([0, 1])('is done with a table of %i rows', async (rows) => {
      const started = await startedMigration(server, orders(rows), AMOUNT)
      expect(await run(started, 'backfill')).toBe('done')
      expect(await unfilled(started)).toBe(0)
      expect(await started.rowsDone()).toBe(rows)
      await started.close()
    })

    it('puts rows that cannot be copied into quarantine, one by one, and copies all others', async () => {
      const started = await startedMigration(server, `${orders(1500)} UPDATE orders SET amount = 'abc' WHERE id IN (1, 700, 701, 1500);`, AMOUNT)
      expect(await run(started, 'backfill')).toBe('done')
      expect(await unfilled(started, `amount <> 'abc'`)).toBe(0)
      const held = await started.sql(`SELECT key->>'id' AS id, error FROM signalbox.quarantine ORDER BY (key->>'id')::int`)
      expect(held.map(({ id }) => id)).toEqual(['1', '700', '701', '1500'])
      expect(held[0]?.['error']).toContain('invalid input syntax for type numeric: "abc"')
      const found = await started.sessions.use((session) => listMismatches(session, 'mig', { limit: 10 }))
      expect(found).toHaveLength(4)
      expect(found[0]).toMatchObject({ class: 'rejected', old: { amount: 'abc' }, foundBy: 'mirror', status: 'open' })
      // Mended by a client, a row is mirrored again; mended otherwise, by repair.
      await started.sql(`UPDATE orders SET amount = '1.00' WHERE id = 1`)
      expect(await started.sql('SELECT count(*)::int AS n FROM signalbox.quarantine')).toEqual([{ n: 3 }])
      await started.close()
    })

    it('goes on where it was when its connection is killed, and counts no row twice', async () => {
      const started = await startedMigration(server, orders(15_000), AMOUNT, { definition: { throttle: { ...DEFAULT_THROTTLE, targetBatchMs: 5, maxBatchRows: 300, niceRatio: 0.5 } } })
      let kills = 0
      let on = true
      const killer = (async () => {
        while (on) {
          await until(async () => !on || (await started.rowsDone()) > kills * 4000 + 1000)
          if (!on) return
          await started.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'signalbox' AND query LIKE '%orders%' AND pid <> pg_backend_pid()`)
          kills += 1
        }
      })()
      expect(await run(started, 'backfill')).toBe('done')
      on = false
      await killer
      expect(kills).toBeGreaterThan(1)
      expect(await unfilled(started)).toBe(0)
      expect(await started.rowsDone()).toBe(15_000)
      await started.close()
    })

    it('stops when it is told to, and another goes on from there', async () => {
      const started = await startedMigration(server, orders(20_000), AMOUNT, { definition: { throttle: { ...DEFAULT_THROTTLE, maxBatchRows: 200, niceRatio: 1 } } })
      const stop = new AbortController()
      const running = run(started, 'backfill', stop.signal)
      await until(async () => (await started.rowsDone()) > 1000)
      stop.abort()
      expect(await running).toBe('stopped')
      const before = await started.rowsDone()
      expect(before).toBeLessThan(20_000)
      expect(await unfilled(started)).toBe(20_000 - before)
      expect(await run(started, 'backfill')).toBe('done')
      expect(await started.rowsDone()).toBe(20_000)
      await started.close()
    })

    it('writes nothing more once another console took over', async () => {
      const started = await startedMigration(server, orders(20_000), AMOUNT, { definition: { throttle: { ...DEFAULT_THROTTLE, maxBatchRows: 200, niceRatio: 1 } } })
      const running = run(started, 'backfill')
      const ended = expect(running).rejects.toMatchObject({ code: 'staleFence', message: expect.stringContaining('driven by somebody else') as string })
      await until(async () => (await started.rowsDone()) > 500)
      await started.sql(`UPDATE signalbox.migrations SET epoch = 2, owner = 'somebody else'`)
      const before = await started.rowsDone()
      await ended
      expect(await started.rowsDone()).toBe(before)
      expect(await unfilled(started)).toBe(20_000 - before)
      await started.close()
    })

    it('waits for rows that a client holds, says so, and lets the client go first', async () => {
      const started = await startedMigration(server, orders(1000), AMOUNT)
      const client = new Client(started.url)
      await client.connect()
      await client.query(`BEGIN; UPDATE orders SET amount = '9.99' WHERE id = 500`)
      const work = createWork()
      const running = work.run({ context: started.context, work: 'backfill', signal: new AbortController().signal, ...asked })
      await until(() => Promise.resolve(work.progress('mig')?.waitsFor.includes('locked by another session') === true))
      await client.query('COMMIT')
      await client.end()
      expect(await running).toBe('done')
      expect(await unfilled(started)).toBe(0)
      expect(await started.sql('SELECT sb_mig_amount::text AS amount FROM orders WHERE id = 500')).toEqual([{ amount: '9.99' }])
      await started.close()
    })

    it('waits while an operator says so or users are harmed, and counts how long', async () => {
      const started = await startedMigration(server, orders(5000), AMOUNT, { definition: { throttle: { ...DEFAULT_THROTTLE, maxBatchRows: 100, niceRatio: 1 } } })
      let harm = ''
      let paused = true
      const work = createWork()
      const running = work.run({ context: started.context, work: 'backfill', signal: new AbortController().signal, paused: () => paused, foregroundHarm: () => harm })
      await until(() => Promise.resolve(work.progress('mig')?.waitsFor === 'paused by an operator'))
      expect(await started.rowsDone()).toBe(0)
      harm = 'error ratio 2 % > 1 %'
      paused = false
      await until(() => Promise.resolve(work.progress('mig')?.waitsFor === harm))
      harm = ''
      expect(await running).toBe('done')
      const progress = await started.sessions.use((session) => readProgress(session, 'mig', 'backfilling'))
      expect(progress?.waits).toBe(1)
      expect(progress?.waitedMs).toBeGreaterThan(0)
      await started.close()
    })

    it('leaves what triggers of the application keep as it is', async () => {
      const sql = `${orders(500)} ALTER TABLE orders ADD touched int DEFAULT 0; CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := NEW.touched + 1; RETURN NEW; END'; CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();`
      const started = await startedMigration(server, sql, AMOUNT)
      expect(await run(started, 'backfill')).toBe('done')
      expect(await started.sql('SELECT sum(touched)::int AS touched FROM orders')).toEqual([{ touched: 0 }])
      expect(await unfilled(started)).toBe(0)
      await started.close()
    })
  })
}
