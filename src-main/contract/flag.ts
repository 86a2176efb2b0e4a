import { z } from 'zod'
import { criterionResultSchema, criterionSchema, frozenBaselineSchema } from './analysis.ts'
import { durationMsSchema } from './duration.ts'
import { faultDataSchema } from './fault.ts'
import { FLAG_LIFECYCLES, FLAG_TYPES, audienceSchema, flagDefinitionSchema, flagProblemSchema, flagRolloutPlanSchema, jsonValueSchema, rolloutStageSchema, segmentSchema } from './flag-definition.ts'
import { blockSchema, operatorSchema } from './release.ts'
import { TIERS } from './vocabulary.ts'

/** Systems that keep flags. `file` is the built-in one: a flag set of flagd's schema, served by the flag server. */
export const FLAG_SOURCE_KINDS = ['file', 'unleash', 'launchdarkly', 'statsig'] as const
export type FlagSourceKind = (typeof FLAG_SOURCE_KINDS)[number]

/** A phase of a migration, or a version of a service, that must be there before more than `abovePercent` of users are exposed. */
export const flagNeedSchema = z.strictObject({
  flag: z.string().min(1).max(256),
  /** Exposing this share or less is allowed without it. */
  abovePercent: z.number().min(0).max(100),
  migration: z.strictObject({ id: z.string(), phase: z.enum(['shadowReads', 'dualWrites', 'switchingReads', 'switchedWrites', 'completed']) }).nullable(),
  /** All that carry live traffic are one of these. */
  versions: z.strictObject({ service: z.string(), anyOf: z.array(z.string()).min(1) }).nullable(),
  /** Why, in the workspace's own words; may be empty. */
  why: z.string().max(500),
})
export type FlagNeed = Readonly<z.infer<typeof flagNeedSchema>>

/** One source of flags of a workspace. */
export const flagSourceConfigSchema = z.strictObject({
  name: z.string().min(1).max(100),
  kind: z.enum(FLAG_SOURCE_KINDS),
  /** What each tier's flags are called in that system: a set, an environment. The workspace's own tier is the one rollouts act on. */
  sets: z.array(z.strictObject({ tier: z.enum(TIERS), set: z.string().min(1).max(200) })).min(1).max(3),
  /** Services that read these flags: their live traffic is what a rollout's detection time is estimated from. */
  services: z.array(z.string()).max(50),
  /** What guards rollouts that name nothing else: exposed against unexposed users. */
  criteria: z.array(criterionSchema).max(50),
  /** Stages of a rollout that brings none. */
  stages: z.array(rolloutStageSchema).max(30),
  needs: z.array(flagNeedSchema).max(200),
  /** Absolute folders whose code is searched for keys. */
  code: z.array(z.string()).max(20),
  /** Everyone has had the same for so long: stale. */
  settledForMs: durationMsSchema,
  /** Not evaluated for so long: stale. */
  silentForMs: durationMsSchema,
  /** The provider's own part, parsed by the provider's own schema. */
  settings: z.unknown(),
})
export type FlagSourceConfig = Readonly<z.infer<typeof flagSourceConfigSchema>>

export const ROLLOUT_PHASES = [
  /** Written down, nothing exposed yet. */
  'planned',
  /** The flag is being changed to the stage; not read back yet. */
  'exposing',
  /** The stage is in force; watched until its hold ends. */
  'holding',
  /** The next stage waits for a person. */
  'awaitingApproval',
  /** Being changed to one variant for everyone, without rules. */
  'finishing',
  'finished',
  /** Being put back: to the state before the rollout, or to the safe variant. */
  'rollingBack',
  'rolledBack',
  /** A change was refused by the source, or failed for good: exposure stays where it was last read back. */
  'failed',
  'abandoned',
] as const
export type RolloutPhase = (typeof ROLLOUT_PHASES)[number]

export const ROLLOUT_COMMANDS = ['start', 'advance', 'approve', 'pause', 'resume', 'rollBack', 'kill', 'retry', 'finish', 'abandon'] as const
export type RolloutCommand = (typeof ROLLOUT_COMMANDS)[number]

