import type { Checkpoint, JournalEntry } from '../contract/journal.ts'
import { Fault } from '../contract/fault.ts'
import type { CommitBatch, Store } from '../core/ports.ts'
import { backupJournal, type BackupResult } from './backup.ts'
import { keepCheckpoint, missingTail } from './checkpoint-keeper.ts'
import { acquireDataFolder, dataFolderFiles, type DataFolderLock } from './data-folder.ts'
import { openEmergencyKeeper } from './emergency-keeper.ts'
import { EMPTY_HEAD, type Head } from './journal-format.ts'
import { RESERVED_LOG_BYTES, type Stamp } from './journal-writer.ts'
import { explainProblem, type JournalProblem, journalUnavailable, problemText } from './journal-problem.ts'
import { connectJournal } from './journal-connection.ts'
import { overlaid } from './rows.ts'

export interface OpenStoreOptions {
  /** Made if it is not there. */
  readonly folder: string
  readonly appVersion: string
  readonly hostId: string
  /** SHA-256 of the workspace file, hex; empty until one is open. See `setWorkspaceDigest`. */
  readonly workspaceDigest: string
  readonly wallMs: () => number
  readonly nextId: () => string
  /** Takes no lock, writes nothing, and `problem()` says so. */
  readonly readOnly?: boolean
  /** For measuring what durability costs and for proving what it is worth. Default FULL. */
  readonly synchronous?: 'FULL' | 'NORMAL'
  /**
   * How long the write-ahead log is made ahead of time, bytes. At opening if given, else 8 MiB in the first quiet
   * second, so that no start waits for it. 0: it grows as it goes.
   */
  readonly reserveLogBytes?: number
  /** How often a journal that could not be written is tried again; 0: only when something is to be committed. Default 2000. */
  readonly retryMs?: number
  /** Queues the flush that ends a group; the default waits for the end of the event loop's turn. */
  readonly schedule?: (flush: () => void) => void
}

/** The store of a data folder, with what only its owner needs. */
export interface DataStore extends Store {
  readonly folder: string
  /** Which workspace the following entries run under. */
  setWorkspaceDigest(digest: string): void
  /** Copies the journal while it is in use. Faults: `journalUnavailable`. */
  backup(toFile: string): Promise<BackupResult>
  /** Committed transactions and entries that wait in the emergency file. */
  stats(): { readonly transactions: number; readonly emergencyEntries: number; readonly emergencyFreeBytes: number }
}

interface Queued {
  readonly batch: CommitBatch
  resolve(entries: readonly JournalEntry[]): void
  reject(error: unknown): void
}

/** The log is checkpointed on this thread only when nobody else did, in a quiet moment; or at any moment when it gets out of hand. */
const IDLE_CHECKPOINT_BYTES = 16 * 1024 * 1024
const FORCED_CHECKPOINT_BYTES = 128 * 1024 * 1024
const HOUSEKEEPING_MS = 1000
/**
 * Under a stream of commits the other thread's checkpoint never catches up, and only a log that is wholly moved starts
 * over. Between two groups this thread then moves what is left, so that the log stays within what was reserved.
 */
const GROUPS_PER_LOOK = 32
const LOOKED_AT_BYTES = RESERVED_LOG_BYTES / 2

/**
 * Opens the journal and state of a data folder. Never destroys anything: what cannot be opened for writing is opened
 * for reading, what cannot be read leaves an empty state, and `problem()` says which and what to do.
 * Faults: `dataFolderBusy` when another process has the folder.
 */
