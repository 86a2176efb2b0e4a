import Database from 'better-sqlite3'
import { rmSync } from 'node:fs'
import type { VerdictChange } from '../contract/analysis.ts'
import type { MetricSample } from '../contract/traffic.ts'
import type { EnvironmentName } from '../contract/vocabulary.ts'

/**
 * How samples are kept: as they came for two hours, then only rolled up, coarser the older. Milliseconds.
 *
 * A roll-up is honest about what it can be: counts are summed; percentiles are the highest of the seconds it covers
 * (percentiles cannot be averaged); requests in flight, connections, CPU and memory are their highest too. What was
 * null in every second stays null, and seconds without a sample add nothing.
 */
export const LEVELS = [
  { resolutionMs: 1000, keptMs: 2 * 3600_000 },
  { resolutionMs: 10_000, keptMs: 24 * 3600_000 },
  { resolutionMs: 60_000, keptMs: 30 * 24 * 3600_000 },
  { resolutionMs: 600_000, keptMs: 3 * 365 * 24 * 3600_000 },
] as const

const COUNTS = ['requests', 'errors', 's2xx', 's3xx', 's4xx', 's5xx', 'failed'] as const
const PEAKS = ['p50_ms', 'p95_ms', 'p99_ms', 'in_flight', 'connections', 'cpu_percent', 'memory_bytes'] as const
const COLUMNS = [...COUNTS, ...PEAKS].join(', ')
const ROLLED = [...COUNTS.map((name) => `sum(${name})`), ...PEAKS.map((name) => `max(${name})`)].join(', ')

type Row = { readonly at: number } & { readonly [K in (typeof COUNTS)[number]]: number } & { readonly [K in (typeof PEAKS)[number]]: number | null }

/** The losable database of samples. Methods throw SqliteError when it is full or damaged. */
export interface MetricsTable {
  seriesId(service: string, environment: EnvironmentName): number
  put(series: number, sample: MetricSample): void
  /** Makes the row that ends at `at` on a level from the rows of the level below. */
  rollUp(series: number, level: number, at: number): void
  read(series: number, level: number, fromAt: number, toAt: number): readonly MetricSample[]
  /** The same, with rows of `everyMs` made from those of the level. */
  readCoarser(series: number, level: number, fromAt: number, toAt: number, everyMs: number): readonly MetricSample[]
  /** Times of the first and last row; null when there is none. */
  span(series: number, level: number): { readonly first: number; readonly last: number } | null
  removeBefore(series: number, level: number, at: number): void
  putVerdict(service: string, change: VerdictChange): void
  /** The newest 5,000 of the range, oldest first. */
  verdicts(service: string, fromAt: number, toAt: number): readonly VerdictChange[]
  removeVerdictsBefore(at: number): void
  allSeries(): readonly number[]
  usedBytes(): number
  transaction(work: () => void): void
  close(): void
}

/** Opens it, or makes it anew when it cannot be used. */
export function openMetricsTable(file: string): MetricsTable {
  try {
    return overDatabase(openDatabase(file))
  } catch {
    removeMetrics(file)
    return overDatabase(openDatabase(file))
  }
}

export function removeMetrics(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true })
}

const VERSION = 1

