import { idsOf, operatorKeys, type QueryPart, type Searchable, textOf, wordsOf } from './search-words.ts'
import type { JournalFilter } from '../contract/journal.ts'

/**
 * The search index: an inverted index cut into blocks of 16,384 consecutive entries. In a block, what a term occurs in
 * is a bitmap of 2 KiB, or a list while it is short. Any combination of terms is then an AND of a few bitmaps per
 * block, newest block first, at a cost that does not depend on how common or how contradictory the terms are. (A list
 * merge as full-text engines do it has no such bound: two common terms that never meet cost a walk over both.)
 *
 * Terms are 32-bit hashes; what they find is compared with the entry itself before it is shown.
 */
export const BLOCK_ENTRIES = 16_384
export const BLOCK_WORDS = BLOCK_ENTRIES / 32
/** A block's terms are spread over this many rows, by the top bits of their hash. */
export const BUCKETS = 1024
/** Lists shorter than this take less room than a bitmap. */
const LIST_LIMIT = BLOCK_ENTRIES / 16
/** Beginnings of words are indexed up to this length; a longer word is found by its first so many letters. */
const PREFIX_LIMIT = 16
/** Times are kept for runs of this many entries, so that a time range need not be looked up entry by entry. */
export const TIME_RUN = 256
export const TIME_RUNS = BLOCK_ENTRIES / TIME_RUN

/** Bits of a block's filter of terms that do not occur, and how many each term sets: under 1 % wrong at 25,000 terms. */
const BLOOM_BITS = 1 << 18
const BLOOM_PROBES = 4

export type BlockBits = Uint32Array

/** Terms of one kind never equal those of another. */
type TermKind = 'word' | 'id' | 'service' | 'operator' | 'action' | 'kind' | 'outcome'
const KIND_SEEDS: Readonly<Record<TermKind, number>> = { word: 11, id: 23, service: 37, operator: 41, action: 53, kind: 67, outcome: 79 }

/** FNV-1a (Fowler, Noll, Vo), which grows with its text, so that all beginnings of a word come in one pass. */
function step(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193)
}

/** MurmurHash3's finalizer (Appleby): spreads FNV's weak top bits. */
function finish(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) | 0
}

function seed(kind: TermKind): number {
  return step(0x811c9dc5 | 0, KIND_SEEDS[kind])
}

export function termHash(kind: TermKind, text: string): number {
  let hash = seed(kind)
  const length = kind === 'word' ? Math.min(text.length, PREFIX_LIMIT) : text.length
  for (let i = 0; i < length; i++) hash = step(hash, text.charCodeAt(i))
  return finish(hash)
}

function prefixHashes(word: string): readonly number[] {
  const hashes: number[] = []
  let hash = seed('word')
  for (let i = 0; i < word.length && i < PREFIX_LIMIT; i++) {
    hash = step(hash, word.charCodeAt(i))
    hashes.push(finish(hash))
  }
  return hashes
}

/** A block that still grows, in memory. */
export interface BlockBuilder {
  /** `offset`: place in the block, growing. Null: an entry whose body cannot be searched. */
  add(offset: number, entry: Searchable | null, at: number): void
  bits(term: number, into: BlockBits): boolean
  times(): Float64Array
  /** Says of most terms that do not occur that they do not (Bloom 1970), so that the disk need not be asked. */
  bloom(): Uint8Array
  /** One blob per bucket. */
  buckets(): Generator<{ readonly bucket: number; readonly blob: Buffer }>
}

const WORD_CACHE_LIMIT = 50_000
const wordCache = new Map<string, readonly number[]>()

function cachedPrefixHashes(word: string): readonly number[] {
  const known = wordCache.get(word)
  if (known) return known
  if (wordCache.size >= WORD_CACHE_LIMIT) wordCache.clear()
  const hashes = prefixHashes(word)
  wordCache.set(word, hashes)
  return hashes
}

export function blockBuilder(): BlockBuilder {
  const lists = new Map<number, number[]>()
  const times = emptyTimes()

  const put = (term: number, offset: number) => {
    const list = lists.get(term)
    if (!list) lists.set(term, [offset])
    else if (list[list.length - 1] !== offset) list.push(offset)
  }

  return {
    add(offset, entry, at) {
      noteTime(times, offset, at)
      if (!entry) return
      for (const word of wordsOf(textOf(entry))) for (const term of cachedPrefixHashes(word)) put(term, offset)
      for (const id of idsOf(entry)) put(termHash('id', id), offset)
      for (const key of operatorKeys(entry)) put(termHash('operator', key), offset)
      if (entry.target.service !== undefined) put(termHash('service', entry.target.service), offset)
      put(termHash('action', entry.action), offset)
      put(termHash('kind', entry.kind), offset)
      put(termHash('outcome', entry.outcome), offset)
    },
    bits(term, into) {
      const list = lists.get(term)
      if (!list) return false
      into.fill(0)
      for (const offset of list) setBit(into, offset)
      return true
    },
    times: () => times,
    bloom() {
      const filter = new Uint8Array(BLOOM_BITS / 8)
      for (const term of lists.keys()) {
        for (let probe = 0; probe < BLOOM_PROBES; probe++) {
          const bit = bloomBit(term, probe)
          filter[bit >>> 3] = (filter[bit >>> 3] ?? 0) | (1 << (bit & 7))
        }
      }
      return filter
    },
    *buckets() {
      const byBucket = Array.from({ length: BUCKETS }, (): number[] => [])
      for (const term of lists.keys()) byBucket[term >>> 22]?.push(term)
      for (const [bucket, terms] of byBucket.entries()) {
        if (terms.length > 0) yield { bucket, blob: encodeBucket(terms.map((term) => ({ term, list: lists.get(term) ?? [] }))) }
      }
    },
  }
}

