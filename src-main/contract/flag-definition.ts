import { z } from 'zod'
import { durationMsSchema } from './duration.ts'

/**
 * Flags as the console knows them, and the file they live in: a flag set of flagd's schema v0
 * (https://flagd.dev/schema/v0/flags.json). The file is what counts; what is here is read from it and written into it.
 */
export const FLAG_SCHEMA_URL = 'https://flagd.dev/schema/v0/flags.json'

/** Bytes of a flag set file: above it, it is refused unread. */
export const MAX_FLAG_FILE_BYTES = 64 * 1024 * 1024
export const MAX_FLAGS = 50_000

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }
export type JsonObject = { readonly [key: string]: JsonValue }
export const jsonValueSchema = z.json() as z.ZodType<JsonValue, JsonValue>
export const jsonObjectSchema = z.record(z.string(), z.json()) as z.ZodType<JsonObject, JsonObject>

/** Names the console gives. Files written by hand may hold others, which are kept and shown. */
export const flagKeySchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/)
/** Not `__proto__` and the like, which JavaScript's objects cannot hold as names: it begins with a letter or digit. */
export const variantNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
/** Begins with a letter: names that are numbers would be reordered by JavaScript, and flagd-core replaces references in order. */
export const segmentNameSchema = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/)
/** A place in the evaluation context, `company.plan` for a nested one. flagd's own `$flagd.` is not for people. */
export const attributeSchema = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/)

export const FLAG_TYPES = ['boolean', 'string', 'number', 'object'] as const
export type FlagType = (typeof FLAG_TYPES)[number]

/** Metadata of flagd's schema is flat, and reaches every SDK with every evaluation. */
export const flagMetadataSchema = z.record(z.string().min(1).max(200), z.union([z.string().max(2000), z.number(), z.boolean()]))
export type FlagMetadata = Readonly<z.infer<typeof flagMetadataSchema>>

/** Whole hundredths of a percent, 0 to 100. */
export const sharePercentSchema = z
  .number()
  .min(0)
  .max(100)
  .refine((percent) => Math.abs(percent * 100 - Math.round(percent * 100)) < 1e-9, 'at most two decimals')

const operandSchema = z.union([z.string().max(1000), z.number(), z.boolean()])

/** One test of an attribute. An attribute that is not in the context never matches, not even `isNot` or `notIn`. */
export const conditionSchema = z.discriminatedUnion('test', [
  z.strictObject({ test: z.enum(['is', 'isNot']), attribute: attributeSchema, value: operandSchema }),
  z.strictObject({ test: z.enum(['in', 'notIn']), attribute: attributeSchema, values: z.array(operandSchema).min(1).max(10_000) }),
  z.strictObject({ test: z.enum(['startsWith', 'endsWith', 'contains']), attribute: attributeSchema, value: z.string().min(1).max(1000) }),
  z.strictObject({ test: z.enum(['atLeast', 'above', 'atMost', 'below']), attribute: attributeSchema, value: z.number() }),
  z.strictObject({ test: z.enum(['versionAtLeast', 'versionBelow', 'versionSameMajor', 'versionSameMinor']), attribute: attributeSchema, version: z.string().regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/) }),
  /** This share of all targeting keys, drawn by `salt`: the same people for every flag that uses it. */
  z.strictObject({ test: z.literal('sample'), salt: z.string().min(1).max(100), percent: sharePercentSchema }),
])
export type Condition = Readonly<z.infer<typeof conditionSchema>>

const conditionsSchema = z.strictObject({ match: z.enum(['all', 'any']), conditions: z.array(conditionSchema).min(1).max(50) })

/** People who belong together, under a name flags refer to (`$evaluators` of the file). */
export const segmentSchema = z.strictObject({
  name: segmentNameSchema,
  rule: z.discriminatedUnion('kind', [
    conditionsSchema.extend({ kind: z.literal('conditions') }),
    /** Written by hand in a way the console does not read: kept as it is. */
    z.strictObject({ kind: z.literal('handwritten'), logic: jsonValueSchema }),
  ]),
})
export type Segment = Readonly<z.infer<typeof segmentSchema>>

/** Whom a rule is about. */
export const audienceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('everyone') }),
  z.strictObject({ kind: z.literal('segments'), anyOf: z.array(z.string().min(1).max(200)).min(1).max(20) }),
  conditionsSchema.extend({ kind: z.literal('conditions') }),
])
export type Audience = Readonly<z.infer<typeof audienceSchema>>

/**
 * What they get. `split`: this percent of them gets one of `variants`, in proportion to their shares, and the rest gets
 * `otherwise`. Who had a variant at 5 % has the very same at 25 %, as long as variants, their order and shares stay.
 * Who has no targeting key gets the default variant.
 */
