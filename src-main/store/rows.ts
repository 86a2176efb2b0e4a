import type { CommitBatch, OutboxItem, ServiceRecord, StoredState } from '../core/ports.ts'
import type { FlagRollout } from '../contract/flag.ts'
import type { Release } from '../contract/release.ts'
import { Fault } from '../contract/fault.ts'
import type Database from 'better-sqlite3'

/** The rows of a batch: everything in it but the journal entries. */
export type BatchRows = Omit<CommitBatch, 'entries'>

/** The current state beside the journal, written in the same transaction. */
export interface RowWriter {
  /** Throws a Fault when the batch was decided on a state that has moved on. */
  apply(rows: BatchRows): void
  /** For rows from the emergency file: what is older than what is there is passed over. */
  merge(rows: BatchRows): void
}

export interface RowReader {
  load(): StoredState
  release(id: string): Release | null
  releasesOf(service: string, limit: number): readonly Release[]
  findOperation(id: string): { readonly releaseId: string } | null
  rollout(id: string): FlagRollout | null
  rolloutsOf(source: string, flag: string, limit: number): readonly FlagRollout[]
}

/** Of releases that ended, this many per service are loaded at start; older ones are found by `release` and `releasesOf`. */
const ENDED_KEPT_LOADED = 20

export function rowWriter(db: Database.Database): RowWriter {
  // A row may be written again as it is, but never by somebody who decided on an older one.
  const release = db.prepare(`
    INSERT INTO releases (id, service, phase, revision, json) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, revision = excluded.revision, json = excluded.json
    WHERE excluded.revision > releases.revision OR excluded.json = releases.json`)
  const service = db.prepare(`
    INSERT INTO services (name, fence, json) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET fence = excluded.fence, json = excluded.json WHERE excluded.fence >= services.fence`)
  const rollout = db.prepare(`
    INSERT INTO rollouts (id, source, flag, phase, revision, json) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, revision = excluded.revision, json = excluded.json
    WHERE excluded.revision > rollouts.revision OR excluded.json = rollouts.json`)
  const outboxAdd = db.prepare('INSERT INTO outbox (id, json) VALUES (?, ?)')
  const outboxMerge = db.prepare('INSERT INTO outbox (id, json) VALUES (?, ?) ON CONFLICT (id) DO NOTHING')
  const outboxRemove = db.prepare('DELETE FROM outbox WHERE id = ?')
  const operation = db.prepare(`
    INSERT INTO operations (id, release_id) VALUES (?, ?)
    ON CONFLICT (id) DO UPDATE SET release_id = excluded.release_id WHERE excluded.release_id = operations.release_id`)

  const write = (rows: BatchRows, strict: boolean) => {
    for (const row of rows.releases) {
      const { changes } = release.run(row.id, row.service, row.phase, row.revision, JSON.stringify(row))
      if (strict && changes === 0) throw overtaken(`Release ${row.id} has moved on from revision ${row.revision}`)
    }
    for (const row of rows.services) {
      const { changes } = service.run(row.name, row.fence, JSON.stringify(row))
      if (strict && changes === 0) throw overtaken(`Service ${row.name} has handed out a newer fencing token than ${row.fence}`)
    }
    // Emergency records of before there were rollouts have none.
    for (const row of rows.rollouts ?? []) {
      const { changes } = rollout.run(row.id, row.source, row.flag, row.phase, row.revision, JSON.stringify(row))
      if (strict && changes === 0) throw overtaken(`The rollout of ${row.flag} has moved on from revision ${row.revision}`)
    }
    for (const id of rows.outboxRemove) outboxRemove.run(id)
    for (const item of rows.outboxAdd) (strict ? outboxAdd : outboxMerge).run(item.id, JSON.stringify(item))
    if (rows.operation) {
      const { changes } = operation.run(rows.operation.id, rows.operation.releaseId)
      if (strict && changes === 0) throw overtaken(`Operation ${rows.operation.id} was already carried out`)
    }
  }
  return { apply: (rows) => write(rows, true), merge: (rows) => write(rows, false) }
}

export function rowReader(db: Database.Database): RowReader {
  const unended = db.prepare<[], string>("SELECT json FROM releases WHERE phase NOT IN ('retired', 'rolledBack', 'abandoned') ORDER BY rowid").pluck()
  const ended = db
    .prepare<[number], string>(`
      SELECT json FROM (
        SELECT rowid AS place, json, row_number() OVER (PARTITION BY service ORDER BY rowid DESC) AS rank
        FROM releases WHERE phase IN ('retired', 'rolledBack', 'abandoned')
      ) WHERE rank <= ? ORDER BY place`)
    .pluck()
  const services = db.prepare<[], string>('SELECT json FROM services ORDER BY name').pluck()
  const outbox = db.prepare<[], string>('SELECT json FROM outbox ORDER BY place').pluck()
  const release = db.prepare<[string], string>('SELECT json FROM releases WHERE id = ?').pluck()
  const ofService = db.prepare<[string, number], string>('SELECT json FROM releases WHERE service = ? ORDER BY rowid DESC LIMIT ?').pluck()
  const rollouts = rolloutReader(db)
  const operation = db.prepare<[string], string>('SELECT release_id FROM operations WHERE id = ?').pluck()
  return {
    load: () => ({
      releases: [...ended.all(ENDED_KEPT_LOADED), ...unended.all()].map((json) => parseRow<Release>(json)),
      services: services.all().map((json) => parseRow<ServiceRecord>(json)),
      outbox: outbox.all().map((json) => parseRow<OutboxItem>(json)),
      rollouts: rollouts.load(),
    }),
    rollout: rollouts.rollout,
    rolloutsOf: rollouts.rolloutsOf,
    release: (id) => {
      const json = release.get(id)
      return json === undefined ? null : parseRow<Release>(json)
    },
    releasesOf: (service, limit) => ofService.all(service, limit).map((json) => parseRow<Release>(json)),
    findOperation: (id) => {
      const releaseId = operation.get(id)
      return releaseId === undefined ? null : { releaseId }
    },
  }
}

