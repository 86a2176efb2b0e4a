import type { FrozenBaseline, Series } from '../../contract/analysis.ts'

/** Everything a judge sees, and what evidence keeps: the same input gives the same verdict for ever. */
export interface JudgeInput {
  /** Wall clock ms. */
  readonly now: number
  /** Candidate, 1 s intervals, newest last, at most the last 60 min. For `query` and `process` metrics `values` holds the readings. */
  readonly candidate: Series
  /** The other environment over the same time; empty columns (or zero requests) when it has no traffic. */
  readonly baseline: Series
  /** The old version's record before the switch, or null (first release, or none was kept). */
  readonly frozen: FrozenBaseline | null
  /** When the candidate first got live traffic in this release; samples before do not count. */
  readonly candidateSince: number
  /** When its weight last grew. */
  readonly stepSince: number
  /** Candidate's share of live traffic, percent. */
  readonly weightPercent: number
  /** Ends of candidate processes, and readiness lost, since candidateSince: wall clock ms each. Evidence, not absence. */
  readonly crashes: readonly number[]
  /** How far apart a query's answers are, as its provider declares it, ms; absent: as its answers show. */
  readonly intervalMs?: number
}

/** How the budget for false alarms is shared. */
export interface JudgeOptions {
  /** Criteria of the plan that spend it (sequential tests that can roll back), at least 1. */
  readonly sharedBy: number
}
