import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { MessagePort } from 'node:worker_threads'
import { WebSocketServer } from 'ws'
import { Fault } from '../../contract/fault.ts'
import { MAX_CLIENT_FRAME_BYTES } from '../../contract/wire.ts'
import { createAccess } from './access.ts'
import { readSmallJson } from './read-small-json.ts'
import { CONSOLE_HOST, pathOf, refuseRequest, securityHeaders } from './request-policy.ts'
import { forwardSocket, greetSocket } from './socket-session.ts'
import { loadStaticFiles, staticFileFor } from './static-files.ts'

export interface WebServerOptions {
  /** Folder of the built renderer. */
  readonly rendererFolder: string
  /** Opens a session in the core thread. */
  readonly openSession: () => MessagePort
  /** 0 picks a free one. */
  readonly port: number
  /** Time an unauthenticated WebSocket has for its greeting. */
  readonly helloDeadlineMs?: number
}

export interface WebServer {
  readonly port: number
  /** What the Host header must be: `signalbox.localhost:PORT`. */
  readonly authority: string
  /** An address that lets one browser in, once. The token is in the fragment: it is sent to nobody and logged nowhere. */
  issueUrl(): string
  close(): Promise<void>
}

const MAX_STRANGERS = 32

/** Serves the screens and the contract to browsers of this machine. Faults: `portTaken`, `notFound` when nothing is built. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const files = loadStaticFiles(options.rendererFolder)
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 16 * 1024, insecureHTTPParser: false })
  await listen(server, options.port)
  const port = (server.address() as AddressInfo).port
  const authority = `${CONSOLE_HOST}:${port}`
  const headers = securityHeaders(`'self' ws://${authority}`)
  const access = createAccess(`signalbox-${port}`)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_CLIENT_FRAME_BYTES, perMessageDeflate: false })
  let strangers = 0

  const answer = (response: ServerResponse, status: number, body: unknown, extra: Readonly<Record<string, string>> = {}) => {
    const isFile = Buffer.isBuffer(body)
    response.writeHead(status, { ...headers, 'cache-control': 'no-store', ...(isFile ? {} : { 'content-type': 'application/json; charset=utf-8' }), ...extra })
    response.end(isFile ? body : JSON.stringify(body))
  }

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refusal = refuseRequest(request, authority, false)
    if (refusal) return answer(response, refusal.status, { error: refusal.why }, { connection: 'close' })
    const path = pathOf(request.url ?? '')
    if (request.method === 'GET' || request.method === 'HEAD') {
      const file = staticFileFor(files, path)
      if (!file) return answer(response, 404, { error: 'not found' })
      return answer(response, 200, request.method === 'HEAD' ? Buffer.alloc(0) : file.body, { 'content-type': file.contentType, 'cache-control': file.cacheControl })
    }
    if (request.method !== 'POST' || (path !== '/enter' && path !== '/tab')) return answer(response, 405, { error: 'not understood' }, { connection: 'close' })
    const body = await readSmallJson(request)
    if (!body.ok) return answer(response, body.status, { error: body.why }, { connection: 'close' })
    if (path === '/enter') {
      const { token } = body.value
      const cookie = typeof token === 'string' ? access.redeemToken(token) : null
      if (cookie === null) return answer(response, 401, { error: 'the token is missing, wrong or already used' })
      const setCookie = access.setCookie(cookie)
      // The first tab's secret comes along: one question less before the first row is on screen.
      return answer(response, 200, { secret: access.issueTabSecret(setCookie) }, { 'set-cookie': setCookie })
    }
    const secret = access.issueTabSecret(request.headers.cookie)
    if (secret === null) return answer(response, 401, { error: 'this browser has not been let in' })
    return answer(response, 200, { secret })
  }

  server.on('request', (request, response) => {
    route(request, response).catch(() => {
      if (!response.headersSent) answer(response, 500, { error: 'internal' }, { connection: 'close' })
      else response.destroy()
    })
  })

  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const refusal =
      refuseRequest(request, authority, true) ??
      (pathOf(request.url ?? '') === '/rpc' ? null : { status: 404, why: 'not found' }) ??
      (access.knowsBrowser(request.headers.cookie) ? null : { status: 401, why: 'this browser has not been let in' }) ??
      (strangers < MAX_STRANGERS ? null : { status: 503, why: 'too many connections that never said hello' })
    if (refusal) {
      socket.end(`HTTP/1.1 ${refusal.status} ${refusal.why}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      strangers += 1
      let stranger = true
      const known = () => {
        if (stranger) strangers -= 1
        stranger = false
      }
      webSocket.once('close', known)
      greetSocket(webSocket, {
        admits(hello) {
          known()
          return access.redeemTabSecret(request.headers.cookie, hello.secret ?? '')
        },
        admitted: (hello) => forwardSocket(webSocket, options.openSession(), hello),
        deadlineMs: options.helloDeadlineMs ?? 3000,
      })
    })
  })

  return {
    port,
    authority,
    issueUrl: () => `http://${authority}/#token=${access.issueToken()}`,
    async close() {
      for (const client of sockets.clients) client.close(1001, 'the console is closing')
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      setTimeout(() => {
        for (const client of sockets.clients) client.terminate()
      }, 200).unref()
      await closed
    },
  }
}

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') {
        reject(new Fault('portTaken', `Port ${port} of 127.0.0.1 is taken by another program. Services are not affected.`, 'Leave --port out to get a free one, or name another.'))
      } else {
        reject(new Fault('portTaken', `Port ${port} of 127.0.0.1 cannot be used: ${error.message}.`, 'Name another --port.'))
      }
    })
    server.listen({ host: '127.0.0.1', port, exclusive: true }, resolve)
  })
}
