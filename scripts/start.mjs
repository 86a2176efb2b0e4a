// npm start: the desktop app where Electron can run, otherwise the same console in the browser.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Fault } from '../src-main/contract/fault.ts'
import { consolePaths } from '../src-main/hosts/console-options.ts'
import { buildDesktopIfStale, buildRendererIfStale } from './build.mjs'
import { findElectron } from './find-electron.mjs'
import { root } from './vite-builds.mjs'

const HELP = `Signalbox: release console for zero-downtime blue-green releases

npm start -- [options]

  --workspace FILE  the workspace to open; without it ./signalbox.yaml, else the demo
  --data DIR        where journal and settings are kept; one folder per workspace by default
  --audit FILE      open a journal read-only, to search, verify and export it
  --web             in the browser, even where the desktop app could run
  --port N          web only: this port of 127.0.0.1 instead of a free one
  --no-open         web only: print the address and do not open a browser
  --trust           run the commands of the workspace without asking first
  --help            this

The console closes with Ctrl-C; services go on running.
All of it from a terminal: npm run signalbox -- --help`

function readOptions() {
  const { values } = parseArgs({
    options: {
      workspace: { type: 'string' },
      data: { type: 'string' },
      audit: { type: 'string' },
      web: { type: 'boolean', default: false },
      port: { type: 'string', default: '0' },
      'no-open': { type: 'boolean', default: false },
      trust: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Fault('invalidInput', `--port takes a number from 0 to 65535, not ${values.port}.`, 'See npm start -- --help.')
  return { ...values, port }
}

async function runDesktop(binary, compose) {
  await buildDesktopIfStale()
  const child = spawn(binary, [join(root, 'dist/desktop/hosts/desktop/main.js'), `--signalbox=${Buffer.from(JSON.stringify(compose)).toString('base64url')}`], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve) => {
    child.on('error', () => resolve(127))
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

async function main() {
  const options = readOptions()
  if (options.help) {
    console.log(HELP)
    return 0
  }
  const compose = { ...consolePaths(options), trustWorkspace: options.trust, scope: 'whole' }
  const electron = options.web ? { why: '' } : findElectron({ root, env: process.env, platform: process.platform, uid: process.getuid?.() })
  await buildRendererIfStale(() => console.log('Building the screens; this takes a few seconds the first time.'))
  if (electron.found) return runDesktop(electron.found, { ...compose, host: 'desktop', nodePath: process.execPath })
  if (electron.why) console.log(`Opening in the browser: ${electron.why}.`)
  const { runWebHost } = await import('../src-main/hosts/web/main.ts')
  return runWebHost({ compose: { ...compose, host: 'web' }, port: options.port, openBrowser: !options['no-open'] })
}

try {
  process.exit(await main())
} catch (error) {
  const misused = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  if (error instanceof Fault) console.error(`${error.message}\nNext step: ${error.data.next}`)
  else if (misused) console.error(`${error.message}\nNext step: npm start -- --help`)
  else console.error(error)
  process.exit(misused ? 2 : error instanceof Fault && error.data.cause === 'refused' ? 1 : 3)
}
