import type { FlagDefinition, FlagRule, JsonValue, Segment, Serve } from '../../contract/flag-definition.ts'
import { audienceOf, conditionOf } from './constraints.ts'
import { contentOf, type NativeFlag, type Strategy, type UnleashSegment } from './model.ts'

/** What everyone gets whom no strategy lets in: `off` of a flag without variants, Unleash's own `disabled` of one with. */
export function offVariant(hasVariants: boolean): string {
  return hasVariants ? 'disabled' : 'off'
}

/** Types of Unleash that are meant to stay. */
export const PERMANENT_TYPES: readonly string[] = ['kill-switch', 'permission']

/** A flag of Unleash in one environment, as the console knows flags. What it cannot put in rules stays as it is, written by hand. */
export function definitionOf(native: NativeFlag, createdAt: number | null, segmentName: (id: number) => string | null): FlagDefinition {
  const named = [...new Map(native.strategies.flatMap(({ variants }) => variants).map((variant) => [variant.name, variant])).values()]
  const hasVariants = named.length > 0
  const off = offVariant(hasVariants)
  const variants: { name: string; value: JsonValue }[] = hasVariants
    ? [...named.filter(({ name }) => name !== off).map(({ name, payload }) => ({ name, value: payload?.value ?? name })), { name: off, value: off }]
    : [
        { name: 'on', value: true },
        { name: 'off', value: false },
      ]
  return {
    key: native.name,
    type: hasVariants ? 'string' : 'boolean',
    state: 'ENABLED',
    variants,
    ...servedBy(native, off, segmentName),
    metadata: {},
    facts: { owner: null, description: native.description === '' ? null : native.description, safeVariant: off, permanent: PERMANENT_TYPES.includes(native.type), createdAt, changedAt: null, archived: native.archived },
  }
}

/**
 * Unleash lets in whoever any strategy lets in; our rules let the first decide. The two are the same when all draw by
 * the same group and the shares do not grow from one rule to the next.
 */
function servedBy(native: NativeFlag, off: string, segmentName: (id: number) => string | null): Pick<FlagDefinition, 'defaultVariant' | 'targeting'> {
  const active = native.strategies.filter(({ disabled }) => !disabled)
  if (!native.enabled) return { defaultVariant: off, targeting: { kind: 'rules', rules: [] } }
  const handwritten: Pick<FlagDefinition, 'defaultVariant' | 'targeting'> = { defaultVariant: off, targeting: { kind: 'handwritten', logic: { strategies: active.map(contentOf), ...(native.parents.length > 0 ? { parents: native.parents } : {}) } } }
  if (native.parents.length > 0 || native.oldVariants) return handwritten
  // Unleash serves a flag that is on without a strategy to everyone.
  if (active.length === 0) return { defaultVariant: off === 'off' ? 'on' : off, targeting: off === 'off' ? { kind: 'rules', rules: [] } : handwritten.targeting }
  const rules = active.map((strategy) => ruleOf(strategy, off, segmentName))
  if (!rules.every((rule) => rule !== null)) return handwritten
  // Without variants no order is tried: narrow audiences first, as rules have to stand.
  const ordered = off === 'off' ? rules.toSorted((a, b) => Number(a.audience.kind === 'everyone') - Number(b.audience.kind === 'everyone') || percentOf(b.serve) - percentOf(a.serve)) : rules
  const [only] = ordered
  if (only && ordered.length === 1 && only.audience.kind === 'everyone' && only.serve.kind === 'variant') return { defaultVariant: only.serve.variant, targeting: { kind: 'rules', rules: [] } }
  return isAsInUnleash(ordered, active) ? { defaultVariant: off, targeting: { kind: 'rules', rules: ordered } } : handwritten
}

function isAsInUnleash(rules: readonly FlagRule[], active: readonly Strategy[]): boolean {
  const drawn = new Set(active.filter(({ parameters }) => parameters['rollout'] !== '100').map(({ parameters }) => `${parameters['groupId'] ?? ''}\n${parameters['stickiness'] ?? ''}`))
  return drawn.size <= 1 && rules.slice(0, -1).every(({ audience }) => audience.kind !== 'everyone') && rules.every(({ serve }, index) => index === 0 || percentOf(serve) <= percentOf(rules[index - 1]?.serve ?? serve))
}

function ruleOf(strategy: Strategy, off: string, segmentName: (id: number) => string | null): FlagRule | null {
  const audience = audienceOf(strategy, segmentName)
  const percent = strategy.name === 'default' ? 100 : Number(strategy.parameters['rollout'])
  const isKnown = strategy.name === 'default' || (strategy.name === 'flexibleRollout' && /^\d+(\.\d+)?$/.test(strategy.parameters['rollout'] ?? ''))
  if (!audience || !isKnown || percent > 100) return null
  const given = strategy.variants.filter(({ weight }) => weight > 0)
  if ((off === 'off') !== (given.length === 0) || given.some(({ weight, stickiness }) => weight % 10 !== 0 || (percent < 100 && stickiness !== strategy.parameters['stickiness']))) return null
  const variants = given.length === 0 ? [{ variant: 'on', share: 100 }] : given.map(({ name, weight }) => ({ variant: name, share: weight / 10 }))
  if (variants.reduce((sum, { share }) => sum + share, 0) !== 100) return null
  const [only] = variants
  return { audience, serve: percent === 100 && variants.length === 1 && only ? { kind: 'variant', variant: only.variant } : { kind: 'split', percent, variants, otherwise: off } }
}

export function percentOf(serve: Serve): number {
  return serve.kind === 'variant' ? 100 : serve.percent
}

export function segmentOf({ name, constraints }: UnleashSegment): Segment {
  const conditions = constraints.map(conditionOf)
  return conditions.length > 0 && conditions.every((condition) => condition !== null) ? { name, rule: { kind: 'conditions', match: 'all', conditions } } : { name, rule: { kind: 'handwritten', logic: { unleash: JSON.parse(JSON.stringify(constraints)) as JsonValue } } }
}
