import type { MigrationState } from '../../../../contract/migration.ts'
import type { MigrationDefinition, TableName } from '../../../../contract/migration-definition.ts'
import { columnNames, factsFor, unitsNow } from '../names.ts'
import type { KeyColumn } from '../page.ts'
import { columnsRead, rewriteColumns } from '../structure/rewrite-columns.ts'
import { downUnits, quoted, quotedTable, spoken, upUnits } from '../units.ts'
import type { TableFacts, Unit } from '../units.ts'

/** A column that is compared: where it is stored, and the SQL of what it should be, over the row of the source. */
export interface ComparedColumn {
  /** As people know it: the name it has in the end. */
  readonly name: string
  readonly stored: string
  readonly expected: string
  readonly type: string
}

/** A unit with everything its comparison is made of, by the names things have right now. */
export interface Comparison {
  readonly unit: Unit
  readonly direction: 'oldToNew' | 'newToOld'
  readonly key: readonly KeyColumn[]
  readonly from: TableName
  readonly to: TableName
  /** Key of `to`: its columns, and the SQL of each over the source row. Same row: empty. */
  readonly toKey: readonly { readonly column: KeyColumn; readonly expression: string }[]
  /** The key of `to` follows from that of `from` alone: also of a row that is gone. */
  readonly keyTells: boolean
  readonly columns: readonly ComparedColumn[]
  /** Same row, old is authoritative: each replaced column, and what `down` makes of the new ones. */
  readonly back: readonly ComparedColumn[]
  /** Columns of the source that people are shown. */
  readonly shown: readonly { readonly name: string; readonly physical: string }[]
  /** Candidate is what `up` says now; nothing is stored yet. */
  readonly projected: boolean
  /** What the new shape forbids, as SQL that is true of a row which must not be; for what is only projected yet. */
  readonly forbidden: readonly { readonly words: string; readonly sql: string }[]
  /** Values that must be unique in the new shape, as SQL over the source row. */
  readonly unique: readonly { readonly words: string; readonly expressions: readonly string[] }[]
  /** Other units that make rows of the same target; a row is extra when none of them accounts for it. */
  readonly makers: readonly Pick<Comparison, 'unit' | 'from' | 'toKey'>[]
  /** What must still be true of the migration when a statement looks, or the statement compared what is not comparable any more. */
  readonly standing: { readonly migration: string; readonly text: string }
}

type Started = { readonly definition: Pick<MigrationDefinition, 'id' | 'change'>; readonly state: Pick<MigrationState, 'phase' | 'writes'>; readonly tables: readonly TableFacts[] }

/** Comparisons in the direction of authority, those that make rows before those that fill columns. */
export function comparisonsOf({ definition, state, tables }: Started): readonly Comparison[] {
  return state.writes === 'old' ? comparisons(definition, tables, state, 'oldToNew') : comparisons(definition, tables, state, 'newToOld')
}

/** Shape, names and direction of what is stored follow from these alone. */
function standingText(phase: MigrationState['phase'], writes: MigrationState['writes']): string {
  return `${phase === 'shadowReads' || phase === 'planned'} ${phase === 'tombstoned'} ${writes}`
}

/** The same as SQL, over the state as it is stored. */
export function standingSql(migration: string): string {
  return `(SELECT concat_ws(' ', CASE WHEN m.state->>'phase' IN ('shadowReads', 'planned') THEN 'true' ELSE 'false' END, CASE WHEN m.state->>'phase' = 'tombstoned' THEN 'true' ELSE 'false' END, m.state->>'writes') FROM signalbox.migrations m WHERE m.id = '${migration}')`
}

