import { poissonTenthPercentile, risingTable } from './special-functions.ts'

/**
 * The sequential test behind the judges of errors and of latency: how much evidence there is that events (errors, or
 * slow answers) became more frequent on the candidate than the other environment explains.
 *
 * Null hypothesis: both environments have the same ratio p, and its intensity varies like a gamma variable (mean 1,
 * variance v) that holds for a block of 10 s or 60 s, either common to both environments or each its own. So counts are
 * negative binomial. Which v, block and p it is, nobody knows: each combination is a `model`, weighted by how well it
 * explains the other environment's record. Alternative: negative binomial too (little variance), at a ratio grown by the
 * harm or more (mixture over four sizes). Each model has its own likelihood ratio, an e-process (Ville 1939; Robbins 1970; Ramdas et
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
/** Variances of the noise: from next to none to errors that come in bursts (coefficient of variation 1.4). */
const VARIANCES = [0.02, 0.07, 0.25, 0.8, 2] as const
/** How far above its estimate the baseline's ratio may be: mostly not, with 1/6 weight at √3 standard deviations (three-point Gauss-Hermite). */
const RATIO_LEVELS = [
  { deviations: 0, weight: 5 / 6 },
  { deviations: Math.sqrt(3), weight: 1 / 6 },
] as const
/** Nats by which a variance may explain the record worse before it counts less: with few events, and with many. */
const SLACK = { few: 3, many: 4 } as const
/** What the next larger variance counts less than the best, where chance decides. */
const STEP_NATS = 12
/** So many events in a block of 60 s are halfway from few to many. */
const HALFWAY = 50
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

const SHAPES = VARIANCES.map((variance) => 1 / variance)
/**
 * An alternative has the noise of the model it is held against (else a candidate that is merely steady would count as
 * harmed), but at least this shape's: that covers the sizes of harm between those above.
 */
