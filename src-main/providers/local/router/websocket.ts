import { request as connectRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Counters } from './counters.ts'
import { leave, type Endpoint } from './endpoint.ts'
import { answerHeaders, forwardHeaders, targetPath } from './headers.ts'
import { sendRawPage } from './pages.ts'

function head(answer: IncomingMessage, extra: readonly string[]): string {
  const fields = [...answerHeaders(answer.rawHeaders), ...extra]
  let text = `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n`
  for (let i = 0; i + 1 < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`
  return `${text}\r\n`
}

/**
 * Connects a client that asked for an upgrade (RFC 6455) to an environment; from then on bytes pass both ways
 * untouched. It counts as in flight until either side closes.
 */
export function forwardUpgrade(endpoint: Endpoint, counters: Counters | null, connectMs: number, pin: string | null, request: IncomingMessage, client: Duplex, first: Buffer): void {
  const path = targetPath(request.url ?? '/')
  if (path === null) {
    sendRawPage(client, 400)
    return
  }
  const startedAt = performance.now()
  let open = true
  endpoint.inFlight += 1
  const asked = connectRequest({ host: endpoint.host, port: endpoint.port, path, method: request.method ?? 'GET', headers: forwardHeaders(request, true), agent: false, setHost: false })
  const timer = setTimeout(() => asked.destroy(new Error('timeout')), connectMs * 5)

  function end(): void {
    if (!open) return
    open = false
    clearTimeout(timer)
    leave(endpoint)
  }

  client.on('error', () => asked.destroy())
  client.on('close', () => {
    asked.destroy()
    end()
  })
  asked.on('error', () => {
    if (open) counters?.failed(performance.now() - startedAt)
    end()
    if (!client.destroyed) sendRawPage(client, 502)
  })
  asked.on('response', (answer) => {
    clearTimeout(timer)
    counters?.answered(answer.statusCode ?? 502, performance.now() - startedAt)
    client.write(head(answer, ['Connection', 'close']))
    answer.pipe(client)
  })
  asked.on('upgrade', (answer, upstream: Duplex, upstreamFirst: Buffer) => {
    clearTimeout(timer)
    counters?.answered(101, performance.now() - startedAt)
    endpoint.upgraded += 1
    const extra = ['Connection', 'Upgrade', 'Upgrade', answer.headers.upgrade ?? 'websocket', ...(pin === null ? [] : ['Set-Cookie', pin])]
    client.write(head(answer, extra))
    if (upstreamFirst.length > 0) client.write(upstreamFirst)
    if (first.length > 0) upstream.write(first)
    upstream.pipe(client)
    client.pipe(upstream)
    upstream.on('error', () => client.destroy())
    upstream.on('close', () => {
      endpoint.upgraded -= 1
      end()
      client.destroy()
    })
    client.on('close', () => upstream.destroy())
  })
  asked.end()
}
