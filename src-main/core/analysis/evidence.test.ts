import { expect, test } from 'vitest'
import { seededRandom } from '../../bench/measure.ts'
import { poisson } from './bench/streams.ts'
import { errorAlternatives } from './errors-judge.ts'
import { createEvidence, massOf } from './evidence.ts'

const RATIO = 0.002
const history = (random: () => number) => Array.from({ length: 60 }, () => ({ requests: 900, events: poisson(random, 900 * RATIO) }))
const fresh = (seed: number) => createEvidence({ alternatives: errorAlternatives(0.02), history: history(seededRandom(seed)), drift: 0 })

/** Highest e-value met in so many bins, looked at after each of ten parts of a bin. */
function highest(seed: number, ratio: number, bins: number): number {
  const random = seededRandom(seed)
  const evidence = createEvidence({ alternatives: errorAlternatives(0.02), history: history(random), drift: 0 })
  let most = 0
  for (let bin = 0; bin < bins; bin += 1) {
    const counts = { requests: 0, events: 0, baselineRequests: 0, baselineEvents: 0 }
    for (let part = 0; part < 10; part += 1) {
      counts.requests += 10
      counts.events += poisson(random, 10 * ratio)
      counts.baselineRequests += 90
      counts.baselineEvents += poisson(random, 90 * RATIO)
      most = Math.max(most, evidence.valueWith({ ...counts }, massOf(bin === 0, false)))
    }
    evidence.add(counts, massOf(bin === 0, false))
  }
  return most
}

test('looked at 120 times, a healthy candidate exceeds a limit no more often than the limit promises; a bad one does', () => {
  const runs = 250
  const limit = 20
  const healthy = Array.from({ length: runs }, (_, seed) => highest(seed + 1, RATIO, 12)).filter((value) => value >= limit).length
  // Masses spent in 2 min: 0.5 at once, 0.5 / 30 afterwards. Three standard deviations on top.
  const promised = (0.5 + 0.5 / 30) / limit
  expect(healthy / runs).toBeLessThanOrEqual(promised + 3 * Math.sqrt(promised / runs))
  const bad = Array.from({ length: 30 }, (_, seed) => highest(seed + 1, 0.06, 12)).filter((value) => value >= limit).length
  expect(bad).toBe(30)
})

test('every further event raises it, every further request without one lowers it', () => {
  const evidence = fresh(3)
  const counts = { requests: 60, events: 0, baselineRequests: 540, baselineEvents: 1 }
  let before = 0
  for (let events = 0; events <= 60; events += 1) {
    const value = evidence.valueWith({ ...counts, events }, 0.5)
    expect(value).toBeGreaterThan(before)
    before = value
  }
  before = Infinity
  for (let requests = 30; requests <= 2000; requests += 10) {
    const value = evidence.valueWith({ ...counts, events: 3, requests }, 0.5)
    expect(value).toBeLessThanOrEqual(before * (1 + 1e-9))
    before = value
  }
})

test('looking changes nothing, and evidence of harm grows with the other environment well', () => {
  const evidence = fresh(4)
  const bad = { requests: 100, events: 6, baselineRequests: 900, baselineEvents: 2 }
  const first = evidence.valueWith(bad, 0.5)
  evidence.valueWith({ ...bad, events: 90 }, 0.5)
  expect(evidence.valueWith(bad, 0.5)).toBe(first)
  // The same errors on both sides are shared trouble.
  expect(evidence.valueWith({ ...bad, baselineEvents: 54 }, 0.5)).toBeLessThan(first / 10)
})

test('a change after an hour without errors is found almost as fast as at once', () => {
  const late = fresh(5)
  for (let bin = 0; bin < 360; bin += 1) late.add({ requests: 100, events: 0, baselineRequests: 900, baselineEvents: 2 }, massOf(bin === 0, false))
  const bad = { requests: 100, events: 10, baselineRequests: 900, baselineEvents: 2 }
  expect(late.valueWith(bad, massOf(false, false))).toBeGreaterThan(2000)
  expect(fresh(5).valueWith(bad, massOf(true, false))).toBeGreaterThan(2000)
})
