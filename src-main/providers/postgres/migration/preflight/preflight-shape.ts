import type { ColumnChange, Link, TableChange } from '../../../../contract/migration-definition.ts'
import type { TableDetail } from '../facts.ts'
import { quoted, quotedTable, spoken } from '../units.ts'

/** Rows as they are, and as they would be, for reading: nothing of it is made in the database. */
export interface Shape {
  /** For FROM, with an alias of its own; columns by their bare names. */
  readonly sql: string
  /** For ORDER BY: the key. */
  readonly order: string
  readonly types: ReadonlyMap<string, string>
}

export function shapeOf(table: TableDetail): Shape {
  const key = table.primaryKey.length > 0 ? table.primaryKey.map(quoted).join(', ') : 'ctid'
  return { sql: quotedTable(table.name), order: key, types: new Map(table.columns.map(({ name, type }) => [name, type])) }
}

/** The new shape of one table: what stays, and what `up` makes. */
export function newShapeOf(change: ColumnChange, table: TableDetail): Shape {
  const replaced = new Set(change.replace.map(({ name }) => name))
  const added = new Set(change.add.map(({ name }) => name))
  const stays = table.columns.map(({ name }) => name).filter((name) => !replaced.has(name) && !added.has(name))
  const columns = [...stays.map(quoted), ...change.add.map(({ name, up, type }) => `(${up})::${type} AS ${quoted(name)}`)]
  const old = shapeOf(table)
  return { sql: `(SELECT ${columns.length > 0 ? columns.join(', ') : 'NULL AS nothing'} FROM ${old.sql}) AS fresh`, order: table.primaryKey.every((name) => stays.includes(name)) ? old.order : '1', types: new Map([...old.types, ...change.add.map(({ name, type }): [string, string] => [name, type])]) }
}

/** Old tables as they are, new ones as their links would make them, by `schema.table`. */
export function projectionsOf(change: TableChange, tables: readonly TableDetail[]): ReadonlyMap<string, Shape> {
  const shapes = new Map(tables.map((table) => [spoken(table.name), shapeOf(table)]))
  for (const table of change.new) {
    const links = change.up.filter((link) => spoken(link.to) === spoken(table.name))
    const fills = links.filter(({ existence }) => !existence)
    const types = new Map(table.columns.map(({ name, type }) => [name, type]))
    const parts = links.filter(({ existence }) => existence).flatMap((link) => madeBy(link, fills, table.columns, shapes) ?? [])
    const empty = `SELECT ${table.columns.map(({ name, type }) => `NULL::${type} AS ${quoted(name)}`).join(', ')} WHERE false`
    shapes.set(spoken(table.name), { sql: `(${parts.length > 0 ? parts.join(' UNION ALL ') : empty}) AS fresh`, order: table.primaryKey.map(quoted).join(', '), types })
  }
  return shapes
}

/** One SELECT for rows of a link, joined with those that fill columns of them. */
function madeBy(link: Link, fills: readonly Link[], columns: readonly { readonly name: string; readonly type: string; readonly default: string | null }[], shapes: ReadonlyMap<string, Shape>): string | null {
  const source = shapes.get(spoken(link.from))
  if (!source) return null
  const typeOf = (name: string) => columns.find((column) => column.name === name)?.type ?? 'text'
  const given = new Map([...link.key, ...link.set].map(({ column, expression }) => [column, `(${expression})::${typeOf(column)}`]))
  const own = `(SELECT ${[...given].map(([name, expression]) => `${expression} AS ${quoted(name)}`).join(', ')} FROM ${source.sql}) AS made`
  const from = new Map([...given.keys()].map((name) => [name, `made.${quoted(name)}`]))
  const joins = fills.flatMap((fill, index) => {
    const filled = shapes.get(spoken(fill.from))
    if (!filled) return []
    for (const { column } of fill.set) if (!from.has(column)) from.set(column, `fill${index}.${quoted(column)}`)
    const list = [...fill.key, ...fill.set].map(({ column, expression }) => `(${expression})::${typeOf(column)} AS ${quoted(column)}`)
    return [` LEFT JOIN (SELECT ${list.join(', ')} FROM ${filled.sql}) AS fill${index} ON ${fill.key.map(({ column }) => `fill${index}.${quoted(column)} = made.${quoted(column)}`).join(' AND ')}`]
  })
  const list = columns.map(({ name, type, default: value }) => `${from.get(name) ?? `(${value ?? 'NULL'})::${type}`} AS ${quoted(name)}`)
  return `SELECT ${list.join(', ')} FROM ${own}${joins.join('')} WHERE ${link.key.map(({ column }) => `made.${quoted(column)} IS NOT NULL`).join(' AND ')}`
}
