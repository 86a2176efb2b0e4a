import type { Plan } from '../../contract/plan.ts'

/** A plan with one of everything, for tests and simulations. */
export const DEFAULT_TEST_PLAN: Plan = {
  steps: [
    { weightPercent: 10, hold: { kind: 'timed', ms: 10_000 }, approvals: 0 },
    { weightPercent: 50, hold: { kind: 'analysis', ms: 10_000 }, approvals: 0 },
    { weightPercent: 100, hold: { kind: 'timed', ms: 0 }, approvals: 0 },
  ],
  gates: [],
  criteria: [{ name: 'error ratio', metric: { source: 'router', of: 'errorRatio' }, judge: { kind: 'threshold', limit: 0.02, harm: 'above', windowMs: 10_000, minRequests: 20, consecutive: 2 }, severity: 'fail', graceMs: 0, absence: { action: 'hold', afterMs: 0 } }],
  bakeMs: 10_000,
  drainMs: 1_000,
  rollbackWindowMs: 60_000,
  lease: { ttlMs: 15_000, onExpiry: 'hold' },
}
