import type { Mismatch } from '../../../../contract/migration.ts'
import { classify, type Found, type ListedRow, type TextRow } from './compare-classify.ts'
import { countMattersSql, countSql, extraSql, listSql, type Extent } from './compare-sql.ts'
import { fromSql, sharesKey, type Comparison } from './compare-units.ts'
import { errorText, isRowError, isTimeout } from '../context.ts'
import { countKeysSql, keyAtSql, keyOf, keyRecord, statementValues, type Key, type KeyRange } from '../page.ts'
import { rowsOf, type Session } from '../session.ts'

export interface Compared {
  readonly rows: number
  /** All that differ in more than the text of equal values, also those beyond what is listed. */
  readonly mismatches: number
  /** Equal values, written differently; also those beyond what is listed. */
  readonly textOnly: number
  readonly found: readonly Found[]
  /** The migration moved on while this looked: what was seen says nothing, and whoever asked must look at it anew. */
  readonly overtaken: boolean
}

export const NOTHING_COMPARED: Compared = { rows: 0, mismatches: 0, textOnly: 0, found: [], overtaken: false }
const OVERTAKEN: Compared = { ...NOTHING_COMPARED, overtaken: true }

/** Of one stretch so many are listed; the rest is counted. */
const LISTED = 1000

/**
 * Compares a stretch of keys in one statement. Only when something differs, a second one lists what. When a transform
 * fails, the stretch is halved until the row that makes it fail is alone: that one is `rejected`.
 */
export async function compareRange(session: Session, comparison: Comparison, range: KeyRange, foundBy: Mismatch['foundBy']): Promise<Compared> {
  try {
    const values = statementValues()
    const [counted] = await rowsOf(session, countSql(comparison, { range }, values), values.list, ({ rows, different, standing }) => ({ rows: Number(rows), different: Number(different), standing }))
    if (counted?.standing !== comparison.standing.text) return OVERTAKEN
    return (await listedAndCounted(session, comparison, { range }, counted, foundBy)) ?? OVERTAKEN
  } catch (error) {
    if (!isRowError(error) && !isTimeout(error)) throw error
    return halves(session, comparison, range, foundBy, error)
  }
}

/** Lists what differs in an extent of which is known how much does; null: the migration moved on. */
export async function listedAndCounted(session: Session, comparison: Comparison, extent: Extent, { rows, different }: { readonly rows: number; readonly different: number }, foundBy: Mismatch['foundBy']): Promise<Compared | null> {
  if (different === 0) return { ...NOTHING_COMPARED, rows }
  const found = await listed(session, comparison, extent, foundBy)
  if (found === null) return null
  if (found.length >= different) return { rows, ...counts(found), found, overtaken: false }
  // More than is listed: which of the rest matter is counted where they are.
  const values = statementValues()
  const [all] = await rowsOf(session, countMattersSql(comparison, extent, values), values.list, ({ matters, standing }) => ({ matters: Number(matters), standing }))
  if (all?.standing !== comparison.standing.text) return null
  return { rows, mismatches: all.matters, textOnly: Math.max(0, different - all.matters), found, overtaken: false }
}

/** What is listed, by whether it matters. */
export function counts(found: readonly Found[]): Pick<Compared, 'mismatches' | 'textOnly'> {
  const textOnly = found.filter((one) => one.class === 'textOnly').length
  return { mismatches: found.length - textOnly, textOnly }
}

/** The same for single rows, by their keys. What is not there any more is looked for on the other side. */
export async function compareKeys(session: Session, comparison: Comparison, keys: readonly Key[], foundBy: Mismatch['foundBy']): Promise<Compared> {
  if (keys.length === 0) return NOTHING_COMPARED
  if (keys.length > LISTED) return together(await compareKeys(session, comparison, keys.slice(0, LISTED), foundBy), await compareKeys(session, comparison, keys.slice(LISTED), foundBy))
  try {
    const found = await listed(session, comparison, { keys }, foundBy)
    return found === null ? OVERTAKEN : { rows: keys.length, ...counts(found), found, overtaken: false }
  } catch (error) {
    if (!isRowError(error)) throw error
    const [only] = keys
    if (keys.length === 1 && only) return { rows: 1, mismatches: 1, textOnly: 0, found: [await rejected(session, comparison, only, foundBy, error)], overtaken: false }
    const middle = Math.ceil(keys.length / 2)
    const first = await compareKeys(session, comparison, keys.slice(0, middle), foundBy)
    const second = await compareKeys(session, comparison, keys.slice(middle), foundBy)
    return together(first, second)
  }
}

/** Rows of the target that nothing accounts for, where the comparison by the source's key cannot see them. */
export async function compareExtra(session: Session, comparison: Comparison, extent: Extent, foundBy: Mismatch['foundBy']): Promise<Compared> {
  const values = statementValues()
  const key = comparison.toKey.map(({ column }) => column)
  const rows = await rowsOf(session, extraSql(comparison, extent, LISTED, values), values.list, (row) => ({
    standing: row['standing'],
    found: foundOf(comparison, { ...ABSENT, stored: row['stored'] as TextRow }, keyRecord(keyOf(row, key), key), foundBy),
  }))
  if (rows.some(({ standing }) => standing !== comparison.standing.text)) return OVERTAKEN
  return { rows: 0, mismatches: rows.length, textOnly: 0, found: rows.map(({ found }) => found), overtaken: false }
}

