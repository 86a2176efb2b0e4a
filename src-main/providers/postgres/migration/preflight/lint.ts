import type { ColumnChange, MigrationDefinition, TableChange } from '../../../../contract/migration-definition.ts'
import type { PreflightCheck } from '../../../../contract/migration.ts'
import { checkDefault, checkExpression } from './lint-expression.ts'
import { lintNames } from './lint-names.ts'
import { parseType } from './lint-parse.ts'
import { spoken } from '../units.ts'
import type { TableFacts } from '../units.ts'

/** One check of preflight. */
export function finding(name: string, state: PreflightCheck['state'], detail: string, fix = ''): PreflightCheck {
  return { name, state, detail, fix }
}

/**
 * What the text of a definition shows to be wrong, against what is known of its tables: expressions, types, names.
 * `facts` of tables that are not there are missing. Asks nobody.
 */
export function lintDefinition(definition: MigrationDefinition, facts: readonly TableFacts[]): readonly PreflightCheck[] {
  const { change } = definition
  const found = [...(change.kind === 'columns' ? lintColumns(change, facts) : lintTables(change, facts)), ...lintNames(definition, facts), ...lintIgnore(definition), ...lintEntity(definition, facts)]
  return found.length > 0 ? found : [finding('declaration', 'ok', 'Expressions, types and names are sound.')]
}

interface Side {
  /** What it is called in a sentence. */
  readonly of: string
  readonly columns: readonly string[]
}

function lintColumns(change: ColumnChange, facts: readonly TableFacts[]): readonly PreflightCheck[] {
  const table = facts.find(({ name }) => spoken(name) === spoken(change.table))
  const replaced = new Set(change.replace.map(({ name }) => name))
  const added = change.add.map(({ name }) => name)
  const before = table?.columns.map(({ name }) => name) ?? null
  const oldSide = before && { of: spoken(change.table), columns: before }
  const newSide = before && { of: `the new shape of ${spoken(change.table)}`, columns: [...before.filter((name) => !replaced.has(name)), ...added] }
  const found: PreflightCheck[] = [
    ...change.add.flatMap(({ name, type, up, default: value }) => [...lintType(`column ${name}`, type), ...lintExpression(`up of ${name}`, up, oldSide), ...lintDefault(name, value)]),
    ...change.replace.flatMap(({ name, down }) => lintExpression(`down of ${name}`, down, newSide)),
    ...change.checks.flatMap(({ name, expression }) => lintExpression(`check ${name}`, expression, newSide)),
  ]
  for (const { name } of change.replace) {
    if (before && !before.includes(name)) found.push(finding('columns', 'blocker', `${spoken(change.table)} has no column ${name} to be replaced.`, `One of ${before.join(', ')}.`))
  }
  for (const name of added) {
    if (before?.includes(name) && !replaced.has(name)) found.push(finding('columns', 'blocker', `${spoken(change.table)} has a column ${name} already, and it is not replaced.`, 'Choose another name, or replace it too.'))
  }
  if (change.add.length + change.replace.length + change.checks.length === 0) found.push(finding('columns', 'blocker', 'It changes nothing.', 'Declare new columns, replaced ones, or checks.'))
  found.push(...notCarried(change, table), ...constants(change))
  for (const twice of duplicates([...added])) found.push(finding('columns', 'blocker', `The new column ${twice} is declared twice.`, 'Declare each once.'))
  for (const twice of duplicates(change.replace.map(({ name }) => name))) found.push(finding('columns', 'blocker', `The replaced column ${twice} is declared twice.`, 'Declare each once.'))
  return found
}

/** Properties of a replaced column that its successor of the same name would not have. */
function notCarried(change: ColumnChange, table: TableFacts | undefined): readonly PreflightCheck[] {
  return change.add.flatMap(({ name, notNull, default: value }) => {
    const old = table?.columns.find((column) => column.name === name)
    if (!old || !change.replace.some((column) => column.name === name)) return []
    return [
      ...(old.notNull && !notNull ? [finding('columns', 'warning', `${name} is NOT NULL now and will not be afterwards.`, 'Declare `not-null: true`, unless that is meant.')] : []),
      ...(old.default !== null && value === null ? [finding('columns', 'warning', `${name} has the default ${old.default} now and will have none afterwards.`, 'Declare a `default`, unless that is meant.')] : []),
    ]
  })
}

function constants(change: ColumnChange): readonly PreflightCheck[] {
  return change.add.flatMap(({ name, up }) => {
    const checked = checkExpression(up)
    return checked.ok && checked.value.columns.length === 0 ? [finding('expressions', 'warning', `up of ${name} reads no column: while the old side is authoritative each write of a row sets ${name} to the same value again.`, 'A column that is simply new needs no migration: ALTER TABLE ADD COLUMN.')] : []
  })
}

