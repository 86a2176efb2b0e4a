import type { ColumnChange, TableChange } from '../../../../contract/migration-definition.ts'
import type { PreflightCheck } from '../../../../contract/migration.ts'
import type { TableDetail } from '../facts.ts'
import { carriedIndexes, successorOf } from '../structure/indexes.ts'
import { checkExpression } from './lint-expression.ts'
import { finding } from './lint.ts'
import { ask, isLost, listOf, serverError, textOf } from './preflight-context.ts'
import type { CatalogRow, Check, PreflightContext } from './preflight-context.ts'
import { quotedTable, spoken } from '../units.ts'

/** Checks of what hangs on the columns or tables that are gone in the end: who uses them, and what does not go over. */

export const checkDependents: Check = async (context) => {
  const { change } = context.definition
  const found = change.kind === 'columns' ? await onColumns(context, change) : await onTables(context, change)
  return found.some(({ name, state }) => state !== 'ok' && name !== 'prepared statements') ? found : [...found, finding('dependents', 'ok', change.kind === 'tables' && !change.dropOld ? 'Old tables stay.' : 'Nothing else depends on what is gone in the end.')]
}

async function onColumns(context: PreflightContext, change: ColumnChange): Promise<readonly PreflightCheck[]> {
  const [table] = context.tables
  if (!table) return []
  const { session } = context
  const name = spoken(table.name)
  const replaced = change.replace.map((column) => column.name)
  const found: PreflightCheck[] = [...generatedColumns(change, table), ...properties(change, table)]
  for (const row of await ask(session, DEPENDENTS_SQL, [quotedTable(table.name), replaced])) {
    const object = textOf(row, 'object')
    const what = `${object} depends on ${textOf(row, 'columns')} of ${name}`
    if (row['generated'] === true) found.push(finding('dependents', 'blocker', `${what}: the generated column would go with it.`, 'Replace the generated column too, or drop it first.'))
    else found.push(finding('dependents', 'warning', `${what}, which cannot be dropped while it does.`, 'Once writes are switched and before the final drop, make it read the new columns; until then it goes on working.'))
  }
  for (const row of await ask(session, CONSTRAINTS_SQL, [quotedTable(table.name), replaced])) found.push(...constraint(row, change, table))
  const carried = carriedIndexes(context.definition, change, table).map(({ original }) => original.name)
  for (const index of table.indexes) {
    if (index.constraint !== null || carried.includes(index.name) || !index.columns.some((column) => replaced.includes(column))) continue
    found.push(finding('indexes', 'warning', `The index ${index.name} is over ${index.columns.filter((column) => replaced.includes(column)).join(', ')}, which has no one successor: it goes with the column.`, 'Build the index that readers of the new columns need, with CREATE INDEX CONCURRENTLY, before reads are switched.'))
  }
  found.push(...(await mentions(context, table, replaced)))
  if (change.add.length > 0) found.push(...(await selectStar(context, table)))
  return found
}

/** A BEFORE trigger sees generated columns as NULL: the server computes them after it. */
function generatedColumns(change: ColumnChange, table: TableDetail): readonly PreflightCheck[] {
  const generated = table.columns.filter((column) => column.generated).map((column) => column.name)
  const reads = (expression: string) => {
    const checked = checkExpression(expression)
    return checked.ok ? checked.value.columns.filter((column) => generated.includes(column)) : []
  }
  return [
    ...change.replace.filter(({ name }) => generated.includes(name)).map(({ name }) => finding('generated columns', 'blocker', `${name} is a generated column: nothing but its expression can give it a value.`, 'Drop its expression first: ALTER COLUMN … DROP EXPRESSION.')),
    ...[...change.add.map(({ name, up }) => ({ what: `up of ${name}`, expression: up })), ...change.replace.map(({ name, down }) => ({ what: `down of ${name}`, expression: down })), ...change.checks.map(({ name, expression }) => ({ what: `check ${name}`, expression }))].flatMap(({ what, expression }) =>
      reads(expression).map((column) => finding('generated columns', 'blocker', `${what} reads ${column}, a generated column, which triggers see as NULL.`, `Write the expression of ${column} in its place.`)),
    ),
  ]
}

