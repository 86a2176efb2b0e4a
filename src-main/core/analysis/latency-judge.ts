import type { Criterion, CriterionResult } from '../../contract/analysis.ts'
import type { CleanSeries } from './clean-series.ts'
import { readCounts, testCounts, type Counts } from './counts.ts'
import { HARM_SIZES } from './evidence.ts'
import type { JudgeInput, JudgeOptions } from './judge-input.ts'
import { bucketMiddleMs, bucketOf, percentileMs } from './latency-histogram.ts'
import { absenceOf } from './presence.ts'
import { baselineWords, crashWords, decide, recentCrashes, tellingStretch, totalOf, unjudged, type Stretch } from './sequential-judge.ts'
import { blankResult, nameOf, readable, readableDuration } from './words.ts'

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const
/** A probe measures single checks; their upper percentiles mean nothing. */
const PROBE_QUANTILE = 0.5
/** A mark is set by the record before the candidate when it holds so many requests, else by everything so far. */
const MIN_RECORD = 200
/** The other side counts as equally slow from this share of the harm on. */
const SHARED_MS = 60_000

type Histogram = Map<number, number>

const slowOf = (series: CleanSeries, i: number): number => series.errors[i] ?? 0

export function quantileOf(criterion: Criterion): number | null {
  const { metric } = criterion
  if (metric.source === 'router' && metric.of === 'latency') return QUANTILES[metric.quantile]
  return metric.source === 'probe' && metric.of === 'latency' ? PROBE_QUANTILE : null
}

/**
 * Latency of the candidate against the other environment's, as a sequential test on a share: how many requests are
 * slower than the baseline's quantile? The shares to expect when everything is 20 % (`harm`), 60 %, 3 times or 7 times
 * slower are read off the baseline's own distribution, scaled (bucket by bucket, so to within 3 %). The test is that of
 * evidence.ts, so it holds with few requests, under peeking and with bursts.
 *
 * A growth below about half of `harm` is never found, by design. At weight 100 the baseline is the record before the
 * switch; without a record there is no verdict. Within grace nothing is judged: caches warm up.
 */
