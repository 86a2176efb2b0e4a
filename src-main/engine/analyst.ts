import type { Criterion, CriterionResult, FrozenBaseline, Series, VerdictChange } from '../contract/analysis.ts'
import type { Release } from '../contract/release.ts'
import type { EnvironmentSeries, ObservedService } from '../contract/traffic.ts'
import { type EnvironmentName, otherEnvironment } from '../contract/vocabulary.ts'
import { withAbsence } from '../core/analysis/absence.ts'
import { freezeBaseline } from '../core/analysis/frozen-baseline.ts'
import { judgeCriterion } from '../core/analysis/judge.ts'
import type { JudgeInput } from '../core/analysis/judge-input.ts'
import { criteriaInForce, isWarning, stableEnvironment } from '../core/release/state.ts'
import { type Asked, askedOf, askWhenDue } from './asked-series.ts'
import type { EngineDeps } from './deps.ts'
import { createRecording, type Recording, withoutFuture } from './recording.ts'
import { trimmed } from './trimmed-evidence.ts'

/** Verdict changes kept in memory per service, for a console without history on disk. */
const KEEP_CHANGES = 500

interface Watch {
  readonly recording: Recording
  readonly asked: Map<string, Asked>
  readonly verdicts: Map<string, string>
  /** Samples that came before the past was read; null once it was. */
  early: EnvironmentSeries[] | null
  filling: boolean
}

/** What was judged, and what it was judged on. */
export interface Judgement {
  readonly results: readonly CriterionResult[]
  /** The evidence of results that are not a pass, or of all: what `explain` recomputes them from. */
  evidence(which: (result: CriterionResult) => boolean): readonly { readonly criterion: Criterion; readonly input: JudgeInput; readonly sharedBy: number; readonly problem: string }[]
}

