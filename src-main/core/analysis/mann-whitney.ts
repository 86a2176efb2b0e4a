import { normalBelow, normalQuantile } from './special-functions.ts'

/**
 * Mann-Whitney U (Mann and Whitney 1947; Wilcoxon 1945) of two samples, with the Hodges-Lehmann estimate of their shift
 * (1963) and its confidence interval (Bauer 1972), as R's wilcox.test computes them: exact for fewer than 50 values a
 * side without ties, by normal approximation otherwise.
 */
export interface MannWhitney {
  /** Pairs in which `first` is greater; half for equal ones. */
  readonly u: number
  readonly pValue: number
  /** Median of all differences first - second. */
  readonly estimate: number
  readonly low: number
  readonly high: number
}

const EXACT_BELOW = 50
/** Differences are listed up to so many; beyond it they are found by bisection. */
const LISTED = 250_000

export function mannWhitney(first: readonly number[], second: readonly number[], confidence: number): MannWhitney {
  const x = first.toSorted((a, b) => a - b)
  const y = second.toSorted((a, b) => a - b)
  const pairs = x.length * y.length
  if (pairs === 0) throw new RangeError('both samples need a value')
  const ties = tieSizes(x, y)
  const u = pairsAbove(x, y, 0) + pairsEqual(x, y) / 2
  const exact = x.length < EXACT_BELOW && y.length < EXACT_BELOW && ties.every((size) => size === 1)
  const alpha = 1 - confidence
  let pValue: number
  let rank: number
  if (exact) {
    const below = exactDistribution(x.length, y.length)
    const tail = u > pairs / 2 ? 1 - (below[Math.ceil(u) - 1] ?? 0) : (below[Math.floor(u)] ?? 1)
    pValue = Math.min(1, 2 * tail)
    rank = below.findIndex((probability) => probability >= alpha / 2)
    if (rank < 1) rank = 1
  } else {
    const n = x.length + y.length
    const correction = ties.reduce((sum, size) => sum + size ** 3 - size, 0) / (n * (n - 1))
    const deviation = Math.sqrt((pairs / 12) * (n + 1 - correction))
    const z = u - pairs / 2
    pValue = deviation === 0 ? 1 : Math.min(1, 2 * normalBelow(-Math.max(0, Math.abs(z) - 0.5) / deviation))
    rank = Math.max(1, Math.floor(pairs / 2 + normalQuantile(alpha / 2) * deviation))
  }
  const nth = orderedDifferences(x, y)
  const middle = pairs % 2 === 1 ? nth((pairs + 1) / 2) : (nth(pairs / 2) + nth(pairs / 2 + 1)) / 2
  return { u, pValue, estimate: middle, low: nth(rank), high: nth(pairs - rank + 1) }
}

/** Number of pairs with x - y > shift; both sorted. */
function pairsAbove(x: readonly number[], y: readonly number[], shift: number): number {
  let count = 0
  let j = 0
  for (const value of x) {
    while (j < y.length && value - (y[j] ?? 0) > shift) j += 1
    count += j
  }
  return count
}

function pairsEqual(x: readonly number[], y: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const value of y) counts.set(value, (counts.get(value) ?? 0) + 1)
  return x.reduce((sum, value) => sum + (counts.get(value) ?? 0), 0)
}

function tieSizes(x: readonly number[], y: readonly number[]): number[] {
  const counts = new Map<number, number>()
  for (const value of [...x, ...y]) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts.values()]
}

/** P(U <= u) for u = 0, 1, ... under the null hypothesis, by the recurrence of Mann and Whitney. */
function exactDistribution(n: number, m: number): number[] {
  // Ways to reach each u: the Gaussian binomial coefficient, multiplied up factor by factor.
  const size = n * m + 1
  const ways = new Float64Array(size)
  ways[0] = 1
  for (let i = 1; i <= n; i += 1) {
    for (let u = size - 1; u >= m + i; u -= 1) ways[u] = (ways[u] ?? 0) - (ways[u - m - i] ?? 0)
    for (let u = i; u < size; u += 1) ways[u] = (ways[u] ?? 0) + (ways[u - i] ?? 0)
  }
  const total = ways.reduce((sum, way) => sum + way, 0)
  let sum = 0
  return Array.from(ways, (way) => (sum += way) / total)
}

/** k-th smallest of all differences x - y, k from 1. */
function orderedDifferences(x: readonly number[], y: readonly number[]): (k: number) => number {
  if (x.length * y.length <= LISTED) {
    const all = new Float64Array(x.length * y.length)
    let at = 0
    for (const a of x) for (const b of y) all[at++] = a - b
    all.sort()
    return (k) => all[Math.min(all.length, Math.max(1, Math.round(k))) - 1] ?? Number.NaN
  }
  const total = x.length * y.length
  return (k) => {
    let low = (x[0] ?? 0) - (y.at(-1) ?? 0)
    let high = (x.at(-1) ?? 0) - (y[0] ?? 0)
    // Smallest value with at least k differences at or below it, to twelve digits.
    for (let i = 0; i < 60 && high - low > 1e-12 * Math.max(1, Math.abs(high), Math.abs(low)); i += 1) {
      const middle = (low + high) / 2
      if (total - pairsAbove(x, y, middle) >= k) high = middle
      else low = middle
    }
    return Math.abs(high) < 1e-12 ? 0 : high
  }
}

export type Classified = 'high' | 'low' | 'same'

/**
 * Kayenta's rule (NetflixACAJudge and MannWhitneyClassifier in Spinnaker's repository): high when the whole confidence
 * interval lies above `tolerance` times the estimate's size, low when below; its defaults are a confidence of 0.98 and a
 * tolerance of 0.25. Two identical samples are the same.
 */
export function classify(test: MannWhitney, tolerance: number, direction: 'above' | 'below' | 'either'): Classified {
  const bound = tolerance * Math.abs(test.estimate)
  if (direction !== 'below' && test.low > bound) return 'high'
  return direction !== 'above' && test.high < -bound ? 'low' : 'same'
}
