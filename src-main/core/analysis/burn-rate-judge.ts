import type { Criterion, CriterionResult, Judge } from '../../contract/analysis.ts'
import { cleanSeries, type CleanSeries } from './clean-series.ts'
import type { JudgeInput } from './judge-input.ts'
import { absenceOf } from './presence.ts'
import { blankResult, nameOf, readable, readableDuration, within01 } from './words.ts'

type BurnRate = Extract<Judge, { kind: 'burnRate' }>
type Pair = BurnRate['windows'][number]

/**
 * Multi-window, multi-burn-rate alerting: The Site Reliability Workbook (Beyer et al., 2018), chapter 5, section 6. A
 * pair fails when the error budget (1 - objective) burns faster than its factor over the long window and still does
 * over the short one. A long window that reaches back before the candidate's traffic is cut to what there is of it, at
 * least the short one; samples reach back 60 min at most.
 *
 * Compares with nothing, so weights 0 and 100 and a first release make no difference. As the workbook says, not for low
 * traffic: `minRequests` in the long window, or no verdict.
 */
export function judgeBurnRate(criterion: Criterion, judge: BurnRate, input: JudgeInput): CriterionResult {
  const longest = Math.max(...judge.windows.map(({ longMs }) => longMs))
  const blank = { ...blankResult(criterion, { fromAt: Math.max(input.candidateSince, input.now - longest), toAt: input.now }), limit: 1 - judge.objective }
  const { metric } = criterion
  if (!((metric.source === 'router' && metric.of === 'errorRatio') || (metric.source === 'probe' && metric.of === 'failureRatio'))) {
    return { ...blank, limit: null, why: 'This judge needs counts of errors; it cannot judge this metric. Use a threshold.' }
  }
  const name = nameOf(metric)
  const series = cleanSeries(input.candidate, input.candidateSince, input.now)
  const absent = absenceOf(criterion, series, input.candidateSince, input.now)
  if (absent) return { ...blank, why: `No verdict on the burn rate: ${absent.why}.`, absentSince: absent.since }
  const graceUntil = Math.max(input.stepSince, input.candidateSince) + criterion.graceMs
  if (input.now <= graceUntil) return { ...blank, why: `Grace: the burn rate is judged ${readableDuration(graceUntil - input.now)} from now.` }

  const since = input.candidateSince + criterion.graceMs
  const budget = 1 - judge.objective
  const pairs = judge.windows.map((pair) => ({ pair, ...burnOf(series, pair, input.now, since, budget) }))
  const worst = pairs.toSorted((a, b) => closenessOf(b) - closenessOf(a))[0]
  if (!worst) return blank
  const { long, short, pair } = worst
  const both = Math.min(long.burn, short.burn)
  const measured = { ...blank, value: long.requests === 0 ? null : long.errors / long.requests, limit: budget * pair.factor, requests: long.requests, fromAt: Math.max(since, input.now - pair.longMs), toAt: series.at.at(-1) ?? input.now }
  const statistic = { name: 'burn rate', value: both, limit: pair.factor }
  const sentence = `${name}: the error budget of ${readable(budget * 100)} % burns ${readable(long.burn)} times too fast over ${readableDuration(pair.longMs)} and ${readable(short.burn)} times over ${readableDuration(pair.shortMs)}, limit ${readable(pair.factor)} (${readable(long.requests)} requests)`
  if (long.requests < judge.minRequests) return { ...measured, why: `No verdict on the burn rate: ${readable(long.requests)} of the ${readable(judge.minRequests)} requests it needs.` }
  const failing = pairs.find((each) => each.breaches)
  if (failing) {
    const baseline = burnOf(cleanSeries(input.baseline, -Infinity, input.now), failing.pair, input.now, since, budget)
    const closeness = 1
    // When a failure is common to both, chance decides who crosses a factor first.
    const isAsBad = baseline.long.requests >= judge.minRequests && baseline.long.burn >= failing.long.burn / 2 && baseline.short.burn >= failing.short.burn / 2
    if (baseline.breaches || isAsBad) return { ...measured, statistic, closeness, bothSides: true, why: `${sentence}. But the other environment burns its budget too (${readable(baseline.short.burn)} times): moving traffic would not help.` }
    return { ...measured, statistic, closeness, verdict: 'fail', why: `${sentence}.` }
  }
  const elapsed = input.now - since
  if (elapsed < Math.min(...judge.windows.map(({ shortMs }) => shortMs))) return { ...measured, statistic, closeness: Math.min(0.99, closenessOf(worst)), why: `${sentence}: too little time yet (${readableDuration(elapsed)}).` }
  return { ...measured, statistic, closeness: Math.min(0.99, closenessOf(worst)), verdict: 'pass', why: `${sentence}.` }
}

interface Burn {
  readonly requests: number
  readonly errors: number
  readonly burn: number
}

function burnOf(series: CleanSeries, pair: Pair, now: number, since: number, budget: number): { long: Burn; short: Burn; breaches: boolean } {
  const over = (ms: number): Burn => {
    let requests = 0
    let errors = 0
    for (let i = series.at.length - 1; i >= 0; i -= 1) {
      const at = series.at[i] ?? 0
      if (at <= Math.max(since, now - ms)) break
      requests += series.requests[i] ?? 0
      errors += series.errors[i] ?? 0
    }
    return { requests, errors, burn: requests === 0 ? 0 : errors / requests / budget }
  }
  const long = over(pair.longMs)
  const short = over(pair.shortMs)
  // Before the short window is full, a burst of a second would count as if it had lasted.
  const full = now - since >= pair.shortMs
  return { long, short, breaches: full && long.burn > pair.factor && short.burn > pair.factor }
}

const closenessOf = ({ long, short, pair }: { readonly long: Burn; readonly short: Burn; readonly pair: Pair }): number => within01(Math.min(long.burn, short.burn) / pair.factor)
