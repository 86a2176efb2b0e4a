import { pathOf, securityHeaders } from '../web/request-policy.ts'
import { type StaticFile, staticFileFor } from '../web/static-files.ts'

/** A scheme of our own instead of file://, so that the page has an origin and can read no other file. */
export const APP_SCHEME = 'signalbox-app'
export const APP_ORIGIN = `${APP_SCHEME}://console`

/** What Chromium grants the scheme: an origin, a secure context, and compiled scripts kept between starts. No CSP bypass, no service workers. */
export const SCHEME_PRIVILEGES = { standard: true, secure: true, codeCache: true } as const

/** Answers the page's requests out of the built renderer. The page talks to nothing else: connect-src is 'none'. */
export function answerPage(files: ReadonlyMap<string, StaticFile>, request: { readonly method: string; readonly url: string }): Response {
  const headers = securityHeaders("'none'")
  if (request.method !== 'GET' || !isAppUrl(request.url)) return new Response('not found', { status: 404, headers })
  const file = staticFileFor(files, pathOf(request.url.slice(APP_ORIGIN.length)) || '/')
  if (!file) return new Response('not found', { status: 404, headers })
  return new Response(new Uint8Array(file.body), { headers: { ...headers, 'content-type': file.contentType, 'cache-control': file.cacheControl } })
}

/** True for addresses of the console's own page. */
export function isAppUrl(url: string): boolean {
  return url === APP_ORIGIN || url.startsWith(`${APP_ORIGIN}/`)
}

/** The address of a screen. Screens are places behind the `#`, Overview too: moving between them loads nothing. */
export function appUrl(place: string): string {
  return `${APP_ORIGIN}/#${place}`
}

/** The screen an address shows: `/` for Overview; null for an address that is not ours. */
export function placeOf(url: string): string | null {
  if (!isAppUrl(url)) return null
  const place = url.split('#', 2)[1] ?? ''
  return place === '' ? '/' : (place.split('?', 1)[0] ?? '/')
}
