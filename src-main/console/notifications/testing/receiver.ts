import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly url: string
  readonly at: number
}

/** What one request is answered with: a status, or whatever a function does, which may be nothing. */
export type Reply = number | ((response: ServerResponse) => void)

/** A real HTTP server that keeps what it is sent. Answers from the script, then 200. */
export interface Receiver {
  readonly received: Received[]
  readonly url: string
  readonly port: number
  script(...replies: Reply[]): void
  /** Waits until so many requests came. */
  got(count: number, timeoutMs?: number): Promise<readonly Received[]>
  close(): Promise<void>
}

export async function openReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = []
  const replies: Reply[] = []
  const server: Server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      received.push({ headers: request.headers, body, url: request.url ?? '', at: performance.now() })
      const reply = replies.shift() ?? 200
      if (typeof reply === 'function') reply(response)
      else response.writeHead(reply).end()
    })
  })
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve))
  const address = server.address() as AddressInfo
  return {
    received,
    port: address.port,
    url: `http://127.0.0.1:${address.port}/hook/t0p-s3cret`,
    script: (...more) => void replies.push(...more),
    async got(count, timeoutMs = 15_000) {
      const deadline = performance.now() + timeoutMs
      while (received.length < count) {
        if (performance.now() > deadline) throw new Error(`only ${received.length} of ${count} requests came: ${JSON.stringify(received.map(({ body }) => body))}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      return received
    },
    async close() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
