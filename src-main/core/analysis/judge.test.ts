import { describe, expect, test } from 'vitest'
import type { CriterionResult } from '../../contract/analysis.ts'
import { criterionResultSchema, criterionSchema } from '../../contract/analysis.ts'
import { DEFAULT_CRITERIA } from './default-criteria.ts'
import { expectedDetectionMs } from './expected-detection.ts'
import { freezeBaseline } from './frozen-baseline.ts'
import { judgeCriterion, overallVerdict } from './judge.ts'
import { ABSOLUTE, ALL, BURN, ERRORS, inputAfter, LATENCY, MEMORY, NOTHING, ORDERS, rareErrors, seriesOf, SLOW, T0, usualLatencyMs, WHOLE } from './testing/series.ts'

const bad = (second: number): number => (second % 2 === 0 ? 1 : 0)
const slower = (factor: number) => (second: number, request: number) => factor * usualLatencyMs(second, request)
const rareAtTen = (second: number): number => (second % 97 === 0 ? 1 : 0)
const BLATANT = (second: number): number => (second > 50 ? 8 : 0)

function judged(result: CriterionResult): CriterionResult {
  expect(criterionResultSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result)
  expect(result.why).toMatch(/^[A-Z].*[.]$/)
  expect(result.why).not.toMatch(/NaN|undefined|Infinity|null/)
  return result
}

describe('errors', () => {
  test('one in twenty fails within seconds, and the seconds that tell are named', () => {
    const result = judged(judgeCriterion(ERRORS, inputAfter(20, { errors: bad })))
    expect(result).toMatchObject({ verdict: 'fail', against: 'live', closeness: 1, bothSides: false, absentSince: null })
    expect(result.value).toBeCloseTo(0.05, 1)
    expect(result.statistic?.value).toBeGreaterThan(2000)
    expect(result.why).toContain('the other environment')
  })
  test('what comes late is found too, and shown by its own stretch', () => {
    const result = judged(judgeCriterion(ERRORS, inputAfter(930, { errors: (second) => (second > 900 ? bad(second) : 0) })))
    expect(result.verdict).toBe('fail')
    expect(result.fromAt).toBeGreaterThan(T0 + 880_000)
  })
  test('a healthy candidate passes once two points more would have shown, not before', () => {
    expect(judged(judgeCriterion(ERRORS, inputAfter(10, {})))).toMatchObject({ verdict: 'inconclusive', absentSince: null })
    const pass = judged(judgeCriterion(ERRORS, inputAfter(120, { errors: rareAtTen })))
    expect(pass.verdict).toBe('pass')
    expect(pass.limit).toBeCloseTo((pass.baseline ?? 0) + 0.02, 9)
  })
  test('each step has to earn its own pass', () => {
    const input = inputAfter(300, {}, { stepSince: T0 + 295_000 })
    expect(judgeCriterion(ERRORS, input).verdict).toBe('inconclusive')
    expect(judgeCriterion(ERRORS, { ...input, stepSince: T0 + 180_000 }).verdict).toBe('pass')
  })
  test('errors on both sides at once: moving traffic would not help', () => {
    const shared = (second: number) => (second > 100 ? 4 : 0)
    const input = inputAfter(130, { errors: shared })
    const both = { ...input, baseline: seriesOf({ from: -600, to: 130, rps: 90, errors: (second) => (second > 100 ? 36 : rareErrors(second)) }) }
    expect(judgeCriterion(ERRORS, input).verdict).toBe('fail')
    expect(judged(judgeCriterion(ERRORS, both)).verdict).toBe('inconclusive')
    const down = judged(judgeCriterion(ERRORS, { ...both, candidate: seriesOf({ from: 0, to: 130, errors: (second) => (second > 100 ? 10 : 0) }), baseline: seriesOf({ from: -600, to: 130, rps: 90, errors: (second) => (second > 100 ? 90 : 0) }) }))
    expect(down).toMatchObject({ verdict: 'inconclusive', bothSides: true })
  })
  test('a candidate far worse than the other environment fails although that is harmed too', () => {
    const input = inputAfter(130, { errors: (second) => (second > 100 ? 9 : 0) })
    expect(judgeCriterion(ERRORS, { ...input, baseline: seriesOf({ from: -600, to: 130, rps: 90, errors: (second) => (second > 100 ? 3 : 0) }) }).verdict).toBe('fail')
  })
  test('blatant failure fails at once, within grace, and without anything to compare with', () => {
    const alone = { baseline: NOTHING, weightPercent: 100 }
    const graceful = { ...ERRORS, graceMs: 60_000 }
    expect(judged(judgeCriterion(graceful, inputAfter(52, { errors: BLATANT }))).verdict).toBe('inconclusive')
    expect(judged(judgeCriterion(graceful, inputAfter(57, { errors: BLATANT })))).toMatchObject({ verdict: 'fail', statistic: { name: 'blatant' } })
    expect(judgeCriterion(ERRORS, inputAfter(3, { errors: () => 10 }, alone)).verdict).toBe('fail')
    expect(judgeCriterion(graceful, inputAfter(30, { errors: bad })).why).toContain('Grace')
  })
  test('at 100 % the record before the switch is the baseline; without one only the blatant is judged', () => {
    const frozen = freezeBaseline(seriesOf({ from: -900, to: 0, rps: 90, errors: rareErrors }), T0)
    const alone = { baseline: NOTHING, weightPercent: 100 }
    expect(judged(judgeCriterion(ERRORS, inputAfter(40, { rps: 100, errors: () => 5 }, { ...alone, frozen })))).toMatchObject({ verdict: 'fail', against: 'history' })
    const pass = judged(judgeCriterion(ERRORS, inputAfter(300, { rps: 100, errors: rareErrors }, { ...alone, frozen })))
    expect(pass).toMatchObject({ verdict: 'pass', against: 'history' })
    expect(pass.why).toContain('recorded before the switch')
    expect(judged(judgeCriterion(ERRORS, inputAfter(300, { rps: 100, errors: () => 5 }, alone))).verdict).toBe('inconclusive')
    expect(overallVerdict(DEFAULT_CRITERIA.map((criterion) => judgeCriterion(criterion, inputAfter(40, { errors: () => 8 }, alone))))).toBe('fail')
  })
  test('crashes are evidence, with or without samples; one alone is not enough', () => {
    const crashes = [T0 + 5_000, T0 + 5_200, T0 + 15_000]
    expect(judged(judgeCriterion(ERRORS, inputAfter(20, {}, { crashes: crashes.slice(0, 2) }))).verdict).toBe('inconclusive')
    const twice = judged(judgeCriterion(ERRORS, inputAfter(20, {}, { crashes })))
    expect(twice.verdict).toBe('fail')
    expect(judged(judgeCriterion(ERRORS, inputAfter(20, {}, { crashes, candidate: NOTHING }))).verdict).toBe('fail')
  })
  test('sharing the budget raises the limit', () => {
    expect(judgeCriterion(ERRORS, inputAfter(20, {}), { sharedBy: 4 }).statistic?.limit).toBe(4000)
  })
})

