// node --import electron-hook.mjs observe.ts MAIN [--signalbox=...]: runs a desktop host on the double of Electron, does to
// it what a hostile page or frame would, and prints as JSON what came of it.
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { runInNewContext } from 'node:vm'
import { app, BrowserWindow, contextBridge, type FrameDouble, ipcMain, ipcRenderer, MessageChannel, seen, sendFromFrame, session } from './electron-double.ts'
import type { Observation } from './security-list.ts'

/** Our own page may have to wait for the core. Whoever is refused hears so at once. */
const OURS_WITHIN_MS = 30_000
const OTHERS_WITHIN_MS = 1500
const HELLO = JSON.stringify({ hello: 'signalbox', protocol: 1 })

const PERMISSIONS = [
  'clipboard-read', 'clipboard-sanitized-write', 'display-capture', 'fullscreen', 'geolocation', 'hid', 'idle-detection', 'keyboardLock', 'media', 'mediaKeySystem', 'midi', 'midiSysex',
  'notifications', 'openExternal', 'pointerLock', 'serial', 'speaker-selection', 'storage-access', 'top-level-storage-access', 'unknown', 'usb', 'window-management', 'fileSystem', 'deprecated-sync-clipboard-read',
]
const ELSEWHERE = ['https://evil.example/', 'http://127.0.0.1:7301/', 'file:///etc/passwd', 'data:text/html,x', 'javascript:alert(1)']
const LINKS = ['https://example.com/docs', 'http://example.com/', 'file:///etc/passwd', 'javascript:alert(1)', 'ms-msdt:/id', 'signalbox://service/x', 'https://user:pass@example.com/', 'smb://example.com/share', 'not an address']

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** True when whoever listens to this channel talks to a frame. */
async function isServed(channel: string, frame: FrameDouble | null, withinMs: number): Promise<boolean> {
  const { port1, port2 } = new MessageChannel()
  const answered = new Promise<boolean>((resolve) => {
    port1.on('message', () => resolve(true))
    port1.on('close', () => resolve(false))
  })
  port1.postMessage(HELLO)
  sendFromFrame(channel, [port2], frame)
  const served = await Promise.race([answered, pause(withinMs).then(() => false)])
  port1.close()
  return served
}

/** What is offered to a page: every member it could reach, by path. */
function membersOf(api: unknown, path: string, depth = 0): string[] {
  if (typeof api === 'function') return [`${path}()`]
  if (typeof api !== 'object' || api === null || depth > 2) return [path]
  const names = new Set<string>()
  // The preload has an Object of its own, hence by name.
  for (let at: object | null = api; at && !Object.hasOwn(at, 'isPrototypeOf') && names.size < 50; at = Object.getPrototypeOf(at) as object | null) for (const name of Object.getOwnPropertyNames(at)) names.add(name)
  names.delete('constructor')
  return [...names].flatMap((name) => membersOf((api as Record<string, unknown>)[name], `${path}.${name}`, depth + 1))
}

function runPreload(file: string): Observation['preload'] {
  const text = readFileSync(file, 'utf8')
  const required: string[] = []
  const posted: string[] = []
  const page = { MessageChannel, location: { origin: 'signalbox-app://console' }, postMessage: (message: unknown, origin: string, ports: unknown[]) => void posted.push(`${typeof message} to ${origin} with ${ports.length} port`) }
  runInNewContext(file.endsWith('ts') ? stripTypeScriptTypes(text) : text, { ...page, require: (name: string) => (required.push(name), { contextBridge, ipcRenderer }) })
  const offered = Object.entries(seen.exposed).flatMap(([name, api]) => membersOf(api, name))
  const { requestPort } = (seen.exposed['signalboxDesktop'] ?? {}) as { requestPort?: (...args: unknown[]) => unknown }
  return { required, offered, returned: typeof requestPort?.('ipcRenderer', {}), posted }
}

async function links(window: BrowserWindow): Promise<Observation['links']> {
  const results: Observation['links'] = {}
  for (const url of LINKS) {
    const outcome = { named: false, openedAfterNo: false, openedAfterYes: false }
    for (const yes of [false, true]) {
      seen.boxes.length = 0
      seen.openedOutside.length = 0
      seen.answer = (box) => (yes ? (box.buttons?.indexOf('Open') ?? -1) : (box.cancelId ?? 0))
      window.webContents.open(url)
      await settle()
      outcome.named ||= seen.boxes.some((box) => `${box.message} ${box.detail ?? ''}`.includes(url))
      if (seen.openedOutside.length > 0) outcome[yes ? 'openedAfterYes' : 'openedAfterNo'] = true
    }
    results[url] = outcome
  }
  seen.answer = undefined
  return results
}

