import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import { Fault } from '../../contract/fault.ts'
import type { MetricsProviderConfig } from '../../contract/workspace.ts'
import { createSecretValues } from '../secret-values.ts'
import { parseAnswer, parseJson, type PromAnswer } from './answer.ts'

const MAX_BODY_BYTES = 8 * 1024 * 1024
/** Connections to one server: many criteria must not lean on it all at once. */
const CONNECTIONS = 4
/** What every fault here means for traffic. */
const HOLDS = 'Its criteria have no data until it answers; that alone moves no traffic, unless the workspace declares it.'

export interface PromClient {
  /** `query` at one instant. Faults: `providerUnavailable`, `timeout`, `invalidInput`. */
  instant(query: string, at: number): Promise<PromResponse>
  /** `query` from `from` to `to` (both inclusive, wall ms) every `stepMs`. */
  range(query: string, from: number, to: number, stepMs: number): Promise<PromResponse>
  /** Version of what answers, or null when it does not say. */
  version(): Promise<string | null>
  redact(text: string): string
  close(): Promise<void>
}
export interface PromResponse {
  readonly answer: Exclude<PromAnswer, { kind: 'refused' | 'garbled' }>
  /** The server's clock less ours, ms; null when it does not say. Its resolution is a second. */
  readonly skewMs: number | null
}

