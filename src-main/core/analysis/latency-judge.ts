import type { Criterion, CriterionResult } from '../../contract/analysis.ts'
import type { CleanSeries } from './clean-series.ts'
import { readCounts, testCounts, type Counts } from './counts.ts'
import type { JudgeInput, JudgeOptions } from './judge-input.ts'
import { errorAlternatives } from './errors-judge.ts'
import { bucketOf } from './latency-histogram.ts'
import { countAllSlow, histogramOf, markOf, quantileMs, sizeOf, type Histogram } from './latency-counts.ts'
import { absenceOf } from './presence.ts'
import { baselineWords, crashWords, decide, recentCrashes, tellingStretch, totalOf, unjudged, type Stretch } from './sequential-judge.ts'
import { blankResult, nameOf, readable, readableDuration } from './words.ts'

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const
/** A probe measures single checks; their upper percentiles mean nothing. */
const PROBE_QUANTILE = 0.5
/** The other side is looked at over this stretch, for "both are slow". */
const SHARED_MS = 60_000
/** Percentiles shown are of the last five minutes; the test itself reads everything. */
const SHOWN_MS = 300_000

/** So many times the quantile is very slow, and this share more of such requests is harm: as that of failed ones. */
const FAR = 3
const FAR_ALTERNATIVES = errorAlternatives(0.02)

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
 * Beside it, the same test asks how many are slower than three times that quantile, which next to none are in health: a
 * version that is very slow for a few requests is found as fast as one that fails them. The e-value is the mean of both,
 * which is an e-value again.
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
  const mark = markOf(raw, quantile, harm)
  const timed = countAllSlow(raw, mark.bucket)
  const absent = absenceOf(criterion, timed.candidate, input.candidateSince, input.now)
  if (absent) return no(`No verdict on ${lower(name)}: ${absent.why}.`, absent.since)
  const silent = input.weightPercent < 100 && input.baseline.at.length > 0 ? absenceOf(criterion, timed.baseline, Math.min(input.candidateSince, input.now - 60_000), input.now) : null
  if (silent) return no(`No verdict on ${lower(name)}: of the other environment, ${silent.why}.`, silent.since)

  const shownFrom = Math.max(timed.fromAt, timed.toAt - SHOWN_MS)
  const mine = histogramOf(timed.candidate, shownFrom, timed.toAt)
  const value = quantileMs(mine, quantile)
  const whole = totalOf(timed.candidate, slowOf, timed.fromAt, timed.toAt)
  const measured = { ...blank, value, requests: whole.requests, fromAt: timed.fromAt, toAt: timed.toAt }
  if (input.now <= timed.origin) return no(`Grace: ${lower(name)} is judged ${readableDuration(timed.origin - input.now)} from now.`, null, measured)
  if (timed.against === 'none') return no(`${name} ${ms(value)} over ${readable(measured.requests)} requests; there is nothing to compare it with (no other version had traffic).`, null, measured)

  const near = testCounts(timed, slowOf, mark.alternatives)
  const farBucket = bucketOf(mark.ms * FAR)
  const farTimed = countAllSlow(raw, farBucket)
  const far = testCounts(farTimed, slowOf, FAR_ALTERNATIVES)
  const isFar = far.value > near.value
  const telling = isFar
    ? { counts: farTimed, tested: far, slowMs: mark.ms * FAR, alternatives: FAR_ALTERNATIVES }
    : { counts: timed, tested: near, slowMs: mark.ms, alternatives: mark.alternatives }
  const { counts } = telling
  const decision = decide({ ...near, value: (near.value + far.value) / 2, step: { ...near.step, mass: near.step.mass / 2 } }, { ...input, crashes: [] }, options)
  const usualShare = telling.tested.evidence.baselineRatio()
  const stretch = tellingStretch(counts, slowOf, usualShare)
  const other = baselineHistogram(timed)
  const baseline = quantileMs(other, quantile)
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
    const lately = histogramOf(timed.candidate, stretch.fromAt, timed.toAt)
    const shown = quantileMs(lately, quantile)
    const failing = { ...result, value: shown, requests: sizeOf(lately), fromAt: stretch.fromAt }
    const sentence = `${name} ${ms(shown)} over ${readable(sizeOf(lately))} requests in ${readableDuration(timed.toAt - stretch.fromAt)}, ${against}: ${share(stretch)} were slower than ${ms(telling.slowMs)}, usual is ${readable(usualShare * 100)} %`
    if (otherIsSlow(counts, stretch, usualShare, telling.alternatives(usualShare)[0] ?? 1)) return { ...failing, verdict: 'inconclusive', bothSides: true, why: `${sentence}. But the other environment has become slow too: moving traffic would not help.` }
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
/** What is shown beside the candidate: the other side of late where it has traffic, else all that is known of it. */
function baselineHistogram(counts: Counts): Histogram {
  const now = histogramOf(counts.baseline, counts.toAt - SHOWN_MS, counts.toAt)
  if (counts.against === 'live' && sizeOf(now) > 0) return now
  const all = histogramOf(counts.baseline, -Infinity, Infinity)
  return counts.frozen ? histogramOf(counts.frozen, -Infinity, Infinity, all) : all
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
