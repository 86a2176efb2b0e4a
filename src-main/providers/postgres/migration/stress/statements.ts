import type { Entity, Field, Shape, ShapeColumn, ShapeTable } from './shape.ts'

/** One statement of a client. `name`: prepared once per connection under that name. */
export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
  readonly prepared: boolean
}

/** The model of what the tables must hold, written in the transaction of every client. */
export const CONTROL = 'stress.control'

/** Shared by all but who empties the tables: so that no two of them hold one table each and want the other's. */
const GATE = 5_220_077
export const SHARING = `SELECT pg_advisory_xact_lock_shared(${GATE})`
export const EMPTYING = `SELECT pg_advisory_xact_lock(${GATE})`

const statement = (text: string, values: readonly unknown[] = []): Statement => ({ text, values, prepared: values.length > 0 && values.length < 8 })

/** As a client without a library for it would write it: values in their place in the text. */
function literal(value: string | number): string {
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`
}

const names = (table: ShapeTable) => [table.key.name, ...table.columns.map(({ name }) => name)].join(', ')
const valuesOf = (table: ShapeTable, entity: Entity) => [table.key.value(entity.id), ...table.columns.map(({ value }) => value(entity))]
const touched = (table: ShapeTable, fields: readonly Field[]) => table.columns.filter((column) => column.fields.some((field) => fields.includes(field)))
const keys = (table: ShapeTable, ids: readonly number[]) => ids.map((id) => table.key.value(id))

export function insert(shape: Shape, entities: readonly Entity[]): readonly Statement[] {
  return shape.map((table) => {
    const rows = entities.map((entity) => valuesOf(table, entity))
    const places = rows.map((row, i) => `(${row.map((_, j) => `$${i * row.length + j + 1}`).join(', ')})`)
    return statement(`INSERT INTO ${table.name} (${names(table)}) VALUES ${places.join(', ')}`, rows.flat())
  })
}

export function upsert(shape: Shape, entity: Entity): readonly Statement[] {
  return shape.map((table) => {
    const sets = table.columns.map(({ name }) => `${name} = excluded.${name}`)
    const values = valuesOf(table, entity)
    return statement(
      `INSERT INTO ${table.name} (${names(table)}) VALUES (${values.map((_, i) => `$${i + 1}`).join(', ')}) ON CONFLICT (${table.key.name}) DO UPDATE SET ${sets.join(', ')}`,
      values,
    )
  })
}

/** Sets fields of one customer to given values. The first statement's row count says whether there is such a customer. */
export function update(shape: Shape, entity: Entity, fields: readonly Field[]): readonly Statement[] {
  return shape.flatMap((table) => {
    const columns = touched(table, fields)
    if (columns.length === 0) return []
    const sets = columns.map(({ name }, i) => `${name} = $${i + 2}`)
    return [statement(`UPDATE ${table.name} SET ${sets.join(', ')} WHERE ${table.key.name} = $1`, [table.key.value(entity.id), ...columns.map(({ value }) => value(entity))])]
  })
}

/** One statement over many rows, as text only. */
export function updateMany(shape: Shape, ids: readonly number[], entity: Entity, fields: readonly Field[]): readonly Statement[] {
  return shape.flatMap((table) => {
    const columns = touched(table, fields)
    if (columns.length === 0) return []
    const sets = columns.map((column: ShapeColumn) => `${column.name} = ${literal(column.value(entity))}`)
    return [statement(`UPDATE ${table.name} SET ${sets.join(', ')} WHERE ${table.key.name} IN (${keys(table, ids).map(literal).join(', ')})`)]
  })
}

/** In the order of their keys, as clients do that write many rows of one table and want no deadlock among themselves. */
export function lock(shape: Shape, ids: readonly number[]): readonly Statement[] {
  return shape.slice(0, 1).map((table) => statement(`SELECT ${table.key.name} FROM ${table.name} WHERE ${table.key.name} = ANY($1::${table.key.type}[]) ORDER BY ${table.key.name} FOR UPDATE`, [keys(table, ids)]))
}

export function remove(shape: Shape, id: number): readonly Statement[] {
  return shape.map((table) => statement(`DELETE FROM ${table.name} WHERE ${table.key.name} = $1`, [table.key.value(id)]))
}

export function changeKey(shape: Shape, id: number, to: number): readonly Statement[] {
  return shape.map((table) =>
    statement(`UPDATE ${table.name} SET ${table.key.name} = $2 WHERE ${table.key.name} = $1 AND NOT EXISTS (SELECT FROM ${table.name} other WHERE other.${table.key.name} = $2)`, [table.key.value(id), table.key.value(to)]),
  )
}

export function truncate(shape: Shape): readonly Statement[] {
  return shape.map((table) => statement(`TRUNCATE ${table.name}`))
}

/** Rows for `COPY ... FROM STDIN` in text form. */
export function copyIn(shape: Shape, entities: readonly Entity[]): readonly { readonly text: string; readonly rows: string }[] {
  return shape.map((table) => ({
    text: `COPY ${table.name} (${names(table)}) FROM STDIN`,
    rows: entities.map((entity) => `${valuesOf(table, entity).join('\t')}\n`).join(''),
  }))
}

/** What one customer is in each table, and what it must be, in one statement and so in one snapshot: `found` and `expected` are equal, always. */
export function readBoth(shape: Shape, id: number): readonly Statement[] {
  return shape.map((table) => {
    const found = table.columns.map(({ name }) => `t.${name}::text`).join(', ')
    const expected = table.columns.map(({ control }) => `(${control})::text`).join(', ')
    return statement(
      `SELECT (SELECT jsonb_build_array(${found}) FROM ${table.name} t WHERE t.${table.key.name} = $1)::text AS found, (SELECT jsonb_build_array(${expected}) FROM ${CONTROL} k WHERE k.id = $2)::text AS expected`,
      [table.key.value(id), id],
    )
  })
}

/** Counts, in one snapshot, of rows that are only in the control table, only in the shape's table, and different. */
export function compareAll(table: ShapeTable): string {
  const expected = table.columns.map(({ control }, i) => `(${control})::text AS c${i}`).join(', ')
  const different = table.columns.map(({ name }, i) => `t.${name}::text IS DISTINCT FROM k.c${i}`).join(' OR ')
  return `SELECT count(*)::int AS rows,
    count(*) FILTER (WHERE t.${table.key.name} IS NULL)::int AS lost,
    count(*) FILTER (WHERE k.key IS NULL)::int AS extra,
    count(*) FILTER (WHERE t.${table.key.name} IS NOT NULL AND k.key IS NOT NULL AND (${different}))::int AS diverged
    FROM (SELECT ${table.key.control} AS key, ${expected} FROM ${CONTROL} k) k FULL JOIN ${table.name} t ON t.${table.key.name} = k.key`
}

/** The control table's part of a client's transaction. */
export const control = {
  put: (entities: readonly Entity[]) =>
    statement(
      `INSERT INTO ${CONTROL} (id, first, last, email, cents) SELECT * FROM jsonb_to_recordset($1) AS r(id int, first text, last text, email text, cents int) ON CONFLICT (id) DO UPDATE SET first = excluded.first, last = excluded.last, email = excluded.email, cents = excluded.cents`,
      [JSON.stringify(entities)],
    ),
  update: (ids: readonly number[], entity: Entity, fields: readonly Field[]) =>
    statement(`UPDATE ${CONTROL} SET ${fields.map((field, i) => `${field} = $${i + 2}`).join(', ')} WHERE id = ANY($1::int[])`, [ids, ...fields.map((field) => entity[field])]),
  remove: (id: number) => statement(`DELETE FROM ${CONTROL} WHERE id = $1`, [id]),
  removeTenant: (tenant: number, tenants: number) => statement(`DELETE FROM ${CONTROL} WHERE id % ${tenants} = $1`, [tenant]),
  changeKey: (id: number, to: number) => statement(`UPDATE ${CONTROL} SET id = $2 WHERE id = $1`, [id, to]),
  truncate: () => statement(`TRUNCATE ${CONTROL}`),
}
