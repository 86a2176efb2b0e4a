import type { Checkpoint, JournalEntry, JournalFilter, JournalPage, VerifyProgress } from '../contract/journal.ts'
import { type ExportFormat, type ExportPiece, exportLines } from './export-lines.ts'
import { GENESIS_HASH, glanceAt, readSearchable, showEntry } from './journal-format.ts'
import { type JournalSource, openJournalSource } from './journal-source.ts'
import { openSearchIndex } from './search-index.ts'
import { matches, parseQuery } from './search-words.ts'
import { storedEntry, type StoredRow, verifyChain } from './verify-chain.ts'

export interface OpenReaderOptions {
  /** Where the search index is kept. Null (or a file somebody else has): a temporary one. Only the data folder's owner names one. */
  readonly indexFile?: string | null
}

export interface IndexProgress {
  readonly indexed: number
  readonly total: number
}

/**
 * Reads a journal: a live database beside its writer, a database at rest anywhere, or a JSONL export. Heavy; made to
 * run in a thread of its own (`reader-client`), where long work is cut into pieces.
 */
export interface JournalReader {
  readonly kind: 'database' | 'export'
  /** True when the file could only be read by copying it (a full or read-only disk): open it again later. */
  readonly isCopy: boolean
  /** Newest first. Complete: whatever is committed when it is called is found. */
  search(filter: JournalFilter, beforeSeq: number | undefined, limit: number): Promise<JournalPage>
  get(seq: number): JournalEntry | null
  /** Oldest first. */
  entriesOfRelease(releaseId: string): Promise<readonly JournalEntry[]>
  /** Where the journal stands now; for an export, what its first line states. */
  checkpoint(): Checkpoint
  /** Walks the whole chain. `checkpoint` null: an export is held against its own first line, a database against nothing. */
  verify(checkpoint: Checkpoint | null): AsyncGenerator<VerifyProgress>
  exportLines(format: ExportFormat, filter: JournalFilter | null, checkpoint: Checkpoint, nowMs: number): AsyncGenerator<ExportPiece>
  /** Indexes for about `budgetMs`; true when there is more to do. */
  indexWork(budgetMs: number): boolean
  indexProgress(): IndexProgress
  close(): void
}

const COLUMNS = 'seq, header, body, previous_hash, body_hash, hash'

/** Faults: `notFound`, `invalidInput`, `journalUnavailable`. */
export function openJournalReader(file: string, options: OpenReaderOptions = {}): JournalReader {
  const source = openJournalSource(file)
  try {
    return overSource(source, options)
  } catch (error) {
    source.close()
    throw error
  }
}

function overSource(source: JournalSource, options: OpenReaderOptions): JournalReader {
  const { db } = source
  const maxSeq = db.prepare<[], number>('SELECT coalesce(max(seq), 0) FROM journal').pluck()
  const one = db.prepare<[number], StoredRow>(`SELECT ${COLUMNS} FROM journal WHERE seq = ?`)
  const range = db.prepare<[number, number], { seq: number; header: string; body: string | null }>('SELECT seq, header, body FROM journal WHERE seq BETWEEN ? AND ? ORDER BY seq')
  const newestFirst = db.prepare<[number, number], StoredRow>(`SELECT ${COLUMNS} FROM journal WHERE seq < ? ORDER BY seq DESC LIMIT ?`)
  const hashOf = db.prepare<[number], Buffer>('SELECT hash FROM journal WHERE seq = ?').pluck()

  const index = openSearchIndex(options.indexFile ?? null, {
    maxSeq: () => maxSeq.get() ?? 0,
    rows: function* (fromSeq, toSeq) {
      for (const row of range.all(fromSeq, toSeq)) yield { seq: row.seq, ...readSearchable(row) }
    },
    hashOf: (seq) => hashOf.get(seq),
  })

  const show = (seq: number): JournalEntry | null => {
    const row = one.get(seq)
    return row ? showEntry(storedEntry(row)) : null
  }

  const find = async (filter: JournalFilter, beforeSeq: number, limit: number): Promise<JournalEntry[]> => {
    const { text, ...rest } = filter
    const query = parseQuery(text)
    if (query.length === 0 && Object.values(rest).every((value) => value === undefined)) {
      return newestFirst.all(beforeSeq, limit).map((row) => showEntry(storedEntry(row)))
    }
    const found: JournalEntry[] = []
    if (limit === 0) return found
    for await (const seq of index.candidates(rest, query, beforeSeq)) {
      const row = one.get(seq)
      const at = row && glanceAt(row.header)
      if (at !== null && at !== undefined && (at < (rest.fromAt ?? -Infinity) || at > (rest.toAt ?? Infinity))) continue
      const candidate = row && readSearchable(row).entry
      if (!candidate || !matches(candidate, rest, query)) continue
      found.push(showEntry(storedEntry(row)))
      if (found.length === limit) break
    }
    return found
  }

  const checkpoint = (): Checkpoint => {
    if (source.stated) return source.stated
    const last = newestFirst.get(Number.MAX_SAFE_INTEGER, 1)
    return { count: last?.seq ?? 0, head: (last?.hash ?? GENESIS_HASH).toString('hex'), at: last ? showEntry(storedEntry(last)).at : 0 }
  }

  return {
    kind: source.kind,
    isCopy: source.isCopy,
    async search(filter, beforeSeq, limit) {
      const start = performance.now()
      const found = await find(filter, beforeSeq ?? Number.MAX_SAFE_INTEGER, limit + 1)
      const entries = found.slice(0, limit)
      const nextBeforeSeq = found.length > limit ? (entries.at(-1)?.seq ?? null) : null
      return { entries, nextBeforeSeq, total: maxSeq.get() ?? 0, tookMs: performance.now() - start }
    },
    get: show,
    entriesOfRelease: async (releaseId) => (await find({ text: '', releaseId }, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)).toReversed(),
    checkpoint,
    async *verify(given) {
      const start = performance.now()
      const total = maxSeq.get() ?? 0
      const seconds = () => Math.max(performance.now() - start, 1) / 1000
      let done = 0
      let isOver = false
      const run = verifyChain(db, given ?? source.stated, (count) => {
        done = count
      }).finally(() => {
        isOver = true
      })
      run.catch(() => undefined)
      let shown = -1
      while (!isOver) {
        if (done !== shown) {
          shown = done
          yield { kind: 'progress', done, total: Math.max(total, done), rowsPerSecond: Math.round(done / seconds()) }
        }
        await new Promise((resolve) => void setImmediate(resolve))
      }
      const result = await run
      const isOwn = given === null && source.stated !== null
      yield {
        kind: 'result',
        ok: result.problem === null,
        count: result.count,
        head: result.head,
        problem: result.problem,
        checkpoint: isOwn ? `Held against the export's own first line only, which whoever made the file could write. ${result.checkpoint}` : result.checkpoint,
        tookMs: performance.now() - start,
      }
    },
    exportLines: (format, filter, upTo, nowMs) => exportLines(db, format, filter, upTo, nowMs),
    indexWork: (budgetMs) => index.work(budgetMs),
    indexProgress: () => index.progress(),
    close() {
      index.close()
      source.close()
    },
  }
}
