import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { app, type BrowserWindow, dialog, ipcMain, protocol } from 'electron'
import { Fault } from '../../contract/fault.ts'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import { startCoreThread } from '../../rpc/core-thread.ts'
import { startLocalSocket } from '../local-socket/server.ts'
import { loadStaticFiles } from '../web/static-files.ts'
import { answerPage, APP_SCHEME } from './app-protocol.ts'
import { bridge } from './bridge.ts'
import { isOurPage } from './sender.ts'
import { openWindow } from './window.ts'

/** Files of this build. */
export interface DesktopPlaces {
  /** Module of the core thread. */
  readonly coreEntry: URL
  readonly preloadFile: string
  readonly rendererFolder: string
}

protocol.registerSchemesAsPrivileged([{ scheme: APP_SCHEME, privileges: { standard: true, secure: true } }])

const log = (line: string) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`)

/** The desktop app, from before Electron is ready until it quits. */
export async function runDesktopHost(compose: ComposeOptions, places: DesktopPlaces): Promise<void> {
  mkdirSync(compose.dataFolder, { recursive: true, mode: 0o700 })
  // Chromium's own files go beside the journal, so that each data folder has one desktop console at most.
  app.setPath('userData', join(compose.dataFolder, 'desktop'))
  if (!app.requestSingleInstanceLock()) return app.quit()

  await app.whenReady()
  const core = await startCoreThread(places.coreEntry, compose, log)
  const files = loadStaticFiles(places.rendererFolder)
  protocol.handle(APP_SCHEME, (request) => answerPage(files, request))
  const terminals = compose.auditFile === null ? await startLocalSocket({ dataFolder: compose.dataFolder, openSession: () => core.openSession(), issueUrl: null }) : null

  let window: BrowserWindow | undefined
  const show = () => {
    if (window && !window.isDestroyed()) return window.focus()
    window = openWindow(places.preloadFile)
  }
  ipcMain.on('signalbox:connect', (event) => {
    const [page] = event.ports
    if (page && isOurPage(event.senderFrame, window?.webContents.mainFrame)) bridge(page, core.openSession())
    else for (const port of event.ports) port.close()
  })
  app.on('second-instance', show)
  app.on('activate', show)
  app.on('window-all-closed', () => app.quit())
  let closed = false
  app.on('will-quit', (event) => {
    if (closed) return
    // The core closes first; services and their supervisor go on.
    event.preventDefault()
    void Promise.all([core.close(), terminals?.close()]).finally(() => {
      closed = true
      app.quit()
    })
  })
  void core.ended.then((error) => {
    if (error) fail(error)
  })
  show()
}

/** Says why, in a box and in the log, and ends the app. */
export function fail(error: unknown): void {
  const text = error instanceof Fault ? `${error.message}\n\nNext step: ${error.data.next}` : error instanceof Error ? (error.stack ?? error.message) : String(error)
  log(text)
  dialog.showErrorBox('Signalbox cannot run', text)
  app.exit(1)
}
