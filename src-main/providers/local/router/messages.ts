import type { Weights } from '../../../contract/traffic.ts'
import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import type { LocalSettings } from '../config.ts'

/** Everything the router needs to know of one service. Replaced as a whole, in one step. */
export interface RouteState {
  readonly name: string
  readonly generation: number
  readonly weights: Weights
  /** Pins of earlier generations are ignored. */
  readonly pinsFrom: number
  readonly sticky: LocalSettings['sticky']
  readonly preview: EnvironmentName | null
  readonly timeouts: LocalSettings['timeouts']
  /** Null: not ready, no request may go there. */
  readonly endpoints: Readonly<Record<EnvironmentName, EndpointState | null>>
}

export interface EndpointState {
  /** Names the process, so that its successor on the same port is another endpoint. */
  readonly id: string
  readonly host: string
  readonly port: number
}

/** Exit code of a supervisor that was brought back for a data folder that is gone. */
export const FOLDER_GONE = 3

export type ListenerKind = 'live' | 'preview'

/** Supervisor to router, over the child's IPC channel. Those with `n` are answered. */
export type ToRouter =
  | { readonly type: 'route'; readonly n: number; readonly state: RouteState }
  | { readonly type: 'forget'; readonly service: string }
  /** Comes with a bound handle; the router starts accepting on it. */
  | { readonly type: 'listen'; readonly n: number; readonly service: string; readonly kind: ListenerKind; readonly port: number }
  | { readonly type: 'unlisten'; readonly service: string; readonly kind: ListenerKind }
  | { readonly type: 'read'; readonly n: number; readonly service: string }
  | { readonly type: 'drain'; readonly n: number; readonly service: string; readonly environment: EnvironmentName; readonly deadlineMs: number }
  /** Stop accepting, answer with `Connection: close`, end when the last connection has, or at the deadline. */
  | { readonly type: 'retire'; readonly deadlineMs: number }
  /** How to bring the supervisor back when it dies. */
  | { readonly type: 'supervisor'; readonly command: readonly string[] }

export interface EnvironmentReading {
  readonly inFlight: number
  readonly connections: number
}

/** What the router itself routes by at this moment. */
export interface RouteReading {
  readonly generation: number
  readonly weights: Weights
  readonly environments: Readonly<Record<EnvironmentName, EnvironmentReading>>
}

/** Counts of one environment over one second. */
export interface SecondCounts {
  readonly s2xx: number
  readonly s3xx: number
  readonly s4xx: number
  readonly s5xx: number
  readonly failed: number
  /** Bucket and count pairs of the latency histogram. */
  readonly latency: readonly (readonly [bucket: number, count: number])[]
  readonly inFlight: number
  readonly connections: number
}

export type FromRouter =
  /** To a supervisor that the router itself brought back; comes with a listening handle. */
  | { readonly type: 'inherit'; readonly service: string; readonly kind: ListenerKind; readonly port: number }
  | { readonly type: 'inherited'; readonly router: number }
  | { readonly type: 'up' }
  | { readonly type: 'ack'; readonly n: number; readonly error: string | null }
  | { readonly type: 'reading'; readonly n: number; readonly reading: RouteReading | null }
  | { readonly type: 'drained'; readonly n: number; readonly left: number }
  | { readonly type: 'second'; readonly at: number; readonly services: Readonly<Record<string, Readonly<Record<EnvironmentName, SecondCounts>>>> }
