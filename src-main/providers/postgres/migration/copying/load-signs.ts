import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { LoadSigns } from './throttle.ts'
import { rowsOf, type Session } from '../session.ts'
import { spoken } from '../units.ts'

/** Reads the server's load in one statement, again and again, on one session. */
export interface LoadReader {
  /** Throws what the session throws. `session` must not be in a transaction. */
  read(session: Session, atMs: number): Promise<LoadSigns>
}

/**
 * `probe`: a cheap read of the table, timed from here. A replica's lag is the larger of what it reports itself and of the
 * age of the oldest position in the log, as noted here, that it has not replayed: one that stands still reports nothing new.
 */
export function loadReader(definition: Pick<MigrationDefinition, 'throttle' | 'change'>, probe: string | null): LoadReader {
  const positions: { readonly atMs: number; readonly position: bigint }[] = []
  const probes: number[] = []
  const tables = definition.change.kind === 'columns' ? [definition.change.table] : [...definition.change.old, ...definition.change.new.map(({ name }) => name)]
  let archiveReadable = true

  async function archiveBacklog(session: Session): Promise<{ what: string; bytes: number } | null> {
    if (!archiveReadable) return null
    try {
      const [row] = await rowsOf(session, ARCHIVE_SQL, [], ({ bytes }) => ({ what: 'the archive', bytes: Number(bytes) }))
      return row ?? null
    } catch {
      // Without the role pg_monitor the folder cannot be read; preflight says so, and it is not tried again.
      archiveReadable = false
      return null
    }
  }

  return {
    async read(session, atMs) {
      const [row] = await rowsOf(session, SIGNS_SQL, [tables.map(spoken)], signsOf)
      if (!row) throw new Error('no answer')
      positions.push({ atMs, position: row.position })
      while (positions.length > 2000) positions.shift()
      const replicas = row.replicas.map(({ name, reportedMs, replayed }) => {
        const unseen = positions.find(({ position }) => position > replayed)
        return { name, lagMs: Math.max(reportedMs, unseen ? atMs - unseen.atMs : 0) }
      })
      const probed = definition.throttle.maxProbeMs !== null && probe !== null
      if (probed) {
        const begun = performance.now()
        await session.query(probe)
        probes.push(performance.now() - begun)
        if (probes.length > 5) probes.shift()
      }
      const archive = definition.throttle.maxWalBacklogBytes === null ? null : await archiveBacklog(session)
      const backlogs = [...(row.slot ? [row.slot] : []), ...(archive ? [archive] : [])]
      return {
        replica: replicas.toSorted((a, b) => b.lagMs - a.lagMs)[0] ?? null,
        walBacklog: backlogs.toSorted((a, b) => b.bytes - a.bytes)[0] ?? null,
        autovacuumOn: row.autovacuumOn,
        lockWaiters: row.lockWaiters,
        activeSessions: row.activeSessions,
        probeMs: probed ? (probes.toSorted((a, b) => a - b)[Math.floor(probes.length / 2)] ?? null) : null,
      }
    },
  }
}

/** Who waits for whom is asked only of those who wait: `pg_blocking_pids` is dear. */
const SIGNS_SQL = `
WITH ours AS (SELECT array_agg(pid) AS pids FROM pg_stat_activity WHERE application_name = 'signalbox' AND datname = current_database())
SELECT
  CASE WHEN pg_is_in_recovery() THEN 0 ELSE pg_current_wal_lsn() - '0/0'::pg_lsn END AS position,
  coalesce((SELECT jsonb_agg(jsonb_build_object(
      'name', coalesce(nullif(application_name, 'walreceiver'), client_hostname, host(client_addr), 'a replica'),
      'reportedMs', coalesce(extract(epoch FROM replay_lag) * 1000, 0),
      'replayed', (replay_lsn - '0/0'::pg_lsn)::text))
    FROM pg_stat_replication WHERE replay_lsn IS NOT NULL), '[]') AS replicas,
  (SELECT jsonb_build_object('what', 'slot ' || slot_name, 'bytes', pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn))
    FROM pg_replication_slots WHERE restart_lsn IS NOT NULL AND NOT pg_is_in_recovery() ORDER BY restart_lsn LIMIT 1) AS slot,
  (SELECT min(n.nspname || '.' || c.relname) FROM pg_stat_progress_vacuum v JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = v.relid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.backend_type = 'autovacuum worker' AND n.nspname || '.' || c.relname = ANY ($1::text[])) AS autovacuum_on,
  (SELECT count(DISTINCT l.pid) FROM pg_locks l, ours WHERE NOT l.granted AND NOT l.pid = ANY (ours.pids) AND pg_blocking_pids(l.pid) && ours.pids) AS lock_waiters,
  (SELECT count(*) FROM pg_stat_activity, ours WHERE state = 'active' AND backend_type = 'client backend' AND NOT pid = ANY (ours.pids)) AS active_sessions`

/** Finished segments of the log that wait for the archiver. */
const ARCHIVE_SQL = `
SELECT CASE WHEN current_setting('archive_mode') = 'off' THEN 0
  ELSE (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') * pg_size_bytes(current_setting('wal_segment_size')) END AS bytes`

interface SignsRow {
  readonly position: bigint
  readonly replicas: readonly { readonly name: string; readonly reportedMs: number; readonly replayed: bigint }[]
  readonly slot: { readonly what: string; readonly bytes: number } | null
  readonly autovacuumOn: string | null
  readonly lockWaiters: number
  readonly activeSessions: number
}

function signsOf(row: Readonly<Record<string, unknown>>): SignsRow {
  const replicas = row['replicas'] as readonly { name: string; reportedMs: number; replayed: string }[]
  return {
    position: BigInt(String(row['position'])),
    replicas: replicas.map((replica) => ({ ...replica, replayed: BigInt(replica.replayed) })),
    slot: row['slot'] as SignsRow['slot'],
    autovacuumOn: row['autovacuum_on'] as string | null,
    lockWaiters: Number(row['lock_waiters']),
    activeSessions: Number(row['active_sessions']),
  }
}