export const flagRolloutSchema = z.strictObject({
  id: z.string(),
  source: z.string(),
  set: z.string(),
  flag: z.string(),
  /** Counts a flag's rollouts from 1. */
  number: z.int().min(1),
  revision: z.int().min(1),
  phase: z.enum(ROLLOUT_PHASES),
  plan: flagRolloutPlanSchema,
  criteria: z.array(criterionSchema),
  /** The stage in force or being put in force; -1: none yet. */
  stageIndex: z.int().min(-1),
  /** The stage last read back from the source; -1: none. What the screen calls exposed. */
  verifiedStage: z.int().min(-1),
  stageSince: z.number(),
  /** When the hold of the stage ends, wall ms; null: not by itself. */
  dueAt: z.number().nullable(),
  /** `why` empty: a person paused it. */
  paused: z.strictObject({ at: z.number(), by: operatorSchema, why: z.string(), /** What is left of the hold. */ remainingMs: z.number().nullable().optional() }).nullable(),
  failure: z.strictObject({ at: z.number(), fault: faultDataSchema }).nullable(),
  /** A change that the source made somebody approve first: where that is decided. */
  submitted: z.strictObject({ at: z.number(), what: z.string(), url: z.string() }).nullable(),
  /** Somebody changed the flag elsewhere: what is there instead. The rollout is paused while this is set. */
  drift: z.strictObject({ at: z.number(), version: z.string(), difference: z.array(z.string()) }).nullable(),
  /** The flag as it was before, as the source gave it: what a roll back restores. */
  before: z.strictObject({ definition: flagDefinitionSchema, native: jsonValueSchema, version: z.string() }),
  /** Version of the flag after our last change; null before the first. */
  version: z.string().nullable(),
  rollback: z.strictObject({ by: operatorSchema, reason: z.string(), at: z.number(), to: z.enum(['before', 'safe']), byGuard: z.boolean() }).nullable(),
  approvals: z.array(z.strictObject({ by: operatorSchema, at: z.number(), stage: z.int() })),
  stages: z.array(z.strictObject({ stage: z.int(), exposedAt: z.number(), endedAt: z.number().nullable() })),
  analysis: z.array(criterionResultSchema),
  /** Warnings that a person has seen and gone on from in this stage, by criterion. */
  acknowledged: z.array(z.string()).optional(),
  /** The variant a person chose to finish with, where several were rolled out. */
  finishWith: z.string().nullable().optional(),
  /** What unexposed users did before everyone was exposed: compared with once nobody is unexposed. Not on the wire. */
  frozen: frozenBaselineSchema.nullable().optional(),
  startedBy: operatorSchema,
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  reason: z.string(),
})
/** The whole state of one rollout. Changed only by `transition` of core/flags/rollout. */
export type FlagRollout = Readonly<z.infer<typeof flagRolloutSchema>>

export const rolloutActionSchema = z.strictObject({
  command: z.enum(ROLLOUT_COMMANDS),
  label: z.string(),
  effect: z.string(),
  blocks: z.array(blockSchema),
  /** It overrules the analysis: why must be said. */
  needsReason: z.boolean().optional(),
  /** Finish, where several variants were rolled out: with this one. */
  variant: z.string().optional(),
})
export type RolloutAction = Readonly<z.infer<typeof rolloutActionSchema>>

export const rolloutStageViewSchema = z.strictObject({
  percent: z.number(),
  audience: audienceSchema,
  /** "everyone", "internal", "plan is pro". */
  audienceWords: z.string(),
  holdMs: z.number(),
  approval: z.boolean(),
  state: z.enum(['done', 'current', 'next', 'later']),
  exposedAt: z.number().nullable(),
  endedAt: z.number().nullable(),
  /** Until harm of the declared size would be found at this exposure with the traffic of now, 9 of 10 times; null: not within a day, or unknown traffic. */
  detectionMs: z.number().nullable(),
  /** The hold is over before that. */
  tooShort: z.boolean(),
  /** What keeps it from being exposed now, besides its turn. */
  blocks: z.array(blockSchema),
})

/** What a plan would come to with the traffic of now, and what keeps it from running. */
export const rolloutForesightSchema = z.strictObject({ stages: z.array(rolloutStageViewSchema), problems: z.array(z.string()) })
export type RolloutForesight = Readonly<z.infer<typeof rolloutForesightSchema>>

