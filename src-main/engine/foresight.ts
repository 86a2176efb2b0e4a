import type { Foresight } from '../contract/analysis.ts'
import { Fault } from '../contract/fault.ts'
import type { Plan } from '../contract/plan.ts'
import { ENVIRONMENTS } from '../contract/vocabulary.ts'
import { expectedDetectionMs } from '../core/analysis/expected-detection.ts'
import type { EngineDeps } from './deps.ts'
import type { Memory } from './memory.ts'

/** How far back the record of the stable version will reach when the switch comes. */
const HISTORY_MS = 15 * 60_000

/** What the criteria of a plan would find in time with the traffic of now. Faults: `notFound`. */
export async function foresee(deps: EngineDeps, memory: Memory, service: string, given: Plan | undefined): Promise<Foresight> {
  const config = memory.configs.get(service)
  if (!config) throw new Fault('notFound', `The workspace has no service ${service}.`, `Choose one of: ${[...memory.configs.keys()].join(', ')}.`)
  const plan = given ?? config.plan
  const now = deps.clock.wallMs()
  const provider = deps.provider(config.provider)
  // Traffic that cannot be read is no reason not to show the plan: with none, nothing is found in time.
  const series = provider.capabilities.metrics ? await provider.metrics(service, now - HISTORY_MS).catch(() => memory.samples(service)) : memory.samples(service)
  const samples = ENVIRONMENTS.flatMap((environment) => series[environment])
  const first = Math.min(now, ...samples.filter(({ requests }) => requests > 0).map(({ at }) => at - 1000))
  const historyMs = now - first
  const requests = samples.reduce((sum, sample) => sum + sample.requests, 0)
  const errors = samples.reduce((sum, sample) => sum + sample.errors, 0)
  const requestsPerSecond = historyMs > 0 ? (requests * 1000) / historyMs : 0
  const errorRatio = requests > 0 ? errors / requests : 0
  return {
    requestsPerSecond,
    errorRatio,
    steps: plan.steps.map(({ weightPercent, hold, criteria }, index) => {
      const isLast = index === plan.steps.length - 1
      const holdMs = isLast ? plan.bakeMs : hold.kind === 'manual' ? null : hold.ms
      const inForce = criteria ?? plan.criteria
      const sharedBy = Math.max(1, inForce.filter(({ judge: { kind } }) => kind === 'errors' || kind === 'latency').length)
      const rates = {
        candidateRps: (requestsPerSecond * weightPercent) / 100,
        baselineRps: (requestsPerSecond * (100 - weightPercent)) / 100,
        baselineErrorRatio: errorRatio,
        historyMs,
      }
      return {
        weightPercent,
        holdMs,
        criteria: inForce.map((criterion) => {
          const detectionMs = expectedDetectionMs(criterion, rates, { sharedBy })
          return { name: criterion.name, detectionMs, tooShort: holdMs !== null && (detectionMs === null || detectionMs > holdMs) }
        }),
      }
    }),
  }
}
