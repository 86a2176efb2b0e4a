import { eventIterator, oc } from '@orpc/contract'
import { z } from 'zod'
import { faultDataSchema } from './fault.ts'
import {
  checkpointSchema,
  exportProgressSchema,
  journalEntrySchema,
  journalFilterSchema,
  journalPageSchema,
  releaseReportSchema,
  verifyProgressSchema,
} from './journal.ts'
import { criterionSchema, criterionTrialSchema, foresightSchema, verdictChangeSchema } from './analysis.ts'
import { ROLLOUT_COMMANDS, flagComparisonSchema, flagGuardSeriesSchema, flagPreviewSchema, flagReferencesReportSchema, flagSourceViewSchema, flagSummarySchema, flagViewSchema, rolloutForesightSchema, rolloutViewSchema, tierDifferenceSchema } from './flag.ts'
import { flagDefinitionSchema, flagProblemSchema, flagRolloutPlanSchema, jsonObjectSchema, segmentSchema } from './flag-definition.ts'
import { PAIR_ACTS, pairComparisonSchema, pairViewSchema } from './pair.ts'
import { MIGRATION_COMMANDS, MISMATCH_CLASSES, migrationEventSchema, migrationSampleSchema, migrationViewSchema, mismatchSchema, preflightCheckSchema, preflightReportSchema, sqlStepSchema } from './migration.ts'
import { planSchema } from './plan.ts'
import { releaseViewSchema } from './release.ts'
import { logLineSchema, metricsHistorySchema, serviceViewSchema, versionOptionSchema } from './service.ts'
import { systemStatusSchema, watchItemSchema } from './system.ts'
import { environmentNameSchema } from './traffic.ts'
import { RELEASE_COMMANDS, TIERS } from './vocabulary.ts'
import { workspaceViewSchema } from './workspace.ts'

/** Every procedure may answer with a fault of the closed table, and with nothing else. */
const procedure = oc.errors({ FAULT: { status: 409, data: faultDataSchema } })

const serviceName = z.string().min(1).max(200)
/** Chosen by the caller; the same id again is the same act and is not done twice. */
const operationId = z.string().min(8).max(100)
const reason = z.string().max(2000).default('')
const flagOf = { source: z.string().min(1).max(100), flag: z.string().min(1).max(256) }

