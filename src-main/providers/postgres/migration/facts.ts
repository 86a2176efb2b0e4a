import { Fault } from '../../../contract/fault.ts'
import type { Change, TableName } from '../../../contract/migration-definition.ts'
import { rowsOf } from './session.ts'
import type { Session } from './session.ts'
import { quotedTable, spoken } from './units.ts'
import type { TableFacts } from './units.ts'

export interface Grant {
  /** Role; empty: everyone. */
  readonly to: string
  readonly privilege: string
  readonly grantable: boolean
}

export interface ColumnDetail {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  readonly default: string | null
  /** Computed by the server on each write: nobody may give it a value. */
  readonly generated: boolean
  readonly identity: 'always' | 'byDefault' | null
  /** Sequence of its own that gives its values, quoted for SQL; null: none. */
  readonly sequence: string | null
  readonly comment: string | null
  readonly grants: readonly Grant[]
}

export interface IndexDetail {
  readonly name: string
  readonly definition: string
  /** Columns of the table it has anything to do with, in expressions and conditions too. */
  readonly columns: readonly string[]
  readonly unique: boolean
  /** Of a constraint, which has the same name. */
  readonly constraint: 'primary' | 'unique' | 'exclusion' | null
  readonly constraintDefinition: string | null
}

/** Facts, and what generating structure needs beyond them. */
export interface TableDetail extends TableFacts {
  readonly columns: readonly ColumnDetail[]
  readonly owner: string
  readonly grants: readonly Grant[]
  readonly indexes: readonly IndexDetail[]
  /** An apply worker writes it: triggers must be ENABLE ALWAYS. */
  readonly subscribed: boolean
}

/** The old tables of a change. */
export function oldTables(change: Change): readonly TableName[] {
  return change.kind === 'columns' ? [change.table] : change.old
}

/** Faults: `notFound` when a table is not there. */
export async function readFacts(session: Session, tables: readonly TableName[]): Promise<readonly TableDetail[]> {
  const found: TableDetail[] = []
  for (const name of tables) {
    const [facts] = await rowsOf(session, FACTS_SQL, [quotedTable(name)], (row) => row['facts'])
    if (facts === undefined || facts === null) throw new Fault('notFound', `The table ${spoken(name)} is not there.`, 'Mend its name in the declaration, or connect to the right database.')
    found.push({ name, ...(facts as Omit<TableDetail, 'name'>) })
  }
  return found
}

/** The outline of a table, read from the catalog without any lock on the table: also while someone holds all of them. Null: it is not there. */
export async function readOutline(session: Session, name: TableName): Promise<Pick<TableFacts, 'primaryKey'> & { readonly columns: readonly Pick<ColumnDetail, 'name' | 'type' | 'notNull'>[] } | null> {
  const [outline] = await rowsOf(session, OUTLINE_SQL, [name.schema, name.table], (row) => row['outline'])
  return (outline ?? null) as Awaited<ReturnType<typeof readOutline>>
}

const PRIMARY_KEY = `(SELECT coalesce(jsonb_agg(a.attname ORDER BY k.n), '[]') FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE i.indrelid = c.oid AND i.indisprimary)`

const OUTLINE_SQL = `
SELECT jsonb_build_object('primaryKey', ${PRIMARY_KEY},
  'columns', (SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull) ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)) AS outline
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`

const grantsOf = (acl: string) => `(SELECT coalesce(jsonb_agg(jsonb_build_object('to', coalesce(pg_get_userbyid(nullif(g.grantee, 0)), ''), 'privilege', g.privilege_type, 'grantable', g.is_grantable) ORDER BY g.grantee, g.privilege_type), '[]') FROM aclexplode(${acl}) g)`

const FACTS_SQL = `
SELECT jsonb_build_object(
  'owner', pg_get_userbyid(c.relowner),
  'grants', ${grantsOf('c.relacl')},
  'subscribed', EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid),
  'primaryKey', ${PRIMARY_KEY},
  'columns', (SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
      'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END, 'generated', a.attgenerated <> '',
      'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'byDefault' END,
      'sequence', pg_get_serial_sequence($1, a.attname),
      'comment', col_description(c.oid, a.attnum), 'grants', ${grantsOf('a.attacl')}) ORDER BY a.attnum)
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'indexes', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', ic.relname, 'definition', pg_get_indexdef(i.indexrelid), 'unique', i.indisunique,
      'constraint', CASE k.contype WHEN 'p' THEN 'primary' WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion' END, 'constraintDefinition', pg_get_constraintdef(k.oid),
      'columns', (SELECT coalesce(jsonb_agg(DISTINCT a.attname), '[]') FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND (a.attnum = ANY (i.indkey)
        OR EXISTS (SELECT FROM pg_depend p WHERE p.classid = 'pg_class'::regclass AND p.objid = i.indexrelid AND p.refobjid = c.oid AND p.refobjsubid = a.attnum)))) ORDER BY ic.relname), '[]')
    FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
    WHERE i.indrelid = c.oid)
) AS facts FROM pg_class c WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p', 'f', 'v', 'm')`
