import type { JsonObject, JsonValue } from '../../contract/flag-definition.ts'

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** The operator and its arguments, where the object has one key alone, as a JsonLogic operation has. */
export function operation(value: JsonValue | undefined): readonly [name: string, args: JsonValue] | null {
  if (!isJsonObject(value)) return null
  const entries = Object.entries(value)
  return entries.length === 1 ? (entries[0] ?? null) : null
}

/** The operator and its arguments where those are a list. */
export function listOperation(value: JsonValue | undefined): readonly [name: string, args: readonly JsonValue[]] | null {
  const found = operation(value)
  return found && isJsonArray(found[1]) ? [found[0], found[1]] : null
}

/** Equal as JSON; the order of keys does not count. */
export function sameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true
  if (isJsonArray(a)) return isJsonArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]))
  if (!isJsonObject(a) || !isJsonObject(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
}

/** One step of a JSON pointer (RFC 6901). */
export function pointer(path: string, key: string | number): string {
  if (typeof key === 'number' || (!key.includes('/') && !key.includes('~'))) return `${path}/${key}`
  return `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
