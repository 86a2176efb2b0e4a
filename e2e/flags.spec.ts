import { writeFileSync } from 'node:fs'
import { expect, type Page, test } from 'playwright/test'
import { expectAccessible } from './accessible.ts'
import { type FlagsWorkspace, flagsWorkspace } from './flags-workspace.ts'
import { type LaunchedConsole, launchConsole } from './launch-console.ts'
import { liveAddressOf } from './story.ts'

test.describe.configure({ mode: 'serial', timeout: 180_000 })

const USERS = Array.from({ length: 60 }, (_, index) => (index % 6 === 0 ? { targetingKey: `user-${index}`, email: `user-${index}@shop.test` } : { targetingKey: `user-${index}` }))
const READ = ['new-checkout', 'express-checkout', 'gift-wrap'] as const
/** Of express-checkout's exposed users so many requests fail. */
const HARM = 0.5
const EVERY_MS = 250

let workspace: FlagsWorkspace
let launched: LaunchedConsole
let page: Page
let server: string
let stopUsers: () => Promise<void>

test.beforeAll(async ({ browser }) => {
  workspace = flagsWorkspace()
  launched = await launchConsole({ workspace: workspace.file, args: ['--trust'] })
  page = await (await browser.newContext()).newPage()
  // The service tells the address it was given, as any app would use it.
  server = await (await fetch(await liveAddressOf(launched))).text()
  stopUsers = startUsers()
})

test.afterAll(async () => {
  await stopUsers?.()
  await launched?.close()
  workspace.remove()
  await page?.context().close()
})

