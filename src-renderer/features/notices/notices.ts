import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import type { WaitingItem } from '../../../src-main/contract/service.ts'

/** Something a person may have missed. */
export interface Notice {
  readonly key: string
  readonly kind: 'waiting' | 'rolledBack' | 'failed'
  readonly service: string
  /** Set when it is about a migration; `service` is its title then. */
  readonly migration?: string
  /** Set when it is about a flag; `service` is its key then. */
  readonly flag?: { readonly source: string; readonly key: string }
  readonly title: string
  readonly detail: string
  readonly at: number
  /** The entry that says it; null for what only waits. */
  readonly seq: number | null
  readonly unseen: boolean
}

/** How far this browser has looked. */
export interface Seen {
  /** The data folder it was in: another journal counts anew. */
  readonly folder: string
  readonly seq: number
  readonly waiting: readonly string[]
}

export const NOTICES = 50
/** A criterion failed while a person held automatic roll back off. */
export const OVERRULED = 'analysis.overruled'

export function waitingKey(item: WaitingItem): string {
  return `${item.id}|${item.releaseId ?? ''}`
}

/** Acts that take something back from users. */
export const FLAGS_BACK = ['rollout.rollBack', 'rollout.kill', 'flag.kill'] as const
const BACK: ReadonlySet<string> = new Set(['release.rollBack', ...FLAGS_BACK])

/** The flag an entry is about, `<source>/<key>` in the journal. */
function flagOf({ target }: JournalEntry): NonNullable<Notice['flag']> | null {
  const at = target.flag?.indexOf('/') ?? -1
  return target.flag === undefined || at < 0 ? null : { source: target.flag.slice(0, at), key: target.flag.slice(at + 1) }
}

function titleOf(entry: JournalEntry, kind: 'rolledBack' | 'failed'): string {
  if (kind === 'failed') return entry.action === OVERRULED ? 'Not rolled back' : 'Failed'
  return `${entry.action.endsWith('.kill') ? 'Killed' : 'Rolled back'} ${entry.operator.known === 'system' ? 'by itself' : `by ${entry.operator.name}`}`
}

/** What is told of an entry: a roll back that was decided on, and an act that failed. */
function kindOf(entry: JournalEntry): 'rolledBack' | 'failed' | null {
  if (entry.target.service === undefined && flagOf(entry) === null) return null
  if (entry.outcome === 'failed' || entry.action === OVERRULED) return 'failed'
  return BACK.has(entry.action) && (entry.kind === 'intent' || entry.kind === 'event') ? 'rolledBack' : null
}

/** What waits now, then what was rolled back or failed, newest first. `self`: whoever rolls back here needs no news of it. */
export function toNotices(entries: readonly JournalEntry[], waiting: readonly WaitingItem[], seen: Seen | null, self: string): readonly Notice[] {
  const waits = waiting.map((item): Notice => ({ key: waitingKey(item), kind: 'waiting', service: item.service, ...(item.migration === undefined ? {} : { migration: item.migration }), ...(item.flag ? { flag: item.flag } : {}), title: item.title, detail: item.detail, at: item.since, seq: null, unseen: seen !== null && !seen.waiting.includes(waitingKey(item)) }))
  const bySeq = new Map(entries.map((entry) => [entry.seq, entry]))
  const told = [...bySeq.values()]
    .toSorted((a, b) => b.seq - a.seq)
    .flatMap((entry): Notice[] => {
      const kind = kindOf(entry)
      if (!kind) return []
      const flag = flagOf(entry)
      return [{ key: `e${entry.seq}`, kind, service: flag?.key ?? entry.target.service ?? '', ...(flag ? { flag } : {}), title: titleOf(entry, kind), detail: entry.reason === '' ? entry.summary : `${entry.summary}: ${entry.reason}`, at: entry.at, seq: entry.seq, unseen: seen !== null && entry.seq > seen.seq && (kind === 'failed' || entry.operator.id !== self) }]
    })
  return [...waits, ...told.slice(0, NOTICES)]
}
