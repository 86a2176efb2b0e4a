import { connect, createServer, type Socket } from 'node:net'

/** What becomes of a statement on its way to the server; while it is awaited, the connection stands still. */
export type Rewrite = (sql: string) => string | Promise<string>

/** A way to the server on which statements are changed or held up: what a console would be that has them otherwise. */
export interface StatementRewriter {
  readonly url: string
  close(): Promise<void>
}

const QUERY = 'Q'.charCodeAt(0)
const PARSE = 'P'.charCodeAt(0)

/** PostgreSQL's protocol, version 3: a start without a type, then messages of a type, a length with itself, and a body. */
export async function openStatementRewriter(url: string, rewrite: Rewrite): Promise<StatementRewriter> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    sockets.add(near).add(far)
    const end = () => {
      sockets.delete(near)
      sockets.delete(far)
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) {
      socket.setNoDelay()
      socket.on('error', end)
      socket.on('close', end)
    }
    far.pipe(near)
    let waiting = Buffer.alloc(0)
    let started = false
    let sent: Promise<void> = Promise.resolve()

    async function pass(message: Buffer): Promise<void> {
      far.write(await rewritten(message, rewrite))
    }
    near.on('data', (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk])
      for (;;) {
        const header = started ? 1 : 0
        if (waiting.length < header + 4) return
        const length = header + waiting.readInt32BE(header)
        if (waiting.length < length) return
        const message = waiting.subarray(0, length)
        waiting = waiting.subarray(length)
        sent = started ? sent.then(() => pass(message)).catch(end) : sent.then(() => void far.write(message))
        started = true
      }
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const near = new URL(url)
  near.port = typeof address === 'object' && address ? String(address.port) : ''
  return {
    url: near.href,
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}

async function rewritten(message: Buffer, rewrite: Rewrite): Promise<Buffer> {
  const type = message[0]
  if (type !== QUERY && type !== PARSE) return message
  // A statement to be prepared comes with its name before it, and the types of its parameters behind.
  const from = type === PARSE ? message.indexOf(0, 5) + 1 : 5
  const to = message.indexOf(0, from)
  const sql = Buffer.from(await rewrite(message.toString('utf8', from, to)))
  const body = Buffer.concat([message.subarray(5, from), sql, message.subarray(to)])
  const header = Buffer.alloc(5)
  header.writeUInt8(type, 0)
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}
