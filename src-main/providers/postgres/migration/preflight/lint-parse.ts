import { hasSqlDetails, loadModule, parseSync, scanSync } from 'libpg-query'

/**
 * SQL as PostgreSQL's own parser sees it (libpg-query: the grammar of PostgreSQL 18 as WebAssembly). It is loaded with
 * this module, some 40 ms, so that everything after that is synchronous. What an older server does not know of that
 * grammar is found by preflight, which asks the server itself.
 */
await loadModule()

/** One thing wrong in a text, at a UTF-16 offset into it. */
export interface SqlSlip {
  readonly message: string
  readonly expected: string
  readonly offset: number
}
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly slip: SqlSlip }

/** A node of the parse tree: its kind, its fields. */
export interface SqlNode {
  readonly kind: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Statements of a text, or what is wrong with it. */
export function parseStatements(text: string): Parsed<readonly SqlNode[]> {
  return parseAt(text, 0)
}

/**
 * One expression, as it is later put between brackets: nothing in it may end the bracket or hide what comes after.
 */
export function parseExpression(text: string): Parsed<SqlNode> {
  const expected = 'one SQL expression over the columns of the row, as `split_part(full_name, \' \', 1)`'
  const slip = (message: string, offset = 0): Parsed<SqlNode> => ({ ok: false, slip: { message, expected, offset } })
  if (text.trim() === '') return slip('an empty expression')
  const prefix = 'SELECT ('
  const parsed = parseAt(`${prefix}${text}\n)`, prefix.length)
  if (!parsed.ok) {
    // The bracket around it is ours.
    const ended = parsed.slip.offset >= text.trimEnd().length
    return slip(ended ? 'the expression is not complete' : parsed.slip.message, Math.min(parsed.slip.offset, text.trimEnd().length))
  }
  const bracket = closedTooEarly(text)
  if (bracket !== null) return slip('a closing bracket without its opening one', bracket)
  const comment = lineComment(text)
  if (comment !== null) return slip('a comment to the end of the line', comment)
  const [select, ...more] = parsed.value
  if (more.length > 0) return slip('more than one statement')
  if (select?.kind !== 'SelectStmt') return slip('not an expression')
  const targets = Array.isArray(select.fields['targetList']) ? select.fields['targetList'] : []
  const value = targets.length === 1 ? nodeOf(nodeOf(targets[0])?.fields['val']) : null
  const only = Object.keys(select.fields).every((key) => key === 'targetList' || key === 'limitOption' || key === 'op')
  if (value === null || !only || select.fields['op'] !== 'SETOP_NONE') return slip('more than one expression')
  if (value.kind === 'RowExpr' && value.fields['row_format'] === 'COERCE_IMPLICIT_CAST') return slip('several expressions with commas between')
  return { ok: true, value }
}

export interface SqlType {
  /** Last part of its name, as the grammar knows it: `int4` for `integer`. */
  readonly name: string
  readonly schema: string | null
  readonly array: boolean
  /** Numbers between its brackets: 12 and 2 of `numeric(12,2)`. */
  readonly modifiers: readonly number[]
}

/** A type as in a column's definition. */
export function parseType(text: string): Parsed<SqlType> {
  const expected = 'a type, as `text`, `bigint`, `numeric(12,2)`, `timestamptz`'
  const slip = (message: string, offset = 0): Parsed<SqlType> => ({ ok: false, slip: { message, expected, offset } })
  if (text.trim() === '') return slip('an empty type')
  const prefix = 'SELECT NULL::'
  const parsed = parseAt(`${prefix}${text}`, prefix.length)
  if (!parsed.ok) return { ok: false, slip: { ...parsed.slip, expected } }
  const [select, ...more] = parsed.value
  const [target, ...others] = nodesOf(select?.fields['targetList'])
  const value = target && nodeOf(target.fields['val'])
  const only = select && Object.keys(select.fields).every((key) => key === 'targetList' || key === 'limitOption' || key === 'op')
  const renamed = target && 'name' in target.fields
  const comment = lineComment(text)
  if (comment !== null) return slip('a comment to the end of the line', comment)
  if (more.length > 0 || others.length > 0 || !only || value?.kind !== 'TypeCast' || renamed === true || nodeOf(value.fields['arg'])?.kind !== 'A_Const') return slip('more than a type')
  // The name of a type stands without its kind around it.
  const type = plain(value.fields['typeName'])
  if (type['setof'] === true) return slip('a set of values')
  if (type['pct_type'] === true) return slip('the type of another column')
  const names = Array.isArray(type['names']) ? type['names'].map((name) => stringOf(name)) : []
  const name = names.at(-1) ?? ''
  if (/^(small|big)?serial[248]?$/.test(name)) return slip(`\`${name}\` is no type of its own, but a column with a sequence`)
  const modifiers = Array.isArray(type['typmods']) ? type['typmods'].flatMap((one) => integerOf(one) ?? []) : []
  return { ok: true, value: { name, schema: names.length > 1 ? (names[0] ?? null) : null, array: Array.isArray(type['arrayBounds']), modifiers } }
}

/** Every node below one, itself first. The visitor answers `false` to go no deeper there. */
export function walk(node: SqlNode, visit: (node: SqlNode) => boolean | undefined): void {
  if (visit(node) === false) return
  walkValue(node.fields, visit)
}

function walkValue(value: unknown, visit: (node: SqlNode) => boolean | undefined): void {
  if (Array.isArray(value)) {
    for (const one of value) walkValue(one, visit)
    return
  }
  if (typeof value !== 'object' || value === null) return
  const node = nodeOf(value)
  if (node) walk(node, visit)
  else for (const one of Object.values(value)) walkValue(one, visit)
}

/** `{Kind: {...}}`, how the parser writes a node; null for anything else. */
export function nodeOf(value: unknown): SqlNode | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const [entry, ...more] = Object.entries(value)
  if (!entry || more.length > 0 || !/^[A-Z]/.test(entry[0])) return null
  return { kind: entry[0], fields: plain(entry[1]) }
}

