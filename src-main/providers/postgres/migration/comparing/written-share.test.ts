import { describe, expect, it } from 'vitest'
import { nextShare, WHOLE_SHARE } from './written-share.ts'

describe('share of written keys', () => {
  it('stays whole while everything can be re-read in time', () => {
    expect(nextShare({ share: WHOLE_SHARE, arrivedPerSecond: 400, queued: 120 }, 500, 5000)).toBe(WHOLE_SHARE)
  })

  it('falls at once to what can be borne', () => {
    const share = nextShare({ share: WHOLE_SHARE, arrivedPerSecond: 4000, queued: 3000 }, 500, 5000)
    expect(share).toBe(102)
    expect((4000 * share) / WHOLE_SHARE).toBeLessThanOrEqual(500)
  })

  it('never falls to nothing', () => {
    expect(nextShare({ share: WHOLE_SHARE, arrivedPerSecond: 1_000_000, queued: 9999 }, 1, 5000)).toBe(8)
  })

  it('rises step by step when there is room again, up to the whole', () => {
    let share = 100
    const seen: number[] = []
    while (share < WHOLE_SHARE) {
      share = nextShare({ share, arrivedPerSecond: (100 * share) / WHOLE_SHARE, queued: 10 }, 500, 5000)
      seen.push(share)
    }
    expect(seen.slice(0, 3)).toEqual([150, 225, 337])
    expect(seen.at(-1)).toBe(WHOLE_SHARE)
  })

  it('does not rise while the queue is late', () => {
    expect(nextShare({ share: 100, arrivedPerSecond: 10, queued: 4000 }, 500, 5000)).toBe(100)
  })
})
