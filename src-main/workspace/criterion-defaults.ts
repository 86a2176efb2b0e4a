import type { Criterion, Judge, Metric } from '../contract/analysis.ts'

/** What a criterion says where the file says nothing, and the criteria that can be adopted by name. */

export const THRESHOLD_DEFAULTS = { windowMs: 30_000, minRequests: 20, consecutive: 3 } as const
/** A query has a point per interval of its provider, not one per request. One odd point decides nothing. */
export const QUERY_DEFAULTS = { windowMs: 60_000, minRequests: 2, consecutive: 1 } as const
/** A process is read every second. */
export const PROCESS_DEFAULTS = { windowMs: 30_000, minRequests: 5, consecutive: 3 } as const
/** An end of a process is a fact; there is nothing to wait for. */
export const RESTARTS_DEFAULTS = { windowMs: 60_000, minRequests: 1, consecutive: 1 } as const
/** Kayenta's own: confidence 0.98, tolerance 0.25, 50 points. */
export const MANN_WHITNEY_DEFAULTS = { windowMs: 120_000, minPoints: 50, tolerance: 0.25, confidence: 0.98, harm: 'above' } as const
/** The pages of Google's SRE workbook, chapter 5 (2 % of a month's budget in an hour, 5 % in six). */
export const BURN_RATE_WINDOWS: Extract<Judge, { kind: 'burnRate' }>['windows'] = [
  { longMs: 3_600_000, shortMs: 300_000, factor: 14.4 },
  { longMs: 21_600_000, shortMs: 1_800_000, factor: 6 },
]
export const BURN_RATE_MIN_REQUESTS = 100
export const DEFAULT_HARM = { errors: 0.02, latency: 0.2 } as const
export const HOLD: Criterion['absence'] = { action: 'hold', afterMs: 60_000 }
/** A new version's first requests are slower than its later ones. */
export const LATENCY_GRACE_MS = 10_000

const ERROR_RATIO: Metric = { source: 'router', of: 'errorRatio' }
const usual = (name: string, metric: Metric, judge: Judge, severity: Criterion['severity'] = 'fail'): Criterion => ({
  name,
  metric,
  judge,
  severity,
  graceMs: judge.kind === 'latency' ? LATENCY_GRACE_MS : 0,
  // See docs/analysis.md: a fifth more is not ruled out within minutes.
  ...(judge.kind === 'latency' ? { doubt: 'goOn' as const } : {}),
  absence: HOLD,
})
const slower = (quantile: 'p50' | 'p95' | 'p99') => usual(`Latency ${quantile}`, { source: 'router', of: 'latency', quantile }, { kind: 'latency', harm: DEFAULT_HARM.latency })

/** The field's usual rollback criteria, adopted by a plain word in the list of criteria. */
export const USUAL_CRITERIA: Readonly<Record<string, readonly Criterion[]>> = {
  'error-rate': [usual('Errors', ERROR_RATIO, { kind: 'errors', harm: DEFAULT_HARM.errors })],
  latency: [slower('p95')],
  p50: [slower('p50')],
  p95: [slower('p95')],
  p99: [slower('p99')],
  resources: [
    usual('CPU', { source: 'process', of: 'cpuPercent' }, { kind: 'threshold', limit: 90, harm: 'above', ...PROCESS_DEFAULTS }, 'warn'),
    usual('Memory', { source: 'process', of: 'memoryBytes' }, { kind: 'threshold', limit: 1024 ** 3, harm: 'above', ...PROCESS_DEFAULTS }, 'warn'),
  ],
  'burn-rate': [usual('Burn rate', ERROR_RATIO, { kind: 'burnRate', objective: 0.999, windows: BURN_RATE_WINDOWS, minRequests: BURN_RATE_MIN_REQUESTS })],
  crashes: [usual('Crashes', { source: 'process', of: 'restarts' }, { kind: 'threshold', limit: 0, harm: 'above', ...RESTARTS_DEFAULTS })],
}
