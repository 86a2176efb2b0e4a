import { isSeq } from 'yaml'
import type { TableName } from '../contract/migration-definition.ts'
import { list, record } from './collections.ts'
import type { Reader, Reading } from './reading.ts'
import { text } from './scalars.ts'
import { rowExpression } from './sql-text.ts'
import { nearest } from './suggest.ts'
import { clip } from './units.ts'

/** Readers of names in a database, written as PostgreSQL stores them: without quotes, and with their upper case. */

export const COLUMN = { pattern: /^[^\p{Cc}".]{1,63}$/u, expected: 'a name as PostgreSQL stores it, without quotes: at most 63 characters, no `.` and no `"`' }
export const TABLE = { pattern: /^(?:[^\p{Cc}".]{1,63}\.)?[^\p{Cc}".]{1,63}$/u, expected: 'a table as `customers` or `sales.customers`, without quotes' }

export const identifier: Reader<string> = text(COLUMN)

/** `customers` is in the schema `public`. */
export const tableName: Reader<TableName> = (node, at) => {
  const written = text(TABLE)(node, at)
  return written === undefined ? undefined : toTableName(written)
}

export function toTableName(written: string): TableName {
  const [first = '', second] = written.split('.')
  return second === undefined ? { schema: 'public', table: first } : { schema: first, table: second }
}

/** As the file would write it. */
export function writtenTable({ schema, table }: TableName): string {
  return schema === 'public' ? table : `${schema}.${table}`
}

/** One, or a list of them. */
export function oneOrMore<T>(what: string, item: Reader<T>, max: number): Reader<T[]> {
  const several = list(what, item, { min: 1, max })
  return (node, at) => {
    if (isSeq(node)) return several(node, at)
    const one = item(node, at)
    return one === undefined ? undefined : [one]
  }
}

/** `name: expression` lines. */
export const namedExpressions = record('expressions', COLUMN, () => rowExpression)

/** A key that must be one of those known; the nearest is offered. */
export function isKnown(at: Reading, written: string, known: readonly string[], what: string): boolean {
  if (known.includes(written)) return true
  at.problems.report(at.owner, `there is no ${what} \`${clip(written)}\``, offered(written, known, what))
  return false
}

function offered(written: string, known: readonly string[], what: string): string {
  const near = nearest(written, known)
  if (near !== null) return `did you mean \`${near}\`?`
  return known.length === 0 ? `a ${what} of this file, which has none` : `one of ${known.slice(0, 10).join(', ')}`
}

/** The same for a place in the result, once the whole has been read. */
export function reportUnknown(at: Reading, path: readonly (string | number)[], written: string, known: readonly string[], what: string): void {
  at.problems.report(at.placeOf([...at.path, ...path]), `there is no ${what} \`${clip(written)}\``, offered(written, known, what))
}
