import type { ColumnChange, MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { MigrationStep } from '../../../../contract/migration.ts'
import { Fault } from '../../../../contract/fault.ts'
import { lenientChecks, newChecks, strictChecks } from './checks.ts'
import { columnSyncFunction, columnTriggers, syncFunction } from './column-trigger.ts'
import type { TableDetail } from '../facts.ts'
import { columnGrants } from './grants.ts'
import { carriedIndexes, concurrentIndexes, successorOf } from './indexes.ts'
import type { CarriedIndex } from './indexes.ts'
import { columnNames, factsFor, goneName, schemaNames, triggerName } from '../names.ts'
import { rewriteColumns } from './rewrite-columns.ts'
import { dollarQuoted, literal } from '../sql-text.ts'
import type { StepSql, StepTarget, StructureContext } from './structure.ts'
import { quoted, quotedTable, storedName } from '../units.ts'
import { dropSchemaSql, entityExpression, readsFunctionName, readsNewExpression, readsTrigger, schemaSql, viewSql } from './views.ts'

/** Steps of a change of columns: one table, both sides in the same row. */
export function columnSteps(context: StructureContext, change: ColumnChange, step: Exclude<MigrationStep, 'none'>, target: StepTarget): StepSql {
  const { definition } = context
  const facts = factsFor(context.tables, change.table)
  refuseKeys(change, facts)
  const locks = [{ table: change.table, mode: 'ACCESS EXCLUSIVE' }] as const
  // A writer through the view that is between its row and its trigger would look for columns under the names they had.
  const renameLocks = [{ table: { schema: schemaNames(definition).reads, table: change.table.table }, mode: 'SHARE ROW EXCLUSIVE' }, ...locks] as const
  switch (step) {
    case 'createShadow':
      return { before: [], first: [], locks: [], statements: shadow(context, change, facts) }
    case 'expand':
      return { before: [], first: dropSchemaSql(schemaNames(definition).new, [change.table.table]), locks, statements: expand(context, change, facts, target.writes) }
    case 'setReads':
    case 'setWrites': {
      // A step of reads repeats the function as it is: the same text, and no lock on the table.
      const tombstoned = target.standing === 'tombstoned'
      return { before: [], first: [], locks: [], statements: step === 'setWrites' ? [columnSyncFunction(definition, change, facts, tombstoned, target.writes)] : [] }
    }
    case 'tombstone':
      return { before: strictBefore(definition, facts), first: [], locks: renameLocks, statements: tombstone(context, change, facts, target.writes) }
    case 'untombstone':
      return { before: [], first: [], locks: renameLocks, statements: untombstone(context, change, facts, target.writes) }
    case 'drop':
      return {
        before: [],
        first: dropViews(definition, change),
        locks,
        statements: [...dropTriggers(definition, change), ...alter(change, change.replace.map(({ name }) => `DROP COLUMN ${quoted(goneName(definition, name))}`))],
      }
    case 'collapse':
      return {
        before: [],
        first: dropViews(definition, change),
        locks: target.standing === 'shadow' || target.standing === 'none' ? [] : locks,
        statements: [
          ...(target.standing === 'tombstoned' ? namesBack(context, change, facts) : []),
          ...(target.standing === 'shadow' || target.standing === 'none' ? [] : collapse(context, change, facts)),
        ],
      }
  }
}

function refuseKeys(change: ColumnChange, facts: TableDetail): void {
  const key = change.replace.find(({ name }) => facts.primaryKey.includes(name))
  if (facts.primaryKey.length === 0) throw new Fault('unsupported', `${change.table.table} has no primary key, so its rows cannot be told apart.`, 'Give it one first.')
  if (key) throw new Fault('unsupported', `${key.name} is part of the primary key of ${change.table.table}; a key is not replaced in place.`, 'Declare a new table with the new key beside the old one.')
}

function shadow(context: StructureContext, change: ColumnChange, facts: TableDetail): readonly string[] {
  const names = columnNames(context.definition, change, facts, false)
  const added = new Map(change.add.map((column) => [column.name, column]))
  const columns = names.newShape.map((name) => {
    const column = added.get(name)
    return { name, expression: column ? `CAST((${rewriteColumns(column.up, (source) => { const stored = names.ofOld(source); return stored === null ? null : `t.${quoted(stored)}` })}) AS ${column.type})` : `t.${quoted(name)}` }
  })
  const schema = schemaNames(context.definition).new
  return [...schemaSql(schema), ...viewSql({ schema, name: change.table.table, columns, from: `${quotedTable(change.table)} t`, like: [facts], grantsOf: grantsOfNew(change), place: context })]
}

/** Columns of the new shape that a right on an old one is given for. */
function grantsOfNew(change: ColumnChange): (column: string) => readonly string[] {
  const replaced = new Set(change.replace.map(({ name }) => name))
  return (column) => (replaced.has(column) ? change.add.map(({ name }) => name) : [column])
}

function expand(context: StructureContext, change: ColumnChange, facts: TableDetail, writes: 'old' | 'new'): readonly string[] {
  const { definition } = context
  const table = quotedTable(change.table)
  const stored = (name: string) => storedName(definition, facts, name)
  const replaced = new Set(change.replace.map(({ name }) => name))
  return [
    ...alter(change, change.add.map(({ name, type }) => `ADD COLUMN ${quoted(stored(name))} ${type}`)),
    ...change.add.flatMap(({ name }) => {
      const comment = facts.columns.find((column) => column.name === name)?.comment ?? null
      return comment === null ? [] : [`COMMENT ON COLUMN ${table}.${quoted(stored(name))} IS ${literal(comment)};`]
    }),
    ...columnGrants(facts, table, (column) => (replaced.has(column) ? change.add.map(({ name }) => stored(name)) : [])),
    columnSyncFunction(definition, change, facts, false, writes),
    ...columnTriggers(definition, change, facts, false),
    ...lenientChecks(definition, facts).map(({ add }) => add),
    ...shapeViews(context, change, facts),
  ]
}

/** Views follow renamed columns by themselves: they are made once, and stay through tombstone and back. */
function shapeViews(context: StructureContext, change: ColumnChange, facts: TableDetail): readonly string[] {
  const { definition } = context
  const schemas = schemaNames(definition)
  const names = columnNames(definition, change, facts, false)
  const added = new Map(change.add.map((column) => [column.name, column]))
  const from = `${quotedTable(change.table)} t`
  const base = { name: change.table.table, from, like: [facts], place: context }
  const replaced = new Map(change.replace.map((column) => [column.name, column]))
  const over = (expression: string) => rewriteColumns(expression, (name) => { const stored = names.ofNew(name); return stored === null ? null : `t.${quoted(stored)}` })
  const filled = change.add.map(({ name }) => `t.${quoted(names.ofNew(name) ?? name)} IS NOT NULL`).join(' OR ') || 'true'
  const readsNew = readsNewExpression(definition, entityExpression(definition, facts.primaryKey, 't'))
  return [
    ...schemaSql(schemas.old),
    ...viewSql({ ...base, schema: schemas.old, columns: names.oldShape.map((name) => ({ name, expression: `t.${quoted(name)}` })), grantsOf: (column) => [column] }),
    ...schemaSql(schemas.new),
    ...viewSql({ ...base, schema: schemas.new, columns: names.newShape.map((name) => ({ name, expression: `t.${quoted(names.ofNew(name) ?? name)}`, default: added.get(name)?.default ?? null })), grantsOf: grantsOfNew(change) }),
    ...schemaSql(schemas.reads),
    ...viewSql({
      ...base,
      schema: schemas.reads,
      columns: facts.columns.map(({ name, type, default: value, identity }) => {
        const gone = replaced.get(name)
        // A row the new side does not have is read from the old one, whoever asks.
        const expression = gone ? `CASE WHEN ${readsNew} AND (${filled}) THEN CAST((${over(gone.down)}) AS ${type}) ELSE t.${quoted(name)} END` : `t.${quoted(name)}`
        return { name, expression, default: identity === null ? value : null }
      }),
      grantsOf: (column) => [column],
    }),
    ...readsTriggers(definition, change, facts, false),
  ]
}

function readsTriggers(definition: MigrationDefinition, change: ColumnChange, facts: TableDetail, tombstoned: boolean): readonly string[] {
  const names = columnNames(definition, change, facts, tombstoned)
  return readsTrigger({ definition, schema: schemaNames(definition).reads, table: facts, view: change.table.table, stored: (column) => names.ofOld(column) ?? column, replaced: new Set(change.replace.map(({ name }) => name)), number: 0 })
}

/** Functions as they are over the names of now; triggers and views stay. */
function functionsFor(definition: MigrationDefinition, change: ColumnChange, facts: TableDetail, tombstoned: boolean, writes: 'old' | 'new'): readonly string[] {
  return [columnSyncFunction(definition, change, facts, tombstoned, writes), ...readsTriggers(definition, change, facts, tombstoned).slice(0, 1)]
}

function strictBefore(definition: MigrationDefinition, facts: TableDetail): readonly string[] {
  const table = quotedTable(facts.name)
  return strictChecks(definition, facts).flatMap(({ name, add, validate }) => [
    `DO ${dollarQuoted(`BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${literal(table)}::regclass AND conname = ${literal(name)}) THEN ${add} END IF; END`)};`,
    validate,
  ])
}

