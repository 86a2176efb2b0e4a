import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

export type Answer =
  | {
      readonly kind: 'status'
      readonly status: number
      /** How long it asks to be left alone, milliseconds; null when it does not say. */
      readonly retryAfterMs: number | null
      /** Slack's one word of why, as `invalid_blocks`; of anything else nothing is kept. */
      readonly word: string
    }
  /** `why` never holds more of the address than its host. */
  | { readonly kind: 'none'; readonly why: string }

export interface PostOptions {
  readonly url: URL
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** From the start of the connection to the end of the answer. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly nowMs: () => number
}

/** So much of an answer is read, bytes. */
const ANSWER_LIMIT = 16 * 1024

/** One POST on a connection of its own. Redirects are answers like others; certificates are always verified. Never throws. */
export function post(options: PostOptions): Promise<Answer> {
  const { url, body, timeoutMs } = options
  const bytes = Buffer.from(body)
  return new Promise((resolve) => {
    const none = (why: string) => {
      clearTimeout(late)
      resolve({ kind: 'none', why })
    }
    const start = url.protocol === 'https:' ? requestHttps : requestHttp
    const request = start(url, {
      method: 'POST',
      agent: false,
      // Said aloud, so that no variable of the environment can turn it off.
      ...(url.protocol === 'https:' ? { rejectUnauthorized: true } : {}),
      headers: { ...options.headers, 'content-type': 'application/json; charset=utf-8', 'content-length': String(bytes.length), connection: 'close' },
      signal: options.signal,
    })
    const late = setTimeout(() => {
      none(`${url.host} did not answer within ${timeoutMs / 1000} s.`)
      request.destroy()
    }, timeoutMs)
    request.on('error', (error: NodeJS.ErrnoException) => none(options.signal.aborted ? 'The console was closed.' : `${url.host} could not be reached (${error.code ?? error.name}).`))
    request.on('response', (response) => {
      let text = ''
      const done = () => {
        clearTimeout(late)
        resolve({ kind: 'status', status: response.statusCode ?? 0, retryAfterMs: retryAfterMs(response.headers['retry-after'], options.nowMs()), word: /^[a-z_]{2,60}$/.test(text) ? text : '' })
      }
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
        if (text.length <= ANSWER_LIMIT) return
        done()
        request.destroy()
      })
      response.on('end', done)
      // The status line is the answer; that the rest broke off changes nothing.
      response.on('error', done)
      response.on('close', done)
    })
    request.end(bytes)
  })
}

/** Seconds or a date. RFC 9110, section 10.2.3. */
function retryAfterMs(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs)
}
