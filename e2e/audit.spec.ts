import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, type Page, test } from 'playwright/test'
import { expectAccessible } from './accessible.ts'
import { type LaunchedConsole, launchConsole } from './launch-console.ts'
import { ON_DESKTOP, whyNoDesktop } from './launch-desktop.ts'
import { type ShopWorkspace, shopWorkspace } from './shop-workspace.ts'
import { lever, liveAddressOf } from './story.ts'

test.describe.configure({ mode: 'serial' })
const missing = await whyNoDesktop()
test.skip(missing !== null, missing ?? '')

const verifier = fileURLToPath(new URL('../scripts/verify-journal.mjs', import.meta.url))
let workspace: ShopWorkspace
let withoutRoles: string
let launched: LaunchedConsole
let page: Page

test.beforeAll(async ({ browser }) => {
  workspace = shopWorkspace()
  withoutRoles = workspace.text()
  launched = await launchConsole({ workspace: workspace.file, args: ['--trust'] })
  await liveAddressOf(launched)
  expect((await launched.terminal('deploy', 'checkout', '2.0.0', '--follow', '--reason', 'faster totals')).code).toBe(0)
  expect((await launched.terminal('rollback', 'checkout', '--reason', 'totals were wrong')).code).toBe(0)
  expect((await launched.terminal('deploy', 'checkout', '4.0.0', '--follow', '--reason', 'gift cards')).code).toBe(0)
  page = await (await browser.newContext({ acceptDownloads: true })).newPage()
})

test.afterAll(async () => {
  // What runs is ended first: nothing of it may be left when something else here fails.
  // A viewer may not stop everything either.
  workspace.write(withoutRoles)
  await launched?.close()
  workspace.remove()
  if (!ON_DESKTOP) await page?.context().close()
})

const title = () => page.getByRole('heading', { level: 1 })
const entry = () => page.getByRole('complementary', { name: 'Entry' })
const entries = () => page.getByRole('grid', { name: 'Entries' })
const row = (words: RegExp) => entries().getByRole('row', { name: words }).first()

function verify(...args: readonly string[]): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [verifier, ...args], { encoding: 'utf8' })
  return { code: status, output: stdout + stderr }
}

test('an auditor finds every act, opens it, verifies the chain, and takes out what proves itself', async () => {
  page = await launched.open(page)
  await page.getByRole('link', { name: 'Audit' }).click()
  await expect(title()).toContainText('Journal')
  for (const act of [/Release 2\.0\.0 of checkout on green/, /Send 25 % to green/, /Roll back to blue/, /Release 4\.0\.0 of checkout on green/]) await expect(row(act)).toBeVisible()
  await expectAccessible(page, 'audit')
  // The list draws a screenful; what is further down is found by its words.
  for (const [words, act] of [['trust', /Trust the 1 commands? of shop/], ['1.0.0 on blue', /Release 1\.0\.0 of checkout on blue/]] as const) {
    await page.getByRole('searchbox', { name: 'Search the journal' }).fill(words)
    await expect(row(act)).toBeVisible()
  }

  await page.getByRole('searchbox', { name: 'Search the journal' }).fill('totals were wrong')
  await expect(page.getByRole('status').filter({ hasText: ' of ' })).toContainText('1 of')
  await row(/Roll back to blue/).click()
  for (const fact of [userInfo().username, 'totals were wrong', 'UTC', 'phase', 'shifting', 'rollingBack', 'blue 100 %, green 0 %', 'before it']) await expect(entry()).toContainText(fact)
  await page.getByRole('searchbox', { name: 'Search the journal' }).fill('')
  await page.getByRole('combobox', { name: 'Outcome' }).selectOption('verified')
  await row(/blue 100 %, green 0 %/).click()
  await expect(entry()).toContainText('generation')
  await page.getByRole('combobox', { name: 'Outcome' }).selectOption('')

  await page.getByRole('button', { name: /^Verify from entry 1/ }).click()
  await expect(page.getByRole('region', { name: 'Headline' })).toContainText('Chain verified')

  await page.getByRole('button', { name: /^Export/ }).click()
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: /^The whole journal, with proofs/ }).click()])
  const file = join(workspace.folder, 'export.jsonl')
  await download.saveAs(file)
  expect(verify(file)).toMatchObject({ code: 0 })

  const text = readFileSync(file, 'utf8')
  const tampered = join(workspace.folder, 'tampered.jsonl')
  writeFileSync(tampered, text.replace('totals were wrong', 'totals were right'))
  const seq = Number(JSON.parse(text.split('\n').find((line) => line.includes('totals were wrong')) ?? '{}').seq)
  const found = verify(tampered)
  expect(found.code).toBe(1)
  expect(found.output).toContain(String(seq))
  const lines = text.trimEnd().split('\n')
  writeFileSync(tampered, `${lines.filter((line) => !line.includes(`"seq":${seq},`)).join('\n')}\n`)
  expect(verify(tampered).code).toBe(1)
  // That its end was cut off shows only against a note of where it stood: its own first line holds one.
  writeFileSync(tampered, `${lines.slice(0, -2).join('\n')}\n`)
  const cut = verify(tampered)
  expect([cut.code, cut.output.includes('checkpoint')]).toEqual([1, true])

  await row(/Export the journal as jsonl/).click()
  await row(/Roll back to blue/).click()
  await page.getByRole('button', { name: /^Report/ }).click()
  await expect(title()).toContainText('Report of checkout-2')
  await expect(page.getByRole('main', { name: 'Report' })).toContainText('totals were wrong')
  await expectAccessible(page, 'report')
  await page.getByRole('link', { name: 'Settings' }).click()
  await expect(page.getByRole('main', { name: 'Settings' })).toContainText(workspace.file)
  await expectAccessible(page, 'settings')
})

test('a viewer can look at everything and press nothing, and every button says why', async () => {
  await launched.end()
  const { dataFolder } = launched
  workspace.write(workspace.text().replace('tier: dev', 'tier: dev\nroles: {somebody-else: admin}'))
  launched = await launchConsole({ workspace: workspace.file, dataFolder })
  page = await launched.open(page)
  await page.getByRole('link', { name: 'checkout', exact: true }).click()
  await expect(title()).toContainText('25 % on green4.0.0')
  for (const words of [/^Send 50 % to green/, /^Send 100 % to green/, /^Pause/, /^Roll back to blue/]) {
    await expect(lever(page, words)).toHaveAttribute('aria-disabled', 'true')
    await expect(lever(page, words)).toContainText('Your role is viewer')
    await lever(page, words).click({ force: true })
  }
  await page.keyboard.press('Control+Shift+B')
  await page.keyboard.press('p')
  await expect(page.getByRole('dialog')).toBeHidden()
  await expectAccessible(page, 'service, for a viewer')
  const refused = await launched.terminal('promote', 'checkout')
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('Your role is viewer')])
  await expect(title()).toContainText('25 % on green4.0.0')

  await page.getByRole('link', { name: 'Audit' }).click()
  await expect(row(/Refused: Send 50 % to green/)).toBeVisible()
  await page.getByRole('button', { name: /^Verify from entry 1/ }).click()
  await expect(page.getByRole('region', { name: 'Headline' })).toContainText('Chain verified')
})
