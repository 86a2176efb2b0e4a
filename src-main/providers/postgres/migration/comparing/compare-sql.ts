import { keyTexts, withinKeys, withinRange, type Key, type KeyColumn, type KeyRange, type Values } from '../page.ts'
import { fromSql, sharesKey, standingSql, type ComparedColumn, type Comparison } from './compare-units.ts'
import { quoted, quotedTable } from '../units.ts'

/** What is looked at: a stretch of keys, some keys, or a stretch of the table as it is stored. */
export type Extent = { readonly range: KeyRange } | { readonly keys: readonly Key[] } | { readonly blocks: { readonly from: number; readonly upTo: number | null } }

/** The parts one comparing statement is made of. */
interface Parts {
  readonly from: string
  readonly keys: string
  readonly inSource: string
  readonly inTarget: string
  readonly differs: readonly string[]
  readonly lossy: readonly string[]
  readonly forbidden: readonly string[]
  readonly different: string
  /** Of what is different: whether it is more than another way to write the same value. As `classify` has it. */
  readonly matters: string
  readonly source: string
  readonly stored: string
  readonly expected: string
  readonly back: string
}

/** How many rows there are, and how many of them are not as they should be: one statement, one snapshot. */
export function countSql(comparison: Comparison, extent: Extent, values: Values): string {
  const { from, inSource, different } = parts(comparison, extent, values)
  return `SELECT count(*) FILTER (WHERE ${inSource}) AS rows, count(*) FILTER (WHERE ${different}) AS different, ${standingSql(comparison.standing.migration)} AS standing FROM ${from}`
}

/** Of those, how many differ in more than the text of equal values. Asked only where more differ than are listed. */
export function countMattersSql(comparison: Comparison, extent: Extent, values: Values): string {
  const { from, different, matters } = parts(comparison, extent, values)
  return `SELECT count(*) AS matters, ${standingSql(comparison.standing.migration)} AS standing FROM ${from} AND ${different} AND ${matters}`
}

/** The rows that are not as they should be, with everything there is to say of each. */
export function listSql(comparison: Comparison, extent: Extent, limit: number, values: Values): string {
  const { from, keys, inSource, inTarget, differs, lossy, forbidden, different, source, stored, expected, back } = parts(comparison, extent, values)
  return `SELECT ${keys}, ${standingSql(comparison.standing.migration)} AS standing, ${inSource} AS in_source, ${inTarget} AS in_target, ${booleans(differs)} AS differs, ${booleans(lossy)} AS lossy, ${booleans(forbidden)} AS forbidden,
  ${source} AS source, ${stored} AS stored, ${expected} AS expected, ${back} AS back FROM ${from} AND ${different} LIMIT ${limit}`
}

/**
 * Rows of the target that no unit accounts for, walked by the target's own key. Needed where its key is not that of the
 * source; every unit that makes rows there is asked.
 */
export function extraSql(comparison: Comparison, extent: Extent, limit: number, values: Values): string {
  const key = comparison.toKey.map(({ column }) => column)
  const accounted = comparison.makers.map(
    (maker) => `EXISTS (SELECT FROM ${quotedTable(maker.from)} AS m WHERE ${maker.toKey.map(({ column, expression }) => `${expression} = t.${quoted(column.physical)}`).join(' AND ')})`,
  )
  const where = `${within(key, extent, values, 't')} AND NOT (${accounted.join(' OR ')})`
  const table = `${quotedTable(comparison.to)} AS t`
  const stored = record(comparison.columns.map(({ name, stored }) => ({ name, sql: `t.${quoted(stored)}` })))
  return `SELECT ${keyTexts(key, 't')}, ${standingSql(comparison.standing.migration)} AS standing, ${stored} AS stored FROM ${table} WHERE ${where} LIMIT ${limit}`
}

function parts(comparison: Comparison, extent: Extent, values: Values): Parts {
  if (comparison.projected) return projectedParts(comparison, extent, values)
  return comparison.unit.sameRow ? sameRowParts(comparison, extent, values) : linkParts(comparison, extent, values)
}

