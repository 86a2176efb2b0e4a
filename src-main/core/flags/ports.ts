import type { Series } from '../../contract/analysis.ts'
import type { FlagCapabilities, FlagSourceKind, FlagSourceView } from '../../contract/flag.ts'
import type { FlagDefinition, FlagProblem, FlagRolloutPlan, FlagSet, JsonValue, Segment } from '../../contract/flag-definition.ts'

/** What is to become of one flag. `native` is the source's own form of it. */
export type FlagChange =
  | { readonly kind: 'define'; readonly definition: FlagDefinition }
  /** The plan's stage, counted from 0, over the flag as it was before the rollout. */
  | { readonly kind: 'expose'; readonly before: FlagDefinition; readonly plan: FlagRolloutPlan; readonly stage: number }
  /** One variant for everyone, without rules. */
  | { readonly kind: 'finish'; readonly variant: string }
  /** The safe variant for everyone, whatever the context, in the way this source means by "off". */
  | { readonly kind: 'kill'; readonly variant: string }
  | { readonly kind: 'restore'; readonly native: JsonValue; readonly definition: FlagDefinition }
  | { readonly kind: 'archive' }

export interface ObservedFlag {
  readonly definition: FlagDefinition
  readonly native: JsonValue
  /** Changes with every change of this flag. */
  readonly version: string
}

export interface SetReading {
  readonly flagSet: FlagSet
  /** By key. */
  readonly versions: ReadonlyMap<string, string>
  readonly digest: string
  readonly problems: readonly FlagProblem[]
  readonly broken: FlagSourceView['broken']
  readonly addresses: FlagSourceView['addresses']
}

/** Of one variant, since the counting process started. */
export interface VariantEvaluations {
  readonly flag: string
  readonly variant: string
  readonly total: number
  readonly lastAt: number
  /** Oldest first. */
  readonly perMinute: readonly number[]
}

export interface ExperimentCounts {
  readonly flag: string
  readonly since: number
  readonly variants: readonly { readonly variant: string; readonly users: number; readonly metrics: Readonly<Record<string, { readonly converted: number; readonly sum: number; readonly sumOfSquares: number }>> }[]
  readonly crossedOver: number
  readonly notCounted: number
}

/**
 * Flags of one system. A provider translates its vendor's errors into faults at its edge; every method may throw
 * `providerUnavailable` and `timeout`. What was read is the truth, never what a write answered.
 */
export interface FlagSource {
  readonly name: string
  readonly kind: FlagSourceKind
  readonly capabilities: FlagCapabilities
  /** The whole set. A file that is broken answers its last good version, and says so. */
  read(set: string): Promise<SetReading>
  /** Faults: `notFound`. */
  observe(set: string, key: string): Promise<ObservedFlag>
  /**
   * Idempotent: what already is so is left alone. `expect`: the version it was decided on, null for the kill switch and
   * a roll back. `submitted`: the system wants somebody's approval first, and has it on file now.
   * Faults: `staleGeneration` (changed since), `invalidInput` (nothing was written), `notAllowed`, `unsupported`, `notFound`.
   */
  apply(request: { readonly set: string; readonly key: string; readonly change: FlagChange; readonly expect: string | null; readonly comment: string }): Promise<{ readonly submitted: { readonly what: string; readonly url: string } | null }>
  /** Whether the flag is what the change would have made of it. */
  matches(change: FlagChange, observed: ObservedFlag): boolean
  /** Faults: `unsupported`. */
  writeSegments(set: string, segments: readonly Segment[], expectDigest: string): Promise<void>
  /** Counted since `since`; null: this source does not count. */
  evaluations(set: string): Promise<{ readonly since: number; readonly variants: readonly VariantEvaluations[] } | null>
  experiments(set: string): Promise<readonly ExperimentCounts[] | null>
  /** Requests, errors and latency by variant since `fromAt` (wall ms, exclusive), one second each; null: it has none. */
  outcomes(set: string, key: string, fromAt: number): Promise<ReadonlyMap<string, Series> | null>
  /** Calls back when anything of the set may have changed. Returns the stop function. */
  subscribe(set: string, onChange: () => void): () => void
  test(): Promise<readonly { readonly name: string; readonly ok: boolean; readonly detail: string; readonly next: string }[]>
  close(): Promise<void>
}
