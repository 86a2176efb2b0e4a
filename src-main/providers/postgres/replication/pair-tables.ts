import type { TableName } from '../../../contract/migration-definition.ts'
import { quoted, quotedTable, spoken } from '../migration/units.ts'
import type { Query } from './pair-side.ts'

export interface PairColumn {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  readonly generated: boolean
  /** Name and version of the collation that orders it; empty for types without. */
  readonly collation: string
}

/** A table that holds rows itself: ordinary ones and leaves of partitioned ones. */
export interface PairTable {
  readonly name: TableName
  readonly columns: readonly PairColumn[]
  /** Columns that tell rows apart on both sides: primary key, or the index the replica identity names. Empty: none. */
  readonly key: readonly string[]
  /** `d` primary key, `i` an index, `f` the whole row, `n` nothing. */
  readonly identity: string
  readonly unlogged: boolean
  readonly ownedByUs: boolean
  readonly rowSecurity: boolean
  /** Triggers that run while another server's changes are applied. */
  readonly applyTriggers: readonly string[]
  readonly uniques: readonly string[]
  readonly bytes: number
}

export interface PairSequence {
  readonly name: TableName
  readonly increment: bigint
  readonly lastValue: bigint
  readonly isCalled: boolean
}

const TABLES_SQL = `
SELECT n.nspname AS schema, c.relname AS table, c.relreplident AS identity, c.relpersistence = 'u' AS unlogged, c.relrowsecurity AS row_security,
  pg_has_role(c.relowner, 'MEMBER') AS owned, pg_table_size(c.oid) AS bytes,
  (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull, 'generated', a.attgenerated <> '',
      'collation', CASE WHEN a.attcollation = 0 THEN '' WHEN l.collname = 'default' THEN (SELECT d.datcollate || coalesce(to_jsonb(d) ->> 'datcollversion', '') FROM pg_database d WHERE d.datname = current_database())
        ELSE l.collname || coalesce(l.collversion, '') END) ORDER BY a.attnum), '[]')
    FROM pg_attribute a LEFT JOIN pg_collation l ON l.oid = a.attcollation WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  (SELECT coalesce(json_agg(a.attname ORDER BY k.n), '[]') FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE i.indrelid = c.oid AND CASE WHEN c.relreplident = 'i' THEN i.indisreplident ELSE i.indisprimary END) AS key,
  (SELECT coalesce(json_agg(t.tgname ORDER BY t.tgname), '[]') FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('A', 'R')) AS apply_triggers,
  (SELECT coalesce(json_agg(x.d ORDER BY x.d), '[]') FROM (SELECT regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE UNIQUE INDEX \\S+ ON ', '') AS d FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique) x) AS uniques
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'signalbox')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`

/** Tables of a pair: those that are named, or every one that is not the system's, an extension's or our own. */
export async function readTables(query: Query, wanted: readonly TableName[] | 'all'): Promise<readonly PairTable[]> {
  const names = wanted === 'all' ? null : new Set(wanted.map(spoken))
  return (await query(TABLES_SQL))
    .map((row) => ({
      name: { schema: String(row['schema']), table: String(row['table']) },
      columns: row['columns'] as readonly PairColumn[],
      key: row['key'] as readonly string[],
      identity: String(row['identity']),
      unlogged: row['unlogged'] === true,
      ownedByUs: row['owned'] === true,
      rowSecurity: row['row_security'] === true,
      applyTriggers: row['apply_triggers'] as readonly string[],
      uniques: row['uniques'] as readonly string[],
      bytes: Number(row['bytes']),
    }))
    .filter(({ name }) => names === null || names.has(spoken(name)))
}

/** Names of the sequences in the schemas of these tables. Logical replication carries none of them. */
export async function listSequences(query: Query, tables: readonly TableName[]): Promise<readonly (TableName & { readonly increment: bigint })[]> {
  const schemas = [...new Set(tables.map(({ schema }) => schema))]
  const found = await query(
    `SELECT n.nspname AS schema, c.relname AS name, s.seqincrement::text AS increment FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY($1) ORDER BY 1, 2`,
    [schemas],
  )
  return found.map((row) => ({ schema: String(row['schema']), table: String(row['name']), increment: BigInt(String(row['increment'])) }))
}

/** Where they stand; needs the right to read them. */
export async function readSequences(query: Query, tables: readonly TableName[]): Promise<readonly PairSequence[]> {
  const result: PairSequence[] = []
  for (const { increment, ...name } of await listSequences(query, tables)) {
    const [value] = await query(`SELECT last_value::text AS last, is_called AS called FROM ${quotedTable(name)}`)
    result.push({ name, increment, lastValue: BigInt(String(value?.['last'])), isCalled: value?.['called'] === true })
  }
  return result
}

/** Where a sequence must stand so that it hands out nothing that either side has used. */
export function aheadOf(own: PairSequence, other: PairSequence): { readonly value: bigint; readonly isCalled: boolean } {
  const ownIsAhead = own.increment > 0n ? own.lastValue > other.lastValue : own.lastValue < other.lastValue
  if (own.lastValue === other.lastValue) return { value: own.lastValue, isCalled: own.isCalled || other.isCalled }
  return ownIsAhead ? { value: own.lastValue, isCalled: own.isCalled } : { value: other.lastValue, isCalled: other.isCalled }
}

/** A list of quoted columns. */
export function columnList(columns: readonly string[]): string {
  return columns.map(quoted).join(', ')
}
