import type { Criterion, CriterionResult, Judge } from '../../contract/analysis.ts'
import { cleanSeries, type CleanSeries } from './clean-series.ts'
import type { JudgeInput } from './judge-input.ts'
import { countSlow, histogramOf, quantileMs, sizeOf } from './latency-counts.ts'
import { quantileOf } from './latency-judge.ts'
import { absenceOf } from './presence.ts'
import { blankResult, describeValue, nameOf, readable, readableDuration, within01 } from './words.ts'

type Threshold = Extract<Judge, { kind: 'threshold' }>

interface Window {
  readonly value: number | null
  /** Requests, or points of a query or process. */
  readonly size: number
}

/**
 * The plain rule: fails when `consecutive` trailing windows, a second apart, all breach the limit. Exact percentiles of
 * the window's histogram; ratios of its sums; the mean of a query's or a process's readings (of restarts: the highest).
 *
 * Compares with nothing, so weights 0 and 100 and a first release make no difference; the other environment is only
 * looked at to tell whether it breaches too. No guarantee against chance: a limit near the usual value will be crossed.
 */
export function judgeThreshold(criterion: Criterion, judge: Threshold, input: JudgeInput): CriterionResult {
  const blank = { ...blankResult(criterion, { fromAt: Math.max(input.candidateSince, input.now - judge.windowMs), toAt: input.now }), limit: judge.limit }
  const name = nameOf(criterion.metric)
  const series = cleanSeries(input.candidate, input.candidateSince, input.now)
  const usable = withReadings(criterion, series)
  const absent = absenceOf(criterion, usable, input.candidateSince, input.now, input.intervalMs)
  if (absent) return { ...blank, why: `No verdict on ${lower(name)}: ${absent.why}.`, absentSince: absent.since }
  const graceUntil = Math.max(input.stepSince, input.candidateSince) + criterion.graceMs
  if (input.now <= graceUntil) return { ...blank, why: `Grace: ${lower(name)} is judged ${readableDuration(graceUntil - input.now)} from now.` }

  const newest = usable.at.at(-1) ?? input.now
  const judged = criterion.graceMs === 0 ? usable : from(usable, graceUntil)
  const windows = windowsOf(criterion, judge, judged, newest)
  const latest = windows[0] ?? { value: null, size: 0 }
  const measured = { ...blank, value: latest.value, requests: Math.round(latest.size), toAt: newest, fromAt: Math.max(input.candidateSince, newest - judge.windowMs) }
  const unit = judgesPoints(criterion) ? 'readings' : 'requests'
  if (latest.value === null || latest.size < judge.minRequests) return { ...measured, why: `No verdict on ${lower(name)}: ${readable(latest.size)} of the ${readable(judge.minRequests)} ${unit} it needs in ${readableDuration(judge.windowMs)}.` }

  const breaches = ({ value, size }: Window) => value !== null && size >= judge.minRequests && (judge.harm === 'above' ? value > judge.limit : value < judge.limit)
  let inARow = 0
  while (inARow < windows.length && breaches(windows[inARow] ?? { value: null, size: 0 })) inARow += 1
  const statistic = { name: judge.consecutive > 1 ? 'breaches in a row' : 'value', value: judge.consecutive > 1 ? inARow : latest.value, limit: judge.consecutive > 1 ? judge.consecutive : judge.limit }
  const sentence = `${name} ${describeValue(criterion.metric, latest.value)} over ${readable(latest.size)} ${unit} in ${readableDuration(judge.windowMs)}, limit ${describeValue(criterion.metric, judge.limit)}`
  const closeness = judge.harm === 'above' ? within01(judge.limit <= 0 ? 0 : latest.value / judge.limit) : within01(latest.value <= 0 ? 1 : judge.limit / latest.value)
  if (inARow >= judge.consecutive) {
    // Over the very same time: what was well before the candidate had traffic says nothing of now.
    const judgedFrom = criterion.graceMs === 0 ? input.candidateSince : graceUntil
    const other = windowsOf(criterion, judge, withReadings(criterion, cleanSeries(input.baseline, judgedFrom, input.now)), newest)
    const baseline = other[0]?.value ?? null
    const isShared = ({ value, size }: Window, back: number) => breaches({ value, size }) || (judge.harm === 'above' && value !== null && size >= judge.minRequests && countsErrors(criterion) && isAsBad(value, size, windows[back]?.value ?? 1, judge.limit))
    if (other.length > 0 && other.every(isShared)) return { ...measured, baseline, statistic, closeness: 1, bothSides: true, why: `${sentence}. But the other environment is at it too (${describeValue(criterion.metric, baseline ?? 0)}): moving traffic would not help.` }
    return { ...measured, baseline, statistic, closeness: 1, verdict: 'fail', why: judge.consecutive > 1 ? `${sentence}, ${judge.consecutive} times in a row.` : `${sentence}.` }
  }
  // Beyond the limit but not for long enough yet: a pass would be a lie, a fail too early.
  if (inARow > 0) return { ...measured, statistic, closeness: Math.min(0.99, inARow / judge.consecutive), why: `${sentence}: ${inARow} of ${judge.consecutive} times in a row.` }
  return { ...measured, statistic, closeness: Math.min(0.99, closeness), verdict: 'pass', why: `${sentence}.` }
}

