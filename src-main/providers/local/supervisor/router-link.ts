import { Fault } from '../../../contract/fault.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../../../contract/vocabulary.ts'
import type { EnvironmentReading, FromRouter, ListenerKind, RouteReading, RouteState } from '../router/messages.ts'
import { portTaken, type ListeningHandle } from './listeners.ts'
import { spawnRouter, type RouterCommand, type RouterPeer } from './router-peer.ts'

const READ_TIMEOUT_MS = 2_000
const UP_TIMEOUT_MS = 10_000
/** How long a router whose place was taken may go on for its own connections. */
const RETIRE_AFTER_ADOPTION_MS = 10 * 60_000

interface Listening {
  readonly service: string
  readonly kind: ListenerKind
  readonly handle: ListeningHandle
  readonly port: number
}

export interface RouterLinkOptions {
  readonly command: RouterCommand
  /** How a router brings this supervisor back. */
  supervisorCommand(): readonly string[]
  readonly onSecond: (message: FromRouter & { type: 'second' }) => void
  /** The routers in use changed. */
  onRouters(pids: readonly number[]): void
  note(text: string): void
}

/** The router as the rest of the supervisor sees it: always there, whichever process does the work. */
export interface RouterLink {
  /** Remembers a route for the next router to start, telling none. */
  prime(state: RouteState): void
  /** Resolves when every router process routes by it. Faults: `providerUnavailable`. */
  setRoute(state: RouteState): Promise<void>
  listen(listening: Listening): Promise<void>
  listening(service: string, kind: ListenerKind): number | null
  forget(service: string): void
  /** What the router process itself says it routes by. Faults: `providerUnavailable`. */
  read(service: string): Promise<RouteReading>
  drain(service: string, environment: EnvironmentName, deadlineMs: number): Promise<number>
  /** Puts a new router on the same sockets, then lets the old one drain. */
  upgrade(entry: string | null, drainMs: number): Promise<void>
  /** A router that outlived its supervisor handed over its sockets: a router of our own takes its place. */
  succeed(peer: RouterPeer, inherited: readonly Listening[]): Promise<void>
  /** For a router this supervisor did not start. */
  readonly onSecond: (message: FromRouter & { type: 'second' }) => void
  status(): readonly { readonly pid: number; readonly retiring: boolean }[]
  /** What brings the supervisor back changed. */
  announceSupervisor(): void
  stop(drainMs: number): Promise<void>
}

