import { Fault } from '../contract/fault.ts'
import { SchemaError } from './schema.ts'
import { sqliteCode } from './sqlite.ts'

/** Why the journal cannot be written, in the operator's words. */
export interface JournalProblem {
  readonly what: string
  readonly next: string
  /** False: it may go away by itself, so trying again is worth it. */
  readonly permanent: boolean
}

/** Explains an error of SQLite or of the file system about a journal file. */
export function explainProblem(error: unknown, file: string): JournalProblem {
  if (error instanceof SchemaError) {
    return error.kind === 'newer'
      ? { what: `${file} is opened read-only: ${error.message}.`, next: 'Start the newer Signalbox, or choose another data folder with --data DIR.', permanent: true }
      : { what: `${file} is opened read-only: ${error.message}.`, next: 'Move that file away, or choose another data folder with --data DIR.', permanent: true }
  }
  const code = sqliteCode(error) || systemCode(error)
  const detail = error instanceof Error ? error.message : String(error)
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return { what: `The disk that holds ${file} is full.`, next: 'Free disk space; recording resumes by itself.', permanent: false }
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return { what: `Another program keeps ${file} locked.`, next: 'Close whatever has the file open (a database browser, a backup job); recording resumes by itself.', permanent: false }
  }
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')) {
    return {
      what: `${file} is damaged (${detail}). It was left as it is.`,
      next: 'Restore a backup with `signalbox restore FILE`; the damaged file is kept beside it.',
      permanent: true,
    }
  }
  if (code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_PERM') || code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return { what: `${file} cannot be written (${detail}).`, next: 'Make the file and its folder writable; recording resumes by itself.', permanent: false }
  }
  if (code.startsWith('SQLITE_IOERR')) {
    // A file size limit and some network disks report a full disk this way.
    return { what: `The disk that holds ${file} reports an error (${code}).`, next: 'Check the disk and its free space; recording resumes by itself once writing works.', permanent: false }
  }
  return { what: `${file} cannot be used (${detail}).`, next: 'Restore a backup with `signalbox restore FILE`, or choose another data folder with --data DIR.', permanent: true }
}

export function problemText(problem: JournalProblem | null): string {
  return problem ? `${problem.what} ${problem.next}` : ''
}

/** What a caller is told whose act could not be recorded. */
export function journalUnavailable(problem: JournalProblem, cause?: unknown): Fault {
  return new Fault(
    'journalUnavailable',
    `This could not be recorded, so it was not done; traffic stays as it is. ${problem.what}`,
    `${problem.next} Roll back still works.`,
    cause === undefined ? {} : { cause },
  )
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
