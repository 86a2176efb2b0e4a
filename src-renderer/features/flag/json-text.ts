import type { JsonObject } from '../../../src-main/contract/flag-definition.ts'

export interface JsonPlace {
  readonly message: string
  /** From 1; null: the reader does not say where. */
  readonly line: number | null
  readonly column: number | null
}

export type ReadJson = { readonly value: unknown; readonly problem: null } | { readonly value: null; readonly problem: JsonPlace }

/** Parses text that somebody types, and says where it stops being JSON. */
export function readJson(text: string): ReadJson {
  try {
    const value: unknown = JSON.parse(text)
    return { value, problem: null }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // V8 names an offset, or line and column, or only what it met.
    const place = /line (\d+) column (\d+)/.exec(message)
    const offset = /position (\d+)/.exec(message)
    const words = message.replace(/ in JSON at position.*$/s, '').replace(/, "?\.{0,3}[\s\S]*is not valid JSON$/, '').replace(/ \(line.*\)$/, '')
    if (place) return { value: null, problem: { message: words, line: Number(place[1]), column: Number(place[2]) } }
    const at = offset ? Number(offset[1]) : /end of JSON/i.test(message) ? text.length : null
    if (at === null) return { value: null, problem: { message: words, line: null, column: null } }
    const before = text.slice(0, at).split('\n')
    return { value: null, problem: { message: words, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 } }
  }
}

/** An object of JSON, or why it is none. */
export function readJsonObject(text: string): { readonly value: JsonObject; readonly problem: null } | { readonly value: null; readonly problem: JsonPlace } {
  const read = readJson(text)
  if (read.problem) return { value: null, problem: read.problem }
  if (typeof read.value !== 'object' || read.value === null || Array.isArray(read.value)) return { value: null, problem: { message: 'An object is needed: {"targetingKey": "user-1"}', line: 1, column: 1 } }
  return { value: read.value as JsonObject, problem: null }
}

export function placeWords({ line, column, message }: JsonPlace): string {
  return line === null ? message : `Line ${line}, column ${column ?? 1}: ${message}`
}