export function judgeLatency(criterion: Criterion, harm: number, input: JudgeInput, options: JudgeOptions): CriterionResult {
  const blank = blankResult(criterion, { fromAt: input.candidateSince, toAt: input.now })
  const name = nameOf(criterion.metric)
  const no = (why: string, absentSince: number | null, base = blank) => ({ ...unjudged(criterion, input, base, 0, options, why, absentSince), ...(recentCrashes(input) > 0 ? { why: why + crashWords(recentCrashes(input)) } : {}) })
  const quantile = quantileOf(criterion)
  if (quantile === null) return no('This judge compares latencies; it cannot judge this metric. Use a threshold.', null)
  const raw = readCounts(criterion, input)
  const timed = timedOnly(raw)
  const absent = absenceOf(criterion, timed.candidate, input.candidateSince, input.now)
  if (absent) return no(`No verdict on ${lower(name)}: ${absent.why}.`, absent.since)
  const silent = input.weightPercent < 100 && input.baseline.at.length > 0 ? absenceOf(criterion, timed.baseline, Math.min(input.candidateSince, input.now - 60_000), input.now) : null
  if (silent) return no(`No verdict on ${lower(name)}: of the other environment, ${silent.why}.`, silent.since)

  const mine = histogramOf(timed.candidate, timed.fromAt, timed.toAt)
  const value = percentileMs(mine, quantile)
  const measured = { ...blank, value, requests: sizeOf(mine), fromAt: timed.fromAt, toAt: timed.toAt }
  if (input.now <= timed.origin) return no(`Grace: ${lower(name)} is judged ${readableDuration(timed.origin - input.now)} from now.`, null, measured)
  if (timed.against === 'none') return no(`${name} ${ms(value)} over ${readable(measured.requests)} requests; there is nothing to compare it with (no other version had traffic).`, null, measured)

  const mark = markOf(timed, quantile, harm)
  const counts: Counts = { ...timed, candidate: countSlow(timed.candidate, mark.bucket), baseline: countSlow(timed.baseline, mark.bucket), frozen: timed.frozen && countSlow(timed.frozen, mark.bucket) }
  const tested = testCounts(counts, slowOf, mark.alternatives)
  const decision = decide(tested, { ...input, crashes: [] }, options)
  const usualShare = tested.evidence.baselineRatio()
  const stretch = tellingStretch(counts, slowOf, usualShare)
  const other = baselineHistogram(timed)
  const baseline = percentileMs(other, quantile)
  const result: CriterionResult = {
    ...measured,
    baseline,
    against: counts.against === 'live' ? 'live' : 'history',
    limit: baseline === null ? null : baseline * (1 + harm),
    statistic: decision.statistic,
    closeness: decision.closeness,
    verdict: decision.verdict,
  }
  const against = baselineWords(counts, ms(baseline))
  const growth = `${readable(harm * 100)} % more`
  if (decision.verdict === 'fail') {
    const telling = histogramOf(timed.candidate, stretch.fromAt, timed.toAt)
    const shown = percentileMs(telling, quantile)
    const failing = { ...result, value: shown, requests: sizeOf(telling), fromAt: stretch.fromAt }
    const sentence = `${name} ${ms(shown)} over ${readable(sizeOf(telling))} requests in ${readableDuration(timed.toAt - stretch.fromAt)}, ${against}: ${share(stretch)} were slower than ${ms(mark.ms)}, usual is ${readable(usualShare * 100)} %`
    if (otherIsSlow(counts, stretch, usualShare, mark.alternatives(usualShare)[0] ?? 1)) return { ...failing, verdict: 'inconclusive', bothSides: true, why: `${sentence}. But the other environment has become slow too: moving traffic would not help.` }
    return { ...failing, why: `${sentence} (e-value ${readable(decision.statistic.value)}, limit ${readable(decision.statistic.limit)}).` }
  }
  const sentence = `${name} ${ms(value)} over ${readable(measured.requests)} requests, ${against}`
  if (decision.verdict === 'pass') return { ...result, why: `${sentence}: ${growth} would have shown by now.` }
  if (decision.wouldShow) return { ...result, why: `${sentence}: too slow to pass, not certain enough to fail (e-value ${readable(decision.statistic.value)}, limit ${readable(decision.statistic.limit)}).` }
  return { ...result, why: `${sentence}: too few requests yet to rule out ${growth}.` }
}

const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)
const ms = (value: number | null): string => (value === null ? 'unknown' : `${readable(value)} ms`)
const share = (stretch: Stretch): string => `${readable((100 * stretch.events) / Math.max(1, stretch.requests))} %`
export function sizeOf(histogram: ReadonlyMap<number, number>): number {
  let total = 0
  for (const count of histogram.values()) total += count
  return total
}

/** Only intervals whose latencies are known, and as many requests as were timed. */
function timedOnly(counts: Counts): Counts {
  return { ...counts, candidate: timedSeries(counts.candidate), baseline: timedSeries(counts.baseline), frozen: counts.frozen && timedSeries(counts.frozen) }
}

function timedSeries(series: CleanSeries): CleanSeries {
  const timed = series.latency.map((pairs, i) => {
    const total = pairs === null ? Number.NaN : pairs.reduce((sum, [, count]) => sum + count, 0)
    // Requests that succeeded, and not one of them timed: the histogram is missing.
    return total === 0 && (series.requests[i] ?? 0) > (series.errors[i] ?? 0) ? Number.NaN : total
  })
  const keep = timed.flatMap((total, i) => (Number.isNaN(total) ? [] : [i]))
  if (keep.length === timed.length) return { ...series, requests: timed }
  const pick = <T>(column: readonly T[]): T[] => column.filter((_, i) => !Number.isNaN(timed[i]))
  return { at: pick(series.at), requests: pick(timed), errors: pick(series.errors), latency: pick(series.latency), values: pick(series.values), unusable: series.unusable + timed.length - keep.length }
}

