/**
 * M4: what a step costs clients while a transaction of 2.5 s reads the table.
 *     npm run bench -- lock [--rounds 5] [--version 15|18|14] [--json]
 * Three arms take turns: no step at all (the floor of this machine), the product's step with its 50 ms of lock timeout,
 * and a plain ALTER TABLE that waits in line with 500 ms and tries again (pgroll's default, its statements replayed).
 */
import { Client } from 'pg'
import { bootstrapMedian, median, nowMs, numberOption, quantile, report } from '../../../../bench/measure.ts'
import { startServer } from '../../testing/servers.ts'
import type { ServerVersion } from '../../testing/servers.ts'
import { SAMPLES } from '../testing/changes.ts'
import { openStepWalk } from '../testing/step-walk.ts'
import type { StepWalk } from '../testing/step-walk.ts'

const rounds = numberOption('rounds', 5)
const version = String(numberOption('version', 15)) as ServerVersion
const READ_MS = 2500
const CLIENTS = 6
const LIMIT_MS = 50 + 20
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

interface Round {
  /** Longest statement of any client. */
  readonly stallMs: number
  readonly p99Ms: number
  /** Longest wait for a lock of the table that any client had, as the server tells it. */
  readonly lockWaitMs: number
  readonly failures: number
  readonly tookMs: number
}

async function connect(walk: StepWalk, name: string): Promise<Client> {
  const client = new Client({ connectionString: walk.url, application_name: name })
  await client.connect()
  return client
}

async function round(walk: StepWalk, act: () => Promise<void>): Promise<Round> {
  const latencies: number[] = []
  let failures = 0
  let lockWaitMs = 0
  let running = true
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(walk, 'shop')))
  const reader = await connect(walk, 'report')
  const watcher = await connect(walk, 'watcher')
  try {
    const loops = clients.map(async (client, index) => {
      for (let n = 0; running; n++) {
        const from = nowMs()
        try {
          await (index % 3 === 0 ? client.query(`UPDATE customers SET visits = visits + 1 WHERE id = $1`, [1 + ((n * 7 + index) % 40)]) : client.query('SELECT full_name FROM customers WHERE id = $1', [1 + (n % 40)]))
        } catch {
          failures += 1
        }
        latencies.push(nowMs() - from)
        await pause(2)
      }
    })
    const watching = (async () => {
      while (running) {
        const { rows } = await watcher.query<{ ms: number }>(`SELECT coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000), 0)::float8 AS ms FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND l.locktype = 'relation' AND a.application_name = 'shop'`)
        lockWaitMs = Math.max(lockWaitMs, rows[0]?.ms ?? 0)
        await pause(2)
      }
    })()
    await pause(300)
    latencies.length = 0
    await reader.query('BEGIN; SELECT count(*) FROM customers')
    const begun = nowMs()
    const step = act()
    await pause(READ_MS)
    await reader.query('COMMIT')
    await step
    const tookMs = nowMs() - begun
    await pause(200)
    running = false
    await Promise.all([...loops, watching])
    return { stallMs: Math.max(...latencies), p99Ms: quantile(latencies, 0.99), lockWaitMs, failures, tookMs }
  } finally {
    running = false
    await Promise.all([...clients, reader, watcher].map((client) => client.end()))
  }
}

const server = await startServer(version)
const { tables, change } = SAMPLES['split'] ?? { tables: '', change: null }
if (!change) throw new Error('no sample')
const walk = await openStepWalk(server, tables, change)
const arms: Record<'none' | 'product' | 'peer', Round[]> = { none: [], product: [], peer: [] }
const attempts: number[] = []

async function peer(): Promise<void> {
  const client = await connect(walk, 'peer')
  try {
    await client.query(`SET lock_timeout = '500ms'`)
    for (;;) {
      try {
        await client.query('ALTER TABLE customers ADD COLUMN peer_first text')
        return
      } catch {
        await pause(50)
      }
    }
  } finally {
    await client.end()
  }
}

try {
  for (let i = 0; i < rounds; i++) {
    for (const arm of i % 2 === 0 ? (['none', 'product', 'peer'] as const) : (['peer', 'product', 'none'] as const)) {
      if (arm === 'none') arms.none.push(await round(walk, () => Promise.resolve()))
      else if (arm === 'peer') {
        arms.peer.push(await round(walk, peer))
        await walk.sql('ALTER TABLE customers DROP COLUMN peer_first')
      } else {
        await walk.to('shadowReads')
        arms.product.push(await round(walk, async () => void attempts.push((await walk.step('expand', { phase: 'backfilling' }, { deadlineMs: 30_000 })).attempts)))
        await walk.collapse()
      }
    }
  }
} finally {
  await walk.close()
  await server.stop()
}

const of = (arm: keyof typeof arms, pick: (one: Round) => number) => arms[arm].map(pick)
const excess = arms.product.map(({ stallMs }, index) => stallMs - (arms.none[index]?.stallMs ?? 0))
const waits = of('product', ({ lockWaitMs }) => lockWaitMs)
report(
  'lock',
  {
    version,
    rounds,
    'longest statement without a step (ms, median)': median(of('none', ({ stallMs }) => stallMs)),
    'longest statement with the step (ms, median)': median(of('product', ({ stallMs }) => stallMs)),
    'longest statement, 500 ms in line (replay)': median(of('peer', ({ stallMs }) => stallMs)),
    'p99 without / with / replay (ms)': (['none', 'product', 'peer'] as const).map((arm) => median(of(arm, ({ p99Ms }) => p99Ms)).toFixed(1)).join(' / '),
    'longest lock wait, replay (ms, median)': median(of('peer', ({ lockWaitMs }) => lockWaitMs)),
    'transactions begun (median)': median(attempts),
    'step done after (ms, median)': median(of('product', ({ tookMs }) => tookMs)),
  },
  [
    { name: 'stall in excess of no step, ms', value: median(excess), limit: LIMIT_MS, direction: 'atMost', interval: bootstrapMedian(excess) },
    { name: 'longest lock wait, ms', value: median(waits), limit: LIMIT_MS, direction: 'atMost', interval: bootstrapMedian(waits) },
    { name: 'failed client statements', value: of('product', ({ failures }) => failures).reduce((a, b) => a + b, 0), limit: 0, direction: 'atMost' },
    { name: 'control: lock wait of the replay, ms', value: median(of('peer', ({ lockWaitMs }) => lockWaitMs)), limit: 300, direction: 'atLeast' },
  ],
)
