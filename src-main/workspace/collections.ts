import { isMap, isNode, isSeq, Pair, Scalar, YAMLMap } from 'yaml'
import type { Node } from 'yaml'
import { startOf } from './parse.ts'
import type { Span } from './problems.ts'
import type { Reader, Reading } from './reading.ts'
import { describe, isNothing, reportAt, scalarText } from './reading.ts'
import { nearest } from './suggest.ts'
import { clip } from './units.ts'

/** Readers of mappings and lists. */

/** One key of a mapping: its name in the result, how it is read, and what to say when it must be there and is not. */
export interface Field<Into extends string, T> {
  readonly into: Into
  readonly read: Reader<T>
  readonly required?: string
}
export type Fields = Readonly<Record<string, Field<string, unknown>>>
export type ReadOf<F extends Fields> = { readonly [K in keyof F as F[K]['into']]?: F[K] extends Field<string, infer T> ? T : never }

export function field<const Into extends string, T>(into: Into, read: Reader<T>, required?: string): Field<Into, T> {
  return required === undefined ? { into, read } : { into, read, required }
}

export interface Entry {
  readonly key: string
  readonly keyAt: Span
  readonly value: Node
}

/** The pairs of a mapping; a key written twice is a problem and counts once. */
export function entriesOf(map: YAMLMap, at: Reading): readonly Entry[] {
  const seen = new Map<string, Entry>()
  for (const { key, value } of map.items) {
    const name = isNode(key) ? (scalarText(key) ?? '') : ''
    const entry = { key: name, keyAt: startOf(key), value: isNode(value) ? value : nothingAt(key) }
    const before = seen.get(name)
    if (before) at.problems.report(entry.keyAt, `\`${clip(name)}\` is given twice; the first is on line ${at.problems.lineOf(before.keyAt)}`, 'each key once')
    else seen.set(name, entry)
  }
  return [...seen.values()]
}

/** What a mapping says of one key; the first, where it is given twice. */
export function entryOf(map: YAMLMap, key: string): Entry | undefined {
  const pair = map.items.find((item) => isNode(item.key) && scalarText(item.key) === key)
  return pair && { key, keyAt: startOf(pair.key), value: isNode(pair.value) ? pair.value : nothingAt(pair.key) }
}

/** One mapping over another: its own keys win. Keys in `deep` that are mappings in both are laid over each other in turn. */
export function overlay(own: YAMLMap, under: YAMLMap, deep: readonly string[]): YAMLMap {
  const result = new YAMLMap()
  if (own.range) result.range = own.range
  for (const pair of own.items) {
    const key = isNode(pair.key) ? (scalarText(pair.key) ?? '') : ''
    const below = deep.includes(key) ? entryOf(under, key)?.value : undefined
    const value = isMap(pair.value) && isMap(below) ? overlay(pair.value, below, deep) : pair.value
    result.items.push(new Pair(pair.key, value))
  }
  for (const pair of under.items) {
    if (isNode(pair.key) && !entryOf(own, scalarText(pair.key) ?? '')) result.items.push(pair)
  }
  return result
}

/**
 * A mapping with known keys. Unknown ones are problems, with the nearest known key, or `elsewhere[key]`, what to write
 * for a key that belongs in another place.
 */
export function mapping<F extends Fields>(what: string, fields: F, elsewhere: Readonly<Record<string, string>> = {}): Reader<ReadOf<F>> {
  const names = Object.keys(fields)
  const keysText = `Keys here: ${names.join(', ')}`
  return (node, at) => {
    if (!isMap(node)) return reportAt(node, at, `${describe(node)} where ${what} is needed`, `a mapping. ${keysText}`)
    const result: Record<string, unknown> = {}
    const present = new Set<string>()
    for (const { key, keyAt, value } of entriesOf(node, at)) {
      const known = Object.hasOwn(fields, key) ? fields[key] : undefined
      if (!known) {
        const near = nearest(key, names)
        // One slip is one problem: what it probably meant is not also missing.
        if (near !== null) present.add(near)
        const hint = Object.hasOwn(elsewhere, key) ? elsewhere[key] : near === null ? undefined : `did you mean \`${near}\`?`
        at.problems.report(keyAt, `unknown key \`${clip(key)}\` in ${what}`, hint === undefined ? keysText : `${hint} ${keysText}`)
        continue
      }
      present.add(key)
      const read = known.read(value, at.inside(known.into, keyAt, isNothing(value) ? keyAt : startOf(value)))
      if (read !== undefined) result[known.into] = read
    }
    for (const [name, { required }] of Object.entries(fields)) {
      if (required !== undefined && !present.has(name)) at.problems.report(at.owner, `\`${name}\` is missing in ${what}`, required)
    }
    return result as ReadOf<F>
  }
}

/** A list; `one` also allows a single item without the dash. */
export function list<T>(what: string, item: Reader<T>, rules: { readonly max: number; readonly min?: number }): Reader<T[]> {
  return (node, at) => {
    if (!isSeq(node)) return reportAt(node, at, `${describe(node)} where a list of ${what} is needed`, `a list: lines that begin with \`- \``)
    if (node.items.length < (rules.min ?? 0)) return reportAt(node, at, 'an empty list', `at least ${rules.min ?? 0} of ${what}`)
    if (node.items.length > rules.max) return reportAt(node, at, `${node.items.length} ${what}`, `at most ${rules.max}`)
    const result: T[] = []
    let whole = true
    node.items.forEach((value, index) => {
      const valueNode = isNode(value) ? value : nothingAt(node)
      const read = item(valueNode, at.inside(index, startOf(valueNode), startOf(valueNode)))
      if (read === undefined) whole = false
      else result.push(read)
    })
    return whole ? result : undefined
  }
}

/** A mapping whose keys are free within a rule: services, variables, headers, roles. */
export function record<T>(what: string, key: { readonly pattern: RegExp; readonly expected: string }, value: (name: string) => Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (node, at) => {
    if (!isMap(node)) return reportAt(node, at, `${describe(node)} where ${what} are needed`, 'a mapping: `name: value` lines')
    const result = new Map<string, T>()
    for (const { key: name, keyAt, value: valueNode } of entriesOf(node, at)) {
      if (!key.pattern.test(name)) at.problems.report(keyAt, `\`${clip(name)}\` cannot be a name here`, key.expected)
      const read = value(name)(valueNode, at.inside(name, keyAt, isNothing(valueNode) ? keyAt : startOf(valueNode)))
      if (read !== undefined) result.set(name, read)
    }
    // Object.fromEntries defines own properties, so that a key `__proto__` is only a key.
    return Object.fromEntries(result)
  }
}

function nothingAt(node: unknown): Node {
  const { start } = startOf(node)
  const nothing = new Scalar('')
  nothing.range = [start, start, start]
  return nothing
}