function openDatabase(file: string): Database.Database {
  const db = new Database(file, { timeout: 50 })
  try {
    db.pragma('journal_mode=WAL')
    // Losing the last seconds, or all of it, costs nobody anything that matters.
    db.pragma('synchronous=OFF')
    db.pragma('wal_autocheckpoint=256')
    const version = Number(db.pragma('user_version', { simple: true }))
    if (version !== 0 && version !== VERSION) throw new Error(`metrics of version ${version}`)
    db.exec(`
      CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, service TEXT NOT NULL, environment TEXT NOT NULL, UNIQUE (service, environment)) STRICT;
      CREATE TABLE IF NOT EXISTS samples (
        series INTEGER NOT NULL, level INTEGER NOT NULL, at INTEGER NOT NULL,
        ${COUNTS.map((name) => `${name} INTEGER NOT NULL`).join(', ')}, ${PEAKS.map((name) => `${name} REAL`).join(', ')},
        PRIMARY KEY (series, level, at)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS verdicts (service TEXT NOT NULL, at INTEGER NOT NULL, release_id TEXT NOT NULL, version TEXT NOT NULL, name TEXT NOT NULL, verdict TEXT NOT NULL, why TEXT NOT NULL) STRICT;
      CREATE INDEX IF NOT EXISTS verdicts_by_time ON verdicts (service, at);
      PRAGMA user_version=${VERSION};
    `)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function overDatabase(db: Database.Database): MetricsTable {
  const marks = [...COUNTS, ...PEAKS].map(() => '?').join(', ')
  const put = db.prepare(`INSERT OR REPLACE INTO samples (series, level, at, ${COLUMNS}) VALUES (?, 0, ?, ${marks})`)
  const rollUp = db.prepare(`
    INSERT OR REPLACE INTO samples (series, level, at, ${COLUMNS})
    SELECT series, ?, ?, ${ROLLED} FROM samples WHERE series = ? AND level = ? AND at > ? AND at <= ? GROUP BY series`)
  const read = db.prepare<[number, number, number, number], Row>(`SELECT at, ${COLUMNS} FROM samples WHERE series = ? AND level = ? AND at > ? AND at <= ? ORDER BY at`)
  const coarser = db.prepare<[number, number, number, number, number, number], Row>(
    `SELECT ((at + ? - 1) / ?) AS bucket, max(at) AS at, ${[...COUNTS.map((name) => `sum(${name}) AS ${name}`), ...PEAKS.map((name) => `max(${name}) AS ${name}`)].join(', ')}
     FROM samples WHERE series = ? AND level = ? AND at > ? AND at <= ? GROUP BY bucket ORDER BY bucket`,
  )
  const first = db.prepare<[number, number], number>('SELECT at FROM samples WHERE series = ? AND level = ? ORDER BY at LIMIT 1').pluck()
  const last = db.prepare<[number, number], number>('SELECT at FROM samples WHERE series = ? AND level = ? ORDER BY at DESC LIMIT 1').pluck()
  const remove = db.prepare('DELETE FROM samples WHERE series = ? AND level = ? AND at < ?')
  const series = db.prepare<[], number>('SELECT id FROM series').pluck()
  const findSeries = db.prepare<[string, string], number>('SELECT id FROM series WHERE service = ? AND environment = ?').pluck()
  const addSeries = db.prepare('INSERT INTO series (service, environment) VALUES (?, ?)')
  const putVerdict = db.prepare('INSERT INTO verdicts (service, at, release_id, version, name, verdict, why) VALUES (?, ?, ?, ?, ?, ?, ?)')
  const verdicts = db.prepare<[string, number, number], VerdictChange>('SELECT at, release_id AS releaseId, version, name, verdict, why FROM verdicts WHERE service = ? AND at >= ? AND at <= ? ORDER BY at DESC, rowid DESC LIMIT 5000')
  const removeVerdicts = db.prepare('DELETE FROM verdicts WHERE at < ?')
  const ids = new Map<string, number>()

  return {
    seriesId(service, environment) {
      const key = `${environment}:${service}`
      const id = ids.get(key) ?? findSeries.get(service, environment) ?? Number(addSeries.run(service, environment).lastInsertRowid)
      ids.set(key, id)
      return id
    },
    put(id, s) {
      const { s2xx, s3xx, s4xx, s5xx, failed } = s.byClass
      put.run(id, s.at, s.requests, s.errors, s2xx, s3xx, s4xx, s5xx, failed, s.p50Ms, s.p95Ms, s.p99Ms, s.inFlight, s.connections, s.cpuPercent, s.memoryBytes)
    },
    rollUp(id, level, at) {
      const { resolutionMs } = levelAt(level)
      rollUp.run(level, at, id, level - 1, at - resolutionMs, at)
    },
    read: (id, level, fromAt, toAt) => read.all(id, level, fromAt, toAt).map(sampleOf),
    readCoarser: (id, level, fromAt, toAt, everyMs) => coarser.all(everyMs, everyMs, id, level, fromAt, toAt).map(sampleOf),
    span(id, level) {
      const from = first.get(id, level)
      const to = last.get(id, level)
      return from === undefined || to === undefined ? null : { first: from, last: to }
    },
    removeBefore: (id, level, at) => void remove.run(id, level, at),
    putVerdict: (service, { at, releaseId, version, name, verdict, why }) => void putVerdict.run(service, at, releaseId, version, name, verdict, why),
    verdicts: (service, fromAt, toAt) => verdicts.all(service, fromAt, toAt).toReversed(),
    removeVerdictsBefore: (at) => void removeVerdicts.run(at),
    allSeries: () => series.all(),
    usedBytes() {
      const [pages, free, size] = ['page_count', 'freelist_count', 'page_size'].map((name) => Number(db.pragma(name, { simple: true })))
      return ((pages ?? 0) - (free ?? 0)) * (size ?? 0)
    },
    transaction: (work) => db.transaction(work)(),
    close: () => void db.close(),
  }
}

export function levelAt(level: number): { readonly resolutionMs: number; readonly keptMs: number } {
  const found = LEVELS[level]
  if (!found) throw new RangeError(`no level ${level}`)
  return found
}

function sampleOf(row: Row): MetricSample {
  return {
    at: row.at,
    requests: row.requests,
    errors: row.errors,
    byClass: { s2xx: row.s2xx, s3xx: row.s3xx, s4xx: row.s4xx, s5xx: row.s5xx, failed: row.failed },
    p50Ms: row.p50_ms,
    p95Ms: row.p95_ms,
    p99Ms: row.p99_ms,
    latency: [],
    inFlight: row.in_flight ?? 0,
    connections: row.connections ?? 0,
    cpuPercent: row.cpu_percent,
    memoryBytes: row.memory_bytes,
  }
}
