import type { Frame, FrameListener, FramePipe } from '../contract/wire.ts'

/** Two ends in one process, for tests and for a terminal that carries its own core. Frames arrive in a later microtask, in order. */
export function memoryPipes(): readonly [FramePipe, FramePipe] {
  const a = end()
  const b = end()
  a.peer = b
  b.peer = a
  return [a.pipe, b.pipe]
}

interface End {
  peer: End | undefined
  readonly take: (frame: Frame) => void
  readonly end: () => void
  readonly pipe: FramePipe
}

function end(): End {
  let deliver: FrameListener | undefined
  let onClosed: (() => void) | undefined
  let closed = false
  const early: Frame[] = []
  const self: End = {
    peer: undefined,
    take: (frame) => {
      if (closed) return
      if (deliver) void deliver(frame)
      else early.push(frame)
    },
    end: () => {
      if (closed) return
      closed = true
      onClosed?.()
    },
    pipe: {
      async send(frame) {
        await Promise.resolve()
        if (!closed) self.peer?.take(frame)
      },
      onFrame(listener) {
        deliver = listener
        for (const frame of early.splice(0)) void listener(frame)
      },
      onClose(listener) {
        onClosed = listener
        if (closed) listener()
      },
      close() {
        // After whatever was sent before it, as on a real transport.
        queueMicrotask(() =>
          queueMicrotask(() => {
            self.end()
            self.peer?.end()
          }),
        )
      },
    },
  }
  return self
}
