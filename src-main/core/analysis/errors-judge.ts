import type { Criterion, CriterionResult } from '../../contract/analysis.ts'
import { cleanSeries, type CleanSeries } from './clean-series.ts'
import { readCounts, testCounts, type Counts } from './counts.ts'
import { HARM_SIZES } from './evidence.ts'
import type { JudgeInput, JudgeOptions } from './judge-input.ts'
import { absenceOf } from './presence.ts'
import { baselineWords, crashWords, decide, recentCrashes, tellingStretch, totalOf, unjudged, type Stretch } from './sequential-judge.ts'
import { blankResult, nameOf, readable, readableDuration } from './words.ts'

/** Blatant: in the last 10 s at least so many requests failed, and at least this share of all. No statistics needed. */
const BLATANT_MS = 10_000
const BLATANT_ERRORS = 5
const BLATANT_RATIO = 0.5
/** The other side counts as equally bad when its excess is this share of the candidate's, and the declared harm at least. */
const SHARED_SHARE = 0.5
const SHARED_MS = 60_000

const errorsOf = (series: CleanSeries, i: number): number => series.errors[i] ?? 0

/** Ratios looked for at a baseline ratio: the declared harm, and 3, 10 and 30 times it. */
export function errorAlternatives(harm: number): (baselineRatio: number) => readonly number[] {
  return (ratio) => HARM_SIZES.map((size) => Math.min(0.99, ratio + harm * size))
}

/**
 * Errors of the candidate against the other environment's: a sequential test (evidence.ts says which, and cites it)
 * that may be looked at every second, and a plain rule for blatant failure that also holds within grace.
 *
 * Valid for counts of independent or bursty requests, whether bursts are shared or not. At weight 0 there is nothing to
 * judge. At weight 100 the other side has no traffic: its record before the switch is the baseline, allowed to have
 * drifted since. Without a record (a first release) only the blatant rule and crashes decide. Ends of candidate processes
 * count as evidence of their own: two in 10 min are harm.
 */
export function judgeErrors(criterion: Criterion, harm: number, input: JudgeInput, options: JudgeOptions): CriterionResult {
  const blank = blankResult(criterion, { fromAt: input.candidateSince, toAt: input.now })
  const { metric } = criterion
  const crashes = recentCrashes(input)
  const no = (why: string, absentSince: number | null) => unjudged(criterion, input, blank, crashes, options, why, absentSince)
  if (!((metric.source === 'router' && metric.of === 'errorRatio') || (metric.source === 'probe' && metric.of === 'failureRatio'))) {
    return no('This judge counts errors; it cannot judge this metric. Use a threshold.', null)
  }
  const name = nameOf(metric)
  const counts = readCounts(criterion, input)
  const absent = absenceOf(criterion, counts.candidate, input.candidateSince, input.now)
  if (absent) return no(`No verdict on ${name.toLowerCase()}: ${absent.why}.`, absent.since)

  const blatant = judgeBlatant(criterion, input, counts, blank)
  if (blatant) return blatant
  const silent = input.weightPercent < 100 && input.baseline.at.length > 0 ? absenceOf(criterion, counts.baseline, Math.min(input.candidateSince, input.now - 60_000), input.now) : null
  if (silent) return no(`No verdict on ${name.toLowerCase()}: of the other environment, ${silent.why}.`, silent.since)
  const whole = totalOf(counts.candidate, errorsOf, counts.fromAt, counts.toAt)
  const value = whole.requests === 0 ? null : whole.events / whole.requests
  const measured = { ...blank, value, requests: whole.requests, fromAt: counts.fromAt, toAt: counts.toAt }
  if (input.now <= counts.origin) return { ...unjudged(criterion, input, measured, crashes, options, `Grace: ${name.toLowerCase()} is judged ${readableDuration(counts.origin - input.now)} from now.`, null) }
  if (counts.against === 'none') {
    return unjudged(criterion, input, measured, crashes, options, `${name} ${percent(value)} over ${readable(whole.requests)} requests; there is nothing to compare it with (no other version had traffic). Only blatant failure is judged.`, null)
  }

  const tested = testCounts(counts, errorsOf, errorAlternatives(harm))
  const ratio = tested.evidence.baselineRatio()
  const stretch = tellingStretch(counts, errorsOf, ratio)
  const decision = decide(tested, input, options)
  const baseline = totalBaseline(counts)
  const result: CriterionResult = {
    ...measured,
    baseline,
    against: counts.against === 'live' ? 'live' : 'history',
    limit: baseline + harm,
    statistic: decision.statistic,
    closeness: decision.closeness,
    verdict: decision.verdict,
  }
  const points = `${readable(harm * 100)} points`
  const against = baselineWords(counts, percent(baseline))
  const tail = crashWords(decision.crashes)
  if (decision.verdict === 'fail') {
    const shown = stretch.requests === 0 ? null : stretch.events / stretch.requests
    const failing = { ...result, value: shown, requests: stretch.requests, fromAt: stretch.fromAt }
    const sentence = `${name} ${percent(shown)} (${readable(stretch.events)} of ${readable(stretch.requests)} requests in ${readableDuration(counts.toAt - stretch.fromAt)}), ${against}`
    const other = sharedExcess(counts, stretch, ratio, harm)
    if (other !== null) return { ...failing, verdict: 'inconclusive', bothSides: true, why: `${sentence}. But the other environment fails too (${percent(other)} now): moving traffic would not help.${tail}` }
    return { ...failing, why: `${sentence}: chance or shared trouble does not explain it (e-value ${readable(decision.statistic.value)}, limit ${readable(decision.statistic.limit)}).${tail}` }
  }
  const sentence = `${name} ${percent(value)} over ${readable(whole.requests)} requests, ${against}`
  if (decision.verdict === 'pass') return { ...result, why: `${sentence}: ${points} more would have shown by now.` }
  if (decision.wouldShow) return { ...result, why: `${sentence}: too high to pass, not certain enough to fail (e-value ${readable(decision.statistic.value)}, limit ${readable(decision.statistic.limit)}).${tail}` }
  return { ...result, why: `${sentence}: too few requests yet to rule out ${points} more.${tail}` }
}