const lower = (name: string): string => (/^[A-Z]{2}/.test(name) ? name : name.charAt(0).toLowerCase() + name.slice(1))

function countsErrors({ metric }: Criterion): boolean {
  return (metric.source === 'router' && metric.of === 'errorRatio') || (metric.source === 'probe' && metric.of === 'failureRatio')
}

/** When a failure is common to both, chance decides who crosses a limit first: half as bad, and beyond the limit within two standard deviations. */
function isAsBad(ratio: number, requests: number, candidateRatio: number, limit: number): boolean {
  return ratio >= candidateRatio / 2 && ratio + 2 * Math.sqrt((ratio * (1 - ratio)) / requests) >= limit
}

export function judgesPoints(criterion: Criterion): boolean {
  return criterion.metric.source === 'query' || criterion.metric.source === 'process'
}

/** Only intervals that hold what this metric reads: a reading, or a histogram where there were requests. */
export function withReadings(criterion: Criterion, series: CleanSeries): CleanSeries {
  if (judgesPoints(criterion)) return pick(series, (i) => series.values[i] !== null && series.values[i] !== undefined)
  if (quantileOf(criterion) === null) return series
  return countSlow(series, Infinity)
}

function pick(series: CleanSeries, keep: (i: number) => boolean): CleanSeries {
  const column = <T>(values: readonly T[]): T[] => values.filter((_, i) => keep(i))
  const at = column(series.at)
  return { at, requests: column(series.requests), errors: column(series.errors), latency: column(series.latency), values: column(series.values), unusable: series.unusable + series.at.length - at.length }
}

function from(series: CleanSeries, at: number): CleanSeries {
  const kept = pick(series, (i) => (series.at[i] ?? 0) > at)
  return { ...kept, unusable: series.unusable }
}

/** The trailing windows, newest first, ending at the newest sample and each second before. */
function windowsOf(criterion: Criterion, judge: Threshold, series: CleanSeries, newest: number): Window[] {
  const quantile = quantileOf(criterion)
  // Restarts only grow: their mean would be a number of nothing.
  const isCounter = criterion.metric.source === 'process' && criterion.metric.of === 'restarts'
  return Array.from({ length: judge.consecutive }, (_, back) => {
    const to = newest - back * 1000
    let requests = 0
    let errors = 0
    let sum = 0
    let points = 0
    let highest = -Infinity
    if (quantile !== null) {
      const histogram = histogramOf(series, to - judge.windowMs, to)
      return { value: quantileMs(histogram, quantile), size: sizeOf(histogram) }
    }
    for (let i = series.at.length - 1; i >= 0; i -= 1) {
      const at = series.at[i] ?? 0
      if (at > to) continue
      if (at <= to - judge.windowMs) break
      requests += series.requests[i] ?? 0
      errors += series.errors[i] ?? 0
      sum += series.values[i] ?? 0
      points += 1
      highest = Math.max(highest, series.values[i] ?? -Infinity)
    }
    if (judgesPoints(criterion)) return { value: points === 0 ? null : isCounter ? highest : sum / points, size: points }
    return { value: requests === 0 ? null : errors / requests, size: requests }
  })
}
