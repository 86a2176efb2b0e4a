import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { TableDetail } from '../facts.ts'
import { columnGrants, grantsLike, ownedLike } from './grants.ts'
import { dollarQuoted, imagesDiffer, literal } from '../sql-text.ts'
import { quoted, quotedTable } from '../units.ts'

/** What generating a view needs to know of where it is made. */
export interface Place {
  /** `server_version_num`: from 150000 on, views act with the rights of who asks. */
  readonly serverVersion: number
  /** Role that makes it. */
  readonly role: string
}

export interface ViewColumn {
  readonly name: string
  readonly expression: string
  /** Default for rows inserted through the view without it; null: the table's own. */
  readonly default?: string | null
}

/** One view of one table's rows in one of the migration's schemas, with the rights of the table. */
export function viewSql(options: { readonly schema: string; readonly name: string; readonly columns: readonly ViewColumn[]; readonly from: string; readonly like: readonly TableDetail[]; readonly grantsOf: (column: string) => readonly string[]; readonly place: Place }): readonly string[] {
  const view = `${quoted(options.schema)}.${quoted(options.name)}`
  const [first] = options.like
  return [
    `CREATE VIEW ${view}${options.place.serverVersion >= 150_000 ? ' WITH (security_invoker = true)' : ''} AS SELECT ${options.columns.map(({ name, expression }) => (expression === `t.${quoted(name)}` ? expression : `${expression} AS ${quoted(name)}`)).join(', ')} FROM ${options.from};`,
    ...options.columns.flatMap(({ name, default: value }) => (value === undefined || value === null ? [] : [`ALTER VIEW ${view} ALTER COLUMN ${quoted(name)} SET DEFAULT ${value};`])),
    ...(first ? ownedLike(first, `VIEW ${view}`, options.place.role) : []),
    ...grantsLike(options.like, view, 'view'),
    ...options.like.flatMap((table) => columnGrants(table, view, options.grantsOf)),
  ]
}

export function schemaSql(schema: string): readonly string[] {
  return [`CREATE SCHEMA ${quoted(schema)};`, `GRANT USAGE ON SCHEMA ${quoted(schema)} TO PUBLIC;`]
}

/** Nothing is dropped but what was made: something else in or on it refuses. */
export function dropSchemaSql(schema: string, views: readonly string[]): readonly string[] {
  return [...views.map((view) => `DROP VIEW IF EXISTS ${quoted(schema)}.${quoted(view)};`), `DROP SCHEMA IF EXISTS ${quoted(schema)};`]
}

/** Name of an entity for sticky reads: the text of its columns, joined with commas. */
export function entityExpression(definition: Pick<MigrationDefinition, 'entity'>, primaryKey: readonly string[], row: string): string {
  const columns = (definition.entity.length > 0 ? definition.entity : primaryKey).map((column) => `${row}.${quoted(column)}::text`)
  return columns.length === 1 ? `coalesce(${columns.join()}, '')` : `concat_ws(',', ${columns.join(', ')})`
}

/** Whether the entity's reads come from the new side; the share is looked up once for each query. */
export function readsNewExpression(definition: Pick<MigrationDefinition, 'id'>, entity: string): string {
  return `(signalbox.bucket(${literal(definition.id)}, ${entity}) < (SELECT s.reads_percent FROM signalbox.switches s WHERE s.migration = ${literal(definition.id)}))`
}

/**
 * What makes the view of sticky reads take writes as the old table would: it writes the table itself and answers with
 * what the view shows. A view's row was read without a lock, so a row that another transaction changed meanwhile
 * refuses with `serialization_failure`, as REPEATABLE READ would: writing over it would lose that change.
 */
