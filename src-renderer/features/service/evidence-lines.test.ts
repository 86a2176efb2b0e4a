import { describe, expect, it } from 'vitest'
import { bucketOf, percentileMs } from '../../../src-main/core/analysis/latency-histogram.ts'
import { makeCriterion, makeEvidence, makeResult } from '../../lib/test-fixtures.ts'
import { countsIn, evidencePoints, quantileMs, readVerdictEvidence, type JudgedEvidence } from './evidence-lines.ts'

const NOW = 1_790_000_000_000

function first(value: unknown): JudgedEvidence {
  const judged = readVerdictEvidence(value)?.judged[0]
  if (!judged) throw new Error('no evidence')
  return judged
}

describe('evidence of a verdict', () => {
  it('reads what the journal keeps, and nothing else', () => {
    expect(first(makeEvidence(NOW)).criterion.name).toBe('Error ratio')
    expect(readVerdictEvidence({ requests: 6240, errors: 11 })).toBeNull()
    expect(readVerdictEvidence(null)).toBeNull()
  })

  it('keeps every request and error of the stored samples in its points', () => {
    const read = first(makeEvidence(NOW))
    const judged = { ...read, result: { ...read.result, fromAt: NOW - 60_000 } }
    const { points, bucketMs } = evidencePoints(judged)
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
    expect(bucketMs).toBe(1000)
    expect(sum(points.map((point) => point.candidateErrors))).toBe(sum(judged.input.candidate.errors))
    expect(sum(points.map((point) => point.baselineRequests))).toBe(sum(judged.input.baseline.requests))
    expect(points.at(-1)?.candidate).toBeCloseTo(9 / 102)
  })

  it('sums a long record into at most 200 points without losing a count', () => {
    const at = Array.from({ length: 3600 }, (_, index) => NOW - (3599 - index) * 1000)
    const series = { at, requests: at.map(() => 10), errors: at.map(() => 1), latency: at.map(() => []), values: at.map(() => null) }
    const result = makeResult({ fromAt: NOW - 3_600_000, toAt: NOW })
    const { points } = evidencePoints({ criterion: makeCriterion(), result, input: { now: NOW, candidate: series, baseline: { ...series, at: [] }, frozen: null, candidateSince: 0, stepSince: 0, weightPercent: 50, crashes: [] } })
    expect(points.length).toBeLessThanOrEqual(201)
    expect(points.reduce((total, point) => total + point.candidateErrors, 0)).toBe(3600)
    expect(points.every((point) => point.baseline === null)).toBe(true)
  })

  it('counts inside the judged stretch only', () => {
    const { input, result } = first(makeEvidence(NOW))
    expect(countsIn(input.candidate, result.fromAt, result.toAt).errors).toBeGreaterThanOrEqual(54)
    expect(countsIn(input.candidate, 0, result.fromAt).errors).toBeLessThan(20)
  })

  it('reads the stored latencies as the core does', () => {
    const counts = new Map<number, number>()
    for (let index = 1; index <= 2000; index += 1) counts.set(bucketOf((index * 7919) % 1300), (counts.get(bucketOf((index * 7919) % 1300)) ?? 0) + 1)
    for (const share of [0.5, 0.95, 0.99]) expect(quantileMs(counts, share)).toBeCloseTo(percentileMs(counts, share) ?? -1, 3)
    expect(quantileMs(new Map(), 0.5)).toBeNull()
  })
})
