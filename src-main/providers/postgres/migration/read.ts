import { migrationStateSchema } from '../../../contract/migration.ts'
import type { MigrationDefinition } from '../../../contract/migration-definition.ts'
import type { MigrationReading } from '../../../contract/migration.ts'
import { driftOf } from './structure/drift.ts'
import type { TableDetail } from './facts.ts'
import { controlVersion } from './structure/install.ts'
import { goneTable } from './names.ts'
import { OWNER_LOCK } from './ownership.ts'
import { rowsOf } from './session.ts'
import type { Session } from './session.ts'
import { readStanding } from './structure/standing.ts'
import { readProgress, readVerification } from './status.ts'
import type { Structure } from './structure/structure.ts'
import { quotedTable, spoken } from './units.ts'

/** Everything observed of one migration. Called in one read-only snapshot. */
export async function readMigration(session: Session, id: string, options: { readonly host: string; readonly isThis: (epoch: number) => boolean }): Promise<MigrationReading | null> {
  if ((await controlVersion(session)) === null) return null
  const [row] = await rowsOf(
    session,
    `SELECT m.revision, m.state, m.structure, m.epoch::float8 AS epoch, m.owner, (extract(epoch FROM m.owner_since) * 1000)::float8 AS owner_since,
       (SELECT count(*)::int FROM signalbox.quarantine q WHERE q.migration = m.id) AS quarantined, current_setting('server_version') AS version,
       EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (l.classid::bigint << 32 | l.objid::bigint) = ${OWNER_LOCK}) AS driven
     FROM signalbox.migrations m WHERE m.id = $1`,
    [id],
    (found) => found,
  )
  if (!row || Number(row['revision']) === 0) return null
  const state = migrationStateSchema.parse(row['state'])
  const facts = Array.isArray(row['structure']) ? (row['structure'] as TableDetail[]) : []
  const standing = await readStanding(session, state)
  const epoch = Number(row['epoch'])
  const drift = standing === 'none' ? [] : await driftOf(session, { definition: state.definition, facts, standing, writes: state.writes })
  return {
    state,
    progress: await readProgress(session, id, state.phase),
    verification: await readVerification(session, id),
    sizes: await readSizes(session, state.definition, standing),
    quarantined: Number(row['quarantined']),
    drift: drift.map(({ words }) => words),
    owner: row['driven'] === true && typeof row['owner'] === 'string' ? { name: row['owner'], epoch, since: Number(row['owner_since']), isThis: options.isThis(epoch) } : null,
    server: { version: String(row['version']), host: options.host },
  }
}

async function readSizes(session: Session, definition: MigrationDefinition, standing: Structure): Promise<MigrationReading['sizes']> {
  const { change } = definition
  const aside = standing === 'tombstoned'
  const tables =
    change.kind === 'columns'
      ? [{ side: 'old' as const, name: change.table, now: change.table }]
      : [...change.old.map((name) => ({ side: 'old' as const, name, now: aside && change.dropOld ? goneTable(definition, name) : name })), ...change.new.map(({ name }) => ({ side: 'new' as const, name, now: name }))]
  const sizes = await rowsOf(
    session,
    // Rows are an estimate: what vacuum and analyze last saw, or what is counted since. Asking for the size waits for whoever
    // locks the table whole; then its size is what vacuum last saw.
    `SELECT t.n::int AS n, CASE WHEN EXISTS (SELECT FROM pg_locks l WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock' AND l.pid <> pg_backend_pid()) THEN c.relpages::float8 * current_setting('block_size')::int ELSE pg_total_relation_size(c.oid)::float8 END AS bytes, greatest(c.reltuples, s.n_live_tup, 0)::float8 AS rows
     FROM unnest($1::text[]) WITH ORDINALITY t(name, n) JOIN pg_class c ON c.oid = to_regclass(t.name) LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid`,
    [tables.map(({ now }) => quotedTable(now))],
    (row) => ({ n: Number(row['n']), bytes: Number(row['bytes']), rows: Number(row['rows']) }),
  )
  return sizes.flatMap(({ n, bytes, rows }) => {
    const table = tables[n - 1]
    return table ? [{ side: table.side, table: spoken(table.name), bytes, rows }] : []
  })
}
