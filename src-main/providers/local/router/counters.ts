import type { SecondCounts } from './messages.ts'
import { BUCKETS, bucketOf } from '../../../core/analysis/latency-histogram.ts'

/** Counts what one environment answered to users. Preview requests are not counted. */
export interface Counters {
  answered(status: number, latencyMs: number): void
  /** Refused, reset or timed out: the router had to answer in its place. */
  failed(latencyMs: number): void
  /** What happened since the last call. */
  take(inFlight: number, connections: number): SecondCounts
}

export function createCounters(): Counters {
  const latency = new Uint32Array(BUCKETS)
  const classes = [0, 0, 0, 0, 0, 0]
  let touched = false

  function record(group: number, latencyMs: number): void {
    classes[group] = (classes[group] ?? 0) + 1
    const bucket = bucketOf(latencyMs)
    latency[bucket] = (latency[bucket] ?? 0) + 1
    touched = true
  }

  return {
    answered: (status, latencyMs) => record(status < 200 ? 2 : status < 600 ? (status / 100) | 0 : 5, latencyMs),
    failed: (latencyMs) => record(0, latencyMs),
    take(inFlight, connections) {
      const pairs: [number, number][] = []
      if (touched) latency.forEach((count, bucket) => count > 0 && pairs.push([bucket, count]))
      const [failed = 0, , s2xx = 0, s3xx = 0, s4xx = 0, s5xx = 0] = classes
      latency.fill(0)
      classes.fill(0)
      touched = false
      return { s2xx, s3xx, s4xx, s5xx, failed, latency: pairs, inFlight, connections }
    },
  }
}
