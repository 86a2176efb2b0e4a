/**
 * M3: how fast all rows are compared, and how soon one wrong row among them is shown.
 *     npm run bench -- verify-rows [--rows 1000000] [--pairs 7] [--version 15] [--json]
 * Against one bare statement over the whole table with the very same condition, as the server likes to run it. The pass
 * has all its checkpoints, its record of mismatches and its second look at them, and goes over connections that are open,
 * as does the bare statement: three, as many processes as the server gives the statement.
 */
import { comparePairs, median, numberOption, report, timeMs } from '../../../../bench/measure.ts'
import { DEFAULT_THROTTLE, DEFAULT_VERIFY, type Change } from '../../../../contract/migration-definition.ts'
import { startServer, type ServerVersion } from '../../testing/servers.ts'
import { fullPass } from './full-pass.ts'
import { listMismatches } from './mismatches.ts'
import { startedMigration } from '../testing/started-migration.ts'
import { createWork } from '../copying/work.ts'
import { workProgress } from '../copying/work-progress.ts'

const rows = numberOption('rows', 1_000_000)
const pairs = numberOption('pairs', 7)
const version = String(numberOption('version', 15)) as ServerVersion

const CHANGE: Change = {
  kind: 'columns',
  table: { schema: 'public', table: 'orders' },
  add: [{ name: 'amount', type: 'numeric(12,2)', up: 'amount::numeric(12,2)', notNull: false, default: null, unique: false }],
  replace: [{ name: 'amount', down: 'amount::text' }],
  checks: [],
}
const TABLES = [
  `CREATE TABLE orders (id int PRIMARY KEY, amount text NOT NULL, customer text NOT NULL, note text)`,
  `INSERT INTO orders SELECT i, (i % 1000) || '.' || (i % 90 + 10), 'customer ' || (i % 5000), repeat('x', 60) FROM generate_series(1, ${rows}) i`,
]

const server = await startServer(version, { settings: { shared_buffers: '1GB', max_wal_size: '8GB', checkpoint_timeout: '30min', autovacuum: 'off' } })
const started = await startedMigration(server, '', CHANGE, { tables: TABLES, definition: { throttle: { ...DEFAULT_THROTTLE, niceRatio: 0, waitForAutovacuum: false }, verify: DEFAULT_VERIFY } })
const asked = { signal: new AbortController().signal, paused: () => false, foregroundHarm: () => '' }
const throttled = { ...started.context, definition: { ...started.context.definition, throttle: { ...DEFAULT_THROTTLE, waitForAutovacuum: false } } }
const copyMs = await timeMs(() => createWork().run({ context: throttled, work: 'backfill', ...asked }))
await started.sql('VACUUM (ANALYZE) orders')
const context = await started.in('dualWrites')

const open = await Promise.all([1, 2, 3].map(() => started.sessions.dedicated()))
const pass = () =>
  timeMs(async () => {
    const outcome = await fullPass({ work: 'fullPass', context, sessions: open.map(({ session }) => session), verdict: () => ({ level: 'run', reason: '' }), progress: workProgress('fullPass', Date.now), signal: asked.signal, restRatio: 0 })
    if (outcome === 'stopped' || outcome === 'overtaken' || outcome.rows !== rows) throw new Error('the pass did not see every row')
  })
const bare = () =>
  started.sessions.use((session) =>
    timeMs(() => session.query(`SELECT count(*), count(*) FILTER (WHERE sb_mig_amount IS DISTINCT FROM amount::numeric(12,2) OR amount IS DISTINCT FROM sb_mig_amount::text) FROM orders`)),
  )
const speed = await comparePairs({ name: 'bare statement', run: bare }, { name: 'full pass', run: pass }, { pairs, warmups: 1 })

let shown = 0
const shownAfter: number[] = []
for (let n = 1; n <= 5; n += 1) {
  const id = Math.floor((rows * n) / 6)
  await started.sql(`BEGIN; SET LOCAL session_replication_role = replica; UPDATE orders SET sb_mig_amount = -1 WHERE id = ${id}; COMMIT`)
  shownAfter.push(await pass())
  const found = await started.sessions.use((session) => listMismatches(session, 'mig', { limit: 100, status: 'open' }))
  if (found.length === n && found.some(({ key }) => key['id'] === String(id))) shown += 1
}
await Promise.all(open.map((one) => one.end()))
await started.close()
await server.stop()

report(
  'verify-rows',
  {
    'PostgreSQL': version,
    'bare statement, rows/s': (rows * 1000) / median(speed.floor),
    'full pass, rows/s': (rows * 1000) / median(speed.product),
    'throttled backfill, rows/s': (rows * 1000) / copyMs,
  },
  [
    { name: 'M3 bare statement / full pass, time', value: 1 / speed.ratio.median, limit: 0.8, direction: 'atLeast', interval: { median: 1 / speed.ratio.median, low: 1 / speed.ratio.high, high: 1 / speed.ratio.low } },
    { name: 'M3 pass / throttled backfill, time', value: median(speed.product) / copyMs, limit: 0.2, direction: 'atMost' },
    { name: 'M3 planted rows shown, of 5', value: shown, limit: 5, direction: 'atLeast' },
    { name: 'M3 slowest of them, s', value: Math.max(...shownAfter) / 1000, limit: 10, direction: 'atMost' },
  ],
)
