import { isMap, isSeq } from 'yaml'
import type { Node } from 'yaml'
import type { Change } from '../contract/migration-definition.ts'
import { importPgroll } from '../providers/postgres/migration/preflight/pgroll-import.ts'
import { startOf } from './parse.ts'
import { readIncluded } from './migration-file.ts'
import type { Included } from './migration-file.ts'
import type { Span } from './problems.ts'
import { scalarText } from './reading.ts'
import type { PathPart, Reading } from './reading.ts'

interface PgrollFile {
  readonly path: string
  /** Types of columns whose operations do not say them. */
  readonly types: Readonly<Record<string, string>>
  readonly at: Reading
  readonly folder: string
  readonly included: Included
}

/** Operations of pgroll, YAML or JSON, as one change of columns. What does not map is a problem at its place in that file. */
export function pgrollChange({ path, types, at, folder, included }: PgrollFile): Change | undefined {
  const here = { ...at, placeOf: () => at.placeOf([...at.path, 'pgroll']) }
  return readIncluded({ path, folder, at: here, included, needed: '`operations:` of pgroll' }, (root, inner) => {
    const places = new Map<string, Span>()
    const imported = importPgroll(plain(root, [], places), types)
    for (const { path: where, message, expected } of imported.problems) inner.problems.report(placeOf(places, where, startOf(root)), message, expected)
    if (imported.problems.length > 0) return undefined
    const [change, ...more] = imported.changes
    if (change && more.length === 0) return change
    inner.problems.report(startOf(root), change ? `operations on ${imported.changes.length} tables` : 'no operations', change ? 'operations on one table; another migration for each other one' : '`operations:` of pgroll')
    return undefined
  })
}

/** Nodes as plain values; every scalar stays text. */
function plain(node: unknown, path: readonly PathPart[], places: Map<string, Span>): unknown {
  places.set(JSON.stringify(path), startOf(node))
  if (isMap(node)) {
    const entries = node.items.map((pair): [string, unknown] => {
      const key = scalarText(pair.key as Node) ?? ''
      return [key, plain(pair.value, [...path, key], places)]
    })
    return Object.fromEntries(entries)
  }
  if (isSeq(node)) return node.items.map((item, index) => plain(item, [...path, index], places))
  return node === null || node === undefined ? '' : (scalarText(node as Node) ?? '')
}

function placeOf(places: ReadonlyMap<string, Span>, path: readonly PathPart[], root: Span): Span {
  for (let length = path.length; length >= 0; length -= 1) {
    const place = places.get(JSON.stringify(path.slice(0, length)))
    if (place) return place
  }
  return root
}