describe('latency', () => {
  test('half as slow again fails; 5 % slower does not', () => {
    const fail = judged(judgeCriterion(LATENCY, inputAfter(120, { latencyMs: slower(1.5) })))
    expect(fail).toMatchObject({ verdict: 'fail', against: 'live' })
    expect((fail.value ?? 0) / (fail.baseline ?? 1)).toBeCloseTo(1.5, 1)
    expect(judged(judgeCriterion(LATENCY, inputAfter(300, { latencyMs: slower(1.03) }))).verdict).not.toBe('fail')
  })
  test('a healthy one passes when 20 % more would have shown', () => {
    expect(judged(judgeCriterion(LATENCY, inputAfter(10, {}))).verdict).toBe('inconclusive')
    expect(judged(judgeCriterion(LATENCY, inputAfter(900, {}))).verdict).toBe('pass')
  })
  test('both slow: moving traffic would not help', () => {
    const slowLate = (second: number, request: number) => (second > 200 ? 4 : 1) * slower(1)(second, request)
    const input = inputAfter(300, { latencyMs: slowLate })
    expect(judgeCriterion(LATENCY, input).verdict).toBe('fail')
    const both = judged(judgeCriterion(LATENCY, { ...input, baseline: seriesOf({ from: -600, to: 300, rps: 90, errors: rareErrors, latencyMs: slowLate }) }))
    expect(both.verdict).toBe('inconclusive')
  })
  test('against the record, and without one', () => {
    const frozen = freezeBaseline(seriesOf({ from: -900, to: 0, rps: 90 }), T0)
    const alone = { baseline: NOTHING, weightPercent: 100 }
    expect(judged(judgeCriterion(LATENCY, inputAfter(120, { rps: 100, latencyMs: slower(2) }, { ...alone, frozen })))).toMatchObject({ verdict: 'fail', against: 'history' })
    expect(judged(judgeCriterion(LATENCY, inputAfter(120, { rps: 100, latencyMs: slower(9) }, alone))).verdict).toBe('inconclusive')
  })
})