/** Prometheus' HTTP API (v1). Everything goes to this one address: redirects are refused, since credentials would go along. */
export function createPromClient(config: MetricsProviderConfig, deps: { readonly readSecret: (name: string) => string | null; readonly wallMs: () => number }): PromClient {
  const who = `Metrics provider ${config.name}`
  const secrets = createSecretValues(who, deps.readSecret)
  const base = config.url.replace(/\/+$/, '')
  let agent: Agent | null = null
  /** Some proxies in front of Prometheus only let GET through. */
  let usesGet = false

  async function ask(path: string, parameters: Readonly<Record<string, string>> | null): Promise<{ readonly status: number; readonly body: string; readonly skewMs: number | null }> {
    const deadline = AbortSignal.timeout(config.timeoutMs)
    const form = parameters === null ? '' : new URLSearchParams(parameters).toString()
    const posts = parameters !== null && !usesGet
    const startedAt = deps.wallMs()
    const headers = { accept: 'application/json', ...credentials(), ...(posts ? { 'content-type': 'application/x-www-form-urlencoded' } : {}) }
    try {
      const dispatcher = (agent ??= newAgent())
      const response = await request(`${base}${path}${!posts && form !== '' ? `?${form}` : ''}`, { method: posts ? 'POST' : 'GET', headers, signal: deadline, dispatcher, ...(posts ? { body: form } : {}) })
      const body = await readBody(response.body)
      if (response.statusCode === 405 && posts) {
        usesGet = true
        return await ask(path, parameters)
      }
      const date = Date.parse(headerText(response.headers['date']))
      return { status: response.statusCode, body, skewMs: Number.isFinite(date) ? date - (startedAt + deps.wallMs()) / 2 : null }
    } catch (error) {
      if (error instanceof Fault) throw error
      if (deadline.aborted) throw new Fault('timeout', `${who} did not answer within ${config.timeoutMs} ms. ${HOLDS}`, `See that ${base} is well, or raise its \`timeout\` in the workspace.`, { cause: safeCause(error) })
      throw unreachable(error)
    }
  }

  async function query(path: string, parameters: Readonly<Record<string, string>>): Promise<PromResponse> {
    const { status, body, skewMs } = await ask(path, parameters)
    const answer = parseAnswer(body)
    if (status >= 200 && status < 300 && (answer.kind === 'series' || answer.kind === 'text')) return { answer, skewMs }
    throw refusal(status, answer)
  }

  function refusal(status: number, answer: PromAnswer): Fault {
    const said = answer.kind === 'refused' && answer.error !== '' ? `: ${secrets.redact(answer.error)}` : ''
    if (answer.kind === 'refused' && (status === 400 || status === 422 || (status < 300 && /^(bad_data|execution)$/.test(answer.errorType)))) {
      return new Fault('invalidInput', `${who} refused the query${said}. ${HOLDS}`, 'Mend the query in the workspace; trying it in Settings shows it as it was sent.')
    }
    if (answer.kind === 'refused' && answer.errorType === 'timeout') return new Fault('timeout', `${who} gave up on the query${said}. ${HOLDS}`, 'Ask for less: a shorter window, or a recording rule.')
    if (status === 401 || status === 403) return new Fault('providerUnavailable', `${who} does not let Signalbox in (${status}). ${HOLDS}`, 'See that the variables its credentials refer to hold what it expects.')
    if (status >= 300 && status < 400) return new Fault('providerUnavailable', `${who} answered with a redirect (${status}), which is not followed: credentials would go along. ${HOLDS}`, 'Give the address it leads to in the workspace.')
    if (status === 404) return new Fault('providerUnavailable', `There is no Prometheus API under ${base}. ${HOLDS}`, 'Mend the address in the workspace: what comes before /api/v1.')
    if (status >= 200 && status < 300) return new Fault('providerUnavailable', `${who} answered with ${answer.kind === 'garbled' ? answer.why : `an error${said}`}. ${HOLDS}`, `See what answers at ${base}.`)
    return new Fault('providerUnavailable', `${who} answered ${status}${said}. ${HOLDS}`, `See that ${base} is well.`)
  }

  function credentials(): Record<string, string> {
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(config.headers)) headers[name.toLowerCase()] = secrets.resolve(value)
    if (config.bearer !== null) headers['authorization'] = `Bearer ${secrets.resolve(config.bearer)}`
    if (config.basic !== null) {
      const { user, password } = config.basic
      headers['authorization'] = `Basic ${Buffer.from(secrets.resolve(`${user}:${password}`)).toString('base64')}`
    }
    return headers
  }

  function newAgent(): Agent {
    const { tls } = config
    const file = (path: string | null, what: string): Buffer | undefined => {
      try {
        return path === null ? undefined : readFileSync(path)
      } catch (error) {
        throw new Fault('providerUnavailable', `The ${what} of ${who.toLowerCase()} cannot be read: ${path}. ${HOLDS}`, 'See that the file is there and may be read.', { cause: error })
      }
    }
    const pem = { ca: file(tls?.caFile ?? null, 'authority'), cert: file(tls?.certFile ?? null, 'certificate'), key: file(tls?.keyFile ?? null, 'key') }
    return new Agent({ connections: CONNECTIONS, connect: { timeout: config.timeoutMs + 1000, ...Object.fromEntries(Object.entries(pem).filter(([, value]) => value !== undefined)) } })
  }

  function unreachable(error: unknown): Fault {
    // Certificates are renewed by replacing files: the next question reads them again.
    const before = agent
    agent = null
    void before?.close().catch(() => {})
    const code = errorCode(error)
    const isTls = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)
    const next = isTls ? 'See that `ca` in the workspace signed its certificate, and that it knows `cert`.' : `See that it runs and that ${base} is its address.`
    return new Fault('providerUnavailable', `${who} cannot be reached at ${base} (${code}). ${HOLDS}`, next, { cause: safeCause(error) })
  }

  return {
    instant: (text, at) => query('/api/v1/query', { query: text, time: seconds(at), timeout: `${config.timeoutMs}ms`, lookback_delta: seconds(config.intervalMs * 3) }),
    // Without `lookback_delta` (since 2.44) a value scraped up to five minutes ago passes for one of now.
    range: (text, from, to, stepMs) => query('/api/v1/query_range', { query: text, start: seconds(from), end: seconds(to), step: seconds(stepMs), timeout: `${config.timeoutMs}ms`, lookback_delta: seconds(config.intervalMs * 3) }),
    async version() {
      const { status, body } = await ask('/api/v1/status/buildinfo', null)
      if (status !== 200) return null
      const data = parseJson(body)
      const version = data !== null && typeof data === 'object' && 'data' in data && data.data !== null && typeof data.data === 'object' && 'version' in data.data ? data.data.version : null
      return typeof version === 'string' ? secrets.redact(version).slice(0, 50) : null
    },
    redact: (text) => secrets.redact(text),
    async close() {
      await agent?.destroy()
      agent = null
    },
  }

  /** The stack is worth keeping, the message may repeat what was sent. */
  function safeCause(error: unknown): Error {
    const cause = new Error(secrets.redact(error instanceof Error ? error.message : String(error)))
    cause.name = error instanceof Error ? error.name : 'Error'
    return cause
  }
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3)
const headerText = (value: string | string[] | undefined): string => (Array.isArray(value) ? (value[0] ?? '') : (value ?? ''))

function errorCode(error: unknown): string {
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