function setBit(bits: BlockBits, offset: number): void {
  bits[offset >>> 5] = (bits[offset >>> 5] ?? 0) | (1 << (offset & 31))
}

/** u16 number of terms; per term i32 hash, u16 count; then per term its list of u16, or its bitmap. Little endian. */
function encodeBucket(terms: readonly { readonly term: number; readonly list: readonly number[] }[]): Buffer {
  const size = (count: number) => (count < LIST_LIMIT ? count * 2 : BLOCK_ENTRIES / 8)
  const blob = Buffer.alloc(2 + terms.reduce((sum, { list }) => sum + 6 + size(list.length), 0))
  blob.writeUInt16LE(terms.length, 0)
  let data = 2 + terms.length * 6
  for (const [i, { term, list }] of terms.entries()) {
    blob.writeInt32LE(term, 2 + i * 6)
    blob.writeUInt16LE(list.length, 6 + i * 6)
    if (list.length < LIST_LIMIT) for (const [j, offset] of list.entries()) blob.writeUInt16LE(offset, data + j * 2)
    else for (const offset of list) blob[data + (offset >>> 3)] = (blob[data + (offset >>> 3)] ?? 0) | (1 << (offset & 7))
    data += size(list.length)
  }
  return blob
}

/** False only when the term does not occur in the block. */
export function mayOccur(filter: Uint8Array, term: number): boolean {
  for (let probe = 0; probe < BLOOM_PROBES; probe++) {
    const bit = bloomBit(term, probe)
    if (((filter[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) return false
  }
  return true
}

/** Double hashing (Kirsch and Mitzenmacher 2006): two hashes stand for many. */
function bloomBit(term: number, probe: number): number {
  return (Math.imul(finish(term ^ 0x5bd1e995) | 1, probe) + term) & (BLOOM_BITS - 1)
}

/** Finds a term in a bucket's blob. False when it does not occur in the block. */
export function bucketBits(blob: Uint8Array, term: number, into: BlockBits): boolean {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength)
  const terms = view.getUint16(0, true)
  let data = 2 + terms * 6
  for (let i = 0; i < terms; i++) {
    const count = view.getUint16(6 + i * 6, true)
    const bytes = count < LIST_LIMIT ? count * 2 : BLOCK_ENTRIES / 8
    if (view.getInt32(2 + i * 6, true) !== term) {
      data += bytes
      continue
    }
    if (count < LIST_LIMIT) {
      into.fill(0)
      for (let j = 0; j < count; j++) {
        const offset = view.getUint16(data + j * 2, true)
        setBit(into, offset)
      }
    } else {
      // Both are little endian: the file by definition, memory on every processor this runs on.
      new Uint8Array(into.buffer).set(blob.subarray(data, data + bytes))
    }
    return true
  }
  return false
}

/** What to look up for a filter: every group must hold; a group holds when its id does, or all its words do. */
export interface TermPlan {
  readonly all: readonly number[]
  readonly anyOf: readonly { readonly id: number; readonly words: readonly number[] }[]
}

export function planTerms(filter: Omit<JournalFilter, 'text'>, query: readonly QueryPart[]): TermPlan {
  const all: number[] = []
  // Rarest first, by experience: an empty block is left sooner.
  if (filter.operationId !== undefined) all.push(termHash('id', filter.operationId.toLowerCase()))
  if (filter.releaseId !== undefined) all.push(termHash('id', filter.releaseId.toLowerCase()))
  if (filter.migration !== undefined) all.push(termHash('id', filter.migration.toLowerCase()))
  if (filter.flag !== undefined) all.push(termHash('id', filter.flag.toLowerCase()))
  if (filter.operator !== undefined) all.push(termHash('operator', filter.operator.toLowerCase()))
  if (filter.service !== undefined) all.push(termHash('service', filter.service))
  if (filter.action !== undefined) all.push(termHash('action', filter.action))
  if (filter.outcome !== undefined) all.push(termHash('outcome', filter.outcome))
  if (filter.kind !== undefined) all.push(termHash('kind', filter.kind))
  const anyOf = query.map((part) => ({ id: termHash('id', part.id), words: part.words.map((word) => termHash('word', word)) }))
  return { all, anyOf }
}

/** Per run of entries: earliest, then latest time. */
function emptyTimes(): Float64Array {
  const times = new Float64Array(TIME_RUNS * 2)
  for (let run = 0; run < TIME_RUNS; run++) {
    times[run * 2] = Infinity
    times[run * 2 + 1] = -Infinity
  }
  return times
}

function noteTime(times: Float64Array, offset: number, at: number): void {
  const run = Math.floor(offset / TIME_RUN) * 2
  times[run] = Math.min(times[run] ?? at, at)
  times[run + 1] = Math.max(times[run + 1] ?? at, at)
}

/** Whether any entry of a block may lie in the time range. */
export function mayBeAt(times: Float64Array, fromAt: number, toAt: number): boolean {
  for (let run = 0; run < TIME_RUNS; run++) if ((times[run * 2] ?? 0) <= toAt && (times[run * 2 + 1] ?? 0) >= fromAt) return true
  return false
}

/** Clears entries of runs that lie wholly outside the time range. False when nothing is left. */
export function keepTimes(bits: BlockBits, times: Float64Array, fromAt: number, toAt: number): boolean {
  let kept = false
  const wordsPerRun = TIME_RUN / 32
  for (let run = 0; run < TIME_RUNS; run++) {
    const isOutside = (times[run * 2] ?? 0) > toAt || (times[run * 2 + 1] ?? 0) < fromAt
    if (isOutside) bits.fill(0, run * wordsPerRun, (run + 1) * wordsPerRun)
    else kept = true
  }
  return kept
}
