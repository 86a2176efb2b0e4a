import { randomBytes } from 'node:crypto'
import { chmodSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { Fault } from '../../../contract/fault.ts'
import { agreeVersion, CONTROL_VERSIONS, helloSchema, lineSplitter, proof, requestLineSchema, sameProof } from '../protocol.ts'

const AUTH_TIMEOUT_MS = 3_000
/** Unsent bytes at which a console that does not read is let go; it reconnects and reads afresh. */
const MAX_BACKLOG_BYTES = 16 << 20

/** How often the socket file is looked for. */
const SOCKET_LOOK_MS = 2_000

/** One authenticated console. */
export interface Console {
  /** Sends one of many answers to a request. */
  event(id: number, event: unknown): void
  fail(id: number, fault: Fault): void
  /** Runs when the request is cancelled or the console gone. */
  onEnd(id: number, stop: () => void): void
  end(id: number): void
}

export interface ControlServerOptions {
  readonly path: string
  readonly token: Buffer
  handle(method: string, params: unknown, id: number, console: Console): Promise<unknown>
  onConsoles(count: number): void
}

export interface ControlServer {
  consoles(): number
  /** Tells every console that this end is meant, then closes. */
  close(goodbye: string | null): Promise<void>
}

/** Serves the control protocol on a local socket only its owner can open. */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer> {
  const authenticated = new Set<Socket>()

  function accept(socket: Socket): void {
    const challenge = randomBytes(24).toString('hex')
    const stops = new Map<number, () => void>()
    let known = false
    const send = (value: unknown) => {
      if (socket.destroyed) return
      socket.write(`${JSON.stringify(value)}\n`)
      if (socket.writableLength > MAX_BACKLOG_BYTES) socket.destroy()
    }
    const impatient = setTimeout(() => socket.destroy(), AUTH_TIMEOUT_MS)
    const console: Console = {
      event: (id, event) => send({ id, event }),
      fail: (id, fault) => send({ id, fault: fault.data }),
      onEnd: (id, stop) => void stops.set(id, stop),
      end(id) {
        stops.get(id)?.()
        stops.delete(id)
      },
    }

    function onHello(text: string): void {
      const hello = helloSchema.parse(JSON.parse(text))
      const version = agreeVersion(CONTROL_VERSIONS, hello.versions)
      if (version === null || !sameProof(hello.hello, proof(options.token, 'console', challenge, hello.nonce))) {
        socket.destroy()
        return
      }
      known = true
      clearTimeout(impatient)
      authenticated.add(socket)
      options.onConsoles(authenticated.size)
      send({ welcome: proof(options.token, 'supervisor', challenge, hello.nonce), version })
    }

    async function onRequest(text: string): Promise<void> {
      const { id, method, params } = requestLineSchema.parse(JSON.parse(text))
      try {
        send({ id, result: (await options.handle(method, params, id, console)) ?? null })
      } catch (error) {
        const fault = error instanceof Fault ? error : new Fault('internal', `The supervisor failed at ${method}: ${error instanceof Error ? error.message : String(error)}.`, 'Look into supervisor.log in the data folder.', { traceId: `${process.pid}-${id}` })
        if (!(error instanceof Fault)) globalThis.console.error(error)
        send({ id, fault: fault.data })
      }
    }

    const split = lineSplitter((text) => {
      if (known) void onRequest(text).catch(() => socket.destroy())
      else onHello(text)
    })
    socket.on('data', (chunk: Buffer) => {
      try {
        split(chunk)
      } catch {
        socket.destroy()
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(impatient)
      for (const stop of stops.values()) stop()
      stops.clear()
      if (authenticated.delete(socket)) options.onConsoles(authenticated.size)
    })
    send({ challenge, versions: CONTROL_VERSIONS, pid: process.pid })
  }

  async function open(): Promise<Server> {
    const opened = createServer(accept)
    // Whoever holds the lock is alone; a socket file that is left here has no owner.
    if (process.platform !== 'win32') rmSync(options.path, { force: true })
    await new Promise<void>((resolve, reject) => {
      opened.once('error', reject)
      const before = process.umask(0o177)
      opened.listen(options.path, resolve)
      process.umask(before)
    })
    if (process.platform !== 'win32') chmodSync(options.path, 0o600)
    return opened
  }

  let server = await open()
  let inode = inodeOf(options.path)
  // A socket file that somebody tidied away would leave a supervisor that lives, holds the lock and cannot be reached.
  const watch = setInterval(() => {
    if (process.platform === 'win32' || (inode !== null && inodeOf(options.path) === inode)) return
    const before = server
    // The old server stays open for those it has; closing it would remove the new file of the same name.
    before.unref()
    open().then(
      (opened) => {
        server = opened
        inode = inodeOf(options.path)
      },
      (error: unknown) => globalThis.console.error(`the control socket could not be made again: ${String(error)}`),
    )
  }, SOCKET_LOOK_MS)
  watch.unref()

  return {
    consoles: () => authenticated.size,
    async close(goodbye) {
      clearInterval(watch)
      server.close()
      for (const socket of authenticated) {
        if (goodbye !== null) socket.write(`${JSON.stringify({ goodbye })}\n`)
        socket.end()
      }
    },
  }
}

function inodeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null
}
