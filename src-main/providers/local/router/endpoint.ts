import { Pool } from 'undici'
import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import type { EndpointState, RouteState } from './messages.ts'

const MAX_HEAD_BYTES = 64 << 10
/** Idle connections to an environment are given up before common servers do (2 s and up), so that none is used while being closed. */
const IDLE_CONNECTION_MS = 1_500

/** The process requests are sent to, and the connections to it. */
export interface Endpoint {
  readonly id: string
  readonly environment: EnvironmentName
  readonly host: string
  readonly port: number
  readonly pool: Pool
  /** Requests and upgraded connections that were sent here and have not ended. */
  inFlight: number
  upgraded: number
  /** Called when `inFlight` falls to zero while the endpoint is being given up. */
  onIdle: (() => void) | null
}

export function openEndpoint(environment: EnvironmentName, state: EndpointState, timeouts: RouteState['timeouts']): Endpoint {
  const host = state.host.includes(':') ? `[${state.host}]` : state.host
  const pool = new Pool(`http://${host}:${state.port}`, {
    pipelining: 1,
    connectTimeout: timeouts.connectMs,
    headersTimeout: timeouts.headersMs,
    bodyTimeout: timeouts.idleMs,
    keepAliveTimeout: IDLE_CONNECTION_MS,
    keepAliveMaxTimeout: IDLE_CONNECTION_MS,
    keepAliveTimeoutThreshold: 500,
    maxHeaderSize: MAX_HEAD_BYTES,
    autoSelectFamily: false,
    allowH2: false,
  })
  return { id: state.id, environment, host: state.host, port: state.port, pool, inFlight: 0, upgraded: 0, onIdle: null }
}

export function leave(endpoint: Endpoint): void {
  endpoint.inFlight -= 1
  if (endpoint.inFlight === 0 && endpoint.onIdle) endpoint.onIdle()
}

export function connectionsOf(endpoint: Endpoint): number {
  return endpoint.pool.stats.connected + endpoint.upgraded
}
