import { expect, it } from 'vitest'
import { seededRandom } from '../../bench/measure.ts'
import type { Criterion, Series } from '../../contract/analysis.ts'
import { DEFAULT_CRITERIA } from './default-criteria.ts'
import { judgeCriterion } from './judge.ts'

const HALF = DEFAULT_CRITERIA.find(({ judge }) => judge.kind === 'threshold')
if (!HALF) throw new Error('the defaults have no threshold')
const SINCE = 1_000_000
const BURN: Criterion = { ...HALF, name: 'burn', judge: { kind: 'burnRate', objective: 0.99, windows: [{ longMs: 60_000, shortMs: 5_000, factor: 14.4 }], minRequests: 50 } }

/** A minute before the candidate's first traffic, and `seconds` after it; from `badFrom` on, requests fail with this ratio. */
function judged(random: () => number, seconds: number, bad: { candidate: number; baseline: number }, criterion: Criterion) {
  const side = (requests: number, from: number, ratio: number): Series => {
    const at = Array.from({ length: seconds - from }, (_, i) => SINCE + (from + i + 1) * 1000)
    const errors = at.map((each) => Array.from({ length: requests }, () => (each > SINCE + 3000 && random() < ratio ? 1 : 0)).reduce<number>((sum, one) => sum + one, 0))
    return { at, requests: at.map(() => requests), errors, latency: at.map(() => []), values: at.map(() => null) }
  }
  const input = { candidate: side(20, 0, bad.candidate), baseline: side(20, -60, bad.baseline) }
  const verdicts = []
  for (let second = 1; second <= seconds; second += 1) verdicts.push(judgeCriterion(criterion, { ...cut(input, SINCE + second * 1000), now: SINCE + second * 1000, frozen: null, candidateSince: SINCE, stepSince: SINCE, weightPercent: 50, crashes: [] }))
  return verdicts
}

function cut(input: { candidate: Series; baseline: Series }, to: number) {
  const upTo = (series: Series) => {
    const count = series.at.filter((at) => at <= to).length
    return { at: series.at.slice(0, count), requests: series.requests.slice(0, count), errors: series.errors.slice(0, count), latency: series.latency.slice(0, count), values: series.values.slice(0, count) }
  }
  return { candidate: upTo(input.candidate), baseline: upTo(input.baseline) }
}

it('what fails on both sides alike never takes traffic back, whichever side crosses the limit first, however well the other was before', () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    for (const criterion of [HALF, BURN]) {
      const verdicts = judged(seededRandom(seed), 40, { candidate: 0.9, baseline: 0.9 }, criterion)
      expect(verdicts.filter(({ verdict }) => verdict === 'fail').map(({ why }) => why), `seed ${seed}`).toEqual([])
      expect(verdicts.some(({ bothSides }) => bothSides)).toBe(true)
    }
  }
})

it('control: a candidate that fails alone, or far more than the other side, is taken back', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    for (const criterion of [HALF, BURN]) for (const baseline of [0, criterion === HALF ? 0.3 : 0.1]) expect(judged(seededRandom(seed), 40, { candidate: 0.9, baseline }, criterion).some(({ verdict }) => verdict === 'fail'), `seed ${seed}`).toBe(true)
  }
})

it('a query is missed after three of its own intervals, before its first answer too', () => {
  const query: Criterion = { ...HALF, name: 'pool', metric: { source: 'query', provider: 'prom', query: 'pool', unit: '' } }
  const none: Series = { at: [], requests: [], errors: [], latency: [], values: [] }
  const missedAfter = (intervalMs: number) => {
    for (let ms = 1000; ms <= 3_600_000; ms += 1000) {
      const { absentSince } = judgeCriterion(query, { now: SINCE + ms, candidate: none, baseline: none, frozen: null, candidateSince: SINCE, stepSince: SINCE, weightPercent: 50, crashes: [], intervalMs })
      if (absentSince !== null) return ms
    }
    return Infinity
  }
  expect(missedAfter(1000)).toBe(6_000)
  expect(missedAfter(60_000)).toBe(181_000)
})
