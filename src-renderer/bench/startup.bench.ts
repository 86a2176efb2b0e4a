/**
 * P9: from starting the console in a data folder that exists, its supervisor running, to the first row of the list painted
 * in a cold browser; against a blank page of the same host, started and opened in the same way. `--turns`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { launchConsole } from '../../e2e/launch-console.ts'
import { shopWorkspace } from '../../e2e/shop-workspace.ts'
import { bootstrapMedian, median, nowMs, numberOption, report } from '../../src-main/bench/measure.ts'
import { launchChromium } from './real-browser.ts'

const turns = numberOption('turns', 5)
const workspace = shopWorkspace()
const dataFolder = mkdtempSync(join(tmpdir(), 'signalbox-startup-'))
const options = { workspace: workspace.file, dataFolder, args: ['--trust'] }

interface Start {
  readonly ms: number
  readonly scriptBytes: number
}

/** Starts console and browser, opens a page, waits until it is painted, and ends both; services go on. */
async function start(arm: 'console' | 'blank'): Promise<Start> {
  const from = nowMs()
  const launched = await launchConsole(options)
  const browser = await launchChromium()
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    const scripts: Promise<Buffer>[] = []
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script') scripts.push(response.body())
    })
    await page.goto(arm === 'console' ? launched.url : new URL('/icon.svg', launched.url).href, { waitUntil: 'commit' })
    if (arm === 'console') await page.locator('[role=row][id^=service-]').first().waitFor()
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))))
    const ms = nowMs() - from
    const bodies = await Promise.all(scripts.map((body) => body.catch(() => Buffer.alloc(0))))
    return { ms, scriptBytes: bodies.reduce((sum, body) => sum + gzipSync(body).length, 0) }
  } finally {
    await browser.close()
    await launched.end()
  }
}

try {
  // Builds the screens, fills the data folder, starts supervisor and services.
  await start('console')
  const blank: Start[] = []
  const made: Start[] = []
  for (let turn = 0; turn < turns; turn += 1) {
    if (turn % 2 === 0) blank.push(await start('blank'))
    made.push(await start('console'))
    if (turn % 2 === 1) blank.push(await start('blank'))
  }
  const ratio = bootstrapMedian(made.map((each, index) => each.ms / (blank[index]?.ms ?? Number.NaN)))
  const script = Math.max(...made.map((each) => each.scriptBytes)) / 1024
  report('startup', { 'launch to first row painted, ms': median(made.map((each) => each.ms)), 'launch to blank page painted, ms': median(blank.map((each) => each.ms)) }, [
    { name: 'first row over blank page', value: ratio.median, interval: ratio, limit: 1.5, direction: 'atMost' },
    { name: 'script before first paint, KB gzip', value: script, limit: 300, direction: 'atMost' },
  ])
} finally {
  const last = await launchConsole(options).catch(() => null)
  await last?.close()
  rmSync(dataFolder, { recursive: true, force: true })
  workspace.remove()
}
