import type { JsonObject, JsonValue } from '../../contract/flag-definition.ts'
import { isJsonObject, sameJson } from './json.ts'

export interface FlagSetChange {
  readonly kind: 'flag' | 'segment' | 'metadata'
  readonly name: string
  readonly change: 'added' | 'removed' | 'changed'
  /** For a change: which parts (`targeting`, `defaultVariant`, …) differ. */
  readonly parts: readonly string[]
  readonly before: JsonValue
  readonly after: JsonValue
}

const PARTS = [
  ['flag', 'flags'],
  ['segment', '$evaluators'],
  ['metadata', 'metadata'],
] as const

/** What turns one document into another, by name, in the order of the second; removals last. Order of keys does not count. */
export function diffFlagSets(before: JsonObject, after: JsonObject): readonly FlagSetChange[] {
  return PARTS.flatMap(([kind, part]) => {
    const from = isJsonObject(before[part]) ? before[part] : {}
    const to = isJsonObject(after[part]) ? after[part] : {}
    const changes: FlagSetChange[] = []
    for (const [name, value] of Object.entries(to)) {
      if (!Object.hasOwn(from, name)) changes.push({ kind, name, change: 'added', parts: [], before: null, after: value })
      else if (!sameJson(from[name], value)) changes.push({ kind, name, change: 'changed', parts: partsOf(from[name], value), before: from[name] ?? null, after: value })
    }
    for (const [name, value] of Object.entries(from)) if (!Object.hasOwn(to, name)) changes.push({ kind, name, change: 'removed', parts: [], before: value, after: null })
    return changes
  })
}

function partsOf(before: JsonValue | undefined, after: JsonValue): string[] {
  if (!isJsonObject(before) || !isJsonObject(after)) return []
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => !sameJson(before[key], after[key]))
}
