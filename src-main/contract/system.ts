import { z } from 'zod'
import { migrationSampleSchema, migrationViewSchema } from './migration.ts'
import { operatorSchema } from './release.ts'
import { flagSourceViewSchema, flagSummarySchema, rolloutViewSchema } from './flag.ts'
import { metricSampleSchema } from './traffic.ts'
import { serviceViewSchema, waitingItemSchema } from './service.ts'
import { journalEntrySchema } from './journal.ts'
import { workspaceViewSchema } from './workspace.ts'
import { ROLES } from './vocabulary.ts'

/** The state of the console itself. */
export const systemStatusSchema = z.strictObject({
  protocol: z.int(),
  appVersion: z.string(),
  host: z.enum(['web', 'desktop', 'terminal']),
  /**
   * `control`: acts. `readOnly`: another console has the data folder, or the journal could not be opened for writing.
   * `audit`: a journal opened with --audit.
   */
  mode: z.enum(['control', 'readOnly', 'audit']),
  modeReason: z.string(),
  operator: operatorSchema,
  role: z.enum(ROLES),
  /** True until name and e-mail were given once. */
  identityNeeded: z.boolean(),
  workspace: workspaceViewSchema,
  journal: z.strictObject({
    count: z.int(),
    head: z.string(),
    /** False: only roll back and kill switch go on, through the emergency file. */
    writable: z.boolean(),
    problem: z.string(),
  }),
  /** Providers this console talks to, and how fresh their last answer is. */
  providers: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), detail: z.string(), lastAnswerAt: z.number().nullable() })),
  dataFolder: z.string(),
  startedAt: z.number(),
  now: z.number(),
})
export type SystemStatus = Readonly<z.infer<typeof systemStatusSchema>>

/**
 * What `system.watch` carries. The first items are a whole snapshot, closed by `ready`. Later items replace the one
 * with the same kind and key. After `resync` the client drops what it has: a whole snapshot follows.
 */
export const watchItemSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('status'), status: systemStatusSchema }),
  z.strictObject({ kind: z.literal('service'), service: serviceViewSchema }),
  z.strictObject({ kind: z.literal('serviceRemoved'), name: z.string() }),
  z.strictObject({ kind: z.literal('metrics'), service: z.string(), blue: metricSampleSchema.nullable(), green: metricSampleSchema.nullable() }),
  z.strictObject({ kind: z.literal('migration'), migration: migrationViewSchema }),
  z.strictObject({ kind: z.literal('migrationRemoved'), id: z.string() }),
  z.strictObject({ kind: z.literal('migrationSample'), migration: z.string(), sample: migrationSampleSchema }),
  /** A set of flags changed: lists are fetched anew when `digest` did. */
  z.strictObject({ kind: z.literal('flagSource'), source: flagSourceViewSchema }),
  /** One line changed for a reason that is not in the digest: a rollout, evaluations. */
  z.strictObject({ kind: z.literal('flag'), flag: flagSummarySchema }),
  z.strictObject({ kind: z.literal('rollout'), rollout: rolloutViewSchema }),
  z.strictObject({ kind: z.literal('waiting'), items: z.array(waitingItemSchema) }),
  z.strictObject({ kind: z.literal('journal'), entry: journalEntrySchema }),
  z.strictObject({ kind: z.literal('ready') }),
  z.strictObject({ kind: z.literal('resync'), reason: z.string() }),
])
export type WatchItem = Readonly<z.infer<typeof watchItemSchema>>

/** Items with the same key replace each other in a slow client's queue. */
export function watchItemKey(item: WatchItem): string {
  switch (item.kind) {
    case 'service':
      return `service:${item.service.name}`
    case 'serviceRemoved':
      return `service:${item.name}`
    case 'metrics':
      return `metrics:${item.service}`
    case 'migration':
      return `migration:${item.migration.id}`
    case 'migrationRemoved':
      return `migration:${item.id}`
    case 'migrationSample':
      return `migrationSample:${item.migration}`
    case 'flagSource':
      return `flagSource:${item.source.name}`
    case 'flag':
      return `flag:${item.flag.source}:${item.flag.key}`
    case 'rollout':
      return `rollout:${item.rollout.rollout.id}`
    case 'journal':
      return 'journal'
    default:
      return item.kind
  }
}