const percent = (ratio: number | null): string => (ratio === null ? 'unknown' : `${readable(Math.round(ratio * 1e6) / 1e4)} %`)

function totalBaseline(counts: Counts): number {
  const now = totalOf(counts.baseline, errorsOf, counts.fromAt, counts.toAt)
  const total = counts.against === 'live' && now.requests > 0 ? now : sum(totalOf(counts.baseline, errorsOf, -Infinity, Infinity), counts.frozen ? totalOf(counts.frozen, errorsOf, -Infinity, Infinity) : { requests: 0, events: 0 })
  return total.requests === 0 ? 0 : total.events / total.requests
}

const sum = (a: { requests: number; events: number }, b: { requests: number; events: number }) => ({ requests: a.requests + b.requests, events: a.events + b.events })

/** The other side's ratio over the last minute (or the telling stretch) when it too is harmed; null when it is not. */
function sharedExcess(counts: Counts, stretch: Stretch, ratio: number, harm: number): number | null {
  const fromAt = Math.max(stretch.fromAt, counts.toAt - SHARED_MS)
  const other = totalOf(counts.baseline, errorsOf, fromAt, counts.toAt)
  const mine = totalOf(counts.candidate, errorsOf, fromAt, counts.toAt)
  if (other.requests === 0 || mine.requests === 0 || other.events < 3) return null
  const before = sum(totalOf(counts.baseline, errorsOf, -Infinity, fromAt), counts.frozen ? totalOf(counts.frozen, errorsOf, -Infinity, fromAt) : { requests: 0, events: 0 })
  const usual = before.requests === 0 ? ratio : Math.min(ratio, before.events / before.requests)
  const otherExcess = other.events / other.requests - usual
  const myExcess = mine.events / mine.requests - usual
  return otherExcess >= harm && otherExcess >= SHARED_SHARE * myExcess ? other.events / other.requests : null
}

function judgeBlatant(criterion: Criterion, input: JudgeInput, counts: Counts, blank: CriterionResult): CriterionResult | null {
  const fromAt = Math.max(input.candidateSince, input.now - BLATANT_MS)
  const mine = totalOf(cleanSeries(input.candidate, fromAt, input.now), errorsOf, fromAt, Infinity)
  if (mine.events < BLATANT_ERRORS || mine.events < mine.requests * BLATANT_RATIO) return null
  const ratio = mine.events / mine.requests
  const other = totalOf(counts.baseline, errorsOf, fromAt, Infinity)
  const otherRatio = other.requests === 0 ? null : other.events / other.requests
  const bothSides = otherRatio !== null && other.events >= 3 && otherRatio >= SHARED_SHARE * ratio
  const sentence = `${nameOf(criterion.metric)} ${percent(ratio)}: ${readable(mine.events)} of the last ${readable(mine.requests)} requests failed`
  return {
    ...blank,
    value: ratio,
    baseline: otherRatio,
    limit: BLATANT_RATIO,
    requests: mine.requests,
    fromAt,
    statistic: { name: 'blatant', value: ratio, limit: BLATANT_RATIO },
    closeness: 1,
    bothSides,
    verdict: bothSides ? 'inconclusive' : 'fail',
    why: bothSides ? `${sentence}, but ${percent(otherRatio)} of the other environment's fail too: moving traffic would not help.` : `${sentence}. That needs no statistics.`,
  }
}
