import type { MigrationPhase, MigrationStep } from '../../../../contract/migration.ts'

/** Where a walk is to go: forward to a phase, one level back, or back to before everything. */
export type Goal = { readonly to: MigrationPhase } | { readonly stepBackTo: MigrationPhase } | { readonly rollBack: true }

export interface DriverTask {
  readonly url: string
  readonly scenario: string
  readonly consoleName: string
  readonly goals: readonly Goal[]
}

/** What the driver's process tells the one that may kill it. */
export type FromDriver =
  /** The program was read. `afterMs`: since the process was started. */
  | { readonly type: 'began'; readonly afterMs: number }
  | { readonly type: 'at'; readonly phase: MigrationPhase }
  /** Waits for `go`. */
  | { readonly type: 'beforeStep'; readonly step: MigrationStep; readonly from: MigrationPhase; readonly to: MigrationPhase }
  | { readonly type: 'afterStep'; readonly step: MigrationStep; readonly phase: MigrationPhase; readonly tookMs: number }
  | { readonly type: 'retried'; readonly what: string; readonly code: string; readonly message: string }
  | { readonly type: 'reached'; readonly goal: Goal }
  | { readonly type: 'failed'; readonly message: string }

export type ToDriver = { readonly type: 'go' }

export function reaches(goal: Goal): MigrationPhase {
  return 'to' in goal ? goal.to : 'stepBackTo' in goal ? goal.stepBackTo : 'rolledBack'
}
