import { isMap } from 'yaml'
import type { Link, NewTable, TableChange, TableName } from '../contract/migration-definition.ts'
import { checkExpression } from '../providers/postgres/migration/preflight/lint-expression.ts'
import { field, list, mapping, record } from './collections.ts'
import { checkLink } from './migration-links.ts'
import { COLUMN, identifier, namedExpressions, oneOrMore, reportUnknown, TABLE, tableName, toTableName, writtenTable } from './migration-names.ts'
import type { Reader, Reading } from './reading.ts'
import { yesNo } from './scalars.ts'
import { defaultExpression, sqlType } from './sql-text.ts'

/** Readers of a migration to new tables: `old`, `tables`, and the links `up` and `down`. */

type ColumnRead = Omit<NewTable['columns'][number], 'name'>
const columnMapping = mapping('a column', {
  type: field('type', sqlType, 'its type: `type: text`'),
  'not-null': field('notNull', yesNo),
  default: field('default', defaultExpression),
})
/** A type, or a mapping. */
const column: Reader<ColumnRead> = (node, at) => {
  const read = isMap(node) ? columnMapping(node, at) : { type: sqlType(node, at) }
  return read?.type === undefined ? undefined : { type: read.type, notNull: ('notNull' in read && read.notNull) ?? false, default: ('default' in read ? read.default : null) ?? null }
}

const tableMapping = mapping('a new table', {
  columns: field('columns', record('columns', COLUMN, () => column), 'its columns: `columns: {id: bigint, name: text}`'),
  'primary-key': field('primaryKey', oneOrMore('columns', identifier, 10), 'the columns of its primary key: `primary-key: id`'),
  unique: field('unique', list('unique columns', oneOrMore('columns', identifier, 10), { max: 20 })),
  checks: field('checks', namedExpressions),
})
export const newTablesReader = record('new tables', TABLE, () => tableMapping)

const linkMapping = mapping('a link', {
  from: field('from', tableName),
  to: field('to', tableName),
  key: field('key', namedExpressions, 'the target’s primary key, each column from the source row: `key: {id: id}`'),
  set: field('set', namedExpressions),
  copy: field('copy', oneOrMore('columns', identifier, 500)),
  existence: field('existence', yesNo),
})
export type LinkRead = NonNullable<ReturnType<typeof linkMapping>>
export const linksReader = list('links', linkMapping, { max: 20 })
export const oldReader = oneOrMore('tables', tableName, 10)

export interface TableParts {
  readonly old: readonly TableName[]
  readonly tables: NonNullable<ReturnType<typeof newTablesReader>>
  readonly up: readonly LinkRead[]
  readonly down: readonly LinkRead[]
  readonly dropOld: boolean
}

/** Puts it together, and checks what only the whole shows. */
export function tableChange(parts: TableParts, at: Reading): TableChange | undefined {
  const made = Object.entries(parts.tables).map(([written, read]): NewTable => {
    const primaryKey = read.primaryKey ?? []
    const columns = Object.entries(read.columns ?? {}).map(([name, one]) => ({ name, type: one.type, notNull: one.notNull || primaryKey.includes(name), default: one.default }))
    checkTable(written, columns.map(({ name }) => name), read, at)
    return { name: toTableName(written), columns, primaryKey, unique: read.unique ?? [], checks: Object.entries(read.checks ?? {}).map(([name, expression]) => ({ name, expression })) }
  })
  const old = parts.old.map(writtenTable)
  old.forEach((name, index) => {
    if (old.indexOf(name) !== index) at.problems.report(at.placeOf([...at.path, 'old', index]), `\`${name}\` is named twice`, 'each table once')
    if (made.some((table) => writtenTable(table.name) === name)) at.problems.report(at.placeOf([...at.path, 'tables', name]), `\`${name}\` is an old table and a new one`, 'a name of its own for the new table')
  })
  const up = parts.up.map((link, index) => checkLink({ link, path: ['up', index], from: parts.old, to: made.map(({ name }) => name), made, at }))
  const down = parts.down.map((link, index) => checkLink({ link, path: ['down', index], from: made.map(({ name }) => name), to: parts.old, made, at }))
  for (const { name } of made) {
    if (!up.some((link) => link?.existence === true && writtenTable(link.to) === writtenTable(name)) && up.every((link) => link !== undefined)) {
      at.problems.report(at.placeOf([...at.path, 'tables', writtenTable(name)]), `nothing makes rows of \`${writtenTable(name)}\``, 'a link under `up` that leads to it, without `existence: false`')
    }
  }
  if (parts.dropOld) {
    for (const name of parts.old) {
      if (down.every((link) => link !== undefined) && !down.some((link) => writtenTable(link.to) === writtenTable(name))) {
        at.problems.report(at.placeOf([...at.path, 'dropOld']), `\`${writtenTable(name)}\` is to be dropped, and no link under \`down\` keeps it right until then`, 'a link under `down` to each old table: the way back after the write switch')
      }
    }
  }
  const whole = (links: readonly (Link | undefined)[]): Link[] => links.flatMap((link) => link ?? [])
  return { kind: 'tables', old: [...parts.old], new: made, up: whole(up), down: whole(down), dropOld: parts.dropOld }
}

function checkTable(written: string, columns: readonly string[], read: NonNullable<ReturnType<typeof tableMapping>>, at: Reading): void {
  const inside = ['tables', written]
  if (columns.length === 0 && read.columns) at.problems.report(at.placeOf([...at.path, ...inside, 'columns']), 'a table without columns', 'at least the columns of its primary key')
  if (columns.length > 500) at.problems.report(at.placeOf([...at.path, ...inside, 'columns']), `${columns.length} columns`, 'at most 500')
  for (const [index, name] of (read.primaryKey ?? []).entries()) if (read.columns && !columns.includes(name)) reportUnknown(at, [...inside, 'primaryKey', index], name, columns, 'column')
  for (const [index, names] of (read.unique ?? []).entries()) for (const name of names) if (read.columns && !columns.includes(name)) reportUnknown(at, [...inside, 'unique', index], name, columns, 'column')
  for (const [name, expression] of Object.entries(read.checks ?? {})) {
    const checked = checkExpression(expression)
    for (const used of checked.ok && read.columns ? checked.value.columns : []) if (!columns.includes(used)) reportUnknown(at, [...inside, 'checks', name], used, columns, 'column')
  }
}
