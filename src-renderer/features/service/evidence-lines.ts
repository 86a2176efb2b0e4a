import { z } from 'zod'
import { criterionResultSchema, criterionSchema, frozenBaselineSchema, seriesSchema, type Criterion, type CriterionResult, type Metric, type Series } from '../../../src-main/contract/analysis.ts'

/** What the journal keeps with a verdict: every result, and for those that decided, the samples they were made from. */
const evidenceSchema = z.object({
  results: z.array(criterionResultSchema),
  judged: z.array(
    z.object({
      criterion: criterionSchema,
      input: z.object({ now: z.number(), candidate: seriesSchema, baseline: seriesSchema, frozen: frozenBaselineSchema.nullable(), candidateSince: z.number(), stepSince: z.number(), weightPercent: z.number(), crashes: z.array(z.number()) }),
    }),
  ),
})
export type VerdictInput = Readonly<z.infer<typeof evidenceSchema>['judged'][number]['input']>

export interface JudgedEvidence {
  readonly criterion: Criterion
  readonly input: VerdictInput
  readonly result: CriterionResult
}

export interface VerdictEvidence {
  readonly results: readonly CriterionResult[]
  readonly judged: readonly JudgedEvidence[]
}

/** Reads the evidence of a verdict; null for anything else. */
export function readVerdictEvidence(value: unknown): VerdictEvidence | null {
  const read = evidenceSchema.safeParse(value)
  if (!read.success) return null
  const { results, judged } = read.data
  return {
    results,
    judged: judged.flatMap(({ criterion, input }) => {
      const result = results.find(({ name }) => name === criterion.name)
      return result ? [{ criterion, input, result }] : []
    }),
  }
}

export interface EvidencePoint {
  /** End of the stretch it sums up. */
  readonly at: number
  /** In the metric's unit; null where nothing was counted. */
  readonly candidate: number | null
  readonly baseline: number | null
  readonly candidateRequests: number
  readonly candidateErrors: number
  readonly baselineRequests: number
  readonly baselineErrors: number
}

/** About one per two pixels. */
const POINTS = 200
/** Shown before the judged stretch, so that it can be seen to stand out: as long as itself, within bounds. */
const LEAD_MS = { min: 15_000, max: 60_000 } as const

interface Sum {
  requests: number
  errors: number
  readonly latency: Map<number, number>
  value: number | null
}

/** Both sides over time, summed into at most 200 points that end with the verdict. */
export function evidencePoints({ criterion, input, result }: JudgedEvidence): { readonly points: readonly EvidencePoint[]; readonly bucketMs: number } {
  const { metric } = criterion
  const first = Math.min(input.candidate.at[0] ?? input.now, input.baseline.at[0] ?? input.now)
  const fromMs = Math.max(first - 1000, result.fromAt - Math.min(LEAD_MS.max, Math.max(LEAD_MS.min, result.toAt - result.fromAt)))
  const bucketMs = Math.max(1000, Math.ceil((input.now - fromMs) / POINTS / 1000) * 1000)
  const start = Math.floor(fromMs / bucketMs)
  const count = Math.max(0, Math.ceil(input.now / bucketMs) - start)
  const candidate = sums(input.candidate, start, count, bucketMs)
  const baseline = sums(input.baseline, start, count, bucketMs)
  const points = Array.from({ length: count }, (_, index): EvidencePoint => {
    const [mine, other] = [candidate[index], baseline[index]]
    return {
      at: (start + index + 1) * bucketMs,
      candidate: mine ? valueOf(metric, mine) : null,
      baseline: other ? valueOf(metric, other) : null,
      candidateRequests: mine?.requests ?? 0,
      candidateErrors: mine?.errors ?? 0,
      baselineRequests: other?.requests ?? 0,
      baselineErrors: other?.errors ?? 0,
    }
  })
  return { points, bucketMs }
}

function sums(series: Series, start: number, count: number, bucketMs: number): readonly (Sum | undefined)[] {
  const all: (Sum | undefined)[] = Array.from({ length: count })
  series.at.forEach((at, column) => {
    const index = Math.ceil(at / bucketMs) - 1 - start
    if (index < 0 || index >= count) return
    const sum = (all[index] ??= { requests: 0, errors: 0, latency: new Map(), value: null })
    sum.requests += series.requests[column] ?? 0
    sum.errors += series.errors[column] ?? 0
    sum.value = series.values[column] ?? sum.value
    for (const [bucket, times] of series.latency[column] ?? []) sum.latency.set(bucket, (sum.latency.get(bucket) ?? 0) + times)
  })
  return all
}

function valueOf(metric: Metric, sum: Sum): number | null {
  if (metric.source === 'query' || metric.source === 'process') return sum.value
  if (metric.of === 'latency') return quantileMs(sum.latency, metric.source === 'router' ? QUANTILES[metric.quantile] : 0.95)
  return sum.requests === 0 ? null : sum.errors / sum.requests
}

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const

/** Reads the stored log-linear histogram (32 buckets per power of two of microseconds) for the eye; the verdict was made by the core. */
export function quantileMs(latency: ReadonlyMap<number, number>, share: number): number | null {
  const total = [...latency.values()].reduce((sum, times) => sum + times, 0)
  if (total === 0) return null
  let seen = 0
  for (const bucket of [...latency.keys()].toSorted((a, b) => a - b)) {
    seen += latency.get(bucket) ?? 0
    if (seen >= total * share) return bucket < 32 ? bucket / 1000 : ((bucket % 32) + 32.5) * 2 ** (Math.floor(bucket / 32) - 1) / 1000
  }
  return null
}

/** Requests and errors of a side inside the judged stretch. */
export function countsIn(series: Series, fromMs: number, toMs: number): { readonly requests: number; readonly errors: number } {
  let [requests, errors] = [0, 0]
  series.at.forEach((at, column) => {
    if (at <= fromMs || at > toMs) return
    requests += series.requests[column] ?? 0
    errors += series.errors[column] ?? 0
  })
  return { requests, errors }
}
