import type { MigrationDefinition, NewTable, TableChange, TableName } from '../../../../contract/migration-definition.ts'
import type { MigrationStep } from '../../../../contract/migration.ts'
import { Fault } from '../../../../contract/fault.ts'
import { grantsLike, ownedLike } from './grants.ts'
import { factsFor, goneTable, schemaNames, triggerName } from '../names.ts'
import { dollarQuoted, literal } from '../sql-text.ts'
import type { StepSql, StepTarget, StructureContext } from './structure.ts'
import { changeTables, numberedLinks } from './table-links.ts'
import type { ChangeTable } from './table-links.ts'
import { mirrorFunction, tableMirrorFunction, tableTriggers } from './table-trigger.ts'
import { projectionOf, readsOf } from './table-views.ts'
import { quoted, quotedTable, spoken } from '../units.ts'
import { dropSchemaSql, readsFunctionName, readsTrigger, schemaSql, viewSql } from './views.ts'

/** Steps of a change of tables: new ones beside old ones, mirrored row by row. */
export function tableSteps(context: StructureContext, change: TableChange, step: Exclude<MigrationStep, 'none'>, target: StepTarget): StepSql {
  const { definition } = context
  for (const { name, primaryKey } of context.tables) {
    if (primaryKey.length === 0) throw new Fault('unsupported', `${spoken(name)} has no primary key, so its rows cannot be told apart.`, 'Give it one first.')
  }
  const byName = (tables: readonly TableName[]) => tables.toSorted((a, b) => (spoken(a) < spoken(b) ? -1 : 1))
  const old = (tombstoned: boolean) => byName(change.old.map((name) => (tombstoned && change.dropOld ? goneTable(definition, name) : name)))
  const fresh = byName(change.new.map(({ name }) => name))
  const tombstoned = target.standing === 'tombstoned'
  const none = { before: [], first: [] }
  const all = (tables: readonly TableName[]) => tables.map((table) => ({ table, mode: 'ACCESS EXCLUSIVE' as const }))
  // A writer of a view or a new table that is between its row and its trigger would look for the old table under the name it had.
  const readsViews = change.old.map(({ table }) => ({ schema: schemaNames(definition).reads, table }))
  const renameLocks = (tables: readonly TableName[]) => (change.dropOld ? [...[...readsViews, ...fresh].map((table) => ({ table, mode: 'SHARE ROW EXCLUSIVE' as const })), ...all(tables)] : [])
  switch (step) {
    case 'createShadow':
      return { ...none, locks: [], statements: shadow(context, change) }
    case 'expand':
      // Waits for every writer that is under way: after the commit there is no write that is not mirrored.
      return { before: [], first: dropSchemaSql(schemaNames(definition).new, change.new.map(({ name }) => name.table)), locks: old(false).map((table) => ({ table, mode: 'SHARE ROW EXCLUSIVE' })), statements: expand(context, change, target.writes) }
    case 'setReads':
      return { ...none, locks: [], statements: [] }
    case 'setWrites':
      return { ...none, locks: [], statements: [...mirrorFunctions(context, change, tombstoned, target.writes), ...(target.writes === 'old' && !tombstoned ? sequencesCaughtUp(context, 'clients run') : [])] }
    case 'tombstone':
      return { ...none, locks: renameLocks(old(false)), statements: [...renames(definition, change, 'aside'), ...functionsFor(context, change, true, target.writes)] }
    case 'untombstone':
      return { ...none, locks: renameLocks(old(true)), statements: [...renames(definition, change, 'back'), ...functionsFor(context, change, false, target.writes), ...sequencesCaughtUp(context, 'clients wait')] }
    case 'drop':
      return {
        before: [],
        first: dropViews(definition, change),
        locks: all([...old(true), ...fresh]),
        statements: [...dropTriggers(context, change, true), ...(change.dropOld ? [...sequencesHandedOn(context, change), `DROP TABLE ${old(true).map(quotedTable).join(', ')};`] : [])],
      }
    case 'collapse':
      return {
        before: [],
        first: dropViews(definition, change),
        locks: target.standing === 'shadow' || target.standing === 'none' ? [] : all([...old(tombstoned), ...fresh]),
        statements:
          target.standing === 'shadow' || target.standing === 'none'
            ? []
            : [...(tombstoned ? renames(definition, change, 'back') : []), ...dropTriggers(context, change, false), ...sequencesCaughtUp(context, 'clients wait'), `DROP TABLE ${fresh.map(quotedTable).join(', ')};`],
      }
  }
}

