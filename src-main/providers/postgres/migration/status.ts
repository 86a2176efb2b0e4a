import type { MigrationProgress, MigrationState, MigrationWork, Verification } from '../../../contract/migration.ts'
import { MISMATCH_CLASSES } from '../../../contract/migration.ts'
import { rowsOf, type Session } from './session.ts'
import type { KeptProgress } from './copying/work-progress.ts'

/** What continuous comparing counted, as kept beside the checkpoints. */
export interface WatchCounts {
  /** What the reads compared. */
  readonly standing: string
  readonly reads: Verification['reads']
  readonly written: { readonly checked: number; readonly sampledShare: number }
  readonly reported: { readonly same: number; readonly different: number; readonly upToId: number }
  readonly repairsAfterBackfill: number
}

export const NO_COUNTS: WatchCounts = {
  standing: '',
  reads: { same: 0, different: 0, unverifiable: 0, oldP50Ms: null, newP50Ms: null },
  written: { checked: 0, sampledShare: 1 },
  reported: { same: 0, different: 0, upToId: 0 },
  repairsAfterBackfill: 0,
}

/** Progress of the work that was last at it, whichever console does it; null when there is none. */
export async function readProgress(session: Session, migration: string, phase: MigrationState['phase']): Promise<MigrationProgress | null> {
  const of: readonly MigrationWork[] = phase === 'shadowReads' ? ['shadowScan', 'fullPass'] : phase === 'backfilling' ? ['backfill'] : ['validate', 'fullPass']
  const [row] = await rowsOf(session, PROGRESS_SQL, [migration, of], (row) => row)
  if (!row) return null
  const kept = row['extra'] as Partial<KeptProgress> | null
  const rowsDone = Number(row['rows_done'])
  const rowsTotal = Math.max(rowsDone, Number(row['rows_total']))
  const rowsPerSecond = kept?.rowsPerSecond ?? 0
  const done = row['done'] === true
  return {
    work: row['work'] as MigrationWork,
    table: String(row['unit']),
    rowsDone,
    rowsTotal: done ? rowsDone : rowsTotal,
    rowsPerSecond,
    etaMs: done ? 0 : rowsPerSecond > 0 ? Math.round(((rowsTotal - rowsDone) / rowsPerSecond) * 1000) : null,
    batchRows: kept?.batchRows ?? 0,
    batchP90Ms: kept?.batchP90Ms ?? null,
    waitsFor: done ? '' : (kept?.waitsFor ?? ''),
    waitingSince: done ? null : (kept?.waitingSince ?? null),
    waits: kept?.waits ?? 0,
    waitedMs: kept?.waitedMs ?? 0,
  }
}

/** How often and how long an interrupted run of this work had waited. */
export async function readKept(session: Session, migration: string, work: MigrationWork): Promise<Pick<KeptProgress, 'waits' | 'waitedMs'> | null> {
  const [kept] = await rowsOf(
    session,
    `SELECT extra FROM signalbox.checkpoints WHERE migration = $1 AND work = $2 AND extra ? 'waits' ORDER BY updated_at DESC LIMIT 1`,
    [migration, work],
    ({ extra }) => extra as KeptProgress,
  )
  return kept ? { waits: kept.waits, waitedMs: kept.waitedMs } : null
}

/** Everything comparing has found so far, in one statement: this is asked every second. */
export async function readVerification(session: Session, migration: string): Promise<Verification> {
  const [row] = await rowsOf(session, VERIFICATION_SQL, [migration], (row) => row)
  const open = (row?.['open'] ?? {}) as Record<string, number>
  const counts = { ...NO_COUNTS, ...((row?.['counts'] ?? {}) as Partial<WatchCounts>) }
  return {
    open: Object.fromEntries(MISMATCH_CLASSES.map((kind) => [kind, open[kind] ?? 0])) as Verification['open'],
    accepted: Number(row?.['accepted'] ?? 0),
    lastPass: (row?.['last_pass'] ?? null) as Verification['lastPass'],
    passProgress: row?.['pass_progress'] === null || row?.['pass_progress'] === undefined ? null : Number(row['pass_progress']),
    reads: counts.reads,
    written: {
      queued: Number(row?.['queued'] ?? 0),
      checked: counts.written.checked,
      oldestMs: row?.['oldest_ms'] === null || row?.['oldest_ms'] === undefined ? null : Math.max(0, Math.round(Number(row['oldest_ms']))),
      sampledShare: row?.['share'] === null || row?.['share'] === undefined ? 1 : Number(row['share']) / 1024,
    },
    reported: { same: counts.reported.same + Number(row?.['reported_same'] ?? 0), different: counts.reported.different + Number(row?.['reported_different'] ?? 0) },
    repairsAfterBackfill: counts.repairsAfterBackfill,
  }
}

