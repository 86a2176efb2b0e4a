import { describe, expect, it } from 'vitest'
import type { VerdictChange } from '../../../src-main/contract/analysis.ts'
import { toSegments } from './verdict-segments.ts'

const change = (at: number, verdict: VerdictChange['verdict'], changes: Partial<VerdictChange> = {}): VerdictChange => ({ at, releaseId: 'r1', version: '1.9.0', name: 'Errors', verdict, why: verdict, ...changes })
const shape = (changes: readonly VerdictChange[], ends: readonly (readonly [string, number | null])[], fromMs = 0, toMs = 100_000) =>
  (toSegments(changes, new Map(ends), fromMs, toMs).get('Errors') ?? []).map(({ fromMs: from, toMs: to, verdict, open }) => `${verdict} ${from / 1000}-${to / 1000}${open ? ' open' : ''}`)

describe('stretches of verdicts', () => {
  it('last until the next change, and the newest until now', () => {
    expect(shape([change(10_000, 'inconclusive'), change(20_000, 'pass')], [['r1', null]])).toEqual(['inconclusive 10-20', 'pass 20-100 open'])
  })
  it('end with the release, and a new release begins anew', () => {
    expect(shape([change(10_000, 'pass'), change(60_000, 'inconclusive', { releaseId: 'r2' })], [['r1', 40_000], ['r2', null]])).toEqual(['pass 10-40', 'inconclusive 60-100 open'])
  })
  it('of a release nobody knows any more end where the next one begins', () => {
    expect(shape([change(10_000, 'pass'), change(60_000, 'pass', { releaseId: 'r2' })], [['r2', null]])).toEqual(['pass 10-60', 'pass 60-100 open'])
  })
  it('are cut to the window, and reach into it from before', () => {
    expect(shape([change(10_000, 'pass'), change(20_000, 'warn')], [['r1', null]], 50_000, 80_000)).toEqual(['warn 50-80 open'])
  })
  it('keep the fail that took traffic back, although judging ended with it', () => {
    expect(shape([change(10_000, 'pass'), change(30_000, 'fail')], [['r1', 30_050]])).toEqual(['pass 10-30', 'fail 30-31'])
  })
  it('keep criteria apart', () => {
    const both = toSegments([change(10_000, 'pass'), change(12_000, 'fail', { name: 'Latency' })], new Map([['r1', null]]), 0, 20_000)
    expect([...both.keys()]).toEqual(['Errors', 'Latency'])
    expect(both.get('Errors')?.[0]?.toMs).toBe(20_000)
  })
})
