import type { PreflightCheck } from '../../../../contract/migration.ts'
import type { TableDetail } from '../facts.ts'
import { finding } from './lint.ts'
import { ask, numberOf, spokenBytes, spokenMs, textOf } from './preflight-context.ts'
import type { CatalogRow, Check, PreflightContext } from './preflight-context.ts'
import { quotedTable, spoken } from '../units.ts'

/** Checks of the old tables themselves: kind, rights, key, size, row security, what reads their log. */

/** PostgreSQL's limit of columns, dropped ones too (MaxHeapAttributeNumber). */
const MAX_COLUMNS = 1600
/** From so much on the room a backfill takes is worth a look. */
const LARGE_BYTES = 1e9

const KINDS: Readonly<Record<string, string>> = { p: 'a partitioned table', v: 'a view', m: 'a materialized view', f: 'a foreign table', S: 'a sequence', c: 'a type' }

export const checkTables: Check = async (context) => {
  const found: PreflightCheck[] = []
  for (const table of context.tables) {
    const [row] = await ask(context.session, TABLE_SQL, [quotedTable(table.name)])
    if (!row) continue
    const checks = [...kindOf(table, row), ...rightsOf(table, row), ...keyOf(table, row), ...securityOf(context, table, row), ...(await replicationOf(context, table)), ...sizeOf(context, table, row)]
    found.push(...(checks.length > 0 ? checks : [finding('table', 'ok', `${spoken(table.name)} is an ordinary table with a primary key, ${estimated(row)}.`)]))
  }
  return found
}

const TABLE_SQL = `
SELECT c.relkind AS kind, c.relpersistence AS persistence, c.relispartition AS partition, c.relhassubclass AS children, c.reloftype <> 0 AS typed,
  EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid) AS parents,
  EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') AS extension,
  pg_has_role(c.relowner, 'USAGE') AS owner, pg_get_userbyid(c.relowner) AS owned_by, current_user AS role,
  has_database_privilege(current_database(), 'CREATE') AS database_create, has_schema_privilege(c.relnamespace, 'CREATE') AS schema_create,
  c.relrowsecurity AS rls, c.relforcerowsecurity AS forced, row_security_active(c.oid) AS rls_active,
  greatest(c.reltuples, 0) AS rows, pg_table_size(c.oid) AS bytes, pg_total_relation_size(c.oid) AS total,
  (SELECT max(a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid) AS last_column,
  coalesce('autovacuum_enabled=false' = ANY (c.reloptions) OR 'autovacuum_enabled=off' = ANY (c.reloptions), false) AS no_vacuum,
  CASE WHEN c.relfrozenxid <> '0'::xid THEN age(c.relfrozenxid) ELSE 0 END AS age, current_setting('autovacuum_freeze_max_age')::bigint AS max_age,
  (SELECT i.indisvalid AND i.indimmediate FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS key_immediate,
  (SELECT string_agg(a.attname, ', ') FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary AND a.atttypid IN ('float4'::regtype, 'float8'::regtype)) AS float_key,
  (SELECT ic.relname FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indimmediate
    AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[]) k JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k WHERE NOT a.attnotnull) ORDER BY ic.relname LIMIT 1) AS unique_index
FROM pg_class c WHERE c.oid = to_regclass($1)`

function kindOf(table: TableDetail, row: CatalogRow): readonly PreflightCheck[] {
  const name = spoken(table.name)
  const blocker = (detail: string, fix: string) => [finding('table', 'blocker', detail, fix)]
  const kind = textOf(row, 'kind')
  if (kind === 'p') return blocker(`${name} is a partitioned table. Rows that move from one partition to another are not handled.`, 'Migrate to a new table, or partition by partition outside of Signalbox.')
  if (kind !== 'r') return blocker(`${name} is ${KINDS[kind] ?? 'no table'}.`, 'Name the table that holds the rows.')
  if (row['partition'] === true) return blocker(`${name} is a partition of another table: its structure is that of its parent.`, 'Partitioned tables are not handled.')
  if (row['children'] === true || row['parents'] === true) return blocker(`${name} ${row['parents'] === true ? 'inherits from another table' : 'is inherited by other tables'}.`, 'Inheritance is not handled: end it with ALTER TABLE … NO INHERIT.')
  if (row['typed'] === true) return blocker(`${name} is made of a composite type (OF): no column can be added.`, 'ALTER TABLE … NOT OF.')
  if (textOf(row, 'persistence') === 't') return blocker(`${name} is a temporary table.`, 'Name a table that lasts.')
  if (/^(pg_|information_schema$|signalbox$)/.test(table.name.schema)) return blocker(`${name} belongs to the system.`, 'Name a table of an application.')
  return [
    ...(textOf(row, 'persistence') === 'u' ? [finding('table', 'warning', `${name} is unlogged: a crash of the server empties it, and a new table made from it is logged and is not.`, 'ALTER TABLE … SET LOGGED, unless that is meant.')] : []),
    ...(row['extension'] === true ? [finding('table', 'warning', `${name} belongs to an extension, whose updates may expect the structure it has now.`, 'Make sure that the extension is not updated meanwhile.')] : []),
  ]
}

