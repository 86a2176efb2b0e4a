import { keyOf, keyOrder, keyTexts, withinRange, statementValues, type Key, type KeyColumn } from '../page.ts'
import { rowsOf, type Session } from '../session.ts'
import { quoted } from '../units.ts'

/** So many sampled keys stand for one chunk: its size is then right within some ten percent. */
const KEYS_PER_CHUNK = 100

/**
 * Keys that cut a table into chunks of about so many rows, in order; the last chunk is open. Found in a sample of pages
 * instead of by a scan of the whole index: a chunk need not be exact, only the keys must be real ones.
 */
export async function chunkBounds(session: Session, table: string, key: readonly KeyColumn[], after: Key | null, rows: number, chunkRows: number): Promise<readonly Key[]> {
  const chunks = Math.ceil(rows / chunkRows)
  if (chunks <= 1) return []
  const percent = Math.min(100, (100 * chunks * KEYS_PER_CHUNK) / rows)
  const sample = percent > 30 ? '' : `TABLESAMPLE SYSTEM (${percent.toFixed(6)})`
  const values = statementValues()
  const where = withinRange(key, { after, upTo: null }, values, 'f')
  const texts = key.map((_, index) => `p.k${index}`).join(', ')
  const inner = `SELECT ${keyTexts(key)}, row_number() OVER (ORDER BY ${keyOrder(key)}) AS place, count(*) OVER () AS all_of FROM ${table} AS f ${sample} WHERE ${where}`
  return rowsOf(
    session,
    `SELECT ${texts} FROM (${inner}) p WHERE p.place % greatest(1, p.all_of / ${chunks}) = 0 AND p.place < p.all_of ORDER BY p.place`,
    values.list,
    (row) => keyOf(row, key),
  )
}

/** Some keys by chance, from sampled pages: no scan, and no order that could hide something. */
export async function randomKeys(session: Session, table: string, key: readonly KeyColumn[], rows: number, count: number): Promise<readonly Key[]> {
  const percent = Math.min(100, Math.max(0.0001, (100 * count * 10) / Math.max(rows, 1)))
  return rowsOf(session, `SELECT ${keyTexts(key)} FROM ${table} AS f TABLESAMPLE SYSTEM (${percent.toFixed(6)}) ORDER BY random() LIMIT ${count}`, [], (row) => keyOf(row, key))
}

/** First and last keys: where ranges and pages go wrong. */
export async function boundaryKeys(session: Session, table: string, key: readonly KeyColumn[]): Promise<readonly Key[]> {
  const ends = ['ASC', 'DESC'].map((direction) => `(SELECT ${keyTexts(key)} FROM ${table} AS f ORDER BY ${key.map(({ physical }) => `f.${quoted(physical)} ${direction}`).join(', ')} LIMIT 2)`)
  return rowsOf(session, ends.join(' UNION ALL '), [], (row) => keyOf(row, key))
}
