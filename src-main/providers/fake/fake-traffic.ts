import type { EnvironmentSeries, MetricSample, Weights } from '../../contract/traffic.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../../contract/vocabulary.ts'
import { bucketOf } from '../../core/analysis/latency-histogram.ts'

const KEEP_SECONDS = 15 * 60

/** How one environment answers at the moment. */
export interface Answering {
  readonly ready: boolean
  /** 0 to 1. */
  readonly errorRatio: number
  /** Every request takes so long at the 99th percentile, and half of it at the median. */
  readonly p99Ms: number
  readonly memoryBytes: number | null
}

/**
 * What a router would have counted, second by second, of steady traffic. Without `random`, exact shares: errors carry
 * over from second to second, so that 1 % of 10 requests is one in ten seconds. With it, Poisson counts.
 */
export function createFakeTraffic(requestsPerSecond: number, random: (() => number) | null) {
  const samples: Record<EnvironmentName, MetricSample[]> = { blue: [], green: [] }
  const owed: Record<EnvironmentName, number> = { blue: 0, green: 0 }
  let countedTo: number | null = null

  function poisson(mean: number): number {
    if (!random || mean <= 0) return Math.round(mean)
    if (mean > 50) {
      // Normal approximation (Box-Muller): its error is far below what any test here looks at.
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
      return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal))
    }
    const floor = Math.exp(-mean)
    let count = -1
    for (let product = 1; product > floor; count += 1) product *= random()
    return count
  }

  function second(environment: EnvironmentName, at: number, weight: number, { ready, errorRatio, p99Ms, memoryBytes }: Answering): MetricSample {
    const requests = poisson((requestsPerSecond * weight) / 100)
    owed[environment] += ready ? (random ? poisson(requests * errorRatio) : requests * errorRatio) : requests
    const errors = Math.min(requests, Math.floor(owed[environment] + 1e-9))
    owed[environment] -= errors
    if (random) owed[environment] = 0
    const none = requests === 0
    const slow = Math.round(requests * 0.05)
    const latency: [number, number][] = none ? [] : slow === 0 ? [[bucketOf(p99Ms / 2), requests]] : [[bucketOf(p99Ms / 2), requests - slow], [bucketOf(p99Ms), slow]]
    return {
      at,
      requests,
      errors,
      byClass: { s2xx: requests - errors, s3xx: 0, s4xx: 0, s5xx: errors, failed: 0 },
      p50Ms: none ? null : p99Ms / 2,
      p95Ms: none ? null : p99Ms,
      p99Ms: none ? null : p99Ms,
      latency,
      inFlight: 0,
      connections: 0,
      cpuPercent: null,
      memoryBytes,
    }
  }

  return {
    /** Counts the seconds until now as things are: call it before anything changes. */
    countTo(now: number, weights: Weights, answering: (environment: EnvironmentName) => Answering): void {
      const end = Math.floor(now / 1000) * 1000
      const from = Math.max((countedTo ?? end - 1000) + 1000, end - KEEP_SECONDS * 1000)
      for (const environment of ENVIRONMENTS) {
        const how = answering(environment)
        for (let at = from; at <= end; at += 1000) samples[environment].push(second(environment, at, weights[environment], how))
        if (samples[environment].length > KEEP_SECONDS + 60) samples[environment].splice(0, samples[environment].length - KEEP_SECONDS)
      }
      // A clock set back leaves a stretch without samples, as a router's would.
      countedTo = end
    },
    since: (fromAt: number): EnvironmentSeries => ({ blue: samples.blue.filter(({ at }) => at > fromAt), green: samples.green.filter(({ at }) => at > fromAt) }),
  }
}
export type FakeTraffic = ReturnType<typeof createFakeTraffic>
