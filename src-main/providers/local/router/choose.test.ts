import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { choose, createDeck } from './choose.ts'
import { bucketMiddleMs, bucketOf, percentileMs } from '../../../core/analysis/latency-histogram.ts'
import type { RouteState } from './messages.ts'

const request = (cookie?: string) => ({ headers: cookie === undefined ? {} : { cookie } }) as IncomingMessage
const state = (change: Partial<RouteState> = {}): RouteState => ({
  name: 'web',
  generation: 7,
  weights: { blue: 50, green: 50 },
  pinsFrom: 3,
  sticky: { cookie: 'pin', ttlMs: 60_000 },
  preview: null,
  timeouts: { connectMs: 1, headersMs: 1, idleMs: 1 },
  endpoints: { blue: { id: 'b', host: 'h', port: 1 }, green: { id: 'g', host: 'h', port: 2 } },
  ...change,
})

describe('dealing', () => {
  it('gives green exactly its percent of every hundred, for every weight', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 5 }), (percent, hundreds) => {
        const deal = createDeck()
        let green = 0
        for (let i = 0; i < hundreds * 100; i++) if (deal(percent) === 'green') green += 1
        return green === percent * hundreds
      }),
    )
  })

  it('has no rhythm: each place of a cycle gets its share', () => {
    const deal = createDeck()
    const byPlace = [0, 0, 0, 0]
    for (let i = 0; i < 40_000; i++) if (deal(25) === 'green') byPlace[i % 4] = (byPlace[i % 4] ?? 0) + 1
    // A rotation would give one of the four places all 10,000.
    for (const count of byPlace) expect(count).toBeGreaterThan(2200)
  })

  it('begins afresh with new weights', () => {
    const deal = createDeck(() => 0)
    expect(deal(50)).toBe('green')
    expect(deal(0)).toBe('blue')
    expect(deal(100)).toBe('green')
  })
})

describe('choosing', () => {
  const blue = () => 'blue' as const

  it('sends nobody to an environment without weight, pinned or not', () => {
    fc.assert(
      fc.property(fc.constantFrom('blue', 'green'), fc.integer({ min: 0, max: 10 }), fc.boolean(), (pinned, generation, all) => {
        const weights = all ? { blue: 100, green: 0 } : { blue: 0, green: 100 }
        const choice = choose(state({ weights }), request(`pin=${pinned}.${generation}`), createDeck())
        return choice?.environment === (all ? 'blue' : 'green')
      }),
    )
    expect(choose(state({ weights: { blue: 0, green: 0 } }), request(), blue)).toBeNull()
  })

  it('follows a pin of this shift, and none that is older, newer or made up', () => {
    const go = (cookie: string) => choose(state(), request(cookie), blue)
    expect(go('x=1; pin=green.5')).toEqual({ environment: 'green', pin: false })
    for (const cookie of ['pin=green.2', 'pin=green.8', 'pin=green', 'pin=red.5', 'pin=green.5x', 'nopin=green.5']) expect(go(cookie)).toEqual({ environment: 'blue', pin: true })
    expect(choose(state({ sticky: null }), request('pin=green.5'), blue)).toEqual({ environment: 'blue', pin: false })
  })

  it('passes over one that is not ready while the other has weight', () => {
    const down = { blue: null, green: { id: 'g', host: 'h', port: 2 } }
    expect(choose(state({ endpoints: down }), request('pin=blue.5'), blue)?.environment).toBe('green')
    expect(choose(state({ endpoints: down, weights: { blue: 100, green: 0 } }), request(), blue)?.environment).toBe('blue')
  })
})

describe('the latency histogram', () => {
  it('is off by at most half a bucket, 1.6 percent, above 32 microseconds (and rounding to whole ones)', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.032, max: 3_600_000, noNaN: true }), (ms) => Math.abs(bucketMiddleMs(bucketOf(ms)) - ms) / ms < 0.032),
    )
  })

  it('gives percentiles by rank', () => {
    const counts = new Map<number, number>()
    for (let ms = 1; ms <= 100; ms++) counts.set(bucketOf(ms), (counts.get(bucketOf(ms)) ?? 0) + 1)
    expect(percentileMs(counts, 0.5)).toBeCloseTo(50, -1)
    expect(Math.abs((percentileMs(counts, 0.99) ?? 0) - 99)).toBeLessThan(3)
    expect(percentileMs(new Map(), 0.5)).toBeNull()
  })
})
