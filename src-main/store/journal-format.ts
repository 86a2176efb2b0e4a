import { hash as digest } from 'node:crypto'
import { z } from 'zod'
import { journalDraftSchema, type Json, type JournalDraft, type JournalEntry } from '../contract/journal.ts'
import type { Searchable } from './search-words.ts'

/**
 * The bytes of an entry and what its hashes cover. docs/journal-format.md is the specification; change it first.
 *
 *     bodyHash = SHA-256(body)
 *     hash     = SHA-256(previousHash (32 bytes) || header || bodyHash (32 bytes))
 *
 * `header` and `body` are the stored texts, byte for byte. Nothing is ever serialised again to be hashed.
 */
export interface StoredEntry {
  readonly seq: number
  readonly header: string
  /** Null in a filtered export: left out, its hash kept. */
  readonly body: string | null
  /** 32 bytes each. */
  readonly previousHash: Buffer
  readonly bodyHash: Buffer
  readonly hash: Buffer
}

export const FORMAT_NAME = 'signalbox-journal'
export const FORMAT_VERSION = 1

/** What the first entry names as the hash before it. */
export const GENESIS_HASH: Buffer = Buffer.alloc(32)

export const headerSchema = z.object({
  v: z.literal(FORMAT_VERSION),
  seq: z.int().min(1),
  id: z.string(),
  hostId: z.string(),
  at: z.number(),
  appVersion: z.string(),
  workspaceDigest: z.string(),
  emergency: z.boolean(),
})
export type EntryHeader = Readonly<z.infer<typeof headerSchema>>

/** Where a chain stands: the sequence and hash of its last entry. */
export interface Head {
  readonly count: number
  readonly hash: Buffer
}
export const EMPTY_HEAD: Head = { count: 0, hash: GENESIS_HASH }

export function sha256(data: string | Buffer): Buffer {
  // Asking for hex and reading it back is faster than asking for a buffer.
  return Buffer.from(digest('sha256', data, 'hex'), 'hex')
}

export function entryHash(previousHash: Buffer, header: string, bodyHash: Buffer): Buffer {
  const length = Buffer.byteLength(header)
  const bytes = length + 64 <= scratch.length ? scratch.subarray(0, length + 64) : Buffer.allocUnsafe(length + 64)
  bytes.set(previousHash, 0)
  bytes.write(header, 32)
  bytes.set(bodyHash, 32 + length)
  return sha256(bytes)
}
const scratch = Buffer.alloc(4096)

/** Serialises a draft once and for all, and chains it to `head`. */
export function sealEntry(head: Head, facts: Omit<EntryHeader, 'v' | 'seq'>, draft: JournalDraft): { stored: StoredEntry & { body: string }; entry: JournalEntry } {
  const seq = head.count + 1
  const { id, hostId, at, appVersion, workspaceDigest, emergency } = facts
  const header = JSON.stringify({ v: FORMAT_VERSION, seq, id, hostId, at, appVersion, workspaceDigest, emergency })
  const { kind, action, operator, target, summary, reason, ticket, before, after, operationId, outcome, evidence } = draft
  const body = JSON.stringify({ kind, action, operator, target, summary, reason, ticket, before, after, operationId, outcome, evidence })
  const bodyHash = sha256(body)
  const hash = entryHash(head.hash, header, bodyHash)
  const stored = { seq, header, body, previousHash: head.hash, bodyHash, hash }
  const entry = {
    kind,
    action,
    operator,
    target,
    summary,
    reason,
    ticket,
    before,
    after,
    operationId,
    outcome,
    evidence,
    seq,
    id,
    hostId,
    at,
    appVersion,
    workspaceDigest,
    emergency,
    ...hexHashes(stored),
  }
  return { stored, entry }
}

/** A body's fields but for before, after and evidence: what JSON.parse made of those is JSON, and checking it again costs most. */
const plainFieldsSchema = journalDraftSchema.omit({ before: true, after: true, evidence: true }).strip()
const anyJson = z.custom<Json>((value) => value !== undefined)
const bodySchema = plainFieldsSchema.extend({ before: anyJson, after: anyJson, evidence: anyJson })

/** The entry that stored bytes say. A body that was left out is shown as such. Throws when header or body is not what we wrote. */
export function readEntry(stored: StoredEntry): JournalEntry {
  const { v: _, ...header } = headerSchema.parse(JSON.parse(stored.header))
  const draft = stored.body === null ? LEFT_OUT : bodySchema.parse(JSON.parse(stored.body))
  return { ...draft, ...header, seq: stored.seq, ...hexHashes(stored) }
}

/** What searching looks at, cheaper than the whole entry; null when the body is left out or damaged. */
export function readSearchable(stored: Pick<StoredEntry, 'header' | 'body'>): { readonly at: number; readonly entry: Searchable | null } {
  const header = headerSchema.safeParse(parsed(stored.header)).data
  const fields = stored.body === null ? undefined : plainFieldsSchema.safeParse(parsed(stored.body)).data
  return { at: header?.at ?? 0, entry: header && fields ? { ...fields, id: header.id, at: header.at } : null }
}

/** The time of an entry without parsing its header: its name cannot stand unescaped inside a JSON text. Null if it is not there. */
export function glanceAt(header: string): number | null {
  const digits = /"at":(\d+)[,}]/.exec(header)?.[1]
  return digits === undefined ? null : Number(digits)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Like `readEntry`, for showing: bytes that are not what we wrote are shown as damaged instead of thrown. */
export function showEntry(stored: StoredEntry): JournalEntry {
  try {
    return readEntry(stored)
  } catch {
    return { ...DAMAGED, seq: stored.seq, id: '', hostId: '', at: 0, appVersion: '', workspaceDigest: '', emergency: false, ...hexHashes(stored) }
  }
}

const LEFT_OUT: JournalDraft = {
  kind: 'event',
  action: 'entry.leftOut',
  operator: { id: '', name: '', email: '', known: 'system' },
  target: {},
  summary: 'Left out of this export; its hash is kept',
  reason: '',
  ticket: '',
  before: null,
  after: null,
  operationId: '',
  outcome: 'recorded',
  evidence: null,
}
const DAMAGED: JournalDraft = { ...LEFT_OUT, action: 'entry.damaged', summary: 'The stored bytes of this entry are damaged; verify the journal' }

function hexHashes(stored: StoredEntry): { previousHash: string; bodyHash: string; hash: string } {
  return { previousHash: stored.previousHash.toString('hex'), bodyHash: stored.bodyHash.toString('hex'), hash: stored.hash.toString('hex') }
}
