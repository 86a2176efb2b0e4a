import { DEFAULT_CRITERIA } from '../core/analysis/default-criteria.ts'
import type { Gate, Plan, Step } from '../contract/plan.ts'
import type { Tier } from '../contract/vocabulary.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60_000

/** The step at 100 % has no hold of its own: what follows it is the bake. */
export const NO_HOLD: Step['hold'] = { kind: 'timed', ms: 0 }

const timed = (weightPercent: number, ms: number): Step => ({ weightPercent, hold: { kind: 'timed', ms }, approvals: 0 })
const judged = (weightPercent: number, ms: number): Step => ({ weightPercent, hold: { kind: 'analysis', ms }, approvals: 0 })
const last: Step = { weightPercent: 100, hold: NO_HOLD, approvals: 0 }

/**
 * What a plan says where the file says nothing. In dev a step goes on after its time, because a service under
 * development may see too few requests for a verdict; in staging and prod it goes on only when analysis passes.
 */
export const PLAN_DEFAULTS: Readonly<Record<Tier, Omit<Plan, 'gates'>>> = {
  dev: {
    steps: [timed(10, 20 * SECOND_MS), timed(50, 20 * SECOND_MS), last],
    criteria: [...DEFAULT_CRITERIA],
    bakeMs: 30 * SECOND_MS,
    drainMs: 10 * SECOND_MS,
    rollbackWindowMs: 10 * MINUTE_MS,
    lease: { ttlMs: 30 * SECOND_MS, onExpiry: 'hold' },
  },
  staging: {
    steps: [judged(10, MINUTE_MS), judged(50, MINUTE_MS), last],
    criteria: [...DEFAULT_CRITERIA],
    bakeMs: 5 * MINUTE_MS,
    drainMs: 30 * SECOND_MS,
    rollbackWindowMs: 30 * MINUTE_MS,
    lease: { ttlMs: 30 * SECOND_MS, onExpiry: 'hold' },
  },
  prod: {
    steps: [judged(5, 5 * MINUTE_MS), judged(25, 5 * MINUTE_MS), judged(50, 5 * MINUTE_MS), last],
    criteria: [...DEFAULT_CRITERIA],
    bakeMs: 15 * MINUTE_MS,
    drainMs: 30 * SECOND_MS,
    rollbackWindowMs: 60 * MINUTE_MS,
    lease: { ttlMs: 30 * SECOND_MS, onExpiry: 'hold' },
  },
}

/** What an HTTP smoke test asks where the file says nothing. */
export const HTTP_GATE_DEFAULTS = {
  expectStatus: 200,
  expectBody: null,
  expectHeaders: {},
  maxLatencyMs: null,
  timeoutMs: 5 * SECOND_MS,
  times: 1,
} as const satisfies Partial<Gate>

export const COMMAND_GATE_TIMEOUT_MS = 60 * SECOND_MS
