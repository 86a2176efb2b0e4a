import { type Arm, isPlausible, momentsOf } from './arm.ts'
import { alwaysValidP, halfWidth, type Interval } from './confidence-sequence.ts'
import { type SampleRatio, sampleRatio } from './sample-ratio.ts'

export interface MetricDeclaration {
  readonly name: string
  readonly kind: 'proportion' | 'mean'
  /** Which direction is better; null: just a number. */
  readonly better: 'higher' | 'lower' | null
  /** A difference below it is of no consequence, in the metric's own unit; null: not declared. */
  readonly negligible: number | null
}

export interface VariantCounts {
  readonly variant: string
  /** Of 100, as the rollout declares. */
  readonly share: number
  /** Users exposed to it, each counted once. */
  readonly users: number
  readonly metrics: Readonly<Record<string, Arm>>
}

export interface ComparisonOptions {
  /** The variant others are compared with. */
  readonly control: string
  /** Chance that any interval of the whole table ever misses its truth. */
  readonly alpha: number
  /** Users in total the experiment was planned for: where intervals are tightest. Fixed before the start. */
  readonly plannedUsers: number
  readonly minUsersPerVariant: number
  /** For proportions: this many users with, and as many without, in both variants. For means: users with a value other than 0. */
  readonly minEventsPerVariant: number
  /** Shorter says nothing of weekdays and habits. */
  readonly minRuntimeMs: number
  readonly runtimeMs: number
}

export const DEFAULT_COMPARISON = { alpha: 0.05, plannedUsers: 10_000, minUsersPerVariant: 100, minEventsPerVariant: 20, minRuntimeMs: 7 * 24 * 3_600_000 } as const

/**
 * `notEnoughData` and `tooEarly` are results of their own. Harm is said as soon as it shows; gain only after the minimum
 * runtime. `noDifference`: the whole interval is negligible. `undecided`: enough data, but the interval holds both.
 */
export type ComparisonVerdict = 'notEnoughData' | 'sampleRatioMismatch' | 'tooEarly' | 'better' | 'worse' | 'different' | 'noDifference' | 'undecided'

export interface Comparison {
  readonly metric: string
  readonly variant: string
  readonly control: string
  readonly verdict: ComparisonVerdict
  /** One or two sentences with the numbers. */
  readonly why: string
  /** Variant minus control; null without enough data. */
  readonly difference: Interval | null
  /** Difference as a part of the control's mean; null when that is 0 or unknown. */
  readonly relative: Interval | null
  readonly variantMean: number | null
  readonly controlMean: number | null
  readonly variantUsers: number
  readonly controlUsers: number
  /** Valid at any time, corrected for the whole table. */
  readonly p: number | null
}

export interface ComparisonTable {
  readonly sampleRatio: SampleRatio
  readonly comparisons: readonly Comparison[]
  /** What each single comparison gets of the error (Bonferroni): holds whatever the dependence between metrics. */
  readonly alphaEach: number
}

/** Every variant against the control, for every metric. Call it as often as wanted. */
export function compareVariants(variants: readonly VariantCounts[], metrics: readonly MetricDeclaration[], options: ComparisonOptions): ComparisonTable {
  const ratio = sampleRatio(variants.map(({ users }) => users), variants.map(({ share }) => share))
  const control = variants.find(({ variant }) => variant === options.control)
  const others = variants.filter((one) => one !== control)
  const alphaEach = options.alpha / Math.max(1, others.length * metrics.length)
  const comparisons = metrics.flatMap((metric) => others.map((other) => compare(metric, other, control, ratio, alphaEach, options)))
  return { sampleRatio: ratio, comparisons, alphaEach }
}

