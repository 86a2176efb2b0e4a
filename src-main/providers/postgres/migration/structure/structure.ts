import { CONTROL_SCHEMA } from '../control-schema.ts'
import { columnSteps } from './column-structure.ts'
import type { MigrationStep } from '../../../../contract/migration.ts'
import type { MigrationDefinition, TableName } from '../../../../contract/migration-definition.ts'
import type { TableDetail } from '../facts.ts'
import { literal } from '../sql-text.ts'
import { standingSql } from './standing.ts'
import { tableSteps } from './table-structure.ts'
import { quotedTable } from '../units.ts'
import type { Place } from './views.ts'

/** Everything SQL is generated from. `tables`: the old ones, as they were before anything was changed. */
export interface StructureContext extends Place {
  readonly definition: MigrationDefinition
  readonly tables: readonly TableDetail[]
}

/** What of a migration stands in the catalog. */
export type Structure = 'none' | 'shadow' | 'expanded' | 'tombstoned'

/** What a step is to leave behind, beside its structure. */
export interface StepTarget {
  readonly readsPercent: number
  readonly writes: 'old' | 'new'
  /** What stands there when it begins: tells `collapse` what there is to take away. */
  readonly standing: Structure
}

export interface TableLock {
  readonly table: TableName
  /** The second holds up writers alone, and waits for those that are under way. */
  readonly mode: 'ACCESS EXCLUSIVE' | 'SHARE ROW EXCLUSIVE'
}

export interface StepSql {
  /** Statements of their own, before the transaction, each safe to run again. None locks out readers or writers for long. */
  readonly before: readonly string[]
  /** First statements of the transaction: they lock nothing that clients come to by way of a table locked later. */
  readonly first: readonly string[]
  /** Locked next, in this order, before anything else is done. */
  readonly locks: readonly TableLock[]
  readonly statements: readonly string[]
}

export const NOTHING: StepSql = { before: [], first: [], locks: [], statements: [] }

/** The SQL of a step. Faults: `invalidInput` when an expression does not parse or names a column that is not there. */
export function stepSql(context: StructureContext, step: MigrationStep, target: StepTarget): StepSql {
  if (step === 'none') return NOTHING
  const { change } = context.definition
  const made = change.kind === 'columns' ? columnSteps(context, change, step, target) : tableSteps(context, change, step, target)
  const leaves = LEAVES[step]
  return { ...made, statements: [...made.statements, ...(leaves ? [standingSql(context.definition, leaves)] : []), ...switchStatements(context.definition, step, target)] }
}

const LEAVES: { readonly [S in MigrationStep]?: Exclude<Structure, 'none'> } = { createShadow: 'shadow', expand: 'expanded', tombstone: 'tombstoned', untombstone: 'expanded' }

/** What applications and views read. It stays after the end, for code that still asks. */
function switchStatements(definition: MigrationDefinition, step: MigrationStep, { readsPercent, writes }: StepTarget): readonly string[] {
  const id = literal(definition.id)
  const clean = (table: string) => `DELETE FROM ${CONTROL_SCHEMA}.${table} WHERE migration = ${id};`
  if (step === 'createShadow') return [clean('checkpoints'), clean('quarantine'), clean('written'), clean('mismatches'), clean('reported'), clean('switches')]
  if (step === 'collapse') return [clean('switches'), clean('written'), clean('quarantine')]
  if (step === 'drop') return [`UPDATE ${CONTROL_SCHEMA}.switches SET reads_percent = 100, writes = 'new' WHERE migration = ${id};`, clean('written'), clean('quarantine')]
  if (step === 'expand') return [clean('written'), clean('switches'), `INSERT INTO ${CONTROL_SCHEMA}.switches (migration, reads_percent, writes, written_share) VALUES (${id}, ${readsPercent}, ${literal(writes)}, 1024);`]
  return [`UPDATE ${CONTROL_SCHEMA}.switches SET reads_percent = ${readsPercent}, writes = ${literal(writes)} WHERE migration = ${id};`]
}

/** One lock at a time, so that none is waited for longer than it may. */
export function lockStatements({ locks }: Pick<StepSql, 'locks'>): readonly string[] {
  return locks.map(({ table, mode }) => `LOCK TABLE ${quotedTable(table)} IN ${mode} MODE;`)
}

/** All of a step as one text, in the order it is run. */
export function stepText(sql: StepSql): string {
  const lines = [...sql.first, ...lockStatements(sql), ...sql.statements]
  return [...sql.before, ...(lines.length > 0 ? ['BEGIN;', ...lines, 'COMMIT;'] : [])].join('\n')
}
