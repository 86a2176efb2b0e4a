import type { FlagGuardSeries } from '../../../src-main/contract/flag.ts'

type Point = FlagGuardSeries['exposed'][number]
type Line = readonly (number | null)[]

export interface GuardSide {
  readonly errorRatio: Line
  readonly p99Ms: Line
  readonly perSecond: Line
}

export interface GuardLines {
  readonly times: readonly number[]
  readonly exposed: GuardSide
  readonly unexposed: GuardSide
  /** Milliseconds of one point. */
  readonly bucketMs: number
}

/** Points a line has at most: about one per three pixels. */
const POINTS = 300
/** A ratio over fewer seconds than this jumps where few users are exposed. */
const RATIO_MS = 10_000

/** Counts of seconds as points of lines over shared instants. Null is "no data", never zero. */
export function toGuardLines({ exposed, unexposed, resolutionMs }: FlagGuardSeries, fromMs: number, toMs: number): GuardLines {
  const bucketMs = Math.max(resolutionMs, Math.ceil((toMs - fromMs) / POINTS / 1000) * 1000)
  const first = Math.ceil(fromMs / bucketMs)
  const count = Math.max(0, Math.floor(toMs / bucketMs) - first + 1)
  const times = Array.from({ length: count }, (_, index) => (first + index) * bucketMs)
  return { times, bucketMs, exposed: sideOf(exposed, first, count, bucketMs), unexposed: sideOf(unexposed, first, count, bucketMs) }
}

interface Bucket {
  requests: number
  errors: number
  timed: number
  p99: number
}

function sideOf(points: readonly Point[], first: number, count: number, bucketMs: number): GuardSide {
  const buckets: (Bucket | undefined)[] = Array.from({ length: count })
  for (const point of points) {
    const index = Math.ceil(point.at / bucketMs) - first
    if (index < 0 || index >= count) continue
    const bucket = (buckets[index] ??= { requests: 0, errors: 0, timed: 0, p99: 0 })
    bucket.requests += point.requests
    bucket.errors += point.errors
    if (point.p99Ms !== null) {
      bucket.timed += point.requests
      bucket.p99 += point.p99Ms * point.requests
    }
  }
  const trail = Math.max(1, Math.round(RATIO_MS / bucketMs))
  return {
    errorRatio: buckets.map((bucket, index) => {
      // A second that was reported without requests says nothing against those before it; one that was not is a gap.
      if (!bucket) return null
      let [requests, errors] = [0, 0]
      for (let back = 0; back < trail; back += 1) {
        requests += buckets[index - back]?.requests ?? 0
        errors += buckets[index - back]?.errors ?? 0
      }
      return requests === 0 ? null : errors / requests
    }),
    p99Ms: buckets.map((bucket) => (bucket && bucket.timed > 0 ? bucket.p99 / bucket.timed : null)),
    perSecond: buckets.map((bucket) => (bucket ? (bucket.requests * 1000) / bucketMs : null)),
  }
}
