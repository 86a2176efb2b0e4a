import { expect, type Page, test } from 'playwright/test'
import { expectAccessible } from './accessible.ts'
import { type LaunchedConsole, launchConsole } from './launch-console.ts'
import { ON_DESKTOP, whyNoDesktop } from './launch-desktop.ts'
import { type ShopWorkspace, shopWorkspace } from './shop-workspace.ts'
import { lever, liveAddressOf } from './story.ts'

test.describe.configure({ mode: 'serial' })
const missing = await whyNoDesktop()
test.skip(missing !== null, missing ?? '')

let workspace: ShopWorkspace
let launched: LaunchedConsole
let page: Page

test.beforeAll(async ({ browser }) => {
  workspace = shopWorkspace()
  launched = await launchConsole({ workspace: workspace.file, args: ['--trust'] })
  await liveAddressOf(launched)
  page = await (await browser.newContext()).newPage()
})

test.afterAll(async () => {
  // What runs is ended first: nothing of it may be left when something else here fails.
  await launched?.close()
  workspace.remove()
  if (!ON_DESKTOP) await page?.context().close()
})

const title = () => page.getByRole('heading', { level: 1 })
const key = (name: string) => page.keyboard.press(name)
const focused = () =>
  page.evaluate(() => {
    const element = document.activeElement
    const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : null
    return (element?.getAttribute('aria-label') ?? label ?? element?.textContent ?? '').trim().slice(0, 80)
  })

/** Goes on with Tab until what has the focus is called like this. */
async function tabTo(name: RegExp, atMost = 60): Promise<void> {
  for (let steps = 0; steps < atMost; steps += 1) {
    if (name.test(await focused())) return
    await key('Tab')
  }
  throw new Error(`no way by Tab to ${name.source}`)
}

/** What has the focus is marked: an outline that is as thick as it must be, in a colour of its own. */
async function expectFocusSeen(): Promise<void> {
  const seen = await page.evaluate(() => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement ?? document.body)
    return (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2) || boxShadow !== 'none'
  })
  expect(seen, `the focus on "${await focused()}" is seen`).toBe(true)
}

test('a whole release with the keyboard alone: find, deploy with another plan, promote, pause, roll back, explain', async () => {
  page = await launched.open(page)
  await expect(page.getByRole('row', { name: /checkout/ })).toContainText('1.0.0')
  // Nothing in this story may be pressed with a pointer.
  await page.evaluate(() => window.addEventListener('pointerdown', () => document.title = 'a pointer was used', true))

  await key('/')
  expect(await focused()).toBe('Search services')
  await page.keyboard.type('check')
  await key('ArrowDown')
  expect(await focused()).toBe('Services')
  await expectFocusSeen()
  await key('Enter')
  await expect(title()).toContainText('100 % on')

  await key('n')
  await expect(title()).toContainText('New release of checkout')
  await expect(page.getByRole('radio', { name: /^2\.0\.0/ })).toBeVisible()
  await tabTo(/^\d\.0\.0/)
  await expectFocusSeen()
  while (!(await page.getByRole('radio', { name: /^2\.0\.0/ }).isChecked())) await key('ArrowUp')
  await tabTo(/^Change the plan$/)
  await expectFocusSeen()
  await key('Enter')
  await tabTo(/^Share of step 1, percent$/)
  await key('Control+a')
  await page.keyboard.type('10')
  await expectAccessible(page, 'changing the plan')
  await tabTo(/^Share of step 2, percent$/)
  await key('Control+a')
  await page.keyboard.type('7')
  await expect(page.getByRole('listitem', { name: 'Step 2' }).getByRole('alert')).toContainText('weights must grow: 7 % follows 10 %')
  await key('Control+a')
  await page.keyboard.type('50')
  await tabTo(/^Deploy 2\.0\.0 to green$/)
  await key('Enter')
  await expect(title()).toContainText('10 % on green2.0.0')

  // The next step, held back, taken up again.
  await expect(lever(page, /^Send 50 % to green/)).toBeVisible()
  await tabTo(/^Pause/)
  await expectFocusSeen()
  await key('Enter')
  await expect(lever(page, /^Resume/)).toBeVisible()
  await tabTo(/^Resume/)
  await key('Enter')
  await expect(lever(page, /^Pause/)).toBeVisible()

  // The confirm takes the focus and gives it back.
  await tabTo(/^Roll back to blue/)
  await key('Enter')
  await expect(page.getByRole('dialog')).toContainText('Roll back checkout?')
  await expectFocusSeen()
  await key('Escape')
  await expect(page.getByRole('dialog')).toBeHidden()
  await expect.poll(focused).toMatch(/^Roll back to blue/)
  await key('Control+Shift+B')
  await expect(page.getByRole('dialog')).toContainText('Roll back checkout?')
  await key('Enter')
  await expect(page.getByRole('region', { name: 'What was taken back' })).toContainText('Traffic as read back: blue 100 %, green 0 %.')
  await tabTo(/^Write the reason$/)
  await key('Enter')
  await expect.poll(focused).toMatch(/^Reason of the roll back/)
  await page.keyboard.type('tried by keyboard')
  await key('Enter')
  await expect(page.getByRole('region', { name: 'What was taken back' })).toContainText('tried by keyboard')
  await expect(page).not.toHaveTitle('a pointer was used')
})

test('every screen by its keys; the palette, the sheet and the bell open, take the focus, and give it back', async () => {
  for (const [keys, words] of [['g a', /^Journal/], ['g s', /^Settings/], ['g m', /migration/], ['g f', /^Flags/], ['g v', /^checkout/], ['g o', /service/]] as const) {
    for (const each of keys.split(' ')) await key(each)
    await expect(title()).toContainText(words)
  }
  await tabTo(/^Services$/)
  for (const [open, name] of [['Control+k', 'Service, action, screen'], ['?', 'Keyboard']] as const) {
    await key(open)
    await expect(page.getByRole('dialog', { name })).toBeVisible()
    // The focus stays inside.
    for (let steps = 0; steps < 4; steps += 1) await key('Tab')
    expect(await page.evaluate(() => document.activeElement?.closest('[role=dialog]') !== null), name).toBe(true)
    await expectAccessible(page, name)
    await key('Escape')
    await expect(page.getByRole('dialog')).toBeHidden()
    await expect.poll(focused, name).toBe('Services')
  }
  await key('g')
  await key('n')
  await expect(page.getByText('Notifications').first()).toBeVisible()
  await key('Escape')
  // Keys are letters to whoever types.
  await key('/')
  await page.keyboard.type('g a?')
  await expect(page.getByRole('searchbox', { name: 'Search services' })).toHaveValue('g a?')
  await expect(title()).toContainText('service')
  await key('Escape')
  // The journal, by hand: search, rows, the entry beside them.
  await key('g')
  await key('a')
  await expect(page.getByRole('grid', { name: 'Entries' })).toBeVisible()
  await key('/')
  await page.keyboard.type('tried by keyboard')
  await expect(page.getByRole('status').filter({ hasText: ' of ' })).toContainText(/^[1-9]\d* of/)
  await tabTo(/^Entries$/)
  await key('Home')
  await expect(page.getByRole('complementary', { name: 'Entry' })).toContainText('tried by keyboard')
})