/** What a replaced column has that nobody carries over. */
function properties(change: ColumnChange, table: TableDetail): readonly PreflightCheck[] {
  const key = change.replace.filter(({ name }) => table.primaryKey.includes(name)).map(({ name }) => finding('key', 'blocker', `${name} is part of the primary key of ${spoken(table.name)}; a key is not replaced in place.`, 'Declare a new table with the new key beside the old one: `old:` and `tables:`.'))
  const sequences = table.columns.flatMap(({ name, identity, default: value }) => {
    if (!change.replace.some((column) => column.name === name)) return []
    if (identity === null && !(value ?? '').startsWith('nextval(')) return []
    return [finding('sequences', 'warning', `${name} gets its values from a sequence, which does not go over.`, 'Declare a `default` with a sequence of its own, whose first value is above all there are.')]
  })
  return [...key, ...sequences]
}

function constraint(row: Readonly<Record<string, unknown>>, change: ColumnChange, table: TableDetail): readonly PreflightCheck[] {
  const name = textOf(row, 'name')
  const columns = listOf(row, 'columns')
  const text = `${name}: ${textOf(row, 'definition')}`
  switch (textOf(row, 'type')) {
    case 'incoming':
      return [finding('foreign keys', 'blocker', `The foreign key ${name} of ${textOf(row, 'from')} points at ${columns.join(', ')}, which ${columns.length === 1 ? 'is' : 'are'} replaced.`, 'Let it point at a column that stays, or drop it first.')]
    case 'f':
      return [finding('foreign keys', 'warning', `The foreign key ${text} of ${spoken(table.name)} goes with its column, and the new one has none.`, 'Add one on the new column with NOT VALID once it is filled, and validate it, before writes are switched.')]
    case 'x':
      return [finding('constraints', 'blocker', `The exclusion constraint ${text} cannot be carried over without blocking.`, 'Drop it, or migrate to a new table that has it.')]
    case 'c':
      return [finding('constraints', 'warning', `The check ${text} goes with its column.`, 'Declare it under `checks`, over the new columns, if it is to stay.')]
    default:
      return columns.every((column) => successorOf(change, column) !== null) ? [] : [finding('constraints', 'warning', `The constraint ${text} goes with its column.`, 'Declare `unique: true` on the new column, or build a unique index over several before reads are switched.')]
  }
}

async function onTables(context: PreflightContext, change: TableChange): Promise<readonly PreflightCheck[]> {
  const found: PreflightCheck[] = []
  for (const table of context.tables) {
    const name = spoken(table.name)
    found.push(...unsetColumns(change, table))
    if (!change.dropOld) continue
    for (const row of await ask(context.session, TABLE_DEPENDENTS_SQL, [quotedTable(table.name)])) found.push(finding('dependents', 'warning', `${textOf(row, 'object')} depends on ${name}, which cannot be dropped while it does.`, 'Once writes are switched and before the final drop, make it read the new tables; until then it goes on working.'))
    for (const row of await ask(context.session, TABLE_KEYS_SQL, [quotedTable(table.name), change.old.map(quotedTable)])) {
      if (row['incoming'] === true) found.push(finding('foreign keys', 'blocker', `The foreign key ${textOf(row, 'name')} of ${textOf(row, 'from')} points at ${name}, which is dropped in the end.`, 'Keep the old table (`drop-old: false`), or drop the key first and make one that points at the new table.'))
      else found.push(finding('foreign keys', 'warning', `The foreign key ${textOf(row, 'name')} of ${name} (${textOf(row, 'definition')}) is not made on the new tables.`, 'Add it there with NOT VALID once rows are there, and validate it, before writes are switched.'))
    }
    found.push(...(await mentions(context, table, [])))
  }
  return found
}