/** A journal of before there were rollouts, which cannot be written now, is still read. */
function rolloutReader(db: Database.Database): Pick<RowReader, 'rollout' | 'rolloutsOf'> & { load(): readonly FlagRollout[] } {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'rollouts'").get() === undefined) return { load: () => [], rollout: () => null, rolloutsOf: () => [] }
  const current = db
    .prepare<[], string>(`
      SELECT json FROM (SELECT rowid AS place, phase, json, row_number() OVER (PARTITION BY source, flag ORDER BY rowid DESC) AS rank FROM rollouts)
      WHERE rank = 1 OR phase NOT IN ('finished', 'rolledBack', 'abandoned') ORDER BY place`)
    .pluck()
  const one = db.prepare<[string], string>('SELECT json FROM rollouts WHERE id = ?').pluck()
  const ofFlag = db.prepare<[string, string, number], string>('SELECT json FROM rollouts WHERE source = ? AND flag = ? ORDER BY rowid DESC LIMIT ?').pluck()
  return {
    load: () => current.all().map((json) => parseRow<FlagRollout>(json)),
    rollout: (id) => {
      const json = one.get(id)
      return json === undefined ? null : parseRow<FlagRollout>(json)
    },
    rolloutsOf: (source, flag, limit) => ofFlag.all(source, flag, limit).map((json) => parseRow<FlagRollout>(json)),
  }
}

/** What can be read when nothing can be read. */
export const NO_ROWS: RowReader = {
  load: () => ({ releases: [], services: [], outbox: [], rollouts: [] }),
  rollout: () => null,
  rolloutsOf: () => [],
  release: () => null,
  releasesOf: () => [],
  findOperation: () => null,
}

/** Rows seen through batches that are in the emergency file but not in the database yet. */
export function overlaid(base: RowReader, pending: readonly BatchRows[]): RowReader {
  if (pending.length === 0) return base
  const releases = new Map<string, Release>()
  const services = new Map<string, ServiceRecord>()
  const outbox = new Map<string, OutboxItem | null>()
  const operations = new Map<string, string>()
  const rollouts = new Map<string, FlagRollout>()
  for (const rows of pending) {
    for (const row of rows.releases) releases.set(row.id, row)
    for (const row of rows.services) services.set(row.name, row)
    for (const row of rows.rollouts ?? []) rollouts.set(row.id, row)
    for (const id of rows.outboxRemove) outbox.set(id, null)
    for (const item of rows.outboxAdd) outbox.set(item.id, item)
    if (rows.operation) operations.set(rows.operation.id, rows.operation.releaseId)
  }
  const replace = <T>(kept: readonly T[], newer: ReadonlyMap<string, T | null>, key: (row: T) => string): T[] => [
    ...kept.flatMap((row) => {
      const next = newer.get(key(row))
      return next === undefined ? [row] : next === null ? [] : [next]
    }),
    ...[...newer].flatMap(([id, row]) => (row !== null && !kept.some((other) => key(other) === id) ? [row] : [])),
  ]
  return {
    load: () => {
      const stored = base.load()
      return {
        releases: replace(stored.releases, releases, (row) => row.id),
        services: replace(stored.services, services, (row) => row.name),
        outbox: replace(stored.outbox, outbox, (row) => row.id),
        rollouts: replace(stored.rollouts, rollouts, (row) => row.id),
      }
    },
    rollout: (id) => rollouts.get(id) ?? base.rollout(id),
    rolloutsOf: (source, flag, limit) => {
      const stored = base.rolloutsOf(source, flag, limit).map((row) => rollouts.get(row.id) ?? row)
      const fresh = [...rollouts.values()].filter((row) => row.source === source && row.flag === flag && base.rollout(row.id) === null)
      return [...fresh.toReversed(), ...stored].slice(0, limit)
    },
    release: (id) => releases.get(id) ?? base.release(id),
    releasesOf: (service, limit) => {
      const stored = base.releasesOf(service, limit).map((row) => releases.get(row.id) ?? row)
      const fresh = [...releases.values()].filter((row) => row.service === service && base.release(row.id) === null)
      return [...fresh.toReversed(), ...stored].slice(0, limit)
    },
    findOperation: (id) => {
      const releaseId = operations.get(id)
      return releaseId === undefined ? base.findOperation(id) : { releaseId }
    },
  }
}

/** Rows are ours: written by this program from typed values, under a schema version that was checked at opening. */
function parseRow<T>(json: string): T {
  return JSON.parse(json) as T
}

function overtaken(what: string): Fault {
  return new Fault('staleRevision', `${what}. Nothing was changed by this attempt.`, 'Look at the current state and decide again.')
}
