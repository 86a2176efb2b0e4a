/**
 * P8: live charts, 12 series of 3,600 points that move one a second, with marks and limits, against bare uPlot on the same
 * arrays: everything the main thread does for a tick. And the whole service page over an hour. `--ticks`, `--turns`.
 */
import type { Page } from 'playwright'
import { bootstrapMedian, median, numberOption, report } from '../../src-main/bench/measure.ts'
import type { ChartsBench } from './pages/charts.tsx'
import { openBrowser } from './real-browser.ts'

declare const bench: ChartsBench

const ticks = numberOption('ticks', 20)
const turns = numberOption('turns', 5)
const EVERY_MS = 100

const real = await openBrowser()

/** Milliseconds of the main thread while `work` ran. */
async function mainThreadMs(page: Page, work: () => Promise<unknown>): Promise<number> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  const taskSeconds = async () => (await session.send('Performance.getMetrics')).metrics.find((metric) => metric.name === 'TaskDuration')?.value ?? Number.NaN
  const before = await taskSeconds()
  await work()
  const after = await taskSeconds()
  await session.detach()
  return (after - before) * 1000
}

async function perTick(arm: 'product' | 'bare'): Promise<number> {
  const page = await real.open('charts')
  await page.evaluate((name) => bench.open(name), arm)
  await page.locator('canvas').nth(2).waitFor()
  await page.evaluate((every) => bench.tick(5, every), EVERY_MS)
  const ms = await mainThreadMs(page, () => page.evaluate(([count, every]) => bench.tick(count, every), [ticks, EVERY_MS] as const))
  await page.close()
  return ms / ticks
}

async function wholePage(seconds: number): Promise<number> {
  const page = await real.open('charts')
  await page.evaluate(() => bench.open('page'))
  await page.getByRole('button', { name: '1 h' }).click()
  await page.waitForTimeout(2500)
  const ms = await mainThreadMs(page, () => page.waitForTimeout(seconds * 1000))
  await page.close()
  return ms / seconds
}

try {
  const floor: number[] = []
  const product: number[] = []
  for (let turn = 0; turn < turns; turn += 1) {
    if (turn % 2 === 0) floor.push(await perTick('bare'))
    product.push(await perTick('product'))
    if (turn % 2 === 1) floor.push(await perTick('bare'))
  }
  const ratio = bootstrapMedian(product.map((ms, index) => ms / (floor[index] ?? Number.NaN)))
  const page = await wholePage(8)
  report('charts', { 'main thread per tick, ms': median(product), 'bare uPlot per tick, ms': median(floor), 'whole page per second, ms': page }, [
    { name: 'main thread per tick over bare uPlot', value: ratio.median, interval: ratio, limit: 1.5, direction: 'atMost' },
    { name: 'whole service page, ms per tick', value: page, limit: 100, direction: 'atMost' },
  ])
} finally {
  await real.close()
}
