import { z } from 'zod'
import { faultDataSchema } from './fault.ts'
import { criterionResultSchema } from './analysis.ts'
import { migrationDefinitionSchema, tableNameSchema } from './migration-definition.ts'
import { blockSchema, operatorSchema } from './release.ts'
import { observedSchema } from './traffic.ts'

/** The four phases, by the names people know them by. */
export const MIGRATION_STAGES = ['shadowReads', 'dualWrites', 'switching', 'cleanup'] as const
export type MigrationStage = (typeof MIGRATION_STAGES)[number]

/**
 * Where a migration is. `planned`: only declared, the database knows nothing of it. Each of the others is a row in the
 * database, changed in the same transaction as the structure it speaks of.
 */
export const MIGRATION_PHASES = [
  'planned',
  /** Projection over old data; compared reads; full read-only scan. */
  'shadowReads',
  /** Structure and triggers are there; rows are being copied. */
  'backfilling',
  /** All rows are there; constraints are validated, unique indexes built, one full pass compared. */
  'verifying',
  /** Both sides written in one transaction and continuously compared; old is authoritative. */
  'dualWrites',
  /** A share of entities reads the new side. */
  'switchingReads',
  /** New is authoritative; old is kept equal by reverse sync. */
  'switchedWrites',
  /** Old structure renamed away, still kept equal: the last place with a way back. */
  'tombstoned',
  'completed',
  /** Readers and writers are back on old; structure is being taken away. */
  'rollingBack',
  'rolledBack',
] as const
export type MigrationPhase = (typeof MIGRATION_PHASES)[number]

/** `stepBack`: one level back within switching (writes to old, then reads to old), lossless, without undoing dual writes. */
export const MIGRATION_COMMANDS = ['start', 'advance', 'approve', 'pause', 'resume', 'stepBack', 'rollBack', 'retry'] as const
export type MigrationCommand = (typeof MIGRATION_COMMANDS)[number]

/** Transactional steps: each is one transaction together with the change of state. */
export const MIGRATION_STEPS = ['none', 'createShadow', 'expand', 'setReads', 'setWrites', 'tombstone', 'untombstone', 'drop', 'collapse'] as const
export type MigrationStep = (typeof MIGRATION_STEPS)[number]

/** Work that goes on in a phase, in small transactions, resumed from where it was. */
export const MIGRATION_WORK = ['shadowScan', 'backfill', 'validate', 'fullPass'] as const
export type MigrationWork = (typeof MIGRATION_WORK)[number]

export const MISMATCH_CLASSES = [
  /** Only on the authoritative side. */
  'missing',
  /** Only on the other side. */
  'extra',
  'differs',
  /** `up` (or a constraint of the new shape) failed on it. */
  'rejected',
  /** down(up(x)) is not x: a roll back after the switch would not restore it. */
  'lossy',
  /** Both sides written, differently, and authority decided. */
  'conflict',
  /** Equal as values, different as text (trailing zeros, white space by a rule). */
  'textOnly',
  /** No answer: a key that cannot be looked up, or a timeout. */
  'unverifiable',
] as const
export type MismatchClass = (typeof MISMATCH_CLASSES)[number]

export const migrationStateSchema = z.strictObject({
  id: z.string(),
  /** Grows by one with every change. */
  revision: z.int().min(1),
  phase: z.enum(MIGRATION_PHASES),
  definition: migrationDefinitionSchema,
  /** SHA-256 of the definition's change and what SQL is made of it, hex: what a rehearsal is compared by. */
  digest: z.string(),
  /** Percent of entities whose reads come from the new side. */
  readsPercent: z.int().min(0).max(100),
  /** Which side wins where both are written, and which is mirrored to the other. */
  writes: z.enum(['old', 'new']),
  /** `why` is empty when a person paused it; otherwise it says what the guard saw, and asks. Work and advance stand still; sync goes on. */
  paused: z.strictObject({ at: z.number(), by: operatorSchema, why: z.string() }).nullable(),
  /** Work or a step that failed and is not retried by itself. */
  failure: z.strictObject({ at: z.number(), fault: faultDataSchema }).nullable(),
  /** When the phase (for reads: the step) began, and when a hold of it ends; wall ms. */
  phaseSince: z.number(),
  dueAt: z.number().nullable(),
  /** Work of the phase that is done. */
  done: z.array(z.enum(MIGRATION_WORK)),
  approvals: z.array(z.strictObject({ by: operatorSchema, at: z.number(), of: z.enum(['switchReads', 'switchWrites', 'drop']) })),
  rollback: z.strictObject({ by: operatorSchema, reason: z.string(), at: z.number(), from: z.enum(MIGRATION_PHASES) }).nullable(),
  /** How often this definition was started here before. */
  attempt: z.int().min(1),
  startedBy: operatorSchema,
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  reason: z.string(),
  /** Results of the services' criteria when last judged. */
  analysis: z.array(criterionResultSchema),
})
/** The whole state of one migration, as its database keeps it. Changed only by `transition`. */
export type MigrationState = Readonly<z.infer<typeof migrationStateSchema>>

