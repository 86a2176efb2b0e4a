import type { Link, NewTable, TableName } from '../contract/migration-definition.ts'
import { checkExpression } from '../providers/postgres/migration/preflight/lint-expression.ts'
import { reportUnknown, writtenTable } from './migration-names.ts'
import type { LinkRead } from './migration-tables-reader.ts'
import type { PathPart, Reading } from './reading.ts'

interface LinkToCheck {
  readonly link: LinkRead
  readonly path: readonly PathPart[]
  readonly from: readonly TableName[]
  readonly to: readonly TableName[]
  /** New tables, whose columns are known from the file. What old tables have only the database knows. */
  readonly made: readonly NewTable[]
  readonly at: Reading
}

/** A link between tables, checked against what the file itself says of them. */
export function checkLink({ link, path, from, to, made, at }: LinkToCheck): Link | undefined {
  const source = end(link, 'from', from, path, at)
  const target = end(link, 'to', to, path, at)
  if (!source || !target || !link.key) return undefined
  const madeOf = (name: TableName) => made.find((table) => writtenTable(table.name) === writtenTable(name))
  const set = { ...Object.fromEntries((link.copy ?? []).map((name) => [name, quoted(name)])), ...link.set }
  const targetTable = madeOf(target)
  if (targetTable) checkTarget(targetTable, link, set, path, at)
  const sourceTable = madeOf(source)
  if (sourceTable) {
    const columns = sourceTable.columns.map(({ name }) => name)
    for (const [key, expressions] of [['key', link.key], ['set', set]] as const) {
      for (const [name, expression] of Object.entries(expressions)) {
        const checked = checkExpression(expression)
        for (const used of checked.ok ? checked.value.columns : []) if (!columns.includes(used)) reportUnknown(at, [...path, key, name], used, columns, 'column')
      }
    }
  }
  const ordered = targetTable ? targetTable.primaryKey.filter((name) => link.key && Object.hasOwn(link.key, name)) : Object.keys(link.key)
  return {
    from: source,
    to: target,
    key: ordered.map((name) => ({ column: name, expression: link.key?.[name] ?? '' })),
    set: Object.entries(set).map(([name, expression]) => ({ column: name, expression })),
    existence: link.existence ?? true,
  }
}

function end(link: LinkRead, which: 'from' | 'to', known: readonly TableName[], path: readonly PathPart[], at: Reading): TableName | undefined {
  const given = link[which]
  if (given) {
    const names = known.map(writtenTable)
    if (names.includes(writtenTable(given))) return given
    reportUnknown(at, [...path, which], writtenTable(given), names, `table under \`${(path[0] === 'up') === (which === 'from') ? 'old' : 'tables'}\``)
    return undefined
  }
  if (at.has([...at.path, ...path, which])) return undefined
  if (known.length === 1) return known[0]
  at.problems.report(at.placeOf([...at.path, ...path]), `a link that does not say \`${which}\``, `one of ${known.map(writtenTable).join(', ')}`)
  return undefined
}

function checkTarget(table: NewTable, link: LinkRead, set: Readonly<Record<string, string>>, path: readonly PathPart[], at: Reading): void {
  const columns = table.columns.map(({ name }) => name)
  const keys = Object.keys(link.key ?? {})
  for (const name of keys) {
    if (!columns.includes(name)) reportUnknown(at, [...path, 'key', name], name, columns, 'column')
    else if (!table.primaryKey.includes(name)) at.problems.report(at.placeOf([...at.path, ...path, 'key', name]), `\`${name}\` is not in the primary key of \`${writtenTable(table.name)}\``, `exactly ${table.primaryKey.join(', ')}; anything else under \`set\``)
  }
  const missing = table.primaryKey.find((name) => !keys.includes(name))
  if (missing !== undefined) at.problems.report(at.placeOf([...at.path, ...path, 'key']), `\`${missing}\` of the primary key is not given`, `every column of the primary key: ${table.primaryKey.join(', ')}`)
  for (const name of Object.keys(set)) {
    const place = link.set && Object.hasOwn(link.set, name) ? [...path, 'set', name] : [...path, 'copy']
    if (!columns.includes(name)) reportUnknown(at, place, name, columns, 'column')
    else if (table.primaryKey.includes(name)) at.problems.report(at.placeOf([...at.path, ...place]), `\`${name}\` is in the primary key`, 'columns of the primary key under `key` only')
  }
  if (link.existence === false) return
  const unset = table.columns.find(({ name, notNull, default: value }) => notNull && value === null && !table.primaryKey.includes(name) && !Object.hasOwn(set, name))
  if (unset) at.problems.report(at.placeOf([...at.path, ...path]), `\`${unset.name}\` must not be null, has no default, and this link does not set it`, 'it under `set` or `copy`, a `default`, or no `not-null`')
}

/** A column's name as an expression. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
