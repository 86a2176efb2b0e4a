import Database from 'better-sqlite3'
import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { Fault } from '../contract/fault.ts'
import { sqliteCode } from './sqlite.ts'

/** Files of a data folder. Everything but `journal` can be lost without losing history. */
export interface DataFolderFiles {
  readonly journal: string
  readonly search: string
  readonly metrics: string
  readonly emergency: string
  readonly checkpoint: string
  readonly lock: string
  readonly holder: string
}

export function dataFolderFiles(folder: string): DataFolderFiles {
  return {
    journal: join(folder, 'journal.db'),
    search: join(folder, 'search.db'),
    metrics: join(folder, 'metrics.db'),
    emergency: join(folder, 'emergency.journal'),
    checkpoint: join(folder, 'checkpoint.json'),
    lock: join(folder, 'lock.db'),
    holder: join(folder, 'lock.json'),
  }
}

/** The right to write in a data folder. The operating system takes it back when the process dies, however it dies. */
export interface DataFolderLock {
  readonly folder: string
  release(): void
}

const holderSchema = z.object({ pid: z.number(), host: z.string(), since: z.number() })

/** Locks this process holds, by real path: SQLite would refuse us our own lock. */
const held = new Map<string, { lock: DataFolderLock; users: number }>()

/**
 * Takes the data folder for writing, creating it (mode 0700) if need be.
 * A second call in the same thread shares the lock; it is freed with the last release.
 * Faults: `dataFolderBusy` with who has it, `readOnly` when the folder cannot be written.
 */
export function acquireDataFolder(folder: string): DataFolderLock {
  const path = makeFolder(folder)
  const mine = held.get(path)
  if (mine) {
    mine.users += 1
    return handle(path)
  }
  const { lock, holder } = dataFolderFiles(path)
  // An exclusive transaction that never writes: locked by fcntl or LockFileEx, nothing to clean up after a crash.
  // (Never open lock.db with node:fs: closing any other descriptor of a file drops its POSIX locks.)
  let db: Database.Database | undefined
  try {
    db = new Database(lock, { timeout: 0 })
    db.pragma('journal_mode=MEMORY')
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db?.close()
    const code = sqliteCode(error)
    if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) throw busy(path, holder)
    throw unwritable(path, error)
  }
  const connection = db
  describeHolder(holder)
  held.set(path, {
    users: 1,
    lock: {
      folder: path,
      release: () => {
        rmSync(holder, { force: true })
        connection.close()
      },
    },
  })
  return handle(path)
}

function handle(path: string): DataFolderLock {
  let released = false
  return {
    folder: path,
    release: () => {
      const entry = held.get(path)
      if (released || !entry) return
      released = true
      entry.users -= 1
      if (entry.users > 0) return
      held.delete(path)
      entry.lock.release()
    },
  }
}

function makeFolder(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return realpathSync(folder)
  } catch (error) {
    throw unwritable(folder, error)
  }
}

function describeHolder(file: string): void {
  try {
    rmSync(file, { force: true })
    writeFileSync(file, JSON.stringify({ pid: process.pid, host: hostname(), since: Date.now() }), { mode: 0o600 })
  } catch {
    // Only a courtesy to whoever comes second; the lock holds without it (a full disk must not stop us here).
  }
}

function busy(folder: string, holderFile: string): Fault {
  let who = 'another Signalbox process'
  try {
    const { pid, host, since } = holderSchema.parse(JSON.parse(readFileSync(holderFile, 'utf8')))
    who = `process ${pid} on ${host}, since ${new Date(since).toISOString()}`
  } catch {
    // Just starting or just leaving.
  }
  return new Fault(
    'dataFolderBusy',
    `The data folder ${folder} is in use by ${who}. Traffic is not affected.`,
    'Use that console, or stop it; or give this one a folder of its own with --data DIR.',
  )
}

function unwritable(folder: string, error: unknown): Fault {
  return new Fault(
    'readOnly',
    `The data folder ${folder} cannot be written (${error instanceof Error ? error.message : String(error)}). Traffic is not affected.`,
    'Make the folder writable, free disk space, or choose another with --data DIR.',
    { cause: error },
  )
}
