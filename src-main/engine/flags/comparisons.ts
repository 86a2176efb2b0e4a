import type { FlagComparison } from '../../contract/flag.ts'
import type { FlagDefinition } from '../../contract/flag-definition.ts'
import { exposureOf, safeVariantOf } from '../../core/flags/exposure.ts'
import type { ExperimentCounts } from '../../core/flags/ports.ts'
import { compareVariants, type Comparison, type ComparisonVerdict, DEFAULT_COMPARISON, type MetricDeclaration, type VariantCounts } from '../../core/flags/statistics/compare-variants.ts'
import type { Board, Seat } from './board.ts'
import type { FlagsDeps } from './deps.ts'

/** Points kept of how an interval narrowed. */
const COURSE = 200
const VERDICTS: { readonly [V in ComparisonVerdict]: FlagComparison['metrics'][number]['verdict'] } = {
  notEnoughData: 'notEnoughData',
  sampleRatioMismatch: 'notEnoughData',
  tooEarly: 'undecided',
  better: 'better',
  worse: 'worse',
  different: 'undecided',
  noDifference: 'undecided',
  undecided: 'undecided',
}

type Course = FlagComparison['metrics'][number]['course']

const EVERY_MS = 60_000
/** Of flags counted: intervals are followed for so many while nobody looks. */
const FOLLOWED = 200

/** Variants against each other, from what apps reported of users. Nothing is decided by it. */
export function createComparisons(deps: FlagsDeps, board: Board) {
  const courses = new Map<string, Course>()

  async function read(name: string): Promise<void> {
    const seat = board.seat(name)
    const source = deps.source(name)
    seat.experiments = seat.set === null || source.capabilities.experiments !== null ? null : await source.experiments(seat.set)
  }

  function of(seat: Seat, definition: FlagDefinition): FlagComparison {
    const { name } = seat.config
    const why = deps.source(name).capabilities.experiments
    const counts = seat.experiments?.find(({ flag }) => flag === definition.key)
    const empty = { since: null, users: 0, variants: [], sampleRatio: null, crossedOver: 0, notCounted: 0, metrics: [] }
    if (why !== null) return { ...empty, notes: [why] }
    if (!counts) return { ...empty, notes: ['No exposure of this flag was reported. Apps report exposures and conversions to the flag server.'] }
    return compare(seat, definition, counts)
  }

  function compare(seat: Seat, definition: FlagDefinition, counts: ExperimentCounts): FlagComparison {
    const { name } = seat.config
    const newest = board.newest(name, definition.key)
    const control = newest?.plan.baseline ?? safeVariantOf(definition) ?? definition.defaultVariant ?? counts.variants[0]?.variant ?? ''
    const { shares, changed } = sharesOf(definition, newest, counts)
    const variants: VariantCounts[] = counts.variants.map(({ variant, users, metrics }) => ({
      variant,
      users,
      // Where shares changed while users were counted, what was counted is what was declared: nothing is concluded from it.
      share: shares?.get(variant) ?? users,
      metrics: Object.fromEntries(Object.entries(metrics).map(([metric, { sum, sumOfSquares }]) => [metric, { users, sum, sumOfSquares }])),
    }))
    const declarations = metricsOf(counts)
    const now = deps.clock.wallMs()
    const table = compareVariants(variants, declarations, { ...DEFAULT_COMPARISON, control, runtimeMs: now - counts.since })
    const users = variants.reduce((sum, each) => sum + each.users, 0)
    const notes = [
      ...(counts.variants.some(({ variant }) => variant === control) ? [] : [`Nobody was counted with "${control}", which others are compared with.`]),
      ...(changed ? ['Shares changed while users were counted: they are not checked against the declared ones.'] : []),
      ...(declarations.length === 0 ? ['No conversion was reported: there is nothing to compare yet.'] : ['More of a metric is taken for better.']),
      ...(counts.notCounted > 0 ? [`${counts.notCounted} users came after the most that are counted.`] : []),
    ]
    return {
      since: counts.since,
      users,
      variants: counts.variants.map(({ variant, users: seen, metrics }) => ({
        variant,
        users: seen,
        share: shares?.get(variant) ?? null,
        metrics: Object.fromEntries(Object.entries(metrics).map(([metric, { converted, sum }]) => [metric, { converted, sum, mean: seen === 0 ? 0 : sum / seen }])),
      })),
      sampleRatio: shares ? { ok: !table.sampleRatio.mismatch, words: ratioWords(table.sampleRatio.observed, table.sampleRatio.expected, table.sampleRatio.mismatch) } : null,
      crossedOver: counts.crossedOver,
      notCounted: counts.notCounted,
      metrics: table.comparisons.map((comparison) => metricOf(`${name}/${definition.key}/${counts.since}`, comparison, declarations, 1 - table.alphaEach, now)),
      notes,
    }
  }

  function metricOf(key: string, comparison: Comparison, declarations: readonly MetricDeclaration[], confidence: number, at: number): FlagComparison['metrics'][number] {
    const { metric, variant, difference } = comparison
    const place = `${key}/${metric}/${variant}`
    const course = difference ? extended(courses.get(place) ?? [], { at, effect: difference.estimate, low: difference.low, high: difference.high }) : (courses.get(place) ?? [])
    courses.set(place, course)
    return {
      metric,
      kind: declarations.find(({ name }) => name === metric)?.kind ?? 'mean',
      variant,
      against: comparison.control,
      value: comparison.variantMean ?? 0,
      baseline: comparison.controlMean ?? 0,
      effect: difference?.estimate ?? 0,
      interval: difference && { low: difference.low, high: difference.high, confidence },
      verdict: VERDICTS[comparison.verdict],
      words: comparison.why,
      course: [...course],
    }
  }

  /** Follows the intervals while nobody looks. */
  async function follow(seat: Seat): Promise<void> {
    await read(seat.config.name)
    for (const counts of (seat.experiments ?? []).slice(0, FOLLOWED)) {
      const definition = seat.byKey.get(counts.flag)
      if (definition) compare(seat, definition, counts)
    }
  }

  let stopped = false
  let cancel: () => void = () => undefined

  return {
    read,
    of,
    start(): void {
      const beat = () => {
        if (stopped) return
        for (const seat of board.seats()) follow(seat).catch((error: unknown) => deps.log(`experiments of ${seat.config.name}: ${String(error)}`))
        cancel = deps.clock.setTimer(EVERY_MS, beat)
      }
      cancel = deps.clock.setTimer(EVERY_MS, beat)
    },
    stop(): void {
      stopped = true
      cancel()
    },
  }
}
export type Comparisons = ReturnType<typeof createComparisons>

