import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MessagePort } from 'node:worker_threads'
import { expect, type Page, test } from 'playwright/test'
import { answerPage, APP_ORIGIN, appUrl } from '../src-main/hosts/desktop/app-protocol.ts'
import { loadStaticFiles } from '../src-main/hosts/web/static-files.ts'
import { type CoreThread, startCoreThread } from '../src-main/rpc/core-thread.ts'
import { oneServiceWorkspace, type WorkspaceOnDisk } from './one-service-workspace.ts'

/**
 * The desktop's page in a browser, where no Electron can run: the built screens as the desktop's scheme answers them, its
 * content policy included, and its port to a real core. What is Electron's own is not tried here.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const ORIGIN = 'https://console.test'
let workspace: WorkspaceOnDisk
let dataFolder: string
let core: CoreThread

test.beforeAll(async () => {
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { encoding: 'utf8' })
  expect(built.status, built.stderr).toBe(0)
  workspace = oneServiceWorkspace()
  dataFolder = mkdtempSync(join(tmpdir(), 'signalbox-page-'))
  core = await startCoreThread(
    new URL('../src-main/hosts/core-worker.ts', import.meta.url),
    { host: 'desktop', dataFolder, workspaceFile: workspace.file, auditFile: null, trustWorkspace: true, scope: 'whole', nodePath: process.execPath },
    () => {},
  )
})
test.afterAll(async () => {
  await core.close()
  spawnSync(process.execPath, ['src-main/hosts/terminal/main.ts', 'stop', '--all', '--reason', 'end of the test', '--data', dataFolder, '--workspace', workspace.file], { cwd: root })
  workspace.remove()
  rmSync(dataFolder, { recursive: true, force: true })
})

/** Stands in for preload and main: hands the page a port whose other end is a session of the core. */
async function giveDesktop(page: Page): Promise<void> {
  const sessions: MessagePort[] = []
  await page.exposeFunction('toCore', (message: string | number) => sessions.at(-1)?.postMessage(message))
  await page.exposeFunction('openSession', () => {
    const session = core.openSession()
    sessions.push(session)
    session.on('message', (message: string | number) => void page.evaluate((text) => (globalThis as unknown as { fromCore: (message: unknown) => void }).fromCore(text), message).catch(() => {}))
  })
  await page.addInitScript(() => {
    const world = globalThis as unknown as { fromCore: (message: unknown) => void; openSession: () => Promise<void>; toCore: (message: unknown) => void; signalboxDesktop: object }
    world.signalboxDesktop = {
      requestPort() {
        const { port1, port2 } = new MessageChannel()
        world.fromCore = (message) => port2.postMessage(message)
        void world.openSession().then(() => {
          port2.addEventListener('message', (event) => world.toCore(event.data))
          port2.start()
        })
        window.postMessage('signalbox:port', window.location.origin, [port1])
      },
    }
  })
}

/** Everything the page asks for comes from the desktop's own answers; there is no network behind it. */
async function answerAsDesktop(page: Page): Promise<readonly string[]> {
  const files = loadStaticFiles(join(root, 'dist', 'renderer'))
  const asked: string[] = []
  await page.route('**/*', async (route) => {
    const url = route.request().url()
    asked.push(url)
    if (!url.startsWith(`${ORIGIN}/`)) return route.abort()
    const answer = answerPage(files, { method: route.request().method(), url: `${APP_ORIGIN}${url.slice(ORIGIN.length)}` })
    await route.fulfill({ status: answer.status, headers: Object.fromEntries(answer.headers), body: Buffer.from(await answer.arrayBuffer()) })
  })
  return asked
}

test('the screens work under the desktop’s policy, over its port, and ask nothing of any network', async ({ page }) => {
  const problems: string[] = []
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  page.on('pageerror', (error) => problems.push(error.message))
  const asked = await answerAsDesktop(page)
  await giveDesktop(page)
  const show = (place: string) => page.goto(appUrl(place).replace(APP_ORIGIN, ORIGIN))
  await show('/')
  await expect(page.getByRole('row', { name: /checkout/ })).toContainText('1.0.0')

  // As a link and the menu do: only the place behind the # changes, and nothing is loaded anew.
  await page.evaluate(() => Object.assign(window, { mark: 'still here' }))
  for (const [place, words] of [['/services/checkout', /100 % on blue/], ['/audit', /Journal/], ['/', /checkout|Overview/]] as const) {
    await show(place)
    await expect(page.getByText(words).first()).toBeVisible()
  }
  await show('/services/no%20such%20thing')
  await expect(page.getByText('no such thing').first()).toBeVisible()
  await show('/settings')
  await expect(page.getByRole('main', { name: 'Settings' })).toContainText(workspace.file)
  await expect(page.getByText(/desktop/i).first()).toBeVisible()

  expect(await page.evaluate(() => (window as unknown as { mark?: string }).mark)).toBe('still here')
  expect(asked.filter((url) => !url.startsWith(`${ORIGIN}/`))).toEqual([])
  expect(problems).toEqual([])
  // Control: the policy is in force, and what it stops is seen.
  expect(await page.evaluate(() => fetch('/index.html').then(() => 'reached', () => 'stopped'))).toBe('stopped')
  expect(problems.join()).toContain('Content Security Policy')
})
