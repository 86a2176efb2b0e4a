import { z } from 'zod'
import type { CommitBatch } from '../core/ports.ts'
import { SYSTEM_OPERATOR } from '../contract/release.ts'
import type { JournalDraft } from '../contract/journal.ts'
import { type EntryHeader, entryHash, type Head, headerSchema, sealEntry, sha256, type StoredEntry } from './journal-format.ts'
import type { MergeItem, Stamp } from './journal-writer.ts'
import type { BatchRows } from './rows.ts'

/** What one emergency record carries: entries already sealed, and the rows that go with them. */
export interface EmergencyRecord {
  readonly stored: readonly (StoredEntry & { readonly body: string })[]
  readonly rows: BatchRows
}

const hex32 = z.string().regex(/^[0-9a-f]{64}$/)
const recordSchema = z.object({
  entries: z.array(z.object({ seq: z.int(), header: z.string(), body: z.string(), previousHash: hex32, bodyHash: hex32, hash: hex32 })),
  rows: z.unknown(),
})

/** Seals a batch behind `head`, which is the last journal entry or the last emergency one. */
export function sealRecord(head: Head, batch: CommitBatch, stamp: Stamp): EmergencyRecord {
  let at = head
  const stored = batch.entries.map((draft) => {
    const sealed = sealEntry(at, stamp(true), draft).stored
    at = { count: sealed.seq, hash: sealed.hash }
    return sealed
  })
  const { entries: _, ...rows } = batch
  return { stored, rows }
}

export function recordText({ stored, rows }: EmergencyRecord): string {
  const entries = stored.map((entry) => ({
    seq: entry.seq,
    header: entry.header,
    body: entry.body,
    previousHash: entry.previousHash.toString('hex'),
    bodyHash: entry.bodyHash.toString('hex'),
    hash: entry.hash.toString('hex'),
  }))
  return JSON.stringify({ entries, rows })
}

export function parseRecord(text: string): EmergencyRecord {
  const { entries, rows } = recordSchema.parse(JSON.parse(text))
  return {
    stored: entries.map((entry) => ({
      seq: entry.seq,
      header: entry.header,
      body: entry.body,
      previousHash: Buffer.from(entry.previousHash, 'hex'),
      bodyHash: Buffer.from(entry.bodyHash, 'hex'),
      hash: Buffer.from(entry.hash, 'hex'),
    })),
    // Written by `recordText` from a typed batch, and guarded by the record's digest.
    rows: rows as BatchRows,
  }
}

/** Where the chain stands after the records that are waiting. */
export function headAfter(head: Head, records: readonly EmergencyRecord[]): Head {
  const last = records.flatMap((record) => record.stored).at(-1)
  return last ? { count: last.seq, hash: last.hash } : head
}

/**
 * Prepares records for merging behind `head`. They normally fit as they are. If the journal was replaced meanwhile (a
 * restored backup, or a checkpoint was all that was known), they are chained anew with their own id and time, and one
 * more entry says so, with the hashes they had in the emergency file.
 */
export function fitRecords(head: Head, records: readonly EmergencyRecord[], stamp: Stamp, isMerged: (entry: StoredEntry) => boolean): readonly MergeItem[] {
  const waiting = records.filter((record) => record.stored.length === 0 || !record.stored.every(isMerged))
  const entries = waiting.flatMap((record) => record.stored)
  const first = entries[0]
  if (!first || (first.seq === head.count + 1 && first.previousHash.equals(head.hash))) return waiting
  let at = head
  const chained = waiting.map((record) => ({
    rows: record.rows,
    stored: record.stored.map((entry) => {
      const stored = rechain(at, entry)
      at = { count: stored.seq, hash: stored.hash }
      return stored
    }),
  }))
  const note = sealEntry(at, stamp(false), rechainedNote(first, entries)).stored
  return [...chained, { stored: [note], rows: { releases: [], services: [], outboxAdd: [], outboxRemove: [], operation: null } }]
}

function rechain(head: Head, entry: StoredEntry & { readonly body: string }): StoredEntry & { readonly body: string } {
  const old: EntryHeader = headerSchema.parse(JSON.parse(entry.header))
  const header = JSON.stringify({ ...old, seq: head.count + 1 })
  const bodyHash = sha256(entry.body)
  return { seq: head.count + 1, header, body: entry.body, previousHash: head.hash, bodyHash, hash: entryHash(head.hash, header, bodyHash) }
}

function rechainedNote(first: StoredEntry, entries: readonly StoredEntry[]): JournalDraft {
  return {
    kind: 'event',
    action: 'journal.rechained',
    operator: SYSTEM_OPERATOR,
    target: {},
    summary: `${entries.length} emergency ${entries.length === 1 ? 'entry was' : 'entries were'} chained to a journal that had been replaced`,
    reason: '',
    ticket: '',
    before: { seq: first.seq, previousHash: first.previousHash.toString('hex') },
    after: null,
    operationId: '',
    outcome: 'recorded',
    evidence: { inEmergencyFile: entries.map((entry) => ({ seq: entry.seq, hash: entry.hash.toString('hex') })) },
  }
}
