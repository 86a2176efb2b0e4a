import type { Series } from '../contract/analysis.ts'
import type { EnvironmentSeries, MetricSample, ObservedService } from '../contract/traffic.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../contract/vocabulary.ts'
import type { MetricReading } from '../core/ports.ts'

/** The longest stretch a judge looks back. */
const KEEP_MS = 60 * 60_000
/** Columns are cut in pieces, not at every second. */
const CUT_MS = 5 * 60_000

/** What one environment did, in columns, since a while before its release began. */
export interface Track {
  readonly router: Series
  readonly cpuPercent: (number | null)[]
  readonly memoryBytes: (number | null)[]
  readonly inFlight: (number | null)[]
  readonly restarts: (number | null)[]
  /** When its processes ended, or stopped being ready. Wall clock ms. */
  readonly crashes: number[]
}

/** A sample this far ahead of the clock is somebody else's time, or of before the clock was set back. */
const AHEAD_MS = 2_000

/** Without what claims to come from the future: it would shadow everything until that time has come. */
export function withoutFuture(series: EnvironmentSeries, now: number): EnvironmentSeries {
  const past = (samples: readonly MetricSample[]) => (samples.some(({ at }) => at > now + AHEAD_MS) ? samples.filter(({ at }) => at <= now + AHEAD_MS) : samples)
  return { blue: past(series.blue), green: past(series.green) }
}

export function emptySeries(): Series {
  return { at: [], requests: [], errors: [], latency: [], values: [] }
}

function emptyTrack(): Track {
  return { router: emptySeries(), cpuPercent: [], memoryBytes: [], inFlight: [], restarts: [], crashes: [] }
}

/** Everything judges may look at for one service with a release under way: both environments, side by side. */
export function createRecording() {
  const tracks: Readonly<Record<EnvironmentName, Track>> = { blue: emptyTrack(), green: emptyTrack() }
  let last: ObservedService | null = null

  function append(environment: EnvironmentName, sample: MetricSample): void {
    const { router, cpuPercent, memoryBytes, inFlight, restarts } = tracks[environment]
    const newest = router.at.at(-1) ?? -Infinity
    if (sample.at <= newest) return
    router.at.push(sample.at)
    router.requests.push(sample.requests)
    router.errors.push(sample.errors)
    router.latency.push(sample.latency)
    router.values.push(null)
    cpuPercent.push(sample.cpuPercent)
    memoryBytes.push(sample.memoryBytes)
    inFlight.push(sample.inFlight)
    restarts.push(last?.environments[environment].restarts ?? null)
    cutColumns(router.at, [router.requests, router.errors, router.latency, router.values, cpuPercent, memoryBytes, inFlight, restarts])
  }

  return {
    tracks,
    add(series: EnvironmentSeries): void {
      for (const environment of ENVIRONMENTS) for (const sample of series[environment]) append(environment, sample)
    },
    /** A process that ends, or an environment that stops being ready while it has traffic, is evidence. */
    see(observed: ObservedService, at: number): void {
      const before = last
      last = observed
      if (!before) return
      for (const environment of ENVIRONMENTS) {
        const was = before.environments[environment]
        const is = observed.environments[environment]
        const died = is.restarts > was.restarts && is.deployed?.version === was.deployed?.version
        const lost = observed.weights[environment] > 0 && was.readiness === 'ready' && ['unready', 'crashed'].includes(is.readiness)
        if (died || lost) tracks[environment].crashes.push(at)
      }
    },
  }
}
export type Recording = ReturnType<typeof createRecording>

/** A metrics provider's points as judges read them. Appends what is newer, drops what no judge looks back to. */
export function addReading(series: Series, reading: MetricReading, latencyBucket: (ms: number) => number): void {
  for (const point of reading.points) {
    if (point.at <= (series.at.at(-1) ?? -Infinity)) continue
    series.at.push(point.at)
    series.requests.push(point.requests)
    series.errors.push(point.errors)
    series.latency.push(point.latencyMs === null || point.requests === 0 ? [] : [[latencyBucket(point.latencyMs), point.requests]])
    series.values.push(point.value)
  }
  cutColumns(series.at, [series.requests, series.errors, series.latency, series.values])
}

/** Rows older than an hour go, some minutes at a time. */
function cutColumns(at: number[], columns: readonly unknown[][]): void {
  const newest = at.at(-1)
  if (newest === undefined || newest - (at[0] ?? newest) <= KEEP_MS + CUT_MS) return
  const count = at.findIndex((each) => each > newest - KEEP_MS)
  for (const column of [at, ...columns]) column.splice(0, count)
}

/** Rows after `fromAt`, copied. Latencies only where the judge reads them. */
export function sliceSeries(series: Series, fromAt: number, withLatency: boolean): Series {
  const start = series.at.findIndex((at) => at > fromAt)
  const from = start === -1 ? series.at.length : start
  return {
    at: series.at.slice(from),
    requests: series.requests.slice(from),
    errors: series.errors.slice(from),
    latency: withLatency ? series.latency.slice(from) : series.at.slice(from).map(() => []),
    values: series.values.slice(from),
  }
}
