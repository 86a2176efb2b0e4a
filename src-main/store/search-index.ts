import Database from 'better-sqlite3'
import { rmSync } from 'node:fs'
import { BLOCK_ENTRIES, BLOCK_WORDS, type BlockBits, type BlockBuilder, blockBuilder, BUCKETS, bucketBits, keepTimes, mayBeAt, mayOccur, planTerms, type TermPlan } from './search-blocks.ts'
import type { QueryPart, Searchable } from './search-words.ts'
import type { JournalFilter } from '../contract/journal.ts'

/** One journal row as the index needs it. */
export interface IndexRow {
  readonly seq: number
  readonly at: number
  /** Null when the body is left out or damaged. */
  readonly entry: Searchable | null
}

/** Where the rows come from. */
export interface IndexSource {
  maxSeq(): number
  /** Rows of `fromSeq` to `toSeq`, both included, ascending. */
  rows(fromSeq: number, toSeq: number): Iterable<IndexRow>
  /** Hash of an entry, for telling whether a kept index belongs to this journal. */
  hashOf(seq: number): Buffer | undefined
}

/**
 * Knows which entries may match. Whole blocks are kept in a file of their own, written once and never changed; the
 * growing block is in memory, and is read anew at opening (at most 16,383 entries). Losing the file costs time only.
 */
export interface SearchIndex {
  /** Does about `budgetMs` of indexing whole blocks, newest first. True when there is more to do. */
  work(budgetMs: number): boolean
  /**
   * Candidates newest first, all there are; every one must still be compared with the entry. A block that is not
   * indexed yet is indexed on the way, which costs no more than looking through it would.
   */
  candidates(filter: Omit<JournalFilter, 'text'>, query: readonly QueryPart[], beforeSeq: number): AsyncGenerator<number>
  progress(): { readonly indexed: number; readonly total: number }
  close(): void
}

const VERSION = 1
/** How long indexing holds the thread at a time, milliseconds. */
const SLICE_MS = 5
const CATCH_UP_ENTRIES = 256
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

interface KeptBlock {
  readonly times: Float64Array
  readonly bloom: Uint8Array
}

