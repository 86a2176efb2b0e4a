import type { ColumnChange, MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { TableDetail } from '../facts.ts'
import { columnNames, storedColumn } from '../names.ts'
import { rewriteColumns } from './rewrite-columns.ts'
import { literal } from '../sql-text.ts'
import { quoted, quotedTable } from '../units.ts'

/** A condition the new shape puts on each row. `expression` reads columns by their names of the new shape. */
export interface ShapeCheck {
  /** Its name while old is authoritative. */
  readonly lenientName: string
  /** Its name once rows must meet it; of a NOT NULL only until the column says so itself. */
  readonly strictName: string
  readonly expression: string
  /** The column whose NOT NULL it proves; null: a check of its own that stays. */
  readonly notNull: string | null
}

/**
 * All conditions of the new shape of one table. While old is authoritative they are lenient: a client of the old shape
 * must not fail because of them, so rows the trigger has quarantined pass (it says so in `signalbox.rejected`, for that
 * row alone). Strict ones take their place when the old structure is put aside.
 */
export function newChecks(definition: Pick<MigrationDefinition, 'id'>, change: ColumnChange, _facts: TableDetail): readonly ShapeCheck[] {
  return [
    ...change.add
      .filter(({ notNull }) => notNull)
      .map(({ name }) => ({ lenientName: aside(definition, `${name}_given`), strictName: aside(definition, `${name}_not_null`), expression: `${quoted(name)} IS NOT NULL`, notNull: name })),
    ...change.checks.map(({ name, expression }) => ({ lenientName: aside(definition, name), strictName: name, expression, notNull: null })),
  ]
}

/** Added NOT VALID with the structure; validated once all rows are there. */
export function lenientChecks(definition: MigrationDefinition, facts: TableDetail, tombstoned = false): readonly { readonly name: string; readonly table: string; readonly add: string; readonly validate: string }[] {
  const { change } = definition
  if (change.kind === 'tables') return []
  const names = columnNames(definition, change, facts, tombstoned)
  const table = quotedTable(change.table)
  return newChecks(definition, change, facts).map(({ lenientName, expression }) => ({
    name: lenientName,
    table,
    add: `ALTER TABLE ${table} ADD CONSTRAINT ${quoted(lenientName)} CHECK ((${rewriteColumns(expression, (name) => storedColumn(names.ofNew, name))}) OR current_setting('signalbox.rejected', true) IS NOT DISTINCT FROM ${literal(definition.id)}) NOT VALID;`,
    validate: `ALTER TABLE ${table} VALIDATE CONSTRAINT ${quoted(lenientName)};`,
  }))
}

/** Run before the tombstone's transaction, each by itself; each may have been run before. */
export function strictChecks(definition: MigrationDefinition, facts: TableDetail): readonly { readonly name: string; readonly add: string; readonly validate: string; readonly drop: string }[] {
  const { change } = definition
  if (change.kind === 'tables') return []
  const names = columnNames(definition, change, facts, false)
  const table = quotedTable(change.table)
  return newChecks(definition, change, facts).map(({ strictName, expression }) => ({
    name: strictName,
    add: `ALTER TABLE ${table} ADD CONSTRAINT ${quoted(strictName)} CHECK (${rewriteColumns(expression, (name) => storedColumn(names.ofNew, name))}) NOT VALID;`,
    validate: `ALTER TABLE ${table} VALIDATE CONSTRAINT ${quoted(strictName)};`,
    drop: `ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${quoted(strictName)};`,
  }))
}

function aside(definition: Pick<MigrationDefinition, 'id'>, name: string): string {
  return `sb_${definition.id}_${name}`.slice(0, 63)
}
