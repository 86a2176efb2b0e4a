import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { Fault, faultFromData } from '../../contract/fault.ts'
import { agreeVersion, answerLineSchema, challengeSchema, CONTROL_VERSIONS, goodbyeSchema, lineSplitter, proof, sameProof, welcomeSchema, type MethodName, type RequestOf } from './protocol.ts'

const HANDSHAKE_MS = 3_000
const START_DEADLINE_MS = 20_000
const RETRY_MS = 25
/** A request whose connection broke is sent again: operations are remembered by their id, the rest only reads. */
const ATTEMPTS = 3

export interface RequestOptions {
  readonly timeoutMs?: number
  /** Bring a supervisor up that was ended on purpose. Default false; one that is merely missing is always brought up. */
  readonly start?: boolean
}

/** One console's connection to the supervisor: made when needed, made again when it breaks. */
export interface SupervisorClient {
  request<M extends MethodName>(method: M, params: RequestOf<M>, options?: RequestOptions): Promise<unknown>
  /** Many answers. `onLost` is called once, when the connection breaks or the supervisor says no. Returns the cancel function. */
  stream<M extends MethodName>(method: M, params: RequestOf<M>, onEvent: (event: unknown) => void, onLost: (fault: Fault) => void): () => void
  /** Makes sure that a supervisor is there. */
  connect(options?: { readonly start?: boolean }): Promise<void>
  /** Why the last supervisor ended, when it did so on purpose. */
  goodbye(): string | null
  close(): void
}

export interface ClientOptions {
  readonly socketPath: string
  token(): Buffer
  launch(): void
}

interface Waiter {
  resolve(value: unknown): void
  reject(error: Error): void
  onEvent: ((event: unknown) => void) | null
}

interface Connection {
  send(id: number, method: string, params: unknown): void
  readonly waiters: Map<number, Waiter>
  destroy(): void
}

class ConnectionLost extends Error {}

function unavailable(why: string, cause?: unknown): Fault {
  return new Fault('providerUnavailable', `The local supervisor ${why}. Traffic goes on as it was, if its router runs.`, 'Try again; `signalbox status` says what runs.', { cause })
}

export function createClient(options: ClientOptions): SupervisorClient {
  let connection: Promise<Connection> | null = null
  let goodbye: string | null = null
  let closed = false
  let count = 0

  function open(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket: Socket = connect(options.socketPath)
      const waiters = new Map<number, Waiter>()
      const nonce = randomBytes(24).toString('hex')
      const token = options.token()
      let challenge: string | null = null
      let ready = false
      const impatient = setTimeout(() => fail(new ConnectionLost('no handshake')), HANDSHAKE_MS)

      function fail(error: Error): void {
        clearTimeout(impatient)
        socket.destroy()
        reject(error)
      }

      function onLine(line: string): void {
        const value: unknown = JSON.parse(line)
        if (challenge === null) {
          const offered = challengeSchema.parse(value)
          if (agreeVersion(CONTROL_VERSIONS, offered.versions) === null) {
            fail(unavailable(`speaks version ${offered.versions.newest} of the control protocol, this console ${CONTROL_VERSIONS.oldest} to ${CONTROL_VERSIONS.newest}; use the console it came with, or stop everything and start again`))
            return
          }
          ;({ challenge } = offered)
          socket.write(`${JSON.stringify({ hello: proof(token, 'console', challenge, nonce), nonce, versions: CONTROL_VERSIONS })}\n`)
        } else if (!ready) {
          const { welcome } = welcomeSchema.parse(value)
          if (!sameProof(welcome, proof(token, 'supervisor', challenge, nonce))) {
            fail(unavailable('could not prove that it is ours'))
            return
          }
          ready = true
          clearTimeout(impatient)
          resolve({ waiters, send: (id, method, params) => socket.write(`${JSON.stringify({ id, method, params })}\n`), destroy: () => socket.destroy() })
        } else onAnswer(value)
      }

      function onAnswer(value: unknown): void {
        const bye = goodbyeSchema.safeParse(value)
        if (bye.success) {
          goodbye = bye.data.goodbye
          return
        }
        const { id, result, event, fault } = answerLineSchema.parse(value)
        const waiter = waiters.get(id)
        if (!waiter) return
        if (event !== undefined) {
          waiter.onEvent?.(event)
          return
        }
        if (fault) waiter.reject(faultFromData(fault))
        else waiter.resolve(result)
        if (fault || !waiter.onEvent) waiters.delete(id)
      }

      const split = lineSplitter(onLine)
      socket.on('data', (chunk: Buffer) => {
        try {
          split(chunk)
        } catch (error) {
          socket.destroy(error instanceof Error ? error : new Error(String(error)))
        }
      })
      socket.on('error', () => {})
      socket.on('close', () => {
        clearTimeout(impatient)
        if (ready) connection = null
        reject(new ConnectionLost('closed'))
        for (const waiter of waiters.values()) waiter.reject(new ConnectionLost('closed'))
        waiters.clear()
      })
    })
  }

  async function bringUp(start: boolean): Promise<Connection> {
    if (closed) throw unavailable('is not connected any more: this console was closed')
    let launched = false
    const deadline = performance.now() + START_DEADLINE_MS
    for (;;) {
      try {
        const made = await open()
        goodbye = null
        return made
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error
        if (goodbye !== null && !start) throw unavailable(`was ended on purpose: ${goodbye}`)
        if (performance.now() > deadline) throw unavailable('did not come up; supervisor.log in the data folder says why', error)
      }
      if (!launched) options.launch()
      launched = true
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }

  function connected(start = false): Promise<Connection> {
    connection ??= bringUp(start).catch((error: unknown) => {
      connection = null
      throw error
    })
    return connection
  }

  function ask(on: Connection, method: string, params: unknown, timeoutMs: number): Promise<unknown> {
    const id = ++count
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        on.waiters.delete(id)
        reject(new Fault('timeout', `The local supervisor did not answer ${method} within ${timeoutMs} ms. Whether it was done is not known yet.`, 'Read the service; the same act again is not done twice.'))
      }, timeoutMs)
      on.waiters.set(id, {
        onEvent: null,
        resolve(value) {
          clearTimeout(timer)
          resolve(value)
        },
        reject(error) {
          clearTimeout(timer)
          reject(error)
        },
      })
      on.send(id, method, params)
    })
  }

  return {
    async request(method, params, { timeoutMs = 15_000, start = false } = {}) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await ask(await connected(start), method, params, timeoutMs)
        } catch (error) {
          if (!(error instanceof ConnectionLost)) throw error
          if (attempt >= ATTEMPTS || closed) throw unavailable('closed the connection', error)
        }
      }
    },
    stream(method, params, onEvent, onLost) {
      const id = ++count
      let over = false
      let used: Connection | null = null
      const lose = (error: unknown) => {
        if (over) return
        over = true
        onLost(error instanceof Fault ? error : unavailable('closed the connection', error))
      }
      connected().then((made) => {
        if (over) return
        used = made
        made.waiters.set(id, { onEvent: (event) => over || onEvent(event), resolve: () => {}, reject: lose })
        made.send(id, method, params)
      }, lose)
      return () => {
        if (over) return
        over = true
        if (!used?.waiters.delete(id)) return
        used.send(++count, 'cancel', { id })
      }
    },
    connect: async ({ start = true } = {}) => void (await connected(start)),
    goodbye: () => goodbye,
    close() {
      closed = true
      void connection?.then((made) => made.destroy()).catch(() => {})
    },
  }
}
