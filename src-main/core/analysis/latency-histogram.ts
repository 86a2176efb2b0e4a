/**
 * Log-linear histogram of latencies, after HdrHistogram (Tene): each power of two of microseconds is cut into 32
 * buckets, so a percentile is off by at most 1.6 %. Covers 1 µs to 2^32 µs (over an hour).
 */
const SUB_BITS = 5
const SUB = 1 << SUB_BITS
export const BUCKETS = (32 - SUB_BITS + 1) * SUB

export function bucketOf(milliseconds: number): number {
  const us = Math.min(0xffff_ffff, Math.max(0, Math.round(milliseconds * 1000)))
  if (us < SUB) return us
  const shift = 31 - Math.clz32(us) - SUB_BITS
  return (shift + 1) * SUB + (us >>> shift) - SUB
}

/** Middle of a bucket, milliseconds. */
export function bucketMiddleMs(bucket: number): number {
  if (bucket < SUB) return bucket / 1000
  const shift = Math.floor(bucket / SUB) - 1
  return ((bucket % SUB) + SUB + 0.5) * 2 ** shift / 1000
}

/** The value below which `share` (0 to 1) of the counts lie; null without counts. */
export function percentileMs(counts: ReadonlyMap<number, number>, share: number): number | null {
  let total = 0
  for (const count of counts.values()) total += count
  if (total === 0) return null
  const rank = Math.max(1, Math.ceil(total * share))
  let seen = 0
  for (const bucket of [...counts.keys()].toSorted((a, b) => a - b)) {
    seen += counts.get(bucket) ?? 0
    if (seen >= rank) return Math.round(bucketMiddleMs(bucket) * 1000) / 1000
  }
  return null
}
