import { lnGamma, lnNegativeBinomial, poissonTenthPercentile } from './special-functions.ts'

/**
 * The sequential test behind the judges of errors and of latency: how much evidence there is that events (errors, or
 * slow answers) became more frequent on the candidate than the other environment explains.
 *
 * Null hypothesis: both environments have the same ratio p, and its intensity varies like a gamma variable (mean 1,
 * variance v) that holds for a block of 10 s or 60 s, either common to both environments or each its own. So counts are
 * negative binomial. Which v, block and p it is, nobody knows: each combination is a `model`, weighted by how well it
 * explains the other environment's record. Alternative: counts are Poisson at a ratio grown by the harm or more
 * (mixture over four sizes). Each model has its own likelihood ratio, an e-process (Ville 1939; Robbins 1970; Ramdas et
 * al., "Game-theoretic statistics and safe anytime-valid inference", 2023): under that model it exceeds 1/a at any time,
 * however often one looks, with probability a at most. So that a late change is found as fast as an early one, a new one
 * starts with every 10 s and their sum, weighted by masses that spend the false alarms evenly over time, is what counts:
 * an e-detector (Shin, Ramdas, Rinaldo, "E-detectors", 2022; its sum is Shiryaev-Roberts'). The models are joined by
 * their weighted harmonic mean, which is a valid e-value whenever one model's is, up to that model's weight.
 */

/** Length of a bin: one start of a test, and the shorter block of noise. */
export const BIN_MS = 10_000
/** The longer block, in bins. */
const LONG_BINS = 6
/** Variances of the noise: next to none, moderate, and errors that come in bursts (coefficient of variation over 1). */
const VARIANCES = [0.03, 0.3, 1.2] as const
/** How far above its estimate the baseline's ratio may be: mostly not, with 1/6 weight at √3 standard deviations (three-point Gauss-Hermite). */
const RATIO_LEVELS = [
  { deviations: 0, weight: 5 / 6 },
  { deviations: Math.sqrt(3), weight: 1 / 6 },
] as const
/** Sizes of harm looked for, in multiples of the declared one. */
export const HARM_SIZES = [1, 3, 10, 30] as const
const SIZES = HARM_SIZES.length
/** Share of the budget spent at once where a version is likeliest to turn out bad: its first traffic. */
export const FIRST_MASS = 0.5
/** The same for each growth of its weight. */
export const STEP_MASS = 0.25
/** And per 10 s afterwards: half a budget per hour. */
const BIN_MASS = 0.5 / 360
/** Keeps sums finite. */
const CEILING = 1e200

/** Counts of one bin, both sides. `events`: errors, or slow answers. */
export interface BinCounts {
  readonly requests: number
  readonly events: number
  readonly baselineRequests: number
  readonly baselineEvents: number
}

export interface EvidenceOptions {
  /** Ratios of the alternatives at a baseline ratio, one per HARM_SIZES. */
  readonly alternatives: (baselineRatio: number) => readonly number[]
  /** The other environment's record before the first bin, 10 s each, oldest first. */
  readonly history: readonly { readonly requests: number; readonly events: number }[]
  /** Standard deviation of ln ratio between then and now where the baseline is a recording: time of day, load. */
  readonly drift: number
}

interface Model {
  readonly long: boolean
  readonly shape: number
  readonly variance: number
  readonly shared: boolean
  readonly deviations: number
  readonly prior: number
}

const MODELS: readonly Model[] = [false, true].flatMap((long) =>
  VARIANCES.flatMap((variance) =>
    [false, true].flatMap((shared) => RATIO_LEVELS.map(({ deviations, weight }) => ({ long, shape: 1 / variance, variance, shared, deviations, prior: (weight * 0.5) / (2 * VARIANCES.length) }))),
  ),
)

export interface Evidence {
  /** Adds a whole bin. */
  add(counts: BinCounts, mass: number): void
  /** The e-value with the bin that is still running on top. Does not change anything. */
  valueWith(running: BinCounts, mass: number): number
  /**
   * The e-value that 90 % of bad versions exceed, had the candidate's ratio been grown by the declared harm over so many
   * requests in so many bins. Errors are taken as independent; where they come in bursts it is an approximation.
   */
  tenthPercentile(requests: number, baselineRequests: number, bins: number, mass: number): number
  /** Estimated ratio of the baseline. */
  baselineRatio(): number
}

