import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { JsonValue } from '../../contract/flag-definition.ts'

export interface FakeRequest {
  readonly method: string
  /** Decoded, without the empty one in front. */
  readonly path: readonly string[]
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: JsonValue
}
export interface FakeReply {
  readonly status: number
  readonly body?: JsonValue
  readonly headers?: Readonly<Record<string, string>>
}

/** A JSON API on this machine that answers as it is told, for contract tests of providers. */
export interface FakeApi {
  readonly url: string
  readonly token: string
  /** Everything it was asked, oldest first. */
  readonly asked: FakeRequest[]
  /** The next requests are answered so, once each. */
  readonly next: FakeReply[]
  /** While set, every request is answered with 503. */
  broken: boolean
  close(): Promise<void>
}

export async function startFakeApi(answer: (request: FakeRequest) => FakeReply): Promise<FakeApi> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://fake')
      const text = Buffer.concat(chunks).toString()
      const asked: FakeRequest = { method: request.method ?? '', path: url.pathname.slice(1).split('/').map(decodeURIComponent), query: url.searchParams, headers: request.headers, body: text === '' ? null : (JSON.parse(text) as JsonValue) }
      fake.asked.push(asked)
      const { status, body, headers } = fake.next.shift() ?? (fake.broken ? { status: 503 } : answer(asked))
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body === undefined ? '' : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const fake: FakeApi = {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    token: '',
    asked: [],
    next: [],
    broken: false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return fake
}
