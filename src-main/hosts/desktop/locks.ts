import { app, session, type Session, type WebContents } from 'electron'
import { isAppUrl } from './app-protocol.ts'

/** What a page may load besides itself: pictures and downloads it made itself. */
const OWN_MAKING = /^(?:data|blob):/

/** Copying to the clipboard, on a click, is all the page needs. Electron grants everything by default. */
const PERMITTED = 'clipboard-sanitized-write'

/**
 * Locks every page this app may ever show, before the first is made: sandboxed, unable to leave the console's own page,
 * to open another, to attach a webview, to load from the network or to get a permission. `offerLink` is given the
 * addresses that were asked for outside.
 */
export function lockPages(offerLink: (url: string) => void): void {
  app.enableSandbox()
  app.on('web-contents-created', (_event, contents) => lockContents(contents, offerLink))
}

/** Locks what Chromium does on behalf of pages. Once Electron is ready. */
export function lockSession(target: Session = session.defaultSession, isDevelopment: boolean = !app.isPackaged): void {
  const permitted = (permission: string, url: string | undefined, isMainFrame: boolean) => permission === PERMITTED && isMainFrame && isAppUrl(url ?? '')
  target.setPermissionRequestHandler((_contents, permission, decide, details) => decide(permitted(permission, details.requestingUrl, details.isMainFrame)))
  target.setPermissionCheckHandler((_contents, permission, origin, details) => permitted(permission, details.requestingUrl ?? `${origin}`, details.isMainFrame))
  target.setDevicePermissionHandler(() => false)
  target.webRequest.onBeforeRequest((details, answer) => {
    const own = isAppUrl(details.url) || OWN_MAKING.test(details.url)
    answer({ cancel: !own && !(isDevelopment && details.url.startsWith('devtools://')) })
  })
}

function lockContents(contents: WebContents, offerLink: (url: string) => void): void {
  contents.setWindowOpenHandler(({ url }) => {
    offerLink(url)
    return { action: 'deny' }
  })
  const stay = (details: { readonly url: string; preventDefault(): void }) => {
    if (!isAppUrl(details.url)) details.preventDefault()
  }
  contents.on('will-navigate', stay)
  contents.on('will-redirect', stay)
  contents.on('will-frame-navigate', stay)
  contents.on('will-attach-webview', (event) => event.preventDefault())
}