function tombstone(context: StructureContext, change: ColumnChange, facts: TableDetail, writes: 'old' | 'new'): readonly string[] {
  const { definition } = context
  const table = quotedTable(change.table)
  const notNull = newChecks(definition, change, facts).flatMap(({ notNull: column, strictName }) => (column === null ? [] : [{ column, strictName }]))
  return [
    ...lenientChecks(definition, facts).map(({ name }) => `ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${quoted(name)};`),
    ...change.replace.map(({ name }) => rename(table, name, goneName(definition, name))),
    ...change.add.flatMap(({ name }) => rename(table, storedName(definition, facts, name), name)),
    ...carriedIndexes(definition, change, facts).flatMap((index) => carryOver(change, index)),
    ...alter(change, [
      ...change.add.flatMap(({ name, default: value }) => (value === null ? [] : [`ALTER COLUMN ${quoted(name)} SET DEFAULT ${value}`])),
      ...notNull.map(({ column }) => `ALTER COLUMN ${quoted(column)} SET NOT NULL`),
    ]),
    ...notNull.map(({ strictName }) => `ALTER TABLE ${table} DROP CONSTRAINT ${quoted(strictName)};`),
    ...functionsFor(definition, change, facts, true, writes),
  ].filter((statement) => statement !== '')
}

