import { randomBytes } from 'node:crypto'
import { chmodSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { createConnection, type Socket } from 'node:net'
import type { MessagePort } from 'node:worker_threads'
import { WebSocketServer } from 'ws'
import { MAX_CLIENT_FRAME_BYTES } from '../../contract/wire.ts'
import { forwardSocket, greetSocket } from '../web/socket-session.ts'
import { challengeMet, consolePlace, readConsoleToken } from './place.ts'

/** Header of the upgrade's answer that carries the challenge. */
export const CHALLENGE_HEADER = 'x-signalbox-challenge'

export interface LocalSocketOptions {
  readonly dataFolder: string
  readonly openSession: () => MessagePort
  /** A new address for a browser, where the host has one to give; null: it has none. */
  readonly issueUrl: (() => string) | null
}

export interface LocalSocket {
  readonly path: string
  close(): Promise<void>
}

/**
 * Lets terminals of the same OS user talk to this console: a WebSocket over a unix socket (mode 0600 in a 0700
 * folder), opened by answering a challenge with the token kept beside it. Returns null when another console serves there.
 */
export async function startLocalSocket(options: LocalSocketOptions): Promise<LocalSocket | null> {
  const place = consolePlace(options.dataFolder)
  const token = readConsoleToken(place.token)
  if (await isServed(place.socket)) return null
  // Left behind by a console that was killed.
  if (process.platform !== 'win32') rmSync(place.socket, { force: true })

  const server = createServer((_request, response) => response.writeHead(404).end())
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_CLIENT_FRAME_BYTES, perMessageDeflate: false })
  const challenges = new WeakMap<IncomingMessage, string>()
  sockets.on('headers', (headers, request) => {
    const challenge = randomBytes(32).toString('base64url')
    challenges.set(request, challenge)
    headers.push(`${CHALLENGE_HEADER}: ${challenge}`)
  })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      greetSocket(webSocket, {
        admits: (hello) => challengeMet(token, challenges.get(request) ?? '', hello.secret ?? ''),
        admitted(hello) {
          if (request.url === '/rpc') return forwardSocket(webSocket, options.openSession(), hello)
          webSocket.send(JSON.stringify({ url: options.issueUrl?.() ?? null }))
          return webSocket.close(1000)
        },
        deadlineMs: 3000,
      })
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(place.socket, resolve)
  })
  if (process.platform !== 'win32') chmodSync(place.socket, 0o600)

  return {
    path: place.socket,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const client of sockets.clients) client.terminate()
      server.closeAllConnections()
      await closed
    },
  }
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}
