import { z } from 'zod'
import { criterionResultSchema, frozenBaselineSchema } from './analysis.ts'
import { faultDataSchema } from './fault.ts'
import { planSchema } from './plan.ts'
import { environmentNameSchema, versionRefSchema, weightsSchema } from './traffic.ts'
import { RELEASE_COMMANDS, RELEASE_PHASES } from './vocabulary.ts'

export const operatorSchema = z.strictObject({
  /** Stable key: `os-user@host`, or `system`. */
  id: z.string(),
  name: z.string(),
  email: z.string(),
  /** How the identity is known. `selfDeclared`: the person typed it, on an OS account that is recorded too. */
  known: z.enum(['selfDeclared', 'osUser', 'system']),
})
export type Operator = Readonly<z.infer<typeof operatorSchema>>

export const SYSTEM_OPERATOR: Operator = { id: 'system', name: 'Signalbox', email: '', known: 'system' }

export const gateResultSchema = z.strictObject({
  name: z.string(),
  state: z.enum(['waiting', 'running', 'passed', 'failed']),
  /** One line for the screen: what was seen against what was expected. */
  detail: z.string(),
  /** Exit code of a command gate. */
  exitCode: z.int().nullable(),
  /** Last 16 KiB of a command gate's output. */
  output: z.string(),
  endedAt: z.number().nullable(),
})
export type GateResult = Readonly<z.infer<typeof gateResultSchema>>

/** Why a release stopped. `phase` is where `retry` goes on. */
export const failureSchema = z.strictObject({
  phase: z.enum(RELEASE_PHASES),
  fault: faultDataSchema,
  at: z.number(),
})
export type Failure = Readonly<z.infer<typeof failureSchema>>

export const approvalSchema = z.strictObject({
  by: operatorSchema,
  at: z.number(),
  stepIndex: z.int(),
  /** SHA-256 of what was approved: service, candidate, plan and step. */
  digest: z.string(),
})
export type Approval = Readonly<z.infer<typeof approvalSchema>>

/** The whole state of one release. Changed only by `transition`. */
export const releaseSchema = z.strictObject({
  id: z.string(),
  service: z.string(),
  /** Grows by one with every change; commands name the revision they were decided on. */
  revision: z.int().min(1),
  phase: z.enum(RELEASE_PHASES),
  plan: planSchema,
  candidate: versionRefSchema,
  candidateEnvironment: environmentNameSchema,
  /** The last known stable side, or null for a service's first release: its way back is out of service. */
  stable: versionRefSchema.nullable(),
  /** Index into plan.steps of the step in force; -1 before the first. */
  stepIndex: z.int().min(-1),
  /** The step that waits for approvals while `awaitingApproval`; null otherwise. */
  pendingStep: z.int().min(0).nullable(),
  /** What the router has been told, or is being told. */
  desiredWeights: weightsSchema,
  /** True between asking for weights and reading them back. */
  shiftPending: z.boolean(),
  /** `why` is empty when a person paused it. Otherwise it says what the guard saw, and asks. */
  paused: z.strictObject({ at: z.number(), by: operatorSchema, remainingMs: z.number().nullable(), why: z.string() }).nullable(),
  /** When the hold, the bake or the rollback window ends; null when nothing timed is running. Wall clock ms. */
  dueAt: z.number().nullable(),
  /** When that timed thing began. */
  dueSince: z.number().nullable(),
  gates: z.array(gateResultSchema),
  analysis: z.array(criterionResultSchema),
  /** The old version's record before the switch: what the candidate is compared with when the other side has no traffic. */
  baseline: frozenBaselineSchema.nullable(),
  /** When the candidate first had live traffic, and when its weight last grew, both read back. */
  trafficSince: z.number().nullable(),
  weightSince: z.number().nullable(),
  /** Automatic roll back is suspended until then, by whom and why. Analysis goes on and is shown. */
  guardSuspended: z.strictObject({ by: operatorSchema, reason: z.string(), at: z.number(), until: z.number() }).nullable(),
  /** Warnings that a person has seen and gone on from in this step, by criterion. */
  acknowledged: z.array(z.string()),
  /** This very version was rolled back by the guard before: what it saw then. It goes no further by itself until someone says so. */
  rejectedBefore: z.string().nullable(),
  approvals: z.array(approvalSchema),
  failure: failureSchema.nullable(),
  /** Why it is being rolled back, and who or what decided. */
  rollback: z.strictObject({ by: operatorSchema, reason: z.string(), at: z.number(), forced: z.boolean(), waitingForReady: z.boolean() }).nullable(),
  /** True: starts by itself once no other release of the service is in the way. */
  queued: z.boolean(),
  createdBy: operatorSchema,
  createdAt: z.number(),
  startedAt: z.number().nullable(),
  endedAt: z.number().nullable(),
  reason: z.string(),
  ticket: z.string(),
  notes: z.string(),
})
export type Release = Readonly<z.infer<typeof releaseSchema>>

/** Why an action is not allowed now, and what would allow it. */
export const blockSchema = z.strictObject({
  rule: z.string(),
  reason: z.string(),
  unblocks: z.string(),
})
export type Block = Readonly<z.infer<typeof blockSchema>>

/** A button, decided by the core: what it does in the words of its result, and whether it can be pressed now. */
export const actionSchema = z.strictObject({
  command: z.enum(RELEASE_COMMANDS),
  /** "Send 25 % to green (1.9.0)". */
  label: z.string(),
  /** A second, quieter line: when, how long, what it keeps. */
  effect: z.string(),
  blocks: z.array(blockSchema),
  /** `back`: takes traffic back, needs only a plain confirm. `forward`: one press. `irreversible`: type the service's name. */
  weight: z.enum(['forward', 'back', 'irreversible', 'quiet']),
  /** It overrules the analysis: why must be said. */
  needsReason: z.boolean(),
})
export type Action = Readonly<z.infer<typeof actionSchema>>

export const releaseViewSchema = z.strictObject({
  release: releaseSchema,
  actions: z.array(actionSchema),
  /** True in phases from which nothing follows by itself or by command, other than a new release. */
  ended: z.boolean(),
  /** One sentence: what happens next if nobody does anything. */
  next: z.string(),
  /** What the release waits for, or null. */
  waitsFor: z.enum(['operator', 'provider', 'clock']).nullable(),
})
export type ReleaseView = Readonly<z.infer<typeof releaseViewSchema>>
