/**
 * From a key to its effect on screen, with 500 services on Overview, and with 100,000 journal entries of a real store
 * behind a real console in Audit. `--entries`, `--keys`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { launchConsole } from '../../e2e/launch-console.ts'
import { median, numberOption, quantile, report } from '../../src-main/bench/measure.ts'
import { fillJournal } from '../../src-main/store/testing/fill.ts'
import type { ListsBench } from './pages/lists.tsx'
import { launchChromium, openBrowser } from './real-browser.ts'

declare const bench: ListsBench
declare global {
  interface Window {
    effect: Promise<number>
  }
}

const entries = numberOption('entries', 100_000)
const presses = numberOption('keys', 20)
const WORDS = ['rollback', 'send 25', 'CHG-1', 'weekend hotfix', 'checkout', 'latency cache', 'memory queue', '3.1']
/** Nielsen, Response Times (1993): up to a tenth of a second people feel that they did it themselves. */
const INSTANT_MS = 100

/** Milliseconds from the key that goes down until `what` changed and was painted. The page's own clock. */
async function keyToPaint(page: Page, what: string, press: () => Promise<void>): Promise<number> {
  await page.evaluate((selector) => {
    const text = () => [...document.querySelectorAll(selector)].map((element) => element.getAttribute('aria-rowcount') ?? `${element.id}${element.textContent}`).join('|')
    window.effect = new Promise<number>((resolve, reject) => {
      setTimeout(() => reject(new Error(`nothing changed in ${selector}`)), 5000)
      const onKey = (event: Event) => {
        const before = text()
        const watcher = new MutationObserver(() => {
          if (text() === before) return
          watcher.disconnect()
          requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - event.timeStamp)))
        })
        watcher.observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true })
      }
      window.addEventListener('keydown', onKey, { once: true, capture: true })
    })
  }, what)
  await press()
  return page.evaluate(() => window.effect)
}

async function overview(): Promise<{ readonly filter: number[]; readonly move: number[] }> {
  const real = await openBrowser()
  try {
    const page = await real.open('lists')
    await page.locator('[role=row][id]').first().waitFor()
    await page.waitForTimeout(1000)
    const going = page.evaluate(() => bench.updates(500, 20, 60_000)).catch(() => undefined)
    const filter: number[] = []
    await page.keyboard.press('/')
    for (let index = 0; index < presses; index += 1) {
      filter.push(await keyToPaint(page, '[role=grid]', () => page.keyboard.press(String(2 + (index % 6)))))
      await page.keyboard.press('Backspace')
      await page.waitForTimeout(150)
    }
    await page.keyboard.press('Escape')
    await page.locator('[role=grid]').focus()
    const move: number[] = []
    for (let index = 0; index < presses; index += 1) move.push(await keyToPaint(page, '[role=grid] [aria-selected=true] a', () => page.keyboard.press(index % 5 === 4 ? 'PageDown' : 'ArrowDown')))
    await page.close()
    await going
    return { filter, move }
  } finally {
    await real.close()
  }
}

async function audit(): Promise<{ readonly search: number[]; readonly move: number[]; readonly end: number[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-instant-'))
  await fillJournal(folder, entries, 0.0001)
  const launched = await launchConsole({ dataFolder: mkdtempSync(join(folder, 'console-')), args: ['--audit', join(folder, 'journal.db')] })
  const browser = await launchChromium()
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    await page.goto(launched.url)
    await page.getByRole('link', { name: 'Audit' }).click()
    await page.locator('[id^=entry-]').first().waitFor()
    const box = page.getByRole('searchbox', { name: 'Search the journal' })
    const search: number[] = []
    for (const word of WORDS) {
      // Nothing is called that; without the last letter, much is.
      await box.fill(`${word}q`)
      await page.waitForTimeout(400)
      await box.focus()
      await page.keyboard.press('End')
      search.push(await keyToPaint(page, '[id^=entry-]', () => page.keyboard.press('Backspace')))
    }
    await box.fill('')
    await page.waitForTimeout(500)
    await page.getByRole('grid', { name: 'Entries' }).focus()
    const move: number[] = []
    for (let index = 0; index < presses; index += 1) move.push(await keyToPaint(page, '[role=grid] [aria-selected=true]', () => page.keyboard.press(index % 5 === 4 ? 'PageDown' : 'ArrowDown')))
    const end: number[] = []
    for (let index = 0; index < presses; index += 1) {
      const rows = await page.getByRole('grid', { name: 'Entries' }).getAttribute('aria-rowcount')
      end.push(await keyToPaint(page, '[role=grid] [aria-selected=true]', () => page.keyboard.press('End')))
      // The next page is on its way; End before it is there has nowhere to go.
      await page.waitForFunction((before) => document.querySelector('[role=grid]')?.getAttribute('aria-rowcount') !== before, rows)
      await page.waitForTimeout(100)
    }
    await page.close()
    return { search, move, end }
  } finally {
    await browser.close()
    await launched.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

const ofOverview = await overview()
const ofAudit = await audit()
const measured = {
  'filter 500 services': ofOverview.filter,
  'move in 500 services': ofOverview.move,
  [`search ${entries.toLocaleString('en')} entries`]: ofAudit.search,
  'move in the journal': ofAudit.move,
  'to the end of what is loaded': ofAudit.end,
}
report(
  'instant',
  Object.fromEntries(Object.entries(measured).map(([name, ms]) => [`${name}: p95, ms`, quantile(ms, 0.95)])),
  Object.entries(measured).map(([name, ms]) => ({ name: `${name}: median from key to paint, ms`, value: median(ms), limit: INSTANT_MS, direction: 'atMost' as const })),
)
