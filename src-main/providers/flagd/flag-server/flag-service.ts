import { type FeatureFlag, FlagdCore } from '@openfeature/flagd-core'
import type { JsonObject } from '../../../contract/flag-definition.ts'
import type { Evaluation } from '../../../core/flags/preview.ts'
import { draws } from '../../../core/flags/draws.ts'
import { isJsonObject } from '../../../core/flags/json.ts'
import { evaluateFlag } from '../evaluator.ts'
import type { ServedSet } from '../watch-flag-sets.ts'
import { createLazyStorage, type LazyStorage } from './lazy-storage.ts'

const SILENT = { error() {}, warn() {}, info() {}, debug() {} }

export interface EvaluatedFlag extends Evaluation {
  readonly key: string
  readonly metadata: Readonly<Record<string, string | number | boolean>>
}

/** The sets being served, ready to be evaluated. */
export interface FlagService {
  readonly defaultSet: string
  /** Takes a version; from now on it is what evaluations see. */
  serve(set: ServedSet): void
  digest(set: string): string | undefined
  /** Whether results change with time alone. */
  timeDependent(set: string): boolean
  flag(set: string, key: string): FeatureFlag | undefined
  /** People are drawn: only then is there an experiment to count for. */
  hasSplit(set: string, key: string): boolean
  /** Undefined: no such set. */
  evaluate(set: string, key: string, context: JsonObject): EvaluatedFlag | undefined
  evaluateAll(set: string, context: JsonObject): readonly EvaluatedFlag[] | undefined
}

interface Served {
  set: ServedSet
  readonly storage: LazyStorage
  readonly core: FlagdCore
}

export function createFlagService(defaultSet: string): FlagService {
  const sets = new Map<string, Served>()
  const one = ({ core }: Served, key: string, context: JsonObject): EvaluatedFlag => ({ key, ...evaluateFlag(core, key, context), metadata: core.getFlag(key)?.metadata ?? {} })
  return {
    defaultSet,
    serve(set) {
      let served = sets.get(set.name)
      if (!served) {
        const storage = createLazyStorage()
        served = { set, storage, core: new FlagdCore(storage, SILENT) }
        sets.set(set.name, served)
      }
      served.storage.setDocument(set.document)
      served.set = set
    },
    digest: (set) => sets.get(set)?.set.digest,
    timeDependent: (set) => sets.get(set)?.set.text.includes('$flagd.timestamp') ?? false,
    flag: (set, key) => sets.get(set)?.core.getFlag(key),
    hasSplit(set, key) {
      const all = sets.get(set)?.set.document['flags']
      const flag = isJsonObject(all) && Object.hasOwn(all, key) ? all[key] : undefined
      return isJsonObject(flag) && draws(flag['targeting'])
    },
    evaluate(set, key, context) {
      const served = sets.get(set)
      return served && one(served, key, context)
    },
    evaluateAll(set, context) {
      const served = sets.get(set)
      return served && [...served.core.getFlags().keys()].map((key) => one(served, key, context))
    },
  }
}
