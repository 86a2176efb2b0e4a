/** What clients know of one customer, whatever shape the database keeps it in. Names are single words, so that every shape can say them. */
export interface Entity {
  readonly id: number
  readonly first: string
  readonly last: string
  readonly email: string
  readonly cents: number
}

export type Field = Exclude<keyof Entity, 'id'>

/** A column as clients write it, and the same value as SQL over a row `k` of the control table. */
export interface ShapeColumn {
  readonly name: string
  readonly fields: readonly Field[]
  readonly value: (entity: Entity) => string | number
  readonly control: string
}

/** One table of a shape; the first of a shape is the one whose row says that the customer exists. */
export interface ShapeTable {
  readonly name: string
  readonly key: ShapeKey
  readonly columns: readonly ShapeColumn[]
}

export interface ShapeKey {
  readonly name: string
  /** As SQL: keys of many rows are given as an array of it. */
  readonly type: string
  readonly value: (id: number) => string | number
  readonly control: string
}

export type Shape = readonly ShapeTable[]

/** Customers belong to one of so many tenants, by their id: what a cascade removes and what one client alone adds to. */
export const TENANTS = 64

export const tenantOf = (id: number): number => id % TENANTS

const ID: ShapeKey = { name: 'id', type: 'int', value: (id) => id, control: 'k.id' }
const dollars = (cents: number) => `${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, '0')}`
const CREDIT = `(k.cents / 100)::text || '.' || lpad((k.cents % 100)::text, 2, '0')`

export const COLUMNS = {
  tenant: { name: 'tenant_id', fields: [], value: ({ id }) => tenantOf(id), control: `k.id % ${TENANTS}` },
  fullName: { name: 'full_name', fields: ['first', 'last'], value: ({ first, last }) => `${first} ${last}`, control: `k.first || ' ' || k.last` },
  firstName: { name: 'first_name', fields: ['first'], value: ({ first }) => first, control: 'k.first' },
  lastName: { name: 'last_name', fields: ['last'], value: ({ last }) => last, control: 'k.last' },
  email: { name: 'email', fields: ['email'], value: ({ email }) => email, control: 'k.email' },
  creditText: { name: 'credit', fields: ['cents'], value: ({ cents }) => dollars(cents), control: CREDIT },
  creditNumber: { name: 'credit', fields: ['cents'], value: ({ cents }) => dollars(cents), control: '(k.cents::numeric / 100)::numeric(12,2)' },
} as const satisfies Record<string, ShapeColumn>

const { tenant, fullName, firstName, lastName, email, creditText, creditNumber } = COLUMNS

export const OLD_SHAPE: Shape = [{ name: 'customers', key: ID, columns: [tenant, fullName, email, creditText] }]
export const SPLIT_SHAPE: Shape = [{ name: 'customers', key: ID, columns: [tenant, firstName, lastName, email, creditText] }]
export const RETYPED_SHAPE: Shape = [{ name: 'customers', key: ID, columns: [tenant, fullName, email, creditNumber] }]
export const TWO_TABLES_SHAPE: Shape = [
  { name: 'people', key: ID, columns: [tenant, firstName, lastName] },
  { name: 'contacts', key: ID, columns: [email, creditText] },
]
export const REKEYED_SHAPE: Shape = [
  {
    name: 'accounts',
    key: { name: 'code', type: 'text', value: (id) => `C-${id}`, control: `'C-' || k.id` },
    columns: [tenant, fullName, email, creditText],
  },
]
