import type { ColumnChange, NewColumn, TableName } from '../../../../contract/migration-definition.ts'
import { checkDefault, checkExpression } from './lint-expression.ts'
import { parseType, plain } from './lint-parse.ts'

/**
 * Operations of pgroll (its migration files, in YAML or JSON) as changes of columns here, as far as they map. What its
 * file format holds: https://github.com/xataio/pgroll, `schema.json`.
 */

export interface PgrollProblem {
  /** Keys and indexes into the document. */
  readonly path: readonly (string | number)[]
  readonly message: string
  readonly expected: string
}

export interface PgrollImport {
  /** One for each table the operations are about. */
  readonly changes: readonly ColumnChange[]
  /** What does not map, and why. */
  readonly problems: readonly PgrollProblem[]
}

/** Why an operation has no place here. */
const UNMAPPED: Readonly<Record<string, string>> = {
  create_table: 'a table of its own needs no phases: create it before; rows that come from another table are `old:` with `tables:`',
  rename_table: 'renaming a table is no change of columns: write `old:` with `tables:` and links that copy every column',
  drop_table: 'dropping a table has no way back; it is done in the cleanup of a migration with `drop-old: true`',
  rename_constraint: 'renaming a constraint changes no data: rename it at any time, it takes a lock for milliseconds',
  create_index: 'an index changes no data: build it with CREATE INDEX CONCURRENTLY',
  drop_index: 'an index changes no data: drop it with DROP INDEX CONCURRENTLY',
  drop_constraint: 'dropping a constraint changes no data; the new shape of a replaced column simply does not have it',
  drop_multicolumn_constraint: 'dropping a constraint changes no data',
  set_replica_identity: 'a setting of replication, not of the shape: set it before',
  sql: 'nobody knows what raw SQL does, and how it is undone',
}
const MAPPED = ['add_column', 'alter_column', 'rename_column', 'drop_column', 'create_constraint']

interface Draft {
  readonly table: TableName
  readonly add: Map<string, NewColumn>
  readonly replace: Map<string, string>
  readonly checks: Map<string, string>
}

interface Reading {
  readonly types: Readonly<Record<string, string>>
  readonly path: readonly (string | number)[]
  readonly report: (key: string | null, message: string, expected: string) => undefined
}

/** `types`: of columns whose operations do not say theirs. Booleans may come as text. */
export function importPgroll(document: unknown, types: Readonly<Record<string, string>> = {}): PgrollImport {
  const problems: PgrollProblem[] = []
  const drafts = new Map<string, Draft>()
  const operations = plain(document)['operations']
  if (!Array.isArray(operations)) problems.push({ path: [], message: 'no list of operations', expected: '`operations:` as pgroll has them' })
  for (const [index, one] of (Array.isArray(operations) ? (operations as unknown[]) : []).entries()) {
    const [kind = '', ...more] = Object.keys(plain(one))
    const path = ['operations', index]
    if (kind === '' || more.length > 0) {
      problems.push({ path, message: 'not one operation', expected: `one of ${MAPPED.join(', ')}` })
      continue
    }
    const inside = [...path, kind]
    const report: Reading['report'] = (key, message, expected) => {
      problems.push({ path: key === null ? inside : [...inside, key], message: `${kind}: ${message}`, expected })
      return undefined
    }
    if (!MAPPED.includes(kind)) {
      report(null, 'does not map', Object.hasOwn(UNMAPPED, kind) ? (UNMAPPED[kind] ?? '') : `one of ${MAPPED.join(', ')}`)
      continue
    }
    const operation = plain(plain(one)[kind])
    const table = textOf(operation['table'])
    if (table === '') {
      report(null, 'without a table', '`table:`')
      continue
    }
    const draft = drafts.get(table) ?? { table: toTable(table), add: new Map(), replace: new Map(), checks: new Map() }
    drafts.set(table, draft)
    readOperation(kind, operation, draft, { types, path: inside, report })
  }
  const changes = [...drafts.values()].map(
    ({ table, add, replace, checks }): ColumnChange => ({
      kind: 'columns',
      table,
      add: [...add.values()],
      replace: [...replace].map(([name, down]) => ({ name, down })),
      checks: [...checks].map(([name, expression]) => ({ name, expression })),
    }),
  )
  return { changes, problems }
}

