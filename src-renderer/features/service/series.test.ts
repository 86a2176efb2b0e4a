import { describe, expect, it } from 'vitest'
import { makeSample } from '../../lib/test-fixtures.ts'
import { toLines } from './series.ts'

const NOW = 1_790_000_000_000

describe('lines of a chart', () => {
  it('leaves a gap where nothing was counted, and never draws it as zero', () => {
    const blue = [makeSample(NOW - 5000, 100), makeSample(NOW - 4000, 100), makeSample(NOW - 1000, 100)]
    const lines = toLines(blue, [], NOW - 6000, NOW)
    expect(lines.blue.perSecond).toEqual([null, 100, 100, null, null, 100, null])
    expect(lines.green.perSecond.every((value) => value === null)).toBe(true)
  })
  it('says nothing about errors and latency of a second without requests', () => {
    const lines = toLines([makeSample(NOW, 0)], [], NOW - 1000, NOW)
    expect([lines.blue.errorRatio.at(-1), lines.blue.p99Ms.at(-1), lines.blue.perSecond.at(-1)]).toEqual([null, null, 0])
  })
  it('sums seconds into points so that an hour has no more than 300 of them, and keeps the errors', () => {
    const samples = Array.from({ length: 3600 }, (_, index) => makeSample(NOW - 3_600_000 + (index + 1) * 1000, 10, { errors: 1 }))
    const lines = toLines(samples, [], NOW - 3_600_000, NOW)
    expect(lines.times.length).toBeLessThanOrEqual(301)
    expect(lines.bucketMs).toBe(12_000)
    expect(lines.blue.errorRatio[100]).toBeCloseTo(0.1)
    expect(lines.blue.perSecond[100]).toBeCloseTo(10)
  })
})
