import { expect, it } from 'vitest'
import { niceTop, spread, timeTicks } from './scale.ts'

it('ends an axis on a round number above everything', () => {
  expect([0, 0.011, 7, 99, 100, 412].map(niceTop)).toEqual([1, 0.012, 8, 100, 120, 500])
})

it('puts ticks on whole instants', () => {
  const ticks = timeTicks(Date.UTC(2026, 0, 1, 14, 18, 7), Date.UTC(2026, 0, 1, 14, 33), 9)
  expect(ticks.length).toBeLessThanOrEqual(9)
  expect(ticks.every((tick) => tick % 120_000 === 0)).toBe(true)
})

it('moves labels apart, and keeps them on the chart', () => {
  const [a = 0, b = 0] = spread([0.98, 0.99], 0.14)
  expect(b - a).toBeCloseTo(0.14)
  expect(b).toBeLessThanOrEqual(1)
})
