import type { IncomingMessage } from 'node:http'

/** Meant for one connection only (RFC 9110 section 7.6.1), plus those a proxy must make itself. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/** Names listed in a Connection field are hop-by-hop too; the two usual ones name no field. */
function namedByConnection(connection: string | undefined): ReadonlySet<string> | null {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return null
  const names = connection.toLowerCase().split(',').map((name) => name.trim())
  return new Set(names.filter((name) => name !== '' && name !== 'keep-alive' && name !== 'close' && name !== 'host' && name !== 'content-length'))
}

/**
 * Fields for the environment: the client's own, without the hop-by-hop ones, and with where the request came from
 * appended (X-Forwarded-For, -Proto, -Host; an earlier proxy's values are kept). `Expect` is answered here.
 */
export function forwardHeaders(request: IncomingMessage, upgrade: boolean): string[] {
  const raw = request.rawHeaders
  const named = namedByConnection(request.headers.connection)
  const out: string[] = []
  let forwardedFor = ''
  let proto = ''
  let forwardedHost = ''
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    const value = raw[i + 1] ?? ''
    const lower = name.toLowerCase()
    if (HOP_BY_HOP.has(lower) || lower === 'expect' || named?.has(lower)) continue
    if (lower.startsWith('x-forwarded-')) {
      if (lower === 'x-forwarded-for') {
        forwardedFor = forwardedFor === '' ? value : `${forwardedFor}, ${value}`
        continue
      }
      if (lower === 'x-forwarded-proto') {
        proto = value
        continue
      }
      if (lower === 'x-forwarded-host') {
        forwardedHost = value
        continue
      }
    }
    out.push(name, value)
  }
  const peer = request.socket.remoteAddress ?? 'unknown'
  out.push('X-Forwarded-For', forwardedFor === '' ? peer : `${forwardedFor}, ${peer}`, 'X-Forwarded-Proto', proto || 'http')
  const host = forwardedHost || request.headers.host
  if (host) out.push('X-Forwarded-Host', host)
  if (upgrade) out.push('Connection', 'Upgrade', 'Upgrade', request.headers.upgrade ?? 'websocket')
  return out
}

/** An answer's fields as they came, without the hop-by-hop ones, in the flat form `writeHead` takes. */
export function answerHeaders(raw: readonly (Buffer | string)[]): string[] {
  const out: string[] = []
  let named: ReadonlySet<string> | null = null
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = text(raw[i])
    const lower = name.toLowerCase()
    if (HOP_BY_HOP.has(lower)) {
      if (lower === 'connection') named = namedByConnection(text(raw[i + 1]).toLowerCase())
      continue
    }
    out.push(name, text(raw[i + 1]))
  }
  return named && named.size > 0 ? without(out, named) : out
}

function without(fields: readonly string[], names: ReadonlySet<string>): string[] {
  const out: string[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (!names.has((fields[i] ?? '').toLowerCase())) out.push(fields[i] ?? '', fields[i + 1] ?? '')
  }
  return out
}

function text(value: Buffer | string | undefined): string {
  return typeof value === 'string' ? value : (value?.toString('latin1') ?? '')
}

/** Path and query of a request target; null for one that cannot be forwarded. */
export function targetPath(url: string): string | null {
  if (url.charCodeAt(0) === 47) return url
  try {
    const absolute = new URL(url)
    return absolute.protocol === 'http:' || absolute.protocol === 'https:' ? absolute.pathname + absolute.search : null
  } catch {
    return null
  }
}