function untombstone(context: StructureContext, change: ColumnChange, facts: TableDetail, writes: 'old' | 'new'): readonly string[] {
  const { definition } = context
  return [...namesBack(context, change, facts), ...lenientChecks(definition, facts).map(({ add }) => add), ...functionsFor(definition, change, facts, false, writes)]
}

function namesBack(context: StructureContext, change: ColumnChange, facts: TableDetail): readonly string[] {
  const { definition } = context
  const table = quotedTable(change.table)
  return [
    ...alter(change, [
      ...change.add.flatMap(({ name, notNull }) => (notNull ? [`ALTER COLUMN ${quoted(name)} DROP NOT NULL`] : [])),
      ...change.add.flatMap(({ name, default: value }) => (value === null ? [] : [`ALTER COLUMN ${quoted(name)} DROP DEFAULT`])),
    ]),
    ...strictChecks(definition, facts).map(({ drop }) => drop),
    ...carriedIndexes(definition, change, facts).toReversed().flatMap((index) => carryBack(change, index)),
    ...change.add.flatMap(({ name }) => rename(table, name, storedName(definition, facts, name))),
    ...change.replace.map(({ name }) => rename(table, goneName(definition, name), name)),
  ].filter((statement) => statement !== '')
}

function collapse(context: StructureContext, change: ColumnChange, facts: TableDetail): readonly string[] {
  const { definition } = context
  const table = quotedTable(change.table)
  const indexes = concurrentIndexes(definition, context.tables).map(({ name }) => name)
  return [
    ...dropTriggers(definition, change),
    ...[...lenientChecks(definition, facts), ...strictChecks(definition, facts)].map(({ name }) => `ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${quoted(name)};`),
    // An index that was promoted to a constraint goes with its column; a plain one that reads no new column does not.
    ...alter(change, change.add.map(({ name }) => `DROP COLUMN IF EXISTS ${quoted(storedName(definition, facts, name))}`)),
    ...indexes.map((name) => `DROP INDEX IF EXISTS ${quoted(change.table.schema)}.${quoted(name)};`),
  ]
}

