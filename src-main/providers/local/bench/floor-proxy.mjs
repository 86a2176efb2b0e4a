// The floor: the smallest proxy on the same stack, node:http in front and undici behind, doing the same forwarding:
// hop-by-hop fields stripped, X-Forwarded-* added, bodies streamed both ways, aborts passed on, errors answered.
import { createServer } from 'node:http'
import { Pool } from 'undici'

const HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'])
const pool = new Pool(`http://127.0.0.1:${process.env.BACKEND}`, { pipelining: 1 })

function requestHeaders(request) {
  const out = {}
  for (const name in request.headers) if (!HOP.has(name)) out[name] = request.headers[name]
  const peer = request.socket.remoteAddress
  out['x-forwarded-for'] = out['x-forwarded-for'] ? `${out['x-forwarded-for']}, ${peer}` : peer
  out['x-forwarded-proto'] ??= 'http'
  out['x-forwarded-host'] ??= request.headers.host
  return out
}

function answerHeaders(headers) {
  const out = {}
  for (const name in headers) if (!HOP.has(name)) out[name] = headers[name]
  return out
}

createServer((request, response) => {
  const stop = new AbortController()
  response.on('close', () => {
    if (!response.writableFinished) stop.abort()
  })
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
  pool
    .stream(
      { path: request.url, method: request.method, headers: requestHeaders(request), body: hasBody ? request : null, signal: stop.signal },
      ({ statusCode, headers }) => {
        response.writeHead(statusCode, answerHeaders(headers))
        return response
      },
    )
    .catch(() => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end()
    })
}).listen(Number(process.env.PORT), '127.0.0.1')
