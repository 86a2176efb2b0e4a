import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { otherEnvironment, type EnvironmentName } from '../../../src-main/contract/vocabulary.ts'
import { stepWords } from '../migration/migration-words.ts'
import { weightsIn } from './step-times.ts'

/** An act on the charts' time axis. */
export interface Mark {
  readonly seq: number
  readonly at: number
  readonly label: string
  /** Traffic was taken back, or something failed. */
  readonly hot: boolean
}

/** The acts worth a line over the charts: what deployed, what moved traffic, what failed. */
export function toMarks(entries: readonly JournalEntry[], fromMs: number, toMs: number): readonly Mark[] {
  const marks: Mark[] = []
  for (const entry of entries.toSorted((a, b) => a.seq - b.seq)) {
    if (entry.at < fromMs || entry.at > toMs) continue
    const label = markLabel(entry)
    if (!label) continue
    const before = marks.at(-1)
    // The verdict and what it did are one moment to the eye: the entry that keeps the evidence stands for both.
    if (before && label.label.startsWith('back to ') && before.label.startsWith('fail') && entry.at - before.at < ONE_MOMENT_MS) marks[marks.length - 1] = { ...before, label: `fail, ${label.label}` }
    else marks.push({ seq: entry.seq, at: entry.at, ...label })
  }
  return marks
}

const ONE_MOMENT_MS = 5_000

/** Verdicts that did something, and what people did about them. */
const SAID: Readonly<Record<string, Pick<Mark, 'label' | 'hot'>>> = {
  'analysis.failed': { label: 'fail', hot: true },
  'analysis.warned': { label: 'asks', hot: false },
  'analysis.overruled': { label: 'fail, not rolled back', hot: true },
}

function markLabel(entry: JournalEntry): Pick<Mark, 'label' | 'hot'> | null {
  if (entry.action === 'migration.step') return stepLabel(entry)
  const said = SAID[entry.action]
  if (said) return said
  if (entry.kind === 'intent' && entry.action === 'release.suspendGuard') return { label: 'guard suspended', hot: false }
  if (entry.kind !== 'outcome') return null
  if (entry.outcome === 'failed') return { label: entry.summary.length > 34 ? `${entry.summary.slice(0, 33)}…` : entry.summary, hot: true }
  const candidate = environmentOf(entry.target.environment)
  if (entry.action === 'effect.deploy') {
    const version = /^(\S+) /.exec(entry.summary)?.[1] ?? ''
    return { label: `deploy ${version}${candidate ? ` to ${candidate}` : ''}`, hot: false }
  }
  const weights = entry.action === 'effect.setWeights' && entry.outcome === 'verified' ? weightsIn(entry.after) : null
  if (!weights) return null
  if (!candidate) return { label: `blue ${weights.blue} %, green ${weights.green} %`, hot: false }
  return weights[candidate] === 0 ? { label: `back to ${otherEnvironment(candidate)}`, hot: true } : { label: `${weights[candidate]} % to ${candidate}`, hot: false }
}

/** What a migration did to tables the service uses. */
export function stepLabel(entry: JournalEntry): Pick<Mark, 'label' | 'hot'> | null {
  const words = entry.outcome === 'verified' ? stepWords(entry.before, entry.after) : null
  return words === null ? null : { label: `${entry.target.migration ?? ''}: ${words}`, hot: words === 'rolling back' }
}

function environmentOf(name: string | undefined): EnvironmentName | null {
  return name === 'blue' || name === 'green' ? name : null
}
