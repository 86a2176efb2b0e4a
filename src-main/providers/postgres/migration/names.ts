import { Fault } from '../../../contract/fault.ts'
import type { ColumnChange, MigrationDefinition, TableName } from '../../../contract/migration-definition.ts'
import { rewriteColumns } from './structure/rewrite-columns.ts'
import { downUnits, quoted, spoken, storedName, upUnits } from './units.ts'
import type { TableFacts, Unit } from './units.ts'

/** Where the columns of both shapes are stored now. The original shape's come first, in their order. */
export interface ColumnNames {
  /** Stored name of a column of the old shape; null when it has none of that name. */
  readonly ofOld: (name: string) => string | null
  readonly ofNew: (name: string) => string | null
  /** Names of each shape, in its order. */
  readonly oldShape: readonly string[]
  readonly newShape: readonly string[]
}

type Named = Pick<MigrationDefinition, 'id'>

/** An old table between tombstone and drop. */
export function goneTable(definition: Named, name: TableName): TableName {
  return { schema: name.schema, table: `sb_gone_${definition.id}_${name.table}`.slice(0, 63) }
}

/** An old column between tombstone and drop. */
export function goneName(definition: Named, name: string): string {
  return `sb_gone_${definition.id}_${name}`.slice(0, 63)
}

/** Schemas applications point their `search_path` at. */
export function schemaNames(definition: Named): { readonly old: string; readonly new: string; readonly reads: string } {
  return { old: `sb_${definition.id}_old`, new: `sb_${definition.id}_new`, reads: `sb_${definition.id}_reads` }
}

/** All triggers of a migration begin with this, so that they fire after those of the application. */
export function triggerName(definition: Named, part: 'insert' | 'update' | 'write' | 'delete' | 'truncate'): string {
  return `zzz_signalbox_${definition.id}_${part}`
}

export function columnNames(definition: Named, change: ColumnChange, facts: TableFacts, tombstoned: boolean): ColumnNames {
  const replaced = new Set(change.replace.map(({ name }) => name))
  const added = new Set(change.add.map(({ name }) => name))
  const oldShape = facts.columns.map(({ name }) => name)
  const originals = new Set(oldShape)
  return {
    oldShape,
    newShape: [...oldShape.filter((name) => !replaced.has(name) || added.has(name)), ...change.add.map(({ name }) => name).filter((name) => !originals.has(name))],
    ofOld: (name) => (!originals.has(name) ? null : tombstoned && replaced.has(name) ? goneName(definition, name) : name),
    ofNew: (name) => (added.has(name) ? (tombstoned ? name : storedName(definition, facts, name)) : originals.has(name) && !replaced.has(name) ? name : null),
  }
}

export function factsFor<F extends TableFacts>(tables: readonly F[], name: TableName): F {
  const found = tables.find((facts) => spoken(facts.name) === spoken(name))
  if (!found) throw new Fault('internal', `Nothing is known of the table ${spoken(name)}.`, 'Start the migration again.')
  return found
}

/** A column of a shape as SQL, or the fault that says there is none. */
export function storedColumn(of: (name: string) => string | null, name: string): string {
  const stored = of(name)
  if (stored === null) throw new Fault('invalidInput', `That side has no column ${name}.`, 'Mend the name in the declaration of the migration.')
  return quoted(stored)
}

/**
 * Units in both directions over the columns as they are stored now: also for a type change in place, whose two columns
 * share one name in the end, and during tombstone, when old columns are stored aside.
 */
export function unitsNow(definition: Pick<MigrationDefinition, 'id' | 'change'>, tables: readonly TableFacts[], tombstoned: boolean): { readonly up: readonly Unit[]; readonly down: readonly Unit[] } {
  const up = upUnits(definition, tables)
  const down = downUnits(definition, tables)
  const { change } = definition
  if (change.kind === 'tables') {
    const stored = (name: TableName) => (tombstoned && change.dropOld && change.old.some((old) => spoken(old) === spoken(name)) ? goneTable(definition, name) : name)
    const moved = (unit: Unit) => ({ ...unit, from: stored(unit.from), to: stored(unit.to) })
    return { up: up.map(moved), down: down.map(moved) }
  }
  const names = columnNames(definition, change, factsFor(tables, change.table), tombstoned)
  const rewrite = (expression: string, of: (name: string) => string | null) =>
    rewriteColumns(expression, (name) => {
      const stored = of(name)
      return stored === null ? null : quoted(stored)
    })
  const stored = (of: (name: string) => string | null, name: string) => of(name) ?? name
  return {
    up: up.map((unit) => ({ ...unit, set: change.add.map(({ name, up: expression }) => ({ column: stored(names.ofNew, name), expression: rewrite(expression, names.ofOld) })) })),
    down: down.map((unit) => ({ ...unit, set: change.replace.map(({ name, down: expression }) => ({ column: stored(names.ofOld, name), expression: rewrite(expression, names.ofNew) })) })),
  }
}
