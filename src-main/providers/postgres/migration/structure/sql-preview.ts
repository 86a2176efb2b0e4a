import type { MigrationStep, SqlStep } from '../../../../contract/migration.ts'
import { lenientChecks } from './checks.ts'
import { factsFor, unitsNow } from '../names.ts'
import { concurrentIndexes } from './indexes.ts'
import { stepSql, stepText } from './structure.ts'
import type { StepSql, StepTarget, StructureContext } from './structure.ts'
import { quoted, quotedTable, spoken } from '../units.ts'
import type { Unit } from '../units.ts'

interface Previewed extends StepTarget {
  readonly step: Exclude<MigrationStep, 'none'>
  readonly title: string
}

/** Steps in the order of a migration that goes through, then the ways back. */
export const PREVIEWED_STEPS: readonly Previewed[] = [
  { step: 'createShadow', title: 'Project the new shape over old data', standing: 'none', writes: 'old', readsPercent: 0 },
  { step: 'expand', title: 'Add the new structure and mirror writes', standing: 'shadow', writes: 'old', readsPercent: 0 },
  { step: 'setReads', title: 'Read a share of entities from the new side', standing: 'expanded', writes: 'old', readsPercent: 1 },
  { step: 'setWrites', title: 'Make the new side authoritative', standing: 'expanded', writes: 'new', readsPercent: 100 },
  { step: 'tombstone', title: 'Put the old structure aside', standing: 'expanded', writes: 'new', readsPercent: 100 },
  { step: 'drop', title: 'Drop the old structure', standing: 'tombstoned', writes: 'new', readsPercent: 100 },
  { step: 'untombstone', title: 'Way back: bring the old structure back', standing: 'tombstoned', writes: 'new', readsPercent: 100 },
  { step: 'collapse', title: 'Way back: take the new structure away', standing: 'expanded', writes: 'old', readsPercent: 0 },
]

/** What each step and each work runs, with the lock it takes. Faults: `invalidInput` when an expression does not parse. */
export function previewSql(context: StructureContext): readonly SqlStep[] {
  const steps = new Map(
    PREVIEWED_STEPS.map(({ step, title, ...target }): [MigrationStep, SqlStep] => {
      const sql = stepSql(context, step, target)
      return [step, { step, title, sql: stepText(sql), lock: lockWords(sql) }]
    }),
  )
  const work = workSql(context)
  return (['createShadow', 'shadowScan', 'expand', 'backfill', 'validate', 'fullPass', 'setReads', 'setWrites', 'tombstone', 'drop', 'untombstone', 'collapse'] as const).flatMap((step) => steps.get(step as MigrationStep) ?? work.filter((one) => one.step === step))
}

function workSql(context: StructureContext): readonly SqlStep[] {
  const { definition, tables } = context
  const { up } = unitsNow(definition, tables, false)
  const indexes = concurrentIndexes(definition, tables)
  const checks = definition.change.kind === 'columns' ? lenientChecks(definition, factsFor(tables, definition.change.table)) : []
  const reading = 'No lock that readers or writers wait for: it reads.'
  return [
    { step: 'shadowScan', title: 'Try the new shape on all rows, reading only', sql: up.map(selectSql).join('\n'), lock: reading },
    { step: 'backfill', title: 'Copy rows in small transactions', sql: up.map(copySql).join('\n'), lock: 'Row locks of one batch, some milliseconds each; no lock on a table that readers or writers wait for.' },
    {
      step: 'validate',
      title: 'Build indexes and validate constraints',
      sql: [...indexes.map(({ create }) => `${create};`), ...checks.map(({ validate }) => validate), ...tables.slice(0, 1).map(({ name }) => `ANALYZE ${quotedTable(name)};`)].join('\n'),
      lock: indexes.length + checks.length > 0 ? 'SHARE UPDATE EXCLUSIVE while it reads all rows: holds up vacuum and other structure changes, no reads and no writes.' : reading,
    },
    { step: 'fullPass', title: 'Compare all rows', sql: up.map(compareSql).join('\n'), lock: reading },
  ]
}

function selectSql(unit: Unit): string {
  return `SELECT ${unit.set.map(({ expression }) => expression).join(', ') || 'count(*)'} FROM ${quotedTable(unit.from)};`
}

function copySql(unit: Unit): string {
  const page = `(${unit.fromKey.map(quoted).join(', ')}) > $1 AND (${unit.fromKey.map(quoted).join(', ')}) <= $2`
  if (unit.sameRow) return unit.set.length === 0 ? `-- ${unit.name}: nothing is copied` : `UPDATE ${quotedTable(unit.to)} SET ${unit.set.map(({ column, expression }) => `${quoted(column)} = ${expression}`).join(', ')} WHERE ${page};`
  const columns = [...unit.toKey, ...unit.set]
  if (!unit.existence) return `UPDATE ${quotedTable(unit.to)} t SET ${unit.set.map(({ column, expression }) => `${quoted(column)} = (SELECT ${expression})`).join(', ')} FROM ${quotedTable(unit.from)} WHERE ${page};`
  return `INSERT INTO ${quotedTable(unit.to)} (${columns.map(({ column }) => quoted(column)).join(', ')}) SELECT ${columns.map(({ expression }) => expression).join(', ')} FROM ${quotedTable(unit.from)} WHERE ${page} FOR SHARE ON CONFLICT DO NOTHING;`
}

function compareSql(unit: Unit): string {
  return unit.set.length === 0 ? `-- ${spoken(unit.from)}: constraints alone` : `-- each row of ${spoken(unit.to)}: ${unit.set.map(({ column, expression }) => `${quoted(column)} IS DISTINCT FROM (${expression})`).join(', ')}`
}

function lockWords(sql: StepSql): string {
  if (sql.locks.length === 0) return 'No lock on a table of yours that readers or writers wait for.'
  const words = (['ACCESS EXCLUSIVE', 'SHARE ROW EXCLUSIVE'] as const).flatMap((mode) => {
    const tables = sql.locks.filter((lock) => lock.mode === mode).map(({ table }) => spoken(table))
    return tables.length === 0 ? [] : [`${mode} on ${tables.join(', ')} holds up ${mode === 'ACCESS EXCLUSIVE' ? 'reads and writes' : 'writes'}`]
  })
  return `${words.join('; ')}: for the milliseconds of the transaction (${sql.statements.length} statements), and for no longer than the lock timeout while it waits.`
}
