import { loadModule, parseSync, scanSync } from 'libpg-query'
import { Fault } from '../../../../contract/fault.ts'
import { nodeOf, plain, stringOf, walk } from '../preflight/lint-parse.ts'

await loadModule()

/** One bare column in an expression: its name, and where it stands, in bytes of UTF-8. */
interface ColumnPlace {
  readonly name: string
  readonly start: number
  readonly end: number
}

const PREFIX = 'SELECT ('

/** Names of the columns an expression reads, each once. Faults: `invalidInput` when it does not parse. */
export function columnsRead(expression: string): readonly string[] {
  return [...new Set(places(expression).map(({ name }) => name))]
}

/**
 * The expression with each bare column replaced by what `to` says. Only columns: functions, types and literals of the
 * same name stay. Faults: `invalidInput` when it does not parse, or `to` knows no such column (null).
 */
export function rewriteColumns(expression: string, to: (column: string) => string | null): string {
  const source = Buffer.from(expression)
  let result = ''
  let at = 0
  for (const { name, start, end } of places(expression)) {
    const replacement = to(name)
    if (replacement === null) throw new Fault('invalidInput', `The expression ${expression} reads ${name}, which that side does not have.`, 'Name a column of the side it reads: up reads old columns, down reads new ones.')
    result += source.subarray(at, start).toString() + replacement
    at = end
  }
  return result + source.subarray(at).toString()
}

function places(expression: string): readonly ColumnPlace[] {
  const text = `${PREFIX}${expression}\n)`
  let parsed: ReturnType<typeof parseSync>
  let ends: ReadonlyMap<number, number>
  try {
    parsed = parseSync(text)
    ends = new Map(scanSync(text).tokens.map(({ start, end }) => [start, end]))
  } catch (error) {
    throw new Fault('invalidInput', `The expression ${expression} does not parse: ${error instanceof Error ? error.message : String(error)}.`, 'Mend it in the declaration of the migration.', { cause: error })
  }
  const found: ColumnPlace[] = []
  for (const { stmt } of parsed.stmts ?? []) {
    const node = nodeOf(stmt)
    if (!node) continue
    walk(node, (inner) => {
      if (inner.kind !== 'ColumnRef') return undefined
      const fields = inner.fields['fields']
      const location = inner.fields['location']
      const name = Array.isArray(fields) && fields.length === 1 ? stringOf(fields[0]) : ''
      if (name === '' || typeof location !== 'number') throw new Fault('invalidInput', `The expression ${expression} names a column with its table, or all columns.`, 'Write columns by their bare names.')
      found.push({ name, start: location - PREFIX.length, end: (ends.get(location) ?? location) - PREFIX.length })
      return false
    })
  }
  return found.toSorted((a, b) => a.start - b.start)
}

const IDENTIFIER = new Set(['IDENT', 'UIDENT'])

/**
 * The definition of an index as the catalog prints it, over other columns and under another name. The parser gives no
 * places for indexed columns, so names are found as tokens: not before a bracket (a function), not after `::` or
 * `COLLATE` (a type, a collation).
 */
export function rewriteIndex(definition: string, name: string, to: (column: string) => string | null): string {
  const source = Buffer.from(definition)
  const tokens = scanSync(definition).tokens
  const open = tokens.findIndex(({ tokenName }) => tokenName === 'ASCII_40')
  const on = tokens.findIndex(({ text }) => text.toUpperCase() === 'ON')
  const unique = tokens[1]?.text.toUpperCase() === 'UNIQUE' ? 'UNIQUE ' : ''
  const start = tokens[on]?.start ?? 0
  let result = `CREATE ${unique}INDEX CONCURRENTLY ${name} `
  let at = start
  tokens.forEach((token, index) => {
    if (index <= open || !(IDENTIFIER.has(token.tokenName) || token.keywordKind === 1)) return
    const before = tokens[index - 1]
    if (tokens[index + 1]?.tokenName === 'ASCII_40' && before?.tokenName !== 'ASCII_40' && before?.tokenName !== 'ASCII_44') return
    if (before && (before.tokenName === 'TYPECAST' || before.text.toUpperCase() === 'COLLATE')) return
    if (tokens[index + 1]?.tokenName === 'ASCII_40') return
    const column = token.text.startsWith('"') ? token.text.slice(1, -1).replaceAll('""', '"') : token.text.toLowerCase()
    const replacement = to(column)
    if (replacement === null) return
    result += source.subarray(at, token.start).toString() + replacement
    at = token.end
  })
  return result + source.subarray(at).toString()
}

/** The one bare column an expression is; null when it is anything more. */
export function bareColumn(expression: string): string | null {
  try {
    const stmt = nodeOf(parseSync(`${PREFIX}${expression}\n)`).stmts?.[0]?.stmt)
    const targets = stmt?.fields['targetList']
    const value = nodeOf(Array.isArray(targets) ? nodeOf(targets[0])?.fields['val'] : null)
    if (value?.kind !== 'ColumnRef') return null
    const fields = plain(value.fields)['fields']
    return Array.isArray(fields) && fields.length === 1 ? stringOf(fields[0]) || null : null
  } catch {
    return null
  }
}
