import type { Checkpoint, JournalEntry, JournalFilter } from '../contract/journal.ts'
import { FORMAT_NAME, FORMAT_VERSION, readSearchable, showEntry } from './journal-format.ts'
import { matches, parseQuery } from './search-words.ts'
import { storedEntry, type StoredRow } from './verify-chain.ts'
import type { ReadableDb } from './sqlite.ts'

export type ExportFormat = 'jsonl' | 'csv'

/** A piece of an export: whole lines. */
export interface ExportPiece {
  readonly text: string
  readonly done: number
}

const ROWS_PER_PIECE = 250

/**
 * An export of the first `checkpoint.count` entries, in pieces that leave the thread free in between.
 *
 * `jsonl`: every entry, so that the chain can be checked; of entries outside the filter the body is left out and its
 * hash kept. `csv`: for spreadsheets, entries inside the filter only, without hashes' power.
 */
export async function* exportLines(db: ReadableDb, format: ExportFormat, filter: JournalFilter | null, checkpoint: Checkpoint, nowMs: number): AsyncGenerator<ExportPiece> {
  const page = db.prepare<[number, number, number], StoredRow>(
    'SELECT seq, header, body, previous_hash, body_hash, hash FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?',
  )
  const query = parseQuery(filter?.text ?? '')
  const isIn = (row: StoredRow): boolean => {
    if (!filter) return true
    const { entry } = readSearchable(row)
    return entry !== null && matches(entry, filter, query)
  }
  yield { text: format === 'csv' ? `${CSV_COLUMNS.map(([name]) => name).join(',')}\r\n` : headerLine(checkpoint, filter, nowMs), done: 0 }
  let seq = 0
  for (;;) {
    const rows = page.all(seq, checkpoint.count, ROWS_PER_PIECE)
    let text = ''
    for (const row of rows) {
      seq = row.seq
      if (format === 'csv') {
        if (isIn(row)) text += csvLine(showEntry(storedEntry(row)))
      } else {
        text += jsonLine(row, !isIn(row))
      }
    }
    if (rows.length > 0) yield { text, done: seq }
    if (rows.length < ROWS_PER_PIECE) return
    await new Promise((resolve) => void setImmediate(resolve))
  }
}

function headerLine(checkpoint: Checkpoint, filter: JournalFilter | null, nowMs: number): string {
  return `${oneLine(JSON.stringify({ format: FORMAT_NAME, version: FORMAT_VERSION, exportedAt: nowMs, checkpoint, filter }))}\n`
}

function jsonLine(row: StoredRow, isLeftOut: boolean): string {
  const line = JSON.stringify({
    seq: row.seq,
    previousHash: row.previous_hash.toString('hex'),
    bodyHash: row.body_hash.toString('hex'),
    hash: row.hash.toString('hex'),
    header: row.header,
    body: isLeftOut ? null : row.body,
  })
  return `${oneLine(line)}\n`
}

/** JSON may hold these two separators as they are, but many readers end a line at them. */
function oneLine(json: string): string {
  return json.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}

const CSV_COLUMNS: readonly (readonly [string, (entry: JournalEntry) => string])[] = [
  ['seq', (entry) => String(entry.seq)],
  ['time', (entry) => new Date(entry.at).toISOString()],
  ['kind', (entry) => entry.kind],
  ['action', (entry) => entry.action],
  ['outcome', (entry) => entry.outcome],
  ['operator', (entry) => entry.operator.id],
  ['operatorName', (entry) => entry.operator.name],
  ['operatorEmail', (entry) => entry.operator.email],
  ['identityKnown', (entry) => entry.operator.known],
  ['service', (entry) => entry.target.service ?? ''],
  ['environment', (entry) => entry.target.environment ?? ''],
  ['releaseId', (entry) => entry.target.releaseId ?? ''],
  ['migration', (entry) => entry.target.migration ?? ''],
  ['flag', (entry) => entry.target.flag ?? ''],
  ['summary', (entry) => entry.summary],
  ['reason', (entry) => entry.reason],
  ['ticket', (entry) => entry.ticket],
  ['before', (entry) => JSON.stringify(entry.before)],
  ['after', (entry) => JSON.stringify(entry.after)],
  ['evidence', (entry) => JSON.stringify(entry.evidence)],
  ['operationId', (entry) => entry.operationId],
  ['id', (entry) => entry.id],
  ['hostId', (entry) => entry.hostId],
  ['appVersion', (entry) => entry.appVersion],
  ['workspaceDigest', (entry) => entry.workspaceDigest],
  ['emergency', (entry) => String(entry.emergency)],
  ['hash', (entry) => entry.hash],
]

function csvLine(entry: JournalEntry): string {
  return `${CSV_COLUMNS.map(([, read]) => csvField(read(entry))).join(',')}\r\n`
}

/** Quoted as RFC 4180 says; what a spreadsheet would take for a formula is made text (OWASP, CSV injection). */
function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
