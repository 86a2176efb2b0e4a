import { pathOf, securityHeaders } from '../web/request-policy.ts'
import { type StaticFile, staticFileFor } from '../web/static-files.ts'

/** A scheme of our own instead of file://, so that the page has an origin and can read no other file. */
export const APP_SCHEME = 'signalbox-app'
export const APP_ORIGIN = `${APP_SCHEME}://console`

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
