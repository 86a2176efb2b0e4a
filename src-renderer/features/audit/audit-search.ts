import type { JournalFilter } from '../../../src-main/contract/journal.ts'
import { OUTCOMES } from '../../../src-main/contract/vocabulary.ts'

/** The whole state of the audit screen, as it stands in the address: what one person sees, another can open. */
export interface AuditSearch {
  readonly q?: string
  readonly service?: string
  readonly operator?: string
  readonly action?: string
  readonly kind?: (typeof KINDS)[number]
  readonly outcome?: (typeof OUTCOMES)[number]
  readonly release?: string
  readonly migration?: string
  /** `<source>/<key>`. */
  readonly flag?: string
  readonly operation?: string
  /** Milliseconds since 1970 UTC. */
  readonly from?: number
  readonly to?: number
  /** The entry that is open. */
  readonly entry?: number
}

export const KINDS = ['intent', 'outcome', 'event', 'refusal'] as const

function text(value: unknown): string | undefined {
  // A release id or a name made of digits comes out of the address as a number.
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value.slice(0, 500) : undefined
}

function number(value: unknown): number | undefined {
  const parsed = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : undefined
}

/** Reads the address; whatever is not understood is left out. */
export function parseAuditSearch(raw: Readonly<Record<string, unknown>>): AuditSearch {
  const entries: Record<string, unknown> = {
    q: text(raw['q']),
    service: text(raw['service']),
    operator: text(raw['operator']),
    action: text(raw['action']),
    kind: KINDS.find((kind) => kind === raw['kind']),
    outcome: OUTCOMES.find((outcome) => outcome === raw['outcome']),
    release: text(raw['release']),
    migration: text(raw['migration']),
    flag: text(raw['flag']),
    operation: text(raw['operation']),
    from: number(raw['from']),
    to: number(raw['to']),
    entry: number(raw['entry']),
  }
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as AuditSearch
}

/** What the journal is asked for. */
export function toFilter(search: AuditSearch): JournalFilter {
  const { q, service, operator, action, kind, outcome, release, migration, flag, operation, from, to } = search
  return {
    text: q ?? '',
    ...(service === undefined ? {} : { service }),
    ...(operator === undefined ? {} : { operator }),
    ...(action === undefined ? {} : { action }),
    ...(kind === undefined ? {} : { kind }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(release === undefined ? {} : { releaseId: release }),
    ...(migration === undefined ? {} : { migration }),
    ...(flag === undefined ? {} : { flag }),
    ...(operation === undefined ? {} : { operationId: operation }),
    ...(from === undefined ? {} : { fromAt: from }),
    ...(to === undefined ? {} : { toAt: to }),
  }
}

/** The filters that narrow the list, as removable words. */
export const TOKENS = ['service', 'operator', 'action', 'kind', 'outcome', 'release', 'migration', 'flag', 'operation'] as const
export type TokenKey = (typeof TOKENS)[number]

const ALIASES: Readonly<Record<string, TokenKey>> = { who: 'operator', service: 'service', operator: 'operator', action: 'action', kind: 'kind', outcome: 'outcome', release: 'release', migration: 'migration', flag: 'flag', operation: 'operation' }

/** Takes `service:checkout who:"Mira Okafor"` out of what was typed; the rest stays words to search for. */
export function parseTyped(typed: string, before: AuditSearch): AuditSearch {
  const words: string[] = []
  const found: Record<string, unknown> = {}
  for (const word of typed.match(/[a-z]+:"[^"]+"|\S+/g) ?? []) {
    const match = /^([a-z]+):"?([^"]+)"?$/.exec(word)
    const key = match?.[1] ? ALIASES[match[1]] : undefined
    if (key && match?.[2]) found[key] = match[2]
    else words.push(word)
  }
  const { q: _before, entry: _entry, ...rest } = before
  return parseAuditSearch({ ...rest, ...found, q: words.join(' ') })
}

/** True when a fresh entry belongs into the list that is shown; words are left to the journal's own search. */
export function couldMatch(filter: JournalFilter, entry: { readonly target: { readonly service?: string | undefined; readonly releaseId?: string | undefined; readonly migration?: string | undefined; readonly flag?: string | undefined }; readonly operator: { readonly id: string; readonly name: string }; readonly kind: string; readonly outcome: string; readonly action: string; readonly operationId: string }): boolean {
  if (filter.text !== '' || filter.toAt !== undefined || filter.operator !== undefined) return false
  return (
    (filter.service === undefined || filter.service === entry.target.service) &&
    (filter.releaseId === undefined || filter.releaseId === entry.target.releaseId) &&
    (filter.migration === undefined || filter.migration === entry.target.migration) &&
    (filter.flag === undefined || filter.flag === entry.target.flag) &&
    (filter.kind === undefined || filter.kind === entry.kind) &&
    (filter.outcome === undefined || filter.outcome === entry.outcome) &&
    (filter.action === undefined || filter.action === entry.action) &&
    (filter.operationId === undefined || filter.operationId === entry.operationId)
  )
}
