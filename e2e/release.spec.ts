import { expect, type Page, test } from 'playwright/test'
import { expectAccessible } from './accessible.ts'
import { type LaunchedConsole, launchConsole } from './launch-console.ts'
import { ON_DESKTOP, whyNoDesktop } from './launch-desktop.ts'
import { type ShopWorkspace, shopWorkspace } from './shop-workspace.ts'
import { clockMs, lever, liveAddressOf, startUsers, type Users } from './story.ts'

test.describe.configure({ mode: 'serial' })
const missing = await whyNoDesktop()
test.skip(missing !== null, missing ?? '')

const RATE = 40
let workspace: ShopWorkspace
let launched: LaunchedConsole
let page: Page
let users: Users
let address: string

test.beforeAll(async ({ browser }) => {
  workspace = shopWorkspace()
  launched = await launchConsole({ workspace: workspace.file, args: ['--trust'] })
  page = await (await browser.newContext()).newPage()
  address = await liveAddressOf(launched)
  users = startUsers(address, RATE)
})

test.afterAll(async () => {
  // What runs is ended first: nothing of it may be left when something else here fails.
  await users?.load.stop()
  await launched?.close()
  workspace.remove()
  if (!ON_DESKTOP) await page?.context().close()
})

const title = () => page.getByRole('heading', { level: 1 })
const plan = () => page.getByRole('region', { name: 'Plan' })
const confirm = () => page.getByRole('dialog')

async function deploy(version: string): Promise<void> {
  await page.goto(`${page.url().split('#', 1)[0]}#/services/checkout/release`)
  await page.getByRole('radio', { name: new RegExp(`^${version.replaceAll('.', '\\.')}`) }).check()
  const button = page.getByRole('button', { name: new RegExp(`^(Deploy ${version} to|End the rollback window and deploy)`) }).filter({ hasNot: page.locator('[aria-disabled]') })
  const ends = page.getByRole('button', { name: 'End the rollback window and deploy' })
  await ((await ends.count()) > 0 ? ends : button.first()).click()
  await expect(title()).toContainText(`25 % on`)
  await expect(title()).toContainText(version)
}

test('a release manager ships: sees traffic, deploys, looks at the preview, promotes step by step, and it is done', async () => {
  page = await launched.open(page)
  const row = page.getByRole('row', { name: /checkout/ })
  await expect(row).toContainText('1.0.0')
  await expect(row).toContainText(/[1-9][\d.]* \/s/)
  await expectAccessible(page, 'overview')

  await row.getByRole('link', { name: 'checkout', exact: true }).click()
  await expect(title()).toContainText('100 % on')
  await lever(page, /^New release/).click()
  await page.getByRole('radio', { name: /^2\.0\.0/ }).check()
  await expect(page.getByRole('complementary', { name: 'What will happen' })).toContainText('Deploy2.0.0 to green. Live traffic is not touched.')
  await page.getByLabel('Reason').fill('faster totals')
  await expectAccessible(page, 'new release')
  await page.getByRole('button', { name: 'Deploy 2.0.0 to green' }).click()

  await expect(lever(page, /^Send 50 % to green/)).toBeVisible()
  await expect(title()).toContainText('25 % on green2.0.0')
  await expect(page.getByRole('img', { name: /green 2\.0\.0, ready: .* set 25 %/ })).toBeVisible()
  await expectAccessible(page, 'service, in the middle of a release')

  const link = page.getByTitle('Preview address: operators only')
  if (ON_DESKTOP) {
    // The app opens no plain http address; it asks, in a box of the system's, and offers to copy it.
    expect(await (await fetch((await link.getAttribute('href')) ?? '')).text()).toBe('2.0.0')
  } else {
    const [preview] = await Promise.all([page.context().waitForEvent('page'), link.click()])
    await expect(preview.locator('body')).toHaveText('2.0.0')
    await preview.close()
  }

  await expect.poll(() => users.count('2.0.0')).toBeGreaterThan(5)
  await lever(page, /^Send 50 % to green/).click()
  await expect(page.getByRole('status').locator('li[data-reached=true]').filter({ hasText: 'seen in the data plane' })).toBeVisible()
  await expect(title()).toContainText('50 % on green')
  // The hold of 3 s ends by itself, then the bake of 2 s.
  await expect(title()).toContainText('100 % on green2.0.0')
  await expect(plan()).toContainText('Rollback window')
  await expect(page.getByRole('region', { name: 'Headline' })).toContainText('blue 1.0.0 is retired', { timeout: 15_000 })
  await expect(lever(page, /^Roll back to blue 1\.0\.0/)).toBeVisible()
  await expect.poll(async () => (await fetch(address)).text()).toBe('2.0.0')
  expect(users.dropped).toEqual([])
})

