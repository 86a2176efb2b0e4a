// npm run screenshots: every screen and state, light and dark, 1280 and 1920 wide, as PNG into screenshots/.
//   --only WORD     screens with this word in their name
//   --widths 640,2560  other widths; --themes dark; --scale 2 as a dense screen or a zoomed page has it; --into FOLDER
//   --check         no pictures: axe on each in both themes, and nothing cut off or out of reach at 640, 800 and 1024
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import AxeBuilder from '@axe-core/playwright'
import { chromium } from 'playwright'
import { build, preview } from 'vite'
import { findChromium } from '../e2e/find-chromium.ts'
import { SCREENS } from './screens.mjs'

/** 640 is a screen of 1280 at 200 % zoom. */
const NARROW = [640, 800, 1024]
const SETTLE_MS = 300

const root = fileURLToPath(new URL('..', import.meta.url))
const args = process.argv.slice(2)
const option = (name, otherwise) => (args.includes(name) ? (args[args.indexOf(name) + 1] ?? otherwise) : otherwise)
const only = option('--only', '')
const themes = option('--themes', 'light,dark').split(',')
const widths = option('--widths', '1280,1920').split(',').map(Number)
const folder = option('--into', `${root}screenshots`)
const screens = SCREENS.filter(({ name }) => name.includes(only))

const executablePath = findChromium()
if (executablePath === null) {
  console.error('No Chromium here: npx playwright install chromium, or name one in SIGNALBOX_CHROMIUM.')
  process.exit(2)
}
// As it is built for production: a development server hands out hundreds of modules for every picture.
process.env.NODE_ENV = 'production'
const built = mkdtempSync(join(tmpdir(), 'signalbox-screens-'))
const config = { configFile: `${root}src-renderer/dev/vite.config.ts`, mode: 'production', logLevel: 'error' }
await build({ ...config, build: { outDir: built, emptyOutDir: true, target: 'es2024', chunkSizeWarningLimit: 4000, assetsInlineLimit: 0, rolldownOptions: { input: `${root}src-renderer/dev/index.html` } } })
const server = await preview({ ...config, build: { outDir: built }, preview: { host: '127.0.0.1', port: 0, open: false } })
const address = server.httpServer.address()
if (typeof address !== 'object' || address === null) throw new Error('the server has no address')
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
// One for all: modules are fetched once.
const context = await browser.newContext({ deviceScaleFactor: Number(option('--scale', '1')) })
const startedAt = performance.now()
let problems = 0

async function open(screen, theme, width, height) {
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  await page.setViewportSize({ width, height })
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
  page.on('pageerror', (error) => complain(screen.name, `${width} wide`, error.message))
  await page.goto(`http://127.0.0.1:${address.port}/dev/?case=${screen.world}&theme=${theme}#${screen.path}`)
  await page.locator('main').first().waitFor({ timeout: 60_000 })
  await page.waitForTimeout(SETTLE_MS)
  await screen.act?.(page).catch((error) => complain(screen.name, `${width} wide`, `what is pressed before looking is not there: ${error.message.split('\n')[0]}`))
  await page.waitForTimeout(SETTLE_MS / 2)
  return page
}

function complain(name, where, what) {
  problems += 1
  console.error(`${name}, ${where}: ${what}`)
}

/** Runs in the page: what is cut off, and what cannot be scrolled to. */
function outOfReach() {
  const found = []
  const { scrollWidth, clientWidth } = document.documentElement
  if (scrollWidth > clientWidth + 1) found.push(`the page is ${scrollWidth} wide in a window of ${clientWidth}`)
  const clips = (style, side) => ['hidden', 'clip'].includes(side === 'x' ? style.overflowX : style.overflowY)
  for (const element of document.querySelectorAll('button, a[href], input, select, textarea, h1, h2, [role=gridcell], dd')) {
    const box = element.getBoundingClientRect()
    if (box.width <= 1 || box.height <= 1 || element.closest('[aria-hidden=true], .sr-only')) continue
    for (let up = element.parentElement; up && up !== document.documentElement; up = up.parentElement) {
      const style = getComputedStyle(up)
      const scrolls = ['auto', 'scroll'].includes(style.overflowX) || ['auto', 'scroll'].includes(style.overflowY)
      if (scrolls && up !== document.body) break
      const outer = up.getBoundingClientRect()
      const cutX = clips(style, 'x') && (box.left >= outer.right - 2 || box.right <= outer.left + 2)
      const cutY = clips(style, 'y') && (box.top >= outer.bottom - 2 || box.bottom <= outer.top + 2)
      // A line that ends in three dots is no surprise; something wholly outside is.
      if (cutX || cutY) {
        found.push(`"${(element.getAttribute('aria-label') ?? element.textContent ?? '').trim().slice(0, 40)}" lies outside of what is shown`)
        break
      }
    }
  }
  return [...new Set(found)]
}

try {
  if (args.includes('--check')) {
    for (const screen of screens) {
      for (const theme of themes) {
        const page = await open(screen, theme, 1280, 800)
        const { violations } = await new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).analyze()
        for (const { id, nodes } of violations) complain(screen.name, theme, `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(' ')} ${(failureSummary ?? '').split('\n')[1] ?? ''}`).join('; ')}`)
        await page.close()
      }
      for (const width of NARROW) {
        const page = await open(screen, 'light', width, Math.round(width * 0.5625))
        for (const what of await page.evaluate(outOfReach)) complain(screen.name, `${width} wide`, what)
        if (width === NARROW[0]) {
          const { violations } = await new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).analyze()
          for (const { id, nodes } of violations) complain(screen.name, `${width} wide`, `${id}: ${nodes.map(({ target }) => target.join(' ')).join('; ')}`)
        }
        await page.close()
      }
    }
    console.log(`checked ${screens.length} screens and states: ${problems} problems, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  } else {
    mkdirSync(folder, { recursive: true })
    for (const screen of screens) {
      for (const theme of themes) {
        for (const width of widths) {
          const page = await open(screen, theme, width, Math.round(width * 0.5625))
          await page.screenshot({ path: `${folder}/${screen.name}-${theme}-${width}.png` })
          await page.close()
        }
      }
    }
    console.log(`${screens.length * themes.length * widths.length} pictures in ${folder}, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  }
} finally {
  await browser.close()
  await server.close()
  rmSync(built, { recursive: true, force: true })
}
process.exitCode = problems > 0 ? 1 : 0
