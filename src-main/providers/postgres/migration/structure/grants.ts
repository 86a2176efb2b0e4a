import type { Grant, TableDetail } from '../facts.ts'
import { quoted } from '../units.ts'

const TABLE_PRIVILEGES = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
/** What a view can be granted that does anything. */
const VIEW_PRIVILEGES = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE'])

/** The same rights on something made by this migration as on the tables it comes from. */
export function grantsLike(tables: readonly Pick<TableDetail, 'grants' | 'owner'>[], onto: string, kind: 'table' | 'view'): readonly string[] {
  const allowed = kind === 'view' ? VIEW_PRIVILEGES : TABLE_PRIVILEGES
  const owner = tables[0]?.owner
  const statements = tables.flatMap(({ grants }) => grants.filter(({ privilege, to }) => allowed.has(privilege) && to !== owner).map((grant) => `GRANT ${grant.privilege} ON ${onto} TO ${grantee(grant)};`))
  return [...new Set(statements)]
}

/** Rights on single columns: new columns get those of the columns they replace. `of` gives its columns to each old one. */
export function columnGrants(table: Pick<TableDetail, 'columns'>, onto: string, of: (column: string) => readonly string[]): readonly string[] {
  return [...new Set(table.columns.flatMap(({ name, grants }) => grants.flatMap((grant) => of(name).map((column) => `GRANT ${grant.privilege} (${quoted(column)}) ON ${onto} TO ${grantee(grant)};`))))]
}

/** What a migration makes belongs to whom the tables belong. */
export function ownedLike(table: Pick<TableDetail, 'owner'>, onto: string, role: string): readonly string[] {
  return table.owner === role ? [] : [`ALTER ${onto} OWNER TO ${quoted(table.owner)};`]
}

export function grantee({ to, grantable }: Pick<Grant, 'to' | 'grantable'>): string {
  return `${to === '' ? 'PUBLIC' : quoted(to)}${grantable && to !== '' ? ' WITH GRANT OPTION' : ''}`
}
