import { expect, test } from 'playwright/test'
import { expectAccessible } from './accessible.ts'
import { type LaunchedConsole, launchConsole } from './launch-console.ts'
import { type ShopWorkspace, shopWorkspace } from './shop-workspace.ts'
import { lever, liveAddressOf } from './story.ts'

let workspace: ShopWorkspace
let launched: LaunchedConsole | undefined

test.beforeEach(() => {
  workspace = shopWorkspace()
})

test.afterEach(async () => {
  await launched?.close()
  launched = undefined
  workspace.remove()
})

test('a workspace with a mistake says where; one not seen before shows what it would run, asks, and starts when it is trusted', async ({ page }) => {
  const good = workspace.text()
  workspace.write(good.replace('    ready:', '    reddy:'))
  launched = await launchConsole({ workspace: workspace.file })
  await page.goto(launched.url)
  const banner = page.getByRole('status').filter({ hasText: 'in the workspace file' })
  await expect(banner).toContainText('1 problem in the workspace file. Nothing of it was started. Line 7: unknown key `reddy`')
  await page.getByRole('button', { name: 'Show where' }).click()
  const problems = page.getByRole('region', { name: 'Problems of the workspace' })
  await expect(problems).toContainText(`${workspace.file}:7:5`)
  await expect(problems).toContainText('did you mean `ready`?')
  await expectAccessible(page, 'problems of the workspace')

  workspace.write(good)
  await page.getByRole('link', { name: 'Settings' }).first().click()
  await page.getByRole('button', { name: 'Read the file again' }).click()
  await expect(banner).toBeHidden()
  await page.getByRole('link', { name: 'Overview' }).click()
  const trust = page.getByRole('region', { name: 'Trust' })
  await expect(trust).toContainText('shop would run 1 command on this machine. Nothing has been started.')
  await expect(trust).toContainText('server.cjs')
  await expect(page.getByRole('main')).toContainText('Nothing has been started')
  await expectAccessible(page, 'asking for trust')
  await trust.getByRole('button', { name: 'Trust and start' }).click()
  await expect(trust).toBeHidden()
  await expect(page.getByRole('row', { name: /checkout/ })).toContainText('1.0.0')
  await expect(page.getByRole('row', { name: /healthy/ })).toBeVisible()
})

test('a second console on the same data folder reads only, and says who has it', async ({ page, browser }) => {
  launched = await launchConsole({ workspace: workspace.file, args: ['--trust'] })
  await liveAddressOf(launched)
  const { dataFolder, pid } = launched
  const second = await launchConsole({ workspace: workspace.file, dataFolder })
  try {
    await page.goto(second.url)
    await expect(page.getByRole('status').filter({ hasText: 'Read only' })).toContainText(`Read only: this console acts on nothing. The data folder ${dataFolder} is in use by process ${pid}`)
    await page.getByRole('link', { name: 'checkout', exact: true }).click()
    await expect(lever(page, /^New release/)).toHaveAttribute('aria-disabled', 'true')
    await expect(lever(page, /^New release/)).toContainText('read only')
    await expectAccessible(page, 'read only')

    const first = await (await browser.newContext()).newPage()
    await first.goto(launched.url)
    expect((await launched.terminal('deploy', 'checkout', '2.0.0', '--follow')).code).toBe(0)
    await expect(page.getByRole('heading', { level: 1 })).toContainText('25 % on green2.0.0')
    await expect(lever(page, /^Roll back/)).toContainText('read only')
    await expect(first.getByRole('row', { name: /checkout/ })).toContainText('2.0.0')
    await first.context().close()
  } finally {
    await second.end()
  }
})

test('a console that hangs is noticed, what is shown is called old, and it recovers', async ({ page }) => {
  launched = await launchConsole({ workspace: workspace.file, args: ['--trust'] })
  const address = await liveAddressOf(launched)
  await page.goto(launched.url)
  await page.getByRole('link', { name: 'checkout', exact: true }).click()
  await expect(lever(page, /^New release/)).not.toHaveAttribute('aria-disabled', 'true')
  const lost = page.getByRole('alert').filter({ hasText: 'Not connected to the core.' })
  process.kill(launched.pid, 'SIGSTOP')
  try {
    await expect(lost).toBeVisible({ timeout: 15_000 })
    const [, age] = /What you see is (\d+) s old/.exec(await lost.innerText()) ?? []
    expect(Number(age), 'as old as the last word heard, not as the moment its silence was noticed').toBeGreaterThanOrEqual(5)
    await expect(lever(page, /^New release/)).toContainText('not connected')
    expect((await fetch(address)).status).toBe(200)
    await expectAccessible(page, 'not connected')
  } finally {
    process.kill(launched.pid, 'SIGCONT')
  }
  await expect(lost).toBeHidden({ timeout: 15_000 })
  await expect(lever(page, /^New release/)).not.toHaveAttribute('aria-disabled', 'true')
})