/** Columns of an old table that rows made by a link back would lack. */
function unsetColumns(change: TableChange, table: TableDetail): readonly PreflightCheck[] {
  const links = change.down.filter((link) => link.existence && spoken(link.to) === spoken(table.name))
  if (links.length === 0) return []
  const given = new Set(change.down.filter((link) => spoken(link.to) === spoken(table.name)).flatMap(({ key, set }) => [...key, ...set].map(({ column }) => column)))
  const left = table.columns.filter((column) => !given.has(column.name) && !column.generated && column.identity === null)
  const needed = left.filter((column) => column.notNull && column.default === null)
  const generated = table.columns.filter((column) => column.generated && given.has(column.name))
  const lost = left.filter((column) => !needed.includes(column))
  return [
    ...(needed.length > 0 ? [finding('links', 'blocker', `No link under \`down\` gives ${needed.map((column) => column.name).join(', ')} of ${spoken(table.name)}, NOT NULL and without a default: rows made after the switch could not be written back.`, 'Set them in a link under `down`, or give them a default.')] : []),
    ...(generated.length > 0 ? [finding('links', 'blocker', `A link under \`down\` sets ${generated.map((column) => column.name).join(', ')} of ${spoken(table.name)}, which the server generates.`, 'Leave generated columns out.')] : []),
    ...(lost.length > 0 ? [finding('links', 'warning', `No link under \`down\` gives ${lost.map((column) => column.name).join(', ')} of ${spoken(table.name)}: rows made after the switch have the default there when it is taken back.`, 'Set them in a link under `down`, if they matter.')] : []),
  ]
}

/** Functions are text: whether they use a column only reading them tells. */
async function mentions({ session }: PreflightContext, table: TableDetail, columns: readonly string[]): Promise<readonly PreflightCheck[]> {
  const word = (name: string) => `\\m${name.replaceAll(/[^\w]/g, (character) => `\\${character}`)}\\M`
  const rows = await ask(
    session,
    `SELECT p.oid::regprocedure::text AS function FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'signalbox') AND l.lanname NOT IN ('internal', 'c') AND p.prosrc ~* $1 AND (cardinality($2::text[]) = 0 OR p.prosrc ~* ANY ($2::text[]))
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e') ORDER BY 1 LIMIT 20`,
    [word(table.name.table), columns.map(word)],
  )
  if (rows.length === 0 || (columns.length === 0 && table.name.table.length < 3)) return []
  return [finding('functions', 'warning', `${rows.map((row) => textOf(row, 'function')).join(', ')} ${rows.length === 1 ? 'speaks' : 'speak'} of ${spoken(table.name)}${columns.length > 0 ? ` and of ${columns.join(', ')}` : ''}: what a function uses is only known when it runs.`, 'Read them, and change them before writes are switched or the old structure is dropped.')]
}

/** SQLSTATE 0A000, "cached plan must not change result type", for prepared statements whose list of columns is a star. */
async function selectStar({ session }: PreflightContext, table: TableDetail): Promise<readonly PreflightCheck[]> {
  const fix = 'Name the columns in such statements, or have the driver prepare anew after an error 0A000; most reconnect once.'
  const risk = `Once ${spoken(table.name)} has new columns, prepared statements with * over it fail once with “cached plan must not change result type”.`
  const [installed] = await ask(session, `SELECT n.nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`)
  const unknown = (why: string) => [finding('prepared statements', 'warning', `${risk} Whether there are any is not known: ${why}.`, fix)]
  if (!installed) return unknown('pg_stat_statements is not installed')
  const view = `"${textOf(installed, 'schema').replaceAll('"', '""')}".pg_stat_statements`
  let seen: readonly CatalogRow[]
  try {
    seen = await ask(session, `SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 120) AS query FROM ${view} WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query ~* $1 AND query ~* '(select|returning|\\.)\\s*\\*' AND query !~* 'signalbox' ORDER BY calls DESC LIMIT 3`, [`\\m${table.name.table.replaceAll(/[^\w]/g, (character) => `\\${character}`)}\\M`])
  } catch (error) {
    // Installed, and not loaded by the server.
    if (isLost(error)) throw error
    return unknown(serverError(error).message)
  }
  return seen.length === 0 ? [finding('prepared statements', 'ok', `No statement with * over ${spoken(table.name)} was seen by pg_stat_statements.`)] : [finding('prepared statements', 'warning', `${risk} Seen: ${seen.map((row) => textOf(row, 'query')).join(' · ')}`, fix)]
}

