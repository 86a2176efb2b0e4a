import { seededRandom } from '../../../bench/measure.ts'

/**
 * Seeded streams of requests, errors and slow answers of two environments, a second at a time.
 *
 * Noise: the intensity of errors and of slow answers is multiplied by a gamma variable with mean 1, constant for a block
 * and then drawn anew; one for both environments (`shared`) or each its own. Counts are Poisson given the intensity.
 */
export interface Noise {
  /** Coefficient of variation of the intensity; 0: independent errors. */
  readonly cv: number
  readonly blockSeconds: number
  readonly shared: boolean
}

/** Of healthy answers: ten times what a log-normal spread of 0.5 would give. */
const VERY_SLOW_SHARE = 6e-4

export const INDEPENDENT: Noise = { cv: 0, blockSeconds: 10, shared: false }

/** The noise models of bar R8. */
export const NOISES: readonly Noise[] = [0.3, 1].flatMap((cv) => [10, 60].flatMap((blockSeconds) => [true, false].map((shared) => ({ cv, blockSeconds, shared }))))

export function describeNoise({ cv, blockSeconds, shared }: Noise): string {
  return cv === 0 ? 'independent' : `CV ${cv}, ${blockSeconds} s, ${shared ? 'shared' : 'unshared'}`
}

export interface Side {
  requests: number
  errors: number
  slow: number
  /** Slower than three times the quantile. */
  verySlow: number
}

export interface StreamOptions {
  readonly seed: number
  readonly candidateRps: number
  readonly baselineRps: number
  readonly noise: Noise
  readonly errorRatio: number
  /** Share of answers slower than the baseline's quantile: 0.05 for p95. */
  readonly slowShare: number
  /** Candidate's ratio and share from this second on; both are of the second's own requests. */
  readonly harmAt: number
  readonly harmErrorRatio: number
}

export interface Stream {
  /** The next second. The same two objects every time. */
  next(): { readonly candidate: Side; readonly baseline: Side }
}

export function createStream(options: StreamOptions): Stream {
  const random = seededRandom(options.seed)
  const { noise } = options
  const shape = noise.cv === 0 ? 0 : 1 / (noise.cv * noise.cv)
  // Blocks begin anywhere: nothing tells a judge where.
  const offset = Math.floor(random() * noise.blockSeconds)
  const candidate: Side = { requests: options.candidateRps, errors: 0, slow: 0, verySlow: 0 }
  const baseline: Side = { requests: options.baselineRps, errors: 0, slow: 0, verySlow: 0 }
  let second = 0
  let mine = 1
  let other = 1
  return {
    next() {
      if (shape > 0 && (second === 0 || (second + offset) % noise.blockSeconds === 0)) {
        mine = gamma(random, shape) / shape
        other = noise.shared ? mine : gamma(random, shape) / shape
      }
      const ratio = second >= options.harmAt ? options.harmErrorRatio : options.errorRatio
      candidate.errors = Math.min(candidate.requests, poisson(random, candidate.requests * ratio * (second >= options.harmAt ? 1 : mine)))
      candidate.slow = Math.min(candidate.requests, poisson(random, candidate.requests * options.slowShare * mine))
      baseline.errors = Math.min(baseline.requests, poisson(random, baseline.requests * options.errorRatio * other))
      baseline.slow = Math.min(baseline.requests, poisson(random, baseline.requests * options.slowShare * other))
      candidate.verySlow = Math.min(candidate.slow, poisson(random, candidate.requests * VERY_SLOW_SHARE * mine))
      baseline.verySlow = Math.min(baseline.slow, poisson(random, baseline.requests * VERY_SLOW_SHARE * other))
      second += 1
      return { candidate, baseline }
    },
  }
}

export function poisson(random: () => number, mean: number): number {
  if (mean <= 0) return 0
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)))
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > limit; product *= random()) count += 1
  return count
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Marsaglia and Tsang 2000, for shapes of 1 and more. */
export function gamma(random: () => number, shape: number): number {
  if (shape === 1) return -Math.log(1 - random())
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(random)
    const v = (1 + c * x) ** 3
    if (v <= 0) continue
    if (Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}
