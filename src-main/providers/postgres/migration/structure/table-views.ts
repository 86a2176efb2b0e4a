import type { MigrationDefinition, NewTable } from '../../../../contract/migration-definition.ts'
import type { TableDetail } from '../facts.ts'
import { rewriteColumns } from './rewrite-columns.ts'
import type { ChangeTable, NumberedLink } from './table-links.ts'
import { quoted, quotedTable } from '../units.ts'
import { entityExpression, readsNewExpression } from './views.ts'
import type { ViewColumn } from './views.ts'

interface Shape {
  readonly columns: readonly ViewColumn[]
  readonly from: string
}

/** Rows of a new table as its links would make them from the old ones. */
export function projectionOf(table: NewTable, links: readonly NumberedLink[]): Shape {
  const types = new Map(table.columns.map(({ name, type }) => [name, type]))
  const sources = links.filter((link) => link.direction === 'up' && link.target.side === 'new' && link.target.name.table === table.name.table && link.target.name.schema === table.name.schema)
  const columns = table.columns.map(({ name, default: value }) => ({ name, otherwise: value ?? 'NULL', type: types.get(name) ?? '' }))
  return { columns: table.columns.map(({ name }) => ({ name, expression: `t.${quoted(name)}` })), from: `(${derivedRows(sources, columns, null)}) t` }
}

/** Rows of an old table, of the entities whose reads come from the new side as the links back would make them. */
export function readsOf(definition: MigrationDefinition, facts: TableDetail, table: ChangeTable, links: readonly NumberedLink[]): Shape {
  const columns = facts.columns.map(({ name, default: value, identity }) => ({ name, expression: `t.${quoted(name)}`, default: identity === null ? value : null }))
  const sources = links.filter((link) => link.direction === 'down' && link.target === table)
  if (!sources.some(({ existence }) => existence)) return { columns, from: `${quotedTable(table.stored)} t` }
  const own = definition.entity.every((column) => facts.columns.some(({ name }) => name === column))
  const reads = (row: string) => readsNewExpression(definition, entityExpression(own ? definition : { entity: [] }, facts.primaryKey, row))
  const list = facts.columns.map(({ name }) => `o.${quoted(name)}`).join(', ')
  const derived = derivedRows(sources, facts.columns.map(({ name, type }) => ({ name, otherwise: '', type })), { table: quotedTable(table.stored), key: facts.primaryKey })
  return { columns, from: `(SELECT ${list} FROM ${quotedTable(table.stored)} o WHERE NOT ${reads('o')} UNION ALL SELECT ${list} FROM (${derived}) o WHERE ${reads('o')}) t` }
}

/**
 * One SELECT per link that makes rows, joined with those that fill columns of them. What no link gives is read from
 * `fallback`, or is the column's default.
 */
function derivedRows(links: readonly NumberedLink[], columns: readonly { readonly name: string; readonly type: string; readonly otherwise: string }[], fallback: { readonly table: string; readonly key: readonly string[] } | null): string {
  const fills = links.filter(({ existence }) => !existence)
  return links
    .filter(({ existence }) => existence)
    .map((link) => {
      const given = new Map([...link.key, ...link.set].map(({ column, expression }) => [column, over('n', expression, link)]))
      const joined = fills.filter(({ set }) => set.some(({ column }) => !given.has(column)))
      joined.forEach((fill, index) => fill.set.forEach(({ column, expression }) => given.has(column) || given.set(column, over(`f${index}`, expression, fill))))
      const missing = columns.some(({ name }) => !given.has(name))
      const keyOf = (column: string) => given.get(column) ?? 'NULL'
      const joins = joined.map((fill, index) => ` LEFT JOIN ${quotedTable(fill.source.stored)} f${index} ON ${fill.key.map(({ column, expression }) => `(${over(`f${index}`, expression, fill)}) = (${keyOf(column)})`).join(' AND ')}`)
      const rest = fallback && missing ? ` LEFT JOIN ${fallback.table} o ON ${fallback.key.map((column) => `o.${quoted(column)} = (${keyOf(column)})`).join(' AND ')}` : ''
      const list = columns.map(({ name, type, otherwise }) => `CAST((${given.get(name) ?? (fallback ? `o.${quoted(name)}` : otherwise)}) AS ${type}) AS ${quoted(name)}`)
      return `SELECT ${list.join(', ')} FROM ${quotedTable(link.source.stored)} n${joins.join('')}${rest} WHERE ${link.key.map(({ column }) => `(${keyOf(column)}) IS NOT NULL`).join(' AND ')}`
    })
    .join(' UNION ALL ')
}

function over(row: string, expression: string, link: NumberedLink): string {
  const known = new Set(link.source.columns.map(({ name }) => name))
  return rewriteColumns(expression, (name) => (known.has(name) ? `${row}.${quoted(name)}` : null))
}
