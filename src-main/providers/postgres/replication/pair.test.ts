import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from 'pg'
import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import { serverOrWhy, startServer } from '../testing/servers.ts'
import type { ServerVersion, TestServer } from '../testing/servers.ts'
import { openPair } from './pair.ts'
import type { Pair, PairOptions } from './pair.ts'
import { ACCOUNTS_SQL, SCHEMA, startWriters, wrongAccounts } from './testing/pair-writers.ts'

const SETTINGS = { wal_level: 'logical', max_worker_processes: '16', max_logical_replication_workers: '8', wal_receiver_status_interval: '1s', wal_retrieve_retry_interval: '200ms' }

/** Two servers of one version; each test gets a database on each. */
function twoServers(version: ServerVersion) {
  const servers: Partial<Record<EnvironmentName, TestServer>> = {}
  const open: Pair[] = []
  let number = 0
  beforeAll(async () => {
    const [blue, green] = await Promise.all([startServer(version, { settings: SETTINGS }), startServer(version, { settings: SETTINGS })])
    Object.assign(servers, { blue, green })
  })
  afterAll(async () => {
    await Promise.all(open.map((pair) => pair.close()))
    await Promise.all([servers.blue?.stop('immediate'), servers.green?.stop('immediate')])
  })
  const of = (side: EnvironmentName): TestServer => servers[side]!
  return {
    of,
    async fresh(schema = SCHEMA, options: Partial<PairOptions> = {}) {
      number += 1
      const database = `shop${number}`
      const urls = { blue: await of('blue').createDatabase(database), green: await of('green').createDatabase(database) }
      const name = `shop${number}`
      const opened = (more: Partial<PairOptions> = {}) => {
        const pair = openPair({ name, blueUrl: urls.blue, greenUrl: urls.green, tables: 'all', ...options, ...more })
        open.push(pair)
        return pair
      }
      for (const side of ['blue', 'green'] as const) await of(side).sql(schema, database)
      return { urls, database, name, opened, pair: opened(), sql: (side: EnvironmentName, text: string) => of(side).sql(text, database) }
    },
  }
}

const why15 = serverOrWhy('15')
const why18 = serverOrWhy('18')

