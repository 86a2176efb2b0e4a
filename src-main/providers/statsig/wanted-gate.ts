import { Fault } from '../../contract/fault.ts'
import type { FlagDefinition, FlagRule, JsonValue } from '../../contract/flag-definition.ts'
import { changedFlag } from '../../core/flags/changed-flag.ts'
import { sameJson } from '../../core/flags/json.ts'
import type { FlagChange } from '../../core/flags/ports.ts'
import { ruleConditions } from './gate-conditions.ts'
import { countsIn, EVERYWHERE, isOwn } from './gate-definition.ts'
import { type GateRule, type NativeGate, nativeSchema } from './model.ts'

/** What a gate is to become. `rules` null: whatever they are, since it is disabled. */
export interface WantedGate {
  readonly isEnabled: boolean
  readonly rules: readonly GateRule[] | null
}

const KILLED = 'Signalbox: nobody'

function refused(why: string): Fault {
  return new Fault('unsupported', `Statsig cannot hold this: ${why} Nothing was written.`, 'Change the plan, or the gate in Statsig.')
}

/**
 * Disabling a gate disables it in every environment. So in the set of one environment, off is a rule of that environment
 * in front of all others, which nobody passes; in the set of all, the gate is disabled. Faults: `unsupported`, `invalidInput`.
 */
export function wantedGate(change: FlagChange, definition: FlagDefinition, native: NativeGate, set: string): WantedGate {
  if (change.kind === 'restore') {
    const before = nativeOf(change.native)
    if (set === EVERYWHERE) return { isEnabled: before.isEnabled, rules: before.rules }
    if (before.isEnabled !== native.isEnabled) throw refused('the gate was enabled or disabled for all environments meanwhile.')
    // Rules that are not of this set alone stay as they are now.
    return { isEnabled: native.isEnabled, rules: putBack(before, native, set) }
  }
  if ((change.kind === 'kill' || change.kind === 'finish') && change.variant === 'off') {
    if (set === EVERYWHERE) return { isEnabled: false, rules: null }
    const others = native.rules.filter((rule) => !isOwn(rule, set))
    return { isEnabled: native.isEnabled, rules: [nobody(set), ...others] }
  }
  if (change.kind === 'kill') throw refused(`off is all a gate can give everyone at once, not "${change.variant}".`)
  const wanted = changedFlag(change, definition)
  if (!wanted || wanted.targeting.kind === 'handwritten') throw refused('what was written by hand is changed there.')
  if (!native.isEnabled && set !== EVERYWHERE) throw refused('the gate is disabled, in every environment; enabling it is decided there.')
  const shared = native.rules.find((rule) => countsIn(rule, set) && !isOwn(rule, set))
  if (shared) throw refused(`the rule "${shared.name}" counts in other environments too.`)
  const rules = wanted.targeting.rules
  const rest: readonly FlagRule[] = wanted.defaultVariant === 'on' && rules.at(-1)?.audience.kind !== 'everyone' ? [{ audience: { kind: 'everyone' }, serve: { kind: 'variant', variant: 'on' } }] : []
  const made = [...rules, ...rest].flatMap(({ audience, serve }, index) => {
    if (serve.kind === 'split' && (serve.otherwise !== 'off' || serve.variants.some(({ variant }) => variant !== 'on'))) throw refused('a gate knows pass and fail alone.')
    const passPercentage = serve.kind === 'split' ? serve.percent : serve.variant === 'on' ? 100 : 0
    return ruleConditions(audience).map((conditions): GateRule => kept({ name: `Signalbox: rule ${index + 1}`, passPercentage, conditions: [...conditions], environments: set === EVERYWHERE ? null : [set] }, native))
  })
  return { isEnabled: true, rules: [...made, ...native.rules.filter((rule) => !isOwn(rule, set))] }
}

/** Shares are drawn by a rule's id: a rule for the same people stays that rule. */
function kept(rule: GateRule, native: NativeGate): GateRule {
  const same = native.rules.find((one) => one.name !== KILLED && sameJson(json([one.conditions, one.environments]), json([rule.conditions, rule.environments])))
  return same ? { ...same, passPercentage: rule.passPercentage } : rule
}

/** The set's own rules as they were, among those of others as they are now. */
function putBack(before: NativeGate, native: NativeGate, set: string): readonly GateRule[] {
  const others = native.rules.filter((rule) => !isOwn(rule, set))
  const back = before.rules.flatMap((rule) => {
    if (isOwn(rule, set)) return [rule]
    const index = others.findIndex((one) => sameJson(essence(one), essence(rule)))
    return index < 0 ? [] : others.splice(index, 1)
  })
  return [...back, ...others]
}

function nobody(set: string): GateRule {
  return { name: KILLED, passPercentage: 0, conditions: [{ type: 'public' }], environments: [set] }
}

export function isAsWanted(wanted: WantedGate, native: NativeGate): boolean {
  return wanted.isEnabled === native.isEnabled && (wanted.rules === null || sameJson(wanted.rules.map(essence), native.rules.map(essence)))
}

/** Without names and ids, which say nothing of who passes. */
export function essence({ passPercentage, conditions, environments }: GateRule): JsonValue {
  return json({ passPercentage, conditions: conditions.map(({ type, operator, targetValue, field }) => ({ type, operator: operator ?? null, targetValue: targetValue ?? null, field: field ?? null })), environments })
}

export type GateStep = { readonly do: 'disable' | 'enable' } | { readonly do: 'percent'; readonly id: string; readonly percent: number } | { readonly do: 'rules'; readonly rules: readonly GateRule[] }

/** One request where it can be: a share alone is set on its rule, anything else is one list of rules. */
export function stepsTo(wanted: WantedGate, native: NativeGate): readonly GateStep[] {
  const steps: GateStep[] = []
  if (!wanted.isEnabled && native.isEnabled) steps.push({ do: 'disable' })
  if (wanted.rules && !sameJson(wanted.rules.map(essence), native.rules.map(essence))) {
    const different = wanted.rules.flatMap((rule, index) => (sameJson(essence(rule), native.rules[index] ? essence(native.rules[index]) : null) ? [] : [{ rule, before: native.rules[index] }]))
    const [only] = different
    const sameLength = wanted.rules.length === native.rules.length
    if (sameLength && different.length === 1 && only?.before?.id !== undefined && sameJson(essence({ ...only.rule, passPercentage: 0 }), essence({ ...only.before, passPercentage: 0 }))) steps.push({ do: 'percent', id: only.before.id, percent: only.rule.passPercentage })
    else steps.push({ do: 'rules', rules: wanted.rules })
  }
  if (wanted.isEnabled && !native.isEnabled) steps.push({ do: 'enable' })
  return steps
}

export function nativeOf(native: JsonValue): NativeGate {
  const parsed = nativeSchema.safeParse(native)
  if (parsed.success) return parsed.data
  throw new Fault('invalidInput', 'What was kept of the flag is not a gate of Statsig. Nothing was written.', 'Put it back in Statsig by hand.')
}

function json(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue
}
