import type Database from 'better-sqlite3'
import { sqliteCode } from './sqlite.ts'

/** "SBJ1": tells a journal from any other SQLite file. */
export const APPLICATION_ID = 0x53_42_4a_31

export interface Migration {
  readonly version: number
  readonly sql: string
}

/**
 * Forward only, numbered, never edited once released.
 *
 * The journal has no index but its sequence: an append touches one page. What people search for is indexed elsewhere
 * (search.db), off the path of acts.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE journal (
        seq INTEGER PRIMARY KEY,
        header TEXT NOT NULL,
        body TEXT NOT NULL,
        previous_hash BLOB NOT NULL CHECK (length(previous_hash) = 32),
        body_hash BLOB NOT NULL CHECK (length(body_hash) = 32),
        hash BLOB NOT NULL CHECK (length(hash) = 32)
      ) STRICT;
      CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
      CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
      CREATE TRIGGER journal_grows_at_its_end BEFORE INSERT ON journal BEGIN
        SELECT CASE
          WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM journal) THEN RAISE(ABORT, 'the journal only grows at its end')
          WHEN NEW.seq > 1 AND NEW.previous_hash <> (SELECT hash FROM journal WHERE seq = NEW.seq - 1)
            THEN RAISE(ABORT, 'an entry must name the hash of the one before it')
        END;
      END;

      CREATE TABLE releases (
        id TEXT NOT NULL UNIQUE,
        service TEXT NOT NULL,
        phase TEXT NOT NULL,
        revision INTEGER NOT NULL,
        json TEXT NOT NULL
      ) STRICT;
      CREATE INDEX releases_by_service ON releases (service);
      CREATE TABLE services (
        name TEXT PRIMARY KEY,
        fence INTEGER NOT NULL,
        json TEXT NOT NULL
      ) STRICT;
      CREATE TABLE outbox (
        place INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        json TEXT NOT NULL
      ) STRICT;
      CREATE TABLE operations (
        id TEXT PRIMARY KEY,
        release_id TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE probe (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
    `,
  },
  {
    version: 2,
    sql: `
      CREATE TABLE rollouts (
        id TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL,
        flag TEXT NOT NULL,
        phase TEXT NOT NULL,
        revision INTEGER NOT NULL,
        json TEXT NOT NULL
      ) STRICT;
      CREATE INDEX rollouts_by_flag ON rollouts (source, flag);
    `,
  },
]

/** The file was made by a newer Signalbox, or is not a journal at all. Nothing was changed. */
export class SchemaError extends Error {
  readonly kind: 'newer' | 'foreign'

  constructor(kind: 'newer' | 'foreign', message: string) {
    super(message)
    this.name = 'SchemaError'
    this.kind = kind
  }
}

/** Refuses files that are not a journal this program can read. Returns its schema version, 0 for an empty file. */
export function checkSchema(db: Database.Database, newest: number = MIGRATIONS.length): number {
  const version = Number(db.pragma('user_version', { simple: true }))
  const application = Number(db.pragma('application_id', { simple: true }))
  const tables = Number(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get())
  if (application !== APPLICATION_ID && tables > 0) throw new SchemaError('foreign', 'it is a SQLite file, but not a Signalbox journal')
  if (version > newest) throw new SchemaError('newer', `it was written by a newer Signalbox (schema ${version}, this one knows ${newest})`)
  return version
}

/** Brings a database to the newest schema, each step in a transaction of its own. Returns the versions applied. */
export function migrate(db: Database.Database, migrations: readonly Migration[] = MIGRATIONS): readonly number[] {
  const newest = migrations.at(-1)?.version ?? 0
  const from = checkSchema(db, newest)
  const due = migrations.filter((migration) => migration.version > from)
  for (const migration of due) {
    const step = db.transaction(() => {
      db.exec(migration.sql)
      db.pragma(`user_version=${migration.version}`)
      db.pragma(`application_id=${APPLICATION_ID}`)
    })
    step.immediate()
  }
  return due.map((migration) => migration.version)
}

/** True for errors that a batch brought on itself (a constraint, a trigger), as opposed to a disk that fails. */
export function isConstraint(error: unknown): boolean {
  return sqliteCode(error).startsWith('SQLITE_CONSTRAINT')
}