function shadow(context: StructureContext, change: TableChange): readonly string[] {
  const schema = schemaNames(context.definition).new
  const tables = changeTables(context.definition, change, context.tables, false)
  const links = numberedLinks(change, tables)
  return [
    ...schemaSql(schema),
    ...change.new.flatMap((table) => viewSql({ schema, name: table.name.table, ...projectionOf(table, links), like: context.tables, grantsOf: () => [], place: context })),
  ]
}

function expand(context: StructureContext, change: TableChange, writes: 'old' | 'new'): readonly string[] {
  const { definition, tables: facts } = context
  const tables = changeTables(definition, change, facts, false)
  const [first] = facts
  return [
    ...change.new.flatMap((table) => [
      createTable(table),
      ...(first ? ownedLike(first, `TABLE ${quotedTable(table.name)}`, context.role) : []),
      ...grantsLike(facts, quotedTable(table.name), 'table'),
    ]),
    ...mirrorFunctions(context, change, false, writes),
    ...tables.flatMap((table) => tableTriggers(definition, table, numberedLinks(change, tables), table.side === 'old' && factsFor(facts, table.name).subscribed)),
    ...shapeViews(context, change, tables),
  ]
}

function createTable({ name, columns, primaryKey, unique, checks }: NewTable): string {
  const list = (names: readonly string[]) => names.map(quoted).join(', ')
  const parts = [
    ...columns.map((column) => `${quoted(column.name)} ${column.type}${column.default === null ? '' : ` DEFAULT ${column.default}`}${column.notNull ? ' NOT NULL' : ''}`),
    `PRIMARY KEY (${list(primaryKey)})`,
    ...unique.map((names) => `UNIQUE (${list(names)})`),
    ...checks.map((check) => `CONSTRAINT ${quoted(check.name)} CHECK (${check.expression})`),
  ]
  return `CREATE TABLE ${quotedTable(name)} (${parts.join(', ')});`
}

function mirrorFunctions(context: StructureContext, change: TableChange, tombstoned: boolean, writes: 'old' | 'new'): readonly string[] {
  const tables = changeTables(context.definition, change, context.tables, tombstoned)
  const links = numberedLinks(change, tables)
  return tables.map((table) => tableMirrorFunction(context.definition, table, links, writes))
}

function shapeViews(context: StructureContext, change: TableChange, tables: readonly ChangeTable[]): readonly string[] {
  const { definition, tables: facts } = context
  const schemas = schemaNames(definition)
  const links = numberedLinks(change, tables)
  const plain = (table: ChangeTable) => ({ columns: table.columns.map(({ name }) => ({ name, expression: `t.${quoted(name)}` })), from: `${quotedTable(table.stored)} t` })
  return [
    ...schemaSql(schemas.old),
    ...tables.filter(({ side }) => side === 'old').flatMap((table) => viewSql({ schema: schemas.old, name: table.name.table, ...plain(table), like: [factsFor(facts, table.name)], grantsOf: (column) => [column], place: context })),
    ...schemaSql(schemas.new),
    ...tables.filter(({ side }) => side === 'new').flatMap((table) => viewSql({ schema: schemas.new, name: table.name.table, ...plain(table), like: facts, grantsOf: () => [], place: context })),
    ...schemaSql(schemas.reads),
    ...tables.filter(({ side }) => side === 'old').flatMap((table) => viewSql({ schema: schemas.reads, name: table.name.table, ...readsOf(definition, factsFor(facts, table.name), table, links), like: [factsFor(facts, table.name)], grantsOf: (column) => [column], place: context })),
    ...readsTriggers(context, change, false),
  ]
}

/** Function, then trigger, of each old table. */
function readsTriggers(context: StructureContext, change: TableChange, tombstoned: boolean): readonly string[] {
  const { definition, tables } = context
  return change.old.flatMap((name, number) => {
    const facts = factsFor(tables, name)
    const stored = tombstoned && change.dropOld ? { ...facts, name: goneTable(definition, name) } : facts
    return readsTrigger({ definition, schema: schemaNames(definition).reads, table: stored, view: name.table, stored: (column) => column, replaced: new Set(facts.columns.map((column) => column.name).filter((column) => !facts.primaryKey.includes(column))), number })
  })
}

