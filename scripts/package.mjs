// npm run package -- [--dir] [--electron-dist FOLDER] [--out FOLDER]: packs the desktop app for this platform.
//   --dir            the unpacked app only, no installer
//   --electron-dist  a folder with Electron's distribution, instead of the one electron-builder fetches
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { buildDesktopIfStale, buildRendererIfStale } from './build.mjs'
import { sizeOf, stageRuntime } from './stage-runtime.mjs'
import { root } from './vite-builds.mjs'

/**
 * Packs what lies in `dist` (desktop, renderer, resources, package.json) and the runtime staged beside it.
 * @param {{ dist?: string, out?: string, electronDist?: string, dir?: boolean, config?: Record<string, unknown> }} options
 * @returns {Promise<readonly string[]>} paths of what was made
 */
export async function packageApp({ dist = join(root, 'dist'), out, electronDist, dir = false, config: extra = {} } = {}) {
  await stageRuntime(dist)
  const given = parse(readFileSync(join(root, 'electron-builder.yml'), 'utf8'))
  const config = {
    ...given,
    directories: { ...given.directories, ...(out ? { output: out } : {}) },
    files: given.files.map((entry) => (entry.from === 'dist' ? { ...entry, from: dist } : entry)),
    extraResources: given.extraResources.map((entry) => ({ ...entry, from: entry.from.replace(/^dist(?=\/)/, dist) })),
    ...(electronDist ? { electronDist } : {}),
    ...extra,
  }
  // As a file: a configuration that is handed over is merged with electron-builder.yml, lists and all.
  const file = join(dist, 'electron-builder.json')
  writeFileSync(file, JSON.stringify(config, null, 2))
  const { build } = await import('electron-builder')
  return build({ projectDir: root, ...(dir ? { dir: true } : {}), publish: 'never', config: file })
}

/** The parts of a packed app and their sizes, bytes. `resources`: the folder that holds app.asar. */
export function sizesOfParts(resources) {
  const whole = sizeOf(join(resources, '..'))
  const parts = { 'app.asar': 'app.asar', 'native part (app.asar.unpacked)': 'app.asar.unpacked', 'Node for supervisor and router': 'runtime/node', 'supervisor, router and flag server': 'runtime/local', demo: 'runtime/demo' }
  const sizes = Object.fromEntries(Object.entries(parts).map(([name, path]) => [name, sizeOf(join(resources, path))]))
  return { ...sizes, Electron: whole - Object.values(sizes).reduce((sum, size) => sum + size, 0) }
}

async function main() {
  const { values } = parseArgs({ options: { dir: { type: 'boolean', default: false }, 'electron-dist': { type: 'string' }, out: { type: 'string' } } })
  await buildRendererIfStale(() => console.log('Building the screens.'))
  await buildDesktopIfStale()
  const from = process.env['INIT_CWD'] ?? process.cwd()
  const absolute = (path) => (path === undefined ? undefined : resolve(from, path))
  const out = absolute(values.out)
  const made = await packageApp({ dir: values.dir, ...(out ? { out } : {}), ...(values['electron-dist'] ? { electronDist: absolute(values['electron-dist']) } : {}) })
  for (const file of made) console.log(`${(sizeOf(file) / 1e6).toFixed(1)} MB  ${file}`)
  const unpacked = { linux: 'linux-unpacked/resources', win32: 'win-unpacked/resources', darwin: `mac${process.arch === 'arm64' ? '-arm64' : ''}/Signalbox.app/Contents/Resources` }[process.platform]
  if (unpacked) for (const [part, bytes] of Object.entries(sizesOfParts(join(out ?? join(root, 'release'), unpacked)))) console.log(`${(bytes / 1e6).toFixed(2).padStart(8)} MB  ${part}`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
