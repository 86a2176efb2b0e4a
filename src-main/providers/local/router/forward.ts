import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Counters } from './counters.ts'
import { leave, type Endpoint } from './endpoint.ts'
import { answerHeaders, forwardHeaders, targetPath } from './headers.ts'
import { sendPage, type PageStatus } from './pages.ts'

/** Up to here one joined write is cheaper than two (measured: a fifth of the router's time was spent in writev). */
const JOINED_BYTES = 8 << 10

export interface ForwardOptions {
  readonly endpoint: Endpoint
  /** Null for preview requests. */
  readonly counters: Counters | null
  /** Value of a Set-Cookie field to add; null adds nothing. */
  readonly pin: string | null
  /** Where to go when the endpoint refuses the connection, before anything was sent. */
  fallback(): ForwardOptions | null
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
}

/**
 * The body in a stream of its own: undici destroys what it reads from when an answer comes early, and the client's
 * connection must not go down with that.
 */
function bodyOf(request: IncomingMessage): PassThrough | null {
  if (!hasBody(request)) return null
  const body = new PassThrough()
  request.pipe(body)
  request.once('close', () => {
    if (!request.complete) body.destroy(new Error('the client went away'))
  })
  body.once('close', () => {
    request.unpipe(body)
    request.resume()
  })
  return body
}

function statusOf(error: NodeJS.ErrnoException): PageStatus {
  return error.code === 'UND_ERR_CONNECT_TIMEOUT' || error.code === 'UND_ERR_HEADERS_TIMEOUT' || error.code === 'UND_ERR_BODY_TIMEOUT' ? 504 : 502
}

/** Sends a request on and its answer back, both as streams. */
export function forward(options: ForwardOptions, request: IncomingMessage, response: ServerResponse): void {
  const path = targetPath(request.url ?? '/')
  if (path === null) {
    sendPage(response, 400)
    return
  }
  response.sendDate = false
  send(options, path, forwardHeaders(request, false), bodyOf(request), request, response)
}

function send(options: ForwardOptions, path: string, headers: string[], body: PassThrough | null, request: IncomingMessage, response: ServerResponse): void {
  const { endpoint, counters } = options
  const startedAt = performance.now()
  let controller: Dispatcher.DispatchController | null = null
  let gone = false
  let ended = false
  let status = 0
  let streamed = false
  let headOut = false

  function onClose(): void {
    if (response.writableFinished) return
    gone = true
    if (controller) controller.abort(new Error('the client went away'))
  }

  function onDrain(): void {
    controller?.resume()
  }

  function end(): boolean {
    if (ended) return false
    ended = true
    response.off('close', onClose)
    leave(endpoint)
    return true
  }

  endpoint.inFlight += 1
  response.on('close', onClose)
  endpoint.pool.dispatch(
    { path, method: request.method as Dispatcher.HttpMethod, headers, body },
    {
      onRequestStart(started) {
        controller = started
        if (gone) started.abort(new Error('the client went away'))
      },
      onResponseStart(started, code, parsed, phrase) {
        if (code < 200) return
        status = code
        const raw = (started as { rawHeaders?: readonly (Buffer | string)[] | null }).rawHeaders
        const fields = answerHeaders(raw ?? [])
        if (options.pin !== null) fields.push('Set-Cookie', options.pin)
        response.writeHead(code, phrase ?? '', fields)
        if (String(parsed['content-type'] ?? '').startsWith('text/event-stream')) {
          // An event stream may last for hours; it counts when it begins.
          streamed = true
          counters?.answered(status, performance.now() - startedAt)
        }
        // The head goes out with the first piece of the body, or by itself when none came along.
        process.nextTick(flushHead)
      },
      onResponseData(started, chunk) {
        // As a string, a small first piece joins the head in one write; bytes survive latin1 unchanged.
        const written = !headOut && chunk.length <= JOINED_BYTES ? response.write(chunk.toString('latin1'), 'latin1') : response.write(chunk)
        headOut = true
        if (!written) {
          started.pause()
          response.once('drain', onDrain)
        }
      },
      onResponseEnd() {
        if (!end()) return
        if (!streamed) counters?.answered(status, performance.now() - startedAt)
        response.end()
      },
      onResponseError(_, error) {
        const refused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
        if (!end()) return
        if (gone) return
        if (!streamed) counters?.failed(performance.now() - startedAt)
        const next = refused && controller === null && !body?.destroyed ? options.fallback() : null
        if (next) send(next, path, headers, body, request, response)
        else sendPage(response, statusOf(error))
      },
    },
  )

  function flushHead(): void {
    if (!headOut && !response.writableEnded && !response.destroyed) response.flushHeaders()
  }
}