/** Units of one direction, whoever is authoritative. */
export function comparisons(definition: Started['definition'], tables: readonly TableFacts[], { phase, writes }: Started['state'], direction: Comparison['direction']): readonly Comparison[] {
  const tombstoned = phase === 'tombstoned'
  const projected = phase === 'shadowReads' || phase === 'planned'
  const units = unitsNow(definition, tables, tombstoned)
  const chosen = direction === 'oldToNew' ? units.up : units.down
  const standing = { migration: definition.id, text: standingText(phase, writes) }
  // Tables put aside have other names now; what is known of them is known by the declared ones.
  const declared = direction === 'oldToNew' ? upUnits(definition, tables) : downUnits(definition, tables)
  const made = definition.change.kind === 'columns' ? chosen.map((unit) => sameRow(definition, tables, unit, direction, tombstoned, projected)) : chosen.map((unit, index) => link(definition, tables, unit, declared[index] ?? unit, direction, projected))
  const makers = (comparison: Omit<Comparison, 'standing'>) => made.filter(({ unit, to }) => unit.existence && spoken(to) === spoken(comparison.to))
  const withMakers = made.map((comparison) => ({ ...comparison, standing, makers: comparison.unit.sameRow ? [] : makers(comparison) }))
  return withMakers.toSorted((a, b) => Number(b.unit.existence) - Number(a.unit.existence))
}

function sameRow(definition: Started['definition'], tables: readonly TableFacts[], unit: Unit, direction: Comparison['direction'], tombstoned: boolean, projected: boolean): Omit<Comparison, 'standing'> {
  const { change } = definition
  if (change.kind !== 'columns') throw new Error('not a change of columns')
  const facts = factsFor(tables, change.table)
  const names = columnNames(definition, change, facts, tombstoned)
  const typeOf = (name: string) => facts.columns.find((column) => column.name === name)?.type ?? 'text'
  const up = new Map(change.add.map(({ name, up, type }) => [name, `(${rewriteColumns(up, (column) => quotedOrNull(names.ofOld(column)))})::${comparedType(type)}`]))
  const newColumn = (name: string) => (projected && up.has(name) ? `(${up.get(name)})` : quotedOrNull(names.ofNew(name)))
  const added = change.add.map(({ name, type }) => ({ name, stored: names.ofNew(name) ?? name, expected: up.get(name) ?? 'NULL', type }))
  const replaced = change.replace.map(({ name, down }) => {
    const type = typeOf(name)
    return { name, stored: names.ofOld(name) ?? name, expected: `(${rewriteColumns(down, newColumn)})::${comparedType(type)}`, type }
  })
  const forward = direction === 'oldToNew'
  // Both sides are shown: what is replaced, or where there is none, what the new columns are made of.
  const read = new Set(change.add.flatMap(({ up }) => columnsRead(up)))
  const sources = change.replace.length > 0 ? change.replace.map(({ name }) => name) : facts.columns.map(({ name }) => name).filter((name) => read.has(name))
  return {
    unit,
    direction,
    key: unit.fromKey.map((name) => ({ name, physical: names.ofOld(name) ?? name, type: typeOf(name) })),
    from: unit.from,
    to: unit.to,
    toKey: [],
    keyTells: true,
    columns: forward ? added : replaced,
    back: forward ? replaced : [],
    shown: forward ? sources.map((name) => ({ name, physical: names.ofOld(name) ?? name })) : added.map(({ name, stored }) => ({ name, physical: stored })),
    projected,
    forbidden: [
      ...change.add.flatMap(({ name, type, notNull }) => limits(name, type, notNull, up.get(name) ?? 'NULL')),
      ...change.checks.map(({ name, expression }) => ({ words: `constraint ${name}`, sql: `(${rewriteColumns(expression, newColumn)}) IS FALSE` })),
    ],
    unique: change.add.filter(({ unique }) => unique).map(({ name }) => ({ words: name, expressions: [up.get(name) ?? 'NULL'] })),
    makers: [],
  }
}

