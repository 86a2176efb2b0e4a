import type { IncomingMessage } from 'node:http'

/** A host name of its own: cookies ignore ports, so services and previews, which live on 127.0.0.1, never share it. */
export const CONSOLE_HOST = 'signalbox.localhost'

/** Why a request is turned away before anything looks at it. */
export interface Refusal {
  readonly status: number
  readonly why: string
}

/**
 * Judges every request, upgrades included, before routing; null lets it pass. `authority` is the exact Host header the
 * console answers to. The Host check stands on its own because under DNS rebinding Origin and Host agree with each other.
 */
export function refuseRequest(request: Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'rawHeaders'>, authority: string, upgrade: boolean): Refusal | null {
  const url = request.url ?? ''
  if (headerCount(request, 'host') !== 1 || request.headers.host !== authority) return { status: 421, why: 'wrong Host' }
  if (!url.startsWith('/') || url.startsWith('//')) return { status: 400, why: 'only a plain path is understood' }
  if (leavesTheFolder(url)) return { status: 400, why: 'bad path' }

  const origin = request.headers.origin
  const reads = request.method === 'GET' || request.method === 'HEAD'
  if (headerCount(request, 'origin') > 1) return { status: 403, why: 'wrong Origin' }
  if (upgrade || !reads) {
    if (origin !== `http://${authority}`) return { status: 403, why: origin === undefined ? 'missing Origin' : 'wrong Origin' }
  } else if (origin !== undefined && origin !== `http://${authority}`) {
    return { status: 403, why: 'wrong Origin' }
  }

  // Browsers always send it here, for *.localhost counts as secure; other clients may not, and hold no cookie either.
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    const topLevel = request.headers['sec-fetch-mode'] === 'navigate' && request.headers['sec-fetch-dest'] === 'document'
    if (request.method !== 'GET' || !topLevel || pathOf(url) !== '/') return { status: 403, why: 'asked for by another site' }
  }
  return null
}

/** The path without its query. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? ''
}

function leavesTheFolder(url: string): boolean {
  let path = pathOf(url)
  // Decoded until it stops changing: a proxy or file system behind us might decode once more than we do.
  for (let round = 0; round < 4; round += 1) {
    if (path.includes('\0') || path.includes('\\') || path.split('/').some((part) => part === '..' || part === '.')) return true
    let decoded: string
    try {
      decoded = decodeURIComponent(path)
    } catch {
      return true
    }
    if (decoded === path) return false
    path = decoded
  }
  return true
}

function headerCount(request: Pick<IncomingMessage, 'rawHeaders'>, name: string): number {
  let count = 0
  for (let i = 0; i < request.rawHeaders.length; i += 2) if (request.rawHeaders[i]?.toLowerCase() === name) count += 1
  return count
}

/** Sent with every answer, by both hosts. `connectSources`: what the page may talk to, as CSP writes it. */
export function securityHeaders(connectSources: string): Readonly<Record<string, string>> {
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      // Radix and the charts set style attributes.
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data:",
      "font-src 'self'",
      `connect-src ${connectSources}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  }
}