function lintTables(change: TableChange, facts: readonly TableFacts[]): readonly PreflightCheck[] {
  const columnsOf = (name: string): readonly string[] | null =>
    change.new.find((table) => spoken(table.name) === name)?.columns.map((column) => column.name) ?? facts.find((table) => spoken(table.name) === name)?.columns.map((column) => column.name) ?? null
  const keyOf = (name: string): readonly string[] | null => change.new.find((table) => spoken(table.name) === name)?.primaryKey ?? facts.find((table) => spoken(table.name) === name)?.primaryKey ?? null
  const found: PreflightCheck[] = []
  for (const table of change.new) {
    const columns = table.columns.map(({ name }) => name)
    for (const { name, type, default: value } of table.columns) found.push(...lintType(`column ${spoken(table.name)}.${name}`, type), ...lintDefault(name, value))
    for (const { name, expression } of table.checks) found.push(...lintExpression(`check ${name}`, expression, { of: spoken(table.name), columns }))
    for (const name of [...table.primaryKey, ...table.unique.flat()]) if (!columns.includes(name)) found.push(finding('columns', 'blocker', `${spoken(table.name)} has no column ${name} for its keys.`, `One of ${columns.join(', ')}.`))
    for (const twice of duplicates(columns)) found.push(finding('columns', 'blocker', `The column ${twice} of ${spoken(table.name)} is declared twice.`, 'Declare each once.'))
    if (!change.up.some((link) => link.existence && spoken(link.to) === spoken(table.name))) found.push(finding('links', 'blocker', `No link makes rows of ${spoken(table.name)}.`, 'Declare a link under `up` that leads to it, with `existence: true`.'))
  }
  for (const [direction, links] of [['up', change.up], ['down', change.down]] as const) {
    for (const link of links) {
      const [from, to] = [spoken(link.from), spoken(link.to)]
      const source = columnsOf(from)
      const target = columnsOf(to)
      const side = source && { of: from, columns: source }
      for (const { column, expression } of [...link.key, ...link.set]) found.push(...lintExpression(`${direction} of ${to}.${column}`, expression, side))
      for (const { column } of [...link.key, ...link.set]) if (target && !target.includes(column)) found.push(finding('links', 'blocker', `${to} has no column ${column}.`, `One of ${target.join(', ')}.`))
      const key = keyOf(to)
      const given = link.key.map(({ column }) => column)
      if (key && (key.length !== given.length || key.some((column) => !given.includes(column)))) found.push(finding('links', 'blocker', `The link ${from} > ${to} gives ${given.join(', ')} as key, and the primary key is ${key.join(', ') || 'none'}.`, 'Give exactly the columns of the primary key.'))
      for (const twice of duplicates([...given, ...link.set.map(({ column }) => column)])) found.push(finding('links', 'blocker', `The link ${from} > ${to} sets ${twice} twice.`, 'Set each column once.'))
    }
  }
  return found
}

function lintExpression(what: string, text: string, side: Side | null): readonly PreflightCheck[] {
  const checked = checkExpression(text)
  if (!checked.ok) return [finding('expressions', 'blocker', `${what}: ${checked.slip.message} at character ${checked.slip.offset + 1} of ${text}`, `Write ${checked.slip.expected}.`)]
  if (!side) return []
  return checked.value.columns
    .filter((column) => !side.columns.includes(column))
    .map((column) => finding('expressions', 'blocker', `${what} reads ${column}, and ${side.of} has no such column.`, `Its columns: ${side.columns.join(', ')}.`))
}

function lintType(what: string, type: string): readonly PreflightCheck[] {
  const parsed = parseType(type)
  return parsed.ok ? [] : [finding('types', 'blocker', `The type of ${what}: ${parsed.slip.message}.`, `Write ${parsed.slip.expected}.`)]
}

function lintDefault(column: string, value: string | null): readonly PreflightCheck[] {
  if (value === null) return []
  const checked = checkDefault(value)
  return checked.ok ? [] : [finding('expressions', 'blocker', `The default of ${column}: ${checked.slip.message}.`, `Write ${checked.slip.expected}.`)]
}

function lintIgnore({ verify }: MigrationDefinition): readonly PreflightCheck[] {
  return verify.ignore.flatMap(({ name, when }) => lintExpression(`ignore rule ${name}`, when, { of: 'an ignore rule', columns: ['old', 'new'] }))
}

function lintEntity({ change, entity }: MigrationDefinition, facts: readonly TableFacts[]): readonly PreflightCheck[] {
  const name = change.kind === 'columns' ? change.table : change.old[0]
  const table = name && facts.find((one) => spoken(one.name) === spoken(name))
  const replaced = change.kind === 'columns' ? change.replace.map((column) => column.name) : []
  return entity.flatMap((column) => {
    if (replaced.includes(column)) return [finding('entity', 'blocker', `Entities are told apart by ${column}, which is replaced.`, 'Name a column that both shapes have.')]
    return table && !table.columns.some((one) => one.name === column) ? [finding('entity', 'blocker', `${spoken(table.name)} has no column ${column} to tell entities apart.`, `One of ${table.columns.map((one) => one.name).join(', ')}.`)] : []
  })
}

export function duplicates(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))]
}
