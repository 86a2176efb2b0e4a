import type { Criterion, CriterionResult, FrozenBaseline, Series } from '../../contract/analysis.ts'
import type { FlagGuardSeries, FlagRollout } from '../../contract/flag.ts'
import { withAbsence } from '../../core/analysis/absence.ts'
import { freezeBaseline } from '../../core/analysis/frozen-baseline.ts'
import { judgeCriterion } from '../../core/analysis/judge.ts'
import type { JudgeInput } from '../../core/analysis/judge-input.ts'
import { percentileMs } from '../../core/analysis/latency-histogram.ts'
import { criteriaInForce, percentAt, resultName } from '../../core/flags/rollout/state.ts'
import { type Asked, askedOf, askWhenDue } from '../asked-series.ts'
import { emptySeries, sliceSeries } from '../recording.ts'
import { trimmed } from '../trimmed-evidence.ts'
import type { Board } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import { addSeries, sumSeries } from './series.ts'
import { toFault } from './rollouts.ts'

/** What was before the first stage is compared with too, as far as the source still knows it. */
const PAST_MS = 15 * 60_000
const READ_MS = { file: 1000, vendor: 5000 } as const

interface Watch {
  /** By variant. */
  readonly outcomes: Map<string, Series>
  readonly asked: Map<string, Asked>
  readAt: number
  pending: boolean
  /** Why there is nothing; empty when there is. */
  problem: string
}

export interface Judgement {
  /** In the words of rollouts, for people. */
  readonly told: readonly CriterionResult[]
  /** As the judges said it, for evidence. */
  readonly results: readonly CriterionResult[]
  /** What results were judged on: what `explain` recomputes them from. */
  evidence(which: (result: CriterionResult) => boolean): readonly { readonly criterion: Criterion; readonly input: JudgeInput; readonly sharedBy: number; readonly problem: string }[]
}

