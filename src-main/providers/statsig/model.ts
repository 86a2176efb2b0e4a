import { z } from 'zod'
import { jsonValueSchema } from '../../contract/flag-definition.ts'

/** Shapes of Statsig's Console API (version 20240601), as far as they are read. Never run against the real service. */
const conditionSchema = z.looseObject({
  type: z.string(),
  operator: z.string().nullish(),
  targetValue: jsonValueSchema.optional(),
  field: z.string().nullish(),
})
export type GateCondition = z.infer<typeof conditionSchema>

/** What is not read is kept, and sent back as it was. */
export const ruleSchema = z.looseObject({
  id: z.string().optional(),
  baseID: z.string().optional(),
  name: z.string(),
  /** Of those who meet all conditions, 0 to 100. Who meets them and is not among these fails, whatever comes after. */
  passPercentage: z.number(),
  conditions: z.array(conditionSchema),
  /** Null: all. */
  environments: z.array(z.string()).nullish().transform((list) => (list && list.length > 0 ? list : null)),
})
export type GateRule = z.infer<typeof ruleSchema>

export const gateSchema = z.object({
  id: z.string(),
  name: z.string().optional(),
  description: z.string().nullish().transform((text) => text ?? ''),
  isEnabled: z.boolean(),
  status: z.string().default(''),
  type: z.string().default('TEMPORARY'),
  rules: z.array(ruleSchema),
  createdTime: z.number().nullish().transform((at) => at ?? null),
  lastModifiedTime: z.number().nullish().transform((at) => at ?? null),
  owner: z.object({ ownerName: z.string().nullish() }).nullish().transform((owner) => owner?.ownerName ?? null),
  reviewSettings: z.object({ requiredReview: z.boolean() }).nullish().transform((settings) => settings?.requiredReview === true),
  holdoutIDs: z.array(z.string()).nullish().transform((ids) => ids ?? []),
})
export type Gate = z.infer<typeof gateSchema>

/** Kept before a rollout, and put back. `set`: where it was read, which says what of it may be changed. */
export const nativeSchema = z.object({ id: z.string(), set: z.string(), isEnabled: z.boolean(), archived: z.boolean(), rules: z.array(ruleSchema) })
export type NativeGate = z.infer<typeof nativeSchema>
