import { openSessions, rowsOf } from './session.ts'
import type { Session } from './session.ts'

/** What a second connection saw of the locks of one step. */
export interface LocksSeen {
  /** Strongest mode of ours on each table, as often as it was looked. Locks held for less than a look may be missed. */
  readonly tables: readonly { readonly table: string; readonly mode: string }[]
  /** Longest any other session was seen waiting for a lock of ours, ms. */
  readonly othersWaitedMs: number
  /** Longest we were seen waiting, ms. */
  readonly weWaitedMs: number
  readonly looks: number
}

/** Looks at the rehearsal database from beside. */
export interface RehearsalObserver {
  /** Looks until `stop` is called. */
  watchLocks(): { stop(): Promise<LocksSeen> }
  /** Everything of structure that is not ours, one line each: equal before and after means nothing was left or changed. */
  catalog(): Promise<readonly string[]>
  close(): Promise<void>
}

const MODES = ['AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']
const LOOK_EACH_MS = 3

export function openRehearsalObserver(options: { readonly database: string; readonly url: string | (() => Promise<string>) }): RehearsalObserver {
  const sessions = openSessions(options)
  return {
    watchLocks() {
      let stopped = false
      const modes = new Map<string, number>()
      let othersWaitedMs = 0
      let weWaitedMs = 0
      let looks = 0
      const looking = sessions.use(async (session) => {
        // Apart from the sessions it looks at.
        await session.query(`SET application_name = 'signalbox observer'`)
        try {
          while (!stopped) {
            for (const { table, mode } of await rowsOf(session, HELD_SQL, [], (row) => ({ table: String(row['table']), mode: String(row['mode']) }))) modes.set(table, Math.max(modes.get(table) ?? 0, MODES.indexOf(mode)))
            for (const { ours, ms } of await rowsOf(session, WAITS_SQL, [], (row) => ({ ours: row['ours'] === true, ms: Number(row['ms']) }))) {
              if (ours) weWaitedMs = Math.max(weWaitedMs, ms)
              else othersWaitedMs = Math.max(othersWaitedMs, ms)
            }
            looks += 1
            await new Promise((resolve) => setTimeout(resolve, LOOK_EACH_MS))
          }
        } finally {
          await session.query(`SET application_name = 'signalbox'`).catch(() => undefined)
        }
      })
      // Nobody may wait for it before `stop` does; what it could not see is then simply not told.
      const seen = looking.catch(() => undefined)
      return {
        async stop() {
          stopped = true
          await seen
          return { tables: [...modes].map(([table, mode]) => ({ table, mode: MODES[mode] ?? '' })).toSorted((a, b) => a.table.localeCompare(b.table)), othersWaitedMs, weWaitedMs, looks }
        },
      }
    },
    catalog: () => sessions.transaction({ snapshot: true }, (session: Session) => rowsOf(session, CATALOG_SQL, [], (row) => String(row['line']))),
    close: () => sessions.close(),
  }
}

const HELD_SQL = `
SELECT n.nspname || '.' || c.relname AS table, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND a.application_name = 'signalbox'
  AND c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('signalbox', 'information_schema')`

const WAITS_SQL = `
SELECT a.application_name = 'signalbox' AS ours, extract(epoch FROM clock_timestamp() - l.waitstart)::float8 * 1000 AS ms
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE NOT l.granted AND l.waitstart IS NOT NULL AND a.datname = current_database()
  AND (a.application_name = 'signalbox' OR EXISTS (SELECT FROM unnest(pg_blocking_pids(l.pid)) b JOIN pg_stat_activity o ON o.pid = b WHERE o.application_name = 'signalbox'))`

const CATALOG_SQL = `
WITH spaces AS (SELECT * FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'signalbox')),
rels AS (SELECT c.*, n.nspname, n.nspname || '.' || c.relname AS named FROM pg_class c JOIN spaces n ON n.oid = c.relnamespace)
SELECT line FROM (
  SELECT 'schema ' || nspname || ' ' || pg_get_userbyid(nspowner) || ' ' || coalesce(nspacl::text, '') AS line FROM spaces
  UNION ALL SELECT concat_ws(' ', 'relation', named, relkind::text, pg_get_userbyid(relowner), relacl::text, reloptions::text, relreplident::text, relpersistence::text, obj_description(oid, 'pg_class')) FROM rels
  UNION ALL SELECT concat_ws(' ', 'column', r.named, row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text, pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text, a.attacl::text, a.attstattarget::text, col_description(r.oid, a.attnum))
    FROM rels r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f')
  UNION ALL SELECT concat_ws(' ', 'constraint', n.nspname, c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid), c.convalidated::text) FROM pg_constraint c JOIN spaces n ON n.oid = c.connamespace
  UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid::text) FROM pg_index i JOIN rels r ON r.oid = i.indexrelid
  UNION ALL SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled::text) FROM pg_trigger t JOIN rels r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
  UNION ALL SELECT concat_ws(' ', 'view', named, pg_get_viewdef(oid)) FROM rels WHERE relkind IN ('v', 'm')
  UNION ALL SELECT concat_ws(' ', 'policy', r.named, p.polname, pg_get_expr(p.polqual, p.polrelid)) FROM pg_policy p JOIN rels r ON r.oid = p.polrelid
  UNION ALL SELECT concat_ws(' ', 'function', p.oid::regprocedure::text, p.proacl::text, md5(coalesce(p.prosrc, ''))) FROM pg_proc p JOIN spaces n ON n.oid = p.pronamespace
) lines ORDER BY line COLLATE "C"`
