import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

type FindElectron = (options: { root: string; env: Record<string, string>; platform: string; uid: number; fetch: (folder: string) => void }) => { found: string } | { why: string }
const { findElectron } = (await import(pathToFileURL(join(import.meta.dirname, 'find-electron.mjs')).href)) as { findElectron: FindElectron }

let root: string
let fetched: string[]

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'signalbox-electron-'))
  fetched = []
  writeFileSync(join(root, 'package.json'), '{}')
  mkdirSync(join(root, 'node_modules', 'electron'), { recursive: true })
  writeFileSync(join(root, 'node_modules', 'electron', 'package.json'), '{}')
})
afterEach(() => rmSync(root, { recursive: true }))

const find = (change: Partial<Parameters<FindElectron>[0]> = {}) =>
  findElectron({ root, env: { DISPLAY: ':0' }, platform: 'linux', uid: 1000, fetch: (folder) => void fetched.push(folder), ...change })

function placeBinary(folder: string, name: string): string {
  const file = join(folder, name)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, '')
  return file
}

test('found where the package puts it, without fetching', () => {
  const binary = placeBinary(join(root, 'node_modules', 'electron', 'dist'), 'electron')
  expect(find()).toEqual({ found: binary })
  expect(find({ env: { WAYLAND_DISPLAY: 'wayland-0' } })).toEqual({ found: binary })
  expect(fetched).toEqual([])
})

test('found in the folder that ELECTRON_OVERRIDE_DIST_PATH names, and under the name of each platform', () => {
  const folder = join(root, 'elsewhere')
  const binary = placeBinary(folder, 'electron')
  const mac = placeBinary(folder, 'Electron.app/Contents/MacOS/Electron')
  const env = { DISPLAY: ':0', ELECTRON_OVERRIDE_DIST_PATH: folder }
  expect(find({ env })).toEqual({ found: binary })
  expect(find({ env, platform: 'darwin', uid: 501 })).toEqual({ found: mac })
})

test('missing: fetched once; when that fails too, it says why', () => {
  expect(find()).toEqual({ why: expect.stringContaining('could not be fetched') as unknown })
  expect(fetched).toHaveLength(1)
  const binary = join(root, 'node_modules', 'electron', 'dist', 'electron')
  expect(find({ fetch: (folder) => void placeBinary(join(folder, 'dist'), 'electron') })).toEqual({ found: binary })
})

test.each([
  ['no display', { env: {} }, 'no display'],
  ['root', { uid: 0 }, 'root'],
])('%s: nothing is fetched', (_what, change, why) => {
  placeBinary(join(root, 'node_modules', 'electron', 'dist'), 'electron')
  expect(find(change)).toEqual({ why: expect.stringContaining(why) as unknown })
  expect(fetched).toEqual([])
})

test('the package is not installed', () => {
  rmSync(join(root, 'node_modules'), { recursive: true })
  expect(find()).toEqual({ why: 'the electron package is not installed' })
})
