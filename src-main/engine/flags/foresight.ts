import type { FlagRollout } from '../../contract/flag.ts'
import { expectedDetectionMs } from '../../core/analysis/expected-detection.ts'
import { criteriaAt, rolloutEnded } from '../../core/flags/rollout/state.ts'
import type { Board } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import type { Guard } from './guard.ts'

export interface StageForesight {
  /** Until harm of the declared sizes would be found, 9 of 10 times, ms; null: not within a day, or unknown traffic. */
  readonly detectionMs: number | null
  /** Traffic is known, and the hold is over before that. */
  readonly tooShort: boolean
}

/** The judge's record reaches so far back. */
const HISTORY_MS = 15 * 60_000
/** What is counted anew each second changes little in so long. */
const FRESH_MS = 10_000
const RETRY_MS = 1000

/** How soon harm would be found at each stage, with the traffic of now. */
export function createForesight(deps: FlagsDeps, board: Board, guard: Guard) {
  const kept = new Map<string, { readonly until: number; readonly key: string; readonly stages: readonly StageForesight[] }>()

  interface Traffic {
    readonly requestsPerSecond: number
    readonly errorRatio: number
    readonly historyMs: number
  }

  function trafficOf(rollout: FlagRollout): Traffic | null {
    const own = guard.traffic(rollout)
    if (own) return own
    const services = board.find(rollout.source)?.config.services ?? []
    const found = services.flatMap((service) => deps.liveTraffic(service) ?? [])
    const requestsPerSecond = found.reduce((sum, each) => sum + each.requestsPerSecond, 0)
    if (requestsPerSecond === 0) return null
    return { requestsPerSecond, errorRatio: found.reduce((sum, each) => sum + each.errorRatio * each.requestsPerSecond, 0) / requestsPerSecond, historyMs: Math.min(...found.map(({ historyMs }) => historyMs)) }
  }

  /** What differs by a tenth foretells the same. */
  function rounded(traffic: Traffic | null): Traffic | null {
    if (!traffic) return null
    const minutes = Math.max(1, Math.floor(traffic.historyMs / 60_000))
    return { requestsPerSecond: Number(traffic.requestsPerSecond.toPrecision(2)), errorRatio: Number(traffic.errorRatio.toPrecision(1)), historyMs: traffic.historyMs < 60_000 ? traffic.historyMs : Math.min(HISTORY_MS, minutes * 60_000) }
  }

  function stage(rollout: FlagRollout, index: number, traffic: Traffic | null, exposedShare: number): StageForesight {
    const { audience, percent, holdMs } = rollout.plan.stages[index] ?? { audience: null, percent: 0, holdMs: 0 }
    // How many an audience of its own is shows only once it has the variant.
    const measured = index === rollout.verifiedStage ? exposedShare : 0
    const share = audience?.kind === 'everyone' ? percent / 100 : measured
    if (!traffic || share === 0) return { detectionMs: null, tooShort: false }
    const criteria = criteriaAt(rollout, index).filter(({ severity }) => severity === 'fail')
    const smallest = Math.min(...rollout.plan.variants.map((each) => each.share)) / 100
    const sequential = criteria.filter(({ judge: { kind } }) => kind === 'errors' || kind === 'latency').length
    const rates = { candidateRps: traffic.requestsPerSecond * share * smallest, baselineRps: traffic.requestsPerSecond * (1 - share), baselineErrorRatio: traffic.errorRatio, historyMs: Math.min(HISTORY_MS, traffic.historyMs) }
    const found = criteria.map((criterion) => expectedDetectionMs(criterion, rates, { sharedBy: Math.max(1, sequential * rollout.plan.variants.length) }))
    // The promise is for every criterion that takes it back: the slowest of them counts.
    const detectionMs = found.length === 0 || found.includes(null) ? null : Math.max(...found.map((each) => each ?? 0))
    return { detectionMs, tooShort: criteria.length > 0 && (detectionMs === null || detectionMs > holdMs) }
  }

  return (rollout: FlagRollout): readonly StageForesight[] => {
    const known = kept.get(rollout.id)
    const now = deps.clock.monotonicMs()
    // Of what is over, what was promised last stands.
    if (known && (now < known.until || rolloutEnded(rollout.phase))) return known.stages
    const traffic = rolloutEnded(rollout.phase) ? null : rounded(trafficOf(rollout))
    const measured = Number((guard.traffic(rollout)?.exposedShare ?? 0).toPrecision(1))
    // Foretelling takes a tenth of a second of work: it is done anew where there is something new to foretell.
    const key = JSON.stringify([traffic, measured, rollout.verifiedStage])
    const stages = known?.key === key ? known.stages : rollout.plan.stages.map((_stage, index) => stage(rollout, index, traffic, measured))
    // What is only asked about is not kept.
    if (board.rollout(rollout.id)) kept.set(rollout.id, { until: now + (traffic ? FRESH_MS : RETRY_MS), key, stages })
    return stages
  }
}