function rightsOf(table: TableDetail, row: CatalogRow): readonly PreflightCheck[] {
  const role = textOf(row, 'role')
  const found: PreflightCheck[] = []
  if (row['owner'] !== true) found.push(finding('privileges', 'blocker', `${spoken(table.name)} belongs to ${textOf(row, 'owned_by')}, and ${role} may not change its structure or make triggers on it.`, `Connect as ${textOf(row, 'owned_by')}, or GRANT "${textOf(row, 'owned_by')}" TO "${role}".`))
  if (row['database_create'] !== true) found.push(finding('privileges', 'blocker', `${role} may not make schemas in this database.`, `GRANT CREATE ON DATABASE … TO "${role}".`))
  if (row['schema_create'] !== true) found.push(finding('privileges', 'blocker', `${role} may not make anything in the schema ${table.name.schema}: no table, no index.`, `GRANT CREATE ON SCHEMA "${table.name.schema}" TO "${role}".`))
  return found
}

function keyOf(table: TableDetail, row: CatalogRow): readonly PreflightCheck[] {
  const name = spoken(table.name)
  if (textOf(row, 'kind') !== 'r') return []
  if (table.primaryKey.length === 0) {
    const index = textOf(row, 'unique_index')
    return [finding('key', 'blocker', `${name} has no primary key: its rows cannot be told apart.`, index === '' ? 'Add a primary key: CREATE UNIQUE INDEX CONCURRENTLY over NOT NULL columns, then ADD PRIMARY KEY USING INDEX.' : `The unique index ${index} can become it: ALTER TABLE ${quotedTable(table.name)} ADD PRIMARY KEY USING INDEX "${index}".`)]
  }
  if (row['key_immediate'] !== true) return [finding('key', 'blocker', `The primary key of ${name} is deferrable or not valid: ON CONFLICT cannot use it.`, 'Make it NOT DEFERRABLE.')]
  if (textOf(row, 'float_key') !== '') return [finding('key', 'warning', `The primary key of ${name} holds floating point numbers (${textOf(row, 'float_key')}): NaN and rounding make rows hard to find again.`, 'Use numeric or integers as key.')]
  return []
}

function securityOf({ serverVersion }: PreflightContext, table: TableDetail, row: CatalogRow): readonly PreflightCheck[] {
  if (row['rls'] !== true) return []
  const name = spoken(table.name)
  if (row['rls_active'] === true) return [finding('row security', 'blocker', `Row security ${row['forced'] === true ? 'is forced' : 'applies to this role'} on ${name}: the backfill and the comparison would not see all rows.`, row['forced'] === true ? 'ALTER TABLE … NO FORCE ROW LEVEL SECURITY, or connect with a role that has BYPASSRLS.' : 'Connect as the owner of the table, or with a role that has BYPASSRLS.')]
  if (serverVersion < 150_000) return [finding('row security', 'blocker', `Row security is on for ${name}, and views of PostgreSQL before 15 act with the rights of their owner: through them readers would see every row.`, 'Upgrade to PostgreSQL 15 or later.')]
  return [finding('row security', 'warning', `Row security is on for ${name}. Views act with the rights of who asks, so its policies hold; new tables get none.`, 'Policies that name replaced columns, and those of new tables, are yours to make before reads are switched.')]
}

