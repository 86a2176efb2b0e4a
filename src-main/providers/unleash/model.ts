import { z } from 'zod'
import type { JsonObject } from '../../contract/flag-definition.ts'

/** Shapes of Unleash's admin API (8.x), as far as they are read. Parameters are strings, numbers too. */
const constraintSchema = z.object({
  contextName: z.string(),
  operator: z.string(),
  values: z.array(z.string()).default([]),
  value: z.string().optional(),
  inverted: z.boolean().default(false),
  caseInsensitive: z.boolean().default(false),
})
export type Constraint = z.infer<typeof constraintSchema>

const variantSchema = z.object({
  name: z.string(),
  /** Thousandths. */
  weight: z.number(),
  weightType: z.enum(['variable', 'fix']).default('variable'),
  stickiness: z.string().default('default'),
  payload: z.object({ type: z.string(), value: z.string() }).optional(),
})
export type StrategyVariant = z.infer<typeof variantSchema>

export const strategySchema = z.object({
  id: z.string(),
  name: z.string(),
  title: z.string().nullish().transform((title) => title ?? null),
  disabled: z.boolean().nullish().transform((disabled) => disabled ?? false),
  sortOrder: z.number().nullish().transform((order) => order ?? 0),
  parameters: z.record(z.string(), z.string()).default({}),
  constraints: z.array(constraintSchema).default([]),
  variants: z.array(variantSchema).nullish().transform((variants) => variants ?? []),
  segments: z.array(z.number()).nullish().transform((segments) => segments ?? []),
})
export type Strategy = z.infer<typeof strategySchema>
/** What there is to a strategy besides its place. */
export type StrategyContent = Omit<Strategy, 'id' | 'sortOrder'>

export const featureSchema = z.object({
  name: z.string(),
  type: z.string().default('release'),
  description: z.string().nullish().transform((text) => text ?? ''),
  createdAt: z.string().nullish().transform((text) => text ?? null),
  archived: z.boolean().default(false),
  /** Parents that must be on. */
  dependencies: z.array(z.object({ feature: z.string() })).default([]),
  environments: z.array(z.object({ name: z.string(), enabled: z.boolean(), strategies: z.array(strategySchema).default([]), variants: z.array(z.unknown()).nullish() })).default([]),
})

export const exportSchema = z.object({
  features: z.array(z.object({ name: z.string(), type: z.string().default('release'), description: z.string().nullish(), archived: z.boolean().default(false) })),
  featureStrategies: z.array(strategySchema.extend({ featureName: z.string() })),
  featureEnvironments: z.array(z.object({ featureName: z.string().optional(), name: z.string(), enabled: z.boolean(), environment: z.string().optional(), variants: z.array(z.unknown()).nullish() })),
  dependencies: z.array(z.object({ feature: z.string(), dependencies: z.array(z.object({ feature: z.string() })) })).default([]),
})

export const segmentsSchema = z.object({ segments: z.array(z.object({ id: z.number(), name: z.string(), constraints: z.array(constraintSchema).default([]) })) })
export type UnleashSegment = z.infer<typeof segmentsSchema>['segments'][number]

/** One flag in one environment: what is observed, kept before a rollout, and put back. */
export const nativeSchema = z.object({
  name: z.string(),
  type: z.string(),
  description: z.string(),
  archived: z.boolean(),
  enabled: z.boolean(),
  /** In the order they are tried. */
  strategies: z.array(strategySchema),
  parents: z.array(z.string()),
  /** Variants of the environment (Unleash of old), which the console does not write. */
  oldVariants: z.boolean(),
})
export type NativeFlag = z.infer<typeof nativeSchema>

export function contentOf({ name, title, disabled, parameters, constraints, variants, segments }: StrategyContent): StrategyContent & JsonObject {
  const content = { name, title, disabled, parameters, constraints, variants, segments: segments.toSorted((a, b) => a - b) }
  // Through JSON, so that what is absent and what is undefined are the same.
  return JSON.parse(JSON.stringify(content)) as StrategyContent & JsonObject
}