/** Everything that can cross between the core and a screen or a terminal. */
export const contract = {
  system: {
    status: procedure.output(systemStatusSchema),
    watch: procedure.input(z.strictObject({ metrics: z.boolean() })).output(eventIterator(watchItemSchema)),
    identify: procedure.input(z.strictObject({ name: z.string().min(1).max(200), email: z.string().max(200) })).output(systemStatusSchema),
    /** Asks a provider everything that could be missing between it and this console. Acts on nothing. */
    testConnection: procedure
      .input(z.strictObject({ provider: z.string().min(1).max(100) }))
      .output(z.strictObject({ checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), detail: z.string(), next: z.string() })) })),
    /** Replaces router and supervisor of the local provider by those of this console, under live traffic. */
    upgrade: procedure.input(z.strictObject({ reason: z.string().max(2000), operationId })).output(z.strictObject({ supervisor: z.int(), routers: z.array(z.int()) })),
    /** Stops router, services and supervisor of the local provider. Live traffic ends. */
    stopAll: procedure.input(z.strictObject({ reason: z.string().max(2000), operationId })).output(z.strictObject({ stopped: z.array(z.string()) })),
  },
  workspace: {
    get: procedure.output(workspaceViewSchema),
    trust: procedure.input(z.strictObject({ commandsDigest: z.string() })).output(workspaceViewSchema),
    reload: procedure.output(workspaceViewSchema),
  },
  service: {
    list: procedure.output(z.array(serviceViewSchema)),
    get: procedure.input(z.strictObject({ service: serviceName })).output(serviceViewSchema),
    /** Starts again what carries live traffic and was stopped. */
    startAgain: procedure.input(z.strictObject({ service: serviceName, reason: z.string().max(2000).default(''), operationId })).output(serviceViewSchema),
    versions: procedure.input(z.strictObject({ service: serviceName })).output(z.array(versionOptionSchema)),
    metrics: procedure.input(z.strictObject({ service: serviceName, fromAt: z.number(), toAt: z.number() })).output(metricsHistorySchema),
    /** How each criterion's verdict changed, oldest first, for the strip under the charts and the history of a version. */
    verdicts: procedure
      .input(z.strictObject({ service: serviceName, fromAt: z.number(), toAt: z.number() }))
      .output(z.array(verdictChangeSchema)),
    /** What a metric says now and what a criterion would make of it; acts on nothing. Answers also when the query is wrong. */
    tryCriterion: procedure
      .input(z.strictObject({ service: serviceName, criterion: criterionSchema, environment: environmentNameSchema }))
      .output(criterionTrialSchema),
    tailLogs: procedure
      .input(z.strictObject({ service: serviceName, environment: environmentNameSchema, lines: z.int().min(0).max(5000) }))
      .output(eventIterator(logLineSchema)),
  },
  release: {
    create: procedure
      .input(
        z.strictObject({
          service: serviceName,
          version: z.string().min(1).max(200),
          reason: z.string().max(2000).default(''),
          ticket: z.string().max(200).default(''),
          notes: z.string().max(20_000).default(''),
          /** Replaces the workspace's plan for this release. */
          plan: planSchema.optional(),
          /** Start at once; otherwise it stays planned. */
          start: z.boolean(),
          /** If another release of the service is in the way: wait for it instead of being refused. */
          queue: z.boolean().default(false),
          /** The last release may still be rolled back at once; this one takes its environment and ends that window. */
          endRollbackWindow: z.boolean().default(false),
          operationId,
        }),
      )
      .output(releaseViewSchema),
    command: procedure
      .input(
        z.strictObject({
          releaseId: z.string(),
          command: z.enum(RELEASE_COMMANDS),
          /** The revision the decision was made on. Roll back is accepted on any revision. */
          expectedRevision: z.int().optional(),
          reason: z.string().max(2000).default(''),
          /** Roll back only: send traffic to an environment that is not ready. */
          force: z.boolean().default(false),
          /** Suspending the guard only: for how long, one minute to one day. */
          forMs: z.int().min(60_000).max(86_400_000).optional(),
          operationId,
        }),
      )
      .output(releaseViewSchema),
    /** Gives the reason that an emergency roll back left out. */
    explain: procedure.input(z.strictObject({ releaseId: z.string(), reason: z.string().min(1).max(2000), operationId })).output(releaseViewSchema),
    /** What the analysis would find in time if the service were released now with its plan, or with another one. Acts on nothing. */
    foresee: procedure.input(z.strictObject({ service: serviceName, plan: planSchema.optional() })).output(foresightSchema),
    get: procedure.input(z.strictObject({ releaseId: z.string() })).output(releaseViewSchema),
    list: procedure.input(z.strictObject({ service: serviceName, limit: z.int().min(1).max(200) })).output(z.array(releaseViewSchema)),
  },
  migration: {
    list: procedure.output(z.array(migrationViewSchema)),
    get: procedure.input(z.strictObject({ migration: z.string() })).output(migrationViewSchema),
    command: procedure
      .input(
        z.strictObject({
          migration: z.string(),
          command: z.enum(MIGRATION_COMMANDS),
          /** The revision the decision was made on. Roll back is accepted on any revision. */
          expectedRevision: z.int().optional(),
          reason: z.string().max(2000).default(''),
          /** The migration's id, typed by whoever begins what cannot be undone. */
          typed: z.string().max(100).default(''),
          operationId,
        }),
      )
      .output(migrationViewSchema),
    /** Every reason it could fail, each with a fix; reads all rows. Acts on nothing. */
    preflight: procedure.input(z.strictObject({ migration: z.string() })).output(preflightReportSchema),
    /** What every step would run. */
    sql: procedure.input(z.strictObject({ migration: z.string() })).output(z.array(sqlStepSchema)),
    /** Runs all phases and the way back on the database's rehearsal target. */
    rehearse: procedure.input(z.strictObject({ migration: z.string(), operationId })).output(migrationViewSchema),
    mismatches: procedure
      .input(z.strictObject({ migration: z.string(), class: z.enum(MISMATCH_CLASSES).optional(), status: z.enum(['open', 'repaired', 'gone', 'accepted']).optional(), limit: z.int().min(1).max(1000) }))
      .output(z.array(mismatchSchema)),
    repair: procedure
      .input(z.strictObject({ migration: z.string(), ids: z.union([z.array(z.string()).min(1).max(10_000), z.literal('all')]), reason: z.string().max(2000).default(''), operationId }))
      .output(z.strictObject({ repaired: z.int(), left: z.int() })),
    /** Of the last minutes, one a second, newest last. */
    samples: procedure.input(z.strictObject({ migration: z.string(), fromAt: z.number() })).output(z.array(migrationSampleSchema)),
    /** The database's own record, oldest first. */
    events: procedure.input(z.strictObject({ migration: z.string(), afterId: z.int().min(0), limit: z.int().min(1).max(1000) })).output(z.array(migrationEventSchema)),
  },
  /** Services whose environments have a PostgreSQL database each. */
  pair: {
    get: procedure.input(z.strictObject({ service: serviceName })).output(pairViewSchema),
    /** Everything in the way of following `from`, each with a fix. Acts on nothing. */
    check: procedure.input(z.strictObject({ service: serviceName, from: environmentNameSchema })).output(z.array(preflightCheckSchema)),
    /** All rows of both sides, while they are written. */
    compare: procedure.input(z.strictObject({ service: serviceName })).output(pairComparisonSchema),
    /** `side`: the one that takes the writes. `copy`: with the rows it has already. */
    act: procedure
      .input(z.strictObject({ service: serviceName, act: z.enum(PAIR_ACTS), side: environmentNameSchema, copy: z.boolean().default(true), reason: z.string().max(2000).default(''), operationId }))
      .output(pairViewSchema),
  },
  flag: {
    sources: procedure.output(z.array(flagSourceViewSchema)),
    /** Every flag of a source in the workspace's own tier, by key. */
    list: procedure.input(z.strictObject({ source: z.string() })).output(z.array(flagSummarySchema)),
    get: procedure.input(z.strictObject(flagOf)).output(flagViewSchema),
    /** What a context gets, and why. Acts on nothing. `definition`: as if the flag were so. */
    preview: procedure.input(z.strictObject({ ...flagOf, context: jsonObjectSchema, definition: flagDefinitionSchema.optional() })).output(flagPreviewSchema),
    /** What would be wrong with it. Acts on nothing. */
    check: procedure.input(z.strictObject({ ...flagOf, definition: flagDefinitionSchema })).output(z.array(flagProblemSchema)),
    /** Makes or changes a flag. `expectedVersion`: the one that was edited; null: it must not be there yet. */
    define: procedure.input(z.strictObject({ ...flagOf, definition: flagDefinitionSchema, expectedVersion: z.string().nullable(), reason, operationId })).output(flagViewSchema),
    /** All segments of a set at once. */
    defineSegments: procedure.input(z.strictObject({ source: z.string(), segments: z.array(segmentSchema).max(1000), expectedDigest: z.string(), reason, operationId })).output(flagSourceViewSchema),
    /** What a rollout with this plan would come to. Acts on nothing. */
    foresee: procedure.input(z.strictObject({ ...flagOf, plan: flagRolloutPlanSchema })).output(rolloutForesightSchema),
    startRollout: procedure
      .input(z.strictObject({ ...flagOf, plan: flagRolloutPlanSchema, expectedVersion: z.string(), reason, operationId }))
      .output(rolloutViewSchema),
    command: procedure
      .input(
        z.strictObject({
          rollout: z.string(),
          command: z.enum(ROLLOUT_COMMANDS),
          /** Finish, where several variants were rolled out: the one everyone gets. */
          variant: z.string().max(200).optional(),
          /** The revision the decision was made on. Roll back and kill are accepted on any. */
          expectedRevision: z.int().optional(),
          reason,
          operationId,
        }),
      )
      .output(rolloutViewSchema),
    /** Everyone gets the safe variant, now; a rollout of it ends. Goes on while the journal cannot commit. */
    kill: procedure.input(z.strictObject({ ...flagOf, reason, operationId })).output(flagViewSchema),
    /** Takes it out of use and keeps its definition. Refused while evaluations of it are seen. */
    archive: procedure.input(z.strictObject({ ...flagOf, reason, operationId })).output(flagViewSchema),
    /** What `to` would become by taking over everything of `from`. */
    compareTiers: procedure.input(z.strictObject({ source: z.string(), from: z.enum(TIERS), to: z.enum(TIERS) })).output(z.array(tierDifferenceSchema)),
    /** Takes these flags (and the segments they name) over from one tier into another, as they are. */
    copyTier: procedure.input(z.strictObject({ source: z.string(), from: z.enum(TIERS), to: z.enum(TIERS), flags: z.array(z.string()).min(1).max(10_000), reason, operationId })).output(z.array(tierDifferenceSchema)),
    /** Exposed against unexposed users, for charts. */
    guardSeries: procedure.input(z.strictObject({ ...flagOf, fromAt: z.number() })).output(flagGuardSeriesSchema),
    comparison: procedure.input(z.strictObject(flagOf)).output(flagComparisonSchema),
    /** Searches the source's code folders now. Acts on nothing. */
    references: procedure.input(z.strictObject({ source: z.string() })).output(flagReferencesReportSchema),
  },
  journal: {
    search: procedure
      .input(z.strictObject({ filter: journalFilterSchema, beforeSeq: z.int().optional(), limit: z.int().min(1).max(500) }))
      .output(journalPageSchema),
    get: procedure.input(z.strictObject({ seq: z.int().min(1) })).output(journalEntrySchema),
    checkpoint: procedure.output(checkpointSchema),
    verify: procedure.output(eventIterator(verifyProgressSchema)),
    /** `jsonl` verifies offline; `csv` is for spreadsheets. With a filter, entries left out keep their hashes so that the chain still verifies. */
    export: procedure.input(z.strictObject({ format: z.enum(['jsonl', 'csv']), filter: journalFilterSchema.optional() })).output(eventIterator(exportProgressSchema)),
    report: procedure.input(z.strictObject({ releaseId: z.string() })).output(releaseReportSchema),
  },
}
export type Contract = typeof contract
