import type { Criterion, CriterionResult, Judge } from '../../contract/analysis.ts'
import { cleanSeries, type CleanSeries } from './clean-series.ts'
import type { JudgeInput } from './judge-input.ts'
import { percentileMs } from './latency-histogram.ts'
import { quantileOf } from './latency-judge.ts'
import { classify, mannWhitney } from './mann-whitney.ts'
import { absenceOf } from './presence.ts'
import { judgesPoints, withReadings } from './threshold-judge.ts'
import { blankResult, describeValue, nameOf, readableDuration } from './words.ts'

type MannWhitneyJudge = Extract<Judge, { kind: 'mannWhitney' }>

/**
 * Two whole distributions of points (one per second with traffic, or a query's readings), compared as Kayenta's judge
 * does: mann-whitney.ts says how. Once per window, over the last whole window since the grace ended, since the test
 * allows no peeking; between windows the verdict stays.
 *
 * At weight 100 the points of the record before the switch (10 s each) stand in for the other environment; without a
 * record there is no verdict. Points that depend on each other make it fail too often: for guarding, use `errors` and
 * `latency`. A pass says that no difference was shown, with the least difference that would have been as a limit.
 */
export function judgeMannWhitney(criterion: Criterion, judge: MannWhitneyJudge, input: JudgeInput): CriterionResult {
  const blank = blankResult(criterion, { fromAt: input.candidateSince, toAt: input.now })
  const name = nameOf(criterion.metric)
  const lower = name.charAt(0).toLowerCase() + name.slice(1)
  const candidate = withReadings(criterion, cleanSeries(input.candidate, input.candidateSince, input.now))
  const absent = absenceOf(criterion, candidate, input.candidateSince, input.now, input.intervalMs)
  if (absent) return { ...blank, why: `No verdict on ${lower}: ${absent.why}.`, absentSince: absent.since }
  const start = Math.max(input.stepSince, input.candidateSince) + criterion.graceMs
  const windows = judge.windowMs === 0 ? 0 : Math.floor((input.now - start) / judge.windowMs)
  if (windows < 1) return { ...blank, why: `${name} is compared at the end of each ${readableDuration(judge.windowMs)}, next in ${readableDuration(start + judge.windowMs - input.now)}.` }
  const toAt = start + windows * judge.windowMs
  const fromAt = toAt - judge.windowMs
  const mine = pointsOf(criterion, candidate, fromAt, toAt)
  const live = pointsOf(criterion, withReadings(criterion, cleanSeries(input.baseline, -Infinity, input.now)), fromAt, toAt)
  const recorded = input.frozen && live.length < judge.minPoints ? pointsOf(criterion, withReadings(criterion, cleanSeries(input.frozen.series, -Infinity, input.now)), -Infinity, fromAt) : []
  const against = live.length < judge.minPoints && recorded.length > live.length ? 'history' : 'live'
  const other = against === 'live' ? live : recorded
  const value = medianOf(mine)
  const baseline = medianOf(other)
  const measured: CriterionResult = { ...blank, value, baseline, against, requests: mine.length, fromAt, toAt }
  if (mine.length < judge.minPoints || other.length < judge.minPoints) {
    return { ...measured, why: `No verdict on ${lower}: ${mine.length} points of the candidate and ${other.length} to compare with; it needs ${judge.minPoints} of each.` }
  }
  const test = mannWhitney(mine, other, judge.confidence)
  const bound = judge.tolerance * Math.abs(test.estimate)
  const label = classify(test, judge.tolerance, judge.harm)
  const isBelow = judge.harm === 'below' || (judge.harm === 'either' && test.estimate < 0)
  const edge = isBelow ? -test.high : test.low
  const statistic = { name: `lower end of the ${Math.round(judge.confidence * 100)} % interval`, value: edge, limit: bound }
  const words = against === 'live' ? 'the other environment' : 'the record before the switch'
  const shown = (number: number | null) => (number === null ? 'unknown' : describeValue(criterion.metric, number))
  const sentence = `${name}, median ${shown(value)} of ${mine.length} points, ${words} ${shown(baseline)} of ${other.length}`
  const closeness = edge > bound ? 1 : Math.min(0.99, Math.max(0, 1 - test.pValue))
  if (label === 'same') return { ...measured, statistic, closeness: label === 'same' ? Math.min(0.99, closeness) : closeness, limit: baseline === null ? null : baseline + (isBelow ? -1 : 1) * (test.high - test.low) / 2, verdict: 'pass', why: `${sentence}: no difference beyond chance and tolerance.` }
  return { ...measured, statistic, closeness: 1, limit: baseline, verdict: 'fail', why: `${sentence}: ${label === 'high' ? 'higher' : 'lower'} by ${shown(test.low)} to ${shown(test.high)} with ${Math.round(judge.confidence * 100)} % confidence.` }
}

/** One point per interval that has something to say. */
export function pointsOf(criterion: Criterion, series: CleanSeries, fromAt: number, toAt: number): number[] {
  const quantile = quantileOf(criterion)
  return series.at.flatMap((at, i) => {
    if (at <= fromAt || at > toAt) return []
    if (judgesPoints(criterion)) return series.values[i] ?? []
    if (quantile !== null) return percentileMs(new Map(series.latency[i] ?? []), quantile) ?? []
    const requests = series.requests[i] ?? 0
    return requests === 0 ? [] : (series.errors[i] ?? 0) / requests
  })
}

function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null
}
