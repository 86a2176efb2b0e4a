import { rowsOf } from '../session.ts'
import type { Session } from '../session.ts'
import type { TableLock } from '../structure/structure.ts'
import { quotedTable } from '../units.ts'

/**
 * Transactions that have held a conflicting lock on the tables for longer than `olderThanMs`. Behind such a one a
 * waiting ALTER TABLE would only make every other client queue: it is cheaper to look again than to wait in line.
 */
export async function oldHolders(session: Session, locks: readonly TableLock[], olderThanMs: number): Promise<readonly string[]> {
  if (locks.length === 0) return []
  const named = (wanted: TableLock['mode']) => locks.filter(({ mode }) => mode === wanted).map(({ table }) => quotedTable(table))
  return rowsOf(
    session,
    `SELECT a.pid::text || ' (' || coalesce(nullif(a.application_name, ''), a.usename, 'unknown') || ', ' || a.state || ' for ' || round(extract(epoch FROM clock_timestamp() - a.xact_start)::numeric, 1) || ' s)' AS holder
     FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid() AND (l.relation = ANY ($1::regclass[]) OR l.relation = ANY ($2::regclass[]) AND l.mode NOT IN ('AccessShareLock', 'RowShareLock'))
       AND a.xact_start < clock_timestamp() - make_interval(secs => $3)
     GROUP BY 1`,
    [named('ACCESS EXCLUSIVE'), named('SHARE ROW EXCLUSIVE'), olderThanMs / 1000],
    (row) => String(row['holder']),
  )
}