function carryOver(change: ColumnChange, { original, copy, gone }: CarriedIndex): readonly string[] {
  const table = quotedTable(change.table)
  const inSchema = (name: string) => `${quoted(change.table.schema)}.${quoted(name)}`
  if (original.constraint !== 'unique') return [`ALTER INDEX ${inSchema(original.name)} RENAME TO ${quoted(gone)};`, `ALTER INDEX ${inSchema(copy)} RENAME TO ${quoted(original.name)};`]
  const deferred = /\b(DEFERRABLE.*)$/.exec(original.constraintDefinition ?? '')?.[1] ?? ''
  return [
    `ALTER TABLE ${table} RENAME CONSTRAINT ${quoted(original.name)} TO ${quoted(gone)};`,
    `DO ${dollarQuoted(`BEGIN
  IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${literal(table)}::regclass AND conname = ${literal(copy)}) THEN ALTER TABLE ${table} RENAME CONSTRAINT ${quoted(copy)} TO ${quoted(original.name)};
  ELSE ALTER TABLE ${table} ADD CONSTRAINT ${quoted(original.name)} UNIQUE USING INDEX ${quoted(copy)} ${deferred}; END IF;
END`)};`,
  ]
}

function carryBack(change: ColumnChange, { original, copy, gone }: CarriedIndex): readonly string[] {
  const table = quotedTable(change.table)
  const inSchema = (name: string) => `${quoted(change.table.schema)}.${quoted(name)}`
  if (original.constraint !== 'unique') return [`ALTER INDEX ${inSchema(original.name)} RENAME TO ${quoted(copy)};`, `ALTER INDEX ${inSchema(gone)} RENAME TO ${quoted(original.name)};`]
  return [`ALTER TABLE ${table} RENAME CONSTRAINT ${quoted(original.name)} TO ${quoted(copy)};`, `ALTER TABLE ${table} RENAME CONSTRAINT ${quoted(gone)} TO ${quoted(original.name)};`]
}

function dropViews(definition: MigrationDefinition, change: ColumnChange): readonly string[] {
  const { old, new: fresh, reads } = schemaNames(definition)
  return [...[reads, fresh, old].flatMap((schema) => dropSchemaSql(schema, [change.table.table])), `DROP FUNCTION IF EXISTS ${readsFunctionName(definition, 0)}();`]
}

function dropTriggers(definition: MigrationDefinition, change: ColumnChange): readonly string[] {
  return [...(['insert', 'update', 'delete'] as const).map((part) => `DROP TRIGGER IF EXISTS ${quoted(triggerName(definition, part))} ON ${quotedTable(change.table)};`), `DROP FUNCTION IF EXISTS ${syncFunction(definition)}();`]
}

function alter(change: ColumnChange, parts: readonly string[]): readonly string[] {
  return parts.length === 0 ? [] : [`ALTER TABLE ${quotedTable(change.table)} ${parts.join(', ')};`]
}

function rename(table: string, from: string, to: string): string {
  return from === to ? '' : `ALTER TABLE ${table} RENAME COLUMN ${quoted(from)} TO ${quoted(to)};`
}

/** Old columns whose indexes have no place in the new shape: said by preflight. */
export function lostIndexes(definition: MigrationDefinition, change: ColumnChange, facts: TableDetail): readonly string[] {
  const carried = new Set(carriedIndexes(definition, change, facts).map(({ original }) => original.name))
  return facts.indexes.filter(({ name, columns }) => !carried.has(name) && columns.some((column) => successorOf(change, column) !== column)).map(({ name }) => name)
}
