import { z } from 'zod'
import { ENVIRONMENTS, READINESS } from './vocabulary.ts'

export const environmentNameSchema = z.enum(ENVIRONMENTS)

/** Whole percent of live requests, 0 to 100. */
export const weightPercentSchema = z.int().min(0).max(100)

/** Share of live requests per environment. Sums to 100; or both are 0: out of service. */
export const weightsSchema = z
  .strictObject({ blue: weightPercentSchema, green: weightPercentSchema })
  .refine((w) => w.blue + w.green === 100 || w.blue + w.green === 0, 'weights sum to 100, or are both 0')
export type Weights = Readonly<z.infer<typeof weightsSchema>>

export const OUT_OF_SERVICE: Weights = { blue: 0, green: 0 }

/**
 * Something read from the world, with when it was read; or that it cannot be read, with since when.
 * Times are wall clock milliseconds since 1970 UTC.
 */
export function observedSchema<T extends z.ZodType>(value: T) {
  return z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('known'), value, observedAt: z.number() }),
    z.strictObject({ kind: z.literal('unknown'), since: z.number(), why: z.string() }),
  ])
}
export type Observed<T> =
  | { readonly kind: 'known'; readonly value: T; readonly observedAt: number }
  | { readonly kind: 'unknown'; readonly since: number; readonly why: string }

/** What is deployed: an immutable artifact reference and the digest of its configuration. */
export const versionRefSchema = z.strictObject({
  version: z.string().min(1).max(200),
  /** SHA-256 of the resolved configuration it runs with (command, variables, folder), hex. */
  configDigest: z.string(),
})
export type VersionRef = Readonly<z.infer<typeof versionRefSchema>>

export const observedEnvironmentSchema = z.strictObject({
  readiness: z.enum(READINESS),
  deployed: versionRefSchema.nullable(),
  /** Why it is not ready, in words for the operator; empty when ready or empty. */
  detail: z.string(),
  instances: z.strictObject({ ready: z.int(), wanted: z.int() }),
  restarts: z.int(),
  startedAt: z.number().nullable(),
  /** Percent of one core, whole process tree. */
  cpuPercent: z.number().nullable(),
  /** Resident bytes, whole process tree. */
  memoryBytes: z.number().nullable(),
  /** Requests being answered now, as the router counts them. */
  inFlight: z.int().nullable(),
  connections: z.int().nullable(),
})
export type ObservedEnvironment = Readonly<z.infer<typeof observedEnvironmentSchema>>

/** A shift that somebody must keep alive, or the provider holds or reverts it. */
export const leaseStateSchema = z.strictObject({
  id: z.string(),
  expiresAt: z.number(),
  onExpiry: z.enum(['hold', 'revert']),
  expired: z.boolean(),
})
export type LeaseState = Readonly<z.infer<typeof leaseStateSchema>>

/** One coherent reading of a service from its provider. */
export const observedServiceSchema = z.strictObject({
  weights: weightsSchema,
  /** Grows by one with every change of weights. Compare-and-set is against this number. */
  generation: z.int().min(0),
  /** Who or what made the current generation: the operation id, `lease` or `start`. */
  generationCause: z.string(),
  environments: z.strictObject({ blue: observedEnvironmentSchema, green: observedEnvironmentSchema }),
  liveAddress: z.string().nullable(),
  previewAddress: z.string().nullable(),
  lease: leaseStateSchema.nullable(),
})
export type ObservedService = Readonly<z.infer<typeof observedServiceSchema>>

/**
 * Counters of one environment over one second, as the router counted them.
 * Latency percentiles are in milliseconds, null when no request ended in that second.
 */
export const metricSampleSchema = z.strictObject({
  /** End of the second, wall clock milliseconds. */
  at: z.number(),
  requests: z.int(),
  /** Answers with status 500 and above, refused connections, resets and timeouts of the environment. */
  errors: z.int(),
  byClass: z.strictObject({ s2xx: z.int(), s3xx: z.int(), s4xx: z.int(), s5xx: z.int(), failed: z.int() }),
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  /** Pairs of bucket and count (core/analysis/latency-histogram.ts). Left empty towards screens and in rolled-up history. */
  latency: z.array(z.tuple([z.int(), z.int()])),
  inFlight: z.int(),
  connections: z.int(),
  cpuPercent: z.number().nullable(),
  memoryBytes: z.number().nullable(),
})
export type MetricSample = Readonly<z.infer<typeof metricSampleSchema>>

export const environmentSeriesSchema = z.strictObject({
  blue: z.array(metricSampleSchema),
  green: z.array(metricSampleSchema),
})
export type EnvironmentSeries = {
  readonly blue: readonly MetricSample[]
  readonly green: readonly MetricSample[]
}
