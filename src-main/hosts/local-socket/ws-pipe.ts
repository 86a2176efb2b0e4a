import type { WebSocket } from 'ws'
import type { Frame, FrameListener, FramePipe } from '../../contract/wire.ts'

/** The client's end of a WebSocket of the `ws` package. */
export function pipeOverWs(socket: WebSocket): FramePipe {
  let deliver: FrameListener | undefined
  const early: Frame[] = []
  let onClosed: (() => void) | undefined
  socket.on('message', (data, isBinary) => {
    const frame = isBinary ? new Uint8Array(data as Buffer) : (data as Buffer).toString('utf8')
    if (deliver) void deliver(frame)
    else early.push(frame)
  })
  socket.on('close', () => onClosed?.())
  socket.on('error', () => socket.terminate())
  return {
    send: (frame) => new Promise((resolve) => socket.send(frame, () => resolve())),
    onFrame(listener) {
      deliver = listener
      for (const frame of early.splice(0)) void listener(frame)
    },
    onClose(listener) {
      onClosed = listener
      if (socket.readyState === socket.CLOSED) listener()
    },
    close: () => socket.close(),
  }
}
