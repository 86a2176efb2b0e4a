import { z } from 'zod'
import { faultDataSchema } from './fault.ts'

/** What travels: text, or bytes where a message carries some. The encoding is oRPC's own, the same on every transport. */
export type Frame = string | Uint8Array
export type FrameListener = (frame: Frame) => void | Promise<void>

/**
 * One end of a connection that carries whole frames in order: a WebSocket, a message port, or two functions in one
 * process. `send` resolves when there is room for more, so that a slow reader holds back its writer.
 */
export interface FramePipe {
  send(frame: Frame): void | Promise<void>
  /**
   * At most one listener each; frames that came before it are kept for it. While a listener's promise is open, its
   * frame still counts as on its way.
   */
  onFrame(listener: FrameListener): void
  onClose(listener: () => void): void
  close(): void
}

/** Refused when it differs between client and server. Here, so that a client need not load every schema to say it. */
export const PROTOCOL_VERSION = 1

/** Largest frame a client may send, in bytes. A larger one closes the connection. */
export const MAX_CLIENT_FRAME_BYTES = 1024 * 1024
/** Bytes on their way to a client before its streams wait (and replace old items by newer ones). */
export const WINDOW_BYTES = 512 * 1024

/** The client's first frame. `secret` belongs to the transport (the tab's secret, the terminal's answer), never to the core. */
export const helloSchema = z.strictObject({
  hello: z.literal('signalbox'),
  protocol: z.int(),
  secret: z.string().max(200).optional(),
})
export type Hello = Readonly<z.infer<typeof helloSchema>>

/** The answer to it: come in, or why not. After a refusal the connection closes. */
export const greetingSchema = z.union([
  z.strictObject({ welcome: z.literal('signalbox'), protocol: z.int() }),
  z.strictObject({ refused: faultDataSchema }),
])
export type Greeting = Readonly<z.infer<typeof greetingSchema>>

/** Parses a frame that should be one JSON text; undefined when it is not. */
export function parseJsonFrame(frame: unknown): unknown {
  if (typeof frame !== 'string') return undefined
  try {
    return JSON.parse(frame)
  } catch {
    return undefined
  }
}
