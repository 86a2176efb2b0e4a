import type { JsonObject, JsonValue } from '../../contract/flag-definition.ts'
import { isJsonObject, sameJson } from './json.ts'

/**
 * The text of `before`, changed so that it says `after`: only what differs is written anew, in the layout around it, so
 * that a file edited by hand keeps its own. `text` is valid JSON without keys that are there twice. Null where that
 * cannot be done in place (another order of keys): the whole is to be written then.
 */
export function editJsonText(text: string, before: JsonObject, after: JsonObject): string | null {
  const start = skipSpace(text, text.charCodeAt(0) === 0xfeff ? 1 : 0)
  const edits: Edit[] = []
  const layout = layoutOf(text)
  if (!editObject({ text, layout, edits }, start, before, after, 0)) return null
  let result = text
  for (const { from, to, put } of edits.toSorted((a, b) => b.from - a.from)) result = result.slice(0, from) + put + result.slice(to)
  return result
}

interface Edit {
  readonly from: number
  readonly to: number
  readonly put: string
}

interface Layout {
  readonly unit: string
  readonly newline: string
  /** Everything on one line. */
  readonly compact: boolean
}

interface Editing {
  readonly text: string
  readonly layout: Layout
  readonly edits: Edit[]
}

interface Member {
  readonly key: string
  /** Of the key's opening quote. */
  readonly at: number
  readonly valueAt: number
  readonly valueEnd: number
}

function layoutOf(text: string): Layout {
  const first = /(\r?\n)([ \t]*)"/.exec(text)
  return first ? { unit: first[2] === '' ? '  ' : (first[2] ?? '  '), newline: first[1] ?? '\n', compact: false } : { unit: '', newline: '', compact: true }
}

function editObject(editing: Editing, start: number, before: JsonObject, after: JsonObject, depth: number): boolean {
  const { text, layout, edits } = editing
  const members = membersOf(text, start)
  const kept = members.filter(({ key }) => Object.hasOwn(after, key))
  const wanted = Object.keys(after)
  const known = new Set(members.map(({ key }) => key))
  const added = wanted.filter((key) => !known.has(key))
  // Keys that were there stay where they are, and new ones come behind them; anything else is another order.
  if (![...kept.map(({ key }) => key), ...added].every((key, index) => key === wanted[index])) return false
  const indent = layout.unit.repeat(depth + 1)
  const written = (key: string): string => `${JSON.stringify(key)}:${layout.compact ? '' : ' '}${laidOut(after[key] ?? null, layout, depth + 1)}`
  const last = kept.at(-1)
  if (!last) {
    const end = members.at(-1)?.valueEnd ?? start + 1
    const close = skipSpace(text, end)
    const body = added.map((key) => `${layout.compact ? '' : layout.newline + indent}${written(key)}`).join(',')
    edits.push({ from: start + 1, to: close, put: added.length === 0 ? '' : body + (layout.compact ? '' : layout.newline + layout.unit.repeat(depth)) })
    return true
  }
  for (const [index, member] of members.entries()) {
    const value = after[member.key]
    if (value === undefined) {
      // With the comma and space that tie it to a neighbour which stays.
      const next = members[index + 1]
      const keptBehind = members.slice(index + 1).some(({ key }) => Object.hasOwn(after, key))
      const previous = members[index - 1]
      if (keptBehind && next) edits.push({ from: member.at, to: next.at, put: '' })
      else if (previous) edits.push({ from: previous.valueEnd, to: member.valueEnd, put: '' })
      continue
    }
    const was = before[member.key]
    if (sameJson(was, value)) continue
    if (isJsonObject(was) && isJsonObject(value) && Object.keys(was).length > 0) {
      if (editObject(editing, member.valueAt, was, value, depth + 1)) continue
    }
    edits.push({ from: member.valueAt, to: member.valueEnd, put: laidOut(value, layout, depth + 1) })
  }
  if (added.length > 0) edits.push({ from: last.valueEnd, to: last.valueEnd, put: added.map((key) => `,${layout.compact ? '' : layout.newline + indent}${written(key)}`).join('') })
  return true
}

function laidOut(value: JsonValue, { unit, newline, compact }: Layout, depth: number): string {
  if (compact) return JSON.stringify(value)
  return JSON.stringify(value, null, unit).replaceAll('\n', newline + unit.repeat(depth))
}

/** Members of the object that begins at `start`. */
function membersOf(text: string, start: number): readonly Member[] {
  const members: Member[] = []
  let at = skipSpace(text, start + 1)
  while (at < text.length && text[at] !== '}') {
    const keyEnd = skipString(text, at)
    const valueAt = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const valueEnd = skipValue(text, valueAt)
    members.push({ key: JSON.parse(text.slice(at, keyEnd)) as string, at, valueAt, valueEnd })
    at = skipSpace(text, valueEnd)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return members
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \t\r\n'.includes(text[at] ?? 'x')) at += 1
  return at
}

/** Behind the closing quote of the string that begins at `from`. */
function skipString(text: string, from: number): number {
  let at = from + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function skipValue(text: string, from: number): number {
  if (text[from] === '"') return skipString(text, from)
  if (text[from] !== '{' && text[from] !== '[') {
    let at = from
    while (at < text.length && !',}] \t\r\n'.includes(text[at] ?? ',')) at += 1
    return at
  }
  let depth = 0
  for (let at = from; at < text.length; ) {
    const character = text[at]
    if (character === '"') {
      at = skipString(text, at)
      continue
    }
    at += 1
    if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') {
      depth -= 1
      if (depth === 0) return at
    }
  }
  return text.length
}
