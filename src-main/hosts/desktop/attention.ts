import type { JournalEntry } from '../../contract/journal.ts'
import type { WaitingItem } from '../../contract/service.ts'
import type { WatchItem } from '../../contract/system.ts'
import type { HealthState } from '../../contract/vocabulary.ts'

/** What the desktop shows outside its window: told by the core, only collected here. */
export interface Attention {
  /** False until a first whole snapshot was read, and while the core does not answer. */
  readonly known: boolean
  readonly workspace: string
  readonly health: ReadonlyMap<string, { readonly state: HealthState; readonly reason: string }>
  readonly waiting: readonly WaitingItem[]
  /** Services rolled back since a window was last looked at. */
  readonly rolledBack: ReadonlySet<string>
  /** What was told already, so that a fresh snapshot does not tell it again. Value: when, ms. */
  readonly told: ReadonlyMap<string, number>
}

/** Something to tell a person who may be looking elsewhere. */
export interface Notice {
  readonly service: string
  readonly title: string
  readonly body: string
}

export const NOTHING_KNOWN: Attention = { known: false, workspace: '', health: new Map(), waiting: [], rolledBack: new Set(), told: new Map() }

/** The same thing waiting again so soon is flapping, not news. */
const TOLD_FOR_MS = 60_000

/** The next state, and what is new in it. A snapshot is shown, not told: it was so before this console looked. */
export function attend(before: Attention, item: WatchItem, nowMs: number): { readonly next: Attention; readonly notices: readonly Notice[] } {
  switch (item.kind) {
    case 'ready':
      return silent({ ...before, known: true, told: tell(before.told, before.waiting, nowMs) })
    case 'resync':
      return silent({ ...before, known: false, health: new Map(), waiting: [] })
    case 'status':
      return silent({ ...before, workspace: item.status.workspace.name })
    case 'service':
      return silent({ ...before, health: new Map(before.health).set(item.service.name, { state: item.service.health, reason: item.service.healthReason }) })
    case 'serviceRemoved': {
      const health = new Map(before.health)
      health.delete(item.name)
      return silent({ ...before, health })
    }
    case 'waiting': {
      const fresh = before.known ? item.items.filter((waiting) => nowMs - (before.told.get(waiting.id) ?? -Infinity) > TOLD_FOR_MS && !before.waiting.some((known) => known.id === waiting.id)) : []
      return {
        next: { ...before, waiting: item.items, told: before.known ? tell(before.told, item.items, nowMs) : before.told },
        notices: fresh.map((waiting) => ({ service: waiting.service, title: `${waiting.service}: ${waiting.title}`, body: waiting.detail })),
      }
    }
    case 'journal': {
      const notice = before.known ? rollbackNotice(item.entry) : null
      if (!notice) return silent(before)
      return { next: { ...before, rolledBack: new Set(before.rolledBack).add(notice.service) }, notices: [notice] }
    }
    case 'metrics':
      return silent(before)
  }
}

/** A person has looked: what was rolled back is no longer news. */
export function looked(before: Attention): Attention {
  return before.rolledBack.size === 0 ? before : { ...before, rolledBack: new Set() }
}

/** How many things the badge counts. */
export function badgeCount(attention: Attention): number {
  const waits = new Set(attention.waiting.map((item) => item.service))
  return attention.waiting.length + [...attention.rolledBack].filter((service) => !waits.has(service)).length
}

const WORST_FIRST: readonly HealthState[] = ['failing', 'watch', 'unknown', 'healthy']

/** The state of the worst service and which those are; `unknown` without any while the core does not answer. */
export function worstOf(attention: Attention): { readonly state: HealthState; readonly services: readonly string[] } {
  if (!attention.known) return { state: 'unknown', services: [] }
  const state = WORST_FIRST.find((candidate) => [...attention.health.values()].some((service) => service.state === candidate)) ?? 'healthy'
  return { state, services: [...attention.health].filter(([, service]) => service.state === state).map(([name]) => name) }
}

function rollbackNotice(entry: JournalEntry): Notice | null {
  if (entry.action !== 'release.rollBack' || entry.kind === 'refusal' || entry.kind === 'outcome' || entry.target.service === undefined) return null
  const who = entry.operator.known === 'system' ? 'By itself' : `By ${entry.operator.name}`
  return { service: entry.target.service, title: `${entry.target.service} is rolled back`, body: [`${entry.summary}.`, entry.reason === '' ? `${who}.` : `${who}: ${entry.reason}`].join(' ') }
}

function tell(told: Attention['told'], items: readonly WaitingItem[], nowMs: number): Attention['told'] {
  const recent = [...told].filter(([, at]) => nowMs - at <= TOLD_FOR_MS)
  return new Map([...recent, ...items.map((item) => [item.id, nowMs] as const)])
}

function silent(next: Attention): { readonly next: Attention; readonly notices: readonly Notice[] } {
  return { next, notices: [] }
}
