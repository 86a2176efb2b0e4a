// The router process: accepts on the sockets its supervisor hands it, and forwards by the weights it was told last.
import { spawn } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { openSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import { FOLDER_GONE, type FromRouter, type ListenerKind, type SecondCounts, type ToRouter } from './messages.ts'
import { sendPage, sendRawPage } from './pages.ts'
import { createServiceRouter, type ServiceRouter } from './service-router.ts'

const KEEP_ALIVE_MS = 75_000
const HEAD_TIMEOUT_MS = 60_000
const MAX_HEAD_BYTES = 64 << 10
const BACKLOG = 1_024
/** For its last connections, when there is nothing left to belong to. */
const ORPHANED_MS = 30_000
const REVIVE_PAUSES_MS = [0, 200, 500, 1_000, 2_000, 5_000] as const

interface Listener {
  readonly server: Server
  readonly handle: unknown
  readonly service: string
  readonly kind: ListenerKind
  readonly port: number
}

const services = new Map<string, ServiceRouter>()
const listeners = new Map<string, Listener>()
const sockets = new Set<Socket>()
let retiring = false
let supervisorCommand: readonly string[] = []

/** To the supervisor of the moment. */
let tell = (message: FromRouter): void => {
  if (process.connected) process.send?.(message)
}

function openServer(service: string, kind: ListenerKind): Server {
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEAD_TIMEOUT_MS,
      // A large upload may take as long as it takes.
      requestTimeout: 0,
      maxHeaderSize: MAX_HEAD_BYTES,
      noDelay: true,
      // Finds out about peers of long connections that are gone without a word.
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
    },
    (request, response) => {
      if (retiring) response.shouldKeepAlive = false
      const router = services.get(service)
      if (router) router.handle(kind, request, response)
      else sendPage(response, 503)
    },
  )
  server.on('upgrade', (request, socket, first) => {
    const router = services.get(service)
    if (router) router.upgrade(kind, request, socket, first)
    else sendRawPage(socket, 503)
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      if (retiring && sockets.size === 0) process.exit(0)
    })
  })
  // A malformed request is answered by Node (400, 431, 408) and its connection closed.
  return server
}

function listen(message: ToRouter & { type: 'listen' }, handle: unknown): void {
  const server = openServer(message.service, message.kind)
  server.once('error', (error) => tell({ type: 'ack', n: message.n, error: (error as NodeJS.ErrnoException).code ?? error.message }))
  server.listen(handle as object, BACKLOG, () => {
    listeners.set(`${message.service} ${message.kind}`, { server, handle, service: message.service, kind: message.kind, port: message.port })
    tell({ type: 'ack', n: message.n, error: null })
  })
}

function unlisten(service: string, kind: ListenerKind): void {
  const key = `${service} ${kind}`
  listeners.get(key)?.server.close()
  listeners.delete(key)
}

function retire(deadlineMs: number): void {
  retiring = true
  // Connections that are idle now stay open: closing one races with a request on its way (RFC 9112 section 9.5). Each is
  // told `Connection: close` with its next answer, or times out.
  for (const { server } of listeners.values()) stopAccepting(server)
  listeners.clear()
  if (sockets.size === 0) process.exit(0)
  setTimeout(() => process.exit(0), deadlineMs)
}

/** `http.Server.close` would also close idle connections; this ends accepting only. */
function stopAccepting(server: Server): void {
  server.closeIdleConnections = () => {}
  server.close()
}

function onMessage(message: ToRouter, handle: unknown): void {
  switch (message.type) {
    case 'route': {
      const present = services.get(message.state.name)
      if (present) present.apply(message.state)
      else services.set(message.state.name, createServiceRouter(message.state))
      tell({ type: 'ack', n: message.n, error: null })
      return
    }
    case 'forget':
      for (const kind of ['live', 'preview'] as const) unlisten(message.service, kind)
      services.get(message.service)?.close()
      services.delete(message.service)
      return
    case 'listen':
      listen(message, handle)
      return
    case 'unlisten':
      unlisten(message.service, message.kind)
      return
    case 'read':
      tell({ type: 'reading', n: message.n, reading: services.get(message.service)?.read() ?? null })
      return
    case 'drain':
      void drain(message)
      return
    case 'retire':
      retire(message.deadlineMs)
      return
    case 'supervisor':
      supervisorCommand = message.command
      return
  }
}

async function drain({ n, service, environment, deadlineMs }: ToRouter & { type: 'drain' }): Promise<void> {
  const left = (await services.get(service)?.drain(environment, deadlineMs)) ?? 0
  tell({ type: 'drained', n, left })
}

/**
 * The supervisor is gone but users are not: keep routing, bring it back and hand it the listening sockets, so that it
 * can start a router of its own on them. Until then nothing changes for anybody.
 */
function revive(attempt: number): void {
  const [program, ...args] = supervisorCommand
  const output = process.env['SIGNALBOX_OUTPUT']
  if (!program || retiring || attempt >= REVIVE_PAUSES_MS.length) return
  setTimeout(() => {
    const fd = output ? openSync(output, 'a', 0o600) : 'ignore'
    const child = spawn(program, args, { detached: true, stdio: ['ignore', fd, fd, 'ipc'] })
    const send = (message: FromRouter, handle?: unknown) => {
      if (child.connected) child.send(message, handle as Socket | undefined, { keepOpen: true })
    }
    child.on('message', (message: ToRouter | { readonly type: 'ready' }) => {
      if (message.type !== 'ready') {
        onMessage(message, null)
        return
      }
      tell = send
      for (const { service, kind, port, handle } of listeners.values()) send({ type: 'inherit', service, kind, port }, handle)
      send({ type: 'inherited', router: process.pid })
    })
    child.once('error', () => {})
    // Another supervisor may have been first; then this one ends and that one takes the router's place.
    child.once('exit', (code) => {
      if (code === FOLDER_GONE) retire(ORPHANED_MS)
      else revive(attempt + 1)
    })
    child.unref()
  }, REVIVE_PAUSES_MS[attempt] ?? 0)
}

function everySecond(): void {
  const now = Date.now()
  setTimeout(() => {
    const counts: Record<string, Readonly<Record<EnvironmentName, SecondCounts>>> = {}
    for (const [name, router] of services) counts[name] = router.takeSecond()
    tell({ type: 'second', at: Math.round(Date.now() / 1000) * 1000, services: counts })
    everySecond()
  }, 1000 - (now % 1000)).unref()
}

process.on('message', onMessage)
process.on('disconnect', () => revive(0))
// The supervisor decides when the router ends; a terminal's Ctrl-C or a closed session is not that.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
everySecond()
tell({ type: 'up' })