export const progressSchema = z.strictObject({
  work: z.enum(MIGRATION_WORK),
  table: z.string(),
  /** Rows done; of an estimate that is exact once the frozen upper key was counted. */
  rowsDone: z.number(),
  rowsTotal: z.number(),
  /** Rows per second over the last minute while working. */
  rowsPerSecond: z.number(),
  /** Milliseconds until done at that rate; null when unknown or waiting for a person. */
  etaMs: z.number().nullable(),
  batchRows: z.int(),
  batchP90Ms: z.number().nullable(),
  /** Why it does not work right now, in words with value and limit; empty while it works. */
  waitsFor: z.string(),
  waitingSince: z.number().nullable(),
  /** Waits since the work began: how many, and how long in all. */
  waits: z.int(),
  waitedMs: z.number(),
})
export type MigrationProgress = Readonly<z.infer<typeof progressSchema>>

export const mismatchSchema = z.strictObject({
  id: z.string(),
  class: z.enum(MISMATCH_CLASSES),
  table: z.string(),
  /** Key columns and their text values. */
  key: z.record(z.string(), z.string().nullable()),
  /** Columns that differ. */
  columns: z.array(z.string()),
  /** Text values of the compared columns on each side; null when the row is not there. */
  old: z.record(z.string(), z.string().nullable()).nullable(),
  new: z.record(z.string(), z.string().nullable()).nullable(),
  /** What found it: full pass, sampled read, written key, the application, or the mirror that could not write. */
  foundBy: z.enum(['fullPass', 'sample', 'writtenKey', 'application', 'mirror', 'shadowScan']),
  detail: z.string(),
  firstSeenAt: z.number(),
  lastSeenAt: z.number(),
  /** open; repaired; gone by itself when looked at again; accepted under an ignore rule. */
  status: z.enum(['open', 'repaired', 'gone', 'accepted']),
  /** What would be written by repair; empty: a person must decide. */
  repair: z.string(),
})
export type Mismatch = Readonly<z.infer<typeof mismatchSchema>>

export const verificationSchema = z.strictObject({
  /** Open ones by class; and those that an ignore rule accepts. */
  open: z.record(z.enum(MISMATCH_CLASSES), z.number()),
  accepted: z.number(),
  /** The last full comparison of all rows that was finished. `mismatches` without those of class `textOnly`. */
  lastPass: z.strictObject({ startedAt: z.number(), endedAt: z.number(), rows: z.number(), mismatches: z.number(), textOnly: z.number().optional(), direction: z.enum(['oldToNew', 'newToOld']) }).nullable(),
  /** The running one, 0 to 1. */
  passProgress: z.number().nullable(),
  reads: z.strictObject({
    same: z.number(),
    different: z.number(),
    /** Failed or timed out. */
    unverifiable: z.number(),
    oldP50Ms: z.number().nullable(),
    newP50Ms: z.number().nullable(),
  }),
  /** Written keys waiting to be re-read, the age of the oldest, and the share that is sampled (1: all). */
  written: z.strictObject({ queued: z.number(), checked: z.number(), oldestMs: z.number().nullable(), sampledShare: z.number() }),
  /** What the application itself compared and reported. */
  reported: z.strictObject({ same: z.number(), different: z.number() }),
  /** Repairs since the backfill ended: each means that something writes past the triggers. */
  repairsAfterBackfill: z.number(),
})
export type Verification = Readonly<z.infer<typeof verificationSchema>>

/** A minute's worth of points for charts, one per second, newest last. */
export const migrationSampleSchema = z.strictObject({
  at: z.number(),
  rowsPerSecond: z.number(),
  waiting: z.boolean(),
  replicaLagMs: z.number().nullable(),
  /** Median of a probing read and of a probing round trip through the tables, ms. */
  probeMs: z.number().nullable(),
  openMismatches: z.number(),
  /** Longest any session waits for a lock of this migration, ms. */
  lockWaitMs: z.number(),
})
export type MigrationSample = Readonly<z.infer<typeof migrationSampleSchema>>

/** Everything observed of a migration in its database, in one reading. */
export const migrationReadingSchema = z.strictObject({
  state: migrationStateSchema,
  progress: progressSchema.nullable(),
  verification: verificationSchema,
  /** Bytes of each side's storage, by table. */
  sizes: z.array(z.strictObject({ side: z.enum(['old', 'new']), table: z.string(), bytes: z.number(), rows: z.number() })),
  quarantined: z.number(),
  /** Structure changed by someone else since it was started, in words; empty: none. */
  drift: z.array(z.string()),
  /** Who drives it: another console's name, or null when nobody does. */
  owner: z.strictObject({ name: z.string(), epoch: z.int(), since: z.number(), isThis: z.boolean() }).nullable(),
  server: z.strictObject({ version: z.string(), host: z.string() }),
})
export type MigrationReading = Readonly<z.infer<typeof migrationReadingSchema>>

