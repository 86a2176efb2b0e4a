import { expect, it } from 'vitest'
import { CONSOLE, goodResults, makeEntry, makeRelease } from '../../lib/test-fixtures.ts'
import { decidedRegions, rollBackWords, wayBack } from './decided.ts'
import { toMarks } from './marks.ts'

const NOW = 1_790_000_000_000
const target = { service: 'checkout', environment: 'green', releaseId: 'checkout-2' }
const verdict = makeEntry(50, NOW, { action: 'analysis.failed', operator: CONSOLE, target })
const intent = makeEntry(51, NOW + 20, { action: 'release.rollBack', kind: 'intent', outcome: 'sent', operator: CONSOLE, target })
const seen = makeEntry(52, NOW + 390, { action: 'effect.setWeights', kind: 'outcome', outcome: 'verified', operator: CONSOLE, target, after: { effect: { weights: { blue: 100, green: 0 } } } })

it('shades the samples a breached criterion was judged on, on the chart of its metric', () => {
  const analysis = goodResults(NOW).map((result) => (result.name === 'Latency p99' || result.name === 'Orders' ? { ...result, verdict: 'fail' as const, fromAt: NOW - 6000, toAt: NOW } : result))
  expect(decidedRegions(makeRelease({ now: NOW, changes: { analysis: [...analysis] } }).release)).toEqual([
    { name: 'Latency p99', chart: 'latency', fromMs: NOW - 6000, toMs: NOW, severity: 'fail' },
    { name: 'Orders', chart: null, fromMs: NOW - 6000, toMs: NOW, severity: 'fail' },
  ])
})

it('measures the way back from the verdict to what was read back; a press has no verdict before it', () => {
  expect(wayBack([seen, intent, verdict], 'checkout-2')).toMatchObject({ tookMs: 390, steps: [{ seq: 50 }, { seq: 51 }, { seq: 52 }] })
  expect(wayBack([intent, verdict], 'checkout-2').tookMs).toBeNull()
  expect(wayBack([seen, { ...intent, operator: { ...CONSOLE, known: 'selfDeclared' } }], 'checkout-2')).toMatchObject({ tookMs: 370, steps: [{ seq: 51 }, { seq: 52 }] })
  expect(wayBack([seen], 'checkout-2').steps).toEqual([])
})

it('says in few words who took it back and why', () => {
  const analysis = goodResults(NOW).map((result) => (result.name === 'Error ratio' ? { ...result, verdict: 'fail' as const, value: 0.084, why: 'Error ratio 8.4 % over 30 s, limit 1 %.' } : result))
  const rollback = { by: CONSOLE, reason: 'Error ratio 8.4 % over 30 s, limit 1 %.', at: NOW, forced: false, waitingForReady: false }
  const back = (changes: object) => makeRelease({ now: NOW, changes: { phase: 'rolledBack', analysis: [...analysis], rollback: { ...rollback, ...changes } } }).release
  expect(rollBackWords(back({}))).toBe('by the guard: error ratio 8.4 %')
  expect(rollBackWords(back({ by: { ...CONSOLE, name: 'Mira Okafor', known: 'osUser' }, reason: 'carts answer 500.' }))).toBe('by Mira Okafor: carts answer 500')
  expect(rollBackWords(back({ by: { ...CONSOLE, name: 'Mira Okafor', known: 'osUser' }, reason: '' }))).toBe('by Mira Okafor')
})

it('marks what a migration did to tables of the service, and not what changed nothing for users', () => {
  const portrait = (phase: string, readsPercent = 0, writes = 'old') => ({ phase, readsPercent, writes, paused: false, done: [], approvals: [] })
  const step = (seq: number, before: ReturnType<typeof portrait>, after: ReturnType<typeof portrait>, outcome: 'verified' | 'failed' = 'verified') => makeEntry(seq, NOW + seq, { action: 'migration.step', kind: 'outcome', outcome, target: { migration: 'split' }, before, after })
  const steps = [step(1, portrait('shadowReads'), portrait('backfilling')), step(2, portrait('backfilling'), portrait('backfilling')), step(3, portrait('dualWrites'), portrait('switchingReads', 25)), step(4, portrait('switchingReads', 100), portrait('switchedWrites', 100, 'new')), step(5, portrait('switchedWrites', 100, 'new'), portrait('rollingBack')), step(6, portrait('dualWrites'), portrait('switchingReads', 5), 'failed')]
  expect(toMarks(steps, NOW, NOW + 1000).map(({ label, hot }) => [label, hot])).toEqual([
    ['split: dual writes', false],
    ['split: 25 % of reads new', false],
    ['split: writes new', false],
    ['split: rolling back', true],
  ])
})

it('marks a verdict and the way back it caused as one moment, on the entry with the evidence', () => {
  expect(toMarks([verdict, intent, seen], NOW - 1000, NOW + 1000)).toEqual([{ seq: 50, at: NOW, label: 'fail, back to blue', hot: true }])
})
