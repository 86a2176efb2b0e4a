import type { Node } from 'yaml'
import { isMap, isScalar, isSeq } from 'yaml'
import type { Problems, Span } from './problems.ts'
import { startOf } from './parse.ts'
import { clip } from './units.ts'

export type PathPart = string | number

/** Where a value stands in the file, and where it goes in the result. */
export interface Reading {
  readonly problems: Problems
  /** What to blame when something is missing inside: the key that holds the value. */
  readonly owner: Span
  readonly path: readonly PathPart[]
  /** Remembers that this part of the result came from here, so that a later check can point at it. */
  inside(part: PathPart, owner: Span, value: Span): Reading
  /** The place of a path of the result, or of the nearest thing around it that is in the file. */
  placeOf(path: readonly PathPart[]): Span
  /** True when the file itself says something about this path. */
  has(path: readonly PathPart[]): boolean
}

/** Reads one value. `undefined`: a problem was reported instead. */
export type Reader<T> = (node: Node, at: Reading) => T | undefined

export function startReading(problems: Problems, root: Span): Reading {
  const places = new Map<string, Span>([['[]', root]])
  const placeOf = (path: readonly PathPart[]): Span => {
    for (let length = path.length; length > 0; length -= 1) {
      const place = places.get(JSON.stringify(path.slice(0, length)))
      if (place) return place
    }
    return root
  }
  const make = (owner: Span, path: readonly PathPart[]): Reading => ({
    problems,
    owner,
    path,
    inside(part, partOwner, value) {
      const inner = [...path, part]
      places.set(JSON.stringify(inner), value)
      return make(partOwner, inner)
    },
    placeOf,
    has: (wanted) => places.has(JSON.stringify(wanted)),
  })
  return make(root, [])
}

/** What a node is, in the words of a problem's text. Never more of the file than fits on a line. */
export function describe(node: Node): string {
  if (isMap(node)) return 'a mapping'
  if (isSeq(node)) return 'a list'
  const text = scalarText(node)
  return text === null || text === '' ? 'nothing' : `\`${clip(text)}\``
}

/** The text of a scalar as written, or null for a mapping or list. */
export function scalarText(node: Node): string | null {
  if (!isScalar(node)) return null
  return typeof node.value === 'string' ? node.value : ''
}

/** True for a key with nothing after it, or YAML's `~` and `null`. Quoted text is never nothing. */
export function isNothing(node: Node): boolean {
  if (!isScalar(node) || node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') return false
  return node.value === '' || node.value === null || node.value === '~' || node.value === 'null'
}

export function reportAt(node: Node, at: Reading, message: string, expected: string): undefined {
  // A value that is not there is found by its key.
  at.problems.report(isNothing(node) ? at.owner : startOf(node), message, expected)
  return undefined
}
