import { describe, expect, test } from 'vitest'
import type { Series } from '../../contract/analysis.ts'
import { judgeCriterion } from './judge.ts'
import type { JudgeInput } from './judge-input.ts'
import { ALL, inputAfter, NOTHING, seriesOf, T0 } from './testing/series.ts'

const SECONDS = 120

/** Replaces the samples after this second. */
function spoiled(series: Series, after: number, change: (sample: { at: number; requests: number; errors: number; value: number | null; latency: [number, number][] }) => Partial<{ at: number; requests: number; errors: number; value: number | null; latency: [number, number][] }>): Series {
  const copy: Series = { at: [...series.at], requests: [...series.requests], errors: [...series.errors], latency: [...series.latency], values: [...series.values] }
  for (const [i, at] of series.at.entries()) {
    if (at <= T0 + after * 1000) continue
    const sample = { at, requests: series.requests[i] ?? 0, errors: series.errors[i] ?? 0, value: series.values[i] ?? null, latency: series.latency[i] ?? [] }
    const next = { ...sample, ...change(sample) }
    copy.at[i] = next.at
    copy.requests[i] = next.requests
    copy.errors[i] = next.errors
    copy.values[i] = next.value
    copy.latency[i] = next.latency
  }
  return copy
}

function only(series: Series, keep: (second: number, i: number) => boolean): Series {
  const chosen = series.at.flatMap((at, i) => (keep((at - T0) / 1000, i) ? [i] : []))
  const pick = <T>(column: readonly T[]): T[] => chosen.map((i) => column[i]).filter((value) => value !== undefined)
  return { at: pick(series.at), requests: pick(series.requests), errors: pick(series.errors), latency: pick(series.latency), values: pick(series.values) }
}

const isBad = (value: number) => ({ requests: value, errors: value, value, latency: [[value, value]] as [number, number][] })

type Spoil = (series: Series) => Series
/** What happens to the data, and whether it is absence (told, with a since) or merely too little. */
const CASES: readonly { readonly name: string; readonly spoil: Spoil; readonly absent: boolean }[] = [
  { name: 'empty', spoil: () => NOTHING, absent: true },
  { name: 'stale', spoil: (series) => only(series, (second) => second <= 60), absent: true },
  { name: 'NaN', spoil: (series) => spoiled(series, 60, () => isBad(Number.NaN)), absent: true },
  { name: '+Inf', spoil: (series) => spoiled(series, 60, () => isBad(Infinity)), absent: true },
  { name: '-Inf', spoil: (series) => spoiled(series, 60, () => isBad(-Infinity)), absent: true },
  { name: 'NaN from the start', spoil: (series) => spoiled(series, 0, () => isBad(Number.NaN)), absent: true },
  { name: 'counter reset: negative differences', spoil: (series) => spoiled(series, 60, () => ({ ...isBad(-50), value: Number.NaN })), absent: true },
  { name: 'more errors than requests, and no histogram or reading', spoil: (series) => spoiled(series, 60, ({ requests }) => ({ errors: requests + 1, value: null, latency: [] })), absent: true },
  { name: 'another clock: an hour ahead', spoil: (series) => spoiled(series, 0, ({ at }) => ({ at: at + 3_600_000 })), absent: true },
  { name: 'another clock: an hour behind', spoil: (series) => spoiled(series, 0, ({ at }) => ({ at: at - 3_600_000 })), absent: true },
  { name: 'times that are no times', spoil: (series) => spoiled(series, 0, () => ({ at: Number.NaN })), absent: true },
  { name: 'partial: one sample in four', spoil: (series) => only(series, (_, i) => i % 4 === 0), absent: true },
  { name: 'no traffic', spoil: (series) => spoiled(series, 0, () => ({ requests: 0, errors: 0, latency: [], value: null })), absent: false },
]

const SIDES = { healthy: { errors: (second: number) => (second % 97 === 0 ? 1 : 0), value: () => 60 }, harmed: { errors: () => 2, value: () => 2e9 } }

const INPUTS = { healthy: inputAfter(SECONDS, SIDES.healthy), harmed: inputAfter(SECONDS, SIDES.harmed) }

