import type { Criterion, CriterionResult } from '../../contract/analysis.ts'
import { evidenceLimit } from './budget.ts'
import type { CleanSeries } from './clean-series.ts'
import type { Counts, EventsOf, Tested } from './counts.ts'
import type { JudgeInput, JudgeOptions } from './judge-input.ts'
import { within01 } from './words.ts'

/** A crash per day is what a healthy process may have; a crash every five minutes is harm. */
const CRASHES_PER_HOUR_HEALTHY = 1 / 24
const CRASHES_PER_HOUR_HARM = 12
const CRASH_WINDOW_MS = 10 * 60_000
/** One process that ends makes more than one notice. */
const SAME_CRASH_MS = 1_000
/** Trailing stretches among which the one is shown that says most. */
const STRETCHES_MS = [5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000] as const

export interface Stretch {
  readonly fromAt: number
  readonly requests: number
  readonly events: number
}

/** Distinct crashes in the last 10 min. */
export function recentCrashes({ crashes, candidateSince, now }: JudgeInput): number {
  const inside = crashes.filter((at) => Number.isFinite(at) && at >= candidateSince && at <= now && at > now - CRASH_WINDOW_MS).toSorted((a, b) => a - b)
  return inside.filter((at, i) => i === 0 || at - (inside[i - 1] ?? 0) > SAME_CRASH_MS).length
}

/** Likelihood ratio of that many crashes (Poisson): an e-value of its own, 1 where there was none. */
export function crashEvidence(count: number): number {
  if (count === 0) return 1
  const hours = CRASH_WINDOW_MS / 3_600_000
  return Math.exp(count * Math.log(CRASHES_PER_HOUR_HARM / CRASHES_PER_HOUR_HEALTHY) - (CRASHES_PER_HOUR_HARM - CRASHES_PER_HOUR_HEALTHY) * hours)
}

export function totalOf(series: CleanSeries, eventsOf: EventsOf, fromAt: number, toAt: number): { requests: number; events: number } {
  const total = { requests: 0, events: 0 }
  for (let i = series.at.length - 1; i >= 0; i -= 1) {
    const at = series.at[i] ?? 0
    if (at <= fromAt) break
    if (at > toAt) continue
    total.requests += series.requests[i] ?? 0
    total.events += eventsOf(series, i)
  }
  return total
}

/** The trailing stretch in which events exceed the expected ratio most significantly (Poisson deviance); all of it when none does. */
export function tellingStretch(counts: Counts, eventsOf: EventsOf, ratio: number): Stretch {
  const whole = { fromAt: counts.fromAt, ...totalOf(counts.candidate, eventsOf, counts.fromAt, counts.toAt) }
  let best: Stretch = whole
  let bestDeviance = 0
  for (const length of [...STRETCHES_MS, Infinity]) {
    const fromAt = Math.max(counts.fromAt, counts.toAt - length)
    const total = totalOf(counts.candidate, eventsOf, fromAt, counts.toAt)
    const expected = total.requests * ratio
    if (total.events <= expected) continue
    const deviance = total.events * Math.log(total.events / Math.max(1e-12, expected)) - (total.events - expected)
    if (deviance > bestDeviance * 1.05) {
      best = { fromAt, ...total }
      bestDeviance = deviance
    }
    if (fromAt === counts.fromAt) break
  }
  return best
}

/** Everything two sequential judges decide alike. */
export interface Decision {
  readonly verdict: CriterionResult['verdict']
  readonly statistic: NonNullable<CriterionResult['statistic']>
  readonly closeness: number
  readonly crashes: number
  /** Evidence that a version with the declared harm would show by now (in nine of ten cases). */
  readonly wouldShow: boolean
}

export function decide(tested: Tested | null, input: JudgeInput, options: JudgeOptions): Decision {
  const limit = evidenceLimit(options)
  const crashes = recentCrashes(input)
  const crash = crashEvidence(crashes)
  // Crashes and errors are two views of one candidate: their product (half of it taken on faith), or the crashes alone.
  const value = Math.max((tested?.value ?? 0) * (0.5 + 0.5 * crash), crashes === 0 ? 0 : crash / 4)
  const wouldShow = tested !== null && tested.evidence.tenthPercentile(tested.step.requests, tested.step.baselineRequests, tested.step.bins, tested.step.mass) >= limit
  // Between the square root of the limit and the limit something is up: neither a pass nor a fail.
  const verdict = value >= limit ? 'fail' : wouldShow && value < Math.sqrt(limit) && crashes === 0 ? 'pass' : 'inconclusive'
  return { verdict, statistic: { name: 'e-value', value, limit }, closeness: value >= limit ? 1 : Math.min(0.99, within01(Math.log(Math.max(1, value)) / Math.log(limit))), crashes, wouldShow }
}

export function baselineWords(counts: Counts, text: string): string {
  return counts.against === 'live' ? `the other environment ${text} over the same time` : `${text} recorded before the switch`
}

export function crashWords(crashes: number): string {
  return crashes === 0 ? '' : crashes === 1 ? ' The candidate crashed or lost readiness once in 10 min.' : ` The candidate crashed or lost readiness ${crashes} times in 10 min.`
}

/** The first lines of any judge of counts: wrong metric, absence, grace, nothing to compare with. */
export function unjudged(criterion: Criterion, input: JudgeInput, blank: CriterionResult, crashes: number, options: JudgeOptions, why: string, absentSince: number | null): CriterionResult {
  const limit = evidenceLimit(options)
  const crash = crashes === 0 ? 0 : crashEvidence(crashes) / 4
  if (crashes > 0 && crash >= limit && criterion.metric.source !== 'query') {
    return { ...blank, verdict: 'fail', why: `The candidate crashed or lost readiness ${crashes} times in 10 min; ${why.charAt(0).toLowerCase()}${why.slice(1)}`, statistic: { name: 'e-value', value: crash, limit }, closeness: 1, fromAt: Math.max(input.candidateSince, input.now - CRASH_WINDOW_MS), absentSince }
  }
  return { ...blank, why: `${why}${crashWords(crashes)}`, absentSince, statistic: { name: 'e-value', value: crash, limit }, closeness: Math.min(0.99, within01(Math.log(Math.max(1, crash)) / Math.log(limit))) }
}
