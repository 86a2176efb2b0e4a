import type { Operator } from '../../../../contract/release.ts'
import { pageSql } from '../copying/backfill-sql.ts'
import { assertFence } from '../copying/checkpoints.ts'
import { compareExtra, compareKeys, needsExtraWalk } from './compare-rows.ts'
import { comparisonsOf, type Comparison } from './compare-units.ts'
import { isCollision, isRowError, rest, type MigrationContext } from '../context.ts'
import { addEvent } from '../events.ts'
import { settleMismatches, unsettled, type OnRecord } from './mismatches.ts'
import { keyFromRecord, statementValues, withinKeys, type Key } from '../page.ts'
import { rowsOf, type Session } from '../session.ts'
import { countLateRepairs } from '../status.ts'
import { quoted, quotedTable } from '../units.ts'

export interface RepairRequest {
  readonly context: MigrationContext
  readonly ids: readonly string[] | 'all'
  readonly by: Operator
  readonly operationId: string
}

const AT_ONCE = 10_000
const TRIES = 5

/**
 * Writes rows again from the authoritative side, each in a transaction under its source row's lock, with an event that
 * holds it before and after. `left`: what cannot be repaired by rule, or is still wrong after it.
 */
export async function repair({ context, ids, by, operationId }: RepairRequest): Promise<{ readonly repaired: number; readonly left: number }> {
  const compared = comparisonsOf(context)
  const records = await context.sessions.use((session) => unsettled(session, context.id, AT_ONCE, ids === 'all' ? {} : { ids }))
  const open = records.filter(({ status }) => status === 'open')
  let repaired = 0
  for (const record of open) {
    const comparison = compared.find(({ unit }) => unit.name === record.unit)
    if (!comparison || comparison.projected || !REPAIRABLE.has(record.class)) continue
    if (await repairedOne(context, comparison, record, { by, operationId })) repaired += 1
  }
  return { repaired, left: open.length - repaired }
}

const REPAIRABLE: ReadonlySet<string> = new Set(['missing', 'extra', 'differs', 'textOnly', 'conflict', 'rejected'])
/** Found wrong although every write is mirrored: something writes past the mirror. */
const HOLES: ReadonlySet<string> = new Set(['missing', 'extra', 'differs', 'textOnly'])

async function repairedOne(context: MigrationContext, comparison: Comparison, record: OnRecord, act: { readonly by: Operator; readonly operationId: string }): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await context.sessions.transaction({ lockTimeoutMs: 1000 }, (session) => tried(session, context, comparison, record, act))
    } catch (error) {
      if (!isCollision(error) || attempt >= TRIES) throw error
      await rest(100 * attempt * (0.5 + Math.random()), new AbortController().signal)
    }
  }
}

async function tried(session: Session, context: MigrationContext, comparison: Comparison, record: OnRecord, act: { readonly by: Operator; readonly operationId: string }): Promise<boolean> {
  await assertFence(session, context)
  // The first keeps copying out of the mirror; the second the mirror out of a row whose both sides are being mended.
  await session.query(`SET LOCAL signalbox.backfill = '${context.id}'; SET LOCAL signalbox.repair = '${context.id}'`)
  const ofTarget = record.class === 'extra' && needsExtraWalk(comparison)
  const columns = ofTarget ? comparison.toKey.map(({ column }) => column) : comparison.key
  const key = keyFromRecord(record.key, columns)
  if (!key) return false
  const look = () => (ofTarget ? compareExtra(session, comparison, { keys: [key] }, 'fullPass') : compareKeys(session, comparison, [key], 'fullPass'))
  if (!ofTarget) await session.query(...lock(comparison, key))
  const before = await rowText(session, comparison, key, ofTarget)
  const trusted = ofTarget ? '' : await sourceText(session, comparison, key)
  await session.query('SAVEPOINT repair')
  try {
    await written(session, comparison, record, key)
  } catch (error) {
    if (!isRowError(error)) throw error
    await session.query('ROLLBACK TO SAVEPOINT repair')
    return false
  }
  const after = await rowText(session, comparison, key, ofTarget)
  const seen = await look()
  // Whatever was written must not have come back over the side that is trusted.
  if (seen.overtaken || seen.found.length > 0 || (!ofTarget && (await sourceText(session, comparison, key)) !== trusted)) {
    await session.query('ROLLBACK TO SAVEPOINT repair')
    return false
  }
  await settleMismatches(session, [record.id], 'repaired')
  await session.query('DELETE FROM signalbox.quarantine WHERE migration = $1 AND unit = $2 AND key = $3::jsonb', [context.id, record.unit, JSON.stringify(record.key)])
  const words = Object.entries(record.key).map(([name, value]) => `${name} ${String(value)}`).join(', ')
  await addEvent(session, {
    migration: context.id,
    kind: 'repair',
    summary: `Repaired ${record.unit}, ${words}: ${record.class}.`,
    ...act,
    evidence: { mismatch: record.id, class: record.class, table: record.unit, key: record.key, before, after, authority: context.state.writes },
  })
  if (HOLES.has(record.class) && context.state.phase !== 'backfilling') await countLateRepairs(session, context.id, 1)
  return true
}