export const rolloutViewSchema = z.strictObject({
  rollout: flagRolloutSchema,
  ended: z.boolean(),
  stages: z.array(rolloutStageViewSchema),
  actions: z.array(rolloutActionSchema),
  /** "25 % of users". */
  headline: z.string(),
  /** What happens next if nobody does anything. */
  next: z.string(),
  /** An act that was sent and has no outcome yet. */
  acting: z.strictObject({ command: z.string(), since: z.number() }).nullable(),
})
export type RolloutView = Readonly<z.infer<typeof rolloutViewSchema>>

/** One line of the list: small, since there may be ten thousand. */
export const flagSummarySchema = z.strictObject({
  source: z.string(),
  key: z.string(),
  type: z.enum(FLAG_TYPES),
  lifecycle: z.enum(FLAG_LIFECYCLES),
  /** One sentence with the numbers behind it. */
  why: z.string(),
  /** "25 %", "off", "on for everyone", "internal", "by hand". */
  exposure: z.string(),
  /** Percent of everyone who gets anything but the safe variant; null: not known. */
  percent: z.number().nullable(),
  /** Of its rollout that has not ended: phase and end of the hold. */
  rollout: z.strictObject({ id: z.string(), phase: z.enum(ROLLOUT_PHASES), paused: z.boolean(), dueAt: z.number().nullable(), stage: z.int(), stages: z.int() }).nullable(),
  owner: z.string().nullable(),
  changedAt: z.number().nullable(),
  lastEvaluatedAt: z.number().nullable(),
  /** Evaluations a minute of the last 30 minutes, oldest first; empty: not counted. */
  perMinute: z.array(z.number()),
  /** Places in code; null: not searched. */
  references: z.int().nullable(),
  /** The variant that code would keep, once it may be removed. */
  settledOn: z.string().nullable(),
})
export type FlagSummary = Readonly<z.infer<typeof flagSummarySchema>>

/** What a source can do; what it cannot is absent, with why. */
export const flagCapabilitiesSchema = z.strictObject({
  define: z.string().nullable(),
  segments: z.string().nullable(),
  percent: z.string().nullable(),
  audiences: z.string().nullable(),
  compareAndSet: z.string().nullable(),
  evaluations: z.string().nullable(),
  experiments: z.string().nullable(),
  /** Requests, errors and latency by variant. */
  outcomes: z.string().nullable(),
  archive: z.string().nullable(),
})
/** Null: it can. Text: why it cannot. */
export type FlagCapabilities = Readonly<z.infer<typeof flagCapabilitiesSchema>>

export const flagSourceViewSchema = z.strictObject({
  name: z.string(),
  kind: z.enum(FLAG_SOURCE_KINDS),
  tier: z.enum(TIERS),
  set: z.string(),
  sets: z.array(z.strictObject({ tier: z.enum(TIERS), set: z.string() })),
  capabilities: flagCapabilitiesSchema,
  /** Changes whenever any flag of the set does: what lists are fetched anew by. */
  digest: z.string(),
  flags: z.int(),
  segments: z.array(segmentSchema),
  /** Of the file as it is on disk. With an error in it the last good version is served. */
  problems: z.array(flagProblemSchema),
  /** Since when the last good version stands in for what is there now, and why; null: it does not. */
  broken: z.strictObject({ since: z.number(), why: z.string() }).nullable(),
  /** When the source last answered, and why it does not. */
  readAt: z.number().nullable(),
  problem: z.string(),
  /** Where apps read it: words and addresses; empty for vendors. */
  addresses: z.array(z.strictObject({ way: z.string(), address: z.string() })),
})
export type FlagSourceView = Readonly<z.infer<typeof flagSourceViewSchema>>

export const flagReferenceSchema = z.strictObject({ file: z.string(), line: z.int(), column: z.int(), text: z.string() })

