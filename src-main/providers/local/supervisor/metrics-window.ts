import type { EnvironmentSeries, MetricSample } from '../../../contract/traffic.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../../../contract/vocabulary.ts'
import type { SecondCounts } from '../router/messages.ts'
import { percentileMs } from '../../../core/analysis/latency-histogram.ts'
import type { Usage } from './usage.ts'

/** How far back samples are kept, seconds. */
export const WINDOW_SECONDS = 15 * 60

/** Two routers during an upgrade are not this far apart. */
const CLOCK_SET_BACK_MS = 2_000

/** The live window of one service: a sample per environment and second, from what its routers counted. */
export interface MetricsWindow {
  add(at: number, counts: Readonly<Record<EnvironmentName, SecondCounts>>, usage: Readonly<Record<EnvironmentName, Usage | null>>): void
  since(fromAt: number): EnvironmentSeries
}

interface Second {
  readonly at: number
  counts: SecondCounts
  latency: Map<number, number>
  sample: MetricSample
}

function toSample(at: number, counts: SecondCounts, latency: ReadonlyMap<number, number>, usage: Usage | null): MetricSample {
  const { s2xx, s3xx, s4xx, s5xx, failed } = counts
  return {
    at,
    requests: s2xx + s3xx + s4xx + s5xx + failed,
    errors: s5xx + failed,
    byClass: { s2xx, s3xx, s4xx, s5xx, failed },
    p50Ms: percentileMs(latency, 0.5),
    p95Ms: percentileMs(latency, 0.95),
    p99Ms: percentileMs(latency, 0.99),
    latency: [...latency],
    inFlight: counts.inFlight,
    connections: counts.connections,
    cpuPercent: usage?.cpuPercent ?? null,
    memoryBytes: usage?.memoryBytes ?? null,
  }
}

function merge(a: SecondCounts, b: SecondCounts): SecondCounts {
  return {
    s2xx: a.s2xx + b.s2xx,
    s3xx: a.s3xx + b.s3xx,
    s4xx: a.s4xx + b.s4xx,
    s5xx: a.s5xx + b.s5xx,
    failed: a.failed + b.failed,
    latency: [],
    inFlight: a.inFlight + b.inFlight,
    connections: a.connections + b.connections,
  }
}

export function createMetricsWindow(): MetricsWindow {
  const seconds: Record<EnvironmentName, Second[]> = { blue: [], green: [] }

  return {
    add(at, counts, usage) {
      for (const name of ENVIRONMENTS) {
        const list = seconds[name]
        // The clock was set back: what carries a time that is still to come would shadow everything until then.
        if ((list.at(-1)?.at ?? 0) > at + CLOCK_SET_BACK_MS) list.splice(list.findIndex((second) => second.at > at))
        const last = list.at(-1)
        const added = counts[name]
        if (last?.at === at) {
          // Two routers during an upgrade count the same second.
          last.counts = merge(last.counts, added)
          for (const [bucket, count] of added.latency) last.latency.set(bucket, (last.latency.get(bucket) ?? 0) + count)
          last.sample = toSample(at, last.counts, last.latency, usage[name])
          continue
        }
        if (last && last.at > at) continue
        const latency = new Map(added.latency)
        list.push({ at, counts: added, latency, sample: toSample(at, added, latency, usage[name]) })
        if (last) last.latency = new Map()
        if (list.length > WINDOW_SECONDS) list.shift()
      }
    },
    since(fromAt) {
      const pick = (name: EnvironmentName) => seconds[name].filter((second) => second.at >= fromAt).map((second) => second.sample)
      return { blue: pick('blue'), green: pick('green') }
    },
  }
}