function sameRowParts(comparison: Comparison, extent: Extent, values: Values): Parts {
  const { columns, back, shown, key } = comparison
  const differs = columns.map((column) => distinct(`f.${quoted(column.stored)}`, column.expected, column))
  const lossy = back.map((column) => distinct(`f.${quoted(column.stored)}`, column.expected, column))
  const expected = record(columns.map(({ name, expected }) => ({ name, sql: expected })))
  // A row that nobody has filled yet is missing on the other side, even though it is one row.
  const inTarget = columns.length === 0 ? 'true' : `NOT (${columns.map(({ stored }) => `f.${quoted(stored)} IS NULL`).join(' AND ')})`
  const inMoreThanText = (list: readonly ComparedColumn[], conditions: readonly string[]) => anyOf(list.map((column, index) => `(${conditions[index] ?? 'false'}) AND NOT ${sameAsText(`f.${quoted(column.stored)}`, column.expected)}`))
  return {
    from: `${fromSql(comparison)} AS f WHERE ${within(key, extent, values, 'f')}`,
    keys: keyTexts(key),
    inSource: 'true',
    inTarget,
    differs,
    lossy,
    forbidden: [],
    different: anyOf([...differs, ...lossy]),
    matters: `(CASE WHEN ${anyOf(differs)} THEN NOT (${inTarget}) OR ${inMoreThanText(columns, differs)} ELSE ${inMoreThanText(back, lossy)} END)`,
    source: record(shown.map(({ name, physical }) => ({ name, sql: `f.${quoted(physical)}` }))),
    stored: record(columns.map(({ name, stored }) => ({ name, sql: `f.${quoted(stored)}` }))),
    expected,
    back: record(back.map(({ name, expected }) => ({ name, sql: expected }))),
  }
}

/** Nothing is stored yet: what `up` makes of each row is tried against the new shape, and brought back. */
function projectedParts(comparison: Comparison, extent: Extent, values: Values): Parts {
  const { columns, back, shown, key } = comparison
  const lossy = back.map((column) => distinct(`f.${quoted(column.stored)}`, column.expected, column))
  const forbidden = comparison.forbidden.map(({ sql }) => sql)
  const expected = record(columns.map(({ name, expected }) => ({ name, sql: expected })))
  // A transform that fails must be met, also where nothing is asked of what it makes: each is made, none is null as a row.
  const made = [...comparison.toKey.map(({ expression }) => expression), ...columns.map(({ expected }) => expected)].map((expression) => `num_nulls(${expression}) < 0`)
  return {
    from: `${fromSql(comparison)} AS f WHERE ${within(key, extent, values, 'f')}`,
    keys: keyTexts(key),
    inSource: 'true',
    inTarget: 'true',
    differs: [],
    lossy,
    forbidden,
    different: anyOf([...made, ...lossy, ...forbidden]),
    matters: anyOf([...forbidden, ...back.map((column, index) => `(${lossy[index] ?? 'false'}) AND NOT ${sameAsText(`f.${quoted(column.stored)}`, column.expected)}`)]),
    source: record(shown.map(({ name, physical }) => ({ name, sql: `f.${quoted(physical)}` }))),
    stored: expected,
    expected,
    back: record(back.map(({ name, expected }) => ({ name, sql: expected }))),
  }
}