async function replicationOf({ session, definition, serverVersion }: PreflightContext, table: TableDetail): Promise<readonly PreflightCheck[]> {
  const name = spoken(table.name)
  const found: PreflightCheck[] = []
  const { change } = definition
  const replaced = change.kind === 'columns' ? change.replace.map((column) => column.name) : []
  const columns = serverVersion >= 150_000 ? `(SELECT coalesce(array_agg(a.attname::text), '{}') FROM pg_attribute a JOIN pg_publication_rel r ON r.prrelid = a.attrelid AND r.prpubid = p.oid WHERE a.attrelid = to_regclass($1) AND a.attnum = ANY (r.prattrs))` : `'{}'::text[]`
  const publications = await ask(session, `SELECT p.pubname AS name, p.puballtables AS all_tables, ${columns} AS columns FROM pg_publication p WHERE EXISTS (SELECT FROM pg_publication_tables t JOIN pg_namespace n ON n.nspname = t.schemaname JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename WHERE t.pubname = p.pubname AND c.oid = to_regclass($1)) ORDER BY p.pubname`, [quotedTable(table.name)])
  for (const row of publications) {
    const listed = Array.isArray(row['columns']) ? row['columns'].map(String) : []
    const gone = listed.filter((column) => replaced.includes(column))
    const publication = textOf(row, 'name')
    if (gone.length > 0) found.push(finding('publications', 'warning', `The publication ${publication} lists ${gone.join(', ')} of ${name}, which cannot be dropped while it does.`, 'Before the final drop: ALTER PUBLICATION … SET TABLE with the new columns.'))
    else if (listed.length === 0 && change.kind === 'columns' && change.add.length > 0) found.push(finding('publications', 'warning', `The publication ${publication} sends all columns of ${name}: once ${change.add.map((column) => column.name).join(', ')} ${change.add.length === 1 ? 'is' : 'are'} there, a subscriber without ${change.add.length === 1 ? 'it' : 'them'} stops with an error.`, 'Add the columns there first, by the names shown in the SQL.'))
    else if (change.kind === 'tables') found.push(finding('publications', 'warning', row['all_tables'] === true ? `The publication ${publication} sends all tables: a subscriber needs the new ones.` : `The publication ${publication} sends ${name}; it will not send the new tables.`, row['all_tables'] === true ? 'Make the new tables there first.' : 'Add them to the publication once they are there, if they are wanted.'))
  }
  if (table.subscribed) found.push(finding('subscriptions', 'warning', `${name} receives rows by logical replication, whose workers skip ordinary triggers: those of this migration are made ENABLE ALWAYS.`, 'Nothing, if that is understood: rows from the publisher are mirrored too.'))
  const [identity] = await ask(session, `SELECT c.relreplident AS identity, (SELECT coalesce(array_agg(a.attname::text), '{}') FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = c.oid AND i.indisreplident) AS columns FROM pg_class c WHERE c.oid = to_regclass($1)`, [quotedTable(table.name)])
  if (identity && textOf(identity, 'identity') === 'i') {
    const used = (Array.isArray(identity['columns']) ? identity['columns'].map(String) : []).filter((column) => replaced.includes(column))
    if (used.length > 0) found.push(finding('replica identity', 'blocker', `The replica identity of ${name} is an index over ${used.join(', ')}, which ${used.length === 1 ? 'is' : 'are'} replaced: updates could not be replicated any more.`, 'ALTER TABLE … REPLICA IDENTITY DEFAULT, or USING INDEX one over columns that stay.'))
  }
  if (identity && textOf(identity, 'identity') === 'n' && publications.length > 0) found.push(finding('replica identity', 'blocker', `${name} is published and has no replica identity: every UPDATE of it fails, the backfill’s too.`, 'ALTER TABLE … REPLICA IDENTITY DEFAULT.'))
  return found
}

function sizeOf({ definition }: PreflightContext, table: TableDetail, row: CatalogRow): readonly PreflightCheck[] {
  const name = spoken(table.name)
  const found: PreflightCheck[] = []
  const bytes = numberOf(row, 'bytes')
  // Every row is written once more, and what it was stays until vacuum; with as much write-ahead log again.
  if (numberOf(row, 'total') > LARGE_BYTES) found.push(finding('room', 'warning', `${name} has ${spokenBytes(numberOf(row, 'total'))} with its indexes. Backfilling writes about ${spokenBytes(2 * bytes)}: as much again for the new rows, and as much write-ahead log. How much room the disk has cannot be asked for in SQL.`, `Make sure that ${spokenBytes(2 * numberOf(row, 'total'))} are free.`))
  if (row['no_vacuum'] === true) found.push(finding('vacuum', 'warning', `Autovacuum is off for ${name}: what the backfill leaves behind stays.`, 'ALTER TABLE … RESET (autovacuum_enabled).'))
  if (numberOf(row, 'age') > 0.9 * numberOf(row, 'max_age')) found.push(finding('vacuum', 'warning', `${name} is due for a vacuum against wraparound, which does not give way to steps that need a lock.`, `VACUUM (FREEZE) ${quotedTable(table.name)} first.`))
  const { change } = definition
  const more = change.kind === 'columns' ? change.add.length : 0
  if (numberOf(row, 'last_column') + more > MAX_COLUMNS) found.push(finding('columns', 'blocker', `${name} has had ${numberOf(row, 'last_column')} columns, dropped ones included, and PostgreSQL allows ${MAX_COLUMNS}.`, 'Rewrite the table, or use `tables:` for a new one.'))
  return found
}

function estimated(row: CatalogRow): string {
  return `about ${Math.round(numberOf(row, 'rows'))} rows, ${spokenBytes(numberOf(row, 'total'))} with indexes`
}

/** What holds locks on the tables now, and for how long. */
export const checkLocksNow: Check = async ({ session, tables }) => {
  const found: PreflightCheck[] = []
  for (const table of tables) {
    for (const row of await ask(
      session,
      `SELECT l.pid, l.mode, l.granted, coalesce(nullif(a.application_name, ''), 'no name') AS app, extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start)) * 1000 AS ms
       FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.relation = to_regclass($1) AND l.pid <> pg_backend_pid() AND (NOT l.granted OR l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') OR l.mode = 'ShareUpdateExclusiveLock') ORDER BY l.granted, a.xact_start LIMIT 5`,
      [quotedTable(table.name)],
    )) {
      found.push(finding('locks', 'warning', `Session ${textOf(row, 'pid')} (${textOf(row, 'app')}) ${row['granted'] === true ? 'holds' : 'waits for'} ${textOf(row, 'mode')} on ${spoken(table.name)} for ${spokenMs(numberOf(row, 'ms'))}.`, 'Wait until it is done.'))
    }
  }
  return found.length > 0 ? found : [finding('locks', 'ok', 'Nobody holds a strong lock on the tables.')]
}
