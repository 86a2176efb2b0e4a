import { isScalar } from 'yaml'
import type { Node } from 'yaml'
import { checkDefault, checkExpression, checkQuery } from '../providers/postgres/migration/preflight/lint-expression.ts'
import { parseType } from '../providers/postgres/migration/preflight/lint-parse.ts'
import type { SqlSlip } from '../providers/postgres/migration/preflight/lint-parse.ts'
import { startOf } from './parse.ts'
import type { Span } from './problems.ts'
import type { Reader, Reading } from './reading.ts'
import { scalarText } from './reading.ts'
import { text } from './scalars.ts'

/** SQL inside the file, parsed as PostgreSQL does, with a slip shown where it is in the file. */

function sql(rules: { readonly expected: string; readonly maxLength: number }, check: (text: string) => SqlSlip | null): Reader<string> {
  const read = text(rules)
  return (node, at) => {
    const value = read(node, at)
    if (value === undefined) return undefined
    const slip = check(value)
    return slip === null ? value : slipAt(node, at, slip)
  }
}

/** An expression over the columns of one row. */
export const rowExpression = sql({ expected: 'an SQL expression over the columns of the row', maxLength: 10_000 }, (value) => {
  const checked = checkExpression(value)
  return checked.ok ? null : checked.slip
})

/** A type as in a column's definition. */
export const sqlType = sql({ expected: 'a type, as `text` or `numeric(12,2)`', maxLength: 200 }, (value) => {
  const parsed = parseType(value)
  return parsed.ok ? null : parsed.slip
})

/** A column's default. */
export const defaultExpression = sql({ expected: 'a default as in SQL: `0`, `\'new\'`', maxLength: 2000 }, (value) => {
  const checked = checkDefault(value)
  return checked.ok ? null : checked.slip
})

/** A question that reads one entity: one SELECT with the key as `$1`. */
export const question = sql({ expected: 'one SELECT that takes the key as `$1`', maxLength: 10_000 }, checkQuery)

/** Reports a slip in SQL where it stands, as far as the way the text is written lets that be known. */
export function slipAt(node: Node, at: Reading, slip: SqlSlip): undefined {
  at.problems.report(placeIn(node, slip.offset), slip.message, slip.expected)
  return undefined
}

function placeIn(node: Node, offset: number): Span {
  const { start } = startOf(node)
  const length = (scalarText(node) ?? '').length
  const end = node.range?.[1] ?? start
  // Only text that stands in the file letter by letter: on one line, and nothing escaped.
  if (isScalar(node) && node.type === 'PLAIN' && end - start === length) return { start: start + offset }
  if (isScalar(node) && (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') && end - start - 2 === length) return { start: start + 1 + offset }
  return { start }
}
