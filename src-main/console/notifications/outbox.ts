import type { WaitingItem } from '../../contract/service.ts'
import type { Webhook } from '../../contract/workspace.ts'
import type { Envelope } from './payload.ts'
import type { Delivery, OutboxState } from './outbox-file.ts'
import { type Notification, waitingKey } from './told.ts'

/** What one webhook may have waiting, and all together. What comes on top is failed at once, and journaled so. */
export const QUEUE_LIMIT = 200
/** Back in the inbox sooner than this is flapping, not news. */
const FLAPPING_MS = 60_000
/** A warning is an entry and, a moment later, asks in the inbox: one piece of news. */
const SAME_NEWS_MS = 10_000

/** What is to be delivered and what was told, as data. Every change makes it dirty; whoever keeps it says when it is kept. */
export function createOutbox(from: OutboxState) {
  let seq = from.seq
  let deliveries: readonly Delivery[] = from.deliveries
  const told = new Map<string, number | null>(Object.entries(from.told))
  const warned = new Map<string, { readonly detail: string; readonly nowMs: number }>()
  let changes = 0

  function accept(notification: Notification, webhooks: readonly Webhook[], workspace: Pick<Envelope, 'workspace' | 'tier'>, nowMs: number): void {
    if (notification.event === 'warned') warned.set(notification.service, { detail: notification.detail, nowMs })
    const warning = warned.get(notification.service)
    const repeats = notification.event === 'waiting' && warning?.detail === notification.detail && nowMs - warning.nowMs < SAME_NEWS_MS
    for (const { name, on } of webhooks) {
      if (!on.includes(notification.event) || (repeats && on.includes('warned'))) continue
      if (deliveries.some((known) => known.webhook === name && known.envelope.id === notification.id)) continue
      const waiting = deliveries.filter((known) => known.webhook === name && known.ended === null).length
      const ended = waiting < QUEUE_LIMIT ? null : { sent: false, why: `${waiting} notifications wait for this webhook already.` }
      deliveries = [...deliveries, { webhook: name, envelope: { ...notification, ...workspace }, attempts: 0, nextAt: nowMs, status: null, ended }]
      changes += 1
    }
  }

  return {
    accept,
    get seq() {
      return seq
    },
    get deliveries() {
      return deliveries
    },
    /** Grows with every change. */
    get changes() {
      return changes
    },
    sawEntry(next: number): void {
      if (next > seq) seq = next
    },
    /** Items of the inbox that are news. */
    sawWaiting(items: readonly WaitingItem[], nowMs: number): readonly WaitingItem[] {
      const keys = new Map(items.map((item) => [waitingKey(item), item]))
      for (const [key, leftAt] of told) {
        if (leftAt === null && !keys.has(key)) told.set(key, nowMs)
        else if (leftAt !== null && nowMs - leftAt > FLAPPING_MS) told.delete(key)
      }
      const fresh = [...keys].filter(([key]) => !told.has(key)).map(([, item]) => item)
      for (const key of keys.keys()) told.set(key, null)
      if (fresh.length > 0) changes += 1
      return fresh
    },
    change(before: Delivery, next: Delivery): void {
      deliveries = deliveries.map((delivery) => (delivery === before ? next : delivery))
      changes += 1
    },
    remove(webhook: string, id: string): void {
      const left = deliveries.filter((delivery) => delivery.webhook !== webhook || delivery.envelope.id !== id)
      if (left.length === deliveries.length) return
      deliveries = left
      changes += 1
    },
    state: (): OutboxState => ({ format: 'signalbox-notifications', version: 1, seq, deliveries: [...deliveries], told: Object.fromEntries(told) }),
  }
}
export type Outbox = ReturnType<typeof createOutbox>

export function emptyOutbox(seq: number): OutboxState {
  return { format: 'signalbox-notifications', version: 1, seq, deliveries: [], told: {} }
}