describe('absolute judges', () => {
  test('threshold: three windows in a row, percentile, readings below and above', () => {
    const spike = (second: number) => (second > 20 ? 3 : 0)
    expect(judged(judgeCriterion(ABSOLUTE, inputAfter(22, { errors: spike }))).verdict).toBe('inconclusive')
    expect(judged(judgeCriterion(ABSOLUTE, inputAfter(25, { errors: spike }))).verdict).toBe('fail')
    expect(judged(judgeCriterion(ABSOLUTE, inputAfter(25, {}))).verdict).toBe('pass')
    expect(judgeCriterion(ABSOLUTE, inputAfter(25, { rps: 1 })).verdict).toBe('inconclusive')
    expect(judged(judgeCriterion(SLOW, inputAfter(25, { latencyMs: () => 500 }))).verdict).toBe('fail')
    expect(judged(judgeCriterion(SLOW, inputAfter(25, {}))).verdict).toBe('pass')
    expect(judged(judgeCriterion(ORDERS, inputAfter(300, { value: () => 20, everySeconds: 15 }))).verdict).toBe('fail')
    expect(judged(judgeCriterion(ORDERS, inputAfter(300, { value: () => 70, everySeconds: 15 }))).verdict).toBe('pass')
    expect(judged(judgeCriterion(MEMORY, inputAfter(30, { value: () => 2e9 }))).verdict).toBe('fail')
    const both = inputAfter(30, { errors: spike }, { baseline: seriesOf({ from: -10, to: 30, rps: 90, errors: () => 30 }) })
    expect(judged(judgeCriterion(ABSOLUTE, both))).toMatchObject({ verdict: 'inconclusive', bothSides: true })
  })
  test('burn rate: both windows; the short one ends it soon after the trouble', () => {
    expect(judged(judgeCriterion(BURN, inputAfter(60, { errors: bad }))).verdict).toBe('fail')
    expect(judged(judgeCriterion(BURN, inputAfter(60, { errors: (second) => (second < 40 ? bad(second) : 0) }))).verdict).toBe('pass')
    expect(judged(judgeCriterion(BURN, inputAfter(60, { rps: 0 }))).verdict).toBe('inconclusive')
  })
  test('Mann-Whitney: at the end of each window', () => {
    expect(judged(judgeCriterion(WHOLE, inputAfter(59, { errors: bad }))).verdict).toBe('inconclusive')
    expect(judged(judgeCriterion(WHOLE, inputAfter(65, { errors: () => 2 }))).verdict).toBe('fail')
    expect(judged(judgeCriterion(WHOLE, inputAfter(65, {}))).verdict).toBe('pass')
    expect(judged(judgeCriterion(WHOLE, inputAfter(65, {}, { baseline: NOTHING }))).verdict).toBe('inconclusive')
  })
})

test('overall: fail before warn before doubt before pass', () => {
  const of = (verdict: 'pass' | 'fail' | 'inconclusive', severity: 'fail' | 'warn' = 'fail') => ({ ...judgeCriterion(ERRORS, inputAfter(5, {})), verdict, severity })
  expect(overallVerdict([of('pass'), of('fail', 'warn'), of('fail')])).toBe('fail')
  expect(overallVerdict([of('inconclusive'), of('fail', 'warn')])).toBe('warn')
  expect(overallVerdict([of('pass'), of('inconclusive')])).toBe('inconclusive')
  expect(overallVerdict([])).toBe('pass')
})

test('the defaults are criteria, and their expected times of detection are those that are met', () => {
  for (const criterion of DEFAULT_CRITERIA) expect(criterionSchema.parse(criterion)).toEqual(criterion)
  const rates = { candidateRps: 10, baselineRps: 90, baselineErrorRatio: 0.001, historyMs: 600_000 }
  const expected = expectedDetectionMs(ERRORS, rates) ?? 0
  expect(expected).toBeGreaterThan(30_000)
  expect(expected).toBeLessThan(120_000)
  expect(judgeCriterion(ERRORS, inputAfter(Math.ceil(expected / 1000) + 15, {})).verdict).toBe('pass')
  expect(expectedDetectionMs(ERRORS, { ...rates, candidateRps: 100, baselineRps: 900 }) ?? 0).toBeLessThan(expected / 4)
  expect(expectedDetectionMs(ERRORS, { ...rates, candidateRps: 0 })).toBeNull()
  expect(expectedDetectionMs(ERRORS, { ...rates, candidateRps: 0.001 })).toBeNull()
  for (const criterion of ALL) expect(expectedDetectionMs(criterion, rates) ?? 1).toBeGreaterThan(0)
})

test('freezing: ten-second intervals, at most a quarter of an hour, nothing made up', () => {
  const frozen = freezeBaseline(seriesOf({ from: -1200, to: 60, rps: 9, errors: () => 1, latencyMs: () => 30 }), T0)
  expect(frozen?.series.at).toHaveLength(90)
  expect(frozen?.series.requests.every((requests) => requests === 90)).toBe(true)
  expect(frozen?.series.errors.every((errors) => errors === 10)).toBe(true)
  expect(frozen?.fromAt).toBe(T0 - 900_000)
  expect(frozen?.toAt).toBe(T0)
  expect(freezeBaseline(seriesOf({ from: -60, to: 0, rps: 0 }), T0)).toBeNull()
  expect(freezeBaseline(NOTHING, T0)).toBeNull()
})

test('latency: very slow for a few requests is found within seconds, with a minute of record; the same few in both are not', () => {
  const stuck = (second: number, request: number) => (request % 8 === 0 ? 600 : usualLatencyMs(second, request))
  const baseline = (latencyMs: typeof usualLatencyMs) => seriesOf({ from: -60, to: 20, rps: 90, latencyMs })
  const slow = judgeCriterion(LATENCY, inputAfter(20, { latencyMs: stuck }, { baseline: baseline(usualLatencyMs) }))
  expect(slow.verdict).toBe('fail')
  expect(slow.why).toMatch(/20 % were slower than 27\d ms/)
  const usual = judgeCriterion(LATENCY, inputAfter(20, { latencyMs: stuck }, { baseline: baseline(stuck) }))
  expect(usual.verdict).not.toBe('fail')
})