/** Mass of the start at a bin. */
export function massOf(isFirst: boolean, isStep: boolean): number {
  return isFirst ? FIRST_MASS : isStep ? STEP_MASS : BIN_MASS
}

export function createEvidence({ alternatives, history, drift }: EvidenceOptions): Evidence {
  const sums = new Float64Array(MODELS.length * SIZES * LONG_BINS)
  const running = new Float64Array(SIZES)
  let baselineRequests = 0
  let baselineEvents = 0
  for (const bin of history) {
    baselineRequests += bin.requests
    baselineEvents += bin.events
  }
  const historyRatio = (baselineEvents + 0.5) / (baselineRequests + 1)
  const noise = VARIANCES.map((variance) => ({ shape: 1 / variance, short: 0, long: 0 }))
  let blocks = 0
  let block = { requests: 0, events: 0, bins: 0 }
  /** The last bins and their masses, newest last, for blocks that are longer than a bin. */
  const recent: { counts: BinCounts; mass: number }[] = []
  let bins = 0
  for (const bin of history) learn(bin.requests, bin.events, historyRatio)

  /** How well each variance explains the other environment's own record. */
  function learn(requests: number, events: number, ratio: number): void {
    if (requests === 0) return
    blocks += 1
    block = { requests: block.requests + requests, events: block.events + events, bins: block.bins + 1 }
    for (const each of noise) each.short += lnNegativeBinomial(events, requests * ratio, each.shape)
    if (block.bins < LONG_BINS) return
    for (const each of noise) each.long += lnNegativeBinomial(block.events, block.requests * ratio, each.shape)
    block = { requests: 0, events: 0, bins: 0 }
  }

  const ratioNow = (extraRequests: number, extraEvents: number) => Math.min(0.98, (baselineEvents + extraEvents + 0.5) / (baselineRequests + extraRequests + 1))

  /** Standard deviation of ln p for a model: counting, bursts, and drift since it was recorded. */
  function deviation(model: Model, events: number): number {
    const count = Math.max(1, blocks) / (model.long ? LONG_BINS : 1)
    return Math.sqrt(1 / (events + 0.5) + model.variance / Math.max(1, count) + drift * drift)
  }

  /** Likelihood ratios of one block, per size of harm, into `running`. */
  function ratiosOf(model: Model, counts: BinCounts, p: number, alternativeRatios: readonly number[], events: number): void {
    const nullRatio = model.deviations === 0 ? p : Math.min(0.99, p * Math.exp(model.deviations * deviation(model, events)))
    let mean = counts.requests * nullRatio
    let { shape } = model
    if (model.shared) {
      // What the same block did to the other environment tells how intense it is (gamma posterior).
      const baselineMean = counts.baselineRequests * nullRatio
      mean *= (shape + counts.baselineEvents) / (shape + baselineMean)
      shape += counts.baselineEvents
    }
    const none = lnNegativeBinomial(counts.events, mean, shape)
    for (let size = 0; size < SIZES; size += 1) {
      const alternative = counts.requests * (alternativeRatios[size] ?? 1)
      const some = counts.events === 0 ? -alternative : counts.events * Math.log(alternative) - alternative - lnGamma(counts.events + 1)
      running[size] = Math.exp(Math.min(400, some - none))
    }
  }

  function joined(from: number, to: { readonly counts: BinCounts; readonly mass: number } | null): BinCounts {
    const total = { requests: to?.counts.requests ?? 0, events: to?.counts.events ?? 0, baselineRequests: to?.counts.baselineRequests ?? 0, baselineEvents: to?.counts.baselineEvents ?? 0 }
    for (let i = from; i < recent.length; i += 1) {
      const counts = recent[i]?.counts
      if (!counts) continue
      total.requests += counts.requests
      total.events += counts.events
      total.baselineRequests += counts.baselineRequests
      total.baselineEvents += counts.baselineEvents
    }
    return total
  }

  function weights(): Float64Array {
    const lns = MODELS.map((model) => {
      const fit = noise[VARIANCES.findIndex((variance) => variance === model.variance)]
      return Math.log(model.prior) + (model.long ? (fit?.long ?? 0) : (fit?.short ?? 0))
    })
    // Blocks of 10 s and of 60 s see the same record at different grain, so their likelihoods do not compare; each grain keeps half.
    const shares = new Float64Array(MODELS.length)
    for (const long of [false, true]) {
      const highest = Math.max(...lns.filter((_, i) => MODELS[i]?.long === long))
      let total = 0
      for (const [i, ln] of lns.entries()) if (MODELS[i]?.long === long) total += Math.exp(ln - highest)
      for (const [i, ln] of lns.entries()) if (MODELS[i]?.long === long) shares[i] = (0.5 * Math.exp(ln - highest)) / total
    }
    return shares
  }

  /** A model's sum of e-processes with the running bin. */
  function sumWith(index: number, model: Model, last: { readonly counts: BinCounts; readonly mass: number }, p: number, alternativeRatios: readonly number[], events: number): number {
    let total = 0
    const base = index * SIZES * LONG_BINS
    if (!model.long) {
      ratiosOf(model, last.counts, p, alternativeRatios, events)
      for (let size = 0; size < SIZES; size += 1) total += ((sums[base + size * LONG_BINS] ?? 0) + last.mass / SIZES) * (running[size] ?? 0)
      return total
    }
    for (let back = 0; back < LONG_BINS; back += 1) {
      const start = bins - back
      if (start < 0) break
      const begun = back === 0 ? last : recent[recent.length - back]
      if (!begun) break
      ratiosOf(model, joined(recent.length - back, last), p, alternativeRatios, events)
      for (let size = 0; size < SIZES; size += 1) total += ((sums[base + size * LONG_BINS + (start % LONG_BINS)] ?? 0) + begun.mass / SIZES) * (running[size] ?? 0)
    }
    return total
  }

  function harmonic(value: (index: number, model: Model) => number): number {
    const shares = weights()
    let inverse = 0
    for (const [index, model] of MODELS.entries()) inverse += (shares[index] ?? 0) / Math.max(1e-300, value(index, model))
    return Math.min(CEILING, 1 / inverse)
  }

  return {
    add(counts, mass) {
      const p = ratioNow(counts.baselineRequests, counts.baselineEvents)
      const events = baselineEvents + counts.baselineEvents
      const alternativeRatios = alternatives(p)
      recent.push({ counts, mass })
      if (recent.length > LONG_BINS) recent.shift()
      for (const [index, model] of MODELS.entries()) {
        const base = index * SIZES * LONG_BINS
        const phase = model.long ? (bins + 1) % LONG_BINS : 0
        if (model.long && bins + 1 < LONG_BINS) continue
        const begun = model.long ? (recent[0]?.mass ?? mass) : mass
        ratiosOf(model, model.long ? joined(0, null) : counts, p, alternativeRatios, events)
        for (let size = 0; size < SIZES; size += 1) {
          const at = base + size * LONG_BINS + phase
          sums[at] = Math.min(CEILING, ((sums[at] ?? 0) + begun / SIZES) * (running[size] ?? 0))
        }
      }
      bins += 1
      learn(counts.baselineRequests, counts.baselineEvents, p)
      baselineRequests += counts.baselineRequests
      baselineEvents += counts.baselineEvents
    },
    valueWith(counts, mass) {
      const p = ratioNow(counts.baselineRequests, counts.baselineEvents)
      const alternativeRatios = alternatives(p)
      const last = { counts, mass }
      return harmonic((index, model) => sumWith(index, model, last, p, alternativeRatios, baselineEvents + counts.baselineEvents))
    },
    tenthPercentile(requests, baselineRequests, length, mass) {
      const p = ratioNow(0, 0)
      const ratio = alternatives(p)[0] ?? 1
      const events = poissonTenthPercentile(requests * ratio)
      return harmonic((_, model) => {
        const count = Math.max(1, length / (model.long ? LONG_BINS : 1))
        const each = { requests: requests / count, events: events / count, baselineRequests: baselineRequests / count, baselineEvents: (baselineRequests * p) / count }
        ratiosOf(model, each, p, [ratio], baselineEvents)
        // The logarithm, since a sum of many blocks leaves the range of numbers.
        return (mass / SIZES) * Math.exp(Math.min(400, count * Math.log(Math.max(1e-300, running[0] ?? 0))))
      })
    },
    baselineRatio: () => ratioNow(0, 0),
  }
}