/** Keeps what releases under way did, asks metrics providers, and judges. It decides nothing and moves nothing. */
export function createAnalyst(deps: EngineDeps) {
  const { clock } = deps
  const watches = new Map<string, Watch>()
  const changes = new Map<string, VerdictChange[]>()

  function watchOf(service: string): Watch {
    const found = watches.get(service) ?? { recording: createRecording(), asked: new Map(), verdicts: new Map(), early: [], filling: false }
    watches.set(service, found)
    return found
  }

  /** What happened before anyone watched, as far as the provider still knows it. */
  async function fill(service: string, observed: ObservedService | null, read: (fromAt: number) => Promise<EnvironmentSeries>): Promise<void> {
    const watch = watchOf(service)
    if (watch.early === null || watch.filling) return
    watch.filling = true
    // What is not in samples (restarts) is taken to have been as it is now.
    if (observed) watch.recording.see(observed, clock.wallMs())
    try {
      const past = await read(clock.wallMs() - 15 * 60_000)
      watch.recording.add(withoutFuture(past, clock.wallMs()))
      for (const series of watch.early ?? []) watch.recording.add(series)
      watch.early = null
    } finally {
      watch.filling = false
    }
  }

  function seriesOf(watch: Watch, criterion: Criterion, environment: EnvironmentName): Series {
    const { metric } = criterion
    const track = watch.recording.tracks[environment]
    switch (metric.source) {
      case 'router':
        return track.router
      case 'process':
        return { ...track.router, requests: track.router.requests, values: track[metric.of] }
      case 'probe':
      case 'query':
        return askedOf(watch.asked, criterion, environment, deps.metrics).series
    }
  }

  /** Asks metrics providers what is due. Never waits: judging goes on with what is there. */
  function ask(release: Release): void {
    const source = deps.metrics
    if (!source) return
    const watch = watchOf(release.service)
    for (const criterion of criteriaInForce(release)) {
      const { metric } = criterion
      if (metric.source !== 'query' && metric.source !== 'probe') continue
      for (const environment of [release.candidateEnvironment, otherEnvironment(release.candidateEnvironment)]) {
        const version = (environment === release.candidateEnvironment ? release.candidate : release.stable)?.version ?? ''
        askWhenDue(askedOf(watch.asked, criterion, environment, source), criterion, source, clock, () => ({ service: release.service, environment, version }))
      }
    }
  }

  function inputOf(watch: Watch, release: Release, criterion: Criterion): JudgeInput {
    const { candidateEnvironment } = release
    const since = release.trafficSince ?? clock.wallMs()
    return {
      now: clock.wallMs(),
      candidate: seriesOf(watch, criterion, candidateEnvironment),
      baseline: seriesOf(watch, criterion, otherEnvironment(candidateEnvironment)),
      frozen: release.baseline,
      candidateSince: since,
      stepSince: release.weightSince ?? since,
      weightPercent: release.desiredWeights[candidateEnvironment],
      ...(criterion.metric.source === 'query' && deps.metrics ? { intervalMs: deps.metrics.intervalMs(criterion.metric) } : {}),
      crashes: watch.recording.tracks[candidateEnvironment].crashes.filter((at) => at >= since),
    }
  }

  /** Judges everything in force. Absence that lasted too long becomes what its criterion declares, nothing else. */
  function judge(release: Release): Judgement {
    const watch = watchOf(release.service)
    const criteria = criteriaInForce(release)
    const sharedBy = Math.max(1, criteria.filter(({ judge: { kind } }) => kind === 'errors' || kind === 'latency').length)
    const judged = criteria.map((criterion) => {
      const input = inputOf(watch, release, criterion)
      const problem = problemOf(watch, release, criterion)
      return { criterion, input, problem, result: withAbsence(criterion, judgeCriterion(criterion, input, { sharedBy }), input.now, problem) }
    })
    const results = judged.map(({ result }) => result)
    remember(release, watch, results)
    return {
      results,
      evidence: (which) => judged.filter(({ result }) => which(result)).map(({ criterion, input, problem }) => ({ criterion, input: trimmed(criterion, input, sharedBy), sharedBy, problem })),
    }
  }

  /** What its metrics provider last said instead of an answer; empty for what nobody is asked for. */
  function problemOf(watch: Watch, release: Release, criterion: Criterion): string {
    const { source } = criterion.metric
    return source === 'query' || source === 'probe' ? askedOf(watch.asked, criterion, release.candidateEnvironment, deps.metrics).problem : ''
  }

  function remember(release: Release, watch: Watch, results: readonly CriterionResult[]): void {
    const added = results.flatMap((result): VerdictChange[] => {
      const { name, why } = result
      const verdict = isWarning(result) ? 'warn' : result.verdict
      const key = `${release.id} ${name}`
      if (watch.verdicts.get(key) === verdict) return []
      watch.verdicts.set(key, verdict)
      return [{ at: clock.wallMs(), releaseId: release.id, version: release.candidate.version, name, verdict, why }]
    })
    if (added.length === 0) return
    changes.set(release.service, [...(changes.get(release.service) ?? []), ...added].slice(-KEEP_CHANGES))
    deps.metricsStore?.appendVerdicts(release.service, added)
  }

  return {
    fill,
    ask,
    judge,
    add(service: string, series: EnvironmentSeries): void {
      const watch = watches.get(service)
      if (watch?.early) watch.early.push(series)
      else watch?.recording.add(series)
    },
    see: (service: string, observed: ObservedService): void => watches.get(service)?.recording.see(observed, clock.wallMs()),
    /** The stable side's record until now: what the candidate is compared with once that side has no traffic. */
    freeze(release: Release): FrozenBaseline | null {
      const watch = watches.get(release.service)
      return watch && release.stable !== null ? freezeBaseline(watch.recording.tracks[stableEnvironment(release)].router, clock.wallMs()) : null
    },
    /** The service has no release under way any more. */
    forget: (service: string): void => void watches.delete(service),
    forgetAll: (): void => watches.clear(),
    verdicts(service: string, fromAt: number, toAt: number): readonly VerdictChange[] {
      const inMemory = (changes.get(service) ?? []).filter(({ at }) => at >= fromAt && at <= toAt)
      const stored = deps.metricsStore?.readVerdicts(service, fromAt, Math.min(toAt, (inMemory[0]?.at ?? Infinity) - 1)) ?? []
      return [...stored, ...inMemory]
    },
    /** Judges a criterion on a release's candidate (or the live side) without being part of anything. */
    recording: (service: string): Recording | null => watches.get(service)?.recording ?? null,
  }
}
export type Analyst = ReturnType<typeof createAnalyst>
