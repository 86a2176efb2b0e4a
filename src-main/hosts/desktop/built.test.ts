import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** The desktop host as it is built, with the real core in its thread, on plain Node with a double of Electron. */
const root = fileURLToPath(new URL('../../..', import.meta.url))
const here = (name: string) => fileURLToPath(new URL(`testing/${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'signalbox-built-'))
const built = join(folder, 'dist', 'desktop')

beforeAll(async () => {
  const { stripFolder } = (await import(pathToFileURL(join(root, 'scripts', 'strip-types.mjs')).href)) as { stripFolder: (from: string, to: string) => void }
  stripFolder(join(root, 'src-main'), built)
  writeFileSync(join(folder, 'dist', 'package.json'), readFileSync(join(root, 'package.json')))
  mkdirSync(join(folder, 'dist', 'renderer'))
  writeFileSync(join(folder, 'dist', 'renderer', 'index.html'), '<!doctype html>')
  writeFileSync(join(folder, 'signalbox.yaml'), 'workspace: built\ntier: dev\nservices:\n  checkout:\n    run: ./server\n    versions: [1.0.0]\n    folder: .\n')
  // Built files find packages as an installed app does: in a node_modules above them.
  spawnSync('ln', ['-s', join(root, 'node_modules'), join(folder, 'node_modules')])
})
afterAll(() => rmSync(folder, { recursive: true }))

test('the built host serves the whole contract to its page and quits in order', () => {
  const compose = { host: 'desktop', dataFolder: join(folder, 'data'), workspaceFile: join(folder, 'signalbox.yaml'), auditFile: null, trustWorkspace: false, scope: 'whole', nodePath: process.execPath }
  const options = `--signalbox=${Buffer.from(JSON.stringify(compose)).toString('base64url')}`
  const main = pathToFileURL(join(built, 'hosts', 'desktop', 'main.js')).href
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', here('electron-hook.mjs'), here('drive-built.mjs'), main, options], { encoding: 'utf8', timeout: 25_000 })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const [got, quit] = stdout.trim().split('\n')
  expect(JSON.parse(got ?? '')).toEqual({ host: 'desktop', workspace: 'built', mode: 'control', page: 200, preload: join(built, 'hosts', 'desktop', 'preload.cjs') })
  expect(quit).toBe('quit: true')
})

test('the built preload is a script a sandboxed page can load: it requires electron and nothing else', () => {
  const required: string[] = []
  const exposed: string[] = []
  runInNewContext(readFileSync(join(built, 'hosts', 'desktop', 'preload.cjs'), 'utf8'), {
    require: (name: string) => (required.push(name), { contextBridge: { exposeInMainWorld: (key: string) => exposed.push(key) }, ipcRenderer: {} }),
  })
  expect(required).toEqual(['electron'])
  expect(exposed).toEqual(['signalboxDesktop'])
})

test('no test code, and no path to a TypeScript file, is in the build', () => {
  expect(existsSync(join(built, 'hosts', 'desktop', 'testing'))).toBe(false)
  expect(existsSync(join(built, 'hosts', 'desktop', 'desktop.test.js'))).toBe(false)
  expect(readFileSync(join(built, 'hosts', 'desktop', 'main.js'), 'utf8')).not.toMatch(/\.c?ts'/)
})
