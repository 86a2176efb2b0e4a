import Database from 'better-sqlite3'
import { chmodSync, constants, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** A connection that may write. Only `openWriter` makes one, so a reader cannot be handed over by mistake. */
export type WritableDb = Database.Database & { readonly __access: 'write' }
/** A connection that SQLite itself keeps from writing. */
export type ReadableDb = Database.Database & { readonly __access: 'read' }

/**
 * Versions before this one can corrupt a database when two connections write and checkpoint at the same instant
 * ("WAL-reset bug", fixed in 3.51.3, https://sqlite.org/wal.html).
 */
const OLDEST_SAFE_SQLITE = [3, 51, 3] as const

/** How long a commit waits for a stranger's lock before it counts as failed. Short: it blocks the thread that acts. */
const WRITE_BUSY_MS = 200
const READ_BUSY_MS = 2000

export function isSafeSqlite(version: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [i, wanted] of OLDEST_SAFE_SQLITE.entries()) {
    const have = parts[i] ?? 0
    if (have !== wanted) return have > wanted
  }
  return true
}

interface WriterOptions {
  readonly synchronous?: 'FULL' | 'NORMAL'
  /** Looks at the database before anything of it is changed; may throw. */
  readonly inspect?: (db: Database.Database) => void
}

/** Opens the one writing connection of a file: WAL, synchronous=FULL, both read back. Throws SqliteError, or Error when the settings do not hold. */
export function openWriter(file: string, { synchronous = 'FULL', inspect }: WriterOptions = {}): WritableDb {
  const db = new Database(file, { timeout: WRITE_BUSY_MS })
  try {
    assertSafeVersion(db)
    inspect?.(db)
    expectPragma(db, 'journal_mode', 'WAL', 'wal')
    // better-sqlite3 compiles WAL's default to NORMAL, under which a committed row may vanish with the power.
    expectPragma(db, 'synchronous', synchronous, synchronous === 'FULL' ? 2 : 1)
    // A plain fsync does not reach the platter on macOS; a no-op elsewhere.
    expectPragma(db, 'fullfsync', '1', 1)
    expectPragma(db, 'mmap_size', '0', 0)
    // Checkpoints cost two fsyncs and must not hit whoever commits the thousandth page.
    expectPragma(db, 'wal_autocheckpoint', '0', 0)
    expectPragma(db, 'trusted_schema', '0', 0)
    return db as WritableDb
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * Makes the write-ahead log `bytes` long before anything is acknowledged, and starts it over from its beginning. A sync
 * of overwritten blocks spares the file system a change of its own tables, which is a third of what a commit waits for.
 * Never throws: where the disk is short, the log simply grows as it goes.
 */
export function reserveLog(db: WritableDb, file: string, bytes: number): void {
  try {
    if (bytes <= 0 || (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) >= bytes) return
    const { bavail, bsize } = statfsSync(dirname(file))
    if (bavail * bsize < bytes * 16) return
    db.exec('CREATE TABLE IF NOT EXISTS log_reserve (filler BLOB) STRICT')
    db.prepare('INSERT INTO log_reserve (filler) VALUES (zeroblob(?))').run(bytes)
    // In a transaction of its own: pages freed in the one that filled them would never reach the log.
    db.exec('DROP TABLE log_reserve')
    db.pragma('wal_checkpoint(RESTART)')
  } catch {
    if (db.inTransaction) db.exec('ROLLBACK')
  }
}

/** Bytes of the log that are not in the database file yet. Changes nothing. */
export function unfinishedLogBytes(db: WritableDb): number {
  const [state] = db.pragma('wal_checkpoint(NOOP)') as [{ readonly log: number; readonly checkpointed: number }]
  return Math.max(0, state.log - state.checkpointed) * PAGE_BYTES
}
const PAGE_BYTES = 4096

/** A connection that cannot change the file. `close` also removes what opening needed. */
export interface Reader {
  readonly db: ReadableDb
  /** True when it is not the file itself that is read, so that what is written later is not seen. */
  readonly isCopy: boolean
  close(): void
}

/**
 * Opens a file that this connection cannot change.
 *
 * SQLite needs a -shm file beside a WAL database, which cannot be made where the folder is read-only or the disk full.
 * Then the file (and its -wal, which holds the newest entries) is read from a copy in the temporary folder, or, if
 * there is no room for that either, from memory.
 */
export function openReader(file: string): Reader {
  try {
    const db = probed(file)
    return { db, isCopy: false, close: () => db.close() }
  } catch (error) {
    const code = sqliteCode(error)
    const isPlace = ['SQLITE_CANTOPEN', 'SQLITE_READONLY', 'SQLITE_FULL', 'SQLITE_IOERR'].some((kind) => code.startsWith(kind))
    if (!isPlace || !existsSync(file)) throw error
    return tryCopy(file) ?? tryMemory(file) ?? raise(error)
  }
}

function tryCopy(file: string): Reader | null {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-read-'))
  const close = () => rmSync(folder, { recursive: true, force: true })
  try {
    const copy = join(folder, basename(file))
    for (const suffix of ['', '-wal']) {
      if (!existsSync(file + suffix)) continue
      copyFileSync(file + suffix, copy + suffix, constants.COPYFILE_FICLONE)
      chmodSync(copy + suffix, 0o600)
    }
    const db = probed(copy)
    return {
      db,
      isCopy: true,
      close: () => {
        db.close()
        close()
      },
    }
  } catch {
    close()
    return null
  }
}

/** Larger journals are not taken into memory. */
const MEMORY_LIMIT_BYTES = 512 * 1024 * 1024

function tryMemory(file: string): Reader | null {
  try {
    const hasLog = (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0
    if (hasLog || statSync(file).size > MEMORY_LIMIT_BYTES) return null
    const bytes = readFileSync(file)
    // Bytes 18 and 19 say 2 for WAL, which a database in memory cannot have (https://sqlite.org/fileformat2.html).
    bytes.fill(1, 18, 20)
    const db = asReadable(new Database(bytes))
    return { db, isCopy: true, close: () => db.close() }
  } catch {
    return null
  }
}

function raise(error: unknown): never {
  throw error
}

/** The extended result code of an error that SQLite raised; empty for any other. */
export function sqliteCode(error: unknown): string {
  return error instanceof Database.SqliteError ? error.code : ''
}

function probed(file: string): ReadableDb {
  return asReadable(new Database(file, { readonly: true, fileMustExist: true, timeout: READ_BUSY_MS }))
}

function asReadable(db: Database.Database): ReadableDb {
  try {
    assertSafeVersion(db)
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
    expectPragma(db, 'query_only', '1', 1)
    expectPragma(db, 'trusted_schema', '0', 0)
    return db as ReadableDb
  } catch (error) {
    db.close()
    throw error
  }
}

function assertSafeVersion(db: Database.Database): void {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get())
  if (!isSafeSqlite(version)) throw new Error(`SQLite ${version} is older than ${OLDEST_SAFE_SQLITE.join('.')}, the first safe one for this use`)
}

function expectPragma(db: Database.Database, name: string, value: string, expected: string | number): void {
  db.pragma(`${name}=${value}`)
  const actual = db.pragma(name, { simple: true })
  // Unset mmap reads back as no row at all.
  if (actual !== expected && !(expected === 0 && actual === undefined)) {
    throw new Error(`PRAGMA ${name} is ${String(actual)} although ${value} was asked for`)
  }
}
