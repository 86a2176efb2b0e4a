import { EventEmitter } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'

/**
 * The part of Electron that the desktop host uses, without its binary. Everything that crosses between main and page is
 * cloned by real message ports, as in Electron.
 */
export const seen = {
  windows: [] as BrowserWindow[],
  schemes: [] as unknown[],
  paths: {} as Record<string, string>,
  errors: [] as string[],
  exitCode: undefined as number | undefined,
  handlers: new Map<string, (request: { method: string; url: string }) => Response | Promise<Response>>(),
  exposed: {} as Record<string, unknown>,
  quitDone: false,
}

export interface FrameDouble {
  readonly url: string
  readonly parent: unknown
}

class WebContents extends EventEmitter {
  mainFrame: FrameDouble = { url: '', parent: null }
  windowOpenHandler: ((details: { url: string }) => { action: string }) | undefined
  permissionRequest: ((contents: unknown, permission: string, decide: (granted: boolean) => void) => void) | undefined
  permissionCheck: ((contents: unknown, permission: string) => boolean) | undefined
  readonly session = {
    setPermissionRequestHandler: (handler: WebContents['permissionRequest']) => {
      this.permissionRequest = handler
    },
    setPermissionCheckHandler: (handler: WebContents['permissionCheck']) => {
      this.permissionCheck = handler
    },
  }
  setWindowOpenHandler(handler: WebContents['windowOpenHandler']): void {
    this.windowOpenHandler = handler
  }
}

export class BrowserWindow extends EventEmitter {
  readonly webContents = new WebContents()
  readonly options: { readonly webPreferences: Record<string, unknown> }
  shown = false
  constructor(options: BrowserWindow['options']) {
    super()
    this.options = options
    seen.windows.push(this)
  }
  loadURL(url: string): Promise<void> {
    this.webContents.mainFrame = { url, parent: null }
    setImmediate(() => this.emit('ready-to-show'))
    return Promise.resolve()
  }
  show(): void {
    this.shown = true
  }
  focus(): void {}
  isDestroyed(): boolean {
    return false
  }
}

class App extends EventEmitter {
  whenReady(): Promise<void> {
    return Promise.resolve()
  }
  setPath(name: string, path: string): void {
    seen.paths[name] = path
  }
  requestSingleInstanceLock(): boolean {
    return true
  }
  quit(): void {
    let prevented = false
    this.emit('will-quit', { preventDefault: () => (prevented = true) })
    if (!prevented) seen.quitDone = true
  }
  exit(code: number): void {
    seen.exitCode = code
  }
}

export const app = new App()
export const ipcMain = new EventEmitter()
export const dialog = { showErrorBox: (_title: string, text: string) => void seen.errors.push(text) }
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
