import type { JsonObject } from '../../../src-main/contract/flag-definition.ts'
import { jsonFault } from './json-fault.ts'

export interface JsonPlace {
  readonly message: string
  /** From 1. */
  readonly line: number
  readonly column: number
}

export type ReadJson = { readonly value: unknown; readonly problem: null } | { readonly value: null; readonly problem: JsonPlace }

/** Parses text that somebody types, and says where it stops being JSON. */
export function readJson(text: string): ReadJson {
  try {
    const value: unknown = JSON.parse(text)
    return { value, problem: null }
  } catch {
    const at = Math.min(jsonFault(text) ?? text.length, text.length)
    const before = text.slice(0, at).split('\n')
    const met = text.slice(at, at + 12).split(/\s/)[0] ?? ''
    const message = at >= text.length ? 'it ends too early' : met === '' ? 'something is missing here' : `${JSON.stringify(met).slice(1, -1)} is not expected here`
    return { value: null, problem: { message, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 } }
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
  return `Line ${line}, column ${column}: ${message}`
}
