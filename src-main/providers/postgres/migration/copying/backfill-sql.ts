import type { Comparison } from '../comparing/compare-units.ts'
import { within, type Extent } from '../comparing/compare-sql.ts'
import { keyOrder, type Values } from '../page.ts'
import { quoted, quotedTable } from '../units.ts'

/**
 * One page, in one statement. Rows that are right already are left alone, so doing it twice does nothing; rows of
 * another table are locked against writers while theirs are made (I1), and what the mirror wrote stays (I2), unless it is
 * to be overwritten: a repair.
 */
export function pageSql(comparison: Comparison, extent: Extent, values: Values, overwrite = false): string {
  if (comparison.unit.sameRow) return columnsSql(comparison, extent, values)
  return comparison.unit.existence ? rowsSql(comparison, extent, values, overwrite) : fillSql(comparison, extent, values)
}

function columnsSql({ from, key, columns }: Comparison, extent: Extent, values: Values): string {
  const writes = columns.map(({ stored, expected }) => `${quoted(stored)} = ${expected}`)
  const wrong = columns.map(({ stored, expected, type }) => differs(`f.${quoted(stored)}`, expected, type))
  return `UPDATE ${quotedTable(from)} AS f SET ${writes.join(', ')} WHERE ${within(key, extent, values, 'f')} AND (${wrong.join(' OR ')})`
}

function rowsSql(comparison: Comparison, extent: Extent, values: Values, overwrite: boolean): string {
  const { to, toKey, columns, makers } = comparison
  const keys = toKey.map(({ column }) => quoted(column.physical))
  const targets = [...keys, ...columns.map(({ stored }) => quoted(stored))]
  const expressions = [...toKey.map(({ expression }) => expression), ...columns.map(({ expected }) => expected)]
  const wanted = toKey.map(({ expression }) => `${expression} IS NOT NULL`).join(' AND ')
  // A row that another unit made lacks this unit's columns: they are added under the lock of the source row.
  const shared = (overwrite || makers.length > 1) && columns.length > 0
  const conflict = shared
    ? `DO UPDATE SET ${columns.map(({ stored }) => `${quoted(stored)} = excluded.${quoted(stored)}`).join(', ')} WHERE ${columns.map(({ stored, type }) => differs(`t.${quoted(stored)}`, `excluded.${quoted(stored)}`, type)).join(' OR ')}`
    : 'DO NOTHING'
  return `INSERT INTO ${quotedTable(to)} AS t (${targets.join(', ')}) SELECT ${expressions.join(', ')} FROM ${lockedSource(comparison, extent, values)} WHERE ${wanted} ON CONFLICT (${keys.join(', ')}) ${conflict}`
}

function fillSql(comparison: Comparison, extent: Extent, values: Values): string {
  const { to, toKey, columns } = comparison
  const made = [...toKey.map(({ expression }, index) => `${expression} AS "sb:j${index}"`), ...columns.map(({ expected }, index) => `${expected} AS "sb:e${index}"`)]
  const writes = columns.map(({ stored }, index) => `${quoted(stored)} = s."sb:e${index}"`)
  const same = toKey.map(({ column }, index) => `t.${quoted(column.physical)} = s."sb:j${index}"`)
  const wrong = columns.map(({ stored, type }, index) => differs(`t.${quoted(stored)}`, `s."sb:e${index}"`, type))
  return `UPDATE ${quotedTable(to)} AS t SET ${writes.join(', ')} FROM (SELECT ${made.join(', ')} FROM ${lockedSource(comparison, extent, values)}) AS s WHERE ${same.join(' AND ')} AND (${wrong.join(' OR ')})`
}

function lockedSource({ from, key }: Comparison, extent: Extent, values: Values): string {
  return `(SELECT f.* FROM ${quotedTable(from)} AS f WHERE ${within(key, extent, values, 'f')} ORDER BY ${keyOrder(key)} FOR SHARE) AS f`
}

function differs(a: string, b: string, type: string): string {
  return /^(?:json|xml|point|polygon|line)\b(?!b)/iu.test(type) ? `${a}::text IS DISTINCT FROM (${b})::text` : `${a} IS DISTINCT FROM ${b}`
}
