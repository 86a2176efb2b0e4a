import { BrowserWindow, type Session } from 'electron'
import { APP_ORIGIN, isAppUrl } from './app-protocol.ts'

/** The one window: isolated, sandboxed, without Node, unable to leave its page, open another or ask for a permission. */
export function openWindow(preloadFile: string): BrowserWindow {
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 960,
    minHeight: 600,
    title: 'Signalbox',
    show: false,
    webPreferences: {
      preload: preloadFile,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      spellcheck: false,
    },
  })
  window.once('ready-to-show', () => window.show())
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }))
  const stay = (details: { readonly url: string; preventDefault(): void }) => {
    if (!isAppUrl(details.url)) details.preventDefault()
  }
  window.webContents.on('will-navigate', stay)
  window.webContents.on('will-redirect', stay)
  window.webContents.on('will-frame-navigate', stay)
  window.webContents.on('will-attach-webview', (event) => event.preventDefault())
  denyPermissions(window.webContents.session)
  void window.loadURL(`${APP_ORIGIN}/`)
  return window
}

/** Electron grants everything by default. Copying to the clipboard is all the page needs. */
function denyPermissions(session: Session): void {
  const allowed = (permission: string) => permission === 'clipboard-sanitized-write'
  session.setPermissionRequestHandler((_contents, permission, decide) => decide(allowed(permission)))
  session.setPermissionCheckHandler((_contents, permission) => allowed(permission))
}
