import type { JsonValue, SplitServe } from '../../contract/flag-definition.ts'
import { isJsonArray, listOperation, sameJson } from './json.ts'

const SCALES = [1, 100, 10_000] as const

/**
 * A split as flagd's `fractional`.
 *
 * flagd hashes flag key and targeting key (MurmurHash3, 32 bits) and serves the first bucket whose running sum of weights
 * lies above hash / 2^32 of the total. So a bucket at the front only ever gains people when its weight grows, but every
 * bucket behind it is shifted. Each variant therefore has a range of its own, of fixed size (its share), and grows from
 * the front of that range, the rest of which gets `otherwise`: A 50, B 50 at 20 % is A 10, off 40, B 10, off 40.
 * What counts is the ratio of running sum to total, so the scale of the weights may change without moving anyone.
 */
export function buildSplit(split: SplitServe): JsonValue {
  const scale = SCALES.find((factor) => split.variants.every(({ share }) => isWhole((split.percent * share * factor) / 100) && isWhole(share * factor))) ?? 10_000
  const buckets: JsonValue[] = []
  for (const { variant, share } of split.variants) {
    const given = Math.round((split.percent * share * scale) / 100)
    const rest = share * scale - given
    // An empty bucket says nothing, and flagd of old refused a weight of 0.
    if (given > 0) buckets.push([variant, given])
    if (rest > 0) buckets.push([split.otherwise, rest])
  }
  return { fractional: buckets }
}

/** Reads what `buildSplit` writes. `otherwise` is where a range ends; null for anything else. */
export function readSplit(logic: JsonValue): SplitServe | null {
  const found = listOperation(logic)
  if (found?.[0] !== 'fractional') return null
  const buckets: { variant: string; weight: number }[] = []
  for (const bucket of found[1]) {
    if (!isJsonArray(bucket) || typeof bucket[0] !== 'string' || typeof bucket[1] !== 'number') return null
    buckets.push({ variant: bucket[0], weight: bucket[1] })
  }
  const total = buckets.reduce((sum, { weight }) => sum + weight, 0)
  const scale = total / 100
  for (const candidate of candidates(buckets, scale)) if (sameJson(buildSplit(candidate), logic)) return candidate
  return null
}

interface Bucket {
  readonly variant: string
  readonly weight: number
}

/** The readings a list of buckets may have: pairs of (variant, otherwise), or all given (100 %). */
function* candidates(buckets: readonly Bucket[], scale: number): Generator<SplitServe> {
  const [first, second] = buckets
  if (!first || !isWhole(scale)) return
  if (buckets.length % 2 === 0 && second) {
    const variants: { variant: string; share: number }[] = []
    let paired = true
    for (let index = 0; index + 1 < buckets.length; index += 2) {
      const given = buckets[index]
      const rest = buckets[index + 1]
      if (!given || !rest || rest.variant !== second.variant) paired = false
      else variants.push({ variant: given.variant, share: (given.weight + rest.weight) / scale })
    }
    const percent = Math.round((first.weight / (first.weight + second.weight)) * 10_000) / 100
    if (paired && variants.every(({ share }) => isWhole(share) && share > 0)) yield { kind: 'split', percent, variants, otherwise: second.variant }
  }
  const shares = buckets.map(({ variant, weight }) => ({ variant, share: weight / scale }))
  // At 100 % nobody gets the rest; the last variant stands for it, which changes nothing.
  const last = shares.at(-1)
  if (last && shares.every(({ share }) => isWhole(share) && share > 0)) yield { kind: 'split', percent: 100, variants: shares, otherwise: last.variant }
}

function isWhole(value: number): boolean {
  return Math.abs(value - Math.round(value)) < 1e-6
}
