import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { app, dialog, ipcMain, Menu, protocol } from 'electron'
import { Fault } from '../../contract/fault.ts'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import { loadStaticFiles } from '../web/static-files.ts'
import { answerPage, APP_SCHEME, SCHEME_PRIVILEGES } from './app-protocol.ts'
import { attend, looked, NOTHING_KNOWN } from './attention.ts'
import { bridge } from './bridge.ts'
import { coreEnded, createPageRevival } from './crash.ts'
import { deepLinkIn, LINK_SCHEME, servicePlace } from './deep-link.ts'
import { createLinkOffer } from './external-links.ts'
import { lockPages, lockSession } from './locks.ts'
import { menuTemplate } from './menu.ts'
import { openWorkspace } from './open-workspace.ts'
import { closeInOrder } from './quit.ts'
import { isOurPage } from './sender.ts'
import { createSigns } from './signs.ts'
import { type CorePlaces, startCore } from './start-core.ts'
import { checkForUpdates } from './update-dialog.ts'
import { decideUpdates, readFeed } from './updates.ts'
import { watchCore } from './watch-core.ts'
import { createConsoleWindow } from './window.ts'

/** Files of this build. */
export interface DesktopPlaces extends CorePlaces {
  readonly preloadFile: string
  readonly rendererFolder: string
  readonly iconsFolder: string
}

protocol.registerSchemesAsPrivileged([{ scheme: APP_SCHEME, privileges: SCHEME_PRIVILEGES }])

const log = (line: string) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`)

/** The desktop app, from before Electron is ready until it quits. */
export async function runDesktopHost(given: ComposeOptions, places: DesktopPlaces): Promise<void> {
  if (app.commandLine.hasSwitch('no-sandbox')) throw noSandbox()
  mkdirSync(given.dataFolder, { recursive: true, mode: 0o700 })
  // Chromium's own files go beside the journal, so that each data folder has one desktop console at most.
  const userData = join(given.dataFolder, 'desktop')
  app.setPath('userData', userData)
  // What notifications and badges go by; as the installers name it.
  if (process.platform === 'win32') app.setAppUserModelId('org.signalbox.console')
  if (process.platform === 'linux') app.setDesktopName('signalbox.desktop')
  if (!app.requestSingleInstanceLock()) return app.quit()
  mkdirSync(userData, { recursive: true, mode: 0o700 })
  const offerLink = createLinkOffer()
  lockPages((url) => void offerLink(url))

  // Before the window is there, a link only says where it opens.
  let place = placeOfLink(process.argv)
  let showAt = (wanted: string | undefined): void => {
    place = wanted ?? place
  }
  app.on('open-url', (event, url) => {
    event.preventDefault()
    showAt(placeOfLink([url]))
  })
  app.on('second-instance', (_event, argv) => showAt(placeOfLink(argv)))

  await app.whenReady()
  lockSession()
  if (app.isPackaged) app.setAsDefaultProtocolClient(LINK_SCHEME)
  const files = loadStaticFiles(places.rendererFolder)
  protocol.handle(APP_SCHEME, (request) => answerPage(files, request))
  const window = createConsoleWindow({
    preloadFile: places.preloadFile,
    stateFile: join(userData, 'window.json'),
    onPageGone: createPageRevival(() => window.reload(), Date.now),
    onFocus: () => present(looked(attention)),
    onClosed: () => sayGoesOn(),
  })
  const signs = createSigns(window, places.iconsFolder)
  let attention = NOTHING_KNOWN
  const present = (next: typeof attention) => {
    attention = next
    signs.present(attention)
  }
  // The window comes first; its page waits for the core, which may have to be unpacked, recovered and started.
  const starting = startCore(given, places, log)
  ipcMain.on('signalbox:connect', (event) => {
    const [page] = event.ports
    const refuse = () => event.ports.forEach((port) => port.close())
    if (page && isOurPage(event.senderFrame, window.mainFrame())) void starting.then(({ core }) => bridge(page, core.openSession()), refuse)
    else refuse()
  })
  const updates = decideUpdates(readFeed(join(process.resourcesPath, 'app-update.yml')), process.platform, app.isPackaged)
  const menu = menuTemplate(
    { platform: process.platform, packaged: app.isPackaged, updatesOff: 'off' in updates ? updates.off : null },
    { go: (to) => window.show(to), openWorkspace: () => void openWorkspace(given), checkForUpdates: () => 'feed' in updates && void checkForUpdates(updates.feed) },
  )
  Menu.setApplicationMenu(Menu.buildFromTemplate(menu))
  app.on('activate', () => window.show())
  app.on('window-all-closed', () => {
    if (!signs.hasTray && process.platform !== 'darwin') app.quit()
  })
  const leave = closeInOrder(async () => {
    signs.remove()
    await (await starting).close()
  })
  let told = false
  const sayGoesOn = () => {
    if (told || leave.leaving() || !signs.hasTray) return
    told = true
    signs.notify({ service: null, title: 'Signalbox goes on', body: 'Releases are still watched and judged. Open it again from the tray, or by starting it; Quit is in the tray and the menu.' })
  }
  showAt = (wanted) => window.show(wanted)
  window.show(place)

  const { core } = await starting
  void watchCore(core.openSession(), (item) => {
    const { next, notices } = attend(attention, item, Date.now())
    for (const notice of notices) signs.notify(notice)
    present(looked(next, (service) => window.isShowing(service)))
  })
  void core.ended.then((error) => {
    if (!error) return
    present({ ...attention, known: false })
    log(error.stack ?? error.message)
    void coreEnded(error, { file: join(userData, 'core-ends.json'), nowMs: Date.now })
  })
}

function placeOfLink(argv: readonly string[]): string | undefined {
  const link = deepLinkIn(argv)
  return link ? servicePlace(link.service) : undefined
}

function noSandbox(): Fault {
  return new Fault(
    'unsupported',
    'Signalbox was started without Chromium’s sandbox and does not run so. Nothing was started; services that run go on.',
    'Allow unprivileged user namespaces, or install the .deb package, which brings the sandbox helper; or use the browser: npm start -- --web.',
  )
}

/** Says why, in a box and in the log, and ends the app. */
export function fail(error: unknown): void {
  const text = error instanceof Fault ? `${error.message}\n\nNext step: ${error.data.next}` : error instanceof Error ? (error.stack ?? error.message) : String(error)
  log(text)
  dialog.showErrorBox('Signalbox cannot run', text)
  app.exit(1)
}