export const flagViewSchema = z.strictObject({
  summary: flagSummarySchema,
  definition: flagDefinitionSchema,
  /** As the source keeps it, for reading. */
  native: z.string(),
  /** Of the flag: what an edit is compared and set by. */
  version: z.string(),
  readAt: z.number(),
  /** The kill switch: what it would serve, or why it cannot. */
  kill: z.strictObject({ variant: z.string().nullable(), label: z.string(), effect: z.string(), blocks: z.array(blockSchema) }),
  /** Removing it from use. */
  archive: z.strictObject({ label: z.string(), effect: z.string(), blocks: z.array(blockSchema) }),
  /** Of each tier: what everyone gets there. */
  tiers: z.array(z.strictObject({ tier: z.enum(TIERS), set: z.string(), exposure: z.string(), present: z.boolean() })),
  /** The newest, ended or not; null: never rolled out. */
  rollout: rolloutViewSchema.nullable(),
  /** Newest first, at most 20, besides that one. */
  earlier: z.array(z.strictObject({ id: z.string(), number: z.int(), phase: z.enum(ROLLOUT_PHASES), startedAt: z.number(), endedAt: z.number().nullable(), headline: z.string() })),
  /** A plan to begin with: the source's stages for this flag. */
  suggestedPlan: flagRolloutPlanSchema,
  references: z.array(flagReferenceSchema).nullable(),
})
export type FlagView = Readonly<z.infer<typeof flagViewSchema>>

export const flagPreviewSchema = z.strictObject({
  value: jsonValueSchema,
  variant: z.string().nullable(),
  /** flagd's: STATIC, TARGETING_MATCH, DEFAULT, DISABLED, ERROR. */
  reason: z.string(),
  error: z.string(),
  /** Each rule in order, whether its audience holds, and which decided. */
  rules: z.array(z.strictObject({ words: z.string(), matched: z.boolean(), decided: z.boolean() })),
  segments: z.array(z.strictObject({ name: z.string(), matched: z.boolean() })),
})
export type FlagPreview = Readonly<z.infer<typeof flagPreviewSchema>>

export const tierDifferenceSchema = z.strictObject({
  key: z.string(),
  /** `segment`: of that name. */
  what: z.enum(['flag', 'segment']),
  change: z.enum(['added', 'removed', 'changed']),
  lines: z.array(z.string()),
})
export type TierDifference = Readonly<z.infer<typeof tierDifferenceSchema>>

/** Counts of one second (or longer) of one side of a guard chart. */
export const guardPointSchema = z.strictObject({ at: z.number(), requests: z.number(), errors: z.number(), p50Ms: z.number().nullable(), p99Ms: z.number().nullable() })
export const flagGuardSeriesSchema = z.strictObject({
  /** Users with one of the variants rolled out. */
  exposed: z.array(guardPointSchema),
  unexposed: z.array(guardPointSchema),
  resolutionMs: z.number(),
  /** Why there is nothing; empty when there is. */
  absent: z.string(),
})
export type FlagGuardSeries = Readonly<z.infer<typeof flagGuardSeriesSchema>>

export const metricComparisonSchema = z.strictObject({
  metric: z.string(),
  kind: z.enum(['proportion', 'mean']),
  variant: z.string(),
  against: z.string(),
  /** Of the variant and of what it is compared with. */
  value: z.number(),
  baseline: z.number(),
  effect: z.number(),
  /** Always valid: may be looked at as often as one likes. Null: not enough data. */
  interval: z.strictObject({ low: z.number(), high: z.number(), confidence: z.number() }).nullable(),
  verdict: z.enum(['better', 'worse', 'undecided', 'notEnoughData']),
  words: z.string(),
  /** How the interval narrowed, oldest first, at most 200. */
  course: z.array(z.strictObject({ at: z.number(), effect: z.number(), low: z.number(), high: z.number() })),
})

export const flagComparisonSchema = z.strictObject({
  since: z.number().nullable(),
  users: z.number(),
  variants: z.array(z.strictObject({ variant: z.string(), users: z.number(), share: z.number().nullable(), metrics: z.record(z.string(), z.strictObject({ converted: z.number(), sum: z.number(), mean: z.number() })) })),
  sampleRatio: z.strictObject({ ok: z.boolean(), words: z.string() }).nullable(),
  crossedOver: z.number(),
  notCounted: z.number(),
  metrics: z.array(metricComparisonSchema),
  /** Why there is nothing, or what to be careful about. */
  notes: z.array(z.string()),
})
export type FlagComparison = Readonly<z.infer<typeof flagComparisonSchema>>

export const flagReferencesReportSchema = z.strictObject({
  at: z.number(),
  tookMs: z.number(),
  folders: z.array(z.string()),
  files: z.int(),
  lines: z.int(),
  skipped: z.int(),
  byFlag: z.record(z.string(), z.array(flagReferenceSchema)),
  /** What could not be searched. */
  problems: z.array(z.string()),
})
export type FlagReferencesReport = Readonly<z.infer<typeof flagReferencesReportSchema>>
