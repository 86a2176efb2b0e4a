import type { JournalEntry, Json } from '../../../src-main/contract/journal.ts'
import { formatClock } from '../../lib/format.ts'

export interface Story {
  readonly fromAt: number
  readonly toAt: number
  /** Shares of live traffic from an instant on, as they were read back. */
  readonly shares: readonly { readonly at: number; readonly blue: number; readonly green: number }[]
  readonly acts: readonly { readonly seq: number; readonly at: number; readonly label: string; readonly hot: boolean }[]
  /** The picture in words. */
  readonly words: string
}

function field(value: Json | undefined, key: string): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value[key] : undefined
}

function weights(value: Json | undefined): { readonly blue: number; readonly green: number } | null {
  const [blue, green] = [field(value, 'blue'), field(value, 'green')]
  return typeof blue === 'number' && typeof green === 'number' ? { blue, green } : null
}

/** Tells a release from its entries: the weights that were read back, and the acts in between. */
export function storyOf(unordered: readonly JournalEntry[]): Story | null {
  const entries = unordered.toSorted((a, b) => a.seq - b.seq)
  const first = entries[0]
  const last = entries.at(-1)
  if (!first || !last) return null
  const shares: { at: number; blue: number; green: number }[] = []
  const acts: { seq: number; at: number; label: string; hot: boolean }[] = []
  for (const entry of entries) {
    const start = weights(field(entry.before, 'weights')) ?? weights(field(entry.after, 'weights'))
    if (shares.length === 0 && start) shares.push({ at: first.at, ...start })
    const verified = entry.action === 'effect.setWeights' && entry.outcome === 'verified' ? weights(field(field(entry.after, 'effect'), 'weights')) : null
    if (verified) {
      shares.push({ at: entry.at, ...verified })
      const candidate = entry.target.environment === 'blue' || entry.target.environment === 'green' ? entry.target.environment : null
      const share = candidate ? verified[candidate] : null
      acts.push({ seq: entry.seq, at: entry.at, label: share === null ? 'weights' : share === 0 ? 'rolled back' : `${share} %`, hot: share === 0 })
    } else if (entry.outcome === 'failed') {
      acts.push({ seq: entry.seq, at: entry.at, label: 'failed', hot: true })
    } else if (entry.kind === 'outcome' && entry.action === 'effect.deploy') {
      acts.push({ seq: entry.seq, at: entry.at, label: 'deploy', hot: false })
    } else if (entry.kind === 'outcome' && entry.action === 'effect.runGates') {
      acts.push({ seq: entry.seq, at: entry.at, label: 'gates', hot: false })
    } else if (entry.action === 'release.approve') {
      acts.push({ seq: entry.seq, at: entry.at, label: 'approved', hot: false })
    }
  }
  const words = shares.map((share, index) => `${index === 0 ? '' : `from ${formatClock(share.at)} `}blue ${share.blue} %, green ${share.green} %`).join('; ')
  return { fromAt: first.at, toAt: last.at, shares, acts, words: words === '' ? 'No traffic was moved.' : `Share of live traffic: ${words}.` }
}
