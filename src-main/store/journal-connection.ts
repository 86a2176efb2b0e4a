import { existsSync } from 'node:fs'
import { EMPTY_HEAD, type Head } from './journal-format.ts'
import { explainProblem, type JournalProblem } from './journal-problem.ts'
import { type JournalWriter, openJournalWriter, type Stamp } from './journal-writer.ts'
import { NO_ROWS, type RowReader, rowReader } from './rows.ts'
import { checkSchema } from './schema.ts'
import { openReader } from './sqlite.ts'

/** The journal as well as it can be had: for writing, else for reading, else not at all. */
export interface JournalConnection {
  /** Null while it cannot be written. */
  writer(): JournalWriter | null
  rows(): RowReader
  /** The last entry; null when the journal cannot even be read. */
  head(): Head | null
  /** Why there is no writer; null when there is one. */
  problem(): JournalProblem | null
  /** Tries for a writer if there is none. */
  reconnect(): void
  close(): void
}

interface Options {
  readonly file: string
  readonly stamp: Stamp
  readonly nowMs: () => number
  readonly readOnly: boolean
  readonly synchronous?: 'FULL' | 'NORMAL'
}

const READ_ONLY: JournalProblem = {
  what: 'This console only reads: another one has the data folder.',
  next: 'Act in that console, or close it and start this one again.',
  permanent: true,
}

export function connectJournal(options: Options): JournalConnection {
  const { file, readOnly } = options
  let writer: JournalWriter | null = null
  let reader: ReturnType<typeof openReader> | null = null
  let rows: RowReader = NO_ROWS
  let readerHead: Head | null = null
  let problem: JournalProblem | null = readOnly ? READ_ONLY : null

  const closeReader = () => {
    reader?.close()
    reader = null
    rows = NO_ROWS
  }

  const openForReading = () => {
    if (!existsSync(file)) {
      readerHead = EMPTY_HEAD
      return
    }
    try {
      reader = openReader(file)
      checkSchema(reader.db)
      const last = reader.db.prepare<[], { seq: number; hash: Buffer }>('SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1').get()
      readerHead = last ? { count: last.seq, hash: last.hash } : EMPTY_HEAD
      rows = rowReader(reader.db)
      rows.load()
    } catch {
      // Not even readable. What is wrong was already said when opening for writing failed.
      readerHead = null
      closeReader()
    }
  }

  const openForWriting = () => {
    try {
      writer = openJournalWriter(file, options.stamp, options)
      // Proves at once that it can be written, and brings emergency entries home.
      rows = rowReader(writer.db)
      rows.load()
      problem = null
    } catch (error) {
      writer?.close()
      writer = null
      rows = NO_ROWS
      problem = explainProblem(error, file)
    }
  }

  if (!readOnly) openForWriting()
  if (!writer) openForReading()

  return {
    writer: () => writer,
    rows: () => rows,
    head: () => writer?.head() ?? readerHead,
    problem: () => problem,
    reconnect() {
      if (readOnly || writer) return
      const before = rows
      openForWriting()
      if (writer) {
        reader?.close()
        reader = null
      } else {
        rows = before
      }
    },
    close() {
      closeReader()
      writer?.close()
      writer = null
    },
  }
}
