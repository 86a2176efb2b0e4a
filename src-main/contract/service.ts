import { z } from 'zod'
import { tableNameSchema } from './migration-definition.ts'
import { planSchema } from './plan.ts'
import { blockSchema, releaseViewSchema } from './release.ts'
import {
  environmentNameSchema,
  environmentSeriesSchema,
  metricSampleSchema,
  observedSchema,
  observedServiceSchema,
  versionRefSchema,
  weightsSchema,
} from './traffic.ts'
import { HEALTH_STATES } from './vocabulary.ts'

/** What a provider can do. What it cannot is shown as absent, with the reason. */
export const capabilitiesSchema = z.strictObject({
  /** Smallest step of weight it can set, in percent; 100 means all or nothing. */
  weightGranularityPercent: z.int().min(1).max(100),
  previewAddress: z.boolean(),
  /** True when weights are read back from the data plane, not from a stored wish. */
  verifiedWeights: z.boolean(),
  /** Who walks the steps of a plan. */
  stepsRunBy: z.enum(['console', 'controller']),
  compareAndSet: z.boolean(),
  /** True when it keeps a lease and holds or reverts by itself. */
  leases: z.boolean(),
  logs: z.boolean(),
  metrics: z.boolean(),
  /** For every false or absent one: why, for the operator. */
  notes: z.record(z.string(), z.string()),
})
export type Capabilities = Readonly<z.infer<typeof capabilitiesSchema>>

/** Two databases of the workspace, by name, one following the other by PostgreSQL's logical replication. */
export const pairModeSchema = z.strictObject({
  blue: z.string(),
  green: z.string(),
  /** Null: every table of both. */
  tables: z.array(tableNameSchema).min(1).max(1000).nullable(),
})
export type PairMode = Readonly<z.infer<typeof pairModeSchema>>

export const dataModeSchema = z.discriminatedUnion('kind', [
  /** Both environments use the same data. */
  z.strictObject({ kind: z.literal('shared') }),
  /** Each environment has its own; something else keeps them in step and can say how far behind it is. */
  z.strictObject({
    kind: z.literal('perEnvironment'),
    sync: z.strictObject({
      /** HTTP address answering `{"lagMs": number}`, or a command printing it. */
      url: z.string().nullable(),
      command: z.string().nullable(),
      /** Or logical replication between two databases of the workspace, which is set up, compared and turned round from here. */
      postgres: pairModeSchema.nullable().optional(),
    }),
    maxLagMs: z.int().min(0),
  }),
])
export type DataMode = Readonly<z.infer<typeof dataModeSchema>>

export const dataSyncSchema = observedSchema(z.strictObject({ lagMs: z.number() }))

/** A version that could be deployed, and what it would change. */
export const versionOptionSchema = z.strictObject({
  version: z.string(),
  configDigest: z.string(),
  /** From the version's manifest, or empty. */
  title: z.string(),
  changes: z.array(z.string()),
  createdAt: z.number().nullable(),
  /** Why it cannot be deployed, or null. */
  problem: z.string().nullable(),
  deployedOn: environmentNameSchema.nullable(),
})
export type VersionOption = Readonly<z.infer<typeof versionOptionSchema>>

export const serviceViewSchema = z.strictObject({
  name: z.string(),
  provider: z.string(),
  capabilities: capabilitiesSchema,
  /** Grows with every change of this view's durable part. */
  revision: z.int(),
  plan: planSchema,
  data: dataModeSchema,
  dataSync: dataSyncSchema.nullable(),
  observed: observedSchema(observedServiceSchema),
  /** What the console last asked for; null before any release. Differs from observed while a shift is under way, or when someone else acted. */
  desiredWeights: weightsSchema.nullable(),
  /** The environment with most of the traffic as observed; null when none has any or it is unknown. */
  live: environmentNameSchema.nullable(),
  /** Last known stable version and where it runs. */
  stable: z.strictObject({ environment: environmentNameSchema, deployed: versionRefSchema }).nullable(),
  health: z.enum(HEALTH_STATES),
  healthReason: z.string(),
  latest: z.strictObject({ blue: metricSampleSchema.nullable(), green: metricSampleSchema.nullable() }),
  release: releaseViewSchema.nullable(),
  queued: z.array(releaseViewSchema),
  /** Set when an environment with live traffic was stopped (reboot, stop --all): the act that brings it back. */
  startAgain: z.strictObject({ label: z.string(), effect: z.string(), blocks: z.array(blockSchema) }).nullable(),
  /** Why a new release cannot be started now; empty when it can. */
  newReleaseBlocks: z.array(blockSchema),
})
export type ServiceView = Readonly<z.infer<typeof serviceViewSchema>>

/** Something that waits for a person. */
export const waitingItemSchema = z.strictObject({
  id: z.string(),
  service: z.string(),
  releaseId: z.string().nullable(),
  /** Set for kind `migration`: which one. `service` is its title then. */
  migration: z.string().optional(),
  /** Set for kind `flag`: which one, of which source. `service` is its key then. */
  flag: z.strictObject({ source: z.string(), key: z.string() }).optional(),
  kind: z.enum(['gate', 'approval', 'failed', 'window', 'health', 'lease', 'manualStep', 'analysis', 'reasonOwed', 'migration', 'flag']),
  title: z.string(),
  detail: z.string(),
  /** When it stops waiting by itself; null when never. */
  expiresAt: z.number().nullable(),
  since: z.number(),
})
export type WaitingItem = Readonly<z.infer<typeof waitingItemSchema>>

export const logLineSchema = z.strictObject({
  at: z.number(),
  stream: z.enum(['stdout', 'stderr', 'supervisor']),
  text: z.string(),
})
export type LogLine = Readonly<z.infer<typeof logLineSchema>>

export const metricsHistorySchema = z.strictObject({
  /** Milliseconds between points; 1000 in the live window, more when rolled up. */
  resolutionMs: z.int(),
  series: environmentSeriesSchema,
})
export type MetricsHistory = Readonly<z.infer<typeof metricsHistorySchema>>
