import type { Criterion, Series } from '../../../contract/analysis.ts'
import type { JudgeInput } from '../judge-input.ts'
import { bucketOf } from '../latency-histogram.ts'
import { normalQuantile } from '../special-functions.ts'

/** A moment, ms since 1970. */
export const T0 = 1_800_000_000_000

export interface Shape {
  /** Seconds relative to T0; the first sample ends a second after `from`. */
  readonly from: number
  readonly to: number
  readonly rps?: number
  /** Errors in a second (ending then). */
  readonly errors?: (second: number) => number
  /** Latencies of a second's requests, ms. */
  readonly latencyMs?: (second: number, request: number) => number
  readonly value?: (second: number) => number | null
  readonly everySeconds?: number
}

const LATENCIES_MS = Array.from({ length: 997 }, (_, i) => 40 * Math.exp(0.5 * normalQuantile((i + 0.5) / 997)))

/** Log-normal, median 40 ms, spread 0.5: the same for the same second and request. */
export function usualLatencyMs(second: number, request: number): number {
  // A hash (Knuth's multiplier), so that no pattern is left.
  const mixed = Math.imul(Math.imul(second + 5000, 2_654_435_761) ^ (request + 1), 1_597_334_677)
  return LATENCIES_MS[((mixed ^ (mixed >>> 15)) >>> 0) % LATENCIES_MS.length] ?? 40
}

export function seriesOf({ from, to, rps = 10, errors = () => 0, latencyMs = usualLatencyMs, value = () => null, everySeconds = 1 }: Shape): Series {
  const series: Series = { at: [], requests: [], errors: [], latency: [], values: [] }
  for (let second = from + everySeconds; second <= to; second += everySeconds) {
    const counts = new Map<number, number>()
    for (let request = 0; request < rps; request += 1) {
      const bucket = bucketOf(latencyMs(second, request))
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
    }
    series.at.push(T0 + second * 1000)
    series.requests.push(rps)
    series.errors.push(errors(second))
    series.latency.push([...counts])
    series.values.push(value(second))
  }
  return series
}

export const NOTHING: Series = { at: [], requests: [], errors: [], latency: [], values: [] }

/** A candidate since T0, judged after this many seconds. Its baseline had 90 rps for ten minutes before, one error in a thousand. */
export function inputAfter(seconds: number, candidate: Partial<Shape>, changes: Partial<JudgeInput> = {}): JudgeInput {
  return {
    now: T0 + seconds * 1000 + 50,
    candidate: seriesOf({ from: 0, to: seconds, ...candidate }),
    baseline: seriesOf({ from: -600, to: seconds, rps: 90, errors: rareErrors }),
    frozen: null,
    candidateSince: T0,
    stepSince: T0,
    weightPercent: 10,
    crashes: [],
    ...changes,
  }
}

/** One in 990 requests at 90 rps, evenly. */
export const rareErrors = (second: number): number => (second % 11 === 0 ? 1 : 0)

const rest = { severity: 'fail', graceMs: 0, absence: { action: 'hold', afterMs: 60_000 } } as const

export const ERRORS: Criterion = { ...rest, name: 'errors', metric: { source: 'router', of: 'errorRatio' }, judge: { kind: 'errors', harm: 0.02 } }
export const LATENCY: Criterion = { ...rest, name: 'latency', metric: { source: 'router', of: 'latency', quantile: 'p95' }, judge: { kind: 'latency', harm: 0.2 } }
export const ABSOLUTE: Criterion = { ...rest, name: 'absolute', metric: { source: 'router', of: 'errorRatio' }, judge: { kind: 'threshold', limit: 0.05, harm: 'above', windowMs: 10_000, minRequests: 20, consecutive: 3 } }
export const SLOW: Criterion = { ...rest, name: 'slow', metric: { source: 'router', of: 'latency', quantile: 'p99' }, judge: { kind: 'threshold', limit: 400, harm: 'above', windowMs: 10_000, minRequests: 20, consecutive: 1 } }
export const BURN: Criterion = { ...rest, name: 'burn', metric: { source: 'router', of: 'errorRatio' }, judge: { kind: 'burnRate', objective: 0.999, windows: [{ longMs: 60_000, shortMs: 5_000, factor: 14.4 }], minRequests: 50 } }
export const WHOLE: Criterion = { ...rest, name: 'whole', metric: { source: 'router', of: 'errorRatio' }, judge: { kind: 'mannWhitney', windowMs: 60_000, minPoints: 50, tolerance: 0.25, confidence: 0.98, harm: 'above' } }
export const ORDERS: Criterion = { ...rest, name: 'orders', metric: { source: 'query', provider: 'prometheus', query: 'orders', unit: 'orders/min' }, judge: { kind: 'threshold', limit: 50, harm: 'below', windowMs: 60_000, minRequests: 3, consecutive: 1 } }
export const MEMORY: Criterion = { ...rest, name: 'memory', metric: { source: 'process', of: 'memoryBytes' }, judge: { kind: 'threshold', limit: 1e9, harm: 'above', windowMs: 10_000, minRequests: 5, consecutive: 1 } }
export const ALL: readonly Criterion[] = [ERRORS, LATENCY, ABSOLUTE, SLOW, BURN, WHOLE, ORDERS, MEMORY]
