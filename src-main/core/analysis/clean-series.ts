import type { Series } from '../../contract/analysis.ts'

/** A sample this far ahead of the clock is somebody else's time. */
const AHEAD_MS = 2_000

/** What of a series can be believed, in order, each interval once. */
export interface CleanSeries {
  /** Ends of intervals, wall clock ms, strictly growing. */
  readonly at: readonly number[]
  readonly requests: readonly number[]
  readonly errors: readonly number[]
  /** As they came: whoever reads them judges them. */
  readonly latency: readonly (readonly (readonly [number, number])[])[]
  readonly values: readonly (number | null)[]
  /** Intervals that were there but said nothing believable: NaN, infinite, negative, more errors than requests. */
  readonly unusable: number
}

/** Evidence that was kept as JSON has null where there was NaN; that is no count either. */
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0

/**
 * Keeps what can be believed between `fromAt` (exclusive) and now: sorted, the first of doubles, nothing from the
 * future, and no interval whose counts are no counts. (A counter that was reset yields a negative difference.) An
 * interval left out is absence: it neither helps nor harms.
 */
export function cleanSeries(series: Series, fromAt: number, now: number): CleanSeries {
  const order: number[] = []
  let sorted = true
  let last = -Infinity
  for (let i = 0; i < series.at.length; i += 1) {
    const at = series.at[i] ?? Number.NaN
    if (!(at > fromAt && at <= now + AHEAD_MS)) continue
    if (at <= last) sorted = false
    last = at
    order.push(i)
  }
  if (!sorted) order.sort((a, b) => (series.at[a] ?? 0) - (series.at[b] ?? 0) || a - b)
  const clean = { at: [] as number[], requests: [] as number[], errors: [] as number[], latency: [] as (readonly (readonly [number, number])[])[], values: [] as (number | null)[], unusable: 0 }
  for (const i of order) {
    const at = series.at[i] ?? Number.NaN
    if (at === clean.at.at(-1)) continue
    const requests = series.requests[i]
    const errors = series.errors[i]
    const value = series.values[i] ?? null
    if (!isCount(requests) || !isCount(errors) || errors > requests || (value !== null && !Number.isFinite(value))) {
      clean.unusable += 1
      continue
    }
    clean.at.push(at)
    clean.requests.push(requests)
    clean.errors.push(errors)
    clean.latency.push(series.latency[i] ?? [])
    clean.values.push(value)
  }
  return clean
}

/** Usual distance between samples, ms: the median of the last 60; null with fewer than two. */
export function intervalOf(at: readonly number[]): number | null {
  const gaps = at.slice(-61).flatMap((value, i, all) => (i === 0 ? [] : [value - (all[i - 1] ?? value)]))
  return gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? null
}
