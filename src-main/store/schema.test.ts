import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import Database from 'better-sqlite3'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { checkSchema, migrate, MIGRATIONS, SchemaError } from './schema.ts'
import { isSafeSqlite, openReader, openWriter } from './sqlite.ts'
import { temporaryFolder } from './testing/fixtures.ts'

describe('schema', { timeout: 120_000 }, () => {
  let folder: ReturnType<typeof temporaryFolder>
  const file = () => join(folder.path, 'journal.db')
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(() => folder.dispose())

  it('migrates forward only, each step once and whole', () => {
    const db = openWriter(file())
    const next = { version: MIGRATIONS.length + 1, sql: 'CREATE TABLE later (x INTEGER) STRICT; INSERT INTO later VALUES (1)' }
    const broken = { version: next.version + 1, sql: 'CREATE TABLE half (x); CREATE TABLE later (y)' }
    try {
      expect(migrate(db)).toEqual(MIGRATIONS.map(({ version }) => version))
      expect(migrate(db)).toEqual([])
      expect(migrate(db, [...MIGRATIONS, next])).toEqual([next.version])
      expect(() => migrate(db, [...MIGRATIONS, next, broken])).toThrow('already exists')
      expect(db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").pluck().get()).toBe(0)
      expect(db.prepare('SELECT x FROM later').pluck().all()).toEqual([1])
      expect(() => checkSchema(db)).toThrow(SchemaError)
    } finally {
      db.close()
    }
  })

  it('keeps what is released: a migration is never edited', () => {
    const digests = MIGRATIONS.map(({ sql }) => createHash('sha256').update(sql.replaceAll(/\s+/g, ' ')).digest('hex').slice(0, 16))
    expect(digests).toMatchInlineSnapshot(`
      [
        "3e38808e26fabf62",
        "ebd1712130d4f2e2",
      ]
    `)
  })

  it('refuses other programs’ files', () => {
    const db = new Database(file())
    db.exec('CREATE TABLE mine (x)')
    expect(() => migrate(db)).toThrow('not a Signalbox journal')
    db.close()
  })

  it('asserts what durability rests on, on each connection', () => {
    const db = openWriter(file())
    expect(db.pragma('synchronous', { simple: true })).toBe(2)
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(db.pragma('wal_autocheckpoint', { simple: true })).toBe(0)
    migrate(db)
    db.close()
    expect([isSafeSqlite('3.51.2'), isSafeSqlite('3.51.3'), isSafeSqlite('3.7.17'), isSafeSqlite('3.54.1'), isSafeSqlite('4.0.0')]).toEqual([false, true, false, true, true])
    const reader = openReader(file())
    expect(() => reader.db.prepare("INSERT INTO operations VALUES ('a', 'b')").run()).toThrow('readonly')
    reader.close()
  })
})
