import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** What a server was asked: path, parameters from the address and the body, and headers. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly parameters: URLSearchParams
  readonly headers: IncomingMessage['headers']
}
export interface TestServer {
  readonly url: string
  readonly asked: readonly Asked[]
  close(): Promise<void>
}

/** A real HTTP server that answers as it is told, also by never answering. */
export async function openTestServer(answer: (asked: Asked, response: ServerResponse) => void): Promise<TestServer> {
  const asked: Asked[] = []
  const listener: RequestListener = (request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://x')
      const one: Asked = { method: request.method ?? '', path: url.pathname, parameters: new URLSearchParams(body === '' ? url.search : body), headers: request.headers }
      asked.push(one)
      answer(one, response)
    })
  }
  const server = createServer(listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise((done) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => done())
      }),
  }
}

/** An answer of one series with these values, a second apart, ending at the time asked for. */
export function matrixOf(asked: Asked, values: readonly string[], extra: object = {}): string {
  const end = Number(asked.parameters.get('end'))
  return JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [{ metric: {}, values: values.map((value, index) => [end - (values.length - 1 - index), value]) }] }, ...extra })
}
