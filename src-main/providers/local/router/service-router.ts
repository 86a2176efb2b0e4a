import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ENVIRONMENTS, otherEnvironment, type EnvironmentName } from '../../../contract/vocabulary.ts'
import { choose, createDeck, pinCookie } from './choose.ts'
import { createCounters } from './counters.ts'
import { connectionsOf, openEndpoint, type Endpoint } from './endpoint.ts'
import { forward, type ForwardOptions } from './forward.ts'
import type { EnvironmentReading, ListenerKind, RouteReading, RouteState, SecondCounts } from './messages.ts'
import { sendPage, sendRawPage } from './pages.ts'
import { forwardUpgrade } from './websocket.ts'

/** Routes the requests of one service by the state it was given last. */
export interface ServiceRouter {
  /** Takes effect for every request that arrives after it returns. */
  apply(state: RouteState): void
  read(): RouteReading
  handle(kind: ListenerKind, request: IncomingMessage, response: ServerResponse): void
  upgrade(kind: ListenerKind, request: IncomingMessage, socket: Duplex, first: Buffer): void
  /** Resolves with what is still in flight there: 0, or more at the deadline. Its endpoint must have been taken away before. */
  drain(environment: EnvironmentName, deadlineMs: number): Promise<number>
  takeSecond(): Readonly<Record<EnvironmentName, SecondCounts>>
  close(): void
}

export function createServiceRouter(initial: RouteState): ServiceRouter {
  let state = initial
  const deal = createDeck()
  const counters = { blue: createCounters(), green: createCounters() }
  const active: Record<EnvironmentName, Endpoint | null> = { blue: null, green: null }
  /** Given up, but with requests still in flight. */
  const leaving = new Set<Endpoint>()

  function giveUp(endpoint: Endpoint): void {
    const close = () => {
      leaving.delete(endpoint)
      void endpoint.pool.close().catch(() => {})
    }
    if (endpoint.inFlight === 0) {
      close()
      return
    }
    leaving.add(endpoint)
    endpoint.onIdle = close
  }

  function apply(next: RouteState): void {
    state = next
    for (const environment of ENVIRONMENTS) {
      const wanted = next.endpoints[environment]
      const present = active[environment]
      if (wanted?.id === present?.id) continue
      active[environment] = wanted ? openEndpoint(environment, wanted, next.timeouts) : null
      if (present) giveUp(present)
    }
  }
  apply(initial)

  function endpointsOf(environment: EnvironmentName): Endpoint[] {
    const list = [...leaving].filter((endpoint) => endpoint.environment === environment)
    const present = active[environment]
    return present ? [...list, present] : list
  }

  function readEnvironment(environment: EnvironmentName): EnvironmentReading {
    let inFlight = 0
    let connections = 0
    for (const endpoint of endpointsOf(environment)) {
      inFlight += endpoint.inFlight
      connections += connectionsOf(endpoint)
    }
    return { inFlight, connections }
  }

  /** Null: nothing there to answer. */
  function target(kind: ListenerKind, request: IncomingMessage): { readonly endpoint: Endpoint; readonly pin: string | null } | null {
    if (kind === 'preview') {
      const endpoint = state.preview ? active[state.preview] : null
      return endpoint ? { endpoint, pin: null } : null
    }
    const choice = choose(state, request, deal)
    if (!choice) return null
    const endpoint = active[choice.environment]
    if (!endpoint) {
      counters[choice.environment].failed(0)
      return null
    }
    return { endpoint, pin: choice.pin ? pinCookie(state, choice.environment) : null }
  }

  function options(kind: ListenerKind, endpoint: Endpoint, pin: string | null): ForwardOptions {
    return {
      endpoint,
      pin,
      counters: kind === 'live' ? counters[endpoint.environment] : null,
      fallback() {
        const other = otherEnvironment(endpoint.environment)
        const next = active[other]
        if (kind !== 'live' || !next || state.weights[other] === 0) return null
        return { ...options(kind, next, pin === null ? null : pinCookie(state, other)), fallback: () => null }
      },
    }
  }

  return {
    apply,
    read: () => ({ generation: state.generation, weights: state.weights, environments: { blue: readEnvironment('blue'), green: readEnvironment('green') } }),
    handle(kind, request, response) {
      const found = target(kind, request)
      if (found) forward(options(kind, found.endpoint, found.pin), request, response)
      else sendPage(response, 503)
    },
    upgrade(kind, request, socket, first) {
      const found = target(kind, request)
      if (!found) sendRawPage(socket, 503)
      else forwardUpgrade(found.endpoint, kind === 'live' ? counters[found.endpoint.environment] : null, state.timeouts.connectMs, found.pin, request, socket, first)
    },
    drain(environment, deadlineMs) {
      return new Promise((resolve) => {
        const deadline = performance.now() + deadlineMs
        const look = () => {
          const { inFlight } = readEnvironment(environment)
          if (inFlight === 0 || performance.now() >= deadline) resolve(inFlight)
          else setTimeout(look, 10)
        }
        look()
      })
    },
    takeSecond() {
      const take = (environment: EnvironmentName) => {
        const { inFlight, connections } = readEnvironment(environment)
        return counters[environment].take(inFlight, connections)
      }
      return { blue: take('blue'), green: take('green') }
    },
    close() {
      for (const environment of ENVIRONMENTS) {
        const present = active[environment]
        active[environment] = null
        if (present) giveUp(present)
      }
    },
  }
}
