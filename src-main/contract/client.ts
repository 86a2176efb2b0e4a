import { createORPCClient, mapEventIterator, ORPCError } from '@orpc/client'
import { RPCLink } from '@orpc/client/message-port'
import type { ContractRouterClient } from '@orpc/contract'
import type { Contract } from './contract.ts'
import { Fault, faultDataSchema, faultFromData } from './fault.ts'
import { type FramePipe, type Frame, greetingSchema, type Hello, parseJsonFrame, PROTOCOL_VERSION } from './wire.ts'

/** The contract as calls: `client.release.command(input, { signal })`. Rejects with `Fault`, or with the caller's abort reason. */
export type ConsoleClient = ContractRouterClient<Contract>

/**
 * Shakes hands over a fresh pipe and gives the calls. Faults: whatever the console refuses with (`unsupported` for
 * another protocol, `notAllowed` for a wrong secret), `disconnected` when the pipe closes first.
 */
export async function openClient(pipe: FramePipe, options: { readonly secret?: string; readonly protocol?: number } = {}): Promise<ConsoleClient> {
  const hello: Hello = {
    hello: 'signalbox',
    protocol: options.protocol ?? PROTOCOL_VERSION,
    ...(options.secret === undefined ? {} : { secret: options.secret }),
  }
  let onMessage: ((event: { data: Frame }) => void) | undefined
  let onClosed: (() => void) | undefined
  let closed = false
  await new Promise<void>((resolve, reject) => {
    let greeted = false
    pipe.onFrame((frame) => {
      if (greeted) return onMessage?.({ data: frame })
      const greeting = greetingSchema.safeParse(parseJsonFrame(frame))
      if (greeting.success && 'welcome' in greeting.data) {
        greeted = true
        resolve()
      } else {
        reject(greeting.success && 'refused' in greeting.data ? faultFromData(greeting.data.refused) : notSignalbox())
        pipe.close()
      }
    })
    pipe.onClose(() => {
      closed = true
      reject(disconnected())
      onClosed?.()
    })
    void pipe.send(JSON.stringify(hello))
  })
  // oRPC's message-port link asks for these two members only.
  const port = {
    addEventListener(type: string, listener: (event?: unknown) => void) {
      if (type === 'message') onMessage = listener
      if (type === 'close') onClosed = listener
    },
    postMessage(frame: Frame) {
      if (closed) throw disconnected()
      void pipe.send(frame)
    },
  }
  const link = new RPCLink({
    port: port as unknown as MessagePortLike,
    interceptors: [
      async (call) => {
        try {
          const output = await call.next()
          if (!isStream(output)) return output
          return mapEventIterator(output, { value: (value) => Promise.resolve(value), error: (error) => Promise.resolve(toFault(error, call.signal)) })
        } catch (error) {
          throw toFault(error, call.signal)
        }
      },
    ],
  })
  return createORPCClient<ConsoleClient>(link)
}

type MessagePortLike = ConstructorParameters<typeof RPCLink>[0]['port']

function isStream(output: unknown): output is AsyncIteratorObject<unknown, unknown, void> {
  return typeof output === 'object' && output !== null && Symbol.asyncIterator in output && 'next' in output
}

/** What a caller sees of an error that came over the wire, or of the wire itself. */
function toFault(error: unknown, signal: AbortSignalLike | undefined): unknown {
  if (error instanceof Fault) return error
  if (error instanceof ORPCError) {
    const data = faultDataSchema.safeParse(error.data)
    return data.success
      ? faultFromData(data.data)
      : new Fault('internal', 'The console answered with something this client does not understand.', 'Reload; if it stays, read the console log.', { cause: error })
  }
  // The caller gave up itself: its own reason is the truth.
  if (signal?.aborted === true) return error
  return disconnected(error)
}

interface AbortSignalLike {
  readonly aborted: boolean
}

function disconnected(cause?: unknown): Fault {
  return new Fault(
    'disconnected',
    'The connection to the console ended before it answered. Traffic keeps flowing as it was; the act may or may not have been taken.',
    'Wait for the connection to return and look at what is shown then.',
    cause === undefined ? {} : { cause },
  )
}

function notSignalbox(): Fault {
  return new Fault('disconnected', 'What answered is not a Signalbox console.', 'Check the address, or run `signalbox open` for a new one.')
}