function compare(metric: MetricDeclaration, other: VariantCounts, control: VariantCounts | undefined, ratio: SampleRatio, alpha: number, options: ComparisonOptions): Comparison {
  const blank = {
    metric: metric.name,
    variant: other.variant,
    control: options.control,
    difference: null,
    relative: null,
    variantMean: null,
    controlMean: null,
    variantUsers: other.users,
    controlUsers: control?.users ?? 0,
    p: null,
  }
  const a = other.metrics[metric.name]
  const b = control?.metrics[metric.name]
  const lacking = !control || !a || !b ? `There are no counts of ${metric.name} for ${a ? options.control : other.variant}.` : whatLacks(metric, [other, control], options)
  if (lacking !== null || !a || !b) return { ...blank, verdict: 'notEnoughData', why: lacking ?? '' }
  const ours = momentsOf(a)
  const theirs = momentsOf(b)
  const variance = ours.variance / a.users + theirs.variance / b.users
  const count = a.users + b.users
  const estimate = ours.mean - theirs.mean
  const half = halfWidth(variance, count, alpha, options.plannedUsers)
  const difference = { estimate, low: estimate - half, high: estimate + half }
  const share = Math.abs(theirs.mean)
  const relative = share === 0 ? null : { estimate: estimate / share, low: difference.low / share, high: difference.high / share }
  const p = Math.min(1, alwaysValidP(estimate, variance, count, alpha, options.plannedUsers) * (options.alpha / alpha))
  const { verdict, why } = decide(metric, difference, ratio, options)
  return { ...blank, verdict, why, difference, relative, variantMean: ours.mean, controlMean: theirs.mean, p }
}

function whatLacks(metric: MetricDeclaration, sides: readonly VariantCounts[], options: ComparisonOptions): string | null {
  for (const side of sides) {
    const arm = side.metrics[metric.name]
    if (!arm || !isPlausible(arm)) return `The counts of ${metric.name} for ${side.variant} cannot be true: nothing is concluded from them.`
    if (arm.users < options.minUsersPerVariant) return `${side.variant} has ${arm.users} users, of ${options.minUsersPerVariant} needed.`
    const events = metric.kind === 'proportion' ? Math.min(arm.sum, arm.users - arm.sum) : effectiveUsers(arm)
    if (events < options.minEventsPerVariant) return `${side.variant} has ${Math.floor(Math.max(0, events))} users ${metric.kind === 'proportion' ? 'of the rarer outcome' : 'who carry the mean'}, of ${options.minEventsPerVariant} needed.`
  }
  return null
}

/** How many equal users would make the same sum and sum of squares (Kish's effective size): one whale is not a crowd. */
function effectiveUsers({ sum, sumOfSquares }: Arm): number {
  return sumOfSquares === 0 ? 0 : (sum * sum) / sumOfSquares
}

function decide(metric: MetricDeclaration, { low, high }: Interval, ratio: SampleRatio, options: ComparisonOptions): { verdict: ComparisonVerdict; why: string } {
  const interval = `The difference lies between ${number(low)} and ${number(high)}`
  if (ratio.mismatch) return { verdict: 'sampleRatioMismatch', why: `Users are not split as declared (${ratio.observed.join(' : ')} instead of ${ratio.expected.map((count) => Math.round(count)).join(' : ')}): some are lost on the way, so the variants cannot be compared.` }
  const direction = low > 0 ? 'higher' : high < 0 ? 'lower' : null
  if (direction !== null && metric.better !== null && direction !== metric.better) return { verdict: 'worse', why: `${interval}, all on the worse side.` }
  if (options.runtimeMs < options.minRuntimeMs) return { verdict: 'tooEarly', why: `${interval}, after ${days(options.runtimeMs)} of at least ${days(options.minRuntimeMs)}.` }
  if (metric.negligible !== null && low > -metric.negligible && high < metric.negligible) return { verdict: 'noDifference', why: `${interval}: less than ${number(metric.negligible)} either way.` }
  if (direction === null) return { verdict: 'undecided', why: `${interval}, on both sides of zero.` }
  return metric.better === null ? { verdict: 'different', why: `${interval}, all on one side of zero.` } : { verdict: 'better', why: `${interval}, all on the better side.` }
}

function number(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function days(ms: number): string {
  return `${(ms / (24 * 3_600_000)).toFixed(1)} days`
}