/** Changes the counts in one statement of its own, so that two who count never lose the other's. */
export async function keepCounts(session: Session, migration: string, counts: Partial<WatchCounts>): Promise<void> {
  await session.query(
    `INSERT INTO signalbox.checkpoints (migration, work, unit, extra) VALUES ($1, 'watch', '*', $2) ON CONFLICT (migration, work, unit) DO UPDATE SET extra = coalesce(signalbox.checkpoints.extra, '{}') || excluded.extra, updated_at = clock_timestamp()`,
    [migration, JSON.stringify(counts)],
  )
}

export async function readCounts(session: Session, migration: string): Promise<WatchCounts> {
  const [extra] = await rowsOf(session, `SELECT extra FROM signalbox.checkpoints WHERE migration = $1 AND work = 'watch' AND unit = '*'`, [migration], ({ extra }) => extra as Partial<WatchCounts> | null)
  return { ...NO_COUNTS, ...extra }
}

/** A repair that was needed although everything had been copied: something writes past the mirror. */
export async function countLateRepairs(session: Session, migration: string, repairs: number): Promise<void> {
  await session.query(
    `INSERT INTO signalbox.checkpoints (migration, work, unit, extra) VALUES ($1, 'watch', '*', jsonb_build_object('repairsAfterBackfill', $2::int)) ON CONFLICT (migration, work, unit)
    DO UPDATE SET extra = coalesce(signalbox.checkpoints.extra, '{}') || jsonb_build_object('repairsAfterBackfill', coalesce((signalbox.checkpoints.extra->>'repairsAfterBackfill')::int, 0) + $2::int), updated_at = clock_timestamp()`,
    [migration, repairs],
  )
}

const PROGRESS_SQL = `
SELECT work, unit, rows_done, rows_total, done, extra FROM signalbox.checkpoints
WHERE migration = $1 AND work = ANY ($2) AND unit <> '*' ORDER BY done AND updated_at < clock_timestamp() - interval '2 s', updated_at DESC LIMIT 1`

const VERIFICATION_SQL = `
SELECT
  (SELECT jsonb_object_agg(class, many) FROM (SELECT class, count(*) AS many FROM signalbox.mismatches WHERE migration = $1 AND status = 'open' GROUP BY class) c) AS open,
  (SELECT count(*) FROM signalbox.mismatches WHERE migration = $1 AND status = 'accepted') AS accepted,
  (SELECT extra->'lastPass' FROM signalbox.checkpoints WHERE migration = $1 AND work = 'fullPass' AND unit = '*') AS last_pass,
  (SELECT CASE WHEN bool_and(done) THEN NULL ELSE least(1, sum(rows_done)::float8 / greatest(1, sum(greatest(rows_total, rows_done)))) END FROM signalbox.checkpoints WHERE migration = $1 AND work = 'fullPass' AND unit <> '*') AS pass_progress,
  (SELECT extra FROM signalbox.checkpoints WHERE migration = $1 AND work = 'watch' AND unit = '*') AS counts,
  q.queued, q.oldest_ms,
  (SELECT written_share FROM signalbox.switches WHERE migration = $1) AS share,
  r.same AS reported_same, r.different AS reported_different
FROM (SELECT count(*) AS queued, extract(epoch FROM clock_timestamp() - min(at)) * 1000 AS oldest_ms FROM signalbox.written WHERE migration = $1) q,
  (SELECT count(*) FILTER (WHERE same) AS same, count(*) FILTER (WHERE NOT same) AS different FROM signalbox.reported
    WHERE migration = $1 AND id > coalesce((SELECT (extra->'reported'->>'upToId')::bigint FROM signalbox.checkpoints WHERE migration = $1 AND work = 'watch' AND unit = '*'), 0)) r`
