import { createHash } from 'node:crypto'
import type { JsonValue } from '../contract/flag-definition.ts'
import { isJsonArray, isJsonObject } from '../core/flags/json.ts'

/** A digest of what it says; the order of keys does not count. */
export function jsonDigest(value: JsonValue): string {
  return createHash('sha256').update(canonicalJson(value)).digest('base64url').slice(0, 22)
}

/** JSON with its keys in order: equal texts say the same. */
export function canonicalJson(value: JsonValue): string {
  if (isJsonArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (!isJsonObject(value)) return JSON.stringify(value)
  return `{${Object.keys(value).toSorted().map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`).join(',')}}`
}