/** `file` null: kept in a temporary file that SQLite deletes. */
export function openSearchIndex(file: string | null, source: IndexSource): SearchIndex {
  let { db, blocks } = openKept(file, source)
  let insertBlock = db.prepare('INSERT INTO blocks (block, last_hash, times, bloom) VALUES (?, ?, ?, ?)')
  let insertBucket = db.prepare('INSERT INTO postings (place, data) VALUES (?, ?)')
  let readBucket = db.prepare<[number], Buffer>('SELECT data FROM postings WHERE place = ?').pluck()

  let open: { readonly block: number; readonly builder: BlockBuilder; next: number } = { block: 0, builder: blockBuilder(), next: 0 }
  let job: Generator<undefined> | null = null

  const fill = (builder: BlockBuilder, block: number, from: number, to: number) => {
    for (const row of source.rows(firstSeq(block) + from, firstSeq(block) + to)) builder.add(row.seq - firstSeq(block), row.entry, row.at)
  }

  /** Takes in entries appended since, some at a time. True when the growing block has them all. */
  const catchUp = (): boolean => {
    const max = source.maxSeq()
    const block = Math.floor(max / BLOCK_ENTRIES)
    // A block that filled up is taken whole by `work`.
    if (block !== open.block) open = { block, builder: blockBuilder(), next: 0 }
    const offset = max - firstSeq(block)
    const to = Math.min(offset, open.next + CATCH_UP_ENTRIES - 1)
    // By place, not by what was found there: a journal that was tampered with may have holes.
    if (to >= open.next) fill(open.builder, block, open.next, to)
    open.next = Math.max(open.next, to + 1)
    return open.next > offset
  }

  function* indexBlock(block: number): Generator<undefined> {
    const builder = blockBuilder()
    for (let from = 0; from < BLOCK_ENTRIES; from += 128) {
      fill(builder, block, from, from + 127)
      yield
    }
    db.exec('BEGIN')
    let written = 0
    for (const { bucket, blob } of builder.buckets()) {
      insertBucket.run(block * BUCKETS + bucket, blob)
      if (++written % 32 === 0) yield
    }
    const times = builder.times()
    const bloom = builder.bloom()
    insertBlock.run(block, source.hashOf(firstSeq(block) + BLOCK_ENTRIES - 1) ?? null, Buffer.from(times.buffer, times.byteOffset, times.byteLength), bloom)
    db.exec('COMMIT')
    blocks.set(block, { times, bloom })
  }

  const nextUnindexed = (): number | null => {
    for (let block = Math.floor(source.maxSeq() / BLOCK_ENTRIES) - 1; block >= 0; block--) if (!blocks.has(block)) return block
    return null
  }

  /** A disk that is full, or a damaged index, must not end searching. */
  const startOver = () => {
    db.close()
    try {
      if (file) removeKept(file)
    } catch {
      // Made anew by whoever can write here.
    }
    ;({ db, blocks } = { db: createKept(''), blocks: new Map<number, KeptBlock>() })
    insertBlock = db.prepare('INSERT INTO blocks (block, last_hash, times, bloom) VALUES (?, ?, ?, ?)')
    insertBucket = db.prepare('INSERT INTO postings (place, data) VALUES (?, ?)')
    readBucket = db.prepare<[number], Buffer>('SELECT data FROM postings WHERE place = ?').pluck()
    job = null
  }

  const work = (budgetMs: number, wanted?: number): boolean => {
    const until = performance.now() + budgetMs
    try {
      while (performance.now() < until) {
        if (!catchUp()) continue
        if (!job) {
          const block = wanted !== undefined && !blocks.has(wanted) ? wanted : nextUnindexed()
          if (block === null) return false
          job = indexBlock(block)
        }
        if (job.next().done) job = null
      }
      return true
    } catch (error) {
      if (!(error instanceof Database.SqliteError) || db.name === '') throw error
      startOver()
      return true
    }
  }

  const termBits = (block: number, term: number, into: BlockBits): boolean => {
    if (block === open.block) return open.builder.bits(term, into)
    const kept = blocks.get(block)
    if (!kept || !mayOccur(kept.bloom, term)) return false
    const blob = readBucket.get(block * BUCKETS + (term >>> 22))
    return blob ? bucketBits(blob, term, into) : false
  }

  return {
    work: (budgetMs) => work(budgetMs),
    async *candidates(filter, query, beforeSeq) {
      while (!catchUp()) await turn()
      const plan = planTerms(filter, query)
      const { fromAt = -Infinity, toAt = Infinity } = filter
      const bits: Scratch = { result: new Uint32Array(BLOCK_WORDS), one: new Uint32Array(BLOCK_WORDS), part: new Uint32Array(BLOCK_WORDS) }
      const newest = Math.min(beforeSeq - 1, source.maxSeq())
      for (let block = Math.floor(newest / BLOCK_ENTRIES); block >= 0; block--) {
        while (block !== open.block && !blocks.has(block)) {
          work(SLICE_MS, block)
          await turn()
        }
        const times = blocks.get(block)?.times ?? open.builder.times()
        if (!mayBeAt(times, fromAt, toAt)) continue
        bits.result.fill(0xffffffff)
        if (!intersect(plan, (term, into) => termBits(block, term, into), bits)) continue
        if ((fromAt !== -Infinity || toAt !== Infinity) && !keepTimes(bits.result, times, fromAt, toAt)) continue
        yield* newestFirst(bits.result, firstSeq(block), newest)
      }
    },
    progress() {
      const total = source.maxSeq()
      return { indexed: Math.min(total, blocks.size * BLOCK_ENTRIES + open.next), total }
    },
    close() {
      db.close()
    },
  }
}

interface Scratch {
  readonly result: BlockBits
  readonly one: BlockBits
  readonly part: BlockBits
}

