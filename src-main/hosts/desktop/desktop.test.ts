import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openClient } from '../../contract/client.ts'
import { pipeOverPort } from '../../contract/port-pipe.ts'
import { portLike } from '../../rpc/port-like.ts'
import { joinConsole } from '../local-socket/client.ts'
import { APP_ORIGIN, APP_SCHEME } from './app-protocol.ts'
import { runDesktopHost } from './run.ts'
import { app, contextBridge, type FrameDouble, ipcRenderer, seen, sendFromFrame } from './testing/electron-double.ts'

const folder = mkdtempSync(join(tmpdir(), 'signalbox-desktop-'))
const dataFolder = join(folder, 'data')
/** The stream that tray, badge and notifications live on. */
const OWN_WATCH = 1

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html>')
  writeFileSync(join(folder, 'assets', 'app-1.js'), 'export {}')
  await runDesktopHost(
    { host: 'desktop', dataFolder, workspaceFile: null, auditFile: null, trustWorkspace: false, scope: 'whole' },
    { coreEntry: new URL('../../rpc/testing/core-double-worker.ts', import.meta.url), preloadFile: '/preload.cjs', rendererFolder: folder, iconsFolder: '/icons', runtimeManifest: '/none' },
  )
})

afterAll(async () => {
  app.quit()
  for (let i = 0; i < 200 && !seen.quitDone; i += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  rmSync(folder, { recursive: true })
})

/** Runs the real preload in a page of its own; returns what the page is given when it asks for a port. */
function askAsPage(): MessagePort {
  const source = stripTypeScriptTypes(readFileSync(new URL('preload.cts', import.meta.url), 'utf8'))
  const posted: { message: unknown; origin: string; ports: MessagePort[] }[] = []
  const page = {
    MessageChannel,
    location: { origin: APP_ORIGIN },
    postMessage: (message: unknown, origin: string, ports: MessagePort[]) => void posted.push({ message, origin, ports }),
  }
  runInNewContext(source, { ...page, require: () => ({ contextBridge, ipcRenderer }) })
  const { requestPort } = seen.exposed['signalboxDesktop'] as { requestPort: () => void }
  requestPort()
  expect(posted).toHaveLength(1)
  expect(posted[0]).toMatchObject({ message: 'signalbox:port', origin: APP_ORIGIN })
  const port = posted[0]?.ports[0]
  if (!port) throw new Error('no port')
  return port
}

test('the page gets the whole contract through preload and main', async () => {
  const port = askAsPage()
  const client = await openClient(pipeOverPort(portLike(port)))
  expect((await client.system.status()).appVersion).toBe('0.0.0-double')
  await expect(client.service.get({ service: 'ghost' })).rejects.toMatchObject({ data: { code: 'notFound' } })
  let chars = 0
  for await (const item of await client.journal.export({ format: 'jsonl' })) if (item.kind === 'chunk') chars += item.text.length
  expect(chars).toBe(64 * 64 * 1024)
  port.close()
})

test('a page that goes away ends its streams', async () => {
  const port = askAsPage()
  const client = await openClient(pipeOverPort(portLike(port)))
  await client.service.tailLogs({ service: 'a', environment: 'blue', lines: 0 })
  port.close()
  const other = askAsPage()
  const counting = await openClient(pipeOverPort(portLike(other)))
  for (let i = 0; i < 100 && (await counting.journal.checkpoint()).count > OWN_WATCH; i += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  expect((await counting.journal.checkpoint()).count).toBe(OWN_WATCH)
  other.close()
})

describe('only our own page is served', () => {
  const refusedFrames: readonly (readonly [string, () => FrameDouble | null])[] = [
    ['another frame that shows our page', () => ({ url: `${APP_ORIGIN}/`, parent: null, frameTreeNodeId: 77 })],
    ['a frame inside our page', () => ({ url: `${APP_ORIGIN}/`, parent: seen.windows[0]?.webContents.mainFrame, frameTreeNodeId: 78 })],
    ['a frame that is gone', () => null],
  ]
  test.each(refusedFrames)('refused: %s', async (_what, frame) => {
    const { port1, port2 } = new MessageChannel()
    sendFromFrame('signalbox:connect', [port2], frame())
    await expect(openClient(pipeOverPort(portLike(port1)))).rejects.toMatchObject({ data: { code: 'disconnected' } })
  })

  test('refused: our window showing something else', async () => {
    const contents = seen.windows[0]!.webContents
    const before = contents.mainFrame
    contents.mainFrame = { ...before, url: 'https://evil.example/' }
    const { port1, port2 } = new MessageChannel()
    sendFromFrame('signalbox:connect', [port2], contents.mainFrame)
    await expect(openClient(pipeOverPort(portLike(port1)))).rejects.toMatchObject({ data: { code: 'disconnected' } })
    contents.mainFrame = before
  })
})

test('the window is shown once it is ready', async () => {
  await expect.poll(() => seen.windows[0]?.shown).toBe(true)
  expect(seen.windows).toHaveLength(1)
})

describe('the page’s files', () => {
  const get = (url: string, method = 'GET') => Promise.resolve(seen.handlers.get(APP_SCHEME)!({ method, url }))

  test('come over a scheme of our own, with a policy that lets the page talk to nobody', async () => {
    expect(seen.schemes).toEqual([{ scheme: APP_SCHEME, privileges: { standard: true, secure: true, codeCache: true } }])
    const page = await get(`${APP_ORIGIN}/`)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("connect-src 'none'")
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
    expect((await get(`${APP_ORIGIN}/assets/app-1.js`)).headers.get('content-type')).toContain('text/javascript')
    expect((await get(`${APP_ORIGIN}/services/checkout`)).status).toBe(200)
  })

  test.each([`${APP_SCHEME}://other/index.html`, `${APP_ORIGIN}.evil/`, `${APP_ORIGIN}/assets/../../etc/passwd.txt`, `${APP_ORIGIN}/data/token.txt`])('refused: %s', async (url) => {
    expect((await get(url)).status).toBe(404)
  })

  test('only GET', async () => {
    expect((await get(`${APP_ORIGIN}/`, 'POST')).status).toBe(404)
  })
})

test('a terminal joins the desktop console over its private socket; no TCP port is opened', async () => {
  const link = await joinConsole(dataFolder)
  expect((await link?.client.system.status())?.appVersion).toBe('0.0.0-double')
  link?.close()
  expect(statSync(join(dataFolder, 'console')).mode & 0o777).toBe(0o700)
  expect(statSync(join(dataFolder, 'console', 'console.sock')).mode & 0o777).toBe(0o600)
  const listening = () => process.getActiveResourcesInfo().filter((name) => /tcpserver/i.test(name)).length
  expect(listening()).toBe(0)
  const control = createServer().listen(0, '127.0.0.1')
  await once(control, 'listening')
  expect(listening()).toBe(1)
  control.close()
  expect(seen.paths['userData']).toBe(join(dataFolder, 'desktop'))
})
