import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import { syncFunction } from './column-trigger.ts'
import { readOutline } from '../facts.ts'
import type { TableDetail } from '../facts.ts'
import { columnNames, goneTable, triggerName } from '../names.ts'
import { rowsOf } from '../session.ts'
import type { Session } from '../session.ts'
import { literal } from '../sql-text.ts'
import type { Structure } from './structure.ts'
import { changeTables } from './table-links.ts'
import { mirrorFunction } from './table-trigger.ts'
import { quotedTable, spoken, storedName } from '../units.ts'

/** A change of structure that was not made here. `breaks`: nothing may be built on it. */
export interface Drift {
  readonly words: string
  readonly breaks: boolean
}

export interface DriftContext {
  readonly definition: MigrationDefinition
  readonly facts: readonly TableDetail[]
  readonly standing: Structure
  readonly writes: 'old' | 'new'
}

/** What of the structure recorded at the start is no longer so, and what of our own is gone or switched off. */
export async function driftOf(session: Session, context: DriftContext): Promise<readonly Drift[]> {
  const found: Drift[] = []
  for (const facts of context.facts) found.push(...(await tableDrift(session, context, facts)))
  if (context.standing === 'expanded' || context.standing === 'tombstoned') found.push(...(await ownDrift(session, context)))
  return found
}

async function tableDrift(session: Session, { definition, standing }: DriftContext, facts: TableDetail): Promise<readonly Drift[]> {
  const { change } = definition
  const aside = standing === 'tombstoned' && change.kind === 'tables' && change.dropOld
  const table = spoken(facts.name)
  const now = await readOutline(session, aside ? goneTable(definition, facts.name) : facts.name)
  if (!now) return [{ words: `${table} is gone`, breaks: true }]
  const columns = now.columns
  const names = change.kind === 'columns' ? columnNames(definition, change, facts, standing === 'tombstoned') : null
  const ours = new Set(change.kind === 'columns' && names && standing !== 'none' && standing !== 'shadow' ? change.add.map(({ name }) => names.ofNew(name) ?? storedName(definition, facts, name)) : [])
  const stored = (name: string) => names?.ofOld(name) ?? name
  const originals = new Set(facts.columns.map(({ name }) => stored(name)))
  const words: Drift[] = []
  for (const column of facts.columns) {
    const found = columns.find(({ name }) => name === stored(column.name))
    if (!found) words.push({ words: `${table}.${column.name} is gone`, breaks: true })
    else if (found.type !== column.type) words.push({ words: `${table}.${column.name} is ${found.type} now, it was ${column.type}`, breaks: true })
    else if (found.notNull !== column.notNull) words.push({ words: `${table}.${column.name} ${found.notNull ? 'is NOT NULL now' : 'may be NULL now'}`, breaks: false })
  }
  if (now.primaryKey.join() !== facts.primaryKey.map(stored).join()) words.push({ words: `the primary key of ${table} is (${now.primaryKey.join(', ')}) now, it was (${facts.primaryKey.join(', ')})`, breaks: true })
  // A column nobody mirrors would be lost with its table.
  for (const { name } of columns) if (!originals.has(name) && !ours.has(name)) words.push({ words: `${table}.${name} is new`, breaks: change.kind === 'tables' && change.dropOld })
  return words
}

/** Our triggers and functions, as they were made. */
async function ownDrift(session: Session, { definition, facts, standing }: DriftContext): Promise<readonly Drift[]> {
  const { change } = definition
  const expected =
    change.kind === 'columns'
      ? (['insert', 'update', 'delete'] as const).map((part) => ({ table: change.table, trigger: triggerName(definition, part), function: syncFunction(definition) }))
      : changeTables(definition, change, facts, standing === 'tombstoned').flatMap((table) => (['write', 'delete', 'truncate'] as const).map((part) => ({ table: table.stored, trigger: triggerName(definition, part), function: mirrorFunction(definition, table) })))
  const words: Drift[] = []
  for (const { table, trigger, function: name } of expected) {
    const [found] = await rowsOf(
      session,
      `SELECT t.tgenabled AS enabled, t.tgfoid = to_regproc(${literal(name)}) AS ours FROM pg_trigger t WHERE t.tgrelid = to_regclass($1) AND t.tgname = $2`,
      [quotedTable(table), trigger.slice(0, 63)],
      (row) => ({ enabled: String(row['enabled']), ours: row['ours'] === true }),
    )
    if (!found) words.push({ words: `the trigger ${trigger} on ${spoken(table)} is gone`, breaks: true })
    else if (found.enabled === 'D' || found.enabled === 'R') words.push({ words: `the trigger ${trigger} on ${spoken(table)} is switched off`, breaks: true })
    else if (!found.ours) words.push({ words: `the trigger ${trigger} on ${spoken(table)} runs another function`, breaks: true })
  }
  return words
}
