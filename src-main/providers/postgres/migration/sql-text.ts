import { quoted } from './units.ts'

/** Text as an SQL literal, whatever `standard_conforming_strings` says of backslashes. */
export function literal(text: string): string {
  const doubled = text.replaceAll("'", "''")
  return text.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`
}

/** Body of a function between dollar quotes that it does not contain. */
export function dollarQuoted(body: string): string {
  let tag = 'sb'
  while (body.includes(`$${tag}$`)) tag += '_'
  return `$${tag}$\n${body}\n$${tag}$`
}

/** Columns of a row as text, by name: how keys and rows are recorded. */
export function rowObject(row: string, columns: readonly { readonly name: string; readonly stored: string }[]): string {
  return `jsonb_build_object(${columns.map(({ name, stored }) => `${literal(name)}, ${row}.${quoted(stored)}::text`).join(', ')})`
}

const PLAIN = /^(smallint|integer|bigint|boolean|uuid|date|text|bytea|character varying|timestamp(\(\d\))? with(out)? time zone)(\(\d+\))?$/

/**
 * Whether two values differ in anything that could be seen. Types whose equal values may look different (numeric,
 * citext, json) are compared as stored; so are those that have no equality.
 */
export function differs(a: string, b: string, type: string): string {
  return PLAIN.test(type) ? `${a} IS DISTINCT FROM ${b}` : imagesDiffer([a], [b])
}

/** The default is the same value for the whole transaction: whoever left the column out and whoever gave that very value look alike. */
export function isSteady(expression: string): boolean {
  const text = expression.trim()
  return /^(now\(\)|current_(date|timestamp|user)|transaction_timestamp\(\)|statement_timestamp\(\))$/i.test(text) || /^(-?[\d.]+|'(?:[^']|'')*'|true|false|NULL)(::[\w ."[\]]+(\([\d, ]+\))?)*$/i.test(text)
}

/** Whether rows of the same types differ as they are stored; works for types without equality, and tells 1.0 from 1.00. */
export function imagesDiffer(a: readonly string[], b: readonly string[]): string {
  return `ROW(${a.join(', ')})::record OPERATOR(pg_catalog.*<>) ROW(${b.join(', ')})::record`
}
