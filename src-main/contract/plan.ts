import { z } from 'zod'
import { criterionSchema } from './analysis.ts'
import { durationMsSchema } from './duration.ts'
import { weightPercentSchema } from './traffic.ts'

/**
 * What must happen before the step after this one: a person promotes (`manual`), time passes (`timed`),
 * or time passes and every criterion's verdict is `pass` (`analysis`).
 */
export const holdSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('manual') }),
  z.strictObject({ kind: z.literal('timed'), ms: durationMsSchema }),
  z.strictObject({ kind: z.literal('analysis'), ms: durationMsSchema }),
])
export type Hold = Readonly<z.infer<typeof holdSchema>>

export const stepSchema = z.strictObject({
  /** Share of live requests the candidate gets in this step, 1 to 100. */
  weightPercent: weightPercentSchema.min(1),
  hold: holdSchema,
  /** How many people other than the requester must approve before this step is entered. */
  approvals: z.int().min(0).max(10),
  /** What is judged during this step instead of the plan's criteria; absent: the plan's. */
  criteria: z.array(criterionSchema).max(20).optional(),
})
export type Step = Readonly<z.infer<typeof stepSchema>>

/** A condition tested against the preview address before the candidate gets any live request. */
export const gateSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('http'),
    name: z.string().min(1),
    method: z.string(),
    path: z.string().startsWith('/'),
    expectStatus: z.int().min(100).max(599),
    /** Text the body must contain. */
    expectBody: z.string().nullable(),
    /** Header names (lower case) and the values they must have. */
    expectHeaders: z.record(z.string(), z.string()),
    maxLatencyMs: durationMsSchema.nullable(),
    timeoutMs: durationMsSchema,
    /** Every attempt must pass. */
    times: z.int().min(1).max(1000),
  }),
  z.strictObject({
    kind: z.literal('command'),
    name: z.string().min(1),
    /** Run by the shell, with PREVIEW_URL, SERVICE, ENVIRONMENT and VERSION in a clean environment. Exit code 0 passes. */
    command: z.string().min(1),
    timeoutMs: durationMsSchema,
  }),
])
export type Gate = Readonly<z.infer<typeof gateSchema>>

export const planSchema = z
  .strictObject({
    steps: z.array(stepSchema).min(1).max(50),
    gates: z.array(gateSchema).max(50),
    /** Judged on the candidate from its first live request to the end of the rollback window. */
    criteria: z.array(criterionSchema).max(20),
    /** How long to watch at 100 % before calling it done. */
    bakeMs: durationMsSchema,
    /** How long requests in flight may take to end before the old side is stopped. */
    drainMs: durationMsSchema,
    /** How long the old environment is kept warm after completion. */
    rollbackWindowMs: durationMsSchema,
    /** What the provider does when no console renewed the shift's lease for so long. */
    lease: z.strictObject({ ttlMs: durationMsSchema.min(1000), onExpiry: z.enum(['hold', 'revert']) }),
  })
  .superRefine((plan, context) => {
    const uniqueNames = (criteria: readonly { name: string }[], path: (string | number)[]) => {
      const names = criteria.map(({ name }) => name)
      if (new Set(names).size < names.length) context.addIssue({ code: 'custom', path, message: 'criteria must have names of their own' })
    }
    uniqueNames(plan.criteria, ['criteria'])
    plan.steps.forEach((step, index) => {
      const before = plan.steps[index - 1]
      if (step.criteria) uniqueNames(step.criteria, ['steps', index, 'criteria'])
      if (before && step.weightPercent <= before.weightPercent) {
        context.addIssue({ code: 'custom', path: ['steps', index, 'weightPercent'], message: `weights must grow: ${step.weightPercent} % follows ${before.weightPercent} %` })
      }
    })
    if (plan.steps.at(-1)?.weightPercent !== 100) {
      context.addIssue({ code: 'custom', path: ['steps'], message: 'the last step must have weight 100' })
    }
  })
export type Plan = Readonly<z.infer<typeof planSchema>>
