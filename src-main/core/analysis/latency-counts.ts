import type { CleanSeries } from './clean-series.ts'
import type { Counts } from './counts.ts'
import { HARM_SIZES } from './evidence.ts'
import { BUCKETS, bucketMiddleMs, bucketOf } from './latency-histogram.ts'

/** A mark is set by the last quarter of an hour before the candidate, when that holds so many requests; else by everything so far. */
const MIN_RECORD = 200
const RECORD_MS = 15 * 60_000

type Pairs = readonly (readonly [number, number])[]

/** Counts per bucket of latency-histogram.ts. */
export type Histogram = Float64Array

/** Slower than `bucket` is slow. */
export interface Mark {
  readonly bucket: number
  readonly ms: number
  readonly alternatives: (baselineShare: number) => readonly number[]
}

interface Timing {
  readonly mark: number
  readonly total: number
  readonly slow: number
}

/** The same intervals are judged every second for an hour, at two marks. What they hold does not change. */
const known = new WeakMap<Pairs, readonly Timing[]>()
const MARKS_KEPT = 4

function isReadable(pair: readonly [unknown, unknown]): boolean {
  const bucket = pair[0]
  const count = pair[1]
  return typeof bucket === 'number' && typeof count === 'number' && bucket >= 0 && bucket < BUCKETS && count >= 0 && count < Infinity
}

function timingOf(pairs: Pairs, mark: number): Timing {
  const before = known.get(pairs) ?? []
  const found = before.find((timing) => timing.mark === mark)
  if (found) return found
  let total = 0
  let slow = 0
  for (let i = 0; i < pairs.length; i += 1) {
    const pair = pairs[i]
    if (!pair) continue
    const count = pair[1]
    if (!isReadable(pair)) total = Number.NaN
    total += count
    if (pair[0] > mark) slow += count
  }
  const timing = { mark, total, slow }
  known.set(pairs, [timing, ...before].slice(0, MARKS_KEPT))
  return timing
}

/**
 * The series with "timed requests" for requests and "slower than the mark" for errors. Leaves out intervals that cannot
 * be read: an impossible histogram, or none although requests succeeded.
 */
export function countSlow(series: CleanSeries, mark: number): CleanSeries {
  const counted = { at: [] as number[], requests: [] as number[], errors: [] as number[], latency: [] as Pairs[], values: [] as (number | null)[], unusable: series.unusable }
  for (let i = 0; i < series.at.length; i += 1) {
    const pairs = series.latency[i] ?? []
    const { total, slow } = timingOf(pairs, mark)
    if (Number.isNaN(total) || (total === 0 && (series.requests[i] ?? 0) > (series.errors[i] ?? 0))) {
      counted.unusable += 1
      continue
    }
    counted.at.push(series.at[i] ?? 0)
    counted.requests.push(total)
    counted.errors.push(slow)
    counted.latency.push(pairs)
    counted.values.push(null)
  }
  return counted
}

export function countAllSlow(counts: Counts, mark: number): Counts {
  return { ...counts, candidate: countSlow(counts.candidate, mark), baseline: countSlow(counts.baseline, mark), frozen: counts.frozen && countSlow(counts.frozen, mark) }
}

export function histogramOf(series: CleanSeries, fromAt: number, toAt: number, into: Histogram = new Float64Array(BUCKETS)): Histogram {
  for (let i = series.at.length - 1; i >= 0; i -= 1) {
    const at = series.at[i] ?? 0
    if (at <= fromAt) break
    if (at > toAt) continue
    for (const pair of series.latency[i] ?? []) if (isReadable(pair)) into[pair[0]] = (into[pair[0]] ?? 0) + pair[1]
  }
  return into
}

export function sizeOf(histogram: Histogram): number {
  let total = 0
  for (const count of histogram) total += count
  return total
}

/** The bucket below which, and in which, this share of the counts lies; null without counts. */
export function quantileBucket(histogram: Histogram, share: number): number | null {
  const total = sizeOf(histogram)
  if (total === 0) return null
  let left = Math.max(1, Math.ceil(total * share))
  for (const [bucket, count] of histogram.entries()) {
    left -= count
    if (left <= 0) return bucket
  }
  return BUCKETS - 1
}

export function quantileMs(histogram: Histogram, share: number): number | null {
  const bucket = quantileBucket(histogram, share)
  return bucket === null ? null : Math.round(bucketMiddleMs(bucket) * 1000) / 1000
}

/** The baseline's quantile, and the shares above it if everything were slower by each size of harm. */
export function markOf(counts: Counts, quantile: number, harm: number): Mark {
  const record = histogramOf(counts.baseline, counts.fromAt - RECORD_MS, counts.fromAt)
  if (counts.frozen && sizeOf(record) < MIN_RECORD) histogramOf(counts.frozen, -Infinity, counts.fromAt, record)
  return markIn(sizeOf(record) >= MIN_RECORD ? record : histogramOf(counts.baseline, counts.fromAt, Infinity, record), quantile, harm)
}

export function markIn(record: Histogram, quantile: number, harm: number): Mark {
  const total = sizeOf(record)
  const bucket = quantileBucket(record, quantile) ?? 0
  const above = (limit: number) => {
    let count = 0
    for (let at = limit + 1; at < record.length; at += 1) count += record[at] ?? 0
    return total === 0 ? 0 : count / total
  }
  const mark = bucketMiddleMs(bucket)
  const usual = above(bucket)
  const slower = HARM_SIZES.map((size) => above(bucketOf(mark / (1 + harm * size))))
  // The baseline's share may wander with the day; the harm is kept in proportion.
  const alternatives = (now: number) => slower.map((ratio) => Math.min(0.97, Math.max(now * 1.1, usual > 0 ? (now * ratio) / usual : ratio)))
  return { bucket, ms: mark, alternatives }
}
