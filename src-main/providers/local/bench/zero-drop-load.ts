// The users of the zero-drop bench, in a process of their own: requests at a constant rate, WebSockets and event streams.
// Its counterpart tells it afterwards what was switched and stopped when; all times are of the machine's monotonic clock.
import { connect } from 'node:net'
import { setPriority } from 'node:os'
import { openLoop, targetOf, type LoadReport } from '../../../bench/load.ts'
import { nowMs, quantile } from '../../../bench/measure.ts'

export type ToLoad =
  | { readonly type: 'start'; readonly address: string; readonly ratePerSecond: number; readonly requests: number; readonly webSockets: number; readonly streams: number }
  /** Asked at `beginMs`, acknowledged at `ackMs`: from then on only this environment may answer. */
  | { readonly type: 'switched'; readonly beginMs: number; readonly ackMs: number; readonly environment: string }
  /** From `beginMs` on an environment was drained; what was open there after `drainMs` was cut as announced. */
  | { readonly type: 'stopped'; readonly beginMs: number; readonly drainMs: number; readonly environment: string }
  | { readonly type: 'stop' }

export interface LoadResult {
  readonly requests: LoadReport['sent']
  readonly errors: LoadReport['errors']
  readonly stale: number
  /** Requests that were sent after an acknowledgement and ended before the next switch began. */
  readonly judged: number
  readonly maxLagMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly connections: number
  readonly long: { readonly opened: number; readonly broken: number; readonly pastDrain: number; readonly messages: number }
}

interface Cut {
  readonly environment: string
  readonly openedMs: number
  readonly atMs: number
}

const WS_LIFE_MS = 2_500
const WS_EVERY_MS = 100
/** A connection cut this much before its drain deadline, as seen from here, still counts as cut at it. */
const CUT_TOLERANCE_MS = 30

const switches: { beginMs: number; ackMs: number; environment: string }[] = []
const stops: { beginMs: number; drainMs: number; environment: string }[] = []
const long = { opened: 0, messages: 0 }
const cuts: Cut[] = []
let over = false

function keepWebSocket(host: string, port: number): void {
  if (over) return
  const openedMs = nowMs()
  const socket = connect({ host, port, noDelay: true })
  let environment = ''
  let n = 0
  let waiting = ''
  let done = false
  const timer = setInterval(() => {
    if (environment === '' || waiting !== '') return
    if (nowMs() - openedMs > WS_LIFE_MS || over) {
      done = true
      socket.end()
      return
    }
    waiting = `m${n++}`
    socket.write(waiting)
  }, WS_EVERY_MS)
  socket.write(`GET /socket HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
  long.opened += 1
  let head = ''
  socket.on('data', (chunk) => {
    if (!head.includes('\r\n\r\n')) {
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      if (!head.startsWith('HTTP/1.1 101')) socket.destroy()
      waiting = 'hello'
      socket.write(waiting)
      environment = '?'
      return
    }
    const [from = '', text] = chunk.toString().split(':')
    environment = from
    if (text === waiting) long.messages += 1
    waiting = ''
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    clearInterval(timer)
    if (!done && !over) cuts.push({ environment, openedMs, atMs: nowMs() })
    setTimeout(() => keepWebSocket(host, port), 50)
  })
}

function keepStream(host: string, port: number): void {
  if (over) return
  const openedMs = nowMs()
  const socket = connect({ host, port, noDelay: true })
  let text = ''
  long.opened += 1
  socket.write(`GET /stream HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`)
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    long.messages += 1
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    if (!text.includes('data: end') && !over) cuts.push({ environment: /data: (blue|green)/.exec(text)?.[1] ?? '', openedMs, atMs: nowMs() })
    setTimeout(() => keepStream(host, port), 50)
  })
}

function begin(message: ToLoad & { type: 'start' }): () => Promise<LoadResult> {
  const target = targetOf(message.address)
  const samples: { sentMs: number; endedMs: number; body: string }[] = []
  const load = openLoop(target, message.ratePerSecond, (sample) => samples.push({ sentMs: sample.sentMs, endedMs: sample.endedMs, body: sample.body }), message.requests)
  for (let i = 0; i < message.webSockets; i++) setTimeout(() => keepWebSocket(target.host, target.port), i * 37)
  for (let i = 0; i < message.streams; i++) setTimeout(() => keepStream(target.host, target.port), i * 53)
  const progress = setInterval(() => process.send?.({ sent: load.sent(), errors: load.errors() }), 250)
  return async () => {
    const report = await load.stop()
    over = true
    clearInterval(progress)
    let stale = 0
    let judged = 0
    let at = 0
    for (const sample of samples.toSorted((a, b) => a.sentMs - b.sentMs)) {
      while (at + 1 < switches.length && (switches[at + 1]?.ackMs ?? Infinity) <= sample.sentMs) at += 1
      const present = switches[at]
      const next = switches[at + 1]
      // A request that was under way while the next switch was made may be answered by either side.
      if (!present || sample.sentMs < present.ackMs || (next && sample.endedMs >= next.beginMs)) continue
      judged += 1
      if (sample.body !== '' && sample.body !== present.environment) stale += 1
    }
    const pastDrain = cuts.filter((cut) => stops.some((stop) => stop.environment === cut.environment && cut.openedMs < stop.beginMs && cut.atMs >= stop.beginMs + stop.drainMs - CUT_TOLERANCE_MS)).length
    return {
      requests: report.sent,
      errors: report.errors,
      stale,
      judged,
      maxLagMs: report.maxLagMs,
      p50Ms: quantile(report.latenciesMs, 0.5),
      p99Ms: quantile(report.latenciesMs, 0.99),
      connections: report.connections,
      long: { ...long, broken: cuts.length - pastDrain, pastDrain },
    }
  }
}

try {
  // A generator that is late proves nothing: where the machine allows it, it goes before what it measures.
  setPriority(-20)
} catch {
  // Only some users may.
}

let finish: (() => Promise<LoadResult>) | null = null
process.on('message', (message: ToLoad) => {
  if (message.type === 'start') finish = begin(message)
  else if (message.type === 'switched') switches.push(message)
  else if (message.type === 'stopped') stops.push(message)
  else void finish?.().then((result) => process.send?.({ result }, () => process.exit(0)))
})
process.on('disconnect', () => process.exit(1))