export function openStore(options: OpenStoreOptions): DataStore {
  const { wallMs, nextId, readOnly = false, retryMs = 2000, schedule = (flush) => void setImmediate(flush) } = options
  const files = dataFolderFiles(options.folder)
  let workspaceDigest = options.workspaceDigest
  const stamp: Stamp = (emergency) => ({ id: nextId(), hostId: options.hostId, at: wallMs(), appVersion: options.appVersion, workspaceDigest, emergency })
  const lock = readOnly ? null : lockOrNull(options.folder)

  const journal = connectJournal({ file: files.journal, stamp, nowMs: wallMs, readOnly, ...(options.synchronous ? { synchronous: options.synchronous } : {}) })
  const kept = keepCheckpoint(files.checkpoint)
  const emergency = readOnly ? null : openEmergencyKeeper(files.emergency, options.folder, stamp)
  let queue: Queued[] = []
  let groups = 0
  let closed = false
  let lastCommitMs = -Infinity
  let problem: JournalProblem | null = journal.problem()

  /** Of a journal that cannot be read, its checkpoint says best where it ended. */
  const lastHead = (): Head => {
    const stated = kept.beforeOpening
    return journal.head() ?? (stated ? { count: stated.count, hash: Buffer.from(stated.head, 'hex') } : EMPTY_HEAD)
  }
  const rows = () => overlaid(journal.rows(), emergency?.pendingRows() ?? [])

  /** What must go in before anything new: emergency entries; and, once after opening, the note that the tail is missing. */
  const settle = () => {
    const writer = journal.writer()
    if (!writer) return
    const loss = kept.beforeOpening ? missingTail(kept.beforeOpening, writer) : null
    if (emergency?.isWaiting()) {
      // Empty when they reached the journal before, and only the clearing is still to do.
      const waiting = emergency.toMerge(writer)
      if (waiting.length > 0) writer.writeGroup([], waiting)
      emergency.merged()
    }
    if (loss) {
      kept.keepAside()
      writer.writeGroup([{ entries: [loss], rows: { releases: [], services: [], outboxAdd: [], outboxRemove: [], operation: null } }], [])
    }
    kept.accepted()
  }

  const recover = () => {
    if (readOnly || closed || problem?.permanent) return
    try {
      journal.reconnect()
      settle()
      journal.writer()?.writeGroup([], [])
      problem = journal.problem()
    } catch (error) {
      problem = explainProblem(error, files.journal)
    }
  }

  const flush = () => {
    const group = queue
    queue = []
    if (problem) recover()
    const writer = journal.writer()
    if (!writer || problem) {
      const fault = journalUnavailable(problem ?? explainProblem(new Error('it is closed'), files.journal))
      for (const item of group) item.reject(fault)
      return
    }
    try {
      if (emergency?.isWaiting()) settle()
      const results = writer.writeGroup(group.map(({ batch: { entries, ...rows } }) => ({ entries, rows })), [])
      lastCommitMs = performance.now()
      for (const [i, item] of group.entries()) {
        const result = results[i]
        if (result?.ok) item.resolve(result.entries)
        else item.reject(asFault(result?.error))
      }
      kept.changed(checkpoint)
      groups += 1
      if (groups % GROUPS_PER_LOOK === 0 && writer.unfinishedLogBytes() > LOOKED_AT_BYTES) setImmediate(() => journal.writer()?.checkpoint())
    } catch (error) {
      problem = explainProblem(error, files.journal)
      const fault = journalUnavailable(problem, error)
      for (const item of group) item.reject(fault)
    }
  }

  const checkpoint = (): Checkpoint => {
    const head = lastHead()
    return { count: head.count, head: head.hash.toString('hex'), at: wallMs() }
  }

  const housekeeping = setInterval(() => {
    const writer = journal.writer()
    if (!writer || problem) return
    const bytes = writer.unfinishedLogBytes()
    const idle = performance.now() - lastCommitMs > HOUSEKEEPING_MS
    if (idle && options.reserveLogBytes === undefined) writer.reserveLog(RESERVED_LOG_BYTES)
    if ((idle && bytes > IDLE_CHECKPOINT_BYTES) || bytes > FORCED_CHECKPOINT_BYTES) writer.checkpoint()
  }, HOUSEKEEPING_MS)
  housekeeping.unref()
  const retry = retryMs > 0 && !readOnly ? setInterval(() => problem && recover(), retryMs) : null
  retry?.unref()

  if (!problem) recover()
  if (options.reserveLogBytes) journal.writer()?.reserveLog(options.reserveLogBytes)

  return {
    folder: options.folder,
    load: () => rows().load(),
    release: (id) => rows().release(id),
    releasesOf: (service, limit) => rows().releasesOf(service, limit),
    findOperation: (id) => rows().findOperation(id),
    rollout: (id) => rows().rollout(id),
    rolloutsOf: (source, flag, limit) => rows().rolloutsOf(source, flag, limit),
    commit: (batch) =>
      new Promise((resolve, reject) => {
        queue.push({ batch, resolve, reject })
        if (queue.length === 1) schedule(flush)
      }),
    async commitEmergency(batch) {
      if (!emergency || closed) throw journalUnavailable(problem ?? READ_ONLY)
      emergency.append(lastHead(), batch)
    },
    problem: () => problemText(problem),
    checkpoint,
    setWorkspaceDigest: (digest) => {
      workspaceDigest = digest
    },
    backup: (toFile) => {
      const writer = journal.writer()
      if (!writer) throw journalUnavailable(problem ?? READ_ONLY)
      return backupJournal(writer.db, toFile)
    },
    stats: () => ({
      transactions: journal.writer()?.transactions() ?? 0,
      emergencyEntries: emergency?.entries() ?? 0,
      emergencyFreeBytes: emergency?.freeBytes() ?? 0,
    }),
    async close() {
      if (closed) return
      if (queue.length > 0) flush()
      closed = true
      clearInterval(housekeeping)
      if (retry) clearInterval(retry)
      await kept.close(journal.writer() ? checkpoint() : null)
      journal.close()
      emergency?.close()
      lock?.release()
    },
  }
}

const READ_ONLY: JournalProblem = { what: 'This console only reads.', next: 'Act in the console that has the data folder.', permanent: true }

/** A folder that cannot be written cannot be locked; nobody else can write there either. */
function lockOrNull(folder: string): DataFolderLock | null {
  try {
    return acquireDataFolder(folder)
  } catch (error) {
    if (error instanceof Fault && error.code === 'readOnly') return null
    throw error
  }
}

function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  const detail = error instanceof Error ? error.message : String(error)
  return new Fault('staleRevision', `This contradicts what is already recorded (${detail}). Nothing was changed by this attempt.`, 'Look at the current state and decide again.', {
    cause: error,
  })
}
