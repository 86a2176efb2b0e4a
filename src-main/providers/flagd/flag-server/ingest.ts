import { z } from 'zod'
import type { EvaluationCounts } from './evaluation-counts.ts'
import type { Exposures } from './exposures.ts'
import type { FlagService } from './flag-service.ts'
import type { OutcomeCounts } from './outcome-counts.ts'

const MAX_EVENTS = 1000
const MAX_LATENCIES = 10_000
const MAX_COUNT = 10_000_000
const latencyMs = z.number().min(0).max(4_000_000)
const name = z.string().min(1).max(256)
const common = { set: z.string().max(100).optional() }
const eventSchema = z.discriminatedUnion('kind', [
  /** What a hook counted in an app that evaluates in process. */
  z.strictObject({ ...common, kind: z.literal('evaluations'), flag: name, variant: name, count: z.int().min(1).max(MAX_COUNT) }),
  /** Requests served with this variant since the last report, 0 to say that there were none: silence would be missing data. */
  z
    .strictObject({
      ...common,
      kind: z.literal('requests'),
      flag: name,
      variant: name,
      /** Wall clock ms; left out: now. */
      at: z.number().optional(),
      count: z.int().min(0).max(MAX_COUNT),
      errors: z.int().min(0).max(MAX_COUNT).default(0),
      /** Of these requests, all or some: each one, or pairs of milliseconds and how many. */
      latencyMs: z.array(z.union([latencyMs, z.tuple([latencyMs, z.int().min(1).max(MAX_COUNT)])])).max(MAX_LATENCIES).default([]),
    })
    .refine(({ count, errors }) => errors <= count, { path: ['errors'], message: 'more errors than requests' })
    .refine(({ count, latencyMs }) => latencyMs.reduce<number>((sum, one) => sum + (typeof one === 'number' ? 1 : one[1]), 0) <= count, { path: ['latencyMs'], message: 'more latencies than requests' }),
  /** This user met this variant where it matters. */
  z.strictObject({ ...common, kind: z.literal('exposure'), flag: name, variant: name, targetingKey: name }),
  /** This user did something. Without `value` it counts once for each user, however often it is done; values are added up. */
  z.strictObject({ ...common, kind: z.literal('conversion'), metric: z.string().regex(/^[A-Za-z][A-Za-z0-9._-]{0,99}$/), targetingKey: name, value: z.number().min(-1e12).max(1e12).optional() }),
])
const batchSchema = z.strictObject({ events: z.array(z.unknown()).max(MAX_EVENTS) })

export interface IngestAnswer {
  readonly accepted: number
  readonly rejected: readonly { readonly index: number; readonly why: string }[]
}

export interface Ingest {
  /** Null: the body is no batch. Each event stands for itself: one that is wrong does not stop the others. */
  take(body: unknown): IngestAnswer | null
}

/** Only flags and variants that exist are counted: nobody can fill memory with names. */
export function openIngest(flags: FlagService, counts: EvaluationCounts, exposures: Exposures, outcomes: OutcomeCounts): Ingest {
  /** Where nobody is drawn there is nothing to compare, and what was counted before stays as it was. */
  const isExperiment = (set: string, key: string): boolean => flags.hasSplit(set, key)
  const takeOne = (raw: unknown): string | null => {
    const parsed = eventSchema.safeParse(raw)
    if (!parsed.success) return parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
    const event = parsed.data
    const set = event.set ?? flags.defaultSet
    if (event.kind === 'conversion') return exposures.convert(set, event.metric, event.targetingKey, event.value ?? null, (flag) => isExperiment(set, flag)) ? null : 'too many different metrics'
    const flag = flags.flag(set, event.flag)
    if (!flag) return `there is no flag "${event.flag}" in "${set}"`
    if (!flag.variants.has(event.variant)) return `"${event.flag}" has no variant "${event.variant}"`
    if (event.kind === 'evaluations') counts.add(set, event.flag, event.variant, event.count)
    else if (event.kind === 'requests') {
      const { at = null, count, errors } = event
      const latency = event.latencyMs.map((one) => (typeof one === 'number' ? ([one, 1] as const) : one))
      if (!outcomes.add(set, event.flag, event.variant, at, { count, errors, latency })) return 'too many flags are being measured'
    } else if (isExperiment(set, event.flag) && !exposures.expose(set, event.flag, String(flag.metadata['signalbox.experiment'] ?? ''), event.variant, event.targetingKey)) return 'too many flags are being compared'
    return null
  }
  return {
    take(body) {
      const batch = batchSchema.safeParse(body)
      if (!batch.success) return null
      const rejected: { index: number; why: string }[] = []
      for (const [index, raw] of batch.data.events.entries()) {
        const why = takeOne(raw)
        if (why !== null) rejected.push({ index, why })
      }
      return { accepted: batch.data.events.length - rejected.length, rejected }
    },
  }
}