const HARM_SHAPE = 10
const LN_HARM_SHAPE = Math.log(HARM_SHAPE)
const LN_SHAPES = SHAPES.map((shape) => Math.log(shape))
const RISING = SHAPES.map((shape) => risingTable(shape))
const HARM_RISING = risingTable(HARM_SHAPE)
/** Models per grain: variance, then own or shared noise, then level of the baseline's ratio. */
const PER_GRAIN = VARIANCES.length * 2 * RATIO_LEVELS.length
const PRIORS = VARIANCES.flatMap(() => [0.5, 0.5].flatMap((own) => RATIO_LEVELS.map(({ weight }) => own * weight)))

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
  /** Sums of e-processes: grain of 10 s [model][size], then grain of 60 s [phase][model][size]. */
  const sums = new Float64Array(PER_GRAIN * SIZES * (1 + LONG_BINS))
  /** Likelihood ratios of the block last weighed: [model][size]. */
  const factors = new Float64Array(PER_GRAIN * SIZES)
  const lnHarm = new Float64Array(SIZES)
  let baselineRequests = 0
  let baselineEvents = 0
  for (const bin of history) {
    baselineRequests += bin.requests
    baselineEvents += bin.events
  }
  const historyRatio = ratioNow(0, 0)
  /** How well each variance explains the other environment's own record: ln likelihoods; of 60 s per phase of the blocks. */
  const fits = Array.from({ length: 1 + LONG_BINS }, () => VARIANCES.map(() => 0))
  let learned = 0
  const recentBaseline: { readonly requests: number; readonly events: number }[] = []
  /** The last bins and their masses, newest last, for blocks that are longer than a bin. */
  const recent: { readonly counts: BinCounts; readonly mass: number }[] = []
  let bins = 0
  for (const bin of history) learn(bin.requests, bin.events, historyRatio)

  function learn(requests: number, events: number, ratio: number): void {
    if (requests === 0) return
    learned += 1
    recentBaseline.push({ requests, events })
    fitBlock(fits[0], requests * ratio, events)
    if (recentBaseline.length < LONG_BINS) return
    let blockRequests = 0
    let blockEvents = 0
    for (const bin of recentBaseline) {
      blockRequests += bin.requests
      blockEvents += bin.events
    }
    fitBlock(fits[1 + (learned % LONG_BINS)], blockRequests * ratio, blockEvents)
    recentBaseline.shift()
  }

  function fitBlock(fit: number[] | undefined, mean: number, events: number): void {
    if (!fit) return
    for (let v = 0; v < VARIANCES.length; v += 1) fit[v] = (fit[v] ?? 0) + lnShaped(riseOf(v, 0, events), events, Math.log(mean), mean, SHAPES[v] ?? 1, LN_SHAPES[v] ?? 0)
  }

  /** Blocks of noise begin where they like: the phase that shows most of it tells. */
  function longFit(): readonly number[] {
    const spread = (fit: readonly number[]) => (fit[VARIANCES.length - 1] ?? 0) - (fit[0] ?? 0)
    return fits.slice(1).reduce((most, fit) => (spread(fit) > spread(most) ? fit : most))
  }

  function ratioNow(extraRequests: number, extraEvents: number): number {
    return Math.min(0.98, (baselineEvents + extraEvents + 0.5) / (baselineRequests + extraRequests + 1))
  }

  /**
   * 0 to 1: how far bursts rather than chance decide what is seen. With few events each is news; with many, counting is
   * exact and everything hangs on how intense a block happens to be, of which a record of ten minutes holds ten.
   */
  function caution(): number {
    const perBlock = (baselineEvents * LONG_BINS) / Math.max(1, learned)
    return perBlock / (perBlock + HALFWAY)
  }

  /**
   * Likelihood ratios of a block, of every size of harm over every model. What depends on neither (arrangement within
   * the block, factorial of the count) cancels and is left out.
   */
  function weigh(counts: BinCounts, isLong: boolean, p: number, harmRatios: readonly number[]): void {
    const { requests, events, baselineRequests: others, baselineEvents: other } = counts
    if (requests === 0) {
      factors.fill(1)
      return
    }
    const lnRequests = Math.log(requests)
    const lnP = Math.log(p)
    for (let size = 0; size < SIZES; size += 1) lnHarm[size] = Math.log(harmRatios[size] ?? 1)
    const floor = caution()
    const known = baselineEvents + other + 0.5
    const seen = Math.max(1, learned / (isLong ? LONG_BINS : 1))
    let at = 0
    for (let v = 0; v < VARIANCES.length; v += 1) {
      const own = SHAPES[v] ?? 1
      const deviation = Math.sqrt(1 / known + Math.max(VARIANCES[v] ?? 1, floor) / seen + drift * drift)
      const lnHigher = Math.min(RATIO_LEVELS[1].deviations * deviation, -0.01 - lnP)
      const higher = Math.exp(lnHigher)
      for (let shared = 0; shared < 2; shared += 1) {
        // What the same block did to the other environment tells how intense it is (gamma posterior).
        const shape = shared === 1 ? own + other : own
        const intensity = shared === 1 ? shape / (own + others * p) : 1
        const lnMean = events === 0 ? 0 : lnRequests + lnP + Math.log(intensity)
        const isCapped = shape > HARM_SHAPE
        const harmShape = isCapped ? HARM_SHAPE : shape
        const lnShape = events === 0 ? 0 : Math.log(shape)
        const lnHarmShape = isCapped ? LN_HARM_SHAPE : lnShape
        const rising = events === 0 ? 0 : riseOf(v, shared === 1 ? other : 0, events)
        const harmRising = events === 0 ? 0 : isCapped ? HARM_RISING(events) : rising
        const none = lnShaped(rising, events, lnMean, requests * intensity * p, shape, lnShape)
        for (let size = 0; size < SIZES; size += 1) {
          const harmRatio = harmRatios[size] ?? 1
          const some = lnShaped(harmRising, events, events === 0 ? 0 : lnMean - lnP + (lnHarm[size] ?? 0), requests * intensity * harmRatio, harmShape, lnHarmShape)
          factors[at + size] = Math.exp(Math.min(500, some - none))
        }
        // A higher ratio also makes what the other environment did less of a burst.
        const shift = shared === 1 ? (own + others * p) / (own + others * p * higher) : 1
        const higherNone = lnShaped(rising, events, events === 0 ? 0 : lnMean + lnHigher + (shared === 1 ? Math.log(shift) : 0), requests * intensity * p * higher * shift, shape, lnShape)
        const relative = Math.exp(Math.min(200, none - higherNone))
        for (let size = 0; size < SIZES; size += 1) factors[at + SIZES + size] = (factors[at + size] ?? 0) * relative
        at += SIZES * RATIO_LEVELS.length
      }
    }
  }

  function joined(from: number, counts: BinCounts | null): BinCounts {
    const total = { requests: 0, events: 0, baselineRequests: 0, baselineEvents: 0, ...counts }
    for (let i = from; i < recent.length; i += 1) {
      const each = recent[i]?.counts
      if (!each) continue
      total.requests += each.requests
      total.events += each.events
      total.baselineRequests += each.baselineRequests
      total.baselineEvents += each.baselineEvents
    }
    return total
  }

  /** Adds a block's likelihood ratios to the sums at `base`, begun with this mass. */
  function extend(base: number, mass: number): void {
    for (let i = 0; i < factors.length; i += 1) sums[base + i] = Math.min(CEILING, ((sums[base + i] ?? 0) + mass / SIZES) * (factors[i] ?? 0))
  }

  /** The same without keeping it: each model's sum, added to `totals`. */
  function peek(base: number, mass: number, totals: Float64Array): void {
    for (let i = 0; i < factors.length; i += 1) {
      const model = Math.floor(i / SIZES)
      totals[model] = (totals[model] ?? 0) + ((sums[base + i] ?? 0) + mass / SIZES) * (factors[i] ?? 0)
    }
  }

  /**
   * Models' shares within a grain. One that explains the record almost as well as the best keeps its whole share: a
   * record of few blocks says little about rare bursts, and a variance taken too small is what makes false alarms.
   * Likelihoods at different grain do not compare (the record is the same): each grain keeps half.
   */
  function sharesOf(lns: readonly number[]): number[] {
    const highest = Math.max(...lns)
    const slack = SLACK.few + (SLACK.many - SLACK.few) * caution()
    // Where bursts decide, the next larger variance counts as much as the best: the true one may lie between the two.
    const step = STEP_NATS * (1 - caution())
    const kept = lns.map((ln, v) => Math.exp(Math.min(0, Math.max(ln, (lns[v - 1] ?? ln) - step) - highest + slack)))
    const total = kept.reduce((sum, each) => sum + each, 0)
    return PRIORS.map((prior, model) => (0.5 * prior * (kept[Math.floor(model / (2 * RATIO_LEVELS.length))] ?? 0)) / total)
  }

  function harmonic(short: Float64Array, long: Float64Array): number {
    let inverse = 0
    for (const [model, share] of sharesOf(fits[0] ?? []).entries()) inverse += share / Math.max(1e-300, short[model] ?? 0)
    for (const [model, share] of sharesOf(longFit()).entries()) inverse += share / Math.max(1e-300, long[model] ?? 0)
    return Math.min(CEILING, 1 / inverse)
  }

  return {
    add(counts, mass) {
      const p = ratioNow(counts.baselineRequests, counts.baselineEvents)
      const alternativeRatios = alternatives(p)
      recent.push({ counts, mass })
      if (recent.length > LONG_BINS) recent.shift()
      weigh(counts, false, p, alternativeRatios)
      extend(0, mass)
      if (recent.length === LONG_BINS) {
        weigh(joined(0, null), true, p, alternativeRatios)
        extend((1 + ((bins + 1) % LONG_BINS)) * PER_GRAIN * SIZES, recent[0]?.mass ?? mass)
      }
      bins += 1
      learn(counts.baselineRequests, counts.baselineEvents, p)
      baselineRequests += counts.baselineRequests
      baselineEvents += counts.baselineEvents
    },
    valueWith(counts, mass) {
      const p = ratioNow(counts.baselineRequests, counts.baselineEvents)
      const alternativeRatios = alternatives(p)
      const short = new Float64Array(PER_GRAIN)
      const long = new Float64Array(PER_GRAIN)
      weigh(counts, false, p, alternativeRatios)
      peek(0, mass, short)
      for (let back = 0; back < LONG_BINS && back <= recent.length && back <= bins; back += 1) {
        weigh(joined(recent.length - back, counts), true, p, alternativeRatios)
        peek((1 + ((bins - back) % LONG_BINS)) * PER_GRAIN * SIZES, back === 0 ? mass : (recent[recent.length - back]?.mass ?? mass), long)
      }
      return harmonic(short, long)
    },
    tenthPercentile(requests, otherRequests, length, mass) {
      const p = ratioNow(0, 0)
      const ratio = alternatives(p)[0] ?? 1
      const events = poissonTenthPercentile(requests * ratio)
      const values = [false, true].map((isLong) => {
        const count = Math.max(1, length / (isLong ? LONG_BINS : 1))
        weigh({ requests: requests / count, events: events / count, baselineRequests: otherRequests / count, baselineEvents: (otherRequests * p) / count }, isLong, p, [ratio, ratio, ratio, ratio])
        return Float64Array.from({ length: PER_GRAIN }, (_, model) => (mass / SIZES) * Math.exp(Math.min(400, count * Math.log(Math.max(1e-300, factors[model * SIZES] ?? 0)))))
      })
      return harmonic(values[0] ?? factors, values[1] ?? factors)
    },
    baselineRatio: () => ratioNow(0, 0),
  }
}

/** ln of a negative binomial without its factorial: `rising` is ln(Γ(shape + count) / Γ(shape)). */
function lnShaped(rising: number, count: number, lnMean: number, mean: number, shape: number, lnShape: number): number {
  const scale = Math.log1p(mean / shape)
  return count === 0 ? -shape * scale : rising + count * (lnMean - lnShape - scale) - shape * scale
}

function riseOf(v: number, from: number, count: number): number {
  const rising = RISING[v]
  return rising ? rising(from + count) - rising(from) : 0
}
