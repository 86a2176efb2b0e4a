import { expect, test } from 'vitest'
import { createMetricsWindow } from './metrics-window.ts'

const counts = (s5xx: number) => ({ s2xx: 9, s3xx: 0, s4xx: 0, s5xx, failed: 0, latency: [], inFlight: 0, connections: 0 })
const nothing = { blue: null, green: null }

test('a clock that is set back leaves a window that goes on, without seconds of the future', () => {
  const window = createMetricsWindow()
  const add = (at: number, s5xx = 0) => window.add(at, { blue: counts(s5xx), green: counts(s5xx) }, nothing)
  for (let at = 3_600_000; at < 3_620_000; at += 1000) add(at)
  // Half a second of disagreement between two routers is no set clock.
  add(3_618_000, 5)
  expect(window.since(0).blue).toHaveLength(20)
  for (let at = 1_000_000; at < 1_003_000; at += 1000) add(at, 3)
  const { blue, green } = window.since(0)
  expect(blue.map(({ at }) => at)).toEqual([1_000_000, 1_001_000, 1_002_000])
  expect(green.map(({ errors }) => errors)).toEqual([3, 3, 3])
})