function readOperation(kind: string, operation: Readonly<Record<string, unknown>>, draft: Draft, at: Reading): void {
  switch (kind) {
    case 'add_column':
      return addColumn(operation, draft, at)
    case 'alter_column':
      return 'name' in operation ? rename(textOf(operation['column']), textOf(operation['name']), draft, at) : alterColumn(operation, draft, at)
    case 'rename_column':
      return rename(textOf(operation['from']), textOf(operation['to']), draft, at)
    case 'drop_column':
      return dropColumn(operation, draft, at)
    default:
      return createConstraint(operation, draft, at)
  }
}

function addColumn(operation: Readonly<Record<string, unknown>>, draft: Draft, at: Reading): void {
  const column = plain(operation['column'])
  const name = textOf(column['name'])
  const written = textOf(operation['up'])
  if (written === '') return at.report(null, `\`${name}\` comes from no other column`, 'nothing: a column that is simply new needs no phases, ALTER TABLE ADD COLUMN is done in milliseconds')
  refuseKeys(column, ['references', 'pk', 'comment', 'generated'], at)
  const up = expression(written, 'up', at)
  const type = typeOf(textOf(column['type']), 'column', at)
  const value = defaultOf(column['default'], at)
  if (name === '' || up === undefined || type === undefined || value === undefined) return
  // pgroll's columns are NOT NULL unless they say otherwise.
  draft.add.set(name, { name, type, up, notNull: !isTrue(column['nullable']), default: value, unique: isTrue(column['unique']) })
  checkOf(column['check'], draft, at)
}

function alterColumn(operation: Readonly<Record<string, unknown>>, draft: Draft, at: Reading): void {
  const name = textOf(operation['column'])
  refuseKeys(operation, ['references', 'comment'], at)
  checkOf(operation['check'], draft, at)
  const written = { up: textOf(operation['up']), down: textOf(operation['down']) }
  const unchanged = !['type', 'nullable', 'default', 'unique'].some((key) => key in operation)
  // A check alone, over values that stay as they are.
  if (unchanged && [written.up, written.down].every((text) => text === '' || text.trim() === name)) return
  const before = draft.add.get(name)
  const type = typeOf(textOf(operation['type']) || (before?.type ?? at.types[name] ?? ''), name, at)
  const up = expression(written.up || quoted(name), 'up', at)
  const down = expression(written.down || quoted(name), 'down', at)
  const value = 'default' in operation ? defaultOf(operation['default'], at) : (before?.default ?? null)
  if (name === '' || type === undefined || up === undefined || down === undefined || value === undefined) return
  if (before) return at.report('column', `\`${name}\` is changed twice`, 'one operation for each column')
  draft.add.set(name, { name, type, up, notNull: 'nullable' in operation && !isTrue(operation['nullable']), default: value, unique: 'unique' in operation })
  draft.replace.set(name, down)
}

function rename(from: string, to: string, draft: Draft, at: Reading): void {
  const type = typeOf(at.types[from] ?? at.types[to] ?? '', from, at)
  if (from === '' || to === '') return at.report(null, 'without both names', 'the old name and the new one')
  if (type === undefined) return
  draft.add.set(to, { name: to, type, up: quoted(from), notNull: false, default: null, unique: false })
  draft.replace.set(from, quoted(to))
}

function dropColumn(operation: Readonly<Record<string, unknown>>, draft: Draft, at: Reading): void {
  const name = textOf(operation['column'])
  const written = textOf(operation['down'])
  if (written === '') return at.report(null, `\`${name}\` is dropped with no way back`, '`down:` that makes it from the columns that stay')
  const down = expression(written, 'down', at)
  if (name !== '' && down !== undefined) draft.replace.set(name, down)
}

