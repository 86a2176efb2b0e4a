import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, type Page, test } from 'playwright/test'
import { expectAccessible } from './accessible.ts'
import { type LaunchedConsole, launchConsole } from './launch-console.ts'
import { ON_DESKTOP, whyNoDesktop } from './launch-desktop.ts'
import { type ShopWorkspace, shopWorkspace } from './shop-workspace.ts'
import { clockMs, lever, liveAddressOf, startUsers, type Users } from './story.ts'

test.describe.configure({ mode: 'serial' })
const missing = await whyNoDesktop()
test.skip(missing !== null, missing ?? '')

/** From the first key to the traffic seen back. */
const LIMIT_MS = 5000

/** A metrics provider that takes every question and answers none: down in the way that holds whoever waits for it. */
interface DeadMetrics {
  readonly address: string
  asked(): number
  close(): void
}

async function deadMetrics(): Promise<DeadMetrics> {
  let asked = 0
  const server: Server = createServer(() => {
    asked += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

let metrics: DeadMetrics
let workspace: ShopWorkspace
let launched: LaunchedConsole
let page: Page
let users: Users

test.beforeAll(async ({ browser }) => {
  metrics = await deadMetrics()
  workspace = shopWorkspace()
  const text = workspace.text()
  const changed = text
    .replace('services:\n', `metrics:\n  prom: {prometheus: ${metrics.address}, interval: 1s, timeout: 5s}\nservices:\n`)
    .replace(/criteria: .*/, `criteria: [{query: 'sum(up)', at-least: 1, window: 5s, no-data: hold}]`)
  expect(changed).not.toBe(text)
  workspace.write(changed)
  launched = await launchConsole({ workspace: workspace.file, args: ['--trust'] })
  users = startUsers(await liveAddressOf(launched), 40)
  page = await (await browser.newContext()).newPage()
})

test.afterAll(async () => {
  // What runs is ended first: nothing of it may be left when something else here fails.
  await users?.load.stop()
  await launched?.close()
  workspace.remove()
  metrics.close()
  if (!ON_DESKTOP) await page?.context().close()
})

test('on call, metrics down: from another screen, through the palette, the traffic is seen back in under 5 s', async () => {
  expect((await launched.terminal('deploy', 'checkout', '3.0.0', '--follow')).code).toBe(0)
  await expect.poll(() => users.count('3.0.0')).toBeGreaterThan(3)
  await expect.poll(() => metrics.asked()).toBeGreaterThan(0)
  page = await launched.open(page)
  await page.getByRole('link', { name: 'Audit' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Journal')

  // Taken by the browser's own clock: from the first key that goes down to "seen in the data plane" being marked as reached.
  const tookMs = page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        window.addEventListener(
          'keydown',
          (event) => {
            const watcher = new MutationObserver(() => {
              if (!document.querySelector('[role=status] li[data-reached=true]:nth-child(3)')) return
              watcher.disconnect()
              resolve(performance.now() - event.timeStamp)
            })
            watcher.observe(document.body, { childList: true, subtree: true, characterData: true })
          },
          { once: true, capture: true },
        )
      }),
  )
  await page.keyboard.press('Control+k')
  await page.keyboard.type('rollback checkout', { delay: 30 })
  await expect(page.getByRole('option', { name: /Roll back to blue/ })).toHaveAttribute('data-selected', 'true')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog')).toContainText('All live traffic goes to blue (1.0.0).')
  await page.keyboard.press('Enter')
  const ms = await tookMs
  const backMs = clockMs()
  expect(ms).toBeLessThan(LIMIT_MS)
  process.stdout.write(`rolled back from the palette in ${(ms / 1000).toFixed(1)} s, metrics asked ${metrics.asked()} times, answered never\n`)

  await page.getByRole('link', { name: 'Service', exact: true }).click()
  await expect(page.getByRole('region', { name: 'What was taken back' })).toContainText('Traffic as read back: blue 100 %, green 0 %.')
  await expectAccessible(page, 'rolled back with metrics down')
  await expect.poll(() => users.load.sent()).toBeGreaterThan(40)
  expect(users.lastAnsweredBy('3.0.0')).toBeLessThan(backMs)
  expect(users.dropped).toEqual([])
})

test('two look at one service: each sees what the other does; who presses on an old picture is refused and told', async ({ browser }) => {
  test.skip(ON_DESKTOP, 'the desktop app has one window')
  expect((await launched.terminal('deploy', 'checkout', '2.0.0', '--follow')).code).toBe(0)
  const second = await (await browser.newContext()).newPage()
  await second.goto((await launched.terminal('open', '--no-open')).stdout.trim())
  for (const each of [page, second]) {
    await each.goto(`${each.url().split('#', 1)[0]}#/services/checkout`)
    await expect(lever(each, /^Send 50 % to green/)).toBeVisible()
  }
  await lever(page, /^Pause/).click()
  await expect(lever(second, /^Resume/)).toBeVisible()
  await lever(second, /^Resume/).click()
  await expect(lever(page, /^Pause/)).toBeVisible()

  // The second one's screen hangs, so that it still shows what was; then a finger that was already on its way presses.
  const late = lever(second, /^Send 50 % to green/).evaluate((button: HTMLButtonElement) => {
    const until = performance.now() + 6000
    while (performance.now() < until);
    button.click()
  })
  await lever(page, /^Pause/).click()
  await expect(lever(page, /^Resume/)).toBeVisible()
  await late
  const told = second.getByRole('alert').filter({ hasText: 'has changed since you looked' })
  await expect(told).toContainText('paused by')
  await expect(told).toContainText('Look at what it is now, then decide again.')
  await expectAccessible(second, 'a conflict')
  // Nothing moved.
  await expect(page.getByRole('heading', { level: 1 })).toContainText('25 % on green2.0.0')
  await expect(lever(second, /^Resume/)).toBeVisible()
  await second.context().close()
})