/** Views, functions with parsed bodies, policies and generated columns, by what PostgreSQL itself records. */
const DEPENDENTS_SQL = `
SELECT coalesce((SELECT CASE c.relkind WHEN 'm' THEN 'The materialized view ' ELSE 'The view ' END || c.oid::regclass::text FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid), 'The ' || pg_describe_object(d.classid, d.objid, 0)) AS object,
  string_agg(DISTINCT a.attname, ', ') AS columns,
  bool_or(d.classid = 'pg_attrdef'::regclass) AS generated
FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass($1) AND a.attname = ANY ($2::text[]) AND (
  d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_policy'::regclass, 'pg_statistic_ext'::regclass)
  OR d.classid = 'pg_trigger'::regclass AND d.deptype = 'n'
  OR d.classid = 'pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_attrdef f WHERE f.oid = d.objid AND f.adnum <> a.attnum))
GROUP BY d.classid, d.objid ORDER BY 1`

/** Constraints that name replaced columns; foreign keys of others that point at them are 'incoming'. */
const CONSTRAINTS_SQL = `
SELECT k.conname AS name, CASE WHEN k.confrelid = to_regclass($1) AND k.contype = 'f' AND k.confkey && n.numbers THEN 'incoming' ELSE k.contype::text END AS type, k.conrelid::regclass::text AS from, pg_get_constraintdef(k.oid) AS definition,
  (SELECT coalesce(array_agg(a.attname::text), '{}') FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attname = ANY ($2::text[]) AND a.attnum = ANY (CASE WHEN k.confrelid = to_regclass($1) AND k.confkey && n.numbers THEN k.confkey ELSE k.conkey END)) AS columns
FROM pg_constraint k, (SELECT coalesce(array_agg(a.attnum), '{}') AS numbers FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attname = ANY ($2::text[])) n
WHERE k.contype IN ('f', 'x', 'c', 'u') AND (k.conrelid = to_regclass($1) AND k.conkey && n.numbers OR k.confrelid = to_regclass($1) AND k.confkey && n.numbers) ORDER BY 1`

const TABLE_DEPENDENTS_SQL = `
SELECT DISTINCT coalesce((SELECT CASE c.relkind WHEN 'm' THEN 'The materialized view ' ELSE 'The view ' END || c.oid::regclass::text FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid), 'The ' || pg_describe_object(d.classid, d.objid, 0)) AS object
FROM pg_depend d WHERE d.deptype = 'n' AND d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass)
  AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass($1) OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT t.oid FROM pg_type t WHERE t.typrelid = to_regclass($1)))
  AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid AND r.ev_class = to_regclass($1)) ORDER BY 1`

const TABLE_KEYS_SQL = `
SELECT k.conname AS name, k.conrelid::regclass::text AS from, pg_get_constraintdef(k.oid) AS definition, k.conrelid <> to_regclass($1) AS incoming FROM pg_constraint k
WHERE k.contype = 'f' AND (k.conrelid = to_regclass($1) OR k.confrelid = to_regclass($1)) AND NOT (k.conrelid = ANY ($2::text[]::regclass[]) AND k.confrelid = ANY ($2::text[]::regclass[]) AND k.conrelid <> to_regclass($1)) ORDER BY 1`
