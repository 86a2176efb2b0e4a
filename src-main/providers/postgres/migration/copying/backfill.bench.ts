/**
 * M1 and M2: how fast rows are copied, and what clients feel of it.
 *     npm run bench -- backfill [--rows 1000000] [--pairs 5] [--version 15] [--seconds 8] [--batch-ms 8] [--nice 1] [--json]
 * M1 against a replay of pgroll's statements (see testing/pgroll-replay.ts), the mirror's triggers installed on both.
 * M2: eight clients read and update rows all the time; the median of their 99th percentiles with and without a throttled
 * backfill beside them, and how fast that backfill is as a share of its own unthrottled speed.
 */
import { Client } from 'pg'
import { comparePairs, median, numberOption, quantile, report, seededRandom, timeMs } from '../../../../bench/measure.ts'
import { DEFAULT_THROTTLE, type Change, type ThrottleOptions } from '../../../../contract/migration-definition.ts'
import { startServer, type ServerVersion } from '../../testing/servers.ts'
import { pgrollBackfill, PGROLL_START } from '../testing/pgroll-replay.ts'
import { startedMigration, type StartedMigration } from '../testing/started-migration.ts'
import { createWork } from './work.ts'

const rows = numberOption('rows', 1_000_000)
const pairs = numberOption('pairs', 5)
const seconds = numberOption('seconds', 8)
const version = String(numberOption('version', 15)) as ServerVersion
const CLIENTS = 8

const CHANGE: Change = {
  kind: 'columns',
  table: { schema: 'public', table: 'orders' },
  add: [{ name: 'amount', type: 'numeric(12,2)', up: 'amount::numeric(12,2)', notNull: false, default: null, unique: false }],
  replace: [{ name: 'amount', down: 'amount::text' }],
  checks: [],
}
const UNTHROTTLED: ThrottleOptions = { ...DEFAULT_THROTTLE, targetBatchMs: 100, niceRatio: 0, waitForAutovacuum: false }
const THROTTLED: ThrottleOptions = { ...DEFAULT_THROTTLE, targetBatchMs: numberOption('batch-ms', DEFAULT_THROTTLE.targetBatchMs), niceRatio: numberOption('nice', DEFAULT_THROTTLE.niceRatio), waitForAutovacuum: false }
const ORDERS = `CREATE TABLE orders (id int PRIMARY KEY, amount text NOT NULL, customer text NOT NULL, note text);
INSERT INTO orders SELECT i, (i % 1000) || '.' || (i % 90 + 10), 'customer ' || (i % 5000), repeat('x', 60) FROM generate_series(1, ${rows}) i;
CREATE INDEX ON orders (customer); VACUUM (ANALYZE) orders;`

const server = await startServer(version, { settings: { shared_buffers: '512MB', max_wal_size: '8GB', checkpoint_timeout: '30min', fsync: 'on', synchronous_commit: 'on', autovacuum: 'off' } })
let databases = 0

async function started(throttle: ThrottleOptions): Promise<StartedMigration> {
  const one = await startedMigration(server, '', CHANGE, { definition: { throttle }, tables: ORDERS.split(';').filter((statement) => statement.trim() !== '') })
  await server.sql('CHECKPOINT')
  return one
}

async function copied(one: StartedMigration, signal = new AbortController().signal): Promise<void> {
  await createWork().run({ context: one.context, work: 'backfill', signal, paused: () => false, foregroundHarm: () => '' })
}

async function ours(): Promise<number> {
  const one = await started(UNTHROTTLED)
  const took = await timeMs(() => copied(one))
  const [left] = await one.sql('SELECT count(*)::int AS n FROM orders WHERE sb_mig_amount IS NULL')
  if (left?.['n'] !== 0) throw new Error(`${String(left?.['n'])} rows were not copied`)
  await one.drop()
  return took
}

async function pgroll(): Promise<number> {
  databases += 1
  const name = `replay_${databases}`
  const url = await server.createDatabase(name)
  for (const statement of ORDERS.split(';').filter((text) => text.trim() !== '')) await server.sql(statement, name)
  await server.sql(PGROLL_START, name)
  await server.sql('CHECKPOINT')
  const client = new Client(url)
  await client.connect()
  const took = await timeMs(() => pgrollBackfill(client))
  await client.end()
  await server.sql(`DROP DATABASE ${name}`)
  return took
}

/** Clients at a fixed pace, each a read and an update in turn, until told to stop; their times in ms. */
async function foreground(url: string, until: Promise<unknown>, seed: number): Promise<number[]> {
  let on = true
  void until.then(() => (on = false))
  const times: number[] = []
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, n) => {
      const random = seededRandom(seed * 100 + n)
      const client = new Client(url)
      await client.connect()
      for (let i = 0; on; i += 1) {
        const id = 1 + Math.floor(random() * rows)
        const begun = performance.now()
        await (i % 2 === 0 ? client.query('SELECT * FROM orders WHERE id = $1', [id]) : client.query(`UPDATE orders SET note = 'n' || $2 WHERE id = $1`, [id, i]))
        times.push(performance.now() - begun)
        await new Promise((resolve) => setTimeout(resolve, 10 + random() * 10))
      }
      await client.end()
    }),
  )
  return times
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const speed = await comparePairs({ name: 'pgroll replay', run: pgroll }, { name: 'ours', run: ours }, { pairs, warmups: 0 })

const quiet: number[] = []
const beside: number[] = []
const rates: number[] = []
for (let turn = 0; turn < pairs; turn += 1) {
  const one = await started(THROTTLED)
  quiet.push(quantile(await foreground(one.url, wait(seconds * 1000), turn), 0.99))
  const stop = new AbortController()
  const copying = copied(one, stop.signal)
  await wait(500)
  const before = await one.rowsDone()
  beside.push(quantile(await foreground(one.url, wait(seconds * 1000), turn + 1000), 0.99))
  rates.push(((await one.rowsDone()) - before) / seconds)
  stop.abort()
  await copying
  await one.drop()
}
const unthrottled = (rows * 1000) / median(speed.product)
const p99 = quiet.map((base, index) => (beside[index] ?? Number.NaN) / base)
await server.stop()

report(
  'backfill',
  {
    'PostgreSQL': version,
    'pgroll replay, rows/s': (rows * 1000) / median(speed.floor),
    'ours unthrottled, rows/s': unthrottled,
    'ours throttled, rows/s': median(rates),
    'foreground p99 without, ms': median(quiet),
    'foreground p99 beside, ms': median(beside),
  },
  [
    { name: 'M1 pgroll replay / ours, time', value: 1 / speed.ratio.median, limit: 1.5, direction: 'atLeast', interval: { median: 1 / speed.ratio.median, low: 1 / speed.ratio.high, high: 1 / speed.ratio.low } },
    { name: 'M2 foreground p99, beside / without', value: median(p99), limit: 2, direction: 'atMost' },
    { name: 'M2 throttled / unthrottled speed', value: median(rates) / unthrottled, limit: 0.15, direction: 'atLeast' },
  ],
)
