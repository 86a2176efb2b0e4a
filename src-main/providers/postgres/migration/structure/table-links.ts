import type { Link, MigrationDefinition, TableChange, TableName } from '../../../../contract/migration-definition.ts'
import type { TableDetail } from '../facts.ts'
import { factsFor, goneTable } from '../names.ts'
import { spoken } from '../units.ts'

/** One table of a change of tables, old or new. Its number names its function and its guard. */
export interface ChangeTable {
  readonly number: number
  readonly side: 'old' | 'new'
  readonly name: TableName
  /** Where it is now: an old one may wait aside between tombstone and drop. */
  readonly stored: TableName
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly primaryKey: readonly string[]
}

export interface NumberedLink extends Link {
  readonly direction: 'up' | 'down'
  readonly source: ChangeTable
  readonly target: ChangeTable
  readonly unit: string
}

export function changeTables(definition: Pick<MigrationDefinition, 'id'>, change: TableChange, facts: readonly TableDetail[], tombstoned: boolean): readonly ChangeTable[] {
  const old = change.old.map((name, number): ChangeTable => {
    const { columns, primaryKey } = factsFor(facts, name)
    return { number, side: 'old', name, stored: tombstoned && change.dropOld ? goneTable(definition, name) : name, columns, primaryKey }
  })
  const fresh = change.new.map(({ name, columns, primaryKey }, index): ChangeTable => ({ number: old.length + index, side: 'new', name, stored: name, columns, primaryKey }))
  return [...old, ...fresh]
}

export function numberedLinks(change: TableChange, tables: readonly ChangeTable[]): readonly NumberedLink[] {
  const find = (name: TableName) => {
    const found = tables.find((table) => spoken(table.name) === spoken(name))
    if (!found) throw new Error(`no table ${spoken(name)} in the change`)
    return found
  }
  const numbered = (link: Link, direction: 'up' | 'down'): NumberedLink => ({ ...link, direction, source: find(link.from), target: find(link.to), unit: `${spoken(link.from)} > ${spoken(link.to)}` })
  return [...change.up.map((link) => numbered(link, 'up')), ...change.down.map((link) => numbered(link, 'down'))]
}
