import type { JournalEntry } from '../../contract/journal.ts'
import type { WaitingItem } from '../../contract/service.ts'
import type { WatchItem } from '../../contract/system.ts'
import type { HealthState } from '../../contract/vocabulary.ts'
import { type NotificationEvent, notificationOfEntry, titleOfWaiting } from '../../console/notifications/told.ts'

/** What the desktop shows outside its window: told by the core, only collected here. */
export interface Attention {
  /** False until a whole snapshot was read. */
  readonly known: boolean
  /** True from the first whole snapshot on: what comes later is news. */
  readonly started: boolean
  readonly workspace: string
  readonly health: ReadonlyMap<string, { readonly state: HealthState; readonly reason: string }>
  readonly waiting: readonly WaitingItem[]
  /** Services rolled back since a window was last looked at. */
  readonly rolledBack: ReadonlySet<string>
  /** When each service was last among the failing, ms. */
  readonly failedAt: ReadonlyMap<string, number>
}

/** Something to tell a person who may be looking elsewhere. */
export interface Notice {
  /** Null: the console itself. */
  readonly service: string | null
  readonly title: string
  readonly body: string
}

export const NOTHING_KNOWN: Attention = { known: false, started: false, workspace: '', health: new Map(), waiting: [], rolledBack: new Set(), failedAt: new Map() }

/** Failing again so soon is flapping, not news. */
const FLAPPING_MS = 60_000

/** The next state, and what is new in it. The first snapshot is shown, not told: it was so before this console looked. */
export function attend(before: Attention, item: WatchItem, nowMs: number): { readonly next: Attention; readonly notices: readonly Notice[] } {
  switch (item.kind) {
    case 'ready':
      return silent({ ...before, known: true, started: true })
    case 'resync':
      // What waited is kept, so that the snapshot that follows tells only what is new.
      return silent({ ...before, known: false, health: new Map() })
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
      const fresh = before.started ? item.items.filter((waiting) => isNews(before, waiting, nowMs)) : []
      return {
        next: { ...before, waiting: item.items, failedAt: failedLast(before.failedAt, item.items, nowMs) },
        notices: fresh.map((waiting) => ({ service: waiting.service, title: titleOfWaiting(waiting), body: waiting.detail })),
      }
    }
    case 'journal': {
      const told = before.started ? toldBy(item.entry) : null
      if (!told) return silent(before)
      const rolledBack = told.event === 'rolledBack' ? new Set(before.rolledBack).add(item.entry.target.service ?? '') : before.rolledBack
      return { next: { ...before, rolledBack }, notices: [told.notice] }
    }
    case 'migration':
    case 'migrationRemoved':
    case 'migrationSample':
    case 'flagSource':
    case 'flag':
    case 'rollout':
    case 'metrics':
      return silent(before)
  }
}

/** A person has looked, at every service or at some: what was rolled back there is no longer news. */
export function looked(before: Attention, at: (service: string) => boolean = () => true): Attention {
  const unseen = [...before.rolledBack].filter((service) => !at(service))
  return unseen.length === before.rolledBack.size ? before : { ...before, rolledBack: new Set(unseen) }
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

/** What the inbox does not say by itself: traffic was taken back, and the guard that would do so is held off. */
const TOLD_BY_ENTRIES: readonly NotificationEvent[] = ['rolledBack', 'guardSuspended']

function toldBy(entry: JournalEntry): { readonly event: NotificationEvent; readonly notice: Notice } | null {
  const told = notificationOfEntry(entry, () => null)
  return told && TOLD_BY_ENTRIES.includes(told.event) ? { event: told.event, notice: { service: told.service, title: told.title, body: told.detail } } : null
}

function isNews(before: Attention, item: WaitingItem, nowMs: number): boolean {
  // One name in the inbox may come to say something else: a step that waited asks now, metrics that were judged are gone.
  if (before.waiting.some((known) => known.id === item.id && known.releaseId === item.releaseId && known.title === item.title)) return false
  return item.kind !== 'health' || nowMs - (before.failedAt.get(item.service) ?? -Infinity) > FLAPPING_MS
}

function failedLast(failedAt: Attention['failedAt'], items: readonly WaitingItem[], nowMs: number): Attention['failedAt'] {
  return new Map([...failedAt, ...items.filter((item) => item.kind === 'health').map((item) => [item.service, nowMs] as const)])
}

function silent(next: Attention): { readonly next: Attention; readonly notices: readonly Notice[] } {
  return { next, notices: [] }
}
