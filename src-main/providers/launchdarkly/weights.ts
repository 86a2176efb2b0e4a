import type { SplitServe } from '../../contract/flag-definition.ts'

/** Thousandths of a percent. */
export const WHOLE = 100_000

/**
 * Weights by variation that sum to 100000. What rounding leaves over goes to those it took most from (the method of the
 * largest remainder), and what is not given to the rest.
 */
export function weightsOf(split: SplitServe, indexOf: (variant: string) => number): readonly { readonly variation: number; readonly weight: number }[] {
  const given = Math.round((split.percent / 100) * WHOLE)
  const exact = split.variants.map(({ variant, share }) => ({ variation: indexOf(variant), exact: (given * share) / 100 }))
  const floors = exact.map((one) => ({ ...one, weight: Math.floor(one.exact) }))
  let left = given - floors.reduce((sum, { weight }) => sum + weight, 0)
  const byRemainder = floors.toSorted((a, b) => b.exact - b.weight - (a.exact - a.weight) || a.variation - b.variation)
  const weights = new Map(byRemainder.map(({ variation, weight }) => [variation, weight + (left-- > 0 ? 1 : 0)]))
  const rest = indexOf(split.otherwise)
  weights.set(rest, (weights.get(rest) ?? 0) + WHOLE - given)
  return [...weights].map(([variation, weight]) => ({ variation, weight })).toSorted((a, b) => a.variation - b.variation)
}

/**
 * Variations get the range of 0 to 100000 one after another, in their order, and a user has a fixed place in it. So one
 * growing from either end keeps who it has; two of them only with the rest between them.
 */
export function keepsWhoHadIt(split: Pick<SplitServe, 'variants' | 'otherwise'>, indexOf: (variant: string) => number): boolean {
  const rest = indexOf(split.otherwise)
  const places = split.variants.map(({ variant }) => indexOf(variant))
  return places.filter((place) => place < rest).length <= 1 && places.filter((place) => place > rest).length <= 1
}

/** Null: no split of ours has these weights. */
export function splitOf(weights: readonly { readonly variation: number; readonly weight: number }[], nameOf: (variation: number) => string | null, rest: string): SplitServe | null {
  const named = weights.filter(({ weight }) => weight > 0).map(({ variation, weight }) => ({ variant: nameOf(variation), weight }))
  const given = named.filter(({ variant }) => variant !== rest)
  const total = given.reduce((sum, { weight }) => sum + weight, 0)
  const variants = given.map(({ variant, weight }) => ({ variant: variant ?? '', share: Math.round((100 * weight) / total) }))
  const percent = Math.round((total / WHOLE) * 10_000) / 100
  if (total === 0 || named.reduce((sum, { weight }) => sum + weight, 0) !== WHOLE || named.some(({ variant }) => variant === null) || variants.some(({ share }) => share < 1)) return null
  return variants.reduce((sum, { share }) => sum + share, 0) === 100 ? { kind: 'split', percent, variants, otherwise: rest } : null
}
