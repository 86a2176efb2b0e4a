import { z } from 'zod'
import { databaseSchema } from '../../contract/migration-definition.ts'
import { fileSettingsSchema } from '../flagd/file-settings.ts'

const durationMs = z.int().min(0).max(30 * 24 * 3600 * 1000)
const variables = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a variable name: letters, digits and underscores'), z.string())
const portSchema = z.int().min(0).max(65_535)

/** How the supervisor finds out that a process may get requests. Probed on loopback until it passes or the deadline is over. */
export const readyProbeSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('http'),
    path: z.string().startsWith('/').default('/'),
    /** Exact status to expect; null accepts any below 400. */
    expectStatus: z.int().min(100).max(599).nullable().default(null),
    /** Deadline from the start of the process to its first passed probe. */
    timeoutMs: durationMs.default(30_000),
    intervalMs: durationMs.min(20).default(200),
  }),
  z.strictObject({
    kind: z.literal('tcp'),
    timeoutMs: durationMs.default(30_000),
    intervalMs: durationMs.min(20).default(200),
  }),
])
export type ReadyProbe = Readonly<z.infer<typeof readyProbeSchema>>

/** Where the versions to pick from are listed. */
export const versionSourceSchema = z.discriminatedUnion('kind', [
  /** Each subfolder of `path` (absolute) is a version; an optional `version.json` or `package.json` in it gives title and changes. */
  z.strictObject({ kind: z.literal('folder'), path: z.string().min(1) }),
  z.strictObject({ kind: z.literal('list'), versions: z.array(z.string().min(1)).min(1) }),
  /** Prints one version per line, newest first; text after a tab is its title. Run by the shell in `folder`, or above its first template. */
  z.strictObject({ kind: z.literal('command'), command: z.string().min(1) }),
])
export type VersionSource = Readonly<z.infer<typeof versionSourceSchema>>

/**
 * One service's part of the workspace for the local provider, with every path absolute and every default filled in.
 * `run` and `folder` are templates: `${version}`, `${environment}` and `${port}` are replaced (`${port}` in `run` and variables only).
 */
export const localSettingsSchema = z.strictObject({
  /** Run by the shell, in its own process group. */
  run: z.string().min(1),
  /** Absolute working folder, may contain `${version}`. */
  folder: z.string().min(1),
  /** Variables of both environments, then those of one. Their values may use the templates too. */
  env: variables.default({}),
  envBlue: variables.default({}),
  envGreen: variables.default({}),
  /** Databases whose addresses variables refer to, by name. A practice database is started when a process needs its address. */
  databases: z.record(z.string(), databaseSchema.shape.connection).default({}),
  /** Flag sources whose server's addresses variables refer to, by name. It is started when a process needs its address. */
  flags: z.record(z.string(), fileSettingsSchema).default({}),
  /** Where users come in. Port 0: one is picked once and kept. */
  address: z.strictObject({ host: z.string().default('127.0.0.1'), port: portSchema.default(0) }).prefault({}),
  /** Where the candidate is tested; users do not reach it. */
  preview: z.strictObject({ host: z.string().default('127.0.0.1'), port: portSchema.default(0) }).prefault({}),
  ready: readyProbeSchema.prefault({ kind: 'http' }),
  /** Repeats the readiness probe on a running process; so many failures in a row restart it. Null: only its exit counts. */
  live: z
    .strictObject({
      intervalMs: durationMs.min(100).default(2_000),
      timeoutMs: durationMs.min(50).default(2_000),
      failures: z.int().min(1).default(3),
    })
    .nullable()
    .default(null),
  /** From SIGTERM to SIGKILL. */
  stopGraceMs: durationMs.default(10_000),
  /** How long a deploy lets requests in flight end on the process it replaces. */
  drainMs: durationMs.default(30_000),
  /** A process that ends by itself is started again, after a pause that doubles; more than `maxInWindow` times in `windowMs` is a crash loop. */
  restart: z
    .strictObject({
      maxInWindow: z.int().min(0).default(4),
      windowMs: durationMs.default(60_000),
      backoffMs: durationMs.default(250),
      maxBackoffMs: durationMs.default(10_000),
    })
    .prefault({}),
  /** Keeps a user on one environment. Roll back overrides it at once. */
  sticky: z
    .strictObject({ cookie: z.string().regex(/^[A-Za-z0-9_-]+$/, 'a cookie name').default('signalbox'), ttlMs: durationMs.default(3_600_000) })
    .nullable()
    .default(null),
  versions: versionSourceSchema,
  timeouts: z
    .strictObject({
      connectMs: durationMs.min(1).default(2_000),
      /** From the request to the head of its answer. */
      headersMs: durationMs.default(60_000),
      /** Silence inside an answer's body. */
      idleMs: durationMs.default(600_000),
    })
    .prefault({}),
  /** What happens when the environment with the traffic dies while the other one is ready: only say so, or switch too. */
  onLiveDeath: z.enum(['offer', 'switch']).default('offer'),
  /** Resident bytes of the process tree above which it is restarted. */
  memoryLimitBytes: z.int().min(1).nullable().default(null),
})
export type LocalSettings = Readonly<z.infer<typeof localSettingsSchema>>
/** What may be written, before defaults. */
export type LocalSettingsInput = z.input<typeof localSettingsSchema>