function linkParts(comparison: Comparison, extent: Extent, values: Values): Parts {
  const { key, toKey, columns, shown, unit } = comparison
  const whole = sharesKey(comparison)
  const source = [
    ...key.map(({ physical }, index) => `f.${quoted(physical)} AS "sb:k${index}"`),
    ...toKey.map(({ expression }, index) => `${expression} AS "sb:j${index}"`),
    ...columns.map(({ expected }, index) => `${expected} AS "sb:e${index}"`),
    ...shown.map(({ physical }, index) => `f.${quoted(physical)} AS "sb:o${index}"`),
  ]
  const target = [...toKey.map(({ column }, index) => `t.${quoted(column.physical)} AS "sb:t${index}"`), ...columns.map(({ stored }, index) => `t.${quoted(stored)} AS "sb:s${index}"`)]
  const sourceWhere = within(key, extent, values, 'f')
  const targetWhere = whole ? within(toKey.map(({ column }) => column), extent, values, 't') : 'true'
  const on = toKey.map((_, index) => (whole ? `f."sb:k${index}" = t."sb:t${index}"` : `f."sb:j${index}" = t."sb:t${index}"`)).join(' AND ')
  const inSource = `f."sb:k0" IS NOT NULL`
  const inTarget = `t."sb:t0" IS NOT NULL`
  const wanted = `${inSource} AND ${toKey.map((_, index) => `f."sb:j${index}" IS NOT NULL`).join(' AND ')}`
  const differs = columns.map((column, index) => distinct(`t."sb:s${index}"`, `f."sb:e${index}"`, column))
  const filled = anyOf(columns.map((_, index) => `t."sb:s${index}" IS NOT NULL`))
  // With several makers only the pass over the target can tell whether a row is one too many.
  const extra = !whole ? 'false' : unit.existence ? (comparison.makers.length > 1 ? 'false' : `NOT (${inSource}) AND ${inTarget}`) : `NOT (${inSource}) AND ${filled}`
  const missing = unit.existence ? `${wanted} AND NOT (${inTarget})` : 'false'
  return {
    from: `(SELECT ${source.join(', ')} FROM ${quotedTable(comparison.from)} AS f WHERE ${sourceWhere}) AS f ${whole ? 'FULL' : 'LEFT'} JOIN (SELECT ${target.join(', ')} FROM ${quotedTable(comparison.to)} AS t WHERE ${targetWhere}) AS t ON ${on} WHERE true`,
    keys: key.map((_, index) => (whole ? `coalesce(f."sb:k${index}", t."sb:t${index}")::text AS k${index}` : `f."sb:k${index}"::text AS k${index}`)).join(', '),
    inSource,
    inTarget,
    differs,
    lossy: [],
    forbidden: [],
    different: `((${missing}) OR (${extra}) OR (${wanted} AND ${inTarget} AND (${anyOf(differs)})))`,
    matters: `((${missing}) OR (${extra}) OR ${anyOf(columns.map((_, index) => `(${differs[index] ?? 'false'}) AND NOT ${sameAsText(`t."sb:s${index}"`, `f."sb:e${index}"`)}`))})`,
    source: record(shown.map(({ name }, index) => ({ name, sql: `f."sb:o${index}"` }))),
    stored: record(columns.map(({ name }, index) => ({ name, sql: `t."sb:s${index}"` }))),
    expected: record(columns.map(({ name }, index) => ({ name, sql: `f."sb:e${index}"` }))),
    back: `'{}'::jsonb`,
  }
}

/** The condition for what is looked at, over the key's columns of `alias`. */
export function within(key: readonly KeyColumn[], extent: Extent, values: Values, alias: string): string {
  if ('blocks' in extent) {
    const { from, upTo } = extent.blocks
    return `${alias}.ctid >= '(${from},0)'::tid${upTo === null ? '' : ` AND ${alias}.ctid < '(${upTo},0)'::tid`}`
  }
  return 'range' in extent ? withinRange(key, extent.range, values, alias) : withinKeys(key, extent.keys, values, alias)
}

/** Types without an equality, and those whose equal values may be written differently, are compared as text (too). */
function distinct(a: string, b: string, { type }: ComparedColumn): string {
  if (/^(?:json|xml|point|polygon|line|txid_snapshot|pg_snapshot)\b(?!b)/iu.test(type)) return `${a}::text IS DISTINCT FROM (${b})::text`
  const typed = `${a} IS DISTINCT FROM ${b}`
  return /^(?:numeric|decimal|citext|interval)\s*$/iu.test(type) ? `(${typed} OR ${a}::text IS DISTINCT FROM (${b})::text)` : typed
}

/** The same value written in another way, as `sameAsValues` has it. */
function sameAsText(a: string, b: string): string {
  const canonical = (value: string) => `(SELECT CASE WHEN v.t ~ '^[+-]?\\d{1,1000}(\\.\\d{0,1000})?$' THEN trim_scale(v.t::numeric)::text ELSE v.t END FROM (SELECT regexp_replace(regexp_replace((${value})::text, '^\\s+|\\s+$', '', 'g'), '\\s+', ' ', 'g') AS t) v)`
  return `(${canonical(a)} IS NOT DISTINCT FROM ${canonical(b)})`
}

function record(columns: readonly { readonly name: string; readonly sql: string }[]): string {
  if (columns.length === 0) return `'{}'::jsonb`
  return `jsonb_object(ARRAY[${columns.map(({ name }) => literal(name)).join(', ')}], ARRAY[${columns.map(({ sql }) => `(${sql})::text`).join(', ')}])`
}

function booleans(conditions: readonly string[]): string {
  return conditions.length === 0 ? `'{}'::boolean[]` : `ARRAY[${conditions.map((condition) => `(${condition})`).join(', ')}]`
}

function anyOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? 'false' : `(${conditions.join(' OR ')})`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
