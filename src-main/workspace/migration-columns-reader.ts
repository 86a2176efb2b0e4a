import { isMap } from 'yaml'
import type { ColumnChange, TableName } from '../contract/migration-definition.ts'
import { checkExpression } from '../providers/postgres/migration/preflight/lint-expression.ts'
import { field, mapping, record } from './collections.ts'
import { COLUMN } from './migration-names.ts'
import type { Reader, Reading } from './reading.ts'
import { yesNo } from './scalars.ts'
import { defaultExpression, rowExpression, sqlType } from './sql-text.ts'
import { clip } from './units.ts'

/** Readers of a migration of one table's columns: `columns` and `replaces`. */

const MAX_COLUMNS = 50

const newColumn = mapping('a new column', {
  type: field('type', sqlType, 'its type: `type: text`'),
  up: field('up', rowExpression, 'what it is, over the columns the row has now: `up: split_part(full_name, \' \', 1)`'),
  'not-null': field('notNull', yesNo),
  default: field('default', defaultExpression),
  unique: field('unique', yesNo),
})
export const newColumnsReader = record('new columns', COLUMN, () => newColumn)
export type NewColumnsRead = NonNullable<ReturnType<typeof newColumnsReader>>

const downMapping = mapping('a replaced column', { down: field('down', rowExpression, 'what keeps it right once the new columns are written: `down: concat_ws(\' \', first_name, last_name)`') })
/** The expression, or `{down: expression}`. */
const replaced: Reader<string> = (node, at) => (isMap(node) ? downMapping(node, at)?.down : rowExpression(node, at))
export const replacesReader = record('replaced columns', COLUMN, () => replaced)

export interface ColumnParts {
  readonly table: TableName
  readonly columns: NewColumnsRead
  readonly replaces: Readonly<Record<string, string>>
  readonly checks: Readonly<Record<string, string>>
}

/** Puts it together, and checks what only the whole shows. */
export function columnChange(parts: ColumnParts, at: Reading): ColumnChange | undefined {
  const add = Object.entries(parts.columns)
  const replace = Object.entries(parts.replaces)
  const place = (...path: string[]) => at.placeOf([...at.path, ...path])
  if (add.length === 0 && replace.length === 0 && Object.keys(parts.checks).length === 0) {
    at.problems.report(at.owner, 'a migration that changes nothing', '`columns:` with new ones, `replaces:` with those that go, or `checks:`')
    return undefined
  }
  for (const [what, count] of [['columns', add.length], ['replaces', replace.length], ['checks', Object.keys(parts.checks).length]] as const) {
    if (count > MAX_COLUMNS) at.problems.report(place(what), `${count} under \`${what}\``, `at most ${MAX_COLUMNS}`)
  }
  const gone = replace.map(([name]) => name).filter((name) => !Object.hasOwn(parts.columns, name))
  const refuseGone = (expression: string, path: readonly string[], what: string): void => {
    const checked = checkExpression(expression)
    const used = checked.ok ? checked.value.columns.find((column) => gone.includes(column)) : undefined
    if (used !== undefined) at.problems.report(place(...path), `${what} reads \`${clip(used)}\`, which is replaced`, 'the columns of the new shape: the new ones, and those that stay')
  }
  for (const [name, down] of replace) refuseGone(down, ['replaces', name], '`down`')
  for (const [name, check] of Object.entries(parts.checks)) refuseGone(check, ['checks', name], 'a check of the new shape')
  return {
    kind: 'columns',
    table: parts.table,
    add: add.map(([name, { type, up, notNull, default: value, unique }]) => ({ name, type: type ?? '', up: up ?? '', notNull: notNull ?? false, default: value ?? null, unique: unique ?? false })),
    replace: replace.map(([name, down]) => ({ name, down })),
    checks: Object.entries(parts.checks).map(([name, expression]) => ({ name, expression })),
  }
}
