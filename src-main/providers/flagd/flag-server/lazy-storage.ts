import { FeatureFlag, type Storage } from '@openfeature/flagd-core'
import type { JsonObject, JsonValue } from '../../../contract/flag-definition.ts'
import { isJsonArray, isJsonObject, sameJson } from '../../../core/flags/json.ts'
import { referenceOf } from '../../../core/flags/targeting.ts'

const SILENT = { error() {}, warn() {}, info() {}, debug() {} }

type FlagJson = ConstructorParameters<typeof FeatureFlag>[1]

/**
 * flagd-core's flags, compiled when first asked for and kept while their definition stays. Its own storage compiles and
 * hashes every flag at every change: most of a second for 10,000. Takes validated documents only.
 */
export interface LazyStorage extends Storage {
  setDocument(document: JsonObject): void
}

export function createLazyStorage(): LazyStorage {
  let flags: JsonObject = {}
  let evaluators: JsonObject = {}
  let metadata: JsonObject = {}
  let compiled = new Map<string, FeatureFlag>()

  const compile = (key: string): FeatureFlag | undefined => {
    const known = compiled.get(key)
    if (known) return known
    const definition = Object.hasOwn(flags, key) ? flags[key] : undefined
    if (!isJsonObject(definition)) return undefined
    const own = isJsonObject(definition['metadata']) ? definition['metadata'] : {}
    const whole = { ...definition, metadata: { ...metadata, ...own }, ...(isJsonObject(definition['targeting']) ? { targeting: resolve(definition['targeting'], evaluators) } : {}) }
    // The document was validated against a stricter schema than flagd's types say.
    const flag = new FeatureFlag(key, whole as unknown as FlagJson, SILENT)
    compiled.set(key, flag)
    return flag
  }

  return {
    setDocument(document) {
      const part = (name: string): JsonObject => (isJsonObject(document[name]) ? document[name] : {})
      const before = flags
      const kept = sameJson(evaluators, part('$evaluators')) && sameJson(metadata, part('metadata'))
      flags = part('flags')
      evaluators = part('$evaluators')
      metadata = part('metadata')
      compiled = kept ? new Map([...compiled].filter(([key]) => Object.hasOwn(flags, key) && sameJson(before[key], flags[key]))) : new Map()
    },
    setConfigurations: () => [],
    getFlag: compile,
    getFlags: () => new Map(Object.keys(flags).flatMap((key) => {
      const flag = compile(key)
      return flag ? [[key, flag] as const] : []
    })),
    getFlagSetMetadata: () => metadata as ReturnType<Storage['getFlagSetMetadata']>,
  }
}

/** Segments in place of references, all the way down; validation has ruled out circles. */
function resolve(logic: JsonValue, evaluators: JsonObject): JsonValue {
  if (isJsonArray(logic)) return logic.map((part) => resolve(part, evaluators))
  if (!isJsonObject(logic)) return logic
  const name = referenceOf(logic)
  if (name !== null) return resolve(evaluators[name] ?? null, evaluators)
  return Object.fromEntries(Object.entries(logic).map(([key, part]) => [key, resolve(part, evaluators)]))
}