/** Narrows `bits.result` down to the block's entries that hold every term. False when none does. */
function intersect(plan: TermPlan, read: (term: number, into: BlockBits) => boolean, bits: Scratch): boolean {
  for (const term of plan.all) {
    if (!read(term, bits.one) || !and(bits.result, bits.one)) return false
  }
  for (const group of plan.anyOf) {
    bits.part.fill(0xffffffff)
    const allWords = group.words.every((term) => read(term, bits.one) && and(bits.part, bits.one))
    if (!allWords) bits.part.fill(0)
    if (read(group.id, bits.one)) or(bits.part, bits.one)
    if (!and(bits.result, bits.part)) return false
  }
  return true
}

function and(into: BlockBits, other: BlockBits): boolean {
  let any = 0
  for (let i = 0; i < BLOCK_WORDS; i++) {
    const both = (into[i] ?? 0) & (other[i] ?? 0)
    into[i] = both
    any |= both
  }
  return any !== 0
}

function or(into: BlockBits, other: BlockBits): void {
  for (let i = 0; i < BLOCK_WORDS; i++) into[i] = (into[i] ?? 0) | (other[i] ?? 0)
}

function* newestFirst(bits: BlockBits, first: number, newest: number): Generator<number> {
  for (let i = BLOCK_WORDS - 1; i >= 0; i--) {
    let word = bits[i] ?? 0
    while (word !== 0) {
      const bit = 31 - Math.clz32(word)
      word &= ~(1 << bit)
      const seq = first + i * 32 + bit
      if (seq <= newest && seq >= 1) yield seq
    }
  }
}

/** Block 0 begins at the sequence number 0, which no entry has. */
function firstSeq(block: number): number {
  return block * BLOCK_ENTRIES
}

function openKept(file: string | null, source: IndexSource): { db: Database.Database; blocks: Map<number, KeptBlock> } {
  if (!file) return { db: createKept(''), blocks: new Map() }
  try {
    const db = createKept(file)
    const blocks = readKept(db, source)
    if (blocks) return { db, blocks }
    db.close()
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error
    // Somebody else has it: it is theirs.
    if (error.code.startsWith('SQLITE_BUSY')) return { db: createKept(''), blocks: new Map() }
  }
  try {
    removeKept(file)
    return { db: createKept(file), blocks: new Map() }
  } catch {
    // A folder that cannot be written: searching goes on without keeping anything.
    return { db: createKept(''), blocks: new Map() }
  }
}

function createKept(file: string): Database.Database {
  const db = new Database(file, { timeout: 0 })
  try {
    db.pragma('journal_mode=WAL')
    db.pragma('locking_mode=EXCLUSIVE')
    // Whatever a power cut does to it, it is noticed or made again.
    db.pragma('synchronous=NORMAL')
    db.pragma('cache_size=-65536')
    db.exec(`
      CREATE TABLE IF NOT EXISTS about (version INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS blocks (block INTEGER PRIMARY KEY, last_hash BLOB, times BLOB NOT NULL, bloom BLOB NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS postings (place INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
      INSERT INTO about SELECT ${VERSION} WHERE NOT EXISTS (SELECT 1 FROM about);
    `)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** The blocks that are whole and belong to this journal; null when the file is of no use. */
function readKept(db: Database.Database, source: IndexSource): Map<number, KeptBlock> | null {
  if (db.prepare('SELECT version FROM about').pluck().get() !== VERSION) return null
  const blocks = new Map<number, KeptBlock>()
  for (const row of db.prepare<[], { block: number; last_hash: Buffer | null; times: Buffer; bloom: Buffer }>('SELECT block, last_hash, times, bloom FROM blocks').iterate()) {
    const last = source.hashOf(firstSeq(row.block) + BLOCK_ENTRIES - 1)
    if (!last || !row.last_hash?.equals(last)) return null
    blocks.set(row.block, { times: new Float64Array(Uint8Array.from(row.times).buffer), bloom: row.bloom })
  }
  return blocks
}

function removeKept(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true })
}
