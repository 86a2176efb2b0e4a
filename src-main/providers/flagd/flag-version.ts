import { createHash } from 'node:crypto'
import type { JsonObject, JsonValue } from '../../contract/flag-definition.ts'
import { isJsonArray, isJsonObject } from '../../core/flags/json.ts'
import { referenceOf } from '../../core/flags/targeting.ts'

/** By flag; as long as the segments are the very same. */
const known = new WeakMap<JsonObject, { readonly evaluators: JsonValue | undefined; readonly version: string }>()

/** The flag's JSON together with the segments it names, all the way down: changes whenever what it gives to whom may. */
export function flagVersion(document: JsonObject, flag: JsonObject): string {
  const before = known.get(flag)
  if (before && before.evaluators === document['$evaluators']) return before.version
  const evaluators = isJsonObject(document['$evaluators']) ? document['$evaluators'] : {}
  const named = new Set<string>()
  collect(flag['targeting'], evaluators, named)
  const segments = [...named].toSorted().map((name) => [name, evaluators[name] ?? null] as const)
  const version = createHash('sha256').update(canonical(flag)).update(canonical(segments as JsonValue)).digest('base64url').slice(0, 22)
  known.set(flag, { evaluators: document['$evaluators'], version })
  return version
}

function collect(logic: JsonValue | undefined, evaluators: JsonObject, named: Set<string>): void {
  if (isJsonArray(logic)) for (const part of logic) collect(part, evaluators, named)
  if (!isJsonObject(logic)) return
  const name = referenceOf(logic)
  if (name === null) for (const part of Object.values(logic)) collect(part, evaluators, named)
  else if (!named.has(name)) {
    named.add(name)
    collect(evaluators[name], evaluators, named)
  }
}

/** The order of keys does not count. */
function canonical(value: JsonValue): string {
  if (isJsonArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isJsonObject(value)) return JSON.stringify(value)
  return `{${Object.keys(value).toSorted().map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(',')}}`
}