export function plain(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

/** Nodes of a list field. */
export function nodesOf(value: unknown): readonly SqlNode[] {
  return Array.isArray(value) ? value.flatMap((one) => nodeOf(one) ?? []) : []
}

/** Text of a `String` node; empty for anything else. */
export function stringOf(value: unknown): string {
  const node = nodeOf(value)
  const text = node?.kind === 'String' ? node.fields['sval'] : undefined
  return typeof text === 'string' ? text : ''
}

/** A field that holds a word or a number; empty for anything else. */
export function textOf(node: SqlNode, field: string): string {
  const value = node.fields[field]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function integerOf(value: unknown): number | null {
  const node = nodeOf(value)
  if (node?.kind !== 'A_Const') return null
  // Zero is written as an empty object.
  const number = plain(node.fields['ival'])['ival'] ?? ('ival' in node.fields ? 0 : null)
  return typeof number === 'number' ? number : null
}

function parseAt(text: string, prefixLength: number): Parsed<readonly SqlNode[]> {
  try {
    const { stmts } = parseSync(text)
    return { ok: true, value: (stmts ?? []).flatMap(({ stmt }) => nodeOf(stmt) ?? []) }
  } catch (error) {
    // What it quotes of the text may hold line breaks.
    const message = (error instanceof Error ? error.message : String(error)).replaceAll(/[\s\p{Cc}]+/gu, ' ')
    // The parser counts code points.
    const points = hasSqlDetails(error) ? (error.sqlDetails?.cursorPosition ?? 0) : 0
    const offset = Array.from(text).slice(0, points).join('').length - prefixLength
    return { ok: false, slip: { message, expected: 'SQL as PostgreSQL reads it', offset: Math.max(0, offset) } }
  }
}

/** Where a bracket is closed that was not opened, as a UTF-16 offset; null: nowhere. */
function closedTooEarly(text: string): number | null {
  let depth = 0
  for (const { tokenName, start } of tokensOf(text)) {
    if (tokenName === 'ASCII_40') depth += 1
    if (tokenName === 'ASCII_41') depth -= 1
    if (depth < 0) return fromBytes(text, start)
  }
  return null
}

function lineComment(text: string): number | null {
  const comment = tokensOf(text).find(({ tokenName }) => tokenName === 'SQL_COMMENT')
  return comment ? fromBytes(text, comment.start) : null
}

function tokensOf(text: string) {
  try {
    return scanSync(text).tokens
  } catch {
    return []
  }
}

function fromBytes(text: string, bytes: number): number {
  let seen = 0
  let offset = 0
  for (const point of text) {
    if (seen >= bytes) break
    seen += new TextEncoder().encode(point).length
    offset += point.length
  }
  return offset
}
