import type { Checkpoint } from '../contract/journal.ts'
import { entryHash, GENESIS_HASH, headerSchema, sha256, type StoredEntry } from './journal-format.ts'
import type { ReadableDb } from './sqlite.ts'

export interface ChainResult {
  readonly count: number
  readonly head: string
  /** Time of the last entry, wall clock ms; 0 when there is none. */
  readonly lastAt: number
  /** The first place where the chain does not hold. */
  readonly problem: { readonly seq: number; readonly what: string } | null
  /** What a checkpoint says of the tail, in one sentence. */
  readonly checkpoint: string
}

export interface StoredRow {
  readonly seq: number
  readonly header: string
  readonly body: string | null
  readonly previous_hash: Buffer
  readonly body_hash: Buffer
  readonly hash: Buffer
}

const ROWS_PER_TURN = 500

/** Walks the whole chain, in pieces, so that whatever else the thread has to do goes on. */
export async function verifyChain(db: ReadableDb, checkpoint: Checkpoint | null, onProgress: (done: number) => void = () => undefined): Promise<ChainResult> {
  const page = db.prepare<[number, number], StoredRow>('SELECT seq, header, body, previous_hash, body_hash, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?')
  let seq = 0
  let head: Buffer = GENESIS_HASH
  let header = ''
  let atCheckpoint = checkpoint?.count === 0 ? GENESIS_HASH : null
  for (;;) {
    const rows = page.all(seq, ROWS_PER_TURN)
    for (const row of rows) {
      const what = brokenLink(storedEntry(row), seq, head)
      if (what) return { count: seq, head: head.toString('hex'), lastAt: timeOf(header), problem: { seq: row.seq, what }, checkpoint: 'Not compared: the chain is broken.' }
      seq = row.seq
      head = row.hash
      header = row.header
      if (seq === checkpoint?.count) atCheckpoint = head
    }
    onProgress(seq)
    if (rows.length < ROWS_PER_TURN) break
    await new Promise((resolve) => setImmediate(resolve))
  }
  const verdict = judgeCheckpoint(seq, atCheckpoint, checkpoint)
  return { count: seq, head: head.toString('hex'), lastAt: timeOf(header), problem: verdict.problem, checkpoint: verdict.text }
}

export function storedEntry(row: StoredRow): StoredEntry {
  return { seq: row.seq, header: row.header, body: row.body, previousHash: row.previous_hash, bodyHash: row.body_hash, hash: row.hash }
}

/** How an entry fails to follow the one before it; empty when it does follow. */
export function brokenLink(entry: StoredEntry, previousSeq: number, previousHash: Buffer): string {
  const expected = previousSeq + 1
  if (entry.seq !== expected) return entry.seq === expected + 1 ? `entry ${expected} is missing before it` : `entries ${expected} to ${entry.seq - 1} are missing before it`
  if (!entry.previousHash.equals(previousHash)) return 'it does not follow the entry before it: one of the two was inserted, moved or rewritten'
  if (entry.body !== null && !sha256(entry.body).equals(entry.bodyHash)) return 'its body was changed'
  if (!entryHash(entry.previousHash, entry.header, entry.bodyHash).equals(entry.hash)) return 'its header or one of its hashes was changed'
  if (seqOf(entry.header) !== entry.seq) return 'its header names another sequence number'
  return ''
}

function judgeCheckpoint(count: number, atCheckpoint: Buffer | null, checkpoint: Checkpoint | null): { text: string; problem: ChainResult['problem'] } {
  if (!checkpoint) return { text: 'No checkpoint was given: whether entries were cut off the end cannot be told.', problem: null }
  if (!atCheckpoint) {
    const what = `the journal ends here, but the checkpoint vouches for ${checkpoint.count} entries: ${checkpoint.count - count} are missing`
    return { text: `The checkpoint of ${checkpoint.count} entries is not met.`, problem: { seq: count, what } }
  }
  if (atCheckpoint.toString('hex') !== checkpoint.head) {
    return { text: `The checkpoint of ${checkpoint.count} entries is not met.`, problem: { seq: checkpoint.count, what: 'it is not the entry the checkpoint vouches for: the journal was rewritten or replaced' } }
  }
  const after = count - checkpoint.count
  return {
    text: after === 0 ? `The checkpoint covers all ${count} entries.` : `The checkpoint covers the first ${checkpoint.count} entries; nothing vouches for the ${after} after it but the chain.`,
    problem: null,
  }
}

function seqOf(header: string): number {
  try {
    return headerSchema.parse(JSON.parse(header)).seq
  } catch {
    return Number.NaN
  }
}

function timeOf(header: string): number {
  try {
    return headerSchema.parse(JSON.parse(header)).at
  } catch {
    return 0
  }
}
