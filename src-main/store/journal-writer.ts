import type { JournalDraft, JournalEntry } from '../contract/journal.ts'
import { EMPTY_HEAD, type EntryHeader, type Head, sealEntry, type StoredEntry } from './journal-format.ts'
import { type BatchRows, rowWriter } from './rows.ts'
import { checkSchema, isConstraint, migrate } from './schema.ts'
import { openWriter, reserveLog, unfinishedLogBytes, type WritableDb } from './sqlite.ts'
import { Fault } from '../contract/fault.ts'

/** What an entry is stamped with, asked anew for each. */
export type Stamp = (emergency: boolean) => Omit<EntryHeader, 'v' | 'seq'>

/** A batch whose rows and drafts go in together or not at all. */
export interface WriterBatch {
  readonly entries: readonly JournalDraft[]
  readonly rows: BatchRows
}

export type BatchResult = { readonly ok: true; readonly entries: readonly JournalEntry[] } | { readonly ok: false; readonly error: unknown }

/** An emergency record as it is merged: sealed entries if they still fit the chain, and its rows. */
export interface MergeItem {
  readonly stored: readonly (StoredEntry & { readonly body: string })[]
  readonly rows: BatchRows
}

/** The one connection that writes the journal. Every method is one transaction and throws when it cannot be made durable. */
export interface JournalWriter {
  readonly db: WritableDb
  head(): Head
  /** One transaction, one fsync. Batches that break a rule fail alone; if the disk fails, all do (throws). */
  writeGroup(batches: readonly WriterBatch[], merge: readonly MergeItem[]): readonly BatchResult[]
  /** Passive: never waits for readers, never blocks them. */
  checkpoint(): void
  /** Makes the log `bytes` long ahead of time: commits wait less for the disk. For a quiet moment. */
  reserveLog(bytes: number): void
  /** How much a checkpoint would have to move. */
  unfinishedLogBytes(): number
  /** Transactions committed on this connection. */
  transactions(): number
  close(): void
}

/** Twice what the reader's thread lets the log come to before it moves it into the database. */
export const RESERVED_LOG_BYTES = 8 * 1024 * 1024

/** Opens the journal for writing, makes or migrates its schema, and proves that it can be written. */
export function openJournalWriter(file: string, stamp: Stamp, options: { readonly synchronous?: 'FULL' | 'NORMAL'; readonly nowMs: () => number }): JournalWriter {
  const db = openWriter(file, { inspect: (unchanged) => void checkSchema(unchanged), ...(options.synchronous ? { synchronous: options.synchronous } : {}) })
  try {
    migrate(db)
    return overConnection(db, file, stamp, options.nowMs)
  } catch (error) {
    db.close()
    throw error
  }
}

function overConnection(db: WritableDb, file: string, stamp: Stamp, nowMs: () => number): JournalWriter {
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const rollback = db.prepare('ROLLBACK')
  const insert = db.prepare('INSERT INTO journal (seq, header, body, previous_hash, body_hash, hash) VALUES (?, ?, ?, ?, ?, ?)')
  const hashAt = db.prepare<[number], Buffer>('SELECT hash FROM journal WHERE seq = ?').pluck()
  const probe = db.prepare('INSERT INTO probe (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at')
  const rows = rowWriter(db)
  const last = db.prepare<[], { seq: number; hash: Buffer }>('SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1').get()
  let head: Head = last ? { count: last.seq, hash: last.hash } : EMPTY_HEAD
  let transactions = 0

  const put = (entry: StoredEntry) => insert.run(entry.seq, entry.header, entry.body, entry.previousHash, entry.bodyHash, entry.hash)

  /** Runs `work` in a transaction. The head moves only when it is durable. */
  const inTransaction = <T>(work: (from: Head) => { readonly value: T; readonly head: Head }): T => {
    begin.run()
    try {
      const done = work(head)
      // A COMMIT that fails has not moved SQLite's end of the log either: the next one overwrites what it left.
      commit.run()
      head = done.head
      transactions += 1
      return done.value
    } catch (error) {
      if (db.inTransaction) rollback.run()
      throw error
    }
  }

  const append = (from: Head, batch: WriterBatch): { entries: JournalEntry[]; head: Head } => {
    let at = from
    const entries: JournalEntry[] = []
    for (const draft of batch.entries) {
      const { stored, entry } = sealEntry(at, stamp(false), draft)
      put(stored)
      at = { count: stored.seq, hash: stored.hash }
      entries.push(entry)
    }
    rows.apply(batch.rows)
    return { entries, head: at }
  }

  const mergeAll = (from: Head, merge: readonly MergeItem[]): Head => {
    let at = from
    for (const item of merge) {
      const isThere = item.stored.every((entry) => hashAt.get(entry.seq)?.equals(entry.hash))
      // Merged already, when the process died between the commit and the clearing of the emergency file.
      if (item.stored.length > 0 && isThere) continue
      for (const entry of item.stored) {
        put(entry)
        at = { count: entry.seq, hash: entry.hash }
      }
      mergeRows(item.rows)
    }
    return at
  }

  /** Rows that no table takes must not keep the entries, and all that follows, out of the journal. */
  const mergeRows = (merged: BatchRows) => {
    try {
      rows.merge(merged)
    } catch (error) {
      if (!isBatchsOwnFault(error)) throw error
    }
  }

  return {
    db,
    head: () => head,
    writeGroup(batches, merge) {
      try {
        return inTransaction<readonly BatchResult[]>((from) => {
          let at = mergeAll(from, merge)
          const value = batches.map((batch) => {
            const done = append(at, batch)
            at = done.head
            return { ok: true as const, entries: done.entries }
          })
          if (batches.length === 0 && merge.length === 0) probe.run(nowMs())
          return { value, head: at }
        })
      } catch (error) {
        if (!isBatchsOwnFault(error) || batches.length === 0) throw error
      }
      // Somebody in the group broke a rule. Again, each behind a savepoint of its own, so that its neighbours survive.
      return inTransaction<readonly BatchResult[]>((from) => {
        let at = mergeAll(from, merge)
        const value = batches.map((batch): BatchResult => {
          db.exec('SAVEPOINT batch')
          try {
            const done = append(at, batch)
            db.exec('RELEASE batch')
            at = done.head
            return { ok: true, entries: done.entries }
          } catch (error) {
            if (!isBatchsOwnFault(error)) throw error
            db.exec('ROLLBACK TO batch; RELEASE batch')
            return { ok: false, error }
          }
        })
        return { value, head: at }
      })
    },
    checkpoint: () => void db.pragma('wal_checkpoint(PASSIVE)'),
    reserveLog: (bytes) => reserveLog(db, file, bytes),
    unfinishedLogBytes: () => unfinishedLogBytes(db),
    transactions: () => transactions,
    close: () => void db.close(),
  }
}

function isBatchsOwnFault(error: unknown): boolean {
  return error instanceof Fault || isConstraint(error) || error instanceof TypeError
}
