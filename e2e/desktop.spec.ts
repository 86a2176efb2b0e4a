import { execFileSync } from 'node:child_process'
import { expect, type Page, test } from 'playwright/test'
import { type LaunchedConsole, launchConsole } from './launch-console.ts'
import { whyNoDesktop } from './launch-desktop.ts'
import { oneServiceWorkspace, type WorkspaceOnDisk } from './one-service-workspace.ts'

test.describe.configure({ mode: 'serial' })
const missing = await whyNoDesktop()
test.skip(missing !== null, missing ?? '')

let workspace: WorkspaceOnDisk
let launched: LaunchedConsole
let page: Page

test.beforeAll(async ({ browser }) => {
  workspace = oneServiceWorkspace()
  launched = await launchConsole({ workspace: workspace.file, args: ['--trust'] })
  page = await launched.open(await browser.newPage())
})
test.afterAll(async () => {
  await launched.close()
  workspace.remove()
})

test('the window shows the console, from an origin of its own', async () => {
  await expect(page.getByText('checkout').first()).toBeVisible()
  expect(page.url()).toMatch(/^signalbox-app:\/\/console\//)
})

test('the page has no Node, no Electron, and one thing to ask for', async () => {
  const found = await page.evaluate(() => {
    const world = globalThis as unknown as Record<string, unknown>
    return { globals: ['require', 'process', 'module', 'Buffer', 'electron', 'ipcRenderer'].filter((name) => name in world), offered: Object.keys((world['signalboxDesktop'] ?? {}) as object) }
  })
  expect(found).toEqual({ globals: [], offered: ['requestPort'] })
})

test('the page reaches no network and no file, goes nowhere, opens nothing', async () => {
  const attempts = await page.evaluate(async () => {
    const reached = (url: string) => fetch(url).then(
      () => true,
      () => false,
    )
    return { network: await reached('http://127.0.0.1:9/'), file: await reached('file:///etc/hostname'), own: await reached('signalbox-app://console/index.html'), window: window.open('about:blank') === null }
  })
  expect(attempts).toEqual({ network: false, file: false, own: false, window: true })
  await page.evaluate(() => {
    window.location.href = 'https://example.com/'
  })
  await page.waitForTimeout(500)
  expect(page.url()).toMatch(/^signalbox-app:\/\/console\//)
})

test('copying works, and nothing else is permitted', async () => {
  const states = await page.evaluate(async () => {
    const state = async (name: string) => (await navigator.permissions.query({ name: name as PermissionName })).state
    return { geolocation: await state('geolocation'), notifications: await state('notifications'), camera: await state('camera') }
  })
  expect(states).toEqual({ geolocation: 'denied', notifications: 'denied', camera: 'denied' })
})

test('the console listens on no TCP port', () => {
  test.skip(process.platform !== 'linux', 'not run: needs ss')
  const listening = execFileSync('ss', ['-Hltnp'], { encoding: 'utf8' }).split('\n')
  expect(listening.filter((line) => line.includes(`pid=${launched.pid},`))).toEqual([])
})