for (const version of ['15', '18'] as const) {
  const why = version === '15' ? why15 : why18
  describe.skipIf(why !== null)(`a pair of databases on two servers of PostgreSQL ${version}${why === null ? '' : ` (skipped: ${why})`}`, () => {
    const two = twoServers(version)

    it('copies, follows, turns round under writers and back, and loses nothing', async () => {
      const { pair, urls, sql } = await two.fresh()
      await sql('blue', `INSERT INTO accounts (owner, balance) SELECT 'seed', g FROM generate_series(1, 2000) g; INSERT INTO entries SELECT id, 1, balance FROM accounts; INSERT INTO tags SELECT 'tag ' || g, g FROM generate_series(1, 50) g`)
      const writers = startWriters(urls, 4)
      await wait(200)
      await pair.setUp('blue')
      expect(await pair.copied(20_000)).toBe(true)
      expect(await pair.lag('green')).toMatchObject({ from: 'blue', to: 'green' })
      expect((await pair.lag()).lagMs).toBeLessThan(2000)

      const moved: number[] = []
      for (const to of ['green', 'blue', 'green'] as const) {
        const before = writers.committed()
        await wait(300)
        expect(writers.committed()).toBeGreaterThan(before)
        const { closedMs, sequences } = await pair.beforeSwitch(to, { maxLagMs: 5000 })
        moved.push(closedMs)
        expect(sequences.join()).toContain('public.accounts_id_seq')
        writers.route(to)
        await pair.afterSwitch(to)
        expect(await pair.state()).toMatchObject({ source: to, phase: 'inStep' })
      }
      await wait(300)
      const told = await writers.stop()
      const compared = await pair.compare()
      expect(compared).toMatchObject({ same: true, from: 'green', to: 'blue', mismatchCount: 0 })
      expect(compared.tables.find(({ table }) => table === 'public.accounts')?.sourceRows).toBeGreaterThan(2000)
      for (const side of ['blue', 'green'] as const) expect(wrongAccounts(told, (await sql(side, ACCOUNTS_SQL)).filter((row) => Number(row['id']) > 2000))).toEqual([])
      // Whoever wrote to the side that gave its writes away was refused and lost nothing; nothing else ever failed.
      expect([...told.failures.keys()].filter((code) => code !== '25006')).toEqual([])
      expect(Math.max(...moved)).toBeLessThan(3000)
      expect(told.accounts.size).toBeGreaterThan(50)
    })

    it('refuses writes on the side that follows, whatever isolation and statement', async () => {
      const { pair, urls, sql } = await two.fresh()
      await pair.setUp('blue')
      await pair.copied(20_000)
      await sql('blue', `INSERT INTO accounts (owner, balance) VALUES ('a', 1)`)
      for (const text of [`INSERT INTO tags VALUES ('x', 1)`, 'UPDATE accounts SET balance = 2', 'DELETE FROM accounts', 'TRUNCATE accounts CASCADE', `BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; INSERT INTO tags VALUES ('x', 1); COMMIT`]) {
        await expect(sql('green', text)).rejects.toMatchObject({ code: '25006' })
      }
      // A transaction that saw the open side before it was closed must not slip through with its old snapshot.
      const old = new Client({ connectionString: urls.blue })
      old.on('error', () => {})
    await old.connect()
      await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await old.query('SELECT * FROM signalbox.pair_fences')
      await pair.reverse('green')
      await expect(old.query(`INSERT INTO tags VALUES ('late', 1)`)).rejects.toMatchObject({ code: '25006' })
      await old.end()
      expect(await sql('green', `INSERT INTO tags VALUES ('fine', 1) RETURNING name`)).toEqual([{ name: 'fine' }])
    })

    it('finds planted differences row by row while it is written, and none otherwise', async () => {
      const { pair, urls, sql } = await two.fresh()
      await sql('blue', `INSERT INTO accounts (owner, balance) SELECT 'seed', g FROM generate_series(1, 5000) g; INSERT INTO tags SELECT 'tag ' || g, g FROM generate_series(1, 3000) g`)
      await pair.setUp('blue')
      await pair.copied(20_000)
      const writers = startWriters(urls, 2)
      try {
        expect(await pair.compare({ chunkRows: 700 })).toMatchObject({ same: true })
        await sql('green', `SET session_replication_role = replica; DELETE FROM accounts WHERE id = 77; UPDATE accounts SET owner = 'wrong' WHERE id = 4900; INSERT INTO tags VALUES ('zz', 1); UPDATE tags SET uses = NULL::int + 1 WHERE false`)
        const found = await pair.compare({ chunkRows: 700 })
        expect(found.same).toBe(false)
        expect(found.mismatches.map(({ table, class: kind, key, columns }) => [table, kind, Object.values(key)[0], columns.join()])).toEqual([
          ['public.accounts', 'missing', '77', ''],
          ['public.accounts', 'differs', '4900', 'owner'],
          ['public.tags', 'extra', 'zz', ''],
        ])
        expect(found.mismatches[1]).toMatchObject({ source: { owner: 'seed' }, target: { owner: 'wrong' } })
      } finally {
        await writers.stop()
      }
    })
  })
}

