import type { Criterion, CriterionTrial, Metric } from '../contract/analysis.ts'
import { Fault } from '../contract/fault.ts'
import { type EnvironmentName, otherEnvironment } from '../contract/vocabulary.ts'
import { judgeCriterion } from '../core/analysis/judge.ts'
import { bucketOf, percentileMs } from '../core/analysis/latency-histogram.ts'
import { queryWindowMs } from '../core/analysis/query-window.ts'
import type { EngineDeps } from './deps.ts'
import type { Memory } from './memory.ts'
import { addReading, createRecording, emptySeries } from './recording.ts'

const LOOK_BACK_MS = 15 * 60_000
const SHOWN = 300

const SHARES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const

function isLatency(metric: Metric): metric is Extract<Metric, { of: 'latency' }> {
  return (metric.source === 'router' || metric.source === 'probe') && metric.of === 'latency'
}

/**
 * What a criterion would say now of an environment, as if it were the candidate with all its recent traffic. Acts on
 * nothing. A query that is wrong is an answer too: its notes say why. Faults: `notFound`.
 */
export async function tryCriterion(deps: EngineDeps, memory: Memory, service: string, criterion: Criterion, environment: EnvironmentName): Promise<CriterionTrial> {
  const config = memory.configs.get(service)
  if (!config) throw new Fault('notFound', `The workspace has no service ${service}.`, `Choose one of: ${[...memory.configs.keys()].join(', ')}.`)
  const now = deps.clock.wallMs()
  const fromAt = now - LOOK_BACK_MS
  const { metric, judge } = criterion
  const notes: string[] = []
  let query = ''
  let shown: readonly CriterionTrial['samples'][number][] | null = null
  const reading = memory.observed(service)
  const versionOn = (name: EnvironmentName) => (reading.kind === 'known' ? (reading.value.environments[name].deployed?.version ?? '') : '')

  async function asked(name: EnvironmentName) {
    if (!deps.metrics) throw new Fault('notFound', 'No metrics provider is declared.', 'Declare one under `metrics` in the workspace file.')
    const windowMs = queryWindowMs(criterion, deps.metrics.intervalMs(metric))
    return deps.metrics.tryQuery(metric, { service, environment: name, version: versionOn(name), windowMs }, fromAt)
  }

  const sides = { candidate: emptySeries(), baseline: emptySeries() }
  if (metric.source === 'query' || metric.source === 'probe') {
    const [candidate, baseline] = await Promise.all([asked(environment), asked(otherEnvironment(environment))])
    query = candidate.query
    notes.push(...candidate.notes, ...(judge.kind === 'threshold' ? [] : baseline.notes))
    shown = candidate.samples
    addReading(sides.candidate, candidate.reading, bucketOf)
    addReading(sides.baseline, baseline.reading, bucketOf)
  } else {
    const recording = createRecording()
    recording.add(await deps.provider(config.provider).metrics(service, fromAt))
    const columns = (name: EnvironmentName) => {
      const track = recording.tracks[name]
      return metric.source === 'process' ? { ...track.router, values: track[metric.of] } : track.router
    }
    sides.candidate = columns(environment)
    sides.baseline = columns(otherEnvironment(environment))
  }
  const weightPercent = reading.kind === 'known' ? Math.max(1, reading.value.weights[environment]) : 1
  const result = judgeCriterion(criterion, { now, ...sides, frozen: null, candidateSince: fromAt, stepSince: fromAt, weightPercent, crashes: [], ...(metric.source === 'query' && deps.metrics ? { intervalMs: deps.metrics.intervalMs(metric) } : {}) })
  const { at, requests, errors, latency, values } = sides.candidate
  const counted = (i: number): number | null => {
    if (isLatency(metric)) return percentileMs(new Map(latency[i]), metric.source === 'router' ? SHARES[metric.quantile] : SHARES.p95)
    return (requests[i] ?? 0) > 0 ? (errors[i] ?? 0) / (requests[i] ?? 1) : null
  }
  const samples = shown ?? at.map((each, i) => ({ at: each, value: values[i] ?? counted(i) }))
  return { query, samples: samples.slice(-SHOWN), notes, result }
}