/** Whether rows that are one too many need a walk of their own over the target. */
export function needsExtraWalk(comparison: Comparison): boolean {
  return !comparison.unit.sameRow && !comparison.projected && comparison.unit.existence && (!sharesKey(comparison) || comparison.makers.length > 1)
}

const ABSENT: ListedRow = { inSource: false, inTarget: true, differs: [], lossy: [], forbidden: [], source: {}, stored: {}, expected: {}, back: {} }

/** Rows of an extent that are not as they should be; null: the migration moved on. */
export async function listed(session: Session, comparison: Comparison, extent: Extent, foundBy: Mismatch['foundBy']): Promise<readonly Found[] | null> {
  const values = statementValues()
  let overtaken = false
  const found = await rowsOf(session, listSql(comparison, extent, LISTED, values), values.list, (row) => {
    const names = (list: unknown, columns: readonly { readonly name: string }[]) => columns.filter((_, index) => Array.isArray(list) && list[index] === true).map(({ name }) => name)
    const shown: ListedRow = {
      inSource: row['in_source'] === true,
      inTarget: row['in_target'] === true,
      differs: names(row['differs'], comparison.columns),
      lossy: names(row['lossy'], comparison.back),
      forbidden: names(row['forbidden'], comparison.forbidden.map(({ words }) => ({ name: words }))),
      source: row['source'] as TextRow,
      stored: row['stored'] as TextRow,
      expected: row['expected'] as TextRow,
      back: row['back'] as TextRow,
    }
    overtaken ||= row['standing'] !== comparison.standing.text
    return foundOf(comparison, shown, keyRecord(keyOf(row, comparison.key), comparison.key), foundBy)
  })
  return overtaken ? null : found
}

function foundOf(comparison: Comparison, row: ListedRow, key: Readonly<Record<string, string>>, foundBy: Mismatch['foundBy']): Found {
  const { unit, direction } = comparison
  const judged = classify(row, unit.sameRow)
  const source = row.inSource ? row.source : null
  const stored = row.inTarget || unit.sameRow ? row.stored : null
  const forward = direction === 'oldToNew'
  return {
    unit: unit.name,
    key,
    foundBy,
    ...judged,
    differences: forward ? judged.differences : judged.differences.map((difference) => ({ column: difference.column, old: difference.new, new: difference.old })),
    old: forward ? source : stored,
    new: forward ? stored : source,
  }
}

async function halves(session: Session, comparison: Comparison, range: KeyRange, foundBy: Mismatch['foundBy'], error: unknown): Promise<Compared> {
  const table = fromSql(comparison)
  const counting = statementValues()
  const [rows = 0] = await rowsOf(session, countKeysSql(table, comparison.key, range, counting), counting.list, ({ rows }) => Number(rows))
  const values = statementValues()
  const [middle] = await rowsOf(session, keyAtSql(table, comparison.key, range, Math.max(0, Math.ceil(rows / 2) - 1), values), values.list, (row) => keyOf(row, comparison.key))
  // The row that made it fail is gone meanwhile.
  if (!middle) return NOTHING_COMPARED
  if (rows <= 1 && isTimeout(error)) throw error
  if (rows <= 1) return { rows: 1, mismatches: 1, textOnly: 0, found: [await rejected(session, comparison, middle, foundBy, error)], overtaken: false }
  const first = await compareRange(session, comparison, { after: range.after, upTo: middle }, foundBy)
  const second = await compareRange(session, comparison, { after: middle, upTo: range.upTo }, foundBy)
  return together(first, second)
}

async function rejected(session: Session, comparison: Comparison, key: Key, foundBy: Mismatch['foundBy'], error: unknown): Promise<Found> {
  const { unit, direction, columns } = comparison
  const values = statementValues()
  const [source = null] = await rowsOf(session, sourceRowSql(comparison, key, values), values.list, ({ source }) => source as TextRow)
  return {
    unit: unit.name,
    class: 'rejected',
    key: keyRecord(key, comparison.key),
    columns: columns.map(({ name }) => name),
    old: direction === 'oldToNew' ? source : null,
    new: direction === 'oldToNew' ? null : source,
    foundBy,
    detail: `the transform fails: ${errorText(error)}`,
    differences: [],
  }
}

function sourceRowSql(comparison: Comparison, key: Key, values: ReturnType<typeof statementValues>): string {
  const { shown } = comparison
  const names = values.add(shown.map(({ name }) => name), 'text[]')
  const texts = shown.map(({ physical }) => `f."${physical.replaceAll('"', '""')}"::text`)
  const where = comparison.key.map(({ physical, type }, index) => `f."${physical.replaceAll('"', '""')}" = ${values.add(key[index], type)}`)
  return `SELECT jsonb_object(${names}, ARRAY[${texts.join(', ')}]::text[]) AS source FROM ${fromSql(comparison)} AS f WHERE ${where.join(' AND ')}`
}

/** Of two stretches. */
export function together(a: Compared, b: Compared): Compared {
  return { rows: a.rows + b.rows, mismatches: a.mismatches + b.mismatches, textOnly: a.textOnly + b.textOnly, found: [...a.found, ...b.found], overtaken: a.overtaken || b.overtaken }
}
