import type { JournalEntry } from '../../contract/journal.ts'
import type { WaitingItem } from '../../contract/service.ts'
import type { WatchItem } from '../../contract/system.ts'
import type { Webhook } from '../../contract/workspace.ts'
import type { Clock, CrashPoint, Ids } from '../../core/ports.ts'
import type { JournalReaderClient } from '../../store/reader-client.ts'
import { createCourier } from './courier.ts'
import { entriesAfter } from './entries-after.ts'
import { endedIn, type OutcomeDraft } from './journal-words.ts'
import { readOutboxFile, writeOutboxFile } from './outbox-file.ts'
import { createOutbox, emptyOutbox } from './outbox.ts'
import type { ReadVariable } from './references.ts'
import { RETRY_DELAYS_MS } from './retry.ts'
import { type FindRelease, notificationOfEntry, notificationOfWaiting } from './told.ts'

/** A receiver that has not answered by then is tried again. */
export const TIMEOUT_MS = 10_000
/** So often how far the journal was looked at is kept; what is to be told is kept at once. */
const BEAT_MS = 5_000
/** A console that closes waits no longer than this for what was never tried. */
const LINGER_MS = 1_500
/** Entries kept at hand; what is beyond is read from the journal. */
const AT_HAND = 1_000

export interface NotifierParts {
  readonly clock: Clock
  readonly ids: Pick<Ids, 'random'>
  /** Kept in the data folder, whose lock this console has: only one console sends. */
  readonly file: string
  readonly reader: Pick<JournalReaderClient, 'search'>
  /** Entries in the journal now. */
  readonly count: () => number
  /** What the workspace in force declares; null while none is. */
  readonly webhooks: () => readonly Webhook[] | null
  readonly workspace: () => { readonly workspace: string; readonly tier: string }
  readonly find: FindRelease
  readonly readVariable: ReadVariable
  readonly journal: (draft: OutcomeDraft) => Promise<void>
  readonly log: (line: string) => void
  readonly crashPoint: CrashPoint
  readonly timeoutMs?: number
  readonly retryDelaysMs?: readonly number[]
  readonly lingerMs?: number
  readonly beatMs?: number
}

/**
 * Tells the workspace's webhooks what people should know. Reads the journal behind the acts and never in their way: an
 * act is done, and journaled, before anything here hears of it.
 */
export interface Notifier {
  /** Looks at what was journaled since somebody last did, and goes on with what was on its way. */
  start(): void
  see(item: WatchItem): void
  close(): Promise<void>
}

