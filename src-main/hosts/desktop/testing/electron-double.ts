import { EventEmitter } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'

/**
 * The part of Electron that the desktop host uses, without its binary. Everything that crosses between main and page is
 * cloned by real message ports, as in Electron; and what a host leaves open is open here too: permissions are granted,
 * pages navigate and open windows, links are followed.
 */
export const seen = {
  windows: [] as BrowserWindow[],
  schemes: [] as unknown[],
  paths: {} as Record<string, string>,
  errors: [] as string[],
  boxes: [] as MessageBox[],
  /** Answers the questions that are asked; without it, as if they were closed. */
  answer: undefined as ((box: MessageBox) => number | Promise<number>) | undefined,
  filePaths: [] as string[],
  openedOutside: [] as string[],
  copied: [] as string[],
  exitCode: undefined as number | undefined,
  relaunches: [] as { readonly args?: string[]; readonly execPath?: string }[],
  handlers: new Map<string, (request: { method: string; url: string }) => Response | Promise<Response>>(),
  exposed: {} as Record<string, unknown>,
  quitDone: false,
  sandboxed: false,
  switches: new Set<string>(),
  hasLock: true,
  protocolClients: [] as string[],
  badge: 0,
  trays: [] as Tray[],
  notifications: [] as Notification[],
  menu: null as MenuDouble | null,
  workAreas: [{ x: 0, y: 0, width: 1920, height: 1080 }],
}

export interface FrameDouble {
  readonly url: string
  readonly parent: unknown
  readonly frameTreeNodeId: number
}

export interface MessageBox {
  readonly message: string
  readonly detail?: string
  readonly buttons?: readonly string[]
  readonly cancelId?: number
}

interface PermissionDetails {
  readonly isMainFrame: boolean
  readonly requestingUrl?: string
}

// As Electron sets it; tests of an installed app set their own.
if (!('resourcesPath' in process)) Object.assign(process, { resourcesPath: '/nowhere/resources' })

let frames = 0

class SessionDouble {
  permissionRequest: ((contents: unknown, permission: string, decide: (granted: boolean) => void, details: PermissionDetails) => void) | null = null
  permissionCheck: ((contents: unknown, permission: string, origin: string, details: PermissionDetails) => boolean) | null = null
  devicePermission: ((details: object) => boolean) | null = null
  beforeRequest: ((details: { url: string }, answer: (decision: { cancel?: boolean }) => void) => void) | null = null
  readonly webRequest = {
    onBeforeRequest: (listener: SessionDouble['beforeRequest']) => {
      this.beforeRequest = listener
    },
  }
  setPermissionRequestHandler(handler: SessionDouble['permissionRequest']): void {
    this.permissionRequest = handler
  }
  setPermissionCheckHandler(handler: SessionDouble['permissionCheck']): void {
    this.permissionCheck = handler
  }
  setDevicePermissionHandler(handler: SessionDouble['devicePermission']): void {
    this.devicePermission = handler
  }

  /** A page asks; Electron grants what nobody decides. */
  request(permission: string, details: PermissionDetails): boolean {
    let granted = true
    this.permissionRequest?.(null, permission, (decision) => (granted = decision), details)
    return granted
  }
  check(permission: string, details: PermissionDetails): boolean {
    return this.permissionCheck?.(null, permission, details.requestingUrl ?? '', details) ?? true
  }
  device(): boolean {
    return this.devicePermission?.({ deviceType: 'usb' }) ?? true
  }
  /** Whether a page's request goes out. */
  loads(url: string): boolean {
    let cancelled = false
    this.beforeRequest?.({ url }, (decision) => (cancelled = decision.cancel === true))
    return !cancelled
  }
}

export const session = { defaultSession: new SessionDouble() }

type OpenHandler = (details: { url: string }) => { action: string }

