import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { otherEnvironment, type EnvironmentName } from '../../../src-main/contract/vocabulary.ts'
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
    if (label) marks.push({ seq: entry.seq, at: entry.at, ...label })
  }
  return marks
}

function markLabel(entry: JournalEntry): Pick<Mark, 'label' | 'hot'> | null {
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

function environmentOf(name: string | undefined): EnvironmentName | null {
  return name === 'blue' || name === 'green' ? name : null
}
