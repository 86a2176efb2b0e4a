import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { FUSES, type Observation, type ProjectFacts, SECURITY_LIST } from './testing/security-list.ts'

/**
 * Electron's security list, each item by its number, held against the host's sources, against its built files, and
 * against a careless host on which every item must fail.
 */
const root = fileURLToPath(new URL('../../..', import.meta.url))
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'signalbox-security-'))
const observed: Record<string, Observation> = {}
let project: ProjectFacts
const CARELESS: ProjectFacts = { electron: '^28.0.0', fuses: {}, page: '<webview allowpopups>' }

beforeAll(async () => {
  const { stripFolder } = (await import(pathToFileURL(join(root, 'scripts', 'strip-types.mjs')).href)) as { stripFolder: (from: string, to: string) => void }
  // Built files, and a page beside them as an installed app has it; found from the sources too.
  for (const dist of ['built', 'source']) {
    mkdirSync(join(folder, dist, 'renderer', 'assets'), { recursive: true })
    writeFileSync(join(folder, dist, 'renderer', 'index.html'), '<!doctype html>')
    writeFileSync(join(folder, dist, 'renderer', 'assets', 'app.js'), 'export {}')
    symlinkSync(join(root, 'node_modules'), join(folder, dist, 'node_modules'))
    writeFileSync(join(folder, dist, 'package.json'), readFileSync(join(root, 'package.json')))
  }
  stripFolder(join(root, 'src-main'), join(folder, 'built', 'desktop'))
  // The sources themselves, at a place that has a page beside it.
  symlinkSync(join(root, 'src-main'), join(folder, 'source', 'desktop'))
  writeFileSync(join(folder, 'signalbox.yaml'), 'workspace: secure\ntier: dev\nservices:\n  checkout:\n    run: ./server\n    versions: [1.0.0]\n    folder: .\n')

  const observe = async (name: string, main: string) => {
    observed[name] = await observation(main, join(folder, `data-${name}`))
  }
  await Promise.all([
    observe('sources', join(folder, 'source', 'desktop', 'hosts', 'desktop', 'main.ts')),
    observe('built', join(folder, 'built', 'desktop', 'hosts', 'desktop', 'main.js')),
    observe('careless', here('testing/careless-host.ts')),
  ])
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { devDependencies: { electron: string } }
  const builder = parse(readFileSync(join(root, 'electron-builder.yml'), 'utf8')) as { electronFuses: Record<string, boolean>; afterPack: string }
  const { WASM_TRAP_HANDLERS } = (await import(pathToFileURL(join(root, builder.afterPack)).href)) as { WASM_TRAP_HANDLERS: boolean }
  project = { electron: manifest.devDependencies.electron, fuses: { ...builder.electronFuses, wasmTrapHandlers: WASM_TRAP_HANDLERS }, page: pageText() }
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function observation(main: string, dataFolder: string): Promise<Observation> {
  const compose = { host: 'desktop', dataFolder, workspaceFile: join(folder, 'signalbox.yaml'), auditFile: null, trustWorkspace: false, scope: 'whole', nodePath: process.execPath }
  const options = `--signalbox=${Buffer.from(JSON.stringify(compose)).toString('base64url')}`
  const args = ['--preserve-symlinks', '--preserve-symlinks-main', '--import', here('testing/electron-hook.mjs'), here('testing/observe.ts'), pathToFileURL(main).href, options]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let errors = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')))
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')))
    child.once('close', (code) => {
      const line = out.split('\n').find((text) => text.startsWith('{'))
      if (line === undefined) reject(new Error(`${main} ended with ${code}\n${out}\n${errors}`))
      else resolve(JSON.parse(line) as Observation)
    })
  })
}

function pageText(): string {
  const files = readdirSync(join(root, 'src-renderer'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && /\.(tsx?|html)$/.test(entry.name))
  return files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')).join('\n')
}

test('the list is whole: 20 items, numbered as Electron numbers them', () => {
  expect(SECURITY_LIST.map((item) => item.number)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
})

describe.each(SECURITY_LIST.map((item) => [`${item.number}. ${item.title}`, item] as const))('%s', (_title, item) => {
  test('holds in the sources', () => expect(item.holds(observed['sources']!, project), JSON.stringify(observed['sources'])).toBe(true))
  test('holds in the built files', () => expect(item.holds(observed['built']!, project), JSON.stringify(observed['built'])).toBe(true))
  test('control: fails on a careless host', () => expect(item.holds(observed['careless']!, CARELESS)).toBe(false))
})

describe('each fuse', () => {
  test('nine are known', () => expect(Object.keys(FUSES)).toHaveLength(9))
  test.each(Object.entries(FUSES))('%s is %s', (fuse, on) => expect(project.fuses[fuse]).toBe(on))
  test.each(Object.entries(FUSES))('control: %s the other way is noticed', (fuse, on) => {
    const list = SECURITY_LIST.find((item) => item.number === 19)
    expect(list?.holds(observed['sources']!, { ...project, fuses: { ...project.fuses, [fuse]: !on } })).toBe(false)
    const { [fuse]: _gone, ...others } = project.fuses
    expect(list?.holds(observed['sources']!, { ...project, fuses: others })).toBe(false)
  })
})
