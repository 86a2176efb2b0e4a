import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonValue } from '../../../contract/flag-definition.ts'
import type { EventStreams } from './event-stream.ts'
import type { FlagService } from './flag-service.ts'
import type { Ingest } from './ingest.ts'
import type { Ofrep } from './ofrep.ts'
import { setOf } from './sync-service.ts'

const MAX_BODY_BYTES = 1024 * 1024

export interface HttpParts {
  readonly flags: FlagService
  readonly ofrep: Ofrep
  readonly ingest: Ingest
  readonly streams: EventStreams
  /** Answers of `GET /signalbox/v1/…` by the rest of their path; undefined: there is no such set or flag. */
  readonly reports: Readonly<Record<string, (query: URLSearchParams) => unknown>>
}

export interface HttpServer {
  readonly port: number
  close(): Promise<void>
}

class TooLong extends Error {}

/** OFREP for apps, events from apps, and reports for the console, on one loopback port. */
export async function startHttpServer(parts: HttpParts, host: string, port: number): Promise<HttpServer> {
  const server: Server = createServer((request, response) => {
    // A name that somebody made lead here (DNS rebinding) would let a page in a browser read and write as if it were ours.
    if (isLoopback(host) && !isLoopback(hostnameOf(request))) return send(response, 421, { errorDetails: 'Ask by 127.0.0.1 or localhost.' })
    handle(parts, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else if (error instanceof TooLong) send(response, 413, { errorDetails: `The body has more than ${MAX_BODY_BYTES} bytes.` }, { connection: 'close' })
      else if (error instanceof SyntaxError) send(response, 400, { errorCode: 'PARSE_ERROR', errorDetails: 'The body is not JSON.', ...keyOf(request) })
      else send(response, 500, { errorDetails: 'The flags could not be evaluated.' })
    })
  })
  server.requestTimeout = 30_000
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const late = setTimeout(() => server.closeAllConnections(), 1000)
      await closed
      clearTimeout(late)
    },
  }
}

function hostnameOf(request: IncomingMessage): string {
  const authority = `http://${request.headers.host ?? ''}`
  return URL.canParse(authority) ? new URL(authority).hostname : ''
}

function isLoopback(hostname: string): boolean {
  return /^(127(\.\d{1,3}){3}|localhost|[a-z0-9.-]+\.localhost|\[?::1\]?)$/.test(hostname)
}

async function handle({ flags, ofrep, ingest, streams, reports }: HttpParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://flags')
  const header = request.headers['flagd-selector']
  const set = setOf(typeof header === 'string' ? header : (url.searchParams.get('set') ?? ''), flags.defaultSet)
  const path = url.pathname
  if (path === '/ofrep/v1/evaluate/flags' || path.startsWith('/ofrep/v1/evaluate/flags/')) {
    if (request.method !== 'POST') return send(response, 405, { errorDetails: 'Evaluations are asked for with POST.' }, { allow: 'POST' })
    const key = decode(path.slice('/ofrep/v1/evaluate/flags/'.length))
    if (key === null) return send(response, 400, { key: '', errorCode: 'PARSE_ERROR', errorDetails: 'The key is not encoded as it should be.' })
    const body = await readJson(request)
    const answer = key === '' ? ofrep.all(set, body, request.headers['if-none-match']) : ofrep.one(set, key, body)
    return send(response, answer.status, answer.body, answer.headers)
  }
  if (path === '/ofrep/v1/events' && request.method === 'GET') {
    const digest = flags.digest(set)
    if (digest === undefined) return send(response, 404, { errorDetails: `There is no flag set "${set}".` })
    if (!streams.open(set, digest, response)) return send(response, 429, { errorDetails: 'Too many streams are open.' }, { 'retry-after': '30' })
    return undefined
  }
  if (path === '/signalbox/v1/events') {
    // With another type a page in a browser could send it without being asked for leave (no preflight).
    if (request.method !== 'POST' || !(request.headers['content-type'] ?? '').startsWith('application/json')) return send(response, 415, { errorDetails: 'Events are sent with POST as application/json.' })
    const taken = ingest.take(await readJson(request))
    return taken ? send(response, 200, taken) : send(response, 400, { errorDetails: 'The body is {"events": [...]} with at most 1000 of them.' })
  }
  const report = request.method === 'GET' && path.startsWith('/signalbox/v1/') ? path.slice('/signalbox/v1/'.length) : ''
  const tell = Object.hasOwn(reports, report) ? reports[report] : undefined
  const told = tell?.(url.searchParams)
  return told === undefined ? send(response, 404, { errorDetails: tell ? 'There is no such flag set, or no such flag in it.' : 'There is nothing here.' }) : send(response, 200, told)
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}

/** A single evaluation's failure names its key. */
function keyOf(request: IncomingMessage): { key?: string } {
  const key = /^\/ofrep\/v1\/evaluate\/flags\/([^?]+)/.exec(request.url ?? '')?.[1]
  return key === undefined ? {} : { key: decode(key) ?? '' }
}

async function readJson(request: IncomingMessage): Promise<JsonValue | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_BODY_BYTES) throw new TooLong()
    chunks.push(chunk)
  }
  return length === 0 ? undefined : (JSON.parse(Buffer.concat(chunks).toString('utf8')) as JsonValue)
}

function send(response: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  if (body === null) {
    response.writeHead(status, headers).end()
    return
  }
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text), 'cache-control': 'no-cache', ...headers }).end(text)
}
