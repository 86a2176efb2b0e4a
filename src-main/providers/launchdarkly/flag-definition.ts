import type { FlagDefinition, FlagRule, FlagType, JsonValue, Serve } from '../../contract/flag-definition.ts'
import { audienceOf } from './clauses.ts'
import type { NativeFlag, NativeServe } from './model.ts'
import { splitOf } from './weights.ts'

/** Variations by the names they have there, or else by their value, or their number. */
export function variantNames({ variations }: Pick<NativeFlag, 'variations'>): readonly string[] {
  const wished = variations.map(({ name, value }) => (name !== undefined && name !== '' ? name : typeof value === 'object' ? '' : String(value)))
  return wished.map((name, index) => (name !== '' && name.length <= 200 && wished.indexOf(name) === wished.lastIndexOf(name) ? name : `variation ${index}`))
}

/** A flag of LaunchDarkly in one environment, as the console knows flags. */
export function definitionOf(native: NativeFlag, contextKind: string): FlagDefinition {
  const names = variantNames(native)
  const nameOf = (index: number): string | null => names[index] ?? null
  const off = native.place.offVariation === null ? null : nameOf(native.place.offVariation)
  return {
    key: native.key,
    type: typeOf(native.variations[0]?.value),
    state: 'ENABLED',
    variants: native.variations.map(({ value }, index) => ({ name: names[index] ?? '', value })),
    ...servedBy(native, nameOf, off, contextKind),
    metadata: {},
    facts: { owner: native._maintainer?.email ?? null, description: native.description === '' ? null : native.description, safeVariant: off, permanent: !native.temporary, createdAt: native.creationDate, changedAt: native.place.lastModified, archived: native.archived },
  }
}

function servedBy({ place }: NativeFlag, nameOf: (index: number) => string | null, off: string | null, contextKind: string): Pick<FlagDefinition, 'defaultVariant' | 'targeting'> {
  // Without an off variation callers get the default in their own code.
  if (!place.on) return { defaultVariant: off, targeting: { kind: 'rules', rules: [] } }
  const { rules, fallthrough, targets, contextTargets, prerequisites } = place
  const handwritten: Pick<FlagDefinition, 'defaultVariant' | 'targeting'> = { defaultVariant: off, targeting: { kind: 'handwritten', logic: JSON.parse(JSON.stringify({ rules, fallthrough, targets, contextTargets, prerequisites })) as { readonly [key: string]: JsonValue } } }
  if ([...targets, ...contextTargets].some(({ values }) => values.length > 0) || prerequisites.length > 0) return handwritten
  const read = rules.map(({ clauses, ...serve }): FlagRule | null => {
    const audience = audienceOf(clauses, contextKind)
    const what = serveOf(serve, nameOf, off)
    return audience && what && { audience, serve: what }
  })
  const rest = serveOf(fallthrough, nameOf, off)
  if (!rest || !read.every((rule) => rule !== null)) return handwritten
  return rest.kind === 'variant' ? { defaultVariant: rest.variant, targeting: { kind: 'rules', rules: read } } : { defaultVariant: off, targeting: { kind: 'rules', rules: [...read, { audience: { kind: 'everyone' }, serve: rest }] } }
}

function serveOf({ variation, rollout }: NativeServe, nameOf: (index: number) => string | null, off: string | null): Serve | null {
  if (variation !== undefined) {
    const variant = nameOf(variation)
    return variant === null ? null : { kind: 'variant', variant }
  }
  // Drawn anew by a seed of its own, or by something else than the key: not as the console's shares are.
  if (!rollout || off === null || rollout.seed !== undefined || rollout.experimentAllocation !== undefined || (rollout.bucketBy ?? 'key') !== 'key') return null
  const [only] = rollout.variations.filter(({ weight }) => weight > 0)
  if (only?.weight === 100_000) return serveOf({ variation: only.variation }, nameOf, off)
  return splitOf(rollout.variations, nameOf, off)
}

function typeOf(value: JsonValue | undefined): FlagType {
  return typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string' ? (typeof value as FlagType) : 'object'
}
