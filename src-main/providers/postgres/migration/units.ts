import type { Change, MigrationDefinition, TableName } from '../../../contract/migration-definition.ts'

/**
 * One thing that is copied and compared: rows of a source and what they should be on the other side. Columns of one
 * table are a unit whose two sides are the same row; each link between tables is one.
 */
export interface Unit {
  /** Unique in the migration: `public.customers`, `public.customers > public.names`. Names checkpoints, mismatches and queue. */
  readonly name: string
  readonly sameRow: boolean
  readonly from: TableName
  readonly to: TableName
  /** Primary key of `from`, in its order: pages, checkpoints, and the `key` of everything recorded. */
  readonly fromKey: readonly string[]
  /** Primary key of `to`, each by an expression over the `from` row (bare column names). For `sameRow` the same columns. */
  readonly toKey: readonly { readonly column: string; readonly expression: string }[]
  /** What is compared and copied: stored column of `to`, and what it should be over the `from` row. */
  readonly set: readonly { readonly column: string; readonly expression: string }[]
  /** Rows of `to` must not exist without their `from` row. */
  readonly existence: boolean
}

/** What is known of a table from the catalog when a migration starts; kept in `signalbox.migrations.structure`. */
export interface TableFacts {
  readonly name: TableName
  readonly columns: readonly { readonly name: string; readonly type: string; readonly notNull: boolean; readonly default: string | null }[]
  readonly primaryKey: readonly string[]
}

/** Where a new column is stored until cleanup: under its own name, or aside when the table has that name already. */
export function storedName(definition: Pick<MigrationDefinition, 'id'>, table: Pick<TableFacts, 'columns'>, column: string): string {
  const taken = table.columns.some(({ name }) => name === column)
  return taken ? `sb_${definition.id}_${column}`.slice(0, 63) : column
}

/** Units that are copied while old is authoritative. `tables` must hold every old table. */
export function upUnits(definition: Pick<MigrationDefinition, 'id' | 'change'>, tables: readonly TableFacts[]): readonly Unit[] {
  const { change } = definition
  if (change.kind === 'tables') return change.up.map((link) => linkUnit(link, factsOf(tables, link.from).primaryKey))
  const facts = factsOf(tables, change.table)
  return [
    {
      name: spoken(change.table),
      sameRow: true,
      from: change.table,
      to: change.table,
      fromKey: facts.primaryKey,
      toKey: facts.primaryKey.map((column) => ({ column, expression: quoted(column) })),
      set: change.add.map(({ name, up }) => ({ column: storedName(definition, facts, name), expression: up })),
      existence: true,
    },
  ]
}

/** Units the other way, once new is authoritative. Expressions of `down` see new columns by the names they are stored under. */
export function downUnits(definition: Pick<MigrationDefinition, 'id' | 'change'>, tables: readonly TableFacts[]): readonly Unit[] {
  const { change } = definition
  if (change.kind === 'tables') {
    const keyOf = (table: TableName) => change.new.find(({ name }) => spoken(name) === spoken(table))?.primaryKey ?? factsOf(tables, table).primaryKey
    return change.down.map((link) => linkUnit(link, keyOf(link.from)))
  }
  const facts = factsOf(tables, change.table)
  return [
    {
      name: spoken(change.table),
      sameRow: true,
      from: change.table,
      to: change.table,
      fromKey: facts.primaryKey,
      toKey: facts.primaryKey.map((column) => ({ column, expression: quoted(column) })),
      set: change.replace.map(({ name, down }) => ({ column: name, expression: down })),
      existence: true,
    },
  ]
}

function linkUnit(link: Extract<Change, { kind: 'tables' }>['up'][number], fromKey: readonly string[]): Unit {
  return { name: `${spoken(link.from)} > ${spoken(link.to)}`, sameRow: false, from: link.from, to: link.to, fromKey, toKey: link.key, set: link.set, existence: link.existence }
}

function factsOf(tables: readonly TableFacts[], table: TableName): TableFacts {
  const found = tables.find(({ name }) => spoken(name) === spoken(table))
  if (!found) throw new Error(`no facts of ${spoken(table)}`)
  return found
}

export function spoken({ schema, table }: TableName): string {
  return `${schema}.${table}`
}

/** An identifier as SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function quotedTable({ schema, table }: TableName): string {
  return `${quoted(schema)}.${quoted(table)}`
}
