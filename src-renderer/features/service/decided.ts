import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import type { Release } from '../../../src-main/contract/release.ts'
import { chartOf, metricWords, valueWords, type ChartName } from '../../lib/criterion-words.ts'
import { declaredIn } from './criteria-shown.ts'

/** The stretch of samples on which a criterion failed. */
export interface Decided {
  readonly name: string
  /** The chart its metric is on; null: on none of them. */
  readonly chart: ChartName | null
  readonly fromMs: number
  readonly toMs: number
  /** It rolls back, or it only asked. */
  readonly severity: 'fail' | 'warn'
}

/** What decided: the results that are breached now, or were when traffic went back. */
export function decidedRegions(release: Release | null): readonly Decided[] {
  if (!release) return []
  const declared = declaredIn(release)
  return release.analysis.flatMap((result) => {
    if (result.verdict !== 'fail') return []
    const criterion = declared.find(({ name }) => name === result.name)
    return [{ name: result.name, chart: criterion ? chartOf(criterion) : null, fromMs: result.fromAt, toMs: result.toAt, severity: result.severity }]
  })
}

/** The result that took a release back, in words: "error ratio", "4.1 %", "1 %". Null when the values are not known. */
export function decidedValue(release: Release): { readonly metric: string; readonly value: string; readonly limit: string } | null {
  const reason = release.rollback?.reason ?? ''
  const result = release.analysis.find(({ verdict, severity, why }) => verdict === 'fail' && severity === 'fail' && reason.includes(why))
  const criterion = result && declaredIn(release).find(({ name }) => name === result.name)
  if (!result || !criterion || result.value === null || result.limit === null) return null
  const name = metricWords(criterion.metric)
  return { metric: `${name.charAt(0).toLowerCase()}${name.slice(1)}`, value: valueWords(criterion.metric, result.value), limit: valueWords(criterion.metric, result.limit) }
}

/** "by the guard: error ratio 4.1 %", "by Mira Okafor: carts answer 500": who took it back and why, in few words. */
export function rollBackWords(release: Release): string {
  const { rollback } = release
  if (!rollback) return ''
  const decided = rollback.by.known === 'system' ? decidedValue(release) : null
  const why = decided ? `${decided.metric} ${decided.value}` : rollback.reason.replace(/\.$/, '')
  const who = rollback.by.known === 'system' ? 'by the guard' : `by ${rollback.by.name}`
  return why ? `${who}: ${why}` : who
}

/** The entry that keeps the samples a release was taken back on. */
export function decidingEntry(entries: readonly JournalEntry[], releaseId: string): JournalEntry | null {
  return entries.find((entry) => entry.target.releaseId === releaseId && entry.action === 'analysis.failed') ?? null
}

export interface WayBack {
  /** Oldest first, from the verdict, or from when it was sent, on. */
  readonly steps: readonly JournalEntry[]
  /** From there until the weights were read back; null: not yet. */
  readonly tookMs: number | null
}

const SHOWN = 8

/** What the journal says of a release's way back. */
export function wayBack(entries: readonly JournalEntry[], releaseId: string): WayBack {
  const mine = entries.filter((entry) => entry.target.releaseId === releaseId).toSorted((a, b) => a.seq - b.seq)
  const pressed = mine.findLast((entry) => entry.action === 'release.rollBack' && entry.kind !== 'refusal')
  if (!pressed) return { steps: [], tookMs: null }
  const verdict = mine.findLast((entry) => entry.action === 'analysis.failed' && entry.seq < pressed.seq && pressed.at - entry.at < 10_000)
  const first = verdict ?? pressed
  const steps = mine.filter((entry) => entry.seq >= first.seq)
  const seen = steps.find((entry) => entry.action === 'effect.setWeights' && entry.outcome === 'verified' && entry.seq > pressed.seq)
  return { steps: steps.slice(0, SHOWN), tookMs: seen ? seen.at - first.at : null }
}
