import type { Mismatch, MismatchClass } from '../../../../contract/migration.ts'

export type TextRow = Readonly<Record<string, string | null>>

/** One row that is not as it should be, before anybody decided what to do about it. */
export interface Found {
  readonly unit: string
  readonly class: MismatchClass
  readonly key: Readonly<Record<string, string>>
  readonly columns: readonly string[]
  readonly old: TextRow | null
  readonly new: TextRow | null
  readonly foundBy: Mismatch['foundBy']
  readonly detail: string
  /** Per column: what the old side says it should be or is, and the same of the new side. What ignore rules are asked of. */
  readonly differences: readonly { readonly column: string; readonly old: string | null; readonly new: string | null }[]
}

/** Begins what is said of a row whose values would not be unique. */
export const DOUBLE = 'not unique in the new shape'

/** Of a mismatch: that it is about two rows, so that looking at one of them tells nothing. */
export function isDouble(detail: string): boolean {
  return detail.startsWith(DOUBLE)
}

/** A row as the comparing statement lists it. */
export interface ListedRow {
  readonly inSource: boolean
  readonly inTarget: boolean
  readonly differs: readonly string[]
  readonly lossy: readonly string[]
  /** What of the new shape it does not meet, in words. */
  readonly forbidden: readonly string[]
  readonly source: TextRow
  readonly stored: TextRow
  readonly expected: TextRow
  readonly back: TextRow
}

/** Its class, the columns it is about, and what differs. `sameRow`: nothing can be missing but values. */
export function classify(row: ListedRow, sameRow: boolean): Pick<Found, 'class' | 'columns' | 'differences' | 'detail'> {
  const all = Object.keys(row.stored)
  if (!row.inSource) return { class: 'extra', columns: all, differences: [], detail: 'no row on the other side accounts for it' }
  if (!row.inTarget && (!sameRow || row.differs.length > 0)) {
    const columns = sameRow ? row.differs : all
    return { class: 'missing', columns, differences: [], detail: words(columns, (column) => `${column} should be ${shown(row.expected[column])}`) }
  }
  if (row.forbidden.length > 0) return { class: 'rejected', columns: all, differences: [], detail: `the new shape refuses it: ${row.forbidden.join('; ')}` }
  if (row.differs.length > 0) {
    const differences = row.differs.map((column) => ({ column, old: row.expected[column] ?? null, new: row.stored[column] ?? null }))
    const same = differences.every((difference) => sameAsValues(difference.old, difference.new))
    return {
      class: same ? 'textOnly' : 'differs',
      columns: row.differs,
      differences,
      detail: words(row.differs, (column) => `${column} is ${shown(row.stored[column])} and should be ${shown(row.expected[column])}`),
    }
  }
  const differences = row.lossy.map((column) => ({ column, old: row.source[column] ?? null, new: row.back[column] ?? null }))
  return {
    class: differences.every((difference) => sameAsValues(difference.old, difference.new)) ? 'textOnly' : 'lossy',
    columns: row.lossy,
    differences,
    detail: words(row.lossy, (column) => `${column} is ${shown(row.source[column])} and would come back as ${shown(row.back[column])}`),
  }
}

/** The same value, written in another way: white space around it or doubled, zeros that say nothing. */
export function sameAsValues(a: string | null, b: string | null): boolean {
  if (a === null || b === null) return a === b
  return canonical(a) === canonical(b)
}

/** Long numbers stay text: as floating point, different ones would be the same. */
function canonical(text: string): string {
  const trimmed = text.trim().replaceAll(/\s+/gu, ' ')
  const number = /^(?<sign>[+-]?)0*(?<whole>\d+)(?:\.(?<part>\d*?)0*)?$/u.exec(trimmed)?.groups
  if (!number) return trimmed
  const digits = number['part'] ? `${number['whole']}.${number['part']}` : (number['whole'] ?? '')
  return number['sign'] === '-' && /[1-9]/u.test(digits) ? `-${digits}` : digits
}

function words(columns: readonly string[], say: (column: string) => string): string {
  const first = columns.slice(0, 3).map(say).join('; ')
  return columns.length > 3 ? `${first}; and ${columns.length - 3} more` : first
}

function shown(value: string | null | undefined): string {
  if (value === null || value === undefined) return 'null'
  return `'${value.length > 80 ? `${value.slice(0, 77)}...` : value}'`
}