export const serveSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('variant'), variant: z.string().min(1).max(200) }),
  z.strictObject({
    kind: z.literal('split'),
    percent: sharePercentSchema,
    /** Whole percents that sum to 100. */
    variants: z.array(z.strictObject({ variant: z.string().min(1).max(200), share: z.int().min(1).max(100) })).min(1).max(20),
    otherwise: z.string().min(1).max(200),
  }),
])
export type Serve = Readonly<z.infer<typeof serveSchema>>
export type SplitServe = Extract<Serve, { kind: 'split' }>

/** The first rule whose audience one belongs to decides. */
export const flagRuleSchema = z.strictObject({ audience: audienceSchema, serve: serveSchema })
export type FlagRule = Readonly<z.infer<typeof flagRuleSchema>>

export const targetingSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('rules'), rules: z.array(flagRuleSchema).max(50) }),
  /** JsonLogic the console did not write: shown as "written by hand", kept as it is, replaced only when an operator says so. */
  z.strictObject({ kind: z.literal('handwritten'), logic: jsonObjectSchema }),
])
export type Targeting = Readonly<z.infer<typeof targetingSchema>>

export const flagDefinitionSchema = z.strictObject({
  key: z.string().min(1).max(256),
  type: z.enum(FLAG_TYPES),
  /** `DISABLED` does not mean off: every caller then gets the default written in its code. The console never writes it. */
  state: z.enum(['ENABLED', 'DISABLED']),
  variants: z.array(z.strictObject({ name: z.string().min(1).max(200), value: jsonValueSchema })).min(1).max(100),
  /** Served when no rule decides. Null: the caller's own default. */
  defaultVariant: z.string().min(1).max(200).nullable(),
  targeting: targetingSchema,
  /** Everything in the file's metadata but the facts below. */
  metadata: flagMetadataSchema,
  /** Kept in the file's metadata as `owner`, `description` and `signalbox.*`. */
  facts: z.strictObject({
    owner: z.string().max(200).nullable(),
    description: z.string().max(2000).nullable(),
    /** What the kill switch serves. Null: not declared; a boolean flag's is its only `false` variant. */
    safeVariant: z.string().min(1).max(200).nullable(),
    /** Meant to stay (an operational switch, an entitlement): never called stale. */
    permanent: z.boolean(),
    /** Wall clock ms; null: not known. */
    createdAt: z.number().nullable(),
    /** Since when its targeting and default are as they are, wall clock ms; null: not known. */
    changedAt: z.number().nullable(),
    archived: z.boolean(),
  }),
})
export type FlagDefinition = Readonly<z.infer<typeof flagDefinitionSchema>>
export type FlagFacts = FlagDefinition['facts']

export const flagSetSchema = z.strictObject({
  segments: z.array(segmentSchema).max(1000),
  flags: z.array(flagDefinitionSchema).max(MAX_FLAGS),
  metadata: flagMetadataSchema,
})
export type FlagSet = Readonly<z.infer<typeof flagSetSchema>>

/** One step of a rollout: this audience gets the variants up to this percent, for so long at least. */
export const rolloutStageSchema = z.strictObject({
  audience: audienceSchema,
  percent: sharePercentSchema,
  /** Watched so long before the next stage, ms. */
  holdMs: durationMsSchema,
  /** The next stage waits for a person. */
  approval: z.boolean(),
  /** Names of criteria of the workspace that guard it; null: the service's. */
  criteria: z.array(z.string().min(1).max(200)).max(50).nullable(),
})
export type RolloutStage = Readonly<z.infer<typeof rolloutStageSchema>>

/** How a flag reaches everyone. Stages widen: an audience that had the variant never loses it by going on. */
export const flagRolloutPlanSchema = z.strictObject({
  flag: z.string().min(1).max(256),
  /** Variants rolled out with their shares; one with 100 for a plain rollout. */
  variants: z.array(z.strictObject({ variant: z.string().min(1).max(200), share: z.int().min(1).max(100) })).min(1).max(20),
  /** What everyone else gets meanwhile, and again after a roll back. */
  baseline: z.string().min(1).max(200),
  stages: z.array(rolloutStageSchema).min(1).max(30),
})
export type FlagRolloutPlan = Readonly<z.infer<typeof flagRolloutPlanSchema>>

/** Something wrong with a flag set. Line and column count from 1. */
export const flagProblemSchema = z.strictObject({
  /** `error`: nothing may be written or served. `warning`: it works, but hardly as meant. */
  level: z.enum(['error', 'warning']),
  /** JSON pointer (RFC 6901): `/flags/new-checkout/targeting/if/1`. */
  path: z.string(),
  line: z.int().min(1),
  column: z.int().min(1),
  message: z.string(),
})
export type FlagProblem = Readonly<z.infer<typeof flagProblemSchema>>

/** Where a flag is in its life. */
export const FLAG_LIFECYCLES = ['active', 'rollingOut', 'fullyOn', 'fullyOff', 'stale', 'permanent', 'archived'] as const
export type FlagLifecycle = (typeof FLAG_LIFECYCLES)[number]