async function observe(): Promise<Observation> {
  const [window] = seen.windows
  if (!window) throw new Error(`no window: ${seen.errors.join('\n')}`)
  const { webContents } = window
  const url = webContents.getURL()
  const origin = /^[a-z-]+:\/\/[^/]*/.exec(url)?.[0] ?? url
  const ours = webContents.mainFrame
  const [channel = ''] = ipcMain.eventNames().map(String)
  const frames: Record<string, FrameDouble | null> = {
    ours,
    'a frame inside our page': { url, parent: ours, frameTreeNodeId: 9001 },
    'a frame inside our page that claims its place': { url, parent: ours, frameTreeNodeId: ours.frameTreeNodeId },
    'another window that shows our page': { url, parent: null, frameTreeNodeId: 9002 },
    'our window showing something else': { ...ours, url: 'https://evil.example/' },
    'our window showing a look-alike': { ...ours, url: `${origin}.evil.example/` },
    'our window showing a blank page': { ...ours, url: 'about:blank' },
    'a frame that is gone': null,
  }
  const served: Record<string, boolean> = {}
  for (const [name, frame] of Object.entries(frames)) served[name] = await isServed(channel, frame, name === 'ours' ? OURS_WITHIN_MS : OTHERS_WITHIN_MS)

  const own = { isMainFrame: true, requestingUrl: url }
  const asks = (permission: string, details: typeof own) => session.defaultSession.request(permission, details) || session.defaultSession.check(permission, details)
  const handler = seen.handlers.get(url.split(':', 1)[0] ?? '')
  const answers = await Promise.all(['/', '/assets/app.js', '/missing.js'].map((path) => Promise.resolve(handler?.({ method: 'GET', url: `${origin}${path}` }))))

  const second = new BrowserWindow({ webPreferences: {} })
  const result: Observation = {
    url,
    schemes: seen.schemes,
    policies: answers.map((answer) => answer?.headers.get('content-security-policy') ?? ''),
    preferences: window.options.webPreferences,
    sandboxed: seen.sandboxed,
    requests: Object.fromEntries([url, `${origin}/assets/app.js`, 'http://example.com/a.js', 'https://example.com/a.js', 'ws://127.0.0.1:1/', 'file:///etc/passwd', `${origin}.evil.example/`].map((to) => [to === url ? 'own page' : to, session.defaultSession.loads(to)])),
    granted: PERMISSIONS.filter((permission) => asks(permission, own)),
    grantedToOthers: PERMISSIONS.filter((permission) => asks(permission, { isMainFrame: false, requestingUrl: url }) || asks(permission, { isMainFrame: true, requestingUrl: 'https://evil.example/' })),
    devices: session.defaultSession.device(),
    wentTo: ['will-navigate', 'will-redirect', 'will-frame-navigate'].flatMap((event) => [...ELSEWHERE, `${origin}.evil.example/`].filter((to) => [window, second].some((target) => target.webContents.navigate(to, event)))),
    staysOnOwnScreens: window.webContents.navigate(`${origin}/#/audit`),
    opened: [...ELSEWHERE, url].filter((to) => [window, second].some((target) => target.webContents.open(to) !== 'deny')),
    attachesWebview: [window, second].some((target) => target.webContents.attachesWebview()),
    links: {},
    channels: ipcMain.eventNames().map(String),
    served,
    preload: { required: [], offered: [], returned: '', posted: [] },
  }
  await settle()
  return { ...result, links: await links(window), preload: runPreload(String(window.options.webPreferences['preload'])) }
}

const [, , main = ''] = process.argv
await import(main)
for (let i = 0; i < 600 && seen.windows.length === 0 && seen.errors.length === 0; i += 1) await pause(25)
process.stdout.write(`${JSON.stringify(await observe())}\n`)
app.quit()
for (let i = 0; i < 200 && !seen.quitDone; i += 1) await pause(20)
process.exit(0)
