import type { Webhook } from '../../contract/workspace.ts'
import type { Clock, CrashPoint, Ids } from '../../core/ports.ts'
import { outcomeOf, type OutcomeDraft } from './journal-words.ts'
import type { Delivery } from './outbox-file.ts'
import type { Outbox } from './outbox.ts'
import { hostOf, type ReadVariable } from './references.ts'
import { nextOf } from './retry.ts'
import { send } from './send.ts'

/** How long the journal is left alone when it did not take an outcome. */
const JOURNAL_AGAIN_MS = 5_000

export interface CourierParts {
  readonly clock: Clock
  readonly ids: Pick<Ids, 'random'>
  readonly outbox: Outbox
  /** Null while no workspace is in force: what is on its way waits. */
  readonly webhooks: () => readonly Webhook[] | null
  readonly readVariable: ReadVariable
  readonly journal: (draft: OutcomeDraft) => Promise<void>
  readonly log: (line: string) => void
  readonly crashPoint: CrashPoint
  readonly timeoutMs: number
  readonly retryDelaysMs: readonly number[]
  /** Something is to be kept. */
  readonly changed: () => void
}

/**
 * Carries what is in the outbox: one try at a time per webhook, webhooks beside each other. A dead one holds up nothing
 * but itself.
 */
export function createCourier(parts: CourierParts) {
  const { clock, outbox } = parts
  const stopping = new AbortController()
  const busy = new Map<string, Promise<void>>()
  const heldUntil = new Map<string, number>()
  const journaling = new Set<string>()
  let journalAgainAt = 0
  let cancel = () => {}
  let wakeAt = Infinity

  function work(): void {
    const webhooks = parts.webhooks()
    if (!webhooks || stopping.signal.aborted) return
    const declared = new Map(webhooks.map((webhook) => [webhook.name, webhook]))
    for (const delivery of outbox.deliveries) {
      if (delivery.ended) void journal(delivery, declared.get(delivery.webhook))
      else if (!declared.has(delivery.webhook) && !busy.has(delivery.webhook)) end(delivery, undefined, { sent: false, why: 'The workspace does not declare it any more.' }, delivery.attempts)
    }
    for (const webhook of webhooks) start(webhook)
    schedule()
  }

  function start(webhook: Webhook): void {
    const { name } = webhook
    const now = clock.wallMs()
    if (busy.has(name) || (heldUntil.get(name) ?? 0) > now) return
    const due = outbox.deliveries.filter((delivery) => delivery.webhook === name && delivery.ended === null && delivery.nextAt <= now).toSorted((a, b) => a.nextAt - b.nextAt)[0]
    if (!due) return
    const tried = attempt(webhook, due)
      .catch((error: unknown) => parts.log(`webhook ${name}: ${String(error)}`))
      .finally(() => {
        busy.delete(name)
        // Not within the same turn: a webhook with much to say leaves room for everything else.
        if (!stopping.signal.aborted) setImmediate(work)
      })
    busy.set(name, tried)
  }

  async function attempt(webhook: Webhook, delivery: Delivery): Promise<void> {
    parts.crashPoint('notification.before')
    const attempts = delivery.attempts + 1
    const answer = await send({ webhook, envelope: delivery.envelope, attempt: attempts, timeoutMs: parts.timeoutMs, signal: stopping.signal, readVariable: parts.readVariable, nowMs: () => clock.wallMs() })
    if (stopping.signal.aborted && answer.kind === 'none') return
    parts.crashPoint('notification.after')
    if (answer.kind === 'problem') return end(delivery, webhook, { sent: false, why: answer.why }, delivery.attempts)
    const status = answer.kind === 'status' ? answer.status : null
    const next = nextOf(answer, attempts, parts.ids.random(), parts.retryDelaysMs)
    if (next.kind !== 'again') return end({ ...delivery, status }, webhook, { sent: next.kind === 'sent', why: next.kind === 'failed' ? next.why : '' }, attempts, delivery)
    const nextAt = clock.wallMs() + next.inMs
    if (next.holdsAll) heldUntil.set(webhook.name, nextAt)
    parts.log(`webhook ${webhook.name}: try ${attempts} of ${delivery.envelope.event} failed: ${next.why} Tried again in ${Math.ceil(next.inMs / 1000)} s.`)
    outbox.change(delivery, { ...delivery, attempts, status, nextAt })
    parts.changed()
  }

  function end(delivery: Delivery, webhook: Webhook | undefined, ended: NonNullable<Delivery['ended']>, attempts: number, before = delivery): void {
    const over = { ...delivery, attempts, ended }
    if (!ended.sent) parts.log(`webhook ${delivery.webhook} was not told that ${delivery.envelope.title}: ${ended.why}`)
    outbox.change(before, over)
    parts.changed()
    void journal(over, webhook)
  }

  /** An outcome stays in the outbox until the journal has it. */
  async function journal(delivery: Delivery, webhook: Webhook | undefined): Promise<void> {
    const { ended, envelope, attempts, status } = delivery
    const key = `${delivery.webhook} ${envelope.id}`
    if (!ended || journaling.has(key) || clock.monotonicMs() < journalAgainAt) return
    journaling.add(key)
    try {
      const host = webhook ? hostOf(webhook, parts.readVariable) : ''
      await parts.journal(outcomeOf({ webhook: webhook ?? { name: delivery.webhook }, envelope, sent: ended.sent, why: ended.why, attempts, status, host }))
      outbox.remove(delivery.webhook, envelope.id)
      parts.changed()
    } catch (error) {
      parts.log(`what came of telling ${delivery.webhook} could not be journaled yet: ${String(error)}`)
      // A little before it is woken for it, so that it is not too early then.
      journalAgainAt = clock.monotonicMs() + JOURNAL_AGAIN_MS / 2
      wake(clock.wallMs() + JOURNAL_AGAIN_MS)
    } finally {
      journaling.delete(key)
    }
  }

  /** Wakes at the next due try. */
  function schedule(): void {
    const now = clock.wallMs()
    for (const delivery of outbox.deliveries) {
      if (delivery.ended || busy.has(delivery.webhook)) continue
      wake(Math.max(delivery.nextAt, heldUntil.get(delivery.webhook) ?? 0, now + 1))
    }
  }

  function wake(at: number): void {
    if (at >= wakeAt || stopping.signal.aborted) return
    cancel()
    wakeAt = at
    cancel = clock.setTimer(Math.max(1, at - clock.wallMs()), () => {
      wakeAt = Infinity
      work()
    })
  }

  /** True while something was never tried, or is being tried. */
  const hasFresh = () => busy.size > 0 || journaling.size > 0 || (parts.webhooks() !== null && outbox.deliveries.some(({ ended, attempts }) => ended === null && attempts === 0))

  return {
    work,
    hasFresh,
    /** Gives up what is in the air; it is tried again by whoever comes next. */
    async stop(): Promise<void> {
      stopping.abort()
      cancel()
      await Promise.allSettled(busy.values())
    },
  }
}
export type Courier = ReturnType<typeof createCourier>
