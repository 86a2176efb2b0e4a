import { type OutgoingHttpHeaders, request } from 'node:http'
import { WebSocket } from 'ws'
import type { FramePipe } from '../../../contract/wire.ts'
import { pipeOverWs } from '../../local-socket/ws-pipe.ts'

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

export interface HttpAsk {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Buffer
}

/** One request to 127.0.0.1 with exactly these headers; nothing is added but what HTTP needs. */
export function ask(port: number, options: HttpAsk): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method: options.method ?? 'GET', path: options.path ?? '/', headers: (options.headers ?? {}) as OutgoingHttpHeaders, setHost: false, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(options.body)
  })
}

export interface BrowserDouble {
  readonly port: number
  readonly authority: string
  readonly origin: string
  readonly cookie: string
  tabSecret(): Promise<string>
  /** Opens the WebSocket; `headers` replace what a browser would send, undefined leaves one out. */
  openSocket(headers?: Readonly<Record<string, string | undefined>>, path?: string): Promise<{ readonly socket: WebSocket; readonly pipe: FramePipe }>
}

/** Does what a browser does with an address of `issueUrl`, as seen on the wire. */
export async function enterAsBrowser(url: string): Promise<BrowserDouble> {
  const { host: authority, origin, port: portText, hash } = new URL(url)
  const port = Number(portText)
  const json = { host: authority, origin, 'content-type': 'application/json' }
  const entered = await ask(port, { method: 'POST', path: '/enter', headers: json, body: JSON.stringify({ token: hash.slice('#token='.length) }) })
  if (entered.status !== 200) throw new Error(`not let in: ${entered.status} ${entered.body}`)
  const setCookie = entered.headers['set-cookie']
  const cookie = (Array.isArray(setCookie) ? String(setCookie[0]) : '').split(';')[0] ?? ''
  return {
    port,
    authority,
    origin,
    cookie,
    async tabSecret() {
      const answer = await ask(port, { method: 'POST', path: '/tab', headers: { ...json, cookie }, body: '{}' })
      return (JSON.parse(answer.body) as { secret: string }).secret
    },
    openSocket(headers = {}, path = '/rpc') {
      const merged = Object.entries({ host: authority, origin, cookie, ...headers }).filter((entry): entry is [string, string] => entry[1] !== undefined)
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: Object.fromEntries(merged), perMessageDeflate: false })
      return new Promise((resolve, reject) => {
        socket.once('open', () => resolve({ socket, pipe: pipeOverWs(socket) }))
        socket.once('unexpected-response', (_request, response) => {
          reject(new Error(`upgrade refused: ${response.statusCode} ${response.statusMessage ?? ''}`))
          response.destroy()
        })
        socket.once('error', reject)
      })
    },
  }
}
