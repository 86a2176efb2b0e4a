import type { MessagePort } from 'node:worker_threads'
import type { RawData, WebSocket } from 'ws'
import { Fault } from '../../contract/fault.ts'
import { pipeOverPort } from '../../contract/port-pipe.ts'
import { type Frame, type Greeting, type Hello, helloSchema, parseJsonFrame } from '../../contract/wire.ts'
import { portLike } from '../../rpc/port-like.ts'

/** Why a WebSocket was closed, for the client's eyes; 4000-4999 is the application's range (RFC 6455 7.4.2). */
export const CLOSE_CODES = { refused: 4401, silent: 4408, malformed: 4400, coreGone: 4503 } as const

export interface GreetOptions {
  /** True when the secret in the greeting is right. Called at most once. */
  readonly admits: (hello: Hello) => boolean
  readonly admitted: (hello: Hello) => void
  /** Time a client has for its greeting. */
  readonly deadlineMs: number
}

const MAX_HELLO_BYTES = 4096

/** Waits for a stranger's greeting and checks its secret. Whoever is silent, wrong or malformed is closed. */
export function greetSocket(socket: WebSocket, options: GreetOptions): void {
  const silent = setTimeout(() => socket.close(CLOSE_CODES.silent, 'no greeting'), options.deadlineMs)
  socket.on('close', () => clearTimeout(silent))
  // ws closes by itself after an error (too large: 1009, broken framing: 1002, bad UTF-8: 1007); without a listener it would throw.
  socket.on('error', () => socket.terminate())
  socket.once('message', (data, isBinary) => {
    clearTimeout(silent)
    const text = toFrame(data, isBinary)
    const hello = typeof text === 'string' && text.length <= MAX_HELLO_BYTES ? helloSchema.safeParse(parseJsonFrame(text)) : undefined
    if (!hello?.success) return socket.close(CLOSE_CODES.malformed, 'not a greeting')
    if (options.admits(hello.data)) return options.admitted(hello.data)
    const fault = new Fault('notAllowed', 'This connection is not let in: its access is missing, used up or of another console.', 'Run `signalbox open` for a new address.')
    socket.send(JSON.stringify({ refused: fault.data } satisfies Greeting))
    return socket.close(CLOSE_CODES.refused, 'not let in')
  })
}

/** Joins an admitted WebSocket to a session in the core thread. From here on frames only pass through. */
export function forwardSocket(socket: WebSocket, port: MessagePort, hello: Hello): void {
  const core = pipeOverPort(portLike(port))
  socket.on('message', (data, isBinary) => {
    const room = core.send(toFrame(data, isBinary))
    if (!room) return
    // The core is behind: stop reading from the network until it has caught up.
    socket.pause()
    void room.then(() => socket.resume())
  })
  socket.on('close', () => core.close())
  // Resolved when the operating system has taken it: a slow client holds back its own streams, in the core.
  core.onFrame((frame) => new Promise((resolve) => socket.send(frame, () => resolve())))
  core.onClose(() => socket.close(CLOSE_CODES.coreGone, 'the console closed this session'))
  // The secret stays here.
  void core.send(JSON.stringify({ hello: hello.hello, protocol: hello.protocol } satisfies Hello))
}

function toFrame(data: RawData, isBinary: boolean): Frame {
  const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer)
  return isBinary ? new Uint8Array(bytes) : bytes.toString('utf8')
}