export function createNotifier(parts: NotifierParts): Notifier {
  const { clock, reader, log } = parts
  const count = parts.count()
  const kept = readOutboxFile(parts.file)
  // A journal restored from an older copy begins where it ends.
  const outbox = createOutbox(kept ? { ...kept, seq: Math.min(kept.seq, count) } : emptyOutbox(count))
  const atHand = new Map<number, JournalEntry>()
  let highest = count
  let inbox: readonly WaitingItem[] | null = null
  let keptChanges = kept ? outbox.changes : -1
  let keptSeq = outbox.seq
  let draining: Promise<void> | null = null
  let again = false
  let writing: Promise<void> = Promise.resolve()
  let sealed = false
  let closed = false
  let cancelBeat: (() => void) | null = null
  const { beatMs = BEAT_MS } = parts

  const courier = createCourier({
    clock,
    ids: parts.ids,
    outbox,
    webhooks: parts.webhooks,
    readVariable: parts.readVariable,
    journal: parts.journal,
    log,
    crashPoint: parts.crashPoint,
    timeoutMs: parts.timeoutMs ?? TIMEOUT_MS,
    retryDelaysMs: parts.retryDelaysMs ?? RETRY_DELAYS_MS,
    changed: () => void save(),
  })

  function handle(webhooks: readonly Webhook[], entry: JournalEntry): void {
    const ended = endedIn(entry)
    const notification = ended ? null : notificationOfEntry(entry, parts.find)
    if (ended) outbox.remove(ended.webhook, ended.id)
    if (notification) outbox.accept(notification, webhooks, parts.workspace(), clock.wallMs())
    outbox.sawEntry(entry.seq)
  }

  /** Everything up to the newest entry, in order, each once. */
  async function follow(webhooks: readonly Webhook[]): Promise<void> {
    while (outbox.seq < highest) {
      const before = outbox.seq
      const next = atHand.get(before + 1)
      if (next) handle(webhooks, next)
      else {
        // Not told here: written before this console, or merged from the emergency file.
        const until = Math.min(highest, ...[...atHand.keys()].filter((seq) => seq > before).map((seq) => seq - 1))
        await entriesAfter(reader, before, until, (entry) => handle(webhooks, entry))
      }
      if (outbox.seq === before) throw new Error(`entry ${before + 1} cannot be read yet`)
      for (const seq of atHand.keys()) if (seq <= outbox.seq) atHand.delete(seq)
    }
  }

  async function drain(): Promise<void> {
    const webhooks = parts.webhooks()
    if (webhooks === null) return
    if (webhooks.length === 0) {
      outbox.sawEntry(highest)
      atHand.clear()
      inbox = null
      return courier.work()
    }
    await follow(webhooks)
    const items = inbox
    inbox = null
    for (const item of items ? outbox.sawWaiting(items, clock.wallMs()) : []) {
      const notification = notificationOfWaiting(item, parts.find)
      if (notification) outbox.accept(notification, webhooks, parts.workspace(), clock.wallMs())
    }
    // Kept before it is sent, so that what was sent is known to have been.
    await save()
    courier.work()
  }

  /** One after the other, and once more when something came meanwhile. */
  function drainSoon(): void {
    if (draining) {
      again = true
      return
    }
    draining = new Promise<void>((resolve) => setImmediate(resolve))
      .then(drain)
      .catch((error: unknown) => {
        log(`notifications: ${error instanceof Error ? error.message : String(error)}; tried again in ${beatMs / 1000} s`)
      })
      .finally(() => {
        draining = null
        if (!again) return
        again = false
        drainSoon()
      })
  }

  /** Keeps what changed, one writing after the other. With `position`, also when only that moved. */
  function save(position = false): Promise<void> {
    writing = writing.then(() => (sealed || (keptChanges === outbox.changes && !(position && keptSeq !== outbox.seq)) ? undefined : keep()))
    return writing
  }

  async function keep(): Promise<void> {
    const [changes, seq] = [outbox.changes, outbox.seq]
    try {
      await writeOutboxFile(parts.file, outbox.state())
    } catch (error) {
      // Told, if perhaps once more after a crash, is better than not told.
      log(`notifications on their way could not be kept: ${error instanceof Error ? error.message : String(error)}`)
    }
    keptChanges = changes
    keptSeq = seq
  }

  /** Looks for entries nobody told of, merged from the emergency file, and keeps how far it looked. */
  function beat(): void {
    if (closed) return
    highest = Math.max(highest, parts.count())
    if (outbox.seq < highest) drainSoon()
    else if ((parts.webhooks()?.length ?? 0) > 0) void save(true)
    cancelBeat = clock.setTimer(beatMs, beat)
  }

  return {
    start() {
      drainSoon()
      cancelBeat ??= clock.setTimer(beatMs, beat)
    },
    see(item) {
      if (closed) return
      if (item.kind === 'waiting') inbox = item.items
      else if (item.kind === 'journal') {
        highest = Math.max(highest, item.entry.seq)
        if ((parts.webhooks()?.length ?? 0) > 0 && atHand.size < AT_HAND) atHand.set(item.entry.seq, item.entry)
      } else return
      drainSoon()
    },
    async close() {
      closed = true
      cancelBeat?.()
      for (const endAt = performance.now() + (parts.lingerMs ?? LINGER_MS); performance.now() < endAt && (draining || courier.hasFresh()); ) await new Promise((resolve) => setTimeout(resolve, 10))
      await courier.stop()
      await draining
      if (parts.webhooks()?.length !== 0 || kept) await save(true)
      // The folder is somebody else's from here on.
      await (writing = writing.then(() => {
        sealed = true
      }))
    },
  }
}
