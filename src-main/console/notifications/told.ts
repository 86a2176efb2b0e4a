import { createHash } from 'node:crypto'
import type { JournalEntry, Json } from '../../contract/journal.ts'
import type { Release } from '../../contract/release.ts'
import type { WaitingItem } from '../../contract/service.ts'
import type { NOTIFICATION_EVENTS } from '../../contract/workspace.ts'

export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number]

/** Something a person is told of who may be looking elsewhere. */
export interface Notification {
  /** The same however often it is sent: an entry's hash, or what waits and since when. Receivers drop what they have seen. */
  readonly id: string
  readonly event: NotificationEvent
  readonly service: string
  readonly releaseId: string | null
  /** Empty when no release says it. */
  readonly version: string
  readonly title: string
  readonly detail: string
  /** When it happened, or began. Wall clock milliseconds. */
  readonly at: number
  /** The entry that says it; null for what only waits. */
  readonly entrySeq: number | null
  readonly entryHash: string | null
}

/** What entries do not say themselves. */
export type FindRelease = (releaseId: string) => Pick<Release, 'candidate' | 'guardSuspended'> | null

/** What a journal entry tells, or null. Entries about notifications tell nothing: there is no end to that. */
export function notificationOfEntry(entry: JournalEntry, find: FindRelease): Notification | null {
  const { service, releaseId } = entry.target
  if (service === undefined || entry.kind === 'refusal') return null
  const release = releaseId === undefined ? null : find(releaseId)
  const version = release?.candidate.version ?? ''
  const told = tellEntry(entry, service, version, release)
  if (!told) return null
  return { id: entry.hash, service, releaseId: releaseId ?? null, version, at: entry.at, entrySeq: entry.seq, entryHash: entry.hash, ...told }
}

type Words = Pick<Notification, 'event' | 'title' | 'detail'>

function tellEntry(entry: JournalEntry, service: string, version: string, release: ReturnType<FindRelease>): Words | null {
  const what = version === '' ? service : `${service} ${version}`
  if (entry.action === 'analysis.warned') return { event: 'warned', title: `${what} is paused, and asks`, detail: entry.summary }
  if (entry.action === 'analysis.overruled') return { event: 'guardSuspended', title: `${what} would have been rolled back`, detail: entry.summary }
  if (entry.kind === 'outcome' || !entry.action.startsWith('release.')) return null
  if (entry.action === 'release.suspendGuard') {
    const until = release?.guardSuspended ? ` until ${new Date(release.guardSuspended.until).toISOString()}` : ''
    return { event: 'guardSuspended', title: `${service}: automatic roll back is suspended`, detail: withReason(`By ${entry.operator.name}${until}`, entry.reason) }
  }
  const [before, after] = [phaseIn(entry.before), phaseIn(entry.after)]
  if (entry.action === 'release.rollBack') {
    // One roll back may take several tries: its beginning is told, and what keeps it from ending is in the inbox.
    if (before === 'rollingBack') return null
    const byItself = entry.operator.known === 'system'
    return { event: 'rolledBack', title: byItself ? `${service} is rolled back by itself` : `${service} is rolled back by ${entry.operator.name}`, detail: withReason(entry.summary, entry.reason) }
  }
  if (before === after) return null
  if (after === 'failed') return { event: 'failed', title: `${service}: the release of ${version === '' ? 'a version' : version} stopped`, detail: entry.summary }
  const completed = after === 'completed' || (after === 'retired' && before !== 'completed')
  return completed ? { event: 'completed', title: `${what} is live and stable`, detail: entry.summary } : null
}

function withReason(what: string, reason: string): string {
  return reason === '' ? `${what}.` : `${what}: ${reason}`
}

function phaseIn(portrait: Json): string | null {
  return typeof portrait === 'object' && portrait !== null && !Array.isArray(portrait) && typeof portrait['phase'] === 'string' ? portrait['phase'] : null
}

/** What an item of the inbox tells, or null when an entry of the journal tells it already. */
export function notificationOfWaiting(item: WaitingItem, find: FindRelease): Notification | null {
  const event = eventOfWaiting(item)
  if (!event) return null
  const version = (item.releaseId === null ? null : find(item.releaseId))?.candidate.version ?? ''
  return { id: waitingId(item), event, service: item.service, releaseId: item.releaseId, version, title: titleOfWaiting(item), detail: item.detail, at: item.since, entrySeq: null, entryHash: null }
}

function eventOfWaiting(item: WaitingItem): NotificationEvent | null {
  switch (item.kind) {
    case 'analysis':
      return item.title === 'No metrics' ? 'metricsLost' : 'held'
    case 'lease':
      return 'held'
    case 'health':
      return item.title === 'Both environments' ? 'held' : 'failed'
    case 'failed':
      // That a release stopped is an entry; that its way back has to wait is not.
      return item.title === 'Stopped' ? null : 'failed'
    case 'window':
      return null
    case 'gate':
    case 'approval':
    case 'manualStep':
    case 'reasonOwed':
      return 'waiting'
    case 'migration':
      return item.title === 'Stopped' ? 'failed' : 'waiting'
    case 'flag':
      return FLAG_EVENTS[item.title] ?? 'waiting'
  }
}

const FLAG_EVENTS: Readonly<Record<string, NotificationEvent>> = { Stopped: 'failed', 'Rolling back': 'failed', 'Flags broken': 'failed', Held: 'held', 'Taken back by the guard': 'rolledBack' }

/** An item of the inbox as a headline of its own. */
export function titleOfWaiting(item: WaitingItem): string {
  const { service, kind, title } = item
  switch (kind) {
    case 'analysis':
      return title === 'No metrics' ? `${service} is held: no metrics` : `${service} is held by its analysis`
    case 'lease':
      return `${service} is held: its lease ran out`
    case 'health':
      return title === 'Both environments' ? `${service}: both environments are bad, so nothing is moved` : `${service} is failing`
    case 'approval':
      return `${service} waits for approval`
    case 'manualStep':
      if (title === 'Asks') return `${service} is paused, and asks`
      return title === 'Paused' ? `${service} is paused` : `${service} waits for someone to promote it`
    case 'failed':
      return title === 'Rolling back' ? `${service} cannot be rolled back yet` : `${service}: the release stopped`
    case 'reasonOwed':
      return `${service}: say why it was rolled back`
    case 'window':
      return `${service}: the rollback window is open`
    case 'gate':
      return `${service}: ${title}`
    case 'migration':
      return `Migration ${service}: ${title.toLowerCase()}`
    case 'flag':
      return `Flag ${service}: ${title.toLowerCase()}`
  }
}

/** Steps of one release wait one after the other under one name since one moment: what they wait for tells them apart. */
const OF_STEPS: readonly WaitingItem['kind'][] = ['approval', 'manualStep']
/** Come and go; when they began is only known as long as this console runs. */
const COME_AND_GO: readonly WaitingItem['kind'][] = ['health', 'analysis']

function waitingId(item: WaitingItem): string {
  const step = OF_STEPS.includes(item.kind) ? `:${createHash('sha256').update(`${item.title}\n${item.detail}`).digest('hex').slice(0, 12)}` : ''
  return `${item.id}@${item.since}${step}`
}

/** Two items with the same key are one piece of news. */
export function waitingKey(item: WaitingItem): string {
  return COME_AND_GO.includes(item.kind) ? `${item.id}|${item.releaseId ?? ''}|${item.title}` : `${waitingId(item)}|${item.releaseId ?? ''}|${item.title}`
}
