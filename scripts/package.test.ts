import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultDataFolder } from '../src-main/hosts/console-options.ts'
import { FUSES } from '../src-main/hosts/desktop/testing/security-list.ts'
import { writeStandInElectron } from '../src-main/hosts/desktop/testing/stand-in-electron.ts'

/**
 * Packs the desktop app with a stand-in for Electron's distribution, looks into what came of it, and runs that: built
 * main process on the double of Electron, core, supervisor, router and one service for real, from the packed files.
 * Not run here, for want of Electron's binary and of the tools installers are made with: see docs/desktop.md.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-package-')))
const dist = join(folder, 'dist')
const installed = join(folder, 'release', 'linux-unpacked')
const resources = join(installed, 'resources')
const archive = join(resources, 'app.asar')
const app = join(folder, 'app')
const onLinux = process.platform === 'linux'
const require = createRequire(join(root, 'package.json'))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string; devDependencies: Record<string, string> }

interface Asar {
  readonly listPackage: (archive: string, options: { isPack: boolean }) => string[]
  readonly extractAll: (archive: string, to: string) => void
}
interface Scripts {
  readonly stripFolder: (from: string, to: string) => void
  readonly manifestOfBuild: () => string
  readonly packageApp: (options: object) => Promise<readonly string[]>
  readonly sizesOfParts: (resources: string) => Record<string, number>
  readonly setNinthFuse: (file: string) => Promise<void>
}
const scripts = async () => Object.assign({}, ...(await Promise.all(['strip-types', 'build', 'package', 'ninth-fuse'].map((name) => import(pathToFileURL(join(root, 'scripts', `${name}.mjs`)).href))))) as Scripts
const asar = require('@electron/asar') as Asar
let listed: readonly string[] = []

beforeAll(async () => {
  if (!onLinux) return
  const { stripFolder, manifestOfBuild, packageApp } = await scripts()
  stripFolder(join(root, 'src-main'), join(dist, 'desktop'))
  cpSync(join(root, 'resources', 'icons'), join(dist, 'resources', 'icons'), { recursive: true })
  mkdirSync(join(dist, 'renderer'))
  writeFileSync(join(dist, 'renderer', 'index.html'), '<!doctype html>')
  writeFileSync(join(dist, 'package.json'), manifestOfBuild())
  writeStandInElectron(join(folder, 'electron'), manifest.devDependencies['electron'] ?? '')
  await packageApp({ dist, out: join(folder, 'release'), electronDist: join(folder, 'electron'), dir: true })
  listed = asar.listPackage(archive, { isPack: false }).map((path) => path.replaceAll('\\', '/'))
  asar.extractAll(archive, app)
}, 150_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.skipIf(!onLinux)('what is in the archive', () => {
  test('nothing of how it was made: no sources, tests, demo, dev dependencies, other platforms, maps', () => {
    expect(listed.length).toBeGreaterThan(300)
    const odd = listed.filter((path) => /\.(tsx?|mts|cts|map|md)$|\.test\.|\.bench\.|(^|\/)(testing|sim|src-main|src-renderer|e2e|scripts|demo|deps|prebuilds-other)(\/|$)/.test(path))
    expect(odd).toEqual([])
    // Only what production packages bring themselves may have the name of one.
    const dev = Object.keys(manifest.devDependencies).filter((name) => listed.includes(`/node_modules/${name}`))
    expect(dev).toEqual([])
    expect(listed.filter((path) => path.endsWith('.node'))).toEqual([`/node_modules/better-sqlite3/prebuilds/linux-${process.arch}.node`])
  })

  test('everything that is imported: each file of ours finds what it names', () => {
    const files = listed.filter((path) => /^\/dist\/desktop\/.*\.c?js$/.test(path))
    expect(files.length).toBeGreaterThan(80)
    const missing: string[] = []
    for (const file of files) {
      const from = createRequire(join(app, file))
      const text = readFileSync(join(app, file), 'utf8')
      for (const [, name = ''] of text.matchAll(/(?:^|\s)(?:import|export)\b[^'"]*?from '([^']+)'|(?:import|new URL)\('([^']+)'/g)) {
        if (name === '' || name === 'electron' || name.startsWith('node:')) continue
        if (name.startsWith('.') ? !existsSync(join(app, file, '..', name)) : !resolves(from, name)) missing.push(`${file}: ${name}`)
      }
    }
    expect(missing).toEqual([])
  })

  test('a manifest without scripts and dev dependencies, the page, icons, and the digests of the runtime', () => {
    expect(JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'))).toMatchObject({ main: 'dist/desktop/hosts/desktop/main.js', type: 'module', version: manifest.version })
    for (const key of ['scripts', 'devDependencies']) expect(JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'))).not.toHaveProperty(key)
    expect(listed).toEqual(expect.arrayContaining(['/dist/renderer/index.html', '/dist/resources/icons/tray-failing.png', '/dist/runtime.json', '/dist/desktop/hosts/desktop/preload.cjs', '/dist/desktop/hosts/core-worker.js', '/dist/desktop/store/reader-worker.js']))
    const runtime = JSON.parse(readFileSync(join(app, 'dist', 'runtime.json'), 'utf8')) as Record<string, { files: Record<string, string> }>
    expect(Object.keys(runtime['local']?.files ?? {})).toEqual(['flag-server.mjs', 'router.mjs', 'supervisor.mjs'])
    for (const [part, { files }] of Object.entries(runtime)) {
      for (const [path, digest] of Object.entries(files)) expect(createHash('sha256').update(readFileSync(join(resources, 'runtime', part, path))).digest('hex'), path).toBe(digest)
    }
  })
})

function resolves(from: NodeJS.Require, name: string): boolean {
  try {
    return from.resolve(name).startsWith(app)
  } catch {
    return false
  }
}

describe.skipIf(!onLinux)('what is beside the archive', () => {
  test('the native part alone is unpacked; no other languages; no place to update from', () => {
    const unpacked = readdirSync(join(resources, 'app.asar.unpacked'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(unpacked.map((entry) => entry.name)).toEqual([`linux-${process.arch}.node`])
    expect(readdirSync(join(installed, 'locales'))).toEqual(['en-US.pak'])
    expect(existsSync(join(resources, 'app-update.yml'))).toBe(false)
    expect(readdirSync(resources).toSorted()).toEqual(['app.asar', 'app.asar.unpacked', 'runtime'])
  })

  test('all nine fuses are set; control: the distribution came with others', async () => {
    const { getCurrentFuseWire } = require('@electron/fuses') as { readonly getCurrentFuseWire: (file: string) => Promise<Record<string, number | string>> }
    const states = async (file: string) => {
      const { version, ...wire } = await getCurrentFuseWire(file)
      expect(version).toBe('1')
      return Object.values(wire).map((state) => state === '1'.charCodeAt(0))
    }
    expect(await states(join(installed, 'signalbox'))).toEqual(Object.values(FUSES))
    expect(await states(join(folder, 'electron', 'electron'))).not.toEqual(Object.values(FUSES))
  })

  test('an Electron with a fuse nobody decided on is not packed', async () => {
    const { setNinthFuse } = await scripts()
    writeStandInElectron(join(folder, 'later'), '46.0.0', '1011000111')
    await expect(setNinthFuse(join(folder, 'later', 'electron'))).rejects.toThrow(/10 fuses/)
    writeFileSync(join(folder, 'no-electron'), 'x')
    await expect(setNinthFuse(join(folder, 'no-electron'))).rejects.toThrow(/no fuses/)
  })

  test('sizes by part stay within what docs/desktop.md says', async () => {
    const { sizesOfParts } = await scripts()
    const sizes = sizesOfParts(resources)
    expect(sizes['app.asar']).toBeLessThan(15e6)
    expect(sizes['native part (app.asar.unpacked)']).toBeLessThan(4e6)
    expect(sizes['supervisor, router and flag server']).toBeLessThan(3.5e6)
    expect(sizes['demo']).toBeLessThan(2e6)
    expect(sizes['Node for supervisor and router']).toBeLessThan(140e6)
  })
})

test('the configuration is valid for electron-builder; control: a key it does not know is not', async () => {
  const { validateConfiguration } = require('app-builder-lib/out/util/config/config') as { readonly validateConfiguration: (config: object, log: object) => Promise<void> }
  const { parse } = require('yaml') as { readonly parse: (text: string) => object }
  const config = parse(readFileSync(join(root, 'electron-builder.yml'), 'utf8'))
  await validateConfiguration(config, { isEnabled: false, add: () => {} })
  await expect(validateConfiguration({ ...config, asarUnpacked: [] }, { isEnabled: false, add: () => {} })).rejects.toThrow(/asarUnpacked/)
})

describe.skipIf(!onLinux)('run from what was packed', () => {
  const version = join(folder, 'releases', '1.0.0')
  const workspace = join(folder, 'signalbox.yaml')
  const env = { HOME: folder, XDG_DATA_HOME: join(folder, 'share'), PATH: join(folder, 'no-programs') }
  const dataFolder = defaultDataFolder(workspace, env)
  const terminal = (...args: string[]) => spawnSync(process.execPath, [join(root, 'src-main/hosts/terminal/main.ts'), ...args, '--data', dataFolder, '--workspace', workspace], { encoding: 'utf8' })
  const processes = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const line = readFileSync(join('/proc', pid, 'cmdline'), 'utf8').split('\0')
          return line.some((argument) => argument.startsWith(join(dataFolder, 'runtime'))) ? [{ pid: Number(pid), exe: readlinkSync(join('/proc', pid, 'exe')), line }] : []
        } catch {
          return []
        }
      })
  const router = () => processes().find(({ line }) => line[1]?.endsWith('router.mjs'))
  const started: ChildProcess[] = []
  afterAll(() => {
    for (const child of started) child.kill('SIGKILL')
    terminal('stop', '--all', '--reason', 'end of the test')
  })

  test('a request goes through its router, and goes on when the app quits, is removed, and the router is killed', async () => {
    mkdirSync(version, { recursive: true })
    writeFileSync(join(version, 'server.cjs'), "require('node:http').createServer((_, response) => response.end(process.execPath)).listen(process.env.PORT, '127.0.0.1')")
    writeFileSync(workspace, 'workspace: packed\ntier: dev\nservices:\n  checkout:\n    run: node server.cjs\n    versions: ./releases\n    ready: /\n    initial: 1.0.0\n')
    const testing = (name: string) => join(root, 'src-main/hosts/desktop/testing', name)
    const main = pathToFileURL(join(app, 'dist/desktop/hosts/desktop/main.js')).href
    const args = ['--import', testing('electron-hook.mjs'), testing('drive-packaged.mjs'), main, resources, '--workspace', workspace, '--trust']
    // On a machine with no Node of its own: services find the one that was brought.
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], env })
    started.push(child)
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')))
    child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')))
    await expect.poll(() => out, { timeout: 45_000, interval: 100 }).toMatch(/^\{.*\}$/m)
    const told = JSON.parse(/^\{.*\}$/m.exec(out)?.[0] ?? '') as { liveAddress: string; path: string }
    expect(told).toMatchObject({ appVersion: manifest.version, host: 'desktop', workspace: 'packed', demo: false, found: true, page: 200, devTools: false, protocols: ['signalbox'] })

    const ask = async () => (await fetch(told.liveAddress)).text()
    const node = readdirSync(join(dataFolder, 'runtime')).find((name) => name.startsWith('node-')) ?? ''
    const copied = join(dataFolder, 'runtime', node, 'node')
    expect(await ask()).toBe(copied)
    expect(told.path.split(':').at(-1)).toBe(join(dataFolder, 'runtime', node))
    expect(processes().map(({ exe }) => exe)).toEqual([copied, copied])
    expect(readFileSync(join(folder, 'share', 'signalbox', 'last-workspace.json'), 'utf8')).toContain(workspace)

    child.stdin.end()
    await expect.poll(() => child.exitCode, { timeout: 15_000 }).toBe(0)
    expect(out).toContain('quit: true')
    expect(await ask()).toBe(copied)

    // As an update, an uninstall or an unmounted image takes the files away.
    renameSync(installed, `${installed}-gone`)
    renameSync(app, `${app}-gone`)
    const before = router()?.pid ?? 0
    expect(before).toBeGreaterThan(0)
    process.kill(before, 'SIGKILL')
    await expect.poll(() => router()?.pid ?? before, { timeout: 15_000 }).not.toBe(before)
    await expect.poll(() => ask().catch(() => ''), { timeout: 15_000 }).toBe(copied)
    renameSync(`${installed}-gone`, installed)
    renameSync(`${app}-gone`, app)
  }, 90_000)
})
