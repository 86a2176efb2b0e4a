import { openConnection, type Answer, type HttpConnection } from './http-connection.ts'
import { nowMs } from './measure.ts'

/**
 * Load over HTTP/1.1 with keep-alive and without any retry.
 *
 * `openLoop` sends at a constant rate whatever the server does, and times a request from when it was due: a stall
 * then shows with everybody it kept waiting (no coordinated omission, Tene). Its own lag is reported, because a
 * generator that cannot keep its rate proves nothing.
 */

export interface LoadTarget {
  readonly host: string
  readonly port: number
  readonly path: string
}

/** One request, as it went. Times are of the machine's monotonic clock, the same in every process. */
export interface Sample extends Answer {
  readonly sentMs: number
  readonly endedMs: number
}

export interface LoadReport {
  readonly sent: number
  readonly answered: number
  /** What went wrong, and how often: error texts, and `status 5xx`. */
  readonly errors: Readonly<Record<string, number>>
  readonly latenciesMs: readonly number[]
  /** How late requests were sent, worst. */
  readonly maxLagMs: number
  readonly connections: number
}

export interface OpenLoop {
  /** Stops sending, waits for the answers, and reports. */
  stop(): Promise<LoadReport>
  sent(): number
  errors(): number
  /** Connections open at this moment. */
  open(): number
}

const DRAIN_MS = 5_000
const KEEP_LATENCIES = 400_000

function headOf({ host, port, path }: LoadTarget): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`
}

function createTally() {
  const errors: Record<string, number> = {}
  const latenciesMs: number[] = []
  return {
    errors,
    latenciesMs,
    answered: 0,
    failures: 0,
    add(answer: Answer, latencyMs: number) {
      this.answered += 1
      const problem = answer.error ?? (answer.status >= 500 || answer.status === 0 ? `status ${answer.status}` : null)
      if (problem !== null) {
        errors[problem] = (errors[problem] ?? 0) + 1
        this.failures += 1
      } else if (latenciesMs.length < KEEP_LATENCIES) latenciesMs.push(latencyMs)
    },
  }
}

/** Sends `ratePerSecond` until stopped, or until `requests` were sent. */
export function openLoop(target: LoadTarget, ratePerSecond: number, onSample: (sample: Sample) => void = () => {}, requests = Infinity): OpenLoop {
  const head = headOf(target)
  const idle: HttpConnection[] = []
  const all = new Set<HttpConnection>()
  const tally = createTally()
  const startedMs = nowMs()
  let sent = 0
  let opened = 0
  let maxLagMs = 0
  let over = false

  function take(): HttpConnection {
    for (;;) {
      const connection = idle.pop()
      if (!connection) break
      if (connection.usable()) return connection
    }
    opened += 1
    const connection = openConnection(target.host, target.port, () => all.delete(connection))
    all.add(connection)
    return connection
  }

  function sendOne(dueMs: number): void {
    const sentMs = nowMs()
    maxLagMs = Math.max(maxLagMs, sentMs - dueMs)
    sent += 1
    const connection = take()
    connection.request(head, (answer) => {
      const endedMs = nowMs()
      tally.add(answer, endedMs - dueMs)
      if (connection.usable()) idle.push(connection)
      onSample({ ...answer, sentMs, endedMs })
    })
  }

  const timer = setInterval(() => {
    const due = Math.min(requests, Math.floor(((nowMs() - startedMs) * ratePerSecond) / 1000))
    while (sent < due) sendOne(startedMs + ((sent + 1) * 1000) / ratePerSecond)
    if (sent >= requests) clearInterval(timer)
  }, 1)

  return {
    sent: () => sent,
    open: () => all.size,
    errors: () => tally.failures,
    async stop() {
      if (!over) clearInterval(timer)
      over = true
      const deadline = nowMs() + DRAIN_MS
      while (tally.answered < sent && nowMs() < deadline) await new Promise((resolve) => setTimeout(resolve, 10))
      const missing = sent - tally.answered
      if (missing > 0) tally.errors['no answer'] = missing
      for (const connection of all) connection.close()
      return { sent, answered: tally.answered, errors: tally.errors, latenciesMs: tally.latenciesMs, maxLagMs, connections: opened }
    },
  }
}

/** As many requests as `connections` can carry, one at a time each, for so long. Returns answered requests per second. */
export async function closedLoop(target: LoadTarget, connections: number, durationMs: number): Promise<LoadReport & { readonly perSecond: number }> {
  const head = headOf(target)
  const tally = createTally()
  const startedMs = nowMs()
  const endMs = startedMs + durationMs
  let sent = 0
  await Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise<void>((resolve) => {
          const connection = openConnection(target.host, target.port, resolve)
          const next = () => {
            const sentMs = nowMs()
            sent += 1
            connection.request(head, (answer) => {
              const endedMs = nowMs()
              tally.add(answer, endedMs - sentMs)
              if (endedMs < endMs && connection.usable()) next()
              else connection.close()
            })
          }
          next()
        }),
    ),
  )
  const seconds = (nowMs() - startedMs) / 1000
  return { sent, answered: tally.answered, errors: tally.errors, latenciesMs: tally.latenciesMs, maxLagMs: 0, connections, perSecond: tally.latenciesMs.length / seconds }
}

/** Parses `http://host:port` and a path into a target. */
export function targetOf(address: string, path = '/'): LoadTarget {
  const url = new URL(address)
  return { host: url.hostname, port: Number(url.port), path }
}
