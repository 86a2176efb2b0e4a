import { Fault } from '../../contract/fault.ts'
import type { FlagDefinition, JsonValue, Serve } from '../../contract/flag-definition.ts'
import type { FlagChange } from '../../core/flags/ports.ts'
import { changedFlag } from '../../core/flags/changed-flag.ts'
import { sameJson } from '../../core/flags/json.ts'
import { ruleClauses } from './clauses.ts'
import { variantNames } from './flag-definition.ts'
import { type NativeFlag, type NativeRule, type NativeServe, nativeSchema } from './model.ts'
import { keepsWhoHadIt, WHOLE, weightsOf } from './weights.ts'

/** What one environment of a flag is to become. What is null stays as it is. */
export interface WantedPlace {
  readonly on: boolean
  readonly offVariation: number | null
  readonly rules: readonly Omit<NativeRule, '_id'>[] | null
  readonly fallthrough: NativeServe | null
}

function refused(why: string): Fault {
  return new Fault('unsupported', `LaunchDarkly cannot hold this: ${why} Nothing was written.`, 'Change the plan, or the flag in LaunchDarkly.')
}

/** Faults: `unsupported`, `invalidInput`. */
export function wantedPlace(change: FlagChange, definition: FlagDefinition, native: NativeFlag, contextKind: string): WantedPlace {
  const names = variantNames(native)
  const indexOf = (variant: string): number => {
    const index = names.indexOf(variant)
    if (index < 0) throw new Fault('invalidInput', `${native.key} has no variation "${variant}" in LaunchDarkly. Nothing was written.`, 'Look at its variations.')
    return index
  }
  if (change.kind === 'restore') {
    const { place } = nativeOf(change.native)
    return { on: place.on, offVariation: place.offVariation, rules: place.rules.map(withoutId), fallthrough: place.fallthrough }
  }
  // Targeting off gives everyone the off variation; without one, whatever the caller's code has as its default.
  if (change.kind === 'kill') return { on: false, offVariation: indexOf(change.variant), rules: null, fallthrough: null }
  const wanted = changedFlag(change, definition)
  if (!wanted || wanted.targeting.kind === 'handwritten') throw refused('what was written by hand is changed there.')
  const { place } = native
  if ([...place.targets, ...place.contextTargets].some(({ values }) => values.length > 0)) throw refused('it has individual targets, which go before every rule.')
  if (place.prerequisites.length > 0) throw refused('it has prerequisites, which go before every rule.')
  if (change.kind === 'expose' && !keepsWhoHadIt({ variants: change.plan.variants, otherwise: change.plan.baseline }, indexOf)) {
    throw refused('it lays its variations out one after another, so that growing these would move users from one to another; at most one may stand before the baseline and one after it.')
  }
  const rules = wanted.targeting.rules
  if (rules.length === 0 && wanted.defaultVariant !== null && indexOf(wanted.defaultVariant) === place.offVariation) return { on: false, offVariation: place.offVariation, rules: null, fallthrough: null }
  const serve = (what: Serve): NativeServe => (what.kind === 'variant' ? { variation: indexOf(what.variant) } : what.percent === 0 ? { variation: indexOf(what.otherwise) } : { rollout: { variations: [...weightsOf(what, indexOf)], contextKind } })
  const last = rules.at(-1)
  const decidesAll = last?.audience.kind === 'everyone'
  if (!decidesAll && wanted.defaultVariant === null) throw refused('a flag without a default.')
  return {
    on: true,
    offVariation: null,
    rules: (decidesAll ? rules.slice(0, -1) : rules).flatMap(({ audience, serve: what }) => ruleClauses(audience, contextKind).map((clauses) => ({ clauses: [...clauses], ...serve(what) }))),
    fallthrough: decidesAll ? serve(last.serve) : { variation: indexOf(wanted.defaultVariant ?? '') },
  }
}