const post = async (path: string, body: unknown): Promise<unknown> => (await fetch(`${server}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json()
/** What an app gets over OFREP. */
const evaluate = async (flag: string, context: object) => (await post(`/ofrep/v1/evaluate/flags/${flag}`, { context })) as { readonly variant?: string; readonly value?: unknown }

/** An app that asks over OFREP and reports what became of it, as a hook would. */
function startUsers(): () => Promise<void> {
  let turn = 0
  let running: Promise<void> = Promise.resolve()
  let isOver = false
  const visit = async () => {
    const events: object[] = []
    const here = [0, 1, 2, 3, 4].map((index) => USERS[(turn * 5 + index) % USERS.length] ?? { targetingKey: 'nobody' })
    turn += 1
    for (const flag of READ) {
      const served = new Map<string, number>([['on', 0], ['off', 0]])
      for (const user of here) {
        const { variant = 'off' } = await evaluate(flag, user)
        served.set(variant, (served.get(variant) ?? 0) + 4)
        events.push({ kind: 'exposure', flag, variant, targetingKey: user.targetingKey })
      }
      for (const [variant, count] of served) events.push({ kind: 'requests', flag, variant, count, errors: flag === 'express-checkout' && variant === 'on' ? Math.round(count * HARM) : 0, latencyMs: count === 0 ? [] : [[20, count]] })
    }
    for (const { targetingKey } of here) if (turn % 3 !== 0) events.push({ kind: 'conversion', metric: 'order', targetingKey })
    await post('/signalbox/v1/events', { events })
  }
  const timer = setInterval(() => {
    // A visit that takes long delays the next ones; none are piled up.
    running = running.then(async () => {
      if (!isOver) await visit().catch(() => undefined)
    })
  }, EVERY_MS)
  return async () => {
    isOver = true
    clearInterval(timer)
    await running
  }
}

const levers = (flag: string) => page.getByRole('group', { name: `Actions on ${flag}` })
const title = () => page.getByRole('heading', { level: 1 })
const open = async (flag: string) => {
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: /^Flags/ }).click()
  await page.getByRole('searchbox', { name: 'Search flags' }).fill(flag)
  await page.getByRole('link', { name: flag, exact: true }).first().click()
  await expect(levers(flag)).toBeVisible()
}
/** A press sooner than anybody reads is taken for a key held down: pressed again until it is taken. */
const confirm = (words: RegExp) => expect(async () => {
  await page.getByRole('dialog').getByRole('button', { name: words }).click({ timeout: 1000 })
  await expect(page.getByRole('dialog')).toBeHidden({ timeout: 1000 })
}).toPass()

test('an operator looks a flag up, tries it on a context, and rolls it out: internal users, half, everyone, by itself while its guard passes', async () => {
  page = await launched.open(page)
  await open('new-checkout')
  await expect(title()).toContainText('off')
  await page.getByRole('tab', { name: 'Preview' }).click()
  await page.getByRole('button', { name: 'What do they get' }).click()
  await expect(page.getByRole('form', { name: 'Preview' })).toContainText('off false')

  await levers('new-checkout').getByRole('button', { name: /^Roll it out/ }).click()
  const stages = page.getByRole('list', { name: 'Stages in words' })
  await expect(stages).toContainText('50 % of users get on, the others off')
  await expectAccessible(page, 'the plan of a rollout')
  await page.getByRole('textbox', { name: 'Reason why now' }).fill('one page instead of three')
  await page.getByRole('button', { name: /^Begin with internal/ }).click()

  const track = page.getByRole('region', { name: 'Stages' })
  await expect(track.getByRole('listitem').first()).toContainText('internal')
  await expect.poll(async () => (await evaluate('new-checkout', { targetingKey: 'a', email: 'a@shop.test' })).variant).toBe('on')
  await expect(track.locator('[aria-current=step]')).toContainText('50 %', { timeout: 60_000 })
  await expect(page.getByRole('region', { name: 'Guards, exposed against unexposed users' })).toContainText('unexposed')
  await expectAccessible(page, 'a rollout at half')
  const half = new Map(await Promise.all(USERS.map(async (user) => [user.targetingKey, (await evaluate('new-checkout', user)).variant] as const)))
  await expect(title()).toContainText('on for everyone', { timeout: 60_000 })
  // Who had it kept it, and by the end everyone has it.
  expect([...half.values()]).toContain('on')
  for (const user of USERS) expect(await evaluate('new-checkout', user)).toMatchObject({ variant: 'on' })
  await page.getByRole('tab', { name: 'History' }).click()
  await expect(page.getByRole('region', { name: 'About new-checkout' })).toContainText('one page instead of three')
})

test('a variant that harms those who have it is taken back by itself, and the screen says by what', async () => {
  await open('express-checkout')
  await levers('express-checkout').getByRole('button', { name: /^Roll it out/ }).click()
  await page.getByRole('button', { name: /^Begin with/ }).click()
  await expect(page.getByText('Taken back by the guard').first()).toBeVisible({ timeout: 90_000 })
  await expect(title()).toContainText('off')
  for (const user of USERS) expect(await evaluate('express-checkout', user)).toMatchObject({ variant: 'off' })
  await expect(page.getByRole('region', { name: 'Stages' })).toContainText('taken back')
  // Looked at anew, when it is over: what those who had it got stands against the others.
  await page.reload()
  await expect(page.getByRole('region', { name: 'Guards, exposed against unexposed users' })).toContainText('Error ratio', { timeout: 30_000 })
  await expectAccessible(page, 'a rollout that was taken back')
})

test('the kill switch is two presses from any screen, and everyone gets the safe variant', async () => {
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Overview' }).click()
  await expect(title()).toContainText('1 service')
  expect(await evaluate('gift-wrap', { targetingKey: 'a' })).toMatchObject({ variant: 'on' })
  await page.keyboard.press('Control+Shift+X')
  await page.keyboard.type('gift')
  await expect(page.getByRole('option', { name: /^Kill gift-wrap/ })).toHaveAttribute('aria-selected', 'true')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog')).toContainText('Everyone gets "off"')
  await confirm(/^Kill now/)
  await expect(page.getByRole('status').filter({ hasText: 'gift-wrap' })).toContainText('after it was sent')
  expect(await evaluate('gift-wrap', { targetingKey: 'a', email: 'a@shop.test' })).toMatchObject({ variant: 'off', value: false })
  expect(JSON.parse(workspace.readFlags())).toMatchObject({ flags: { 'gift-wrap': { state: 'ENABLED', defaultVariant: 'off' } } })
})

test('a flag nobody reads any more is named with what still stands in the code, and removed', async () => {
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: /^Flags/ }).click()
  await page.getByRole('button', { name: /^Clean up/ }).click()
  const row = page.getByRole('row').filter({ hasText: 'old-totals' })
  await expect(row).toContainText('remove 2 reads in 1 file', { timeout: 30_000 })
  await row.getByRole('link').click()
  await page.getByRole('tab', { name: /^Code/ }).click()
  await expect(page.getByRole('list', { name: 'Reads in code' })).toContainText('totals.js')
  await expect(page.getByRole('list', { name: 'Reads in code' })).toContainText(':2:')
  await page.getByRole('button', { name: /^Remove/ }).and(page.locator(':not([aria-disabled="true"])')).click({ timeout: 30_000 })
  await page.getByRole('dialog').getByRole('textbox', { name: /^Reason/ }).fill('old totals are gone since May')
  await page.getByRole('dialog').getByRole('button', { name: /^Remove/ }).click()
  await expect(page.getByText('Removed from use.')).toBeVisible()
})

test('a file that somebody leaves broken is named with its place, and the last good version goes on being served', async () => {
  const good = workspace.readFlags()
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: /^Flags/ }).click()
  writeFileSync(workspace.flagsFile, good.replace('"variants"', 'variants"'))
  await expect(page.getByText('the last good version is served')).toBeVisible({ timeout: 30_000 })
  await expect(page.getByRole('list', { name: 'Problems of shop' })).toContainText(/\d+:\d+/)
  expect(await evaluate('new-checkout', { targetingKey: 'a' })).toMatchObject({ variant: 'on' })
  await expectAccessible(page, 'a broken source')
  writeFileSync(workspace.flagsFile, good)
  await expect(page.getByText('the last good version is served')).toBeHidden({ timeout: 30_000 })
})
