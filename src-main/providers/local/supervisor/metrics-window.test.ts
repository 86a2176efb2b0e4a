import { expect, it } from 'vitest'
import { bucketOf } from '../../../core/analysis/latency-histogram.ts'
import type { SecondCounts } from '../router/messages.ts'
import { createMetricsWindow, WINDOW_SECONDS } from './metrics-window.ts'

const counts = (change: Partial<SecondCounts> = {}): SecondCounts => ({ s2xx: 0, s3xx: 0, s4xx: 0, s5xx: 0, failed: 0, latency: [], inFlight: 0, connections: 0, ...change })
const none = { blue: null, green: null }

it('adds what two routers counted in the same second, percentiles included', () => {
  const window = createMetricsWindow()
  window.add(1000, { blue: counts({ s2xx: 98, latency: [[bucketOf(10), 98]], inFlight: 2 }), green: counts() }, none)
  window.add(1000, { blue: counts({ s5xx: 1, failed: 1, latency: [[bucketOf(500), 2]], inFlight: 1 }), green: counts() }, none)
  const [sample] = window.since(0).blue
  expect(sample).toMatchObject({ requests: 100, errors: 2, byClass: { s2xx: 98, s5xx: 1, failed: 1 }, inFlight: 3 })
  expect(Math.abs((sample?.p50Ms ?? 0) - 10)).toBeLessThan(0.2)
  expect(Math.abs((sample?.p99Ms ?? 0) - 500)).toBeLessThan(10)
})

it('keeps the live window, newest last, and says null for latencies of a second without requests', () => {
  const window = createMetricsWindow()
  for (let second = 1; second <= WINDOW_SECONDS + 10; second++) window.add(second * 1000, { blue: counts(), green: counts() }, { blue: { cpuPercent: 1, memoryBytes: 2 }, green: null })
  const { blue, green } = window.since(0)
  expect(blue).toHaveLength(WINDOW_SECONDS)
  expect(blue[0]?.at).toBe(11_000)
  expect(blue.at(-1)).toMatchObject({ p50Ms: null, cpuPercent: 1, memoryBytes: 2 })
  expect(green.at(-1)?.memoryBytes).toBeNull()
  expect(window.since((WINDOW_SECONDS + 9) * 1000).blue).toHaveLength(2)
})

it('goes on when the wall clock is set back, without seconds of the future', () => {
  const window = createMetricsWindow()
  const add = (at: number, s5xx = 0) => window.add(at, { blue: counts({ s2xx: 9, s5xx }), green: counts({ s2xx: 9, s5xx }) }, none)
  for (let at = 3_600_000; at < 3_620_000; at += 1000) add(at)
  // Two routers that disagree by a second are no set clock.
  add(3_618_000, 5)
  expect(window.since(0).blue).toHaveLength(20)
  for (let at = 1_000_000; at < 1_003_000; at += 1000) add(at, 3)
  const { blue, green } = window.since(0)
  expect(blue.map(({ at }) => at)).toEqual([1_000_000, 1_001_000, 1_002_000])
  expect(green.map(({ errors }) => errors)).toEqual([3, 3, 3])
})