export function isAsWanted(wanted: WantedPlace, { place }: NativeFlag): boolean {
  return (
    place.on === wanted.on &&
    (wanted.offVariation === null || place.offVariation === wanted.offVariation) &&
    (wanted.rules === null || sameJson(wanted.rules.map(essence), place.rules.map(essence))) &&
    (wanted.fallthrough === null || sameJson(serveEssence(wanted.fallthrough), serveEssence(place.fallthrough)))
  )
}

/** One semantic patch: taken as a whole or not at all. */
export function instructionsTo(wanted: WantedPlace, native: NativeFlag, contextKind: string): readonly JsonValue[] {
  const { place, variations } = native
  const id = (index: number): string => variations[index]?._id ?? ''
  const served = ({ variation, rollout }: NativeServe): { readonly [key: string]: JsonValue } =>
    rollout ? { rolloutWeights: Object.fromEntries(rollout.variations.map((one) => [id(one.variation), one.weight])), rolloutContextKind: rollout.contextKind ?? contextKind } : { variationId: id(variation ?? 0) }
  const instructions: JsonValue[] = []
  if (wanted.offVariation !== null && wanted.offVariation !== place.offVariation) instructions.push({ kind: 'updateOffVariation', variationId: id(wanted.offVariation) })
  if (!wanted.on && place.on) instructions.push({ kind: 'turnFlagOff' })
  if (wanted.rules && !sameJson(wanted.rules.map(essence), place.rules.map(essence))) {
    const sameAudiences = wanted.rules.length === place.rules.length && wanted.rules.every(({ clauses }, index) => sameJson(clausesEssence(clauses), clausesEssence(place.rules[index]?.clauses ?? [])))
    if (sameAudiences) {
      for (const [index, rule] of wanted.rules.entries()) {
        const now = place.rules[index]
        if (now && !sameJson(serveEssence(rule), serveEssence(now))) instructions.push({ kind: 'updateRuleVariationOrRollout', ruleId: now._id, ...served(rule) })
      }
    } else instructions.push({ kind: 'replaceRules', rules: wanted.rules.map((rule) => ({ clauses: clausesEssence(rule.clauses), ...(rule.description === undefined ? {} : { description: rule.description }), ...served(rule) })) })
  }
  if (wanted.fallthrough && !sameJson(serveEssence(wanted.fallthrough), serveEssence(place.fallthrough))) instructions.push({ kind: 'updateFallthroughVariationOrRollout', ...served(wanted.fallthrough) })
  if (wanted.on && !place.on) instructions.push({ kind: 'turnFlagOn' })
  return instructions
}

export function nativeOf(native: JsonValue): NativeFlag {
  const parsed = nativeSchema.safeParse(native)
  if (parsed.success) return parsed.data
  throw new Fault('invalidInput', 'What was kept of the flag is not a flag of LaunchDarkly. Nothing was written.', 'Put it back in LaunchDarkly by hand.')
}

function withoutId({ _id: _none, ...rule }: NativeRule): Omit<NativeRule, '_id'> {
  return rule
}

function essence(rule: Omit<NativeRule, '_id'>): JsonValue {
  return [clausesEssence(rule.clauses), serveEssence(rule)]
}

function clausesEssence(clauses: NativeRule['clauses']): JsonValue {
  return clauses.map(({ attribute, op, values, negate, contextKind }) => ({ attribute, op, values, negate, ...(op === 'segmentMatch' ? {} : { contextKind: contextKind ?? 'user' }) }))
}

/** Everyone to one variation is the same as that variation; weights of 0 say nothing. */
function serveEssence({ variation, rollout }: NativeServe): JsonValue {
  if (!rollout) return variation ?? 0
  const given = rollout.variations.filter(({ weight }) => weight > 0).toSorted((a, b) => a.variation - b.variation)
  const [only] = given
  return only?.weight === WHOLE ? only.variation : { weights: given.map((one) => [one.variation, one.weight]), contextKind: rollout.contextKind ?? 'user', bucketBy: rollout.bucketBy ?? 'key', seed: rollout.seed ?? null }
}
