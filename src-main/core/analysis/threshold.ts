import type { Criterion } from '../../contract/plan.ts'
import type { CriterionResult } from '../../contract/release.ts'
import type { MetricSample } from '../../contract/traffic.ts'
import type { Verdict } from '../../contract/vocabulary.ts'

/** A newest sample older than this is absence of data, not data. */
const STALE_AFTER_MS = 5_000

const LABEL = { errorRatio: 'error ratio', p50Ms: 'latency p50', p95Ms: 'latency p95', p99Ms: 'latency p99' } as const

export function describeValue(metric: Criterion['metric'], value: number): string {
  return metric === 'errorRatio' ? `${(value * 100).toFixed(value < 0.1 ? 2 : 1)} %` : `${Math.round(value)} ms`
}

/**
 * Judges one criterion on 1 s samples of the candidate, newest last.
 *
 * The criterion fails when `consecutive` trailing windows, one second apart, all exceed the limit. Latency over a window
 * is the request-weighted median of the per-second percentiles: a window's true percentile cannot be had from them.
 * Absence of data, staleness and too few requests are `inconclusive`: never a pass, never a fail.
 */
export function judgeCriterion(criterion: Criterion, samples: readonly MetricSample[], now: number): CriterionResult {
  const base = { metric: criterion.metric, limit: criterion.limit }
  const newest = samples.at(-1)
  if (!newest || now - newest.at > STALE_AFTER_MS) {
    const age = newest ? `the newest sample is ${Math.round((now - newest.at) / 1000)} s old` : 'there are no samples'
    return { ...base, value: null, requests: 0, verdict: 'inconclusive', why: `No verdict on ${LABEL[criterion.metric]}: ${age}.` }
  }
  const windows = Array.from({ length: criterion.consecutive }, (_, back) => measure(criterion, samples, newest.at - back * 1000))
  const latest = windows[0] ?? { value: null, requests: 0 }
  const name = LABEL[criterion.metric]
  if (latest.value === null || latest.requests < criterion.minRequests) {
    return { ...base, value: latest.value, requests: latest.requests, verdict: 'inconclusive', why: `No verdict on ${name}: ${latest.requests} of the ${criterion.minRequests} requests it needs.` }
  }
  const over = windows.every((window) => window.value !== null && window.requests >= criterion.minRequests && window.value > criterion.limit)
  const sentence = `${name} ${describeValue(criterion.metric, latest.value)}, limit ${describeValue(criterion.metric, criterion.limit)}`
  if (over) return { ...base, value: latest.value, requests: latest.requests, verdict: 'fail', why: `${sentence}, over ${latest.requests} requests.` }
  // Over the limit but not for long enough yet: a pass would be a lie, a fail too early.
  const verdict = latest.value > criterion.limit ? 'inconclusive' : 'pass'
  return { ...base, value: latest.value, requests: latest.requests, verdict, why: `${sentence}.` }
}

function measure(criterion: Criterion, samples: readonly MetricSample[], end: number): { value: number | null; requests: number } {
  const inside = samples.filter((sample) => sample.at <= end && sample.at > end - criterion.windowMs)
  const requests = inside.reduce((sum, sample) => sum + sample.requests, 0)
  if (requests === 0) return { value: null, requests }
  if (criterion.metric === 'errorRatio') return { value: inside.reduce((sum, sample) => sum + sample.errors, 0) / requests, requests }
  const { metric } = criterion
  const points = inside.flatMap((sample) => (sample[metric] === null ? [] : [{ value: sample[metric], weight: sample.requests }]))
  return { value: weightedMedian(points), requests }
}

function weightedMedian(points: readonly { value: number; weight: number }[]): number | null {
  const sorted = points.toSorted((a, b) => a.value - b.value)
  const half = sorted.reduce((sum, point) => sum + point.weight, 0) / 2
  let seen = 0
  for (const point of sorted) {
    seen += point.weight
    if (seen >= half) return point.value
  }
  return null
}

/** One verdict over all criteria: any fail fails, any doubt is doubt, no criteria pass (time alone decides then). */
export function overallVerdict(results: readonly CriterionResult[]): Verdict {
  if (results.some((result) => result.verdict === 'fail')) return 'fail'
  return results.some((result) => result.verdict === 'inconclusive') ? 'inconclusive' : 'pass'
}