/** Keeps what users of each variant met while a rollout goes on, and judges. It decides nothing and moves nothing. */
export function createGuard(deps: FlagsDeps, board: Board) {
  const { clock } = deps
  const watches = new Map<string, Watch>()

  function watchOf(id: string): Watch {
    const found = watches.get(id) ?? { outcomes: new Map<string, Series>(), asked: new Map<string, Asked>(), readAt: -Infinity, pending: false, problem: '' }
    watches.set(id, found)
    return found
  }

  /** Asks for what is new. Never waits. */
  function fill(rollout: FlagRollout): void {
    const watch = watchOf(rollout.id)
    readOutcomes(rollout, watch)
    if (rollout.verifiedStage >= 0) for (const criterion of criteriaInForce(rollout)) if (criterion.metric.source === 'query') ask(rollout, watch, criterion)
  }

  function readOutcomes(rollout: FlagRollout, watch: Watch): void {
    const source = deps.source(rollout.source)
    const now = clock.monotonicMs()
    if (source.capabilities.outcomes !== null) {
      watch.problem = source.capabilities.outcomes
      return
    }
    if (watch.pending || now - watch.readAt < READ_MS[source.kind === 'file' ? 'file' : 'vendor']) return
    watch.pending = true
    watch.readAt = now
    const newest = Math.max(...[...watch.outcomes.values()].map(({ at }) => at.at(-1) ?? -Infinity))
    source
      .outcomes(rollout.set, rollout.flag, Number.isFinite(newest) ? newest : clock.wallMs() - PAST_MS)
      .then(
        (found) => {
          watch.problem = found === null ? 'The source reports no requests by variant.' : ''
          for (const [variant, series] of found ?? []) {
            const kept = watch.outcomes.get(variant) ?? emptySeries()
            watch.outcomes.set(variant, kept)
            addSeries(kept, series, clock.wallMs())
          }
        },
        (error: unknown) => {
          watch.problem = toFault(error).message
        },
      )
      .finally(() => {
        watch.pending = false
      })
      .catch(() => undefined)
  }

  /** Looks at what the source knows of the flag so far, for a rollout that is only asked about. */
  async function prime(rollout: FlagRollout): Promise<void> {
    const source = deps.source(rollout.source)
    if (source.capabilities.outcomes !== null) return
    const found = await source.outcomes(rollout.set, rollout.flag, clock.wallMs() - PAST_MS).catch(() => null)
    const { outcomes } = watchOf(rollout.id)
    for (const [variant, series] of found ?? []) outcomes.set(variant, series)
  }

  function ask(rollout: FlagRollout, watch: Watch, criterion: Criterion): void {
    const { metrics } = deps
    if (!metrics) return
    const service = board.find(rollout.source)?.config.services[0] ?? ''
    for (const variant of [...rollout.plan.variants.map((each) => each.variant), rollout.plan.baseline]) {
      askWhenDue(askedOf(watch.asked, criterion, variant, metrics), criterion, metrics, clock, () => ({ service, environment: deps.liveEnvironment(service) ?? 'blue', version: deps.liveVersions(service)?.[0] ?? '', flag: { key: rollout.flag, variant } }))
    }
  }

  function seriesOf(watch: Watch, criterion: Criterion, variant: string): Series {
    return criterion.metric.source === 'query' ? askedOf(watch.asked, criterion, variant, deps.metrics).series : (watch.outcomes.get(variant) ?? emptySeries())
  }

  function inputOf(rollout: FlagRollout, watch: Watch, criterion: Criterion, variant: string): JudgeInput {
    const now = clock.wallMs()
    const first = rollout.stages[0]?.exposedAt ?? rollout.stageSince
    const share = rollout.plan.variants.find((each) => each.variant === variant)?.share ?? 100
    return {
      now,
      candidate: seriesOf(watch, criterion, variant),
      baseline: seriesOf(watch, criterion, rollout.plan.baseline),
      frozen: criterion.metric.source === 'query' ? null : (rollout.frozen ?? null),
      candidateSince: first,
      stepSince: rollout.stageSince,
      weightPercent: (percentAt(rollout.plan, Math.max(0, rollout.verifiedStage)) * share) / 100 >= 100 ? 100 : Math.min(99, percentAt(rollout.plan, Math.max(0, rollout.verifiedStage))),
      ...(criterion.metric.source === 'query' && deps.metrics ? { intervalMs: deps.metrics.intervalMs(criterion.metric) } : {}),
      crashes: [],
    }
  }

  /** Users with each variant rolled out against those with the baseline's. */
  function judge(rollout: FlagRollout): Judgement {
    const watch = watchOf(rollout.id)
    const criteria = criteriaInForce(rollout)
    const sequential = criteria.filter(({ judge: { kind } }) => kind === 'errors' || kind === 'latency').length
    const sharedBy = Math.max(1, sequential * rollout.plan.variants.length)
    const judged = criteria.flatMap((criterion) =>
      rollout.plan.variants.map(({ variant }) => {
        const named = { ...criterion, name: resultName(criterion.name, variant, rollout.plan) }
        const input = inputOf(rollout, watch, criterion, variant)
        const problem = criterion.metric.source === 'query' ? askedOf(watch.asked, criterion, variant, deps.metrics).problem : watch.problem
        return { criterion: named, input, problem, result: withAbsence(named, judgeCriterion(named, input, { sharedBy }), input.now, problem) }
      }),
    )
    return {
      told: judged.map(({ result }) => ({ ...result, why: ofUsers(result.why) })),
      results: judged.map(({ result }) => result),
      evidence: (which) => judged.filter(({ result }) => which(result)).map(({ criterion, input, problem }) => ({ criterion, input: trimmed(criterion, input, sharedBy), sharedBy, problem })),
    }
  }

  return {
    fill,
    judge,
    prime,
    forget: (rollout: FlagRollout): void => void watches.delete(rollout.id),
    /** What users without any of the variants did until now. */
    freeze: (rollout: FlagRollout): FrozenBaseline | null => {
      const series = watches.get(rollout.id)?.outcomes.get(rollout.plan.baseline)
      return series ? freezeBaseline(series, clock.wallMs()) : null
    },
    /** For charts; summed over the variants rolled out. `over`: what is still known of a rollout that has ended. */
    chart(rollout: FlagRollout | null, fromAt: number, absent: string, over: ReadonlyMap<string, Series> | null = null): FlagGuardSeries {
      const watch = rollout && (watches.get(rollout.id) ?? (over && { outcomes: over, problem: 'Nothing was reported in this time.' }))
      if (!rollout || !watch) return { exposed: [], unexposed: [], resolutionMs: 1000, absent: absent === '' ? 'No rollout of this flag is watched now.' : absent }
      const exposed = sumSeries(rollout.plan.variants.flatMap(({ variant }) => watch.outcomes.get(variant) ?? []))
      const unexposed = watch.outcomes.get(rollout.plan.baseline) ?? emptySeries()
      const points = (series: Series) =>
        series.at.flatMap((at, i) => (at > fromAt ? [{ at, requests: series.requests[i] ?? 0, errors: series.errors[i] ?? 0, p50Ms: percentileMs(new Map(series.latency[i]), 0.5), p99Ms: percentileMs(new Map(series.latency[i]), 0.99) }] : []))
      const nothing = exposed.at.length + unexposed.at.length === 0
      return { exposed: points(exposed), unexposed: points(unexposed), resolutionMs: 1000, absent: nothing ? watch.problem || 'Nothing was reported yet.' : '' }
    },
    /** Requests a second and the share that failed, of all users of the flag lately; null: not known. */
    traffic(rollout: FlagRollout): { readonly requestsPerSecond: number; readonly errorRatio: number; readonly historyMs: number; readonly exposedShare: number } | null {
      const watch = watches.get(rollout.id)
      if (!watch || watch.outcomes.size === 0) return null
      const total = (series: Series | undefined, of: 'requests' | 'errors') => (series?.[of] ?? []).reduce((sum, each) => sum + each, 0)
      const all = [...watch.outcomes.values()]
      const requests = all.reduce((sum, series) => sum + total(series, 'requests'), 0)
      if (requests === 0) return null
      const first = Math.min(...all.map(({ at }) => at[0] ?? Infinity)) - 1000
      const historyMs = Math.max(1000, clock.wallMs() - first)
      const since = rollout.stageSince
      const recent = (series: Series | undefined) => (series ? sliceSeries(series, since, false).requests.reduce((sum, each) => sum + each, 0) : 0)
      const exposed = rollout.plan.variants.reduce((sum, { variant }) => sum + recent(watch.outcomes.get(variant)), 0)
      const now = all.reduce((sum, series) => sum + recent(series), 0)
      const baseline = watch.outcomes.get(rollout.plan.baseline)
      const baselineRequests = total(baseline, 'requests')
      return { requestsPerSecond: (requests * 1000) / historyMs, errorRatio: baselineRequests > 0 ? total(baseline, 'errors') / baselineRequests : 0, historyMs, exposedShare: now === 0 ? 0 : exposed / now }
    },
    keepOnly(ids: ReadonlySet<string>): void {
      for (const id of watches.keys()) if (!ids.has(id)) watches.delete(id)
    },
    forgetAll: (): void => watches.clear(),
  }
}
export type Guard = ReturnType<typeof createGuard>

/** Judges speak of environments and versions; here they judge users with a variant beside users without. */
function ofUsers(why: string): string {
  return why
    .replaceAll('the other environment', 'the unexposed side')
    .replaceAll('the candidate', 'the exposed side')
    .replaceAll('no other version had traffic', 'nobody unexposed was seen')
    .replaceAll('moving traffic would not help', 'taking it back would not help')
    .replaceAll('before the switch', 'before everyone was exposed')
}
