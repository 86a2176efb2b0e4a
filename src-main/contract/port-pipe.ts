import { type Frame, type FrameListener, type FramePipe, WINDOW_BYTES } from './wire.ts'

/** The members of a message port this needs; the DOM's and Node's both fit. */
export interface PortLike {
  postMessage(message: unknown): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'close', listener: () => void): void
  start?(): void
  close(): void
}

/**
 * Carries frames over a message port. Ports buffer without limit, so the reader posts back how much it has taken
 * (a bare number), and `send` resolves once no more than the window is on its way.
 */
export function pipeOverPort(port: PortLike, windowBytes: number = WINDOW_BYTES): FramePipe {
  let deliver: FrameListener | undefined
  const early: Frame[] = []
  let onClosed: (() => void) | undefined
  let closed = false
  let onTheWayBytes = 0
  let waiting: (() => void)[] = []

  const release = () => {
    const resumed = waiting
    waiting = []
    for (const resume of resumed) resume()
  }
  const end = () => {
    if (closed) return
    closed = true
    release()
    onClosed?.()
  }
  const hand = (frame: Frame, listener: FrameListener) => {
    const took = () => {
      if (!closed) port.postMessage(frameBytes(frame))
    }
    const busy = listener(frame)
    if (busy) void busy.then(took)
    else took()
  }
  port.addEventListener('message', (event) => {
    const message = event.data
    if (typeof message === 'number') {
      onTheWayBytes -= message
      if (onTheWayBytes <= windowBytes) release()
      return
    }
    if (typeof message !== 'string' && !(message instanceof Uint8Array)) return
    if (deliver) hand(message, deliver)
    else early.push(message)
  })
  port.addEventListener('close', end)
  port.start?.()

  return {
    send(frame) {
      if (closed) return undefined
      onTheWayBytes += frameBytes(frame)
      port.postMessage(frame)
      if (onTheWayBytes <= windowBytes) return undefined
      return new Promise((resolve) => waiting.push(resolve))
    },
    onFrame(listener) {
      deliver = listener
      for (const frame of early.splice(0)) hand(frame, listener)
    },
    onClose(listener) {
      onClosed = listener
      if (closed) listener()
    },
    close() {
      port.close()
      end()
    },
  }
}

/** What a frame counts for in a window: bytes, or UTF-16 units of text, which is near enough. */
export function frameBytes(frame: Frame): number {
  return typeof frame === 'string' ? frame.length : frame.byteLength
}