export function createRouterLink(options: RouterLinkOptions): RouterLink {
  const routes = new Map<string, RouteState>()
  const sockets = new Map<string, Listening>()
  let entry = options.command.entry
  let current: RouterPeer | null = null
  const retiring = new Set<RouterPeer>()
  const starting = new Set<RouterPeer>()
  /** Routers that may be routing: they get every change. */
  const peers = new Set<RouterPeer>()
  let upcoming: Promise<void> | null = null
  let stopped = false
  let shortLives = 0

  const key = (service: string, kind: ListenerKind) => `${service} ${kind}`

  /** Starts a router, tells it everything, then lets it accept. It is in use when this resolves. */
  async function bringUp(): Promise<RouterPeer> {
    const peer = spawnRouter({ ...options.command, entry }, options.onSecond)
    try {
      // Before it accepts: a supervisor that has to take over must find every router there is.
      starting.add(peer)
      announce()
      await peer.up
      peer.tell({ type: 'supervisor', command: options.supervisorCommand() })
      // From here on in one go: a route that changes meanwhile reaches the peer in order.
      peers.add(peer)
      const acks = [...routes.values()].map((state) => peer.ask({ type: 'route', state }))
      await Promise.all(acks)
      for (const listening of sockets.values()) await accept(peer, listening)
    } catch (error) {
      peers.delete(peer)
      peer.kill()
      throw error
    } finally {
      starting.delete(peer)
    }
    const startedAt = performance.now()
    void peer.gone.then(() => {
      peers.delete(peer)
      retiring.delete(peer)
      if (current === peer) {
        current = null
        shortLives = performance.now() - startedAt < 2_000 ? shortLives + 1 : 0
        if (!stopped) {
          options.note(`Router ${peer.pid} ended; starting another on the same sockets.`)
          ensureUp()
        }
      }
      announce()
    })
    return peer
  }

  function announce(): void {
    options.onRouters([...(current ? [current] : []), ...retiring, ...starting].map((peer) => peer.pid))
  }

  function ensureUp(): void {
    upcoming ??= (async () => {
      for (;;) {
        if (shortLives > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(2_000, 50 * 2 ** shortLives)))
        if (stopped) return
        try {
          current = await bringUp()
          announce()
          return
        } catch (error) {
          shortLives += 1
          options.note(`The router did not come up: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
    })().finally(() => (upcoming = null))
  }

  async function whenUp(timeoutMs: number): Promise<RouterPeer> {
    if (!current) {
      ensureUp()
      await Promise.race([upcoming, new Promise((resolve) => setTimeout(resolve, timeoutMs).unref())])
    }
    if (!current) throw unavailable('is not running and could not be started')
    return current
  }

  async function accept(peer: RouterPeer, listening: Listening): Promise<void> {
    const { service, kind, port, handle } = listening
    const answer = await peer.ask({ type: 'listen', service, kind, port }, handle)
    if (answer.type === 'ack' && answer.error !== null) throw portTaken(port, `the ${kind} address of ${service}`)
  }

  async function sum(reading: RouteReading, service: string): Promise<RouteReading> {
    const others = await Promise.all([...retiring].map((peer) => peer.ask({ type: 'read', service }, undefined, READ_TIMEOUT_MS).catch(() => null)))
    const environments: Record<EnvironmentName, EnvironmentReading> = { ...reading.environments }
    for (const other of others) {
      if (other?.type !== 'reading' || !other.reading) continue
      for (const name of ENVIRONMENTS) {
        const a = environments[name]
        const b = other.reading.environments[name]
        environments[name] = { inFlight: a.inFlight + b.inFlight, connections: a.connections + b.connections }
      }
    }
    return { ...reading, environments }
  }

  return {
    prime: (state) => void routes.set(state.name, state),
    async setRoute(state) {
      routes.set(state.name, state)
      await Promise.all(
        [...peers].map((peer) =>
          peer.ask({ type: 'route', state }).catch(() => {
            // One that cannot say it changed must not go on routing by the old state.
            peer.kill()
            return peer.gone
          }),
        ),
      )
      await whenUp(UP_TIMEOUT_MS)
    },
    async listen(listening) {
      const id = key(listening.service, listening.kind)
      const former = sockets.get(id)
      const peer = await whenUp(UP_TIMEOUT_MS)
      // Of two sockets bound to one port without listening, the second to listen fails here.
      await accept(peer, listening)
      sockets.set(id, listening)
      former?.handle.close()
    },
    listening: (service, kind) => sockets.get(key(service, kind))?.port ?? null,
    forget(service) {
      routes.delete(service)
      for (const peer of peers) peer.tell({ type: 'forget', service })
      for (const kind of ['live', 'preview'] as const) {
        sockets.get(key(service, kind))?.handle.close()
        sockets.delete(key(service, kind))
      }
    },
    async read(service) {
      const peer = await whenUp(READ_TIMEOUT_MS)
      const answer = await peer.ask({ type: 'read', service }, undefined, READ_TIMEOUT_MS).catch((error: unknown) => {
        throw unavailable(error instanceof Error && error.message.includes('answer') ? 'does not answer' : 'has just ended')
      })
      if (answer.type !== 'reading' || !answer.reading) throw unavailable(`does not know the service ${service}`)
      return retiring.size === 0 ? answer.reading : sum(answer.reading, service)
    },
    async drain(service, environment, deadlineMs) {
      const answers = await Promise.all([...peers].map((peer) => peer.ask({ type: 'drain', service, environment, deadlineMs }, undefined, deadlineMs + READ_TIMEOUT_MS).catch(() => null)))
      return answers.reduce((left, answer) => left + (answer?.type === 'drained' ? answer.left : 0), 0)
    },
    async upgrade(nextEntry, drainMs) {
      const former = await whenUp(UP_TIMEOUT_MS)
      const formerEntry = entry
      if (nextEntry !== null) entry = nextEntry
      let next: RouterPeer
      try {
        next = await bringUp()
      } catch (error) {
        entry = formerEntry
        throw new Fault('invalidInput', `The new router did not come up (${error instanceof Error ? error.message : String(error)}). The present one goes on; traffic is unchanged.`, 'Check the file it was to be started from.')
      }
      current = next
      retiring.add(former)
      former.tell({ type: 'retire', deadlineMs: drainMs })
      options.note(`Router ${next.pid} took over from ${former.pid}, which drains.`)
      announce()
    },
    async succeed(former, inherited) {
      for (const listening of inherited) sockets.set(key(listening.service, listening.kind), listening)
      peers.add(former)
      void former.gone.then(() => {
        peers.delete(former)
        retiring.delete(former)
        announce()
      })
      await whenUp(UP_TIMEOUT_MS)
      retiring.add(former)
      former.tell({ type: 'retire', deadlineMs: RETIRE_AFTER_ADOPTION_MS })
      announce()
    },
    onSecond: options.onSecond,
    status: () => [...peers].map((peer) => ({ pid: peer.pid, retiring: retiring.has(peer) })),
    announceSupervisor() {
      for (const peer of peers) peer.tell({ type: 'supervisor', command: options.supervisorCommand() })
    },
    async stop(drainMs) {
      stopped = true
      const all = [...peers]
      for (const peer of all) peer.tell({ type: 'retire', deadlineMs: drainMs })
      const killer = setTimeout(() => all.forEach((peer) => peer.kill()), drainMs + 500)
      await Promise.all(all.map((peer) => peer.gone))
      clearTimeout(killer)
      for (const { handle } of sockets.values()) handle.close()
      sockets.clear()
    },
  }
}

function unavailable(what: string): Fault {
  return new Fault('providerUnavailable', `The router ${what}, so what traffic does right now is unknown.`, 'It is started again by itself; look again in a second.')
}