/** Functions as they are over the names of now; triggers and views stay. */
function functionsFor(context: StructureContext, change: TableChange, tombstoned: boolean, writes: 'old' | 'new'): readonly string[] {
  return [...mirrorFunctions(context, change, tombstoned, writes), ...readsTriggers(context, change, tombstoned).filter((_, index) => index % 2 === 0)]
}

/** A sequence both sides took values from would go with the old table: it goes to the new column instead. */
function sequencesHandedOn({ tables }: StructureContext, change: TableChange): readonly string[] {
  const owned = tables.flatMap(({ columns }) => columns.flatMap(({ sequence, identity }) => (sequence !== null && identity === null ? [sequence] : [])))
  return change.new.flatMap(({ name, columns }) =>
    columns.flatMap((column) => {
      const named = /^\s*nextval\('([^']+)'/i.exec(column.default ?? '')?.[1]
      const sequence = owned.find((one) => one === named || one === `public.${named}`)
      return sequence === undefined ? [] : [`ALTER SEQUENCE ${sequence} OWNED BY ${quotedTable(name)}.${quoted(column.name)};`]
    }),
  )
}

/**
 * Rows that came from the new side took no value of the old tables' sequences: clients of the old shape must not be given
 * theirs again. While clients run, a sequence is only ever moved on by taking values from it, and not at all when someone
 * holds the table: the way back must not wait. What is left is caught up when the new structure goes.
 */
function sequencesCaughtUp({ tables }: StructureContext, meanwhile: 'clients run' | 'clients wait'): readonly string[] {
  return tables.flatMap(({ name, columns }) =>
    columns.flatMap(({ name: column, sequence }) => {
      if (sequence === null) return []
      const behind = `FROM (SELECT max(t.${quoted(column)})::bigint AS highest FROM ${quotedTable(name)} t) h, ${sequence} s`
      const move = meanwhile === 'clients wait' ? `PERFORM setval(${literal(sequence)}, h.highest) ${behind} WHERE h.highest > s.last_value;` : `PERFORM nextval(${literal(sequence)}) ${behind}, generate_series(1, least(h.highest - s.last_value, 1000000));`
      return [`DO ${dollarQuoted(`BEGIN ${move}${meanwhile === 'clients run' ? ' EXCEPTION WHEN lock_not_available THEN NULL;' : ''} END`)};`]
    }),
  )
}

function renames(definition: MigrationDefinition, change: TableChange, to: 'aside' | 'back'): readonly string[] {
  if (!change.dropOld) return []
  return change.old.map((name) => {
    const gone = goneTable(definition, name)
    return to === 'aside' ? `ALTER TABLE ${quotedTable(name)} RENAME TO ${quoted(gone.table)};` : `ALTER TABLE ${quotedTable(gone)} RENAME TO ${quoted(name.table)};`
  })
}

function dropViews(definition: MigrationDefinition, change: TableChange): readonly string[] {
  const { old, new: fresh, reads } = schemaNames(definition)
  const oldNames = change.old.map(({ table }) => table)
  return [
    ...dropSchemaSql(reads, oldNames),
    ...dropSchemaSql(fresh, change.new.map(({ name }) => name.table)),
    ...dropSchemaSql(old, oldNames),
    ...change.old.map((_, number) => `DROP FUNCTION IF EXISTS ${readsFunctionName(definition, number)}();`),
  ]
}

function dropTriggers(context: StructureContext, change: TableChange, tombstoned: boolean): readonly string[] {
  const tables = changeTables(context.definition, change, context.tables, tombstoned)
  return [
    ...tables.flatMap((table) => (['write', 'delete', 'truncate'] as const).map((part) => `DROP TRIGGER IF EXISTS ${quoted(triggerName(context.definition, part))} ON ${quotedTable(table.stored)};`)),
    ...tables.map((table) => `DROP FUNCTION IF EXISTS ${mirrorFunction(context.definition, table)}();`),
  ]
}
