import { expect, type Page, test } from 'playwright/test'
import { serverOrWhy } from '../src-main/providers/postgres/testing/servers.ts'
import { expectAccessible } from './accessible.ts'
import { askDatabase, customersWorkspace } from './customers-workspace.ts'
import { type LaunchedConsole, launchConsole } from './launch-console.ts'
import type { WorkspaceOnDisk } from './one-service-workspace.ts'
import { liveAddressOf } from './story.ts'

test.describe.configure({ mode: 'serial', timeout: 240_000 })
const missing = serverOrWhy('18')
test.skip(missing !== null, `SKIPPED: ${missing ?? ''}`)

let workspace: WorkspaceOnDisk
let launched: LaunchedConsole
let page: Page
let address: string
let stopUsers: () => Promise<void>
const dropped: string[] = []

test.beforeAll(async ({ browser }) => {
  workspace = customersWorkspace()
  launched = await launchConsole({ workspace: workspace.file, args: ['--trust'] })
  page = await (await browser.newContext()).newPage()
  address = await liveAddressOf(launched)
  stopUsers = startCustomers()
})

test.afterAll(async () => {
  await stopUsers?.()
  await launched?.close()
  workspace.remove()
  await page?.context().close()
})

/** Users at a constant rate whatever the service does, every other one writing; whoever gets no good answer is noted. */
function startCustomers(): () => Promise<void> {
  const open = new Set<Promise<void>>()
  let turn = 0
  const visit = async (method: string) => {
    const answer = await fetch(address, { method }).catch((error: unknown) => String(error))
    if (typeof answer === 'string') dropped.push(answer)
    else {
      const text = await answer.text()
      if (answer.status >= 400) dropped.push(`${answer.status} ${text.slice(0, 200)}`)
    }
  }
  const timer = setInterval(() => {
    const visiting = visit((turn += 1) % 2 === 0 ? 'GET' : 'POST').finally(() => open.delete(visiting))
    open.add(visiting)
  }, 30)
  return async () => {
    clearInterval(timer)
    await Promise.all(open)
  }
}

const levers = () => page.getByRole('group', { name: 'Actions on split_full_name' })
const press = (words: RegExp) => levers().getByRole('button', { name: words }).and(page.locator(':not([aria-disabled="true"])')).click({ timeout: 60_000 })
const title = () => page.getByRole('heading', { level: 1 })

const columns = async () => (await askDatabase(launched.dataFolder, `SELECT column_name::text AS name, data_type::text AS type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'customers' ORDER BY 1`)).map(({ name, type }) => `${String(name)} ${String(type)}`)
const leftovers = () => askDatabase(launched.dataFolder, `SELECT nspname::text AS name FROM pg_namespace WHERE nspname LIKE 'sb\\_%' UNION ALL SELECT tgname::text FROM pg_trigger WHERE tgrelid = 'public.customers'::regclass`)
/** What the service itself counted of its statements. */
const stats = async () => (await (await fetch(`${address}/stats`)).json()) as { readonly statements: number; readonly failed: number; readonly lost: number; readonly lastFailure: string }

let before: readonly string[] = []

