import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** What users read when there is no answer to pass on. It names nothing that is inside. */
const PAGES = {
  400: ['Bad Request', 'This request cannot be understood.\n'],
  502: ['Bad Gateway', 'The service did not answer. Please try again.\n'],
  503: ['Service Unavailable', 'The service is not available right now. Please try again in a moment.\n'],
  504: ['Gateway Timeout', 'The service took too long to answer. Please try again.\n'],
} as const
export type PageStatus = keyof typeof PAGES

const RETRY_AFTER_SECONDS = '2'

function fields(status: PageStatus, body: string): string[] {
  const list = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(Buffer.byteLength(body)), 'Cache-Control', 'no-store']
  return status === 503 ? [...list, 'Retry-After', RETRY_AFTER_SECONDS] : list
}

export function sendPage(response: ServerResponse, status: PageStatus): void {
  const [phrase, body] = PAGES[status]
  if (response.headersSent) {
    // Half an answer was sent: only cutting the connection tells the client that it is not whole.
    response.destroy()
    return
  }
  response.writeHead(status, phrase, fields(status, body))
  response.end(body)
}

export function sendRawPage(socket: Duplex, status: PageStatus): void {
  const [phrase, body] = PAGES[status]
  const list = [...fields(status, body), 'Connection', 'close']
  let head = `HTTP/1.1 ${status} ${phrase}\r\n`
  for (let i = 0; i + 1 < list.length; i += 2) head += `${list[i]}: ${list[i + 1]}\r\n`
  socket.end(`${head}\r\n${body}`)
}