async function written(session: Session, comparison: Comparison, record: OnRecord, key: Key): Promise<void> {
  if (record.class === 'extra') return removeExtra(session, comparison, key)
  const values = statementValues()
  await session.query(pageSql(comparison, { keys: [key] }, values, true), values.list)
}

function lock(comparison: Comparison, key: Key): [string, unknown[]] {
  const values = statementValues()
  return [`SELECT 1 FROM ${quotedTable(comparison.from)} AS f WHERE ${withinKeys(comparison.key, [key], values, 'f')} FOR UPDATE`, values.list]
}

/** A row that nothing accounts for; were its source to appear meanwhile, the look afterwards takes this back. */
async function removeExtra(session: Session, comparison: Comparison, key: Key): Promise<void> {
  const columns = comparison.toKey.map(({ column }) => column)
  const values = statementValues()
  const where = withinKeys(columns, [key], values, 't')
  if (comparison.unit.existence) await session.query(`DELETE FROM ${quotedTable(comparison.to)} AS t WHERE ${where}`, values.list)
  else await session.query(`UPDATE ${quotedTable(comparison.to)} AS t SET ${comparison.columns.map(({ stored }) => `${quoted(stored)} = NULL`).join(', ')} WHERE ${where}`, values.list)
}

/** The side that is repaired, as text. */
async function rowText(session: Session, comparison: Comparison, key: Key, ofTarget: boolean): Promise<unknown> {
  const list = comparison.columns.map(({ name, stored }) => `'${name.replaceAll("'", "''")}', t.${quoted(stored)}::text`).join(', ')
  const values = statementValues()
  const keys = comparison.toKey.map(({ column }) => column)
  const where = comparison.unit.sameRow
    ? withinKeys(comparison.key, [key], values, 't')
    : ofTarget
      ? withinKeys(keys, [key], values, 't')
      : `(${keys.map(({ physical }) => `t.${quoted(physical)}`).join(', ')}) IN (SELECT ${comparison.toKey.map(({ expression }) => expression).join(', ')} FROM ${quotedTable(comparison.from)} AS f WHERE ${withinKeys(comparison.key, [key], values, 'f')})`
  const [row = null] = await rowsOf(session, `SELECT jsonb_build_object(${list}) AS row FROM ${quotedTable(comparison.to)} AS t WHERE ${where}`, values.list, ({ row }) => row)
  return row
}

async function sourceText(session: Session, comparison: Comparison, key: Key): Promise<string> {
  const values = statementValues()
  const shown = comparison.shown.map(({ physical }) => `f.${quoted(physical)}::text`)
  const rows = await rowsOf(session, `SELECT ARRAY[${shown.join(', ')}]::text[] AS source FROM ${quotedTable(comparison.from)} AS f WHERE ${withinKeys(comparison.key, [key], values, 'f')}`, values.list, ({ source }) => source)
  return JSON.stringify(rows)
}