describe.skipIf(why15 !== null)(`switching a pair on PostgreSQL 15${why15 === null ? '' : ` (skipped: ${why15})`}`, () => {
  const two = twoServers('15')

  async function laggingPair() {
    const made = await two.fresh()
    await made.pair.setUp('blue')
    await made.pair.copied(20_000)
    // A reader on the follower's table with a lock that stops the apply worker: lag, made by hand.
    const blocker = new Client({ connectionString: made.urls.green })
    blocker.on('error', () => {})
    await blocker.connect()
    await blocker.query('BEGIN; LOCK TABLE accounts IN EXCLUSIVE MODE')
    await made.sql('blue', `INSERT INTO accounts (owner, balance) SELECT 'late', g FROM generate_series(1, 100) g`)
    return { ...made, blocker }
  }

  it('does not switch while the follower is behind, and says how far', async () => {
    const { pair, blocker, sql } = await laggingPair()
    await wait(400)
    expect((await pair.lag()).lagMs).toBeGreaterThan(300)
    expect((await pair.lag()).behindBytes).toBeGreaterThan(0)
    await expect(pair.beforeSwitch('green', { maxLagMs: 100 })).rejects.toMatchObject({ code: 'interlocked', message: expect.stringContaining('limit 100 ms') })
    await expect(pair.beforeSwitch('green', { maxLagMs: 60_000, deadlineMs: 400 })).rejects.toMatchObject({ code: 'timeout' })
    expect(await pair.state()).toMatchObject({ source: 'blue', phase: 'inStep', green: { closed: true }, blue: { closed: false } })
    await blocker.query('COMMIT')
    await blocker.end()
    await pair.reverse('green', { maxLagMs: 10_000 })
    expect(await sql('green', `SELECT count(*)::int AS n FROM accounts WHERE owner = 'late'`)).toEqual([{ n: 100 }])
    expect(await pair.compare()).toMatchObject({ same: true })
  })

  it('opens writes again where they were when the last changes do not arrive', async () => {
    const { opened, pair, urls, sql } = await two.fresh()
    await pair.setUp('blue')
    await pair.copied(20_000)
    const blocker = new Client({ connectionString: urls.green })
    blocker.on('error', () => {})
    await blocker.connect()
    const late = opened({
      crashPoint: async (name) => {
        if (name !== 'prepared') return
        await blocker.query('BEGIN; LOCK TABLE accounts IN EXCLUSIVE MODE')
        await sql('blue', `INSERT INTO accounts (owner, balance) VALUES ('late', 1)`)
      },
    })
    await expect(late.beforeSwitch('green', { deadlineMs: 500 })).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('open on blue as before') })
    await blocker.end()
    expect(await pair.state()).toMatchObject({ source: 'blue', phase: 'inStep', green: { closed: true, slots: [] }, blue: { closed: false } })
    expect(await sql('blue', `INSERT INTO tags VALUES ('still here', 1) RETURNING name`)).toHaveLength(1)
    await pair.reverse('green', { maxLagMs: 10_000 })
    expect(await pair.compare()).toMatchObject({ same: true, from: 'green' })
  })

  it('loses rows when somebody switches without waiting: the control', async () => {
    const { pair, name, blocker, sql } = await laggingPair()
    await sql('green', `ALTER SUBSCRIPTION sb_${name} DISABLE`)
    await sql('green', `ALTER SUBSCRIPTION sb_${name} SET (slot_name = NONE)`)
    const dropped = sql('green', `DROP SUBSCRIPTION sb_${name}`)
    await dropped
    await blocker.query('COMMIT')
    await blocker.end()
    await sql('green', `UPDATE signalbox.pair_fences SET opened = closing; UPDATE signalbox.pairs SET source = 'green', generation = 2`)
    expect(await sql('green', `SELECT count(*)::int AS n FROM accounts WHERE owner = 'late'`)).toEqual([{ n: 0 }])
    expect(await sql('blue', `SELECT count(*)::int AS n FROM accounts WHERE owner = 'late'`)).toEqual([{ n: 100 }])
    expect((await pair.state()).phase).toBe('broken')
  })

  it('goes on from any point at which the console ended, forward or back', async () => {
    const { opened, pair, urls, database, sql } = await two.fresh()
    await pair.setUp('blue')
    await pair.copied(20_000)
    const writers = startWriters(urls, 3)
    const killOurs = async () => {
      for (const side of ['blue', 'green'] as const) await two.of(side).sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'signalbox' AND datname = '${database}'`)
    }
    let at: EnvironmentName = 'blue'
    for (const point of ['prepared', 'closed', 'drained', 'slotMade', 'opened', 'following', 'slotDropped'] as const) {
      for (const goOn of point === 'closed' || point === 'slotMade' || point === 'opened' ? (['forward', 'back'] as const) : (['forward'] as const)) {
        const to: EnvironmentName = at === 'blue' ? 'green' : 'blue'
        const dying = opened({
          crashPoint: async (name) => {
            if (name !== point) return
            await killOurs()
            throw new Error('the console ends here')
          },
        })
        await expect(dying.reverse(to, { maxLagMs: 5000 })).rejects.toThrow()
        await dying.close()
        const next = opened()
        const state = await next.state()
        expect(state.phase, point).toBe(point === 'prepared' ? 'inStep' : ['closed', 'drained', 'slotMade'].includes(point) ? 'closing' : 'opened')
        const aim: EnvironmentName = goOn === 'forward' ? to : at
        if (state.phase === 'opened') {
          await next.afterSwitch(to)
          writers.route(to)
        }
        await next.beforeSwitch(aim, { maxLagMs: 5000 })
        writers.route(aim)
        if (goOn === 'forward' || state.phase === 'opened') await next.afterSwitch(aim)
        else await next.cancelSwitch()
        expect(await next.state()).toMatchObject({ source: aim, phase: 'inStep', words: `${aim === 'blue' ? 'green' : 'blue'} follows ${aim}.` })
        at = aim
        await wait(40)
      }
    }
    const told = await writers.stop()
    expect(await pair.compare()).toMatchObject({ same: true })
    for (const side of ['blue', 'green'] as const) expect(wrongAccounts(told, await sql(side, ACCOUNTS_SQL))).toEqual([])
    expect([...told.failures.keys()].filter((code) => code !== '25006')).toEqual([])
    // No slot but the one in use is left, and no fence on the side that writes.
    const { blue, green } = await pair.state()
    expect(blue.slots.length + green.slots.length).toBe(1)
  }, 60_000)

  it('loses nothing when a server crashes during a switch or stays away after it', async () => {
    const { pair, opened, urls, sql } = await two.fresh()
    await pair.setUp('blue')
    await pair.copied(20_000)
    const writers = startWriters(urls, 3)
    await wait(300)
    const crashing = opened({ crashPoint: async (name) => void (name === 'slotMade' && (await two.of('green').restart('immediate'))) })
    await expect(crashing.reverse('green', { maxLagMs: 5000 })).rejects.toMatchObject({ code: 'providerUnavailable' })
    // Nobody can know whether the opening was committed before the crash, so nothing is opened on blue by itself.
    expect((await opened().state()).phase).toBe('closing')
    await pair.beforeSwitch('green', { maxLagMs: 10_000 })
    writers.route('green')
    await two.of('blue').stop('immediate')
    await expect(pair.afterSwitch('green')).rejects.toMatchObject({ code: 'providerUnavailable' })
    await wait(200)
    // Straight from the crash: the slot that holds what is written must have survived on the disk too.
    await two.of('green').restart('immediate')
    await two.of('blue').restart('fast').catch(() => {})
    await pair.afterSwitch('green')
    await wait(200)
    const told = await writers.stop()
    expect(await pair.compare()).toMatchObject({ same: true, from: 'green' })
    for (const side of ['blue', 'green'] as const) expect(wrongAccounts(told, await sql(side, ACCOUNTS_SQL))).toEqual([])
    expect(told.accounts.size).toBeGreaterThan(20)
  })

  it('closes nothing while an old transaction on the new side’s server keeps a slot from beginning', async () => {
    const { pair, sql } = await two.fresh()
    await pair.setUp('blue')
    await pair.copied(20_000)
    // Of another database, and never seen by the pair.
    const old = new Client({ connectionString: two.of('green').url() })
    old.on('error', () => {})
    await old.connect()
    await old.query('BEGIN; SELECT txid_current()')
    await expect(pair.beforeSwitch('green', { deadlineMs: 300 })).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('no replication slot') })
    await old.end()
    expect(await pair.state()).toMatchObject({ source: 'blue', phase: 'inStep', green: { closed: true, slots: [] }, blue: { closed: false } })
    expect(await sql('blue', `INSERT INTO tags VALUES ('x', 1) RETURNING name`)).toHaveLength(1)
  })

  it('lets one console switch at a time', async () => {
    const { pair, opened } = await two.fresh()
    await pair.setUp('blue')
    await pair.copied(20_000)
    const results: unknown[] = []
    const slow = opened({ crashPoint: async (name) => void (name === 'prepared' && results.push(await opened().reverse('green').catch((error: unknown) => error))) })
    await slow.reverse('green')
    expect(results[0]).toMatchObject({ code: 'interlocked' })
  })

  it('leaves nothing behind, and can be set up again in the other direction', async () => {
    const { pair, sql, name } = await two.fresh()
    await pair.setUp('blue')
    await pair.copied(20_000)
    await pair.setUp('blue')
    await pair.reverse('green')
    await expect(pair.setUp('blue')).rejects.toMatchObject({ code: 'illegalCommand' })
    await pair.tearDown()
    await pair.tearDown()
    for (const side of ['blue', 'green'] as const) {
      expect(await sql(side, `SELECT 'slot' FROM pg_replication_slots WHERE slot_name LIKE 'sb\\_${name}\\_%' UNION ALL SELECT 'publication' FROM pg_publication UNION ALL SELECT 'trigger' FROM pg_trigger WHERE tgname LIKE 'aaa_sb%'`)).toEqual([])
      await sql(side, `INSERT INTO tags VALUES ('free again', 1)`)
    }
    expect(await pair.state()).toMatchObject({ phase: 'none' })
    await expect(pair.lag()).rejects.toMatchObject({ code: 'interlocked' })
    await sql('blue', 'TRUNCATE accounts, entries, tags')
    await pair.setUp('green')
    expect(await pair.copied(20_000)).toBe(true)
    expect(await pair.compare()).toMatchObject({ same: true, from: 'green' })
  })

  it('says when the side that should be the way back is not', async () => {
    const { pair } = await two.fresh()
    await pair.setUp('blue')
    await pair.copied(20_000)
    await expect(pair.lag('blue')).rejects.toMatchObject({ code: 'interlocked', message: expect.stringContaining('was not turned round') })
  })
})
