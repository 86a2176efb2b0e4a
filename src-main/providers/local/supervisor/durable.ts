import type { VersionRef, Weights } from '../../../contract/traffic.ts'
import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import type { ProcessIdentity } from '../identity.ts'
import type { LaunchSpec } from '../versions.ts'

/** What of one environment survives the supervisor. */
export interface EnvironmentDurable {
  readonly deployed: { readonly ref: VersionRef; readonly spec: LaunchSpec } | null
  readonly wanted: 'running' | 'stopped'
  /** Marks every process of this deployment, so that one whose start was not recorded is found again. */
  readonly spawnId: string | null
  readonly process: {
    readonly identity: ProcessIdentity
    readonly port: number
    readonly host: string
    readonly startedAt: number
    readonly ready: boolean
  } | null
  readonly restarts: number
  /** Why it is stopped, for the operator. */
  readonly stoppedWhy: string
}

export const EMPTY_ENVIRONMENT: EnvironmentDurable = { deployed: null, wanted: 'stopped', spawnId: null, process: null, restarts: 0, stoppedWhy: '' }

export interface LeaseDurable {
  readonly id: string
  readonly ttlMs: number
  readonly onExpiry: 'hold' | 'revert'
  readonly revertTo: Weights
  readonly expired: boolean
}

/** How a version ran, remembered so that a roll back brings back exactly that although the workspace changed meanwhile. */
export interface KnownVersion {
  readonly ref: VersionRef
  readonly blue: LaunchSpec
  readonly green: LaunchSpec
}

/** What of one service survives the supervisor. */
export interface ServiceDurable {
  readonly weights: Weights
  readonly generation: number
  readonly cause: string
  /** Pins handed out before this generation do not count any more. */
  readonly pinsFrom: number
  readonly fence: number
  readonly preview: EnvironmentName | null
  readonly ports: { readonly live: number; readonly preview: number }
  readonly lease: LeaseDurable | null
  /** The deployment that last had all the traffic before the present one: what a live death may switch to. */
  readonly stable: { readonly environment: EnvironmentName; readonly spawnId: string } | null
  readonly known: readonly KnownVersion[]
  readonly blue: EnvironmentDurable
  readonly green: EnvironmentDurable
}

export const NEW_SERVICE: ServiceDurable = {
  weights: { blue: 0, green: 0 },
  generation: 0,
  cause: 'start',
  pinsFrom: 0,
  fence: 0,
  preview: null,
  ports: { live: 0, preview: 0 },
  lease: null,
  stable: null,
  known: [],
  blue: EMPTY_ENVIRONMENT,
  green: EMPTY_ENVIRONMENT,
}
