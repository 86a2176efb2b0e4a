import type { FlagSet, JsonObject, JsonValue } from '../../contract/flag-definition.ts'
import { isJsonObject } from './json.ts'
import { buildAudience } from './targeting.ts'
import { readFlag } from './flag-set.ts'

/** What an SDK would get. */
export interface Evaluation {
  readonly value: JsonValue | undefined
  readonly variant: string | null
  /** OpenFeature's: STATIC, DEFAULT, TARGETING_MATCH, DISABLED, ERROR. */
  readonly reason: string
  readonly error: { readonly code: string; readonly message: string } | null
}

/** Evaluates as flagd does; the console has no evaluation of its own. Made by `providers/flagd/evaluator.ts`. */
export interface FlagEvaluator {
  evaluate(key: string, context: JsonObject): Evaluation
}
export type OpenEvaluator = (document: JsonObject) => FlagEvaluator

export interface Preview extends Evaluation {
  /** The rule that decided, counted from 0; null: none did, or targeting is written by hand. */
  readonly rule: number | null
  /** Whether each rule's audience holds, in order; empty where targeting is written by hand. */
  readonly rules: readonly boolean[]
  /** Segments this context is in. */
  readonly segments: readonly string[]
  readonly why: string
}

/**
 * What this context gets of a flag, and why. Which rule decided and which segments match is asked of the same evaluator,
 * with flags made for the question: one per rule and segment, true where its condition is.
 */
export function preview(document: JsonObject, key: string, context: JsonObject, open: OpenEvaluator): Preview {
  const flags = isJsonObject(document['flags']) ? document['flags'] : {}
  const definition = Object.hasOwn(flags, key) ? flags[key] : undefined
  const flag = isJsonObject(definition) ? readFlag(key, definition) : null
  const evaluators = isJsonObject(document['$evaluators']) ? document['$evaluators'] : {}
  const rules = flag?.targeting.kind === 'rules' ? flag.targeting.rules : []
  const questions = Object.fromEntries([
    ...rules.map(({ audience }, index) => [`rule/${index}`, question(buildAudience(audience))] as const),
    ...Object.keys(evaluators).map((name) => [`segment/${name}`, question({ $ref: name })] as const),
  ])
  const answers = open({ ...document, flags: questions })
  const holds = (name: string): boolean => answers.evaluate(name, context).value === true
  const segments = Object.keys(evaluators).filter((name) => holds(`segment/${name}`))
  const matched = rules.map((_rule, index) => holds(`rule/${index}`))
  const matching = matched.indexOf(true)
  const evaluation = open(document).evaluate(key, context)
  const rule = evaluation.reason === 'TARGETING_MATCH' && matching >= 0 ? matching : null
  return { ...evaluation, rule, rules: matched, segments, why: explain(evaluation, flag, rule, matching, context) }
}

function question(condition: JsonValue): JsonObject {
  return { state: 'ENABLED', variants: { yes: true, no: false }, defaultVariant: 'no', targeting: { if: [condition, 'yes', 'no'] } }
}

function explain(evaluation: Evaluation, flag: FlagSet['flags'][number] | null, rule: number | null, matching: number, context: JsonObject): string {
  if (flag === null) return 'There is no such flag: the caller gets the default in its own code.'
  if (evaluation.error) return `${evaluation.error.message}. The caller gets the default in its own code.`
  if (evaluation.reason === 'DISABLED') return 'Its state is DISABLED: the caller gets the default in its own code.'
  if (evaluation.variant === null) return 'No rule decides and it has no default variant: the caller gets the default in its own code.'
  if (flag.targeting.kind === 'handwritten') return evaluation.reason === 'TARGETING_MATCH' ? 'Targeting written by hand chose it.' : 'Targeting written by hand came to nothing: the default variant.'
  if (rule !== null) return `Rule ${rule + 1} decided${flag.targeting.rules[rule]?.serve.kind === 'split' ? ', by the share its targeting key falls into' : ''}.`
  if (matching >= 0 && (context['targetingKey'] === undefined || context['targetingKey'] === '')) return `Rule ${matching + 1} matches, but a share needs a targeting key and the context has none: the default variant.`
  return flag.targeting.rules.length === 0 ? 'It has no rules: the default variant.' : 'No rule matches: the default variant.'
}
