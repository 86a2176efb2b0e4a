import type { Criterion, CriterionResult, FrozenBaseline } from '../../contract/analysis.ts'
import type { MigrationState } from '../../contract/migration.ts'
import type { EnvironmentSeries, ObservedService } from '../../contract/traffic.ts'
import type { EnvironmentName } from '../../contract/vocabulary.ts'
import type { ServiceConfig } from '../../contract/workspace.ts'
import { freezeBaseline } from '../../core/analysis/frozen-baseline.ts'
import { judgeCriterion } from '../../core/analysis/judge.ts'
import type { JudgeInput } from '../../core/analysis/judge-input.ts'
import { createRecording, emptySeries, type Recording } from '../recording.ts'
import type { Clock } from '../../core/ports.ts'

export interface ServiceGuardDeps {
  readonly clock: Clock
  readonly config: (service: string) => ServiceConfig | null
  /** The last two minutes, second by second. */
  readonly samples: (service: string) => EnvironmentSeries
  readonly observed: (service: string) => ObservedService | null
}

/**
 * Judges the criteria of the services that use a migration's tables on their live side: what it does since the
 * migration's last change, against what it did before. Queries and probes are judged in releases only.
 */
export function createServiceGuard(deps: ServiceGuardDeps) {
  const recordings = new Map<string, Recording>()
  const baselines = new Map<string, FrozenBaseline>()

  function recordingOf(service: string, observed: ObservedService): Recording {
    const found = recordings.get(service) ?? createRecording()
    recordings.set(service, found)
    found.see(observed, deps.clock.wallMs())
    found.add(deps.samples(service))
    return found
  }

  /** What it did before the change: kept once, as that change's own. Null when nothing was on record. */
  function baselineOf(key: string, recording: Recording, live: EnvironmentName, since: number): FrozenBaseline | null {
    const found = baselines.get(key) ?? freezeBaseline(recording.tracks[live].router, since)
    if (found) baselines.set(key, found)
    return found
  }

  function judgeService(state: MigrationState, service: string): readonly CriterionResult[] {
    const config = deps.config(service)
    const observed = deps.observed(service)
    if (!config || !observed) return []
    const live: EnvironmentName = observed.weights.green > observed.weights.blue ? 'green' : 'blue'
    const recording = recordingOf(service, observed)
    const track = recording.tracks[live]
    const since = state.phaseSince
    const frozen = baselineOf(`${state.id} ${state.attempt} ${since} ${service} ${live}`, recording, live, since)
    const criteria = config.plan.criteria.filter(({ metric }) => metric.source === 'router' || metric.source === 'process')
    const sharedBy = Math.max(1, criteria.filter(({ judge: { kind } }) => kind === 'errors' || kind === 'latency').length)
    const seriesOf = ({ metric }: Criterion) => (metric.source === 'process' ? { ...track.router, values: track[metric.of] } : track.router)
    return criteria.map((criterion) => {
      const input: JudgeInput = { now: deps.clock.wallMs(), candidate: seriesOf(criterion), baseline: emptySeries(), frozen, candidateSince: since, stepSince: since, weightPercent: 100, crashes: track.crashes.filter((at) => at >= since) }
      const result = judgeCriterion(criterion, input, { sharedBy })
      return { ...result, name: `${service}: ${result.name}`, why: `${service} ${live}: ${result.why}` }
    })
  }

  return {
    /** Records also while nothing is judged, so that there is a before. Null: none of its services is known here. */
    judge(state: MigrationState): readonly CriterionResult[] | null {
      const results = state.definition.services.flatMap(({ service }) => judgeService(state, service))
      return results.length === 0 ? null : results
    },
  }
}
