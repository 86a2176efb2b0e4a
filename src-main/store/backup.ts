import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { open } from 'node:fs/promises'
import type Database from 'better-sqlite3'
import type { Checkpoint } from '../contract/journal.ts'
import { Fault } from '../contract/fault.ts'
import { acquireDataFolder, dataFolderFiles } from './data-folder.ts'
import { syncFolder } from './emergency-file.ts'
import { explainProblem } from './journal-problem.ts'
import { checkSchema } from './schema.ts'
import { openReader, type ReadableDb } from './sqlite.ts'
import { verifyChain } from './verify-chain.ts'

export interface BackupResult {
  readonly file: string
  /** What the copy holds. Keep it with the copy, or better, elsewhere. */
  readonly checkpoint: Checkpoint
}

export interface RestoreResult {
  readonly checkpoint: Checkpoint
  /** Where the journal that was replaced is now; null when there was none. */
  readonly keptAs: string | null
}

/** Pages copied between two turns of the event loop: about a quarter of a millisecond's work. */
const PAGES_PER_TURN = 64

/** Copies a journal that is in use; entries committed meanwhile are in the copy. Faults: `journalUnavailable`, `invalidInput`. */
export async function backupJournal(db: Database.Database, toFile: string): Promise<BackupResult> {
  if (existsSync(toFile)) throw new Fault('invalidInput', `${toFile} is there already and was left alone.`, 'Choose a name that is not taken.')
  const part = `${toFile}.part`
  try {
    mkdirSync(dirname(toFile), { recursive: true })
    rmSync(part, { force: true })
    await db.backup(part, { progress: () => PAGES_PER_TURN })
    const checkpoint = await wholeChain(part).catch((error: unknown) => {
      throw new Fault(
        'journalUnavailable',
        `No backup was made: the copy does not verify (${reasonOf(error)}). Traffic is not affected.`,
        'Verify the journal; for an investigation, copy the data folder as it is.',
      )
    })
    await syncFile(part)
    renameSync(part, toFile)
    syncFolder(dirname(toFile))
    return { file: toFile, checkpoint }
  } catch (error) {
    rmSync(part, { force: true })
    if (error instanceof Fault) throw error
    const { what, next } = explainProblem(error, toFile)
    throw new Fault('journalUnavailable', `The backup was not made; the journal itself is not affected. ${what}`, next, { cause: error })
  }
}

/**
 * Puts a backup in the place of a folder's journal. The chain of the backup is verified first; the file it replaces is
 * kept beside it. Entries that wait in the emergency file are merged at the next opening.
 * Faults: `dataFolderBusy`, `readOnly`, `invalidInput` when the backup is not a whole journal.
 */
export async function restoreJournal(fromFile: string, folder: string, nowMs: number): Promise<RestoreResult> {
  const lock = acquireDataFolder(folder)
  const files = dataFolderFiles(lock.folder)
  const part = `${files.journal}.restoring`
  try {
    await copyWhole(fromFile, part)
    const checkpoint = await wholeChain(part).catch((error: unknown) => {
      throw notWhole(fromFile, reasonOf(error))
    })
    await syncFile(part)
    const mark = new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-')
    const keptAs = existsSync(files.journal) ? join(lock.folder, `journal.replaced-${mark}.db`) : null
    if (keptAs) {
      // The log must move with its database: it may hold the newest entries.
      for (const suffix of ['-wal', '']) if (existsSync(files.journal + suffix)) renameSync(files.journal + suffix, keptAs + suffix)
    }
    for (const suffix of ['-wal', '-shm']) rmSync(files.journal + suffix, { force: true })
    renameSync(part, files.journal)
    if (existsSync(files.checkpoint)) renameSync(files.checkpoint, join(lock.folder, `checkpoint.replaced-${mark}.json`))
    for (const suffix of ['', '-wal', '-shm']) rmSync(files.search + suffix, { force: true })
    syncFolder(lock.folder)
    return { checkpoint, keptAs }
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(part + suffix, { force: true })
    lock.release()
  }
}

async function copyWhole(fromFile: string, toFile: string): Promise<void> {
  try {
    rmSync(toFile, { force: true })
    const source = openReader(fromFile)
    try {
      await source.db.backup(toFile)
    } finally {
      source.close()
    }
  } catch (error) {
    throw notWhole(fromFile, reasonOf(error))
  }
}

/** Throws an Error that says what is wrong. */
async function wholeChain(file: string): Promise<Checkpoint> {
  let source: { readonly db: ReadableDb; close(): void } | null = null
  try {
    source = openReader(file)
    if (checkSchema(source.db) === 0) throw new Error('it is empty')
    const result = await verifyChain(source.db, null)
    if (result.problem) throw new Error(`entry ${result.problem.seq}: ${result.problem.what}`)
    return { count: result.count, head: result.head, at: result.lastAt }
  } finally {
    source?.close()
    for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true })
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function notWhole(file: string, why: string): Fault {
  return new Fault('invalidInput', `${file} is not a whole journal: ${why}. Nothing was replaced.`, 'Choose another backup.')
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