function createConstraint(operation: Readonly<Record<string, unknown>>, draft: Draft, at: Reading): void {
  const type = textOf(operation['type'])
  const columns = Array.isArray(operation['columns']) ? operation['columns'].map(textOf) : []
  if (type !== 'check' && !(type === 'unique' && columns.length === 1)) {
    return at.report('type', `a constraint of type ${type === '' ? 'nothing' : type}${type === 'unique' ? ' over several columns' : ''} does not map`, 'a check, or unique over one column; build others as PostgreSQL does without blocking: CREATE UNIQUE INDEX CONCURRENTLY, or NOT VALID and then VALIDATE')
  }
  if (type === 'check') checkOf({ name: operation['name'], constraint: operation['check'] }, draft, at)
  const up = plain(operation['up'])
  const down = plain(operation['down'])
  for (const name of new Set([...Object.keys(up), ...Object.keys(down), ...(type === 'unique' ? columns : [])])) {
    const [upText, downText] = [textOf(up[name]) || quoted(name), textOf(down[name]) || quoted(name)]
    if (type === 'check' && [upText, downText].every((text) => text.trim() === name || text === quoted(name))) continue
    const columnType = typeOf(at.types[name] ?? '', name, at)
    const upExpression = expression(upText, 'up', at)
    const downExpression = expression(downText, 'down', at)
    if (columnType === undefined || upExpression === undefined || downExpression === undefined) continue
    draft.add.set(name, { name, type: columnType, up: upExpression, notNull: false, default: null, unique: type === 'unique' })
    draft.replace.set(name, downExpression)
  }
}

function checkOf(value: unknown, draft: Draft, at: Reading): void {
  if (value === undefined || value === '') return
  const name = textOf(plain(value)['name'])
  const constraint = expression(textOf(plain(value)['constraint']), 'check', at)
  if (name === '') return at.report('check', 'a check without a name', '`name:`')
  if (constraint !== undefined) draft.checks.set(name, constraint)
}

/** An expression; pgroll's are also written as a SELECT of one. */
function expression(written: string, key: string, at: Reading): string | undefined {
  const bare = /^\s*\(?\s*SELECT\s+([^;]*?)\s*;?\s*$/i.exec(written)?.[1] ?? written
  const unwrapped = /^\s*\(\s*SELECT\s/i.test(written) ? bare.replace(/\)$/, '') : bare
  for (const candidate of [written, unwrapped]) if (checkExpression(candidate).ok) return candidate.trim()
  const checked = checkExpression(unwrapped)
  return checked.ok ? unwrapped : at.report(key, checked.slip.message, checked.slip.expected)
}

function typeOf(written: string, name: string, at: Reading): string | undefined {
  if (written === '') return at.report(null, `the operation does not say the type of \`${name}\``, `it beside \`pgroll\`: \`types: {${name}: text}\``)
  const parsed = parseType(written)
  return parsed.ok ? written : at.report('type', parsed.slip.message, parsed.slip.expected)
}

/** Null: none. `undefined`: a problem. */
function defaultOf(value: unknown, at: Reading): string | null | undefined {
  const written = textOf(value)
  if (value === undefined || value === null || /^(null|~|)$/i.test(written)) return null
  const checked = checkDefault(written)
  return checked.ok ? written : at.report('default', checked.slip.message, checked.slip.expected)
}

function refuseKeys(operation: Readonly<Record<string, unknown>>, keys: readonly string[], at: Reading): void {
  const why: Readonly<Record<string, string>> = { references: 'a foreign key added afterwards with NOT VALID, and then validated', pk: 'a new primary key is a re-key: `old:` with `tables:`', comment: 'COMMENT ON COLUMN at any time', generated: 'a generated column is filled by PostgreSQL itself' }
  for (const key of keys) if (key in operation && !/^(false|)$/.test(textOf(operation[key]))) at.report(key, `\`${key}\` does not map`, why[key] ?? '')
}

function toTable(written: string): TableName {
  const [first = '', second] = written.split('.')
  return second === undefined ? { schema: 'public', table: first } : { schema: first, table: second }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true'
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'boolean' || typeof value === 'number' ? String(value) : Array.isArray(value) || (typeof value === 'object' && value !== null) ? '{}' : ''
}