test('a broken version: one press and a confirm take it back; the traffic is seen back, the reason is asked for afterwards', async () => {
  await deploy('3.0.0')
  await expect.poll(() => users.count('3.0.0')).toBeGreaterThan(3)
  await expect(page.getByRole('region', { name: 'Headline' })).toContainText('error ratio')

  await lever(page, /^Roll back to green 2\.0\.0/).click()
  await expect(confirm()).toContainText('Roll back checkout?')
  await expect(confirm()).toContainText('All live traffic goes to green (2.0.0).')
  await expectAccessible(page, 'the confirm of a roll back')
  await confirm().getByRole('button', { name: /^Roll back now/ }).click()
  const taken = page.getByRole('region', { name: 'What was taken back' })
  await expect(taken).toContainText('Rolled back to green 2.0.0 by')
  await expect(taken).toContainText('Traffic as read back: blue 0 %, green 100 %.')
  const backMs = clockMs()
  await expect(title()).toContainText('100 % on green2.0.0')

  await taken.getByRole('button', { name: 'Write the reason' }).click()
  await taken.getByLabel('Reason of the roll back').fill('every cart answered 500')
  await taken.getByRole('button', { name: 'Save the reason' }).click()
  await expect(taken).toContainText('every cart answered 500')
  await expect(taken.getByRole('button', { name: 'Write the reason' })).toBeHidden()
  expect(users.lastAnsweredBy('3.0.0')).toBeLessThan(backMs)
  expect(users.dropped).toEqual([])
})

test('the same by keyboard, from another screen', async () => {
  await deploy('3.0.0')
  await page.getByRole('link', { name: 'Audit' }).click()
  await expect(title()).toContainText('Journal')
  await page.keyboard.press('Control+Shift+B')
  await expect(confirm()).toContainText('Roll back checkout?')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('status').locator('li[data-reached=true]').filter({ hasText: 'seen in the data plane' })).toBeVisible()
  await page.getByRole('link', { name: 'Service' }).click()
  await expect(title()).toContainText('100 % on green2.0.0')
  await expect(page.getByRole('region', { name: 'What was taken back' })).toBeVisible()
  expect(users.dropped).toEqual([])
})

test('the console is killed in the middle of a shift: users notice nothing, and the next one is right at once', async () => {
  await deploy('4.0.0')
  await lever(page, /^Send 50 % to blue/).click()
  await launched.end('SIGKILL')
  // The desktop's window goes with its app.
  if (!ON_DESKTOP) {
    await expect(page.getByRole('alert')).toContainText('Not connected to the core.')
    await expect(lever(page, /^Send 50 %|^Send 100 %|^Pause|^New release/).first()).toHaveAttribute('aria-disabled', 'true')
  }
  const before = users.load.sent()
  await expect.poll(() => users.load.sent()).toBeGreaterThan(before + RATE)

  const { dataFolder } = launched
  launched = await launchConsole({ workspace: workspace.file, dataFolder })
  page = await launched.open(page)
  await expect(page.getByRole('row', { name: /checkout/ })).toContainText('4.0.0')
  await page.getByRole('link', { name: 'Service', exact: true }).click()
  // Sent or not before the kill, it is known which, and the plan goes on from there.
  await expect(title()).toContainText(/(25|50|100) % on blue4\.0\.0/)
  if (await lever(page, /^Send 50 % to blue/).isVisible()) await lever(page, /^Send 50 % to blue/).click()
  await expect(title()).toContainText('100 % on blue4.0.0')
  await expect(lever(page, /^Roll back to green 2\.0\.0/)).toBeVisible()
  await expect.poll(async () => (await fetch(address)).text()).toBe('4.0.0')
  const report = await users.load.stop()
  expect(users.dropped).toEqual([])
  expect(report.sent).toBeGreaterThan(RATE * 10)
  process.stdout.write(`${report.sent} requests, ${users.dropped.length} dropped; answered by ${['1.0.0', '2.0.0', '3.0.0', '4.0.0'].map((version) => `${version}: ${users.count(version)}`).join(', ')}\n`)
})