export function readsTrigger(options: { readonly definition: Pick<MigrationDefinition, 'id'>; readonly schema: string; readonly table: TableDetail; readonly view: string; readonly stored: (column: string) => string; readonly replaced: ReadonlySet<string>; readonly number: number }): readonly string[] {
  const { definition, table, stored } = options
  const view = `${quoted(options.schema)}.${quoted(options.view)}`
  const base = quotedTable(table.name)
  const name = `signalbox.${quoted(`reads_${definition.id}_${options.number}`)}`
  const writable = table.columns.filter(({ generated, identity }) => !generated && identity !== 'always')
  const identity = table.columns.find((column) => column.identity !== null)
  const keyIs = (row: string, alias: string, of: (column: string) => string) => table.primaryKey.map((column) => `${alias}.${quoted(of(column))} = ${row}.${quoted(column)}`).join(' AND ')
  const list = (columns: readonly { readonly name: string }[], row: string, of: (column: string) => string) => columns.map((column) => `${row}${quoted(of(column.name))}`).join(', ')
  const same = (column: string) => column
  const insert = (columns: typeof writable) => `INSERT INTO ${base} AS t (${list(columns, '', stored)}) VALUES (${list(columns, 'NEW.', same)}) RETURNING ${table.primaryKey.map((column) => `t.${quoted(stored(column))}`).join(', ')} INTO ${table.primaryKey.map((column) => `NEW.${quoted(column)}`).join(', ')};`
  const refuseAlways = identity?.identity === 'always' ? `\n    IF NEW.${quoted(identity.name)} IS NOT NULL THEN RAISE EXCEPTION 'cannot insert a non-DEFAULT value into column "%"', ${literal(identity.name)} USING ERRCODE = 'generated_always'; END IF;` : ''
  const inserts = identity?.identity === 'byDefault' ? `IF NEW.${quoted(identity.name)} IS NULL THEN\n      ${insert(writable.filter((column) => column !== identity))}\n    ELSE\n      ${insert(writable)}\n    END IF;` : insert(writable)
  const sets = writable.map((column) => {
    const target = quoted(stored(column.name))
    const value = `NEW.${quoted(column.name)}`
    return options.replaced.has(column.name) ? `${target} = CASE WHEN ${imagesDiffer([value], [`OLD.${quoted(column.name)}`])} THEN ${value} ELSE t.${target} END` : `${target} = ${value}`
  })
  const show = (row: string) => `SELECT v.* INTO shown FROM ${view} v WHERE ${keyIs(row, 'v', same)};`
  const body = `DECLARE
  shown ${view}%ROWTYPE;
  ours boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN${refuseAlways}
    ${inserts}
  ELSE
    SELECT t.xmin = pg_current_xact_id()::xid INTO ours FROM ${base} t WHERE ${keyIs('OLD', 't', stored)} FOR UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    ${show('OLD')}
    IF NOT ours AND shown OPERATOR(pg_catalog.*<>) OLD THEN
      RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = 'serialization_failure', HINT = 'Run the transaction again.';
    END IF;
    IF TG_OP = 'DELETE' THEN
      DELETE FROM ${base} t WHERE ${keyIs('OLD', 't', stored)};
      RETURN OLD;
    END IF;
    UPDATE ${base} t SET ${sets.join(', ')} WHERE ${keyIs('OLD', 't', stored)} RETURNING ${table.primaryKey.map((column) => `t.${quoted(stored(column))}`).join(', ')} INTO ${table.primaryKey.map((column) => `NEW.${quoted(column)}`).join(', ')};
    IF NOT FOUND THEN RETURN NULL; END IF;
  END IF;
  ${show('NEW')}
  IF NOT FOUND THEN RETURN NEW; END IF;
  RETURN shown;
END`
  return [
    `CREATE OR REPLACE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS ${dollarQuoted(body)};`,
    `CREATE TRIGGER ${quoted(`signalbox_${definition.id}_reads`)} INSTEAD OF INSERT OR UPDATE OR DELETE ON ${view} FOR EACH ROW EXECUTE FUNCTION ${name}();`,
  ]
}

export function readsFunctionName(definition: Pick<MigrationDefinition, 'id'>, number: number): string {
  return `signalbox.${quoted(`reads_${definition.id}_${number}`)}`
}
