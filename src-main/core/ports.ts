import type { Metric, VerdictChange } from '../contract/analysis.ts'
import type { Fault } from '../contract/fault.ts'
import type { Checkpoint, JournalDraft, JournalEntry } from '../contract/journal.ts'
import type { FlagRollout } from '../contract/flag.ts'
import type { Gate } from '../contract/plan.ts'
import type { GateResult, Release } from '../contract/release.ts'
import type { Capabilities, DataMode, LogLine, MetricsHistory, VersionOption } from '../contract/service.ts'
import type { EnvironmentSeries, LeaseState, ObservedService, VersionRef, Weights } from '../contract/traffic.ts'
import type { EnvironmentName } from '../contract/vocabulary.ts'
import type { ServiceConfig } from '../contract/workspace.ts'

/** Time, as the core is given it. Wall clock jumps; monotonic does not. Both in milliseconds. */
export interface Clock {
  wallMs(): number
  monotonicMs(): number
  /** Calls back once after at least `delayMs` of monotonic time. Returns the cancel function. */
  setTimer(delayMs: number, callback: () => void): () => void
}

/** Identifiers and randomness, as the core is given them. */
export interface Ids {
  /** UUIDv7-like, unique, sortable by time. */
  next(): string
  /** Uniform in [0, 1). */
  random(): number
}

