import { FlagdCore, MemoryStorage } from '@openfeature/flagd-core'
import type { JsonObject, JsonValue } from '../../contract/flag-definition.ts'
import type { Evaluation, FlagEvaluator } from '../../core/flags/preview.ts'

const SILENT = { error() {}, warn() {}, info() {}, debug() {} }

/** Opens a document in flagd's own evaluation, for previews. */
export function openEvaluator(document: JsonObject): FlagEvaluator {
  const core = new FlagdCore(new MemoryStorage(SILENT), SILENT)
  core.setConfigurations(JSON.stringify(document))
  return { evaluate: (key, context) => evaluateFlag(core, key, context) }
}

/** One evaluation without a wanted type: what the flag gives, as it is. */
export function evaluateFlag(core: FlagdCore, key: string, context: JsonObject): Evaluation {
  const flag = core.getFlag(key)
  if (!flag) return { value: undefined, variant: null, reason: 'ERROR', error: { code: 'FLAG_NOT_FOUND', message: `Flag "${key}" was not found` } }
  if (flag.state === 'DISABLED') return { value: undefined, variant: null, reason: 'DISABLED', error: null }
  const result = flag.evaluate(context as Parameters<typeof flag.evaluate>[0], SILENT)
  if (result.reason === 'ERROR') return { value: undefined, variant: null, reason: 'ERROR', error: { code: String(result.errorCode), message: result.errorMessage ?? 'The flag could not be evaluated' } }
  return { value: result.value as JsonValue | undefined, variant: result.variant ?? null, reason: result.reason, error: null }
}
