import { expect, it } from 'vitest'
import type { Metric } from '../../src-main/contract/analysis.ts'
import { absenceWords, chartOf, judgeWords, ofWords, valueWords } from './criterion-words.ts'
import { makeCriterion } from './test-fixtures.ts'

const latency: Metric = { source: 'router', of: 'latency', quantile: 'p95' }
const memory: Metric = { source: 'process', of: 'memoryBytes' }
const orders: Metric = { source: 'query', provider: 'prom', query: 'x', unit: 'orders/min' }

it('writes a value in the unit of its metric', () => {
  expect([
    valueWords({ source: 'router', of: 'errorRatio' }, 0.0024),
    valueWords({ source: 'probe', of: 'failureRatio', probe: 'home' }, 0.5),
    valueWords(latency, 331.4),
    valueWords(memory, 412 * 1024 * 1024),
    valueWords({ source: 'process', of: 'cpuPercent' }, 34.26),
    valueWords({ source: 'process', of: 'restarts' }, 2),
    valueWords(orders, 12.345),
    valueWords({ ...orders, unit: 'ratio' }, 0.02),
  ]).toEqual(['0.24 %', '50 %', '331 ms', '412 MiB', '34.3 %', '2', '12.3 orders/min', '2 %'])
})

it('says the unit once where value and limit share it, and which side of the limit is right', () => {
  expect(ofWords(makeCriterion({ metric: latency }), 331, 400)).toEqual(['331', 'of 400 ms'])
  expect(ofWords(makeCriterion({ metric: memory }), 380 * 2 ** 20, 1.5 * 2 ** 30)).toEqual(['380 MiB', 'of 1.5 GiB'])
  const least = makeCriterion({ metric: orders, judge: { kind: 'threshold', limit: 20, harm: 'below', windowMs: 60_000, minRequests: 4, consecutive: 1 } })
  expect(ofWords(least, 31, 20)).toEqual(['31', 'min 20 orders/min'])
})

it('says each judge in one plain sentence', () => {
  const say = (judge: Parameters<typeof makeCriterion>[0]) => judgeWords(makeCriterion(judge))
  expect(say({})).toBe('Fails above 1 % over 30 s, twice in a row, from 50 requests on.')
  expect(say({ judge: { kind: 'errors', harm: 0.02 } })).toBe('Fails once 2 points more errors than the old version are proven, at whatever moment.')
  expect(say({ metric: latency, judge: { kind: 'latency', harm: 0.2 } })).toBe('Fails once 20 % slower than the old version is proven, at whatever moment.')
  expect(say({ judge: { kind: 'mannWhitney', windowMs: 300_000, minPoints: 20, tolerance: 0.25, confidence: 0.98, harm: 'above' } })).toBe("Fails when its values lie 25 % above the old version's over 5 min (Mann-Whitney, 98 %).")
  expect(say({ judge: { kind: 'burnRate', objective: 0.999, windows: [{ longMs: 3_600_000, shortMs: 300_000, factor: 14.4 }], minRequests: 10 } })).toBe('Fails when the budget of 0.10 % burns 14.4 times too fast over 1 h and 5 min.')
})

it('says what missing data comes to', () => {
  expect(absenceWords(makeCriterion())).toBe('Missing data holds.')
  expect(absenceWords(makeCriterion({ absence: { action: 'rollBack', afterMs: 120_000 } }))).toBe('Missing for 2 min rolls back.')
})

it('puts a criterion under the chart of its metric, and a query under none', () => {
  expect([makeCriterion(), makeCriterion({ metric: latency }), makeCriterion({ metric: memory }), makeCriterion({ metric: orders })].map(chartOf)).toEqual(['errorRatio', 'latency', 'memory', null])
})
