import { describe, expect, it } from 'vitest'
import { barHolds, bootstrapMedian, comparePairs, median, quantile } from './measure.ts'

describe('measure', () => {
  it('takes medians and quantiles', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(quantile([0, 10], 0.95)).toBeCloseTo(9.5)
    expect(quantile([], 0.5)).toBeNaN()
  })

  it('alternates A B B A and keeps the pairs', async () => {
    const order: string[] = []
    const arm = (name: string, cost: number) => ({ name, run: () => (order.push(name), cost) })
    const result = await comparePairs(arm('A', 2), arm('B', 3), { pairs: 2, warmups: 0 })
    expect(order).toEqual(['A', 'B', 'B', 'A'])
    expect(result.ratio).toEqual({ median: 1.5, low: 1.5, high: 1.5 })
  })

  it('fails a bar only when the whole interval is beyond it', () => {
    const interval = bootstrapMedian([0.9, 1, 1.1, 1.2, 1.3])
    const bar = { name: 'x', value: interval.median, direction: 'atMost' as const, interval }
    expect(barHolds({ ...bar, limit: 1 })).toBe(true)
    expect(barHolds({ ...bar, limit: 0.8 })).toBe(false)
    expect(barHolds({ name: 'nan', value: Number.NaN, limit: 1, direction: 'atMost' })).toBe(false)
  })
})
