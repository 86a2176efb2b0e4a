import { expect, test } from 'vitest'
import type { Series } from '../../../contract/analysis.ts'
import { cleanSeries } from '../clean-series.ts'
import { readCounts, testCounts } from '../counts.ts'
import { judgeCriterion } from '../judge.ts'
import { ERRORS, LATENCY, T0 } from '../testing/series.ts'
import { argoPhase, ARGO_DEFAULTS } from './argo.ts'
import { poissonUpperBound } from './bounds.ts'
import { flaggerRollsBack } from './flagger.ts'
import { createGuard, slowAlternatives } from './guard.ts'
import { createStream, NOISES } from './streams.ts'

const empty = (): Series => ({ at: [], requests: [], errors: [], latency: [], values: [] })

function push(series: Series, second: number, requests: number, errors: number): void {
  series.at.push(T0 + second * 1000)
  series.requests.push(requests)
  series.errors.push(errors)
  series.latency.push([])
  series.values.push(null)
}

test.each(NOISES.map((noise, i) => [i, noise] as const))('fed a second at a time, the guard of the bench says what judgeCriterion recomputes (noise %i)', (i, noise) => {
  const stream = createStream({ seed: 100 + i, candidateRps: 10, baselineRps: 90, noise, errorRatio: 0.004, slowShare: 0.05, harmAt: 600 + 330, harmErrorRatio: 0.08 })
  const guard = createGuard()
  const [candidate, baseline, slowCandidate, slowBaseline] = [empty(), empty(), empty(), empty()]
  for (let second = -599; second <= 0; second += 1) {
    const { baseline: other } = stream.next()
    guard.before(other)
    push(baseline, second, other.requests, other.errors)
    push(slowBaseline, second, other.requests, other.slow)
  }
  let failed = 0
  for (let second = 1; second <= 420; second += 1) {
    const sides = stream.next()
    const verdict = guard.second(sides.candidate, sides.baseline)
    push(candidate, second, sides.candidate.requests, sides.candidate.errors)
    push(baseline, second, sides.baseline.requests, sides.baseline.errors)
    push(slowCandidate, second, sides.candidate.requests, sides.candidate.slow)
    push(slowBaseline, second, sides.baseline.requests, sides.baseline.slow)
    // Seconds without errors are not looked at by the guard; recomputing those too shows that it missed nothing.
    if (second % 7 !== 0 && verdict === null) continue
    const input = { now: T0 + second * 1000 + 20, candidate, baseline, frozen: null, candidateSince: T0, stepSince: T0, weightPercent: 10, crashes: [] }
    const recomputed = judgeCriterion(ERRORS, input)
    const values = guard.values()
    if (recomputed.statistic?.name === 'e-value') expect(values.errors / recomputed.statistic.value).toBeCloseTo(1, 6)
    if (verdict === 'errors') {
      expect(recomputed.verdict === 'fail' || recomputed.bothSides).toBe(true)
      failed += 1
    }
    if (second <= 10) continue
    const slow = { ...input, candidate: slowCandidate, baseline: slowBaseline }
    const counts = { ...readCounts({ ...LATENCY, graceMs: 10_000 }, slow), candidate: cleanSeries(slowCandidate, T0, slow.now) }
    expect(values.latency / testCounts(counts, (series, at) => series.errors[at] ?? 0, slowAlternatives).value).toBeCloseTo(1, 6)
  }
  expect(failed).toBeGreaterThan(i < 6 ? 0 : -1)
})

test("Argo Rollouts' rule: three failures fail a limit of two and not one of three (cases of its tests); five errors in a row err (as documented)", () => {
  const failures = ['failed', 'failed', 'failed'] as const
  expect(argoPhase(failures, { ...ARGO_DEFAULTS, failureLimit: 2 })).toBe('failed')
  expect(argoPhase(failures, { ...ARGO_DEFAULTS, failureLimit: 3 })).toBe('running')
  expect(argoPhase(['inconclusive', 'inconclusive', 'inconclusive'], { ...ARGO_DEFAULTS, inconclusiveLimit: 2 })).toBe('inconclusive')
  expect(argoPhase(['inconclusive', 'inconclusive', 'inconclusive'], { ...ARGO_DEFAULTS, inconclusiveLimit: 3 })).toBe('running')
  expect(argoPhase(['successful', 'error', 'error', 'error', 'error', 'error'], ARGO_DEFAULTS)).toBe('error')
  expect(argoPhase(['error', 'error', 'error', 'error'], ARGO_DEFAULTS)).toBe('running')
})

test("Flagger's rule: as many failed checks as the threshold roll back; no value is a failed check", () => {
  const check = (successPercent: number | null) => ({ successPercent })
  expect(flaggerRollsBack([98, 98, 98, 98].map(check), 99, 5)).toBe(false)
  expect(flaggerRollsBack([98, 100, 98, 98, 98, 98].map(check), 99, 5)).toBe(true)
  expect(flaggerRollsBack([null, null, null, null, null].map(check), 99, 5)).toBe(true)
})

test('the bound on a rate of which nothing was seen', () => {
  expect(poissonUpperBound(0)).toBeCloseTo(2.995732, 5)
  expect(poissonUpperBound(4)).toBeCloseTo(9.153519, 5)
})