test('an operator splits a column under live writes: shadow reads, dual writes, a planted row found and repaired, reads switched, and all of it taken back', async () => {
  page = await launched.open(page)
  before = await columns()
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: /^Migrations/ }).click()
  await page.getByRole('link', { name: 'Split full_name into first and last' }).click()
  await expect(title()).toContainText('planned')
  await press(/^Start shadow reads/)
  await expect(title()).toContainText('shadow reads')
  expect(await columns()).toEqual(before)
  await press(/^Start dual writes/)
  await expect(page.getByRole('region', { name: 'Gates' })).toContainText(/every row compared passed/, { timeout: 60_000 })
  await expectAccessible(page, 'dual writes')

  // Somebody writes past the triggers.
  const [planted] = await askDatabase(launched.dataFolder, 'BEGIN', `SET LOCAL session_replication_role = replica`, `UPDATE customers SET first_name = 'WRONG' WHERE id = 4242 RETURNING full_name`, 'COMMIT', 'SELECT full_name FROM customers WHERE id = 4242')
  const pane = page.getByRole('region', { name: 'Mismatches' })
  await expect(pane).toContainText('WRONG', { timeout: 30_000 })
  await expect(pane).toContainText(String(planted?.['full_name']))
  await expectAccessible(page, 'a mismatch')
  await press(/^Repair 1 row/)
  const confirm = page.getByRole('dialog')
  if (await confirm.isVisible()) await confirm.getByRole('button', { name: /^Repair/ }).click()
  await expect(pane).not.toContainText('WRONG', { timeout: 30_000 })
  expect(await askDatabase(launched.dataFolder, 'SELECT first_name FROM customers WHERE id = 4242')).not.toEqual([{ first_name: 'WRONG' }])
  // A repair after the backfill means a hole: it asks before it goes on.
  await press(/^Resume/)

  await press(/^Read 50 % from new/)
  await expect(title()).toContainText('switching')
  await press(/^Read 100 % from new/)
  await expect(levers()).toContainText(/customers blue 1\.0\.0 is live and cannot read the new shape|Switch writes to new/, { timeout: 20_000 })

  await levers().getByRole('button', { name: /^Roll back migration/ }).click()
  await expect(page.getByRole('dialog')).toContainText('Nothing is lost')
  // A press sooner than anybody reads is taken for a key held down.
  await page.waitForTimeout(300)
  await page.getByRole('dialog').getByRole('button', { name: /^Roll back now/ }).click()
  await expect(title()).toContainText('rolled back', { timeout: 30_000 })
  expect(await columns()).toEqual(before)
  expect(await leftovers()).toEqual([])
  const counted = await stats()
  expect(counted.statements).toBeGreaterThan(500)
  expect({ failed: counted.failed, lost: counted.lost, why: counted.lastFailure }).toEqual({ failed: 0, lost: 0, why: '' })
})

test('the second run goes all the way: writes wait for a version that reads the new shape, cleanup for the last that needs the old, the drop for the typed name', async () => {
  const advance = async (words: RegExp) => press(words)
  await advance(/^Start shadow reads/)
  await advance(/^Start dual writes/)
  await advance(/^Read 50 % from new/)
  await advance(/^Read 100 % from new/)
  await expect(levers()).toContainText('1.0.0', { timeout: 30_000 })
  expect((await launched.terminal('deploy', 'customers', '1.1.0', '--reason', 'reads both')).code).toBe(0)
  await advance(/^Switch writes to new/)
  await advance(/^Begin cleanup/)
  await expect(title()).toContainText('cleanup')
  await levers().getByRole('button', { name: /^Drop the old structure/ }).and(page.locator(':not([aria-disabled="true"])')).click({ timeout: 60_000 })
  const confirm = page.getByRole('dialog')
  await confirm.getByRole('textbox', { name: /^Type/ }).fill('split_full_name')
  await confirm.getByRole('button', { name: /^Drop/ }).click()
  await expect(title()).toContainText('completed', { timeout: 30_000 })
  expect(await columns()).toEqual(['created_at timestamp with time zone', 'email text', 'first_name text', 'id bigint', 'last_name text', 'updated_at timestamp with time zone'])
  expect(await leftovers()).toEqual([])
  const counted = await stats()
  expect({ failed: counted.failed, lost: counted.lost, why: counted.lastFailure }).toEqual({ failed: 0, lost: 0, why: '' })
  expect(dropped).toEqual([])
})

test('the journal tells the story: each step with its SQL, the planted row with before and after, and it verifies', async () => {
  const { stdout } = await launched.terminal('audit', '--action', 'migration.step', '--limit', '200', '--json')
  expect(stdout).toContain('ADD COLUMN')
  const repaired = await launched.terminal('audit', '--text', 'repaired', '--limit', '50', '--json')
  expect(repaired.stdout).toContain('WRONG')
  expect((await launched.terminal('verify')).code).toBe(0)
})
