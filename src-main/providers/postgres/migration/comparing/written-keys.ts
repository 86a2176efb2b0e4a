import { compareExtra, compareKeys, needsExtraWalk } from './compare-rows.ts'
import { comparisons, comparisonsOf, type Comparison } from './compare-units.ts'
import type { MigrationContext } from '../context.ts'
import { recordMismatches, settleMismatches } from './mismatches.ts'
import { keyFromRecord, keyOf, statementValues, withinKeys, type Key } from '../page.ts'
import { rowsOf, type Session } from '../session.ts'
import { quotedTable, spoken } from '../units.ts'

/** Written keys are re-read within this time. */
export const REREAD_WITHIN_MS = 5000

/**
 * Takes a page of keys that clients wrote and reads both sides of each again. One transaction: when it does not end,
 * the keys are still in the queue.
 */
export async function rereadWritten(session: Session, context: MigrationContext, atMost: number): Promise<{ readonly count: number; readonly keys: readonly Key[] } | 'overtaken'> {
  await session.query('BEGIN')
  const taken = await rowsOf(session, TAKE_SQL, [context.id, atMost], (row): Taken => ({ unit: String(row['unit']), key: row['key'] as Record<string, unknown> }))
  let first: readonly Key[] | null = null
  for (const comparison of comparisonsOf(context)) {
    const keys = await keysFor(session, context, comparison, taken)
    first ??= keys
    if (!(await checked(session, context, comparison, keys))) {
      // The migration moved on: these keys are looked at again by what is true then.
      await session.query('ROLLBACK')
      return 'overtaken'
    }
  }
  await session.query('COMMIT')
  return { count: taken.length, keys: first ?? [] }
}

/** Compares single rows; records what is wrong and settles what was on record and is right. False: overtaken. */
export async function checked(session: Session, context: MigrationContext, comparison: Comparison, keys: readonly Key[], foundBy: 'writtenKey' | 'sample' = 'writtenKey'): Promise<boolean> {
  if (keys.length === 0) return true
  const compared = await compareKeys(session, comparison, keys, foundBy)
  const targets = needsExtraWalk(comparison) ? await targetKeys(session, comparison, keys) : []
  const extra = targets.length === 0 ? null : await compareExtra(session, comparison, { keys: targets }, foundBy)
  if (compared.overtaken || extra?.overtaken === true) return false
  const found = [...compared.found, ...(extra?.found ?? [])]
  await recordMismatches(session, context.id, context.definition.verify.ignore, found, Date.now())
  const wrong = new Set(found.map(({ key }) => canonical(key)))
  const names = (columns: readonly { readonly name: string }[], key: Key) => canonical(Object.fromEntries(columns.map(({ name }, index) => [name, key[index]])))
  const right = [...keys.map((key) => names(comparison.key, key)), ...targets.map((key) => names(comparison.toKey.map(({ column }) => column), key))].filter((key) => !wrong.has(key))
  const settled = await rowsOf(session, `SELECT id FROM signalbox.mismatches WHERE migration = $1 AND unit = $2 AND status IN ('open', 'accepted') AND class <> 'conflict' AND key = ANY ($3::jsonb[])`, [context.id, comparison.unit.name, right], ({ id }) => String(id))
  await settleMismatches(session, settled, 'gone')
  return true
}

/** Keys of this comparison's source among those taken. What was written on the other side is looked for by the row it makes. */
async function keysFor(session: Session, context: MigrationContext, comparison: Comparison, taken: readonly Taken[]): Promise<readonly Key[]> {
  const direct = keysOf(taken, comparison)
  if (comparison.unit.sameRow) return direct
  const mirrored: Key[] = []
  for (const other of comparisons(context.definition, context.tables, context.state, comparison.direction === 'oldToNew' ? 'newToOld' : 'oldToNew')) {
    if (spoken(other.to) !== spoken(comparison.from)) continue
    for (const key of await targetKeys(session, other, keysOf(taken, other))) {
      // The order of a link's key need not be that of the primary key.
      const own = keyFromRecord(Object.fromEntries(other.toKey.map(({ column }, index) => [column.name, key[index]])), comparison.key)
      if (own) mirrored.push(own)
    }
  }
  return unique([...direct, ...mirrored])
}

interface Taken {
  readonly unit: string
  readonly key: Readonly<Record<string, unknown>>
}

function keysOf(taken: readonly Taken[], { unit, key: columns }: Comparison): readonly Key[] {
  return unique(taken.filter((one) => one.unit === unit.name).map(({ key }) => keyFromRecord(key, columns)).filter((key) => key !== null))
}

/** Keys of the rows that rows with these keys make: of rows that are gone only where the key alone tells. */
async function targetKeys(session: Session, comparison: Comparison, keys: readonly Key[]): Promise<readonly Key[]> {
  if (keys.length === 0) return []
  const texts = comparison.toKey.map(({ expression }, index) => `(${expression})::text AS k${index}`).join(', ')
  const columns = comparison.toKey.map(({ column }) => column)
  const values = statementValues()
  const there = await rowsOf(session, `SELECT ${texts} FROM ${quotedTable(comparison.from)} AS f WHERE ${withinKeys(comparison.key, keys, values, 'f')}`, values.list, (row) => keyOf(row, columns))
  if (!comparison.keyTells) return unique(there)
  const lists = statementValues()
  const arrays = comparison.key.map((_, index) => lists.add(keys.map((key) => key[index]), 'text[]'))
  const typed = comparison.key.map(({ physical, type }, index) => `u.k${index}::${type} AS "${physical.replaceAll('"', '""')}"`)
  const gone = await rowsOf(session, `SELECT ${texts} FROM (SELECT ${typed.join(', ')} FROM unnest(${arrays.join(', ')}) AS u(${comparison.key.map((_, index) => `k${index}`).join(', ')})) AS f`, lists.list, (row) => keyOf(row, columns))
  return unique([...there, ...gone])
}

function unique(keys: readonly Key[]): readonly Key[] {
  return [...new Map(keys.map((key) => [JSON.stringify(key), key])).values()]
}

function canonical(key: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(key).toSorted(([a], [b]) => (a < b ? -1 : 1))))
}

const TAKE_SQL = `
DELETE FROM signalbox.written w USING (SELECT ctid AS place FROM signalbox.written WHERE migration = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) t
WHERE w.ctid = t.place RETURNING w.unit, w.key`
