import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClient, type ConsoleClient } from '../../contract/client.ts'
import { pipeOverPort } from '../../contract/port-pipe.ts'
import type { JournalEntry } from '../../contract/journal.ts'
import type { ServiceView, WaitingItem } from '../../contract/service.ts'
import type { WatchItem } from '../../contract/system.ts'
import type { HealthState } from '../../contract/vocabulary.ts'
import { portLike } from '../../rpc/port-like.ts'
import { runDesktopHost } from './run.ts'
import { app, type MenuEntry, MessageChannel, seen, sendFromFrame } from './testing/electron-double.ts'

/** The whole desktop host on the double of Electron, with a core that says what the test wants. */
const folder = mkdtempSync(join(tmpdir(), 'signalbox-signs-'))
const dataFolder = join(folder, 'data')
let client: ConsoleClient
let close = () => {}

beforeAll(async () => {
  writeFileSync(join(folder, 'index.html'), '<!doctype html>')
  mkdirSync(join(dataFolder, 'desktop'), { recursive: true })
  // As a display that has gone since would leave it.
  writeFileSync(join(dataFolder, 'desktop', 'window.json'), JSON.stringify({ x: 4000, y: 100, width: 1200, height: 800, maximized: true, fullScreen: false }))
  process.argv.push('signalbox://service/search')
  await runDesktopHost(
    { host: 'desktop', dataFolder, workspaceFile: null, auditFile: null, trustWorkspace: false, scope: 'whole' },
    { coreEntry: new URL('testing/attentive-core-worker.ts', import.meta.url), preloadFile: '/preload.cjs', rendererFolder: folder, iconsFolder: '/icons', runtimeManifest: '/none' },
  )
  const { port1, port2 } = new MessageChannel()
  sendFromFrame('signalbox:connect', [port2])
  client = await openClient(pipeOverPort(portLike(port1)))
  close = () => port1.close()
})
afterAll(async () => {
  close()
  app.quit()
  for (let i = 0; i < 200 && !seen.quitDone; i += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  rmSync(folder, { recursive: true })
})

const window = () => seen.windows.at(-1)!
const tray = () => seen.trays[0]!
const entries = () => (tray().menu?.template ?? []).filter((entry) => entry.label !== undefined)
const labels = () => entries().map((entry) => entry.label)
const press = (label: string, among: readonly MenuEntry[] = entries()) => among.find((entry) => entry.label === label)?.click?.()
const publish = (...items: WatchItem[]) => client.release.create({ service: 'x', version: '1', start: false, operationId: 'published', notes: JSON.stringify(items) })
const service = (name: string, health: HealthState): WatchItem => ({ kind: 'service', service: { ...({} as ServiceView), name, health, healthReason: '' } })
const waits = (...services: string[]): WatchItem => ({
  kind: 'waiting',
  items: services.map((name): WaitingItem => ({ id: `approval:${name}`, service: name, releaseId: 'r1', kind: 'approval', title: 'Approval', detail: 'Waits for a second person.', expiresAt: null, since: 1 })),
})
const rolledBack = (name: string): WatchItem => ({
  kind: 'journal',
  entry: { ...({} as JournalEntry), kind: 'intent', action: 'release.rollBack', operator: { id: 'system', name: 'Signalbox', email: '', known: 'system' }, target: { service: name }, summary: 'Send 100 % back to blue', reason: 'errors' },
})
const told = () => seen.notifications.map((notification) => notification.options.title)

test('opens where a link points, in a window that fits the displays of now', () => {
  expect(window().loaded).toEqual(['signalbox-app://console/#/services/search'])
  expect(window().options).toMatchObject({ width: 1200, height: 800 })
  expect(window().options.x).toBeUndefined()
  expect(window().maximized).toBe(true)
})

test('the tray says the worst state in a shape and a word, and opens what is not well', async () => {
  await publish(service('checkout', 'healthy'), service('search', 'healthy'))
  await expect.poll(() => labels()).toEqual(['All healthy', 'Open', 'Quit'])
  expect(tray().image).toEqual({ path: '/icons/tray-healthy.png' })
  expect(tray().tooltip).toBe('Signalbox · double · All healthy')

  await publish(service('search', 'watch'), service('checkout', 'failing'))
  await expect.poll(() => labels()).toEqual(['Failing: checkout', 'checkout', 'Open', 'Quit'])
  expect(tray().image).toEqual({ path: '/icons/tray-failing.png' })
  press('checkout')
  expect(window().loaded.at(-1)).toBe('signalbox-app://console/#/services/checkout')
})

test('what waits is counted and told, unless the focused window shows it', async () => {
  window().focus()
  await publish(waits('checkout'))
  await expect.poll(() => seen.badge).toBe(1)
  expect(told()).toEqual([])
  expect(labels()).toContain('1 thing to look at')

  await publish(waits('checkout', 'search'))
  await expect.poll(() => told()).toEqual(['search waits for approval'])
  expect(seen.badge).toBe(2)

  // Overview shows all of it.
  press('2 things to look at')
  expect(window().loaded.at(-1)).toBe('signalbox-app://console/#/')
  await publish(waits('checkout', 'search', 'mailer'))
  await expect.poll(() => seen.badge).toBe(3)
  expect(told()).toEqual(['search waits for approval'])

  window().blur()
  await publish(waits('checkout', 'search', 'mailer', 'shoppers'))
  await expect.poll(() => told()).toEqual(['search waits for approval', 'shoppers waits for approval'])
  await publish(waits())
  await expect.poll(() => seen.badge).toBe(0)
})

test('a rollback is told and counted until the window is looked at; its notification opens the service', async () => {
  await publish(rolledBack('checkout'))
  await expect.poll(() => told().at(-1)).toBe('checkout is rolled back by itself')
  expect(seen.badge).toBe(1)
  window().minimize()
  seen.notifications.at(-1)?.emit('click')
  expect(window().minimized).toBe(false)
  expect(window().loaded.at(-1)).toBe('signalbox-app://console/#/services/checkout')
  expect(seen.badge).toBe(0)
})

test('a second launch shows this window, and what its link names; an unknown or hostile link harms nothing', () => {
  window().blur()
  const before = window().loaded.length
  app.emit('second-instance', {}, ['/opt/signalbox'])
  expect(window().focused).toBe(true)
  app.emit('second-instance', {}, ['/opt/signalbox', 'signalbox://service/..%2f..%2fsettings'])
  expect(window().loaded).toHaveLength(before)
  app.emit('second-instance', {}, ['/opt/signalbox', 'signalbox://service/no%20such%20thing'])
  expect(window().loaded.at(-1)).toBe('signalbox-app://console/#/services/no%20such%20thing')
  let prevented = false
  app.emit('open-url', { preventDefault: () => (prevented = true) }, 'signalbox://service/mailer')
  expect(window().loaded.at(-1)).toBe('signalbox-app://console/#/services/mailer')
  expect(prevented).toBe(true)
  expect(seen.windows).toHaveLength(1)
})

test('the menu moves between screens', () => {
  const items = (seen.menu?.template ?? []).flatMap((entry) => entry.submenu ?? [])
  items.find((entry) => entry.id === 'audit')?.click?.()
  expect(window().loaded.at(-1)).toBe('signalbox-app://console/#/audit')
  items.find((entry) => entry.id === 'settings')?.click?.()
  expect(window().loaded.at(-1)).toBe('signalbox-app://console/#/settings')
  expect(items.find((entry) => entry.id === 'updates')).toMatchObject({ enabled: false, label: 'Updates are off: not an installed app' })
})

test('size and place are kept; a closed window leaves the console watching, says so once, and opens again', async () => {
  window().bounds = { x: 120, y: 80, width: 1300, height: 850 }
  window().maximized = false
  window().emit('move')
  const kept = () => JSON.parse(readFileSync(join(dataFolder, 'desktop', 'window.json'), 'utf8')) as unknown
  await expect.poll(kept).toEqual({ x: 120, y: 80, width: 1300, height: 850, maximized: false, fullScreen: false })

  window().close()
  expect(seen.quitDone).toBe(false)
  expect(told().at(-1)).toBe('Signalbox goes on')
  await publish(waits('checkout'))
  await expect.poll(() => told().at(-1)).toBe('checkout waits for approval')
  press('Open')
  expect(seen.windows).toHaveLength(2)
  expect(window().options).toMatchObject({ x: 120, y: 80, width: 1300, height: 850 })
  window().close()
  expect(told().filter((title) => title === 'Signalbox goes on')).toHaveLength(1)
  app.emit('activate')
  expect(seen.windows).toHaveLength(3)
})

test('a page whose process ends is loaded again; one that keeps ending asks first', async () => {
  const { webContents } = window()
  webContents.emit('render-process-gone', {}, { reason: 'clean-exit', exitCode: 0 })
  expect(webContents.reloads).toBe(0)
  webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 5 })
  webContents.emit('render-process-gone', {}, { reason: 'oom', exitCode: 5 })
  expect(webContents.reloads).toBe(2)
  expect(seen.boxes).toEqual([])
  seen.answer = () => 0
  webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 5 })
  await expect.poll(() => webContents.reloads).toBe(3)
  expect(seen.boxes[0]).toMatchObject({ message: 'The screens keep stopping' })
  expect(seen.boxes[0]?.detail).toContain('Traffic is not affected')
  seen.answer = undefined
  seen.boxes.length = 0
})

test('a core that dies: the tray says so, a box says what it means for traffic, and the app starts again', async () => {
  seen.answer = () => 0
  await client.release.create({ service: 'x', version: '1', start: false, operationId: 'published', notes: 'die' }).catch(() => {})
  await expect.poll(() => seen.exitCode).toBe(0)
  expect(seen.relaunches).toHaveLength(1)
  expect(seen.boxes[0]).toMatchObject({ message: 'The core of the console stopped', buttons: ['Start Again', 'Quit'] })
  expect(seen.boxes[0]?.detail).toContain('Services and their traffic go on as they are')
  expect(labels()[0]).toBe('Not connected to its core')
  expect(tray().image).toEqual({ path: '/icons/tray-unknown.png' })
})