class WebContents extends EventEmitter {
  mainFrame: FrameDouble = { url: '', parent: null, frameTreeNodeId: (frames += 1) }
  readonly session = session.defaultSession
  reloads = 0
  private openHandler: OpenHandler | undefined
  setWindowOpenHandler(handler: OpenHandler): void {
    this.openHandler = handler
  }
  getURL(): string {
    return this.mainFrame.url
  }
  reload(): void {
    this.reloads += 1
  }

  /** The page goes somewhere by itself. True when it got there. */
  navigate(url: string, event = 'will-navigate'): boolean {
    const stopped = this.prevented(event, { url })
    if (!stopped) this.mainFrame = { ...this.mainFrame, url }
    return !stopped
  }
  open(url: string): string {
    return this.openHandler?.({ url }).action ?? 'allow'
  }
  attachesWebview(): boolean {
    return !this.prevented('will-attach-webview', {})
  }
  private prevented(event: string, details: object): boolean {
    let stopped = false
    this.emit(event, { ...details, preventDefault: () => (stopped = true) })
    return stopped
  }
}

interface Bounds {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export class BrowserWindow extends EventEmitter {
  readonly webContents = new WebContents()
  readonly options: { readonly webPreferences: Record<string, unknown> } & Partial<Bounds> & Record<string, unknown>
  readonly loaded: string[] = []
  bounds: Bounds
  shown = false
  focused = false
  minimized = false
  maximized = false
  destroyed = false
  overlay: unknown = null
  constructor(options: BrowserWindow['options']) {
    super()
    this.options = options
    this.bounds = { x: options.x ?? 40, y: options.y ?? 40, width: options.width ?? 800, height: options.height ?? 600 }
    app.emit('web-contents-created', {}, this.webContents)
    seen.windows.push(this)
  }
  loadURL(url: string): Promise<void> {
    this.loaded.push(url)
    this.webContents.mainFrame = { ...this.webContents.mainFrame, url }
    if (this.loaded.length === 1) setImmediate(() => this.emit('ready-to-show'))
    return Promise.resolve()
  }
  show(): void {
    this.shown = true
    this.focus()
  }
  focus(): void {
    this.focused = true
    this.emit('focus')
  }
  blur(): void {
    this.focused = false
    this.emit('blur')
  }
  minimize(): void {
    this.minimized = true
  }
  restore(): void {
    this.minimized = false
  }
  maximize(): void {
    this.maximized = true
  }
  isFocused = () => this.focused
  isMinimized = () => this.minimized
  isMaximized = () => this.maximized
  isFullScreen = () => false
  isDestroyed = () => this.destroyed
  getNormalBounds = () => this.bounds
  setOverlayIcon(icon: unknown, description: string): void {
    this.overlay = icon === null ? null : { icon, description }
  }
  close(): void {
    this.emit('close', { preventDefault: () => {} })
    this.destroyed = true
    this.emit('closed')
    if (seen.windows.every((window) => window.destroyed)) app.emit('window-all-closed')
  }
}

class App extends EventEmitter {
  isPackaged = false
  readonly commandLine = { hasSwitch: (name: string) => seen.switches.has(name) }
  whenReady(): Promise<void> {
    return Promise.resolve()
  }
  enableSandbox(): void {
    seen.sandboxed = true
  }
  setPath(name: string, path: string): void {
    seen.paths[name] = path
  }
  setDesktopName(): void {}
  setAppUserModelId(): void {}
  getVersion(): string {
    return '0.0.0-double'
  }
  requestSingleInstanceLock(): boolean {
    return seen.hasLock
  }
  setAsDefaultProtocolClient(scheme: string): boolean {
    seen.protocolClients.push(scheme)
    return true
  }
  setBadgeCount(count: number): boolean {
    seen.badge = count
    return true
  }
  relaunch(options: { args?: string[]; execPath?: string } = {}): void {
    seen.relaunches.push(options)
  }
  quit(): void {
    let prevented = false
    this.emit('before-quit', {})
    this.emit('will-quit', { preventDefault: () => (prevented = true) })
    if (!prevented) seen.quitDone = true
  }
  exit(code: number): void {
    seen.exitCode = code
  }
}

export class Tray extends EventEmitter {
  tooltip = ''
  menu: MenuDouble | undefined
  destroyed = false
  image: unknown
  constructor(image: unknown) {
    super()
    this.image = image
    seen.trays.push(this)
  }
  setImage(image: unknown): void {
    this.image = image
  }
  setToolTip(text: string): void {
    this.tooltip = text
  }
  setContextMenu(menu: MenuDouble): void {
    this.menu = menu
  }
  destroy(): void {
    this.destroyed = true
  }
}

export class Notification extends EventEmitter {
  static isSupported = () => true
  readonly options: { readonly title: string; readonly body: string }
  constructor(options: Notification['options']) {
    super()
    this.options = options
  }
  show(): void {
    seen.notifications.push(this)
  }
  close(): void {
    this.emit('close')
  }
}

export interface MenuEntry {
  readonly id?: string
  readonly label?: string
  readonly role?: string
  readonly enabled?: boolean
  readonly submenu?: readonly MenuEntry[]
  readonly click?: () => void
}
interface MenuDouble {
  readonly template: readonly MenuEntry[]
}
export const Menu = {
  buildFromTemplate: (template: readonly MenuEntry[]): MenuDouble => ({ template }),
  setApplicationMenu: (menu: MenuDouble) => {
    seen.menu = menu
  },
}

export const app = new App()
export const ipcMain = new EventEmitter()
export const shell = { openExternal: (url: string) => Promise.resolve(void seen.openedOutside.push(url)) }
export const clipboard = { writeText: (text: string) => Promise.resolve(void seen.copied.push(text)) }
export const nativeImage = { createFromPath: (path: string) => ({ path }) }
export const screen = {
  getPrimaryDisplay: () => ({ id: 0, workArea: seen.workAreas[0] }),
  getAllDisplays: () => seen.workAreas.map((workArea, id) => ({ id, workArea })),
}
export const dialog = {
  showErrorBox: (_title: string, text: string) => void seen.errors.push(text),
  async showMessageBox(box: MessageBox) {
    seen.boxes.push(box)
    return { response: (await seen.answer?.(box)) ?? box.cancelId ?? 0 }
  },
  showOpenDialog: () => Promise.resolve({ canceled: seen.filePaths.length === 0, filePaths: seen.filePaths }),
}
export const protocol = {
  registerSchemesAsPrivileged: (schemes: unknown[]) => void seen.schemes.push(...schemes),
  handle: (scheme: string, handler: (request: { method: string; url: string }) => Response | Promise<Response>) => void seen.handlers.set(scheme, handler),
}

export const contextBridge = {
  exposeInMainWorld: (name: string, api: unknown) => {
    seen.exposed[name] = api
  },
}

/** Delivers to ipcMain as if sent by the given frame; by default the window's own main frame. */
export function sendFromFrame(channel: string, transfer: readonly MessagePort[], frame: FrameDouble | null | undefined = seen.windows.at(-1)?.webContents.mainFrame): void {
  ipcMain.emit(channel, { senderFrame: frame, ports: transfer.map(mainPort) })
}

export const ipcRenderer = {
  postMessage: (channel: string, _message: unknown, transfer: readonly MessagePort[]) => sendFromFrame(channel, transfer),
}

/** MessagePortMain hands its messages wrapped in an event and waits for start(). */
function mainPort(port: MessagePort) {
  const wrapped = new EventEmitter()
  port.on('close', () => wrapped.emit('close'))
  return Object.assign(wrapped, {
    postMessage: (message: unknown) => port.postMessage(message),
    start: () => void port.on('message', (data: unknown) => wrapped.emit('message', { data })),
    close: () => port.close(),
  })
}

export { MessageChannel }
