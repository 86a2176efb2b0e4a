import type { AnySchema, ContractProcedure, InferSchemaInput, InferSchemaOutput } from '@orpc/contract'
import type { Contract } from '../contract/contract.ts'
import type { Operator } from '../contract/release.ts'
import type { SystemStatus } from '../contract/system.ts'

/** What comes with every call besides its input. */
export interface CallContext {
  /** Who acts, where the host knows better than the core does; otherwise the core's own operator. */
  readonly operator?: Operator
  /** Aborted when the caller gave up, went away or the console closes. A stream must end then. */
  readonly signal: AbortSignal
}

/**
 * One procedure, as the core implements it. Streams return an async iterable at once; everything else a promise.
 * Throws `Fault`; whatever else it throws is a bug and crosses as `internal`.
 */
type CoreMethod<Procedure> =
  Procedure extends ContractProcedure<infer Input extends AnySchema, infer Output extends AnySchema, infer _Errors, infer _Meta>
    ? InferSchemaInput<Output> extends AsyncIteratorObject<infer Item, unknown, unknown>
      ? (input: InferSchemaOutput<Input>, context: CallContext) => AsyncIterable<Item>
      : (input: InferSchemaOutput<Input>, context: CallContext) => Promise<InferSchemaInput<Output>>
    : never

/** The contract as plain functions: noun, then verb. What `composeCore` returns and every transport serves. */
export type CoreApi = {
  readonly [Noun in keyof Contract]: { readonly [Verb in keyof Contract[Noun]]: CoreMethod<Contract[Noun][Verb]> }
}

/** What a host tells the core, in one structured-cloneable piece. */
export interface ComposeOptions {
  readonly host: SystemStatus['host']
  /** Absolute folder that holds journal, supervisor socket and settings. Created 0700 when missing. */
  readonly dataFolder: string
  /** Absolute path of signalbox.yaml; null opens the demo workspace. */
  readonly workspaceFile: string | null
  /** Absolute path of a journal to open read-only; null for normal work. */
  readonly auditFile: string | null
  /** Give trust to the workspace's commands at once (`--trust`), journaled like a press of the button. */
  readonly trustWorkspace: boolean
  /**
   * `whole` starts everything. `leverOnly` is for one act from a terminal with no console running: no demo traffic, no
   * search index, no metrics history, nothing that a roll back does not need. `readOnly` takes no lock, starts nothing
   * and finishes nothing that was in flight: it looks.
   */
  readonly scope: 'whole' | 'leverOnly' | 'readOnly'
  /** The Node that supervisor and router run on, where this process is none (Electron); otherwise the one running this. */
  readonly nodePath?: string
  /** Programs of supervisor and router, where those are not beside this build's own files: an installed app runs them from a copy that outlives it. */
  readonly localEntries?: { readonly supervisor: string; readonly router: string; readonly flagServer?: string }
  /** Absolute path of the demo's signalbox.yaml, likewise. */
  readonly demoFile?: string
}

/** A running core. */
export interface Core {
  readonly dispatch: CoreApi
  /** Ends timers, leases and the store; services and their supervisor go on. */
  close(): Promise<void>
}

export type ComposeCore = (options: ComposeOptions) => Promise<Core>
