import { connect, type Socket } from 'node:net'

/** What came back for one request. `error` is set when no whole answer came. */
export interface Answer {
  readonly status: number
  /** First bytes of the body, as text. */
  readonly body: string
  readonly bytes: number
  readonly error: string | null
}

/** A keep-alive HTTP/1.1 connection that never retries, so that every dropped request is seen. One request at a time. */
export interface HttpConnection {
  request(head: string, onAnswer: (answer: Answer) => void): void
  /** False once the server has closed it or announced that it will. */
  usable(): boolean
  close(): void
}

const KEPT_BODY_BYTES = 256

export function openConnection(host: string, port: number, onClosed: () => void): HttpConnection {
  const socket: Socket = connect({ host, port, noDelay: true })
  let waiting: ((answer: Answer) => void) | null = null
  let open = true
  let closing = false
  let buffer: Buffer = Buffer.alloc(0)
  let head: { status: number; length: number; chunked: boolean } | null = null
  let body = ''
  let bytes = 0
  let failure = ''

  function finish(error: string | null): void {
    const answer: Answer = { status: head?.status ?? 0, body, bytes, error }
    const onAnswer = waiting
    waiting = null
    head = null
    body = ''
    bytes = 0
    if (closing || error !== null) socket.destroy()
    onAnswer?.(answer)
  }

  function keep(part: Buffer): void {
    bytes += part.length
    if (body.length < KEPT_BODY_BYTES) body += part.toString('latin1', 0, KEPT_BODY_BYTES)
  }

  function readHead(): boolean {
    const end = buffer.indexOf('\r\n\r\n')
    if (end < 0) return false
    const text = buffer.toString('latin1', 0, end)
    buffer = buffer.subarray(end + 4)
    const status = Number(text.slice(9, 12))
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)
    closing = /\r\nconnection: *close/i.test(text)
    const none = status === 204 || status === 304
    head = { status, length: none ? 0 : Number(length?.[1] ?? (/\r\ntransfer-encoding: *chunked/i.test(text) ? -1 : -2)), chunked: !length }
    return true
  }

  /** True when the body is whole. */
  function readBody(expected: number): boolean {
    if (expected >= 0) {
      const part = buffer.subarray(0, expected - bytes)
      keep(part)
      buffer = buffer.subarray(part.length)
      return bytes === expected
    }
    for (;;) {
      const end = buffer.indexOf('\r\n')
      if (end < 0) return false
      const size = Number.parseInt(buffer.toString('latin1', 0, end), 16)
      if (buffer.length < end + 2 + size + 2) return false
      keep(buffer.subarray(end + 2, end + 2 + size))
      buffer = buffer.subarray(end + 2 + size + 2)
      if (size === 0) return true
    }
  }

  socket.on('data', (chunk: Buffer) => {
    buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk])
    if (!waiting) {
      socket.destroy()
      return
    }
    if (!head && !readHead()) return
    if (head && readBody(head.length)) finish(null)
  })
  socket.on('error', (error) => {
    failure = (error as NodeJS.ErrnoException).code ?? error.message
  })
  socket.on('end', () => socket.destroy())
  socket.on('close', () => {
    open = false
    if (waiting) finish(failure || 'closed before the answer was whole')
    onClosed()
  })

  return {
    request(text, onAnswer) {
      waiting = onAnswer
      socket.write(text)
    },
    usable: () => open && !closing && !socket.destroyed,
    close: () => socket.destroy(),
  }
}
