import { quoted } from './units.ts'

/** A column of a key that rows are walked by: its name in records, what it is called right now, and its type. */
export interface KeyColumn {
  readonly name: string
  readonly physical: string
  readonly type: string
}

/** Values of a key as text, in the order of its columns. */
export type Key = readonly string[]

/** Rows with keys above `after` and up to and with `upTo`; null: no bound on that side. */
export interface KeyRange {
  readonly after: Key | null
  readonly upTo: Key | null
}

/** Values of one statement, handed over apart from its text. */
export interface Values {
  readonly list: unknown[]
  /** Adds a value and answers with its placeholder, typed. */
  add(value: unknown, type: string): string
}

export function statementValues(): Values {
  const list: unknown[] = []
  return {
    list,
    add(value, type) {
      list.push(value)
      return `$${list.length}::${type}`
    },
  }
}

/** Row comparison, so that one index scan serves keys of several columns. `alias` is the relation's. */
export function withinRange(columns: readonly KeyColumn[], range: KeyRange, values: Values, alias: string): string {
  const row = rowOf(columns.map(({ physical }) => `${alias}.${quoted(physical)}`))
  const bound = (key: Key) => rowOf(columns.map(({ type }, index) => values.add(key[index], type)))
  const parts = [...(range.after ? [`${row} > ${bound(range.after)}`] : []), ...(range.upTo ? [`${row} <= ${bound(range.upTo)}`] : [])]
  return parts.length === 0 ? 'true' : parts.join(' AND ')
}

/** One of these keys. */
export function withinKeys(columns: readonly KeyColumn[], keys: readonly Key[], values: Values, alias: string): string {
  const lists = columns.map((_, index) => values.add(keys.map((key) => key[index]), 'text[]'))
  const names = columns.map((_, index) => `k${index}`)
  const typed = columns.map(({ type }, index) => `u.k${index}::${type}`)
  return `(${columns.map(({ physical }) => `${alias}.${quoted(physical)}`).join(', ')}) IN (SELECT ${typed.join(', ')} FROM unnest(${lists.join(', ')}) AS u(${names.join(', ')}))`
}

/**
 * The key that is `offset` rows after the first of the range, by an unlocked scan of the key's index alone: rows that
 * are moved meanwhile cannot make the walk jump.
 */
export function keyAtSql(table: string, columns: readonly KeyColumn[], range: KeyRange, offset: number, values: Values): string {
  return `SELECT ${keyTexts(columns)} FROM ${table} AS f WHERE ${withinRange(columns, range, values, 'f')} ORDER BY ${keyOrder(columns)} OFFSET ${offset} LIMIT 1`
}

/** How many rows a range has. */
export function countKeysSql(table: string, columns: readonly KeyColumn[], range: KeyRange, values: Values): string {
  return `SELECT count(*) AS rows FROM ${table} AS f WHERE ${withinRange(columns, range, values, 'f')}`
}

/** The last key of a table. */
export function lastKeySql(table: string, columns: readonly KeyColumn[]): string {
  return `SELECT ${keyTexts(columns)} FROM ${table} AS f ORDER BY ${columns.map(({ physical }) => `f.${quoted(physical)} DESC`).join(', ')} LIMIT 1`
}

/** Columns `k0`, `k1`, ... as text. */
export function keyTexts(columns: readonly KeyColumn[], alias = 'f'): string {
  return columns.map(({ physical }, index) => `${alias}.${quoted(physical)}::text AS k${index}`).join(', ')
}

export function keyOrder(columns: readonly KeyColumn[], alias = 'f'): string {
  return columns.map(({ physical }) => `${alias}.${quoted(physical)}`).join(', ')
}

/** A key out of a row with columns `k0`, `k1`, ... */
export function keyOf(row: Readonly<Record<string, unknown>>, columns: readonly KeyColumn[]): Key {
  return columns.map((_, index) => String(row[`k${index}`]))
}

/** As it is recorded: names and text values. */
export function keyRecord(key: Key, columns: readonly Pick<KeyColumn, 'name'>[]): Record<string, string> {
  return Object.fromEntries(columns.map(({ name }, index) => [name, key[index] ?? '']))
}

/** Null when the record is not one of this key. */
export function keyFromRecord(record: Readonly<Record<string, unknown>> | null, columns: readonly Pick<KeyColumn, 'name'>[]): Key | null {
  if (!record) return null
  const key = columns.map(({ name }) => record[name])
  return key.every((value) => typeof value === 'string') ? key : null
}

function rowOf(parts: readonly string[]): string {
  return parts.length === 1 ? (parts[0] ?? '') : `(${parts.join(', ')})`
}
