import { setTimeout as wait } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { Fault } from '../contract/fault.ts'
import { type JsonValue, jsonValueSchema } from '../contract/flag-definition.ts'
import { createSecretValues } from './secret-values.ts'

const MAX_BODY_BYTES = 64 * 1024 * 1024
/** Connections to one system: a console must not lean on it. */
const CONNECTIONS = 4
/** Asked to come back later than this, the caller is told instead of kept. */
const LONGEST_WAIT_MS = 10_000
const SHORTEST_WAIT_MS = 200

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface HttpAnswer {
  readonly status: number
  /** Parsed; null when there was none or it was no JSON. */
  readonly body: JsonValue
  header(name: string): string | null
}

/**
 * A vendor's JSON API over HTTP. Everything goes to one address: redirects are not followed, since credentials would go
 * along. No secret is in a fault.
 */
export interface HttpApi {
  /**
   * Every answer but the ones that say "later" (429, 503), which are waited for and asked again, and 401, 5xx and
   * redirects, which are faults. Faults: `providerUnavailable`, `timeout`.
   */
  ask(method: HttpMethod, path: string, options?: { readonly body?: JsonValue; readonly contentType?: string; readonly headers?: Readonly<Record<string, string>> }): Promise<HttpAnswer>
  /** One line of what the vendor said, clipped, without secrets. */
  said(answer: HttpAnswer): string
  close(): Promise<void>
}

export interface HttpApiOptions {
  /** As in "Unleash (flags)": the subject of every sentence. */
  readonly who: string
  /** What a fault means for the users of the flags. */
  readonly meaning: string
  readonly url: string
  /** Sent with everything; `${env:NAME}` in values is filled in when they are sent. */
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly readSecret: (name: string) => string | null
  readonly wallMs: () => number
}

export function createHttpApi(options: HttpApiOptions): HttpApi {
  const { who, meaning, timeoutMs } = options
  const secrets = createSecretValues(who, options.readSecret)
  const base = options.url.replace(/\/+$/, '')
  let agent: Agent | null = null
  /** The system asked to be left alone until then, wall ms: for everyone who uses this client. */
  let notBefore = 0

  async function send(method: HttpMethod, path: string, { body, contentType, headers }: NonNullable<Parameters<HttpApi['ask']>[2]>): Promise<HttpAnswer> {
    const deadline = AbortSignal.timeout(timeoutMs)
    const filled = Object.fromEntries(Object.entries({ ...options.headers, ...headers }).map(([name, value]) => [name, secrets.resolve(value)]))
    try {
      agent ??= new Agent({ connections: CONNECTIONS, connect: { timeout: timeoutMs + 1000 } })
      const response = await request(`${base}${path}`, { method, dispatcher: agent, signal: deadline, headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }), ...filled }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      const text = await readBody(response.body)
      const header = (name: string): string | null => {
        const value = response.headers[name]
        return Array.isArray(value) ? (value[0] ?? null) : (value ?? null)
      }
      return { status: response.statusCode, body: parsed(text), header }
    } catch (error) {
      if (error instanceof Fault) throw error
      const unsure = method === 'GET' ? '' : ' Whether it was done is read from the flag.'
      if (deadline.aborted) throw new Fault('timeout', `${who} did not answer within ${timeoutMs} ms.${unsure} ${meaning}`, `See that ${base} is well.`, { cause: safeCause(error) })
      throw new Fault('providerUnavailable', `${who} cannot be reached at ${base} (${codeOf(error)}).${unsure} ${meaning}`, `See that it runs and that ${base} is its address.`, { cause: safeCause(error) })
    }
  }

  async function ask(method: HttpMethod, path: string, request: Parameters<HttpApi['ask']>[2] = {}): Promise<HttpAnswer> {
    const giveUpAt = options.wallMs() + LONGEST_WAIT_MS
    for (;;) {
      const leftMs = notBefore - options.wallMs()
      if (leftMs > 0) {
        if (options.wallMs() + leftMs > giveUpAt) throw new Fault('providerUnavailable', `${who} asks to be left alone for ${Math.ceil(leftMs / 1000)} s: its rate limit is reached. Nothing was sent. ${meaning}`, 'Try again then.', { retryAfterMs: leftMs })
        await wait(leftMs)
      }
      const answer = await send(method, path, request)
      // Both say that nothing was done; a gateway's 503 to a write is asked again only when it says when.
      const askedToWait = retryAfterMs(answer, options.wallMs())
      if (answer.status !== 429 && !(answer.status === 503 && askedToWait !== null)) {
        refuse(answer)
        return answer
      }
      // Who says "now" again and again is not asked without a pause.
      notBefore = Math.max(notBefore, options.wallMs() + Math.max(SHORTEST_WAIT_MS, askedToWait ?? 1000))
    }
  }

  function refuse(answer: HttpAnswer): void {
    if (answer.status === 401) throw new Fault('providerUnavailable', `${who} does not let Signalbox in (401). ${meaning}`, 'See that the variable its token refers to holds one that is still good.')
    if (answer.status >= 300 && answer.status < 400 && answer.status !== 304) throw new Fault('providerUnavailable', `${who} answered with a redirect (${answer.status}), which is not followed: credentials would go along. ${meaning}`, 'Give the address it leads to in the workspace.')
    if (answer.status >= 502) throw new Fault('providerUnavailable', `${who} answered ${answer.status}. ${meaning}`, `See that ${base} is well.`)
  }

  function said({ body }: HttpAnswer): string {
    const texts: string[] = []
    collect(body, texts)
    return secrets.redact(texts.join('; '))
  }

  return {
    ask,
    said,
    async close() {
      await agent?.destroy()
      agent = null
    },
  }

  /** The stack is worth keeping, the message may repeat what was sent. */
  function safeCause(error: unknown): Error {
    return new Error(secrets.redact(error instanceof Error ? error.message : String(error)))
  }
}

/** Seconds or a date (RFC 9110, 10.2.3), else the moment a limit ends, epoch ms, as LaunchDarkly says it; null: not said. */
function retryAfterMs(answer: HttpAnswer, now: number): number | null {
  const text = answer.header('retry-after')?.trim() ?? ''
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  const at = text === '' && /^\d{13}$/.test(answer.header('x-ratelimit-reset') ?? '') ? Number(answer.header('x-ratelimit-reset')) : Date.parse(text)
  return Number.isFinite(at) ? Math.max(0, at - now) : null
}

/** Where vendors put the sentence that matters. */
function collect(body: JsonValue, texts: string[]): void {
  if (typeof body === 'string') texts.push(body)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return
  for (const [name, value] of Object.entries(body)) {
    if (/^(message|error|code|name)$/.test(name) && typeof value === 'string' && !texts.includes(value)) texts.push(value)
    if (name === 'errors' && Array.isArray(value)) for (const part of value as readonly JsonValue[]) collect(part, texts)
  }
}

function parsed(text: string): JsonValue {
  if (text === '') return null
  try {
    return jsonValueSchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}

function codeOf(error: unknown): string {
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : error
  const code = inner !== null && typeof inner === 'object' && 'code' in inner ? inner.code : null
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : 'no answer'
}

async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw Object.assign(new Error('the answer is too large'), { code: 'ANSWER_TOO_LARGE' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
