/**
 * P7: 500 services with 500 updates a second in total, and 100,000 journal entries scrolled, against a blank page in the
 * same browser, by turns. `--seconds` per arm and turn, `--turns`.
 */
import type { Page } from 'playwright'
import { bootstrapMedian, numberOption, quantile, report } from '../../src-main/bench/measure.ts'
import type { ListsBench } from './pages/lists.tsx'
import type { record, Recorded } from './pages/recorder.ts'
import { openBrowser } from './real-browser.ts'

declare const bench: ListsBench
declare global {
  interface Window {
    record: typeof record
  }
}

const ms = numberOption('seconds', 6) * 1000
const turns = numberOption('turns', 3)
const ENTRIES = 100_000
const ROW_PX = 29

/** `--only WORD`: the arms with this word in their name. */
const only = process.argv[process.argv.indexOf('--only') + 1] ?? ''
const wanted = (name: string) => !process.argv.includes('--only') || name.includes(only)
const real = await openBrowser()

const arms: Readonly<Record<string, (page: Page) => Promise<Recorded>>> = {
  '500 updates/s': (page) => page.evaluate((during) => bench.updates(500, 20, during), ms),
  '1,000 items in one burst each second': (page) => page.evaluate((during) => bench.updates(1000, 1, during), ms),
  '100 k entries scrolled': (page) => page.evaluate(([during, pixels]) => bench.scroll(pixels, during), [ms, ROW_PX * 4] as const),
  // The whole journal in a few seconds: every frame shows rows that were not there before.
  '100 k entries flung through': (page) => page.evaluate(([during, pixels]) => bench.scroll(pixels, during), [ms, (ENTRIES * ROW_PX) / 300] as const),
}

async function blank(): Promise<Recorded> {
  const page = await real.open('blank')
  await page.waitForTimeout(500)
  const recorded = await page.evaluate((during) => window.record(during), ms)
  await page.close()
  return recorded
}

async function product(name: string): Promise<Recorded> {
  const page = await real.open('lists')
  await page.locator('[role=row][id]').first().waitFor()
  if (name.includes('entries')) {
    await page.evaluate(() => bench.openAudit())
    await page.locator('[id^=entry-]').first().waitFor()
    await page.evaluate((count) => bench.fillJournal(count), ENTRIES)
  }
  await page.waitForTimeout(1500)
  const run = arms[name]
  if (!run) throw new Error(name)
  const recorded = await run(page)
  await page.close()
  return recorded
}

const p95 = (recorded: Recorded) => quantile(recorded.framesMs, 0.95)
const figures: Record<string, number | string> = {}
const bars: Parameters<typeof report>[2][number][] = []
try {
  for (const name of Object.keys(arms).filter(wanted)) {
    const pairs: { readonly floor: Recorded; readonly made: Recorded }[] = []
    for (let turn = 0; turn < turns; turn += 1) {
      if (turn % 2 === 0) {
        const floor = await blank()
        pairs.push({ floor, made: await product(name) })
      } else {
        const made = await product(name)
        pairs.push({ floor: await blank(), made })
      }
    }
    const tasks = (pick: 'floor' | 'made') => pairs.flatMap((pair) => pair[pick].longTasksMs)
    const ratio = bootstrapMedian(pairs.map((pair) => p95(pair.made) / p95(pair.floor)))
    const rows = Math.max(...pairs.map((pair) => pair.made.rows))
    figures[`${name}: frame p95, ms`] = bootstrapMedian(pairs.map((pair) => p95(pair.made))).median
    figures[`${name}: blank page's, ms`] = bootstrapMedian(pairs.map((pair) => p95(pair.floor))).median
    figures[`${name}: tasks > 50 ms, blank page's`] = `${tasks('made').length}, ${tasks('floor').length} in ${(turns * ms) / 1000} s each`
    if (tasks('made').length > 0) figures[`${name}: longest task, ms`] = Math.max(...tasks('made'))
    bars.push({ name: `${name}: tasks > 50 ms in excess`, value: tasks('made').length - tasks('floor').length, limit: 0, direction: 'atMost' })
    bars.push({ name: `${name}: frame p95 over blank`, value: ratio.median, interval: ratio, limit: 1.25, direction: 'atMost' })
    bars.push({ name: `${name}: rows in the document`, value: rows, limit: 80, direction: 'atMost' })
  }
} finally {
  await real.close()
}
report('lists', figures, bars)
