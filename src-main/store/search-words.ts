import type { JournalDraft, JournalEntry, JournalFilter } from '../contract/journal.ts'

/**
 * What it means for an entry to match, in one place: the index only narrows down where to look.
 *
 * Text is split at white space. Each part must occur: as the whole of an id, or with every word in it being the
 * beginning of some word of the entry. Words are runs of letters and digits, whatever their case.
 *
 * `Searchable` are the parts of an entry that filters and text look at.
 */
export type Searchable = Pick<JournalDraft, 'kind' | 'action' | 'operator' | 'target' | 'summary' | 'reason' | 'ticket' | 'operationId' | 'outcome'> &
  Pick<JournalEntry, 'id' | 'at'>

export interface QueryPart {
  /** The part as it is, for comparing with ids. */
  readonly id: string
  readonly words: readonly string[]
}

const WORD = /[\p{L}\p{N}]+/gu

export function wordsOf(text: string): readonly string[] {
  return text.normalize('NFKC').toLowerCase().match(WORD) ?? []
}

export function textOf(entry: Searchable): string {
  const { operator, target } = entry
  return [entry.summary, entry.reason, entry.ticket, entry.action, entry.kind, entry.outcome, operator.name, operator.email, operator.id, target.service ?? '', target.environment ?? ''].join('\n')
}

/** Ids are found whole, never by their beginning: time-ordered ids nearly all begin alike. */
export function idsOf(entry: Searchable): readonly string[] {
  return [entry.id, entry.operationId, entry.target.releaseId ?? '', entry.target.migration ?? '', entry.target.flag ?? '', entry.target.rollout ?? ''].filter((id) => id !== '').map((id) => id.toLowerCase())
}

/** How an operator can be named in a filter. */
export function operatorKeys({ operator }: Searchable): readonly string[] {
  return [...new Set([operator.id, operator.name, operator.email])].filter((key) => key !== '').map((key) => key.toLowerCase())
}

export function parseQuery(text: string): readonly QueryPart[] {
  return text
    .split(/\s+/)
    .map((part) => ({ id: part.toLowerCase(), words: wordsOf(part) }))
    .filter((part) => part.words.length > 0)
}

/** Whether an entry belongs to the result. */
export function matches(entry: Searchable, filter: Omit<JournalFilter, 'text'>, query: readonly QueryPart[]): boolean {
  const { target } = entry
  if (filter.service !== undefined && target.service !== filter.service) return false
  if (filter.action !== undefined && entry.action !== filter.action) return false
  if (filter.kind !== undefined && entry.kind !== filter.kind) return false
  if (filter.outcome !== undefined && entry.outcome !== filter.outcome) return false
  if (filter.releaseId !== undefined && target.releaseId !== filter.releaseId) return false
  if (filter.migration !== undefined && target.migration !== filter.migration) return false
  if (filter.flag !== undefined && target.flag !== filter.flag) return false
  if (filter.operationId !== undefined && entry.operationId !== filter.operationId) return false
  if (filter.fromAt !== undefined && entry.at < filter.fromAt) return false
  if (filter.toAt !== undefined && entry.at > filter.toAt) return false
  if (filter.operator !== undefined && !operatorKeys(entry).includes(filter.operator.toLowerCase())) return false
  if (query.length === 0) return true
  const words = wordsOf(textOf(entry))
  const ids = idsOf(entry)
  return query.every((part) => ids.includes(part.id) || part.words.every((wanted) => words.some((word) => word.startsWith(wanted))))
}
