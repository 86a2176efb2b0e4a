import type { ColumnChange, MigrationDefinition, TableName } from '../../../../contract/migration-definition.ts'
import type { IndexDetail, TableDetail } from '../facts.ts'
import { columnNames, factsFor } from '../names.ts'
import { bareColumn, rewriteIndex } from './rewrite-columns.ts'
import { quoted, quotedTable } from '../units.ts'

/** An index of the new structure, built without holding up writers once rows are there. */
export interface ConcurrentIndex {
  /** In the schema of its table. */
  readonly name: string
  readonly table: TableName
  readonly unique: boolean
  readonly create: string
}

/** An index of the old column and its copy, which takes its name in the end. */
export interface CarriedIndex {
  readonly original: IndexDetail
  readonly copy: string
  /** Where the original waits between tombstone and drop. */
  readonly gone: string
}

type Named = Pick<MigrationDefinition, 'id'>

/** The new column an index of an old one is carried over to: that of the same name, or the one it is renamed to. */
export function successorOf(change: ColumnChange, column: string): string | null {
  if (!change.replace.some(({ name }) => name === column)) return column
  if (change.add.some(({ name }) => name === column)) return column
  const renamed = change.add.filter(({ name, up }) => bareColumn(up) === column && change.replace.some((old) => old.name === column && bareColumn(old.down) === name))
  return renamed.length === 1 ? (renamed[0]?.name ?? null) : null
}

export function carriedIndexes(definition: Named, change: ColumnChange, facts: TableDetail): readonly CarriedIndex[] {
  const replaced = new Set(change.replace.map(({ name }) => name))
  return facts.indexes
    .filter(({ constraint, columns }) => constraint !== 'exclusion' && columns.some((column) => replaced.has(column)) && columns.every((column) => successorOf(change, column) !== null))
    .map((original) => ({ original, copy: `sb_${definition.id}_${original.name}`.slice(0, 63), gone: `sb_gone_${definition.id}_${original.name}`.slice(0, 63) }))
}

/** Indexes to be built while both sides are written; none of them holds up writers. */
export function concurrentIndexes(definition: MigrationDefinition, tables: readonly TableDetail[]): readonly ConcurrentIndex[] {
  const { change } = definition
  if (change.kind === 'tables') return []
  const facts = factsFor(tables, change.table)
  const names = columnNames(definition, change, facts, false)
  const stored = (column: string) => quoted(names.ofNew(column) ?? column)
  const carried = carriedIndexes(definition, change, facts).map(({ original, copy }): ConcurrentIndex => {
    const moved = (column: string) => {
      const next = facts.columns.some(({ name }) => name === column) ? successorOf(change, column) : null
      return next === null || next === undefined ? null : stored(next)
    }
    return { name: copy, table: change.table, unique: original.unique, create: rewriteIndex(original.definition, quoted(copy), moved) }
  })
  const unique = change.add
    .filter(({ unique: wanted }) => wanted)
    .map(({ name }): ConcurrentIndex => {
      const index = uniqueIndexName(change, name)
      return { name: index, table: change.table, unique: true, create: `CREATE UNIQUE INDEX CONCURRENTLY ${quoted(index)} ON ${quotedTable(change.table)} (${stored(name)})` }
    })
  return [...carried, ...unique]
}

/** Its name from the start: nothing else has it. */
export function uniqueIndexName(change: ColumnChange, column: string): string {
  return `${change.table.table}_${column}_unique`.slice(0, 63)
}