describe.each(CASES)('$name', ({ name, spoil, absent }) => {
  for (const criterion of ALL) {
    const isQuery = criterion.metric.source === 'query'
    for (const [side, input] of Object.entries(INPUTS)) {
      test(`${criterion.name}, ${side} before`, () => {
        const result = judgeCriterion(criterion, { ...input, candidate: spoil(input.candidate) })
        // A query asked every 4 s is whole.
        if (isQuery && name.startsWith('partial')) return
        expect(result.verdict).toBe('inconclusive')
        expect(result.why).not.toMatch(/NaN|undefined|Infinity/)
        expect(result.closeness).toBeLessThan(1)
        const reads = criterion.metric.source === 'process' || isQuery
        if (absent || reads) expect(result.absentSince).toBeGreaterThanOrEqual(T0)
        else expect(result.absentSince).toBeNull()
        if (name === 'stale') expect(result.absentSince).toBe(T0 + 60_000)
      })
    }
  }
})

describe('what does not matter', () => {
  const { healthy, harmed } = INPUTS
  const shuffled: Spoil = (series) => {
    const order = series.at.map((_, i) => i).toSorted((a, b) => ((a * 7919) % 101) - ((b * 7919) % 101) || a - b)
    const pick = <T>(column: readonly T[]): T[] => order.map((i) => column[i]).filter((value) => value !== undefined)
    return { at: pick(series.at), requests: pick(series.requests), errors: pick(series.errors), latency: pick(series.latency), values: pick(series.values) }
  }
  const doubled: Spoil = (series) => ({ at: series.at.flatMap((at) => [at, at]), requests: series.requests.flatMap((count) => [count, count]), errors: series.errors.flatMap((count) => [count, count]), latency: series.latency.flatMap((pairs) => [pairs, pairs]), values: series.values.flatMap((value) => [value, value]) })
  for (const criterion of ALL) {
    test(`${criterion.name}: order, and samples sent twice`, () => {
      for (const input of [healthy, harmed]) {
        const plain = judgeCriterion(criterion, input)
        expect(judgeCriterion(criterion, { ...input, candidate: shuffled(input.candidate), baseline: shuffled(input.baseline) })).toEqual(plain)
        expect(judgeCriterion(criterion, { ...input, candidate: doubled(input.candidate), baseline: doubled(input.baseline) })).toEqual(plain)
      }
    })
  }
  test('the control: with the same data whole, the judges do pass and do fail', () => {
    const verdicts = (input: JudgeInput) => ALL.map((criterion) => judgeCriterion(criterion, input).verdict)
    expect(verdicts(healthy).filter((verdict) => verdict === 'pass').length).toBeGreaterThanOrEqual(6)
    expect(verdicts(harmed).filter((verdict) => verdict === 'fail').length).toBeGreaterThanOrEqual(4)
  })
})

describe('the other environment', () => {
  const missing: Spoil = (series) => only(series, (second) => second <= 60)
  for (const criterion of ALL.filter(({ judge }) => judge.kind === 'errors' || judge.kind === 'latency')) {
    test(`${criterion.name}: no verdict while its data is missing`, () => {
      for (const shape of [SIDES.healthy, { ...SIDES.harmed, latencyMs: () => 900 }]) {
        const input = inputAfter(SECONDS, shape)
        const result = judgeCriterion(criterion, { ...input, baseline: missing(input.baseline) })
        expect(result).toMatchObject({ verdict: 'inconclusive', absentSince: T0 + 60_000 })
      }
    })
  }
  test('low traffic: a request a minute decides nothing', () => {
    const input = inputAfter(600, {}, { candidate: seriesOf({ from: 0, to: 600, rps: 0 }) })
    const sparse = spoiled(input.candidate, 0, ({ at }) => ((at / 1000) % 60 === 0 ? { requests: 1, errors: 1, latency: [[300, 1]] } : {}))
    for (const criterion of ALL.slice(0, 6)) expect(judgeCriterion(criterion, { ...input, candidate: spoiled(sparse, 0, ({ errors, at }) => ({ errors: (at / 1000) % 120 === 0 ? errors : 0 })) }).verdict).not.toBe('pass')
  })
})
