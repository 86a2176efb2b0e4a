import type { RPCHandler } from '@orpc/server/ws'
import { Fault } from '../contract/fault.ts'
import type { Operator } from '../contract/release.ts'
import { type Frame, type FramePipe, type Greeting, helloSchema, parseJsonFrame, PROTOCOL_VERSION } from '../contract/wire.ts'

/** What the transport knows of the client and the core does not. */
export interface SessionFacts {
  readonly operator?: Operator
}

/**
 * Shakes hands with one client and serves it. A first frame that is no hello, another protocol, or a frame that is no
 * message ends the session; nothing a client sends can throw into the thread.
 */
export function startSession(
  handler: RPCHandler<Pick<SessionFacts, 'operator'>>,
  pipe: FramePipe,
  options: SessionFacts & { readonly log: (line: string) => void },
): void {
  const greet = (greeting: Greeting) => void pipe.send(JSON.stringify(greeting))
  const refuse = (fault: Fault) => {
    greet({ refused: fault.data })
    pipe.close()
  }
  let receive: ((event: { data: Frame }) => void) | undefined
  let closed: (() => void) | undefined
  let greeted = false

  pipe.onClose(() => closed?.())
  pipe.onFrame((frame) => {
    if (greeted) {
      if (looksLikeMessage(frame)) {
        // Not awaited: the call may take as long as it likes.
        receive?.({ data: frame })
        return
      }
      options.log('a client sent a malformed message; its connection was closed')
      closed?.()
      return pipe.close()
    }
    const hello = helloSchema.safeParse(parseJsonFrame(frame))
    if (!hello.success) {
      return refuse(new Fault('invalidInput', 'The first message of a connection must be a greeting.', 'Connect with a Signalbox client.'))
    }
    if (hello.data.protocol !== PROTOCOL_VERSION) {
      return refuse(
        new Fault(
          'unsupported',
          `This client speaks protocol ${hello.data.protocol} and the console speaks ${PROTOCOL_VERSION}. Traffic is not affected.`,
          'Reload the page, or use the terminal of the same version as the console.',
        ),
      )
    }
    greeted = true
    greet({ welcome: 'signalbox', protocol: PROTOCOL_VERSION })
  })

  // oRPC's WebSocket handler asks for these two members only, and waits for `send`: that is what holds a fast stream
  // back when the client is slow.
  const socket = {
    send: (frame: Frame) => pipe.send(frame),
    addEventListener: (type: string, listener: (event?: unknown) => void) => {
      if (type === 'message') receive = listener
      if (type === 'close') closed = listener
    },
  }
  handler
    .upgrade(socket as unknown as Parameters<typeof handler.upgrade>[0], { context: options.operator ? { operator: options.operator } : {} })
    .catch((error: unknown) => options.log(`a session could not start: ${String(error)}`))
}

/** Requests carry bytes only for files, which this contract has none of: a message is always a JSON object with an id. */
function looksLikeMessage(frame: Frame): boolean {
  const message = parseJsonFrame(frame)
  if (typeof message !== 'object' || message === null || !('i' in message) || typeof message.i !== 'string') return false
  // Without a type it is a request, which names a path.
  if ('t' in message && message.t !== 1) return message.t === 3 || message.t === 4
  return 'p' in message && typeof message.p === 'object' && message.p !== null && 'u' in message.p && typeof message.p.u === 'string' && message.p.u.startsWith('/')
}