function link(definition: Started['definition'], tables: readonly TableFacts[], now: Unit, unit: Unit, direction: Comparison['direction'], projected: boolean): Omit<Comparison, 'standing'> {
  const { change } = definition
  if (change.kind !== 'tables') throw new Error('not a change of tables')
  const made = (table: TableName) => change.new.find(({ name }) => spoken(name) === spoken(table))
  const columnsOf = (table: TableName) => made(table)?.columns ?? factsFor(tables, table).columns
  const typeOf = (table: TableName, name: string) => columnsOf(table).find((column) => column.name === name)?.type ?? 'text'
  const expected = new Map([...unit.toKey, ...unit.set].map(({ column, expression }) => [column, `(${expression})::${comparedType(typeOf(unit.to, column))}`]))
  // Of what several units make together only what this one makes alone can be tried beforehand.
  const alone = (columns: readonly string[]) => columns.every((column) => expected.has(column))
  const target = made(unit.to)
  const read = new Set([...unit.toKey, ...unit.set].flatMap(({ expression }) => columnsRead(expression)))
  return {
    unit,
    direction,
    key: unit.fromKey.map((name) => ({ name, physical: name, type: typeOf(unit.from, name) })),
    from: now.from,
    to: now.to,
    toKey: unit.toKey.map(({ column, expression }) => ({ column: { name: column, physical: column, type: typeOf(unit.to, column) }, expression: `(${expression})::${comparedType(typeOf(unit.to, column))}` })),
    keyTells: unit.toKey.every(({ expression }) => columnsRead(expression).every((column) => unit.fromKey.includes(column))),
    columns: unit.set.map(({ column, expression }) => ({ name: column, stored: column, expected: `(${expression})::${comparedType(typeOf(unit.to, column))}`, type: typeOf(unit.to, column) })),
    back: [],
    shown: columnsOf(unit.from).filter(({ name }) => read.has(name)).map(({ name }) => ({ name, physical: name })),
    projected,
    forbidden: [
      ...(target?.columns ?? []).flatMap(({ name, type, notNull }) => limits(name, type, notNull && !unit.toKey.some(({ column }) => column === name), expected.get(name) ?? null)),
      ...(target?.checks ?? []).filter(({ expression }) => alone(columnsRead(expression))).map(({ name, expression }) => ({ words: `constraint ${name}`, sql: `(${rewriteColumns(expression, (column) => expected.get(column) ?? null)}) IS FALSE` })),
    ],
    unique: target && unit.existence ? [unit.toKey.map(({ column }) => column), ...target.unique].filter(alone).map((columns) => ({ words: columns.join(', '), expressions: columns.map((column) => expected.get(column) ?? 'NULL') })) : [],
    makers: [],
  }
}

/** NOT NULL and the length of a text type; nothing where the unit does not make the column. */
function limits(name: string, type: string, notNull: boolean, expected: string | null): readonly { readonly words: string; readonly sql: string }[] {
  if (expected === null) return []
  const length = /^(?:character varying|varchar|character|char|bpchar)\s*\(\s*(?<length>\d+)\s*\)\s*$/iu.exec(type)?.groups?.['length']
  return [
    ...(notNull ? [{ words: `${name} would be null`, sql: `${expected} IS NULL` }] : []),
    ...(length ? [{ words: `${name} is longer than ${length}`, sql: `length(${expected}) > ${length}` }] : []),
  ]
}

/**
 * The type values are made to before they are compared. Assigning to a text type with a length refuses what is too long,
 * a cast would cut it off unseen; so lengths are left out, and too long a value is a difference.
 */
export function comparedType(type: string): string {
  return type
    .replace(/^(?:character varying|varchar)\s*\(\s*\d+\s*\)/iu, 'character varying')
    .replace(/^(?:character|char|bpchar)\s*(?:\(\s*\d+\s*\))?(?=\s*(?:\[|$))/iu, 'bpchar')
    .replace(/^bit\s*\(\s*\d+\s*\)/iu, 'bit varying')
}

/** Whether rows of `to` are in the same order as those of `from`, by the very same values: then one range covers both. */
export function sharesKey({ unit, toKey, key }: Comparison): boolean {
  return !unit.sameRow && toKey.length === key.length && unit.toKey.every(({ expression }, index) => bare(expression) === key[index]?.name && toKey[index]?.column.type === key[index]?.type)
}

function bare(expression: string): string {
  const text = expression.trim()
  return text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase()
}

export function fromSql({ from }: Comparison): string {
  return quotedTable(from)
}

function quotedOrNull(name: string | null): string | null {
  return name === null ? null : quoted(name)
}
