import { expect, type Page, test } from 'playwright/test'
import { type LaunchedConsole, launchConsole } from './launch-console.ts'
import { liveAddressOf } from './story.ts'
import { oneServiceWorkspace, type WorkspaceOnDisk } from './one-service-workspace.ts'

let workspace: WorkspaceOnDisk
let launched: LaunchedConsole

test.beforeEach(async () => {
  workspace = oneServiceWorkspace()
  launched = await launchConsole({ workspace: workspace.file, args: ['--trust'] })
})

test.afterEach(async () => {
  await launched?.close()
  workspace.remove()
})

const service = (page: Page) => page.getByText('checkout').first()

test('the printed address lets one browser in, once; a new one comes from the terminal', async ({ browser }) => {
  const first = await browser.newPage()
  const problems: string[] = []
  first.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  await first.goto(launched.url)
  await expect(service(first)).toBeVisible()
  expect(first.url()).not.toContain('token')
  await first.reload()
  await expect(service(first)).toBeVisible()
  // Our own content policy must not be in our own way.
  expect(problems).toEqual([])

  const context = await browser.newContext()
  const second = await context.newPage()
  await second.goto(launched.url)
  await expect(second.getByText('has not been let in').first()).toBeVisible()
  await expect(service(second)).toBeHidden()

  const opened = await launched.terminal('open', '--no-open')
  expect(opened.code).toBe(0)
  await second.goto(opened.stdout.trim())
  await expect(service(second)).toBeVisible()
  await context.close()
})

test('Ctrl-C closes the console at once and says that services go on; they do', async ({ page }) => {
  await page.goto(launched.url)
  await expect(service(page)).toBeVisible()
  // Not only there, but with its traffic: an initial release that is cut short waits for the next console.
  await liveAddressOf(launched)
  expect((await launched.terminal('status')).stdout).toContain('blue 1.0.0')
  const startedAt = performance.now()
  // As in a shell: from the terminal, and once more handed on by npm.
  process.kill(launched.pid, 'SIGINT')
  await launched.end('SIGINT')
  expect(performance.now() - startedAt).toBeLessThan(5000)
  expect(launched.output()).toContain('Services go on running; to stop them: npm run signalbox -- stop --all')

  const status = await launched.terminal('status', '--json')
  const { console: running, services } = JSON.parse(status.stdout) as { console: string; services: { observed: { value: { liveAddress: string } } }[] }
  expect(running).toBe('none')
  const answer = await fetch(services[0]?.observed.value.liveAddress ?? '')
  expect(await answer.text()).toBe('1.0.0')
})
