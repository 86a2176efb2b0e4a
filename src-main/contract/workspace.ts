import { z } from 'zod'
import { filePlaceSchema } from './fault.ts'
import { databaseSchema, migrationDefinitionSchema } from './migration-definition.ts'
import { flagSourceConfigSchema } from './flag.ts'
import { planSchema } from './plan.ts'
import { dataModeSchema } from './service.ts'
import { ROLES, TIERS } from './vocabulary.ts'

/** One thing wrong with a workspace file. */
export const workspaceProblemSchema = z.strictObject({
  place: filePlaceSchema,
  /** What is there. */
  message: z.string(),
  /** What is expected. */
  expected: z.string(),
})
export type WorkspaceProblem = Readonly<z.infer<typeof workspaceProblemSchema>>

/** A command the workspace would run on this machine. */
export const declaredCommandSchema = z.strictObject({
  service: z.string(),
  purpose: z.string(),
  command: z.string(),
  folder: z.string(),
})
export type DeclaredCommand = Readonly<z.infer<typeof declaredCommandSchema>>

/** An HTTP check of one environment on a schedule: its preview address while idle, its live share is asked there too. */
export const probeSchema = z.strictObject({
  name: z.string().min(1).max(100),
  path: z.string().startsWith('/'),
  everyMs: z.int().min(250).max(3_600_000),
  timeoutMs: z.int().min(50).max(60_000),
  expectStatus: z.int().min(100).max(599),
  /** Text the body must contain. */
  expectBody: z.string().nullable(),
})
export type Probe = Readonly<z.infer<typeof probeSchema>>

/** Where queries are sent. Secrets are references `${env:NAME}`, read when they are used, never kept or logged. */
export const metricsProviderSchema = z.strictObject({
  name: z.string().min(1).max(100),
  kind: z.enum(['prometheus']),
  url: z.string(),
  timeoutMs: z.int().min(100).max(120_000),
  /** How often its newest sample is expected to change; older than three of these is stale. */
  intervalMs: z.int().min(1000).max(3_600_000),
  headers: z.record(z.string(), z.string()),
  basic: z.strictObject({ user: z.string(), password: z.string() }).nullable(),
  bearer: z.string().nullable(),
  tls: z.strictObject({ caFile: z.string().nullable(), certFile: z.string().nullable(), keyFile: z.string().nullable() }).nullable(),
})
export type MetricsProviderConfig = Readonly<z.infer<typeof metricsProviderSchema>>

/** What a person is told of, outside the window. */
export const NOTIFICATION_EVENTS = ['rolledBack', 'held', 'warned', 'waiting', 'failed', 'completed', 'guardSuspended', 'metricsLost'] as const
export const webhookSchema = z.strictObject({
  name: z.string().min(1).max(100),
  url: z.string(),
  /** `json`: our own shape. `slack`: a text with blocks. */
  format: z.enum(['json', 'slack']),
  /** Signs the body (HMAC-SHA-256); a reference `${env:NAME}`, or null: unsigned. */
  secret: z.string().nullable(),
  on: z.array(z.enum(NOTIFICATION_EVENTS)).min(1),
})
export type Webhook = Readonly<z.infer<typeof webhookSchema>>

export const serviceConfigSchema = z.strictObject({
  name: z.string(),
  /** Key of a folder under providers/. */
  provider: z.string(),
  plan: planSchema,
  data: dataModeSchema,
  /** Released by the console itself, without gates, holds or baking, when the service has never had a release; null: none. */
  initialVersion: z.string().nullable(),
  /** HTTP checks on a schedule, a source of metrics of their own. */
  probes: z.array(probeSchema).max(20),
  /** The provider's own part, parsed by the provider's own schema. */
  settings: z.unknown(),
})
export type ServiceConfig = Readonly<z.infer<typeof serviceConfigSchema>>

export const workspaceSchema = z.strictObject({
  name: z.string(),
  tier: z.enum(TIERS),
  /** Absolute path of the file. */
  file: z.string(),
  /** SHA-256 of the file's bytes, hex. */
  digest: z.string(),
  services: z.array(serviceConfigSchema),
  /** Operators (OS user name or e-mail) and their role. Empty: whoever uses this OS account is admin. */
  roles: z.record(z.string(), z.enum(ROLES)),
  metricsProviders: z.array(metricsProviderSchema).max(20),
  databases: z.array(databaseSchema).max(20).default([]),
  migrations: z.array(migrationDefinitionSchema).max(200).default([]),
  flags: z.array(flagSourceConfigSchema).max(10).default([]),
  webhooks: z.array(webhookSchema).max(20),
  commands: z.array(declaredCommandSchema),
  /** SHA-256 over the commands; what trust is given to. */
  commandsDigest: z.string(),
  demo: z.boolean(),
  /** Everything stops when no console has been connected for so long, milliseconds; null: never. */
  idleStopMs: z.int().min(1000).nullable(),
})
export type Workspace = Readonly<z.infer<typeof workspaceSchema>>

/** What screens are told of the workspace. */
export const workspaceViewSchema = z.strictObject({
  name: z.string(),
  tier: z.enum(TIERS),
  file: z.string(),
  digest: z.string(),
  demo: z.boolean(),
  problems: z.array(workspaceProblemSchema),
  commands: z.array(declaredCommandSchema),
  commandsDigest: z.string(),
  trusted: z.boolean(),
  /** What is asked or told besides the services' provider. Names only; `test` is what `system.testConnection` takes. */
  connections: z.array(z.strictObject({ kind: z.enum(['metrics', 'webhook']), name: z.string(), detail: z.string(), test: z.string() })),
  /** Text of the file, for showing problems at their lines. */
  text: z.string(),
})
export type WorkspaceView = Readonly<z.infer<typeof workspaceViewSchema>>
