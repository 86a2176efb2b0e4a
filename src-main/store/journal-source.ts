import Database from 'better-sqlite3'
import { closeSync, openSync, readSync } from 'node:fs'
import { z } from 'zod'
import { checkpointSchema, type Checkpoint } from '../contract/journal.ts'
import { Fault } from '../contract/fault.ts'
import { FORMAT_NAME, FORMAT_VERSION } from './journal-format.ts'
import { explainProblem } from './journal-problem.ts'
import { checkSchema } from './schema.ts'
import { openReader, type ReadableDb } from './sqlite.ts'

/** A journal that can only be read: a database in use or at rest, or an export. */
export interface JournalSource {
  readonly db: ReadableDb
  readonly kind: 'database' | 'export'
  /** True when the file could only be read by copying it: what is written to it later is not seen. */
  readonly isCopy: boolean
  /** What an export's own first line says it holds. */
  readonly stated: Checkpoint | null
  close(): void
}

/** The first line of an export. */
export const exportHeaderSchema = z.object({
  format: z.literal(FORMAT_NAME),
  version: z.literal(FORMAT_VERSION),
  exportedAt: z.number(),
  checkpoint: checkpointSchema,
  filter: z.unknown(),
})
const hex32 = z.string().regex(/^[0-9a-f]{64}$/)
export const exportLineSchema = z.object({
  seq: z.int().min(1),
  previousHash: hex32,
  bodyHash: hex32,
  hash: hex32,
  header: z.string(),
  body: z.string().nullable(),
})

/** Opens a journal anywhere, to read. Faults: `notFound`, `journalUnavailable` (damaged), `invalidInput` (not a journal). */
export function openJournalSource(file: string): JournalSource {
  try {
    if (!startsLikeSqlite(file)) return importExport(file)
    const reader = openReader(file)
    try {
      if (checkSchema(reader.db) === 0) throw new Fault('invalidInput', `${file} is an empty database.`, 'Choose a journal.db or an export.')
      return { db: reader.db, kind: 'database', isCopy: reader.isCopy, stated: null, close: () => reader.close() }
    } catch (error) {
      reader.close()
      throw error
    }
  } catch (error) {
    if (error instanceof Fault) throw error
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Fault('notFound', `There is no file ${file}.`, 'Check the path.', { cause: error })
    }
    const { what, next } = explainProblem(error, file)
    throw new Fault('journalUnavailable', what, next, { cause: error })
  }
}

function startsLikeSqlite(file: string): boolean {
  const fd = openSync(file, 'r')
  try {
    const start = Buffer.alloc(16)
    const length = readSync(fd, start, 0, 16, 0)
    if (length === 0) throw new Fault('invalidInput', `${file} is empty.`, 'Choose a journal.db or an export.')
    return start[0] !== '{'.charCodeAt(0)
  } finally {
    closeSync(fd)
  }
}

/**
 * Brings an export into a temporary database, line by line as it stands: in the file's order, whatever its numbers say.
 * Judging it is the verification's work, not this function's.
 */
function importExport(file: string): JournalSource {
  const lines = readLines(file)
  const header = exportHeaderSchema.safeParse(parseJson(lines.next().value ?? ''))
  if (!header.success) throw new Fault('invalidInput', `${file} is neither a journal database nor a JSONL export: its first line is not an export's.`, 'Choose a journal.db or a file made by `signalbox export`.')
  const db = new Database('')
  db.exec('CREATE TABLE journal (seq INTEGER PRIMARY KEY, header TEXT NOT NULL, body TEXT, previous_hash BLOB NOT NULL, body_hash BLOB NOT NULL, hash BLOB NOT NULL)')
  const insert = db.prepare('INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)')
  db.exec('BEGIN')
  let place = 0
  for (const text of lines) {
    place += 1
    const line = exportLineSchema.safeParse(parseJson(text)).data
    const none = Buffer.alloc(32)
    if (!line) insert.run(place, '', text, none, none, none)
    else insert.run(place, line.header, line.body, Buffer.from(line.previousHash, 'hex'), Buffer.from(line.bodyHash, 'hex'), Buffer.from(line.hash, 'hex'))
  }
  db.exec('COMMIT')
  db.pragma('query_only=1')
  return { db: db as ReadableDb, kind: 'export', isCopy: false, stated: header.data.checkpoint, close: () => void db.close() }
}

function* readLines(file: string): Generator<string, undefined> {
  const fd = openSync(file, 'r')
  try {
    const part = Buffer.alloc(1 << 20)
    let rest: Buffer = Buffer.alloc(0)
    for (;;) {
      const length = readSync(fd, part, 0, part.length, null)
      if (length === 0) break
      const bytes = Buffer.concat([rest, part.subarray(0, length)])
      let from = 0
      for (let end = bytes.indexOf(10, from); end !== -1; end = bytes.indexOf(10, from)) {
        yield bytes.toString('utf8', from, end)
        from = end + 1
      }
      rest = bytes.subarray(from)
    }
    if (rest.length > 0) yield rest.toString('utf8')
    return undefined
  } finally {
    closeSync(fd)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