/** The part of an AbortSignal the core needs; the platform's own fits. */
export interface StopSignal {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** Names the act to a provider, so that it is done once and never by someone who was overtaken. */
export interface Operation {
  /** The provider remembers it durably: the same id again answers as the first time. */
  readonly id: string
  /** Monotone per service. A provider refuses a smaller one than it has seen (`staleFence`). */
  readonly fence: number
}

export interface LeaseRequest {
  readonly id: string
  readonly ttlMs: number
  readonly onExpiry: 'hold' | 'revert'
  /** Weights to go back to on `revert`. */
  readonly revertTo: Weights
}

export interface SetWeights {
  readonly service: string
  readonly weights: Weights
  /** Compare-and-set: refused with `staleGeneration` when the observed generation differs. Null: unconditional (roll back). */
  readonly expectGeneration: number | null
  /** Send users who are pinned to the other side along, at once (roll back). */
  readonly overrideStickiness: boolean
  /** Send traffic to an environment that is not ready. */
  readonly force: boolean
  readonly lease: LeaseRequest | null
}

/**
 * Two environments of a service, somewhere, and the traffic between them.
 *
 * A provider translates its vendor's errors into faults at its edge. Every method may throw `providerUnavailable` and
 * `timeout`; methods taking an Operation may throw `staleFence`. Observation is the truth: no method's answer counts
 * as the state of the world, only `observe` does.
 */
export interface EnvironmentsProvider {
  readonly name: string
  readonly capabilities: Capabilities
  /** Makes the service known (listening addresses, settings). Idempotent. Faults: `portTaken`, `invalidInput`. */
  register(config: ServiceConfig): Promise<void>
  /** One coherent reading. Faults: `notFound` when the service was never registered. */
  observe(service: string): Promise<ObservedService>
  /** Calls back on every observed change, at least once a second while reachable. Returns the stop function. */
  subscribe(service: string, onChange: (observed: ObservedService) => void, onLost: (fault: Fault) => void): () => void
  versions(service: string): Promise<readonly VersionOption[]>
  /** Resolves name to an immutable reference. Faults: `versionUnknown`. Acts on nothing. */
  resolveVersion(service: string, version: string): Promise<VersionRef>
  /**
   * Starts a version in an environment and returns once accepted; readiness is observed. Replaces what runs there.
   * What already runs there with the same version and configuration is left alone when ready, and started again when not.
   * Anything else is refused with `interlocked` while the environment has weight above 0.
   * Faults: `versionUnknown`, `commandNotFound`.
   */
  deploy(operation: Operation, service: string, environment: EnvironmentName, version: VersionRef): Promise<void>
  /**
   * Atomic and durable before it returns. Returns the new generation.
   * Faults: `environmentNotReady` (unless forced), `staleGeneration`.
   */
  setWeights(operation: Operation, request: SetWeights): Promise<{ readonly generation: number }>
  /** Keeps a lease alive for `ttlMs` from now; 0 ends it without any consequence. Faults: `notFound` when the provider no longer knows it. */
  renewLease(service: string, leaseId: string, ttlMs: number): Promise<LeaseState>
  /** Waits up to `drainMs` for requests in flight, then stops gracefully, then by force. Refused with `interlocked` while it has weight. */
  stop(operation: Operation, service: string, environment: EnvironmentName, drainMs: number): Promise<void>
  /** The most recent lines, then new ones until the signal aborts. */
  tailLogs(service: string, environment: EnvironmentName, lines: number, signal: StopSignal): AsyncIterable<LogLine>
  /** Samples of the live window (about 15 minutes, 1 s), newest last. */
  metrics(service: string, fromAt: number): Promise<EnvironmentSeries>
  close(): Promise<void>
}

/** Tests a candidate before users reach it. Never throws for a failed test: that is a result. */
export interface GateRunner {
  run(gate: Gate, target: { service: string; environment: EnvironmentName; version: string; previewAddress: string | null }, signal: StopSignal): Promise<GateResult>
}

/** Reads how far one environment's data is behind the other's. Milliseconds. */
export interface DataSync {
  /** `behind`: the side that must be the one that follows; null: whichever does. Faults: `interlocked` when nothing, or the wrong side, follows. */
  lagMs(service: string, mode: DataMode, behind: EnvironmentName | null): Promise<number>
  /**
   * Before all traffic goes to `to`: its data takes the writes, and the other side's follows. Repeatable. Does nothing
   * for data that something else keeps in step. Faults: those of `beforeSwitch` in providers/postgres/replication.
   */
  turn?(service: string, mode: DataMode, to: EnvironmentName): Promise<void>
}

/** An effect that is to happen to the world, as data. Kept in the outbox until its outcome is committed. */
export type Effect =
  | { readonly type: 'deploy'; readonly environment: EnvironmentName; readonly version: VersionRef }
  | { readonly type: 'awaitReady'; readonly environment: EnvironmentName; readonly version: VersionRef; readonly timeoutMs: number }
  | { readonly type: 'runGates' }
  | {
      readonly type: 'setWeights'
      readonly weights: Weights
      readonly back: boolean
      readonly force: boolean
      readonly lease: { readonly ttlMs: number; readonly onExpiry: 'hold' | 'revert'; readonly revertTo: Weights } | null
    }
  | { readonly type: 'stop'; readonly environment: EnvironmentName; readonly drainMs: number }

export interface OutboxItem {
  /** Idempotency key: `<releaseId>:<revision>:<n>`. */
  readonly id: string
  readonly releaseId: string
  readonly service: string
  readonly fence: number
  readonly effect: Effect
  /** Ties it to the command's journal entries. */
  readonly operationId: string
  readonly attempts: number
}

/** Durable facts about a service that outlive its releases. */
export interface ServiceRecord {
  readonly name: string
  /** Highest fencing token handed out. */
  readonly fence: number
  readonly desiredWeights: Weights | null
  readonly stable: { readonly environment: EnvironmentName; readonly deployed: VersionRef } | null
  /** The version the guard last took back by itself, until a later release of the service completes. */
  readonly rejected: { readonly deployed: VersionRef; readonly releaseId: string; readonly why: string } | null
  readonly revision: number
  /** Number of releases so far: names the next one. */
  readonly releases: number
}

/** All or nothing: journal entries, rows and outbox go into one transaction. */
export interface CommitBatch {
  readonly entries: readonly JournalDraft[]
  readonly releases: readonly Release[]
  readonly services: readonly ServiceRecord[]
  /** Left out where no rollout of a flag changes, as in batches of before there were any. */
  readonly rollouts?: readonly FlagRollout[]
  readonly outboxAdd: readonly OutboxItem[]
  readonly outboxRemove: readonly string[]
  /** Remembers what an operation id answered (a release, `migration:<id>`, `rollout:<id>`, `flag:<source>/<key>`), so that a repeated call is the same act. */
  readonly operation: { readonly id: string; readonly releaseId: string } | null
}

export interface StoredState {
  readonly releases: readonly Release[]
  readonly services: readonly ServiceRecord[]
  readonly outbox: readonly OutboxItem[]
  /** Those that have not ended, and the newest of each flag. */
  readonly rollouts: readonly FlagRollout[]
}

/**
 * The durable memory of one data folder. One writer.
 *
 * `commit` resolves only when the bytes are on the disk (WAL, synchronous=FULL) and rejects with
 * `journalUnavailable` with nothing written. Concurrent commits share one transaction.
 */
export interface Store {
  load(): StoredState
  commit(batch: CommitBatch): Promise<readonly JournalEntry[]>
  /** Finds an earlier answer to the same operation id. */
  findOperation(id: string): { readonly releaseId: string } | null
  release(id: string): Release | null
  releasesOf(service: string, limit: number): readonly Release[]
  rollout(id: string): FlagRollout | null
  /** Of one flag, newest first. */
  rolloutsOf(source: string, flag: string, limit: number): readonly FlagRollout[]
  /**
   * For roll back and kill switch only, when `commit` fails: fsynced to the preallocated emergency file, chained to the
   * last head, merged into the journal by the next successful commit or opening.
   */
  commitEmergency(batch: CommitBatch): Promise<void>
  /** Empty when the journal can commit. */
  problem(): string
  checkpoint(): Checkpoint
  close(): Promise<void>
}

/** What a metric is asked about. */
export interface MetricTarget {
  readonly service: string
  readonly environment: EnvironmentName
  readonly version: string
  readonly windowMs: number
  /** Of a rollout's criterion: which flag, and which of its variants. */
  readonly flag?: { readonly key: string; readonly variant: string }
}

export interface MetricReading {
  /** As it was sent; empty for what is not a query. */
  readonly query: string
  /** Newest last. Points that are not finite numbers are null, never left out. */
  readonly points: readonly { readonly at: number; readonly value: number | null; readonly requests: number; readonly errors: number; readonly latencyMs: number | null }[]
  /** Warnings and infos of the provider. */
  readonly notes: readonly string[]
}

/** Answers `query` and `probe` metrics. What a router counts does not pass here. */
export interface MetricsSource {
  /** Readings from `fromAt` (wall ms, exclusive) to now. No data is an empty list. Faults: `providerUnavailable`, `timeout`, `invalidInput`. */
  read(metric: Metric, target: MetricTarget, fromAt: number): Promise<MetricReading>
  /**
   * A metric tried out: never throws for a wrong query or a source that does not answer; why is in the notes then, and
   * `reading` is empty. `query` is as it was, or would have been, sent.
   */
  tryQuery(metric: Metric, target: MetricTarget, fromAt: number): Promise<{
    readonly query: string
    /** Newest last, at most 300. */
    readonly samples: readonly { readonly at: number; readonly value: number | null }[]
    readonly notes: readonly string[]
    readonly reading: MetricReading
  }>
  /** How far apart its readings normally are, ms: three of these without one is absence. */
  intervalMs(metric: Metric): number
}

/** Losable history of samples, rolled up. Never on an action's path; failing is allowed and shown. */
export interface MetricsStore {
  append(service: string, samples: EnvironmentSeries): void
  read(service: string, fromAt: number, toAt: number): MetricsHistory
  appendVerdicts(service: string, changes: readonly VerdictChange[]): void
  /** Oldest first, at most 5,000. */
  readVerdicts(service: string, fromAt: number, toAt: number): readonly VerdictChange[]
  close(): void
}

/** Numbered places where the simulator and the kill tests may end the process. A no-op in production. */
export type CrashPoint = (name: string) => void
