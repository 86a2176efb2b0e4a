import { app, BrowserWindow, screen, type WebFrameMain } from 'electron'
import { appUrl, placeOf } from './app-protocol.ts'
import { servicePlace } from './deep-link.ts'
import { MIN_HEIGHT, MIN_WIDTH, placeWindow, readWindowState, writeWindowState } from './window-state.ts'

/** A move or resize is written down this long after the last one. */
const REMEMBER_AFTER_MS = 400

export interface WindowOptions {
  readonly preloadFile: string
  /** Where size and place are kept. */
  readonly stateFile: string
  /** The page's process ended, for what reason; the window is empty. */
  readonly onPageGone: (reason: string) => void
  readonly onFocus: () => void
  readonly onClosed: () => void
}

/** The one window of the console, which comes and goes while the console stays. */
export interface ConsoleWindow {
  /** Shows the window, at a screen when one is given (`/services/checkout`). */
  show(place?: string): void
  /** Loads the page again. */
  reload(): void
  /** The frame whose messages are listened to. */
  mainFrame(): WebFrameMain | undefined
  /** True when a person is looking at what concerns this service. */
  isShowing(service: string): boolean
  current(): BrowserWindow | undefined
}

export function createConsoleWindow(options: WindowOptions): ConsoleWindow {
  let window: BrowserWindow | undefined
  const current = () => (window && !window.isDestroyed() ? window : undefined)

  function open(place: string): void {
    const { bounds, maximized, fullScreen } = placeWindow(readWindowState(options.stateFile), workAreas())
    const opened = new BrowserWindow({
      ...bounds,
      minWidth: MIN_WIDTH,
      minHeight: MIN_HEIGHT,
      title: 'Signalbox',
      backgroundColor: '#121415',
      fullscreen: fullScreen,
      show: false,
      webPreferences: {
        preload: options.preloadFile,
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
        devTools: !app.isPackaged,
      },
    })
    window = opened
    if (maximized) opened.maximize()
    remember(opened, options.stateFile)
    opened.once('ready-to-show', () => opened.show())
    opened.on('focus', options.onFocus)
    opened.on('closed', () => {
      if (window === opened) window = undefined
      options.onClosed()
    })
    opened.webContents.on('render-process-gone', (_event, { reason }) => {
      if (reason !== 'clean-exit') options.onPageGone(reason)
    })
    void opened.loadURL(appUrl(place))
  }

  return {
    show(place) {
      const shown = current()
      if (!shown) return open(place ?? '/')
      if (place !== undefined) void shown.loadURL(appUrl(place))
      if (shown.isMinimized()) shown.restore()
      shown.show()
      shown.focus()
    },
    reload: () => current()?.webContents.reload(),
    mainFrame: () => current()?.webContents.mainFrame,
    isShowing(service) {
      const shown = current()
      if (!shown?.isFocused() || shown.isMinimized()) return false
      const place = placeOf(shown.webContents.getURL())
      // Overview lists whatever waits or was rolled back.
      return place === '/' || place === servicePlace(service)
    },
    current,
  }
}

function workAreas() {
  const primary = screen.getPrimaryDisplay()
  return [primary, ...screen.getAllDisplays().filter((display) => display.id !== primary.id)].map((display) => display.workArea)
}

function remember(window: BrowserWindow, file: string): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const write = () => {
    clearTimeout(timer)
    if (window.isDestroyed() || window.isMinimized()) return
    // The size it has when it is neither maximised nor full screen.
    const { x, y, width, height } = window.getNormalBounds()
    writeWindowState(file, { x, y, width, height, maximized: window.isMaximized(), fullScreen: window.isFullScreen() })
  }
  const later = () => {
    clearTimeout(timer)
    timer = setTimeout(write, REMEMBER_AFTER_MS)
  }
  window.on('resize', later)
  window.on('move', later)
  window.on('close', write)
}