/** The same series with "slower than the mark" in place of errors. */
function countSlow(series: CleanSeries, mark: number): CleanSeries {
  return { ...series, errors: series.latency.map((pairs) => (pairs ?? []).reduce((sum, [bucket, count]) => (bucket > mark ? sum + count : sum), 0)) }
}

function histogramOf(series: CleanSeries, fromAt: number, toAt: number, into: Histogram = new Map()): Histogram {
  for (const [i, at] of series.at.entries()) {
    if (at <= fromAt || at > toAt) continue
    for (const [bucket, count] of series.latency[i] ?? []) into.set(bucket, (into.get(bucket) ?? 0) + count)
  }
  return into
}

/** What is shown beside the candidate: the other side over the same time where it has traffic, else all that is known of it. */
function baselineHistogram(counts: Counts): Histogram {
  const now = histogramOf(counts.baseline, counts.fromAt, counts.toAt)
  if (counts.against === 'live' && sizeOf(now) > 0) return now
  const all = histogramOf(counts.baseline, -Infinity, Infinity)
  return counts.frozen ? histogramOf(counts.frozen, -Infinity, Infinity, all) : all
}

export interface Mark {
  /** Requests in higher buckets are slow. */
  readonly bucket: number
  readonly ms: number
  readonly alternatives: (baselineShare: number) => readonly number[]
}

/** The baseline's quantile, and the shares above it if everything were slower by each size of harm. */
function markOf(counts: Counts, quantile: number, harm: number): Mark {
  const record = histogramOf(counts.baseline, -Infinity, counts.fromAt)
  if (counts.frozen) histogramOf(counts.frozen, -Infinity, counts.fromAt, record)
  return markIn(sizeOf(record) >= MIN_RECORD ? record : histogramOf(counts.baseline, counts.fromAt, Infinity, record), quantile, harm)
}

export function markIn(record: Histogram, quantile: number, harm: number): Mark {
  const total = sizeOf(record)
  const bucket = bucketOf(percentileMs(record, quantile) ?? 0)
  const above = (limit: number) => {
    let count = 0
    for (const [at, n] of record) if (at > limit) count += n
    return total === 0 ? 0 : count / total
  }
  const mark = bucketMiddleMs(bucket)
  const usual = above(bucket)
  const slower = HARM_SIZES.map((size) => above(bucketOf(mark / (1 + harm * size))))
  // The baseline's share may wander with the day; the harm is kept in proportion.
  const alternatives = (now: number) => slower.map((ratio) => Math.min(0.97, Math.max(now * 1.1, usual > 0 ? (now * ratio) / usual : ratio)))
  return { bucket, ms: mark, alternatives }
}

function otherIsSlow(counts: Counts, stretch: Stretch, usual: number, harmful: number): boolean {
  const fromAt = Math.max(stretch.fromAt, counts.toAt - SHARED_MS)
  const other = totalOf(counts.baseline, slowOf, fromAt, counts.toAt)
  const before = totalOf(counts.baseline, slowOf, -Infinity, fromAt)
  const frozen = counts.frozen ? totalOf(counts.frozen, slowOf, -Infinity, fromAt) : { requests: 0, events: 0 }
  const requests = before.requests + frozen.requests
  const then = requests === 0 ? usual : Math.min(usual, (before.events + frozen.events) / requests)
  const mine = totalOf(counts.candidate, slowOf, fromAt, counts.toAt)
  if (other.requests < 20 || mine.requests === 0) return false
  const otherShare = other.events / other.requests
  return otherShare >= harmful && otherShare - then >= 0.5 * (mine.events / mine.requests - then)
}
