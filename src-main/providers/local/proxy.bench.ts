// P13: what the router costs. npm run bench -- proxy [--pairs N] [--seconds N] [--quick] [--json]
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { closedLoop, openLoop, targetOf } from '../../bench/load.ts'
import { bootstrapMedian, comparePairs, median, numberOption, quantile, report, type Bar } from '../../bench/measure.ts'
import { startHaproxy } from './bench/haproxy.ts'
import { besides, end, has, startOnPort, startRouterAlone } from './bench/processes.ts'

const quick = process.argv.includes('--quick')
const PAIRS = numberOption('pairs', quick ? 5 : 15)
const SECONDS = numberOption('seconds', quick ? 1 : 2)
const CONNECTIONS = 32
const OPEN_RATE = 2_000
/** Proxies share one core; backend and generator the other. */
const PROXY_CPU = 0
const OTHER_CPU = 1

const run = promisify(execFile)
const withWrk = has('wrk')

/** Answered requests per second with 32 connections, one request at a time on each. */
async function throughput(port: number): Promise<number> {
  if (!withWrk) return (await closedLoop(targetOf(`http://127.0.0.1:${port}`), CONNECTIONS, SECONDS * 1000)).perSecond
  const wrk = ['wrk', '-t1', `-c${CONNECTIONS}`, `-d${SECONDS}s`, `http://127.0.0.1:${port}/`]
  const [program = '', ...args] = has('taskset') ? ['taskset', '-c', String(OTHER_CPU), ...wrk] : wrk
  const { stdout } = await run(program, args)
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout)
  return Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1])
}

async function openP50(port: number): Promise<{ readonly p50Ms: number; readonly lagMs: number }> {
  const load = openLoop(targetOf(`http://127.0.0.1:${port}`), OPEN_RATE)
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000))
  const result = await load.stop()
  if (Object.keys(result.errors).length > 0) throw new Error(JSON.stringify(result.errors))
  return { p50Ms: quantile(result.latenciesMs, 0.5), lagMs: result.maxLagMs }
}

const node = process.execPath
const backend = await startOnPort([node, besides('backend.mjs')], { cpu: OTHER_CPU })
const floor = await startOnPort([node, besides('floor-proxy.mjs')], { cpu: PROXY_CPU, env: { BACKEND: String(backend.port) } })
const router = await startRouterAlone({ blue: backend.port, green: backend.port }, { blue: 50, green: 50 }, PROXY_CPU)
const haproxy = await startHaproxy(backend.port, PROXY_CPU)

const cost = (port: number) => async () => 1 / (await throughput(port))
const pairs = await comparePairs({ name: 'floor', run: cost(floor.port) }, { name: 'router', run: cost(router.port) }, { pairs: PAIRS, warmups: 2 })
const peers = haproxy ? [await throughput(haproxy.port), await throughput(haproxy.port), await throughput(haproxy.port)] : []

const added: number[] = []
const direct: number[] = []
const through: number[] = []
let lagMs = 0
for (let i = 0; i < PAIRS; i++) {
  const order = i % 2 === 0 ? [backend.port, router.port] : [router.port, backend.port]
  const results = new Map<number, number>()
  for (const port of order) {
    const measured = await openP50(port)
    results.set(port, measured.p50Ms)
    lagMs = Math.max(lagMs, measured.lagMs)
  }
  direct.push(results.get(backend.port) ?? Number.NaN)
  through.push(results.get(router.port) ?? Number.NaN)
  added.push((results.get(router.port) ?? Number.NaN) - (results.get(backend.port) ?? Number.NaN))
}

for (const { child } of [backend, floor, router]) await end(child)
if (haproxy) {
  await end(haproxy.child)
  haproxy.dispose()
}

const { ratio } = pairs
const addedMs = bootstrapMedian(added)
const bars: Bar[] = [
  { name: 'router / undici floor, requests per second', value: 1 / ratio.median, limit: 0.8, direction: 'atLeast', interval: { median: 1 / ratio.median, low: 1 / ratio.high, high: 1 / ratio.low } },
  { name: `added p50 at ${OPEN_RATE} rps, ms`, value: addedMs.median, limit: 1, direction: 'atMost', interval: addedMs },
]
report(
  'proxy',
  {
    'router requests/s (median)': 1 / median(pairs.product),
    'undici floor requests/s (median)': 1 / median(pairs.floor),
    'haproxy requests/s (median, 1 thread)': peers.length > 0 ? median(peers) : 'not installed',
    'kamal-proxy': 'not measured: it does not install from the Go module proxy on this machine',
    'generator': withWrk ? 'wrk -t1 -c32' : 'own closed loop, 32 connections',
    'direct p50 ms': median(direct),
    'through the router p50 ms': median(through),
    'open-loop generator worst lag ms': lagMs,
  },
  bars,
)
process.exit()