/** One event of the database's own record. Never changed, never deleted; the journal mirrors it by `id`. */
export const migrationEventSchema = z.strictObject({
  id: z.int().min(1),
  migration: z.string(),
  at: z.number(),
  /** `state` when revision changed; `work`, `repair`, `drift`, `owner` ... */
  kind: z.string(),
  /** In the words of the result. */
  summary: z.string(),
  operationId: z.string(),
  by: operatorSchema,
  evidence: z.json(),
})
export type MigrationEvent = Readonly<z.infer<typeof migrationEventSchema>>

/** One thing preflight looked at. `blocker`: nothing starts before it is mended. `warning`: read, then go on. */
export const preflightCheckSchema = z.strictObject({
  name: z.string(),
  state: z.enum(['ok', 'warning', 'blocker']),
  /** What was found. */
  detail: z.string(),
  /** What mends it; empty when ok. */
  fix: z.string(),
})
export type PreflightCheck = Readonly<z.infer<typeof preflightCheckSchema>>

/** What one step will run. */
export const sqlStepSchema = z.strictObject({
  step: z.enum([...MIGRATION_STEPS, ...MIGRATION_WORK]),
  title: z.string(),
  sql: z.string(),
  /** Strongest table lock it takes, what that blocks, for how long. */
  lock: z.string(),
})
export type SqlStep = Readonly<z.infer<typeof sqlStepSchema>>

export const preflightReportSchema = z.strictObject({
  at: z.number(),
  tookMs: z.number(),
  ok: z.boolean(),
  checks: z.array(preflightCheckSchema),
  /** Rows on which `up` fails, loses something, or would not be unique; the first ones. */
  rows: z.array(mismatchSchema),
  rowsScanned: z.number(),
  digest: z.string(),
})
export type PreflightReport = Readonly<z.infer<typeof preflightReportSchema>>

/** A condition that must hold to leave a phase, with what was seen. */
export const migrationGateSchema = z.strictObject({ name: z.string(), state: z.enum(['passed', 'waiting', 'failed']), detail: z.string() })
export type MigrationGate = Readonly<z.infer<typeof migrationGateSchema>>

export const migrationActionSchema = z.strictObject({
  command: z.enum([...MIGRATION_COMMANDS, 'repair', 'preflight', 'rehearse']),
  label: z.string(),
  effect: z.string(),
  blocks: z.array(blockSchema),
  /** `irreversible`: type the migration's id. */
  weight: z.enum(['forward', 'back', 'irreversible', 'quiet']),
})
export type MigrationAction = Readonly<z.infer<typeof migrationActionSchema>>

/** What screens show of one of the four phases. */
export const stageViewSchema = z.strictObject({
  stage: z.enum(MIGRATION_STAGES),
  state: z.enum(['done', 'now', 'todo']),
  summary: z.string(),
  reads: z.string(),
  writes: z.string(),
  rollBack: z.string(),
})

export const rehearsedStepSchema = z.strictObject({
  step: z.enum([...MIGRATION_STEPS, ...MIGRATION_WORK]),
  title: z.string(),
  tookMs: z.number(),
  /** Strongest lock seen, in words; empty: nobody looked, or none. */
  lock: z.string(),
  /** Longest it waited for a lock there, ms; null: nobody looked. */
  waitedMs: z.number().nullable(),
  ranMs: z.number().nullable(),
})
export type RehearsedStepView = Readonly<z.infer<typeof rehearsedStepSchema>>

export const migrationViewSchema = z.strictObject({
  id: z.string(),
  title: z.string(),
  database: z.string(),
  definition: migrationDefinitionSchema,
  tables: z.array(tableNameSchema),
  phase: z.enum(MIGRATION_PHASES),
  stage: z.enum(MIGRATION_STAGES).nullable(),
  /** As read from the database; unknown when it cannot be reached. `planned` has no row, and `value` is null then. */
  observed: observedSchema(migrationReadingSchema.nullable()),
  preflight: preflightReportSchema.nullable(),
  /** The last rehearsal, and whether it was of this very SQL; null: none. */
  rehearsal: z
    .strictObject({
      at: z.number(),
      database: z.string(),
      digest: z.string(),
      matches: z.boolean(),
      summary: z.string(),
      /** What it took there, beside what the same step took here in this attempt (null: not run yet). */
      steps: z.array(rehearsedStepSchema),
      /** Open mismatches at their most, by class. */
      mismatches: z.record(z.string(), z.number()),
    })
    .nullable(),
  stages: z.array(stageViewSchema),
  gates: z.array(migrationGateSchema),
  actions: z.array(migrationActionSchema),
  /** What a roll back would undo now, exactly. */
  rollBackWords: z.string(),
  /** One sentence: what happens next if nobody does anything. */
  next: z.string(),
  headline: z.string(),
  /** An act that was sent and has no outcome yet. */
  acting: z.strictObject({ command: z.string(), since: z.number(), detail: z.string() }).nullable(),
  /** Versions of services that use it, and what each needs. */
  usedBy: z.array(z.strictObject({ service: z.string(), environment: z.enum(['blue', 'green']), version: z.string(), needs: z.string(), blocks: z.string() })),
  /** The definition in the workspace differs from the one it was started with. */
  definitionChanged: z.boolean(),
})
export type MigrationView = Readonly<z.infer<typeof migrationViewSchema>>
