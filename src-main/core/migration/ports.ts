import type { Mismatch, MigrationEvent, MigrationProgress, MigrationReading, MigrationSample, MigrationState, MigrationStep, MigrationWork, MismatchClass, PreflightReport, RehearsedStepView, SqlStep } from '../../contract/migration.ts'
import type { MigrationDefinition } from '../../contract/migration-definition.ts'
import type { Operator } from '../../contract/release.ts'
import type { StopSignal } from '../ports.ts'

/** A fencing token: a console that was overtaken can change nothing any more (`staleFence`). */
export interface Ownership {
  readonly migration: string
  readonly epoch: number
}

export interface ApplyStep {
  readonly ownership: Ownership
  /** The revision the decision was made on; 0: there must be no row that is still under way. */
  readonly expectRevision: number
  readonly step: MigrationStep
  /** State to be written in the same transaction. */
  readonly next: MigrationState
  readonly event: { readonly kind: string; readonly summary: string; readonly operationId: string; readonly by: Operator; readonly evidence: unknown }
  /** Tries of the whole transaction while locks are not to be had; each waits at most the policy's lock timeout. */
  readonly deadlineMs: number
}

export interface AppliedStep {
  readonly eventId: number
  readonly tookMs: number
  /** Transactions begun until one got its locks. */
  readonly attempts: number
  /** What was run, as run. */
  readonly sql: string
}

/**
 * A database migrations run in. State, checkpoints, events and quarantine live there, so that whoever has the
 * workspace can take over, and a step and its state are one transaction.
 *
 * Every method may throw `providerUnavailable` (connection lost or refused; retryable) and `timeout`. Vendor errors
 * never cross. Reading counts as the truth: after an error of `apply` nobody knows whether it was committed, so it is
 * read again by operation id.
 */
export interface MigrationTarget {
  readonly database: string
  /** One coherent reading; null when the migration was never started here. */
  read(migration: string): Promise<MigrationReading | null>
  /** Read only, and over all rows for transforms. Never throws for what it finds. */
  preflight(definition: MigrationDefinition, signal: StopSignal): Promise<PreflightReport>
  /** What each step and work would run. Acts on nothing. Faults: `invalidInput` when an expression does not parse. */
  sql(definition: MigrationDefinition): Promise<readonly SqlStep[]>
  /** Becomes the one who drives it. Faults: `interlocked` when another console does, with its name. */
  acquire(migration: string, consoleName: string): Promise<Ownership>
  release(ownership: Ownership): Promise<void>
  /**
   * One transaction: epoch and revision checked, the step's SQL, the state, one event. The same operation id again
   * answers as the first time. Faults: `staleRevision`, `staleFence`, `timeout` (locks; nothing was changed), `interlocked` (drift).
   */
  apply(request: ApplyStep): Promise<AppliedStep>
  /**
   * Works until it is done or the signal aborts, in small transactions, each with its checkpoint. Resumes by itself.
   * Faults: what cannot be retried, as `gateFailed` with what was found, or `staleFence`.
   */
  work(request: { readonly ownership: Ownership; readonly work: MigrationWork; readonly signal: StopSignal; readonly paused: () => boolean; readonly foregroundHarm: () => string }): Promise<'done' | 'stopped'>
  /** Compares all the time, until the signal aborts: sampled reads, written keys, and full passes one after the other. */
  watch(request: { readonly ownership: Ownership; readonly signal: StopSignal; readonly paused: () => boolean; readonly onSample: (sample: MigrationSample) => void }): Promise<void>
  progress(migration: string): MigrationProgress | null
  /** Oldest first. */
  events(afterId: number, limit: number): Promise<readonly MigrationEvent[]>
  mismatches(migration: string, filter: { readonly class?: MismatchClass | undefined; readonly status?: Mismatch['status'] | undefined; readonly limit: number }): Promise<readonly Mismatch[]>
  /** From the authoritative side, row by row under its lock, with before and after in an event each. */
  repair(request: { readonly ownership: Ownership; readonly ids: readonly string[] | 'all'; readonly by: Operator; readonly operationId: string }): Promise<{ readonly repaired: number; readonly left: number }>
  /** Everything that could be missing between console and database. Never throws. */
  test(): Promise<readonly { readonly name: string; readonly ok: boolean; readonly detail: string; readonly next: string }[]>
  close(): Promise<void>
}

/** What running all phases and ways back on a database of its own took. */
export interface Rehearsal {
  /** Of the SQL that was run. */
  readonly digest: string
  readonly summary: string
  readonly steps: readonly Omit<RehearsedStepView, 'ranMs'>[]
  /** Open mismatches at their most, by class. */
  readonly mismatches: Readonly<Record<string, number>>
  readonly evidence: unknown
}

/** Leaves the database as it was. Faults: `gateFailed` with what was found, after rolling back. */
export type Rehearse = (target: MigrationTarget, definition: MigrationDefinition) => Promise<Rehearsal>
