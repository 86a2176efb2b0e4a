import { expect, it } from 'vitest'
import type { Criterion } from '../contract/analysis.ts'
import type { MetricsSource } from '../core/ports.ts'
import { type Asked, askedOf } from './asked-series.ts'

const criterion = (windowMs: number): Criterion => ({
  name: `Orders over ${windowMs}`,
  metric: { source: 'query', provider: 'prom', query: 'sum(rate(orders[${window}]))', unit: '' },
  judge: { kind: 'threshold', limit: 1, harm: 'below', windowMs, minRequests: 1, consecutive: 1 },
  severity: 'fail',
  graceMs: 0,
  absence: { action: 'hold', afterMs: 60_000 },
})
const metrics: MetricsSource = { read: () => Promise.reject(new Error('not asked')), tryQuery: () => Promise.reject(new Error('not asked')), intervalMs: () => 1000 }

it('keeps questions apart that differ in side or window, and one question one', () => {
  const all = new Map<string, Asked>()
  const about = (side: string, windowMs: number) => askedOf(all, criterion(windowMs), side, metrics)
  expect(about('on', 60_000)).toBe(about('on', 60_000))
  expect(about('on', 60_000)).not.toBe(about('off', 60_000))
  expect(about('on', 60_000)).not.toBe(about('on', 300_000))
  expect(all.size).toBe(3)
})
