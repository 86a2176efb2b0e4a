import { z } from 'zod'
import { jsonValueSchema } from '../../contract/flag-definition.ts'

/** Shapes of LaunchDarkly's REST API (version 20240415), as far as they are read. Never run against the real service. */
export const clauseSchema = z.object({
  attribute: z.string(),
  op: z.string(),
  values: z.array(jsonValueSchema),
  negate: z.boolean().default(false),
  contextKind: z.string().optional(),
})
export type Clause = z.infer<typeof clauseSchema>

const rolloutSchema = z.object({
  /** Thousandths of a percent, that sum to 100000. */
  variations: z.array(z.object({ variation: z.number(), weight: z.number() })),
  contextKind: z.string().optional(),
  bucketBy: z.string().optional(),
  /** Set for experiments and guarded rollouts, which draw anew. */
  seed: z.number().optional(),
  experimentAllocation: jsonValueSchema.optional(),
})
const serveSchema = z.object({ variation: z.number().optional(), rollout: rolloutSchema.optional() })
export type NativeServe = z.infer<typeof serveSchema>

export const ruleSchema = serveSchema.extend({ _id: z.string(), description: z.string().optional(), clauses: z.array(clauseSchema), trackEvents: z.boolean().optional() })
export type NativeRule = z.infer<typeof ruleSchema>

export const placeSchema = z.object({
  on: z.boolean(),
  archived: z.boolean().default(false),
  targets: z.array(z.object({ values: z.array(z.string()) })).default([]),
  contextTargets: z.array(z.object({ values: z.array(z.string()) })).default([]),
  rules: z.array(ruleSchema).default([]),
  fallthrough: serveSchema.default({}),
  offVariation: z.number().nullish().transform((index) => index ?? null),
  prerequisites: z.array(z.object({ key: z.string() })).default([]),
  lastModified: z.number().nullish().transform((at) => at ?? null),
})

export const flagSchema = z.object({
  key: z.string(),
  kind: z.string().default('boolean'),
  description: z.string().nullish().transform((text) => text ?? ''),
  creationDate: z.number().nullish().transform((at) => at ?? null),
  archived: z.boolean().default(false),
  temporary: z.boolean().default(true),
  tags: z.array(z.string()).default([]),
  _maintainer: z.object({ email: z.string().optional() }).optional(),
  variations: z.array(z.object({ _id: z.string(), value: jsonValueSchema, name: z.string().optional() })),
  environments: z.record(z.string(), placeSchema),
})
export type FlagRep = z.infer<typeof flagSchema>

/** One flag in one environment: what is observed, kept before a rollout, and put back. */
export const nativeSchema = flagSchema.omit({ environments: true }).extend({ place: placeSchema })
export type NativeFlag = z.infer<typeof nativeSchema>