/** A point a minute at most; over the bound every second one goes, so that the whole course stays visible. */
function extended(course: Course, point: Course[number]): Course {
  const last = course.at(-1)
  if (last && point.at - last.at < 60_000) return [...course.slice(0, -1), { ...point, at: last.at }]
  const longer = [...course, point]
  return longer.length <= COURSE ? longer : longer.filter((_each, index) => index % 2 === 0 || index === longer.length - 1)
}

/** Declared shares of the users counted; null where they depend on the audience, or changed since counting began. */
function sharesOf(definition: FlagDefinition, newest: ReturnType<Board['newest']>, counts: ExperimentCounts): { readonly shares: ReadonlyMap<string, number> | null; readonly changed: boolean } {
  // A roll back restores the flag with its dates: when a rollout last changed it, the rollout knows.
  const changedAt = Math.max(definition.facts.changedAt ?? 0, newest?.stages.at(-1)?.exposedAt ?? 0, newest?.endedAt ?? 0)
  if (changedAt > counts.since) return { shares: null, changed: true }
  const { percents } = exposureOf(definition)
  const alone = definition.targeting.kind === 'rules' && definition.targeting.rules.every(({ audience }) => audience.kind === 'everyone')
  if (!alone || percents === null) return { shares: null, changed: false }
  return { shares: new Map(counts.variants.map(({ variant }) => [variant, percents.get(variant) ?? 0])), changed: false }
}

/** A metric whose every event counts one is a conversion. */
function metricsOf(counts: ExperimentCounts): readonly MetricDeclaration[] {
  const names = [...new Set(counts.variants.flatMap(({ metrics }) => Object.keys(metrics)))]
  return names.map((name) => {
    const isConversion = counts.variants.every(({ metrics }) => {
      const found = metrics[name]
      return !found || (found.sum === found.converted && found.sumOfSquares === found.converted)
    })
    return { name, kind: isConversion ? 'proportion' : 'mean', better: 'higher', negligible: null }
  })
}

function ratioWords(observed: readonly number[], expected: readonly number[], mismatch: boolean): string {
  const counted = `${observed.join(' : ')} users, ${expected.map((each) => Math.round(each)).join(' : ')} expected`
  return mismatch ? `${counted}: some are lost on the way, so nothing is compared.` : `${counted}: as declared.`
}
