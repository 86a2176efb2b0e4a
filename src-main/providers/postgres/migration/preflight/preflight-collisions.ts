import type { MigrationDefinition, TableName } from '../../../../contract/migration-definition.ts'
import type { PreflightCheck } from '../../../../contract/migration.ts'
import { newChecks } from '../structure/checks.ts'
import { syncFunction } from '../structure/column-trigger.ts'
import type { TableDetail } from '../facts.ts'
import { carriedIndexes, concurrentIndexes } from '../structure/indexes.ts'
import { finding } from './lint.ts'
import { goneName, goneTable, schemaNames, triggerName } from '../names.ts'
import { ask, textOf } from './preflight-context.ts'
import type { Check } from './preflight-context.ts'
import { changeTables } from '../structure/table-links.ts'
import { mirrorFunction } from '../structure/table-trigger.ts'
import { quotedTable, spoken, storedName } from '../units.ts'
import { readsFunctionName } from '../structure/views.ts'

/** Checks that nothing has a name this migration is going to use, be it a stranger or left over from an earlier attempt. */

interface Wanted {
  readonly kind: 'schema' | 'relation' | 'column' | 'constraint' | 'trigger' | 'function'
  /** Table or schema it is in, as SQL; empty for a schema. */
  readonly inside: string
  readonly name: string
  /** What takes it away, if it is left over. */
  readonly drop: string
}

const EXISTS: Readonly<Record<Wanted['kind'], string>> = {
  schema: `SELECT FROM pg_namespace WHERE nspname = $2 AND $1 = ''`,
  // The type of a table has its name too.
  relation: `SELECT FROM pg_namespace n WHERE n.nspname = $1 AND (EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = $2) OR EXISTS (SELECT FROM pg_type t WHERE t.typnamespace = n.oid AND t.typname = $2))`,
  column: `SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2 AND attnum > 0 AND NOT attisdropped`,
  constraint: `SELECT FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = $2`,
  trigger: `SELECT FROM pg_trigger WHERE tgrelid = to_regclass($1) AND tgname = $2`,
  function: `SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1 AND p.proname = $2`,
}

export const checkNames: Check = async ({ session, definition, tables }) => {
  const found: PreflightCheck[] = []
  for (const wanted of namesOf(definition, tables)) {
    const rows = await ask(session, `SELECT EXISTS (${EXISTS[wanted.kind]}) AS there`, [wanted.inside, wanted.name])
    if (textOf(rows[0] ?? {}, 'there') !== 'true') continue
    const what = `${wanted.kind === 'relation' ? 'table, index or type' : wanted.kind} ${wanted.name}`
    const where = wanted.inside === '' ? '' : ` in ${wanted.inside.replaceAll('"', '')}`
    if (/^(zzz_signalbox|sb)_/.test(wanted.name) || wanted.inside === 'signalbox') found.push(finding('leftovers', 'blocker', `There is a ${what}${where}, a name of this migration: left over from an earlier attempt, or somebody else’s.`, `If it is left over: ${wanted.drop}.`))
    else found.push(finding('names', 'blocker', `There is a ${what}${where} already, and this migration would make one of that name.`, 'Choose another name.'))
  }
  return found.length > 0 ? found : [finding('names', 'ok', 'All names it will use are free.')]
}

function namesOf(definition: MigrationDefinition, tables: readonly TableDetail[]): readonly Wanted[] {
  const schemas = Object.values(schemaNames(definition)).map((name): Wanted => ({ kind: 'schema', inside: '', name, drop: `DROP SCHEMA "${name}" CASCADE` }))
  const { change } = definition
  if (change.kind === 'tables') return [...schemas, ...tableNames(definition, tables)]
  const [table] = tables
  if (!table) return schemas
  const inside = quotedTable(table.name)
  const column = (name: string): Wanted => ({ kind: 'column', inside, name, drop: `ALTER TABLE ${inside} DROP COLUMN "${name}"` })
  const relation = (name: string): Wanted => ({ kind: 'relation', inside: table.name.schema, name, drop: `DROP INDEX "${table.name.schema}"."${name}"` })
  const constraint = (name: string): Wanted => ({ kind: 'constraint', inside, name, drop: `ALTER TABLE ${inside} DROP CONSTRAINT "${name}"` })
  return [
    ...schemas,
    ...change.add.map(({ name }) => column(storedName(definition, table, name))).filter(({ name }) => !table.columns.some((one) => one.name === name) || name.startsWith('sb_')),
    ...change.replace.map(({ name }) => column(goneName(definition, name))),
    ...newChecks(definition, change, table).flatMap(({ lenientName, strictName }) => [constraint(lenientName), constraint(strictName)]),
    ...concurrentIndexes(definition, [table]).map(({ name }) => relation(name)),
    ...carriedIndexes(definition, change, table).map(({ gone }) => relation(gone)),
    ...triggers(definition, table.name, ['insert', 'update', 'delete']),
    func(syncFunction(definition)),
    func(readsFunctionName(definition, 0)),
  ]
}

function tableNames(definition: MigrationDefinition, tables: readonly TableDetail[]): readonly Wanted[] {
  const { change } = definition
  if (change.kind !== 'tables' || tables.length !== change.old.length) return []
  const relation = ({ schema, table }: TableName): Wanted => ({ kind: 'relation', inside: schema, name: table, drop: `DROP TABLE "${schema}"."${table}"` })
  const known = changeTables(definition, change, tables, false)
  return [
    ...change.new.map(({ name }) => relation(name)),
    ...change.new.map(({ name }) => relation({ schema: name.schema, table: `${name.table}_pkey`.slice(0, 63) })),
    ...(change.dropOld ? change.old.map((name) => relation(goneTable(definition, name))) : []),
    ...change.old.flatMap((name) => triggers(definition, name, ['write', 'delete', 'truncate'])),
    ...known.map((table) => func(mirrorFunction(definition, table))),
  ]
}

function triggers(definition: MigrationDefinition, table: TableName, parts: readonly Parameters<typeof triggerName>[1][]): readonly Wanted[] {
  return parts.map((part): Wanted => {
    const name = triggerName(definition, part).slice(0, 63)
    return { kind: 'trigger', inside: quotedTable(table), name, drop: `DROP TRIGGER "${name}" ON ${quotedTable(table)}` }
  })
}

/** `signalbox."name"`. */
function func(qualified: string): Wanted {
  return { kind: 'function', inside: 'signalbox', name: qualified.replace(/^signalbox\./, '').replaceAll('"', '').slice(0, 63), drop: `DROP FUNCTION ${qualified}` }
}

/** Schemas of new tables must be there: a migration makes none. */
export const checkNewTables: Check = async ({ session, definition }) => {
  const { change } = definition
  if (change.kind !== 'tables') return []
  const found: PreflightCheck[] = []
  for (const { name } of change.new) {
    const [row] = await ask(session, `SELECT has_schema_privilege(oid, 'CREATE') AS may, current_user AS role FROM pg_namespace WHERE nspname = $1`, [name.schema])
    if (!row) found.push(finding('new tables', 'blocker', `There is no schema ${name.schema} for ${spoken(name)}.`, `CREATE SCHEMA "${name.schema}" first.`))
    else if (row['may'] !== true) found.push(finding('new tables', 'blocker', `${textOf(row, 'role')} may not make tables in the schema ${name.schema}.`, `GRANT CREATE ON SCHEMA "${name.schema}" TO "${textOf(row, 'role')}".`))
  }
  return found
}
