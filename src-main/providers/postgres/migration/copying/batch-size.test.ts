import { describe, expect, it } from 'vitest'
import { batchP90Ms, firstBatch, halved, LEAST_ROWS, nextBatch } from './batch-size.ts'

describe('batch size', () => {
  it('comes to the size whose time is the aim, from below and from above', () => {
    const msPerRow = 0.01
    for (const rows of [LEAST_ROWS, 10_000]) {
      let size = { rows, recentMs: [] as readonly number[] }
      for (let i = 0; i < 20; i += 1) size = nextBatch(size, { rows: size.rows, tookMs: size.rows * msPerRow }, 25, 10_000)
      expect(size.rows).toBeGreaterThan(2400)
      expect(size.rows).toBeLessThan(2600)
    }
  })

  it('changes by at most half, however far a batch was from the aim', () => {
    const size = { rows: 1000, recentMs: [] }
    expect(nextBatch(size, { rows: 1000, tookMs: 5000 }, 25, 10_000).rows).toBe(500)
    expect(nextBatch(size, { rows: 1000, tookMs: 0.1 }, 25, 10_000).rows).toBe(1500)
  })

  it('keeps to the cap and to the least', () => {
    expect(nextBatch({ rows: 900, recentMs: [] }, { rows: 900, tookMs: 1 }, 25, 1000).rows).toBe(1000)
    expect(nextBatch({ rows: 60, recentMs: [] }, { rows: 60, tookMs: 900 }, 25, 1000).rows).toBe(LEAST_ROWS)
    expect(firstBatch(30).rows).toBe(30)
  })

  it('does not grow by a short last page, and learns nothing from an empty one', () => {
    const size = { rows: 1000, recentMs: [7] }
    expect(nextBatch(size, { rows: 10, tookMs: 1 }, 25, 10_000).rows).toBe(1000)
    expect(nextBatch(size, { rows: 0, tookMs: 1 }, 25, 10_000)).toEqual(size)
  })

  it('gets small where locks were not to be had', () => {
    expect(halved({ rows: 51, recentMs: [] }).rows).toBe(25)
    expect(halved({ rows: 1, recentMs: [] }).rows).toBe(1)
  })

  it('tells the 90th percentile of the last ten', () => {
    expect(batchP90Ms(firstBatch(100))).toBeNull()
    let size = firstBatch(1000)
    for (let i = 1; i <= 20; i += 1) size = nextBatch(size, { rows: size.rows, tookMs: i }, 25, 1000)
    expect(batchP90Ms(size)).toBe(19)
  })
})
