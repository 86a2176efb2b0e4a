import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import tailwind from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { chromium, type Browser, type Page } from 'playwright'
import { build } from 'vite'
import { findChromium } from '../../e2e/find-chromium.ts'

const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.woff2': 'font/woff2', '.svg': 'image/svg+xml' }

export interface RealBrowser {
  readonly browser: Browser
  /** Opens one of bench/pages, as it is built for production, in a window of its own. */
  open(name: 'blank' | 'lists' | 'charts'): Promise<Page>
  close(): Promise<void>
}

/** A real Chromium; leaves with the reason when there is none on this machine. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === null) {
    console.error('No Chromium here: npx playwright install chromium, or name one in SIGNALBOX_CHROMIUM.')
    process.exit(2)
  }
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

/** Builds the pages as the product is built, serves them on loopback, and starts a browser. */
export async function openBrowser(): Promise<RealBrowser> {
  process.env['NODE_ENV'] = 'production'
  const root = fileURLToPath(new URL('..', import.meta.url))
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-pages-'))
  const pages = ['blank', 'lists', 'charts']
  await build({
    configFile: false,
    root,
    base: '/',
    mode: 'production',
    logLevel: 'error',
    plugins: [react(), tailwind()],
    build: { outDir: folder, emptyOutDir: true, target: 'es2024', chunkSizeWarningLimit: 4000, rolldownOptions: { input: Object.fromEntries(pages.map((name) => [name, join(root, 'bench/pages', `${name}.html`)])) } },
  })
  const server = createServer((request, response) => {
    const path = normalize(join(folder, new URL(request.url ?? '/', 'http://localhost').pathname))
    if (!path.startsWith(folder) || !existsSync(path)) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' })
    createReadStream(path).pipe(response)
    return response
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const browser = await launchChromium()
  return {
    browser,
    async open(name) {
      const page = await browser.newPage({ viewport: { width: 1920, height: 1080 } })
      page.on('pageerror', (error) => console.error(`${name}: ${error.message}`))
      await page.goto(`http://127.0.0.1:${port}/bench/pages/${name}.html`)
      return page
    },
    async close() {
      await browser.close()
      server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
