import type { Json } from '../../../src-main/contract/journal.ts'

export interface DiffLine {
  readonly sign: ' ' | '+' | '-'
  readonly path: string
  readonly value: string
}

type Leaves = ReadonlyMap<string, string>

function leaves(value: Json, path: string, into: Map<string, string>): Map<string, string> {
  if (Array.isArray(value)) {
    if (value.length === 0) into.set(path, '[]')
    value.forEach((each, index) => leaves(each, `${path}[${index}]`, into))
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
    if (entries.length === 0) into.set(path, '{}')
    for (const [key, each] of entries) leaves(each, path === '' ? key : `${path}.${key}`, into)
  } else if (value !== null || path !== '') {
    into.set(path, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return into
}

/** What an act changed, leaf by leaf, in the order of the old value and then of the new. */
export function diffJson(before: Json, after: Json): readonly DiffLine[] {
  const old: Leaves = leaves(before, '', new Map())
  const next: Leaves = leaves(after, '', new Map())
  const lines: DiffLine[] = []
  for (const path of new Set([...old.keys(), ...next.keys()])) {
    const [a, b] = [old.get(path), next.get(path)]
    // An empty list that was not there before says nothing.
    if (a === undefined ? b === '[]' || b === '{}' : b === undefined && (a === '[]' || a === '{}')) continue
    if (a === b && a !== undefined) lines.push({ sign: ' ', path, value: a })
    else {
      if (a !== undefined) lines.push({ sign: '-', path, value: a })
      if (b !== undefined) lines.push({ sign: '+', path, value: b })
    }
  }
  return lines
}
