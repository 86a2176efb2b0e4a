import type { Criterion } from '../../contract/analysis.ts'

const HOLD = { action: 'hold', afterMs: 60_000 } as const

/** What guards a service that declares no criteria. The last one needs no other version to compare with. */
export const DEFAULT_CRITERIA: readonly Criterion[] = [
  {
    name: 'Errors',
    metric: { source: 'router', of: 'errorRatio' },
    judge: { kind: 'errors', harm: 0.02 },
    severity: 'fail',
    graceMs: 0,
    absence: HOLD,
  },
  {
    name: 'Latency p95',
    metric: { source: 'router', of: 'latency', quantile: 'p95' },
    judge: { kind: 'latency', harm: 0.2 },
    severity: 'fail',
    graceMs: 10_000,
    // To rule out a fifth more takes a quarter of an hour of steady traffic: it takes traffic back when it shows, and is no gate.
    doubt: 'goOn',
    absence: HOLD,
  },
  {
    name: 'Half of all requests fail',
    metric: { source: 'router', of: 'errorRatio' },
    judge: { kind: 'threshold', limit: 0.5, harm: 'above', windowMs: 30_000, minRequests: 5, consecutive: 2 },
    severity: 'fail',
    graceMs: 0,
    absence: HOLD,
  },
]
