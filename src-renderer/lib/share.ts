import type { RecentMetrics } from './live-store.ts'
import type { MetricSample } from '../../src-main/contract/traffic.ts'

/** What the router counted over the last seconds. Shares are null when no request came at all. */
export interface MeasuredTraffic {
  readonly blueShare: number | null
  readonly greenShare: number | null
  readonly bluePerSecond: number
  readonly greenPerSecond: number
  readonly totalPerSecond: number
  /** Seconds that were counted; 0 when there is no sample. */
  readonly seconds: number
  /** When the newest counted second ended; null without samples. */
  readonly at: number | null
}

/** Seconds a share is measured over: long enough to be steady at 10 requests per second, short enough to be now. */
export const SHARE_SECONDS = 10

/** Share of live requests per environment, in percent with one digit of meaning, as counted by the router. */
export function measureTraffic(metrics: RecentMetrics): MeasuredTraffic {
  const at = Math.max(metrics.blue.at(-1)?.at ?? 0, metrics.green.at(-1)?.at ?? 0)
  const from = at - SHARE_SECONDS * 1000
  const blue = metrics.blue.filter((sample) => sample.at > from)
  const green = metrics.green.filter((sample) => sample.at > from)
  const seconds = Math.max(blue.length, green.length)
  const blueRequests = sumRequests(blue)
  const greenRequests = sumRequests(green)
  const total = blueRequests + greenRequests
  return {
    blueShare: total === 0 ? null : (100 * blueRequests) / total,
    greenShare: total === 0 ? null : (100 * greenRequests) / total,
    bluePerSecond: seconds === 0 ? 0 : blueRequests / seconds,
    greenPerSecond: seconds === 0 ? 0 : greenRequests / seconds,
    totalPerSecond: seconds === 0 ? 0 : total / seconds,
    seconds,
    at: at === 0 ? null : at,
  }
}

/** The first whole second after a change of weights takes this long to arrive; longer than that, nothing comes. */
const COUNTING_MS = 5_000

/** The weights have just changed, and no second with the new ones was counted yet. */
export function isCounting(metrics: RecentMetrics, now: number): boolean {
  return metrics.from !== undefined && metrics.blue.length === 0 && metrics.green.length === 0 && now - metrics.from < COUNTING_MS
}

/** Errors per request over the recent samples, 0 to 1; null without requests. */
export function recentErrorRatio(samples: readonly MetricSample[]): number | null {
  const requests = sumRequests(samples)
  if (requests === 0) return null
  return samples.reduce((sum, sample) => sum + sample.errors, 0) / requests
}

/**
 * Request-weighted mean of one-second percentiles. Percentiles of seconds do not add up to the percentile of a minute;
 * this is for the eye, the core's verdicts are made from the histograms.
 */
export function recentLatency(samples: readonly MetricSample[], key: 'p50Ms' | 'p95Ms' | 'p99Ms'): number | null {
  let requests = 0
  let weighted = 0
  for (const sample of samples) {
    const value = sample[key]
    if (value === null) continue
    requests += sample.requests
    weighted += value * sample.requests
  }
  return requests === 0 ? null : weighted / requests
}

function sumRequests(samples: readonly MetricSample[]): number {
  return samples.reduce((sum, sample) => sum + sample.requests, 0)
}
