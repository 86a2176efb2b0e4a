// npm run build: renderer and desktop host into dist/. `buildRendererIfStale` is what start uses.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { stripFolder } from './strip-types.mjs'
import { rendererBuild, root } from './vite-builds.mjs'

/** Argument of the process that only runs Vite. */
const BUILD_RENDERER = '--renderer-now'

/** Names, sizes and times of everything the bundles are made of. */
function fingerprint(folders) {
  const hash = createHash('sha256')
  for (const folder of folders) {
    const files = statSync(join(root, folder)).isFile()
      ? [join(root, folder)]
      : readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile() && !entry.name.includes('.test.'))
          .map((entry) => join(entry.parentPath, entry.name))
          .toSorted()
    for (const file of files) {
      const { size, mtimeMs } = statSync(file)
      hash.update(`${file}\0${size}\0${mtimeMs}\n`)
    }
  }
  return hash.digest('hex')
}

async function buildIfStale(stampName, sources, outputs, run) {
  const stamp = join(root, 'dist', stampName)
  const now = fingerprint([...sources, 'scripts/vite-builds.mjs', 'scripts/strip-types.mjs', 'package-lock.json'])
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === now && outputs.every((output) => existsSync(join(root, 'dist', output)))
  if (fresh) return false
  await run()
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(stamp, now)
  return true
}

/** Builds the screens unless the last build is of these very sources. Resolves to whether it built. */
export const buildRendererIfStale = (onBuild = () => {}) =>
  buildIfStale('.renderer-stamp', ['src-renderer', 'src-main/contract'], ['renderer/index.html'], async () => {
    onBuild()
    await inProcessOfItsOwn()
  })

/** A bundler leaves half a gigabyte behind in its process, and the console goes on in this one. */
function inProcessOfItsOwn() {
  return new Promise((resolve, reject) => {
    // Vite's plugins pick their production forms by NODE_ENV.
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), BUILD_RENDERER], { stdio: 'inherit', env: { ...process.env, NODE_ENV: 'production' } })
    child.once('error', reject)
    child.once('exit', (code, signal) => (code === 0 ? resolve() : reject(new Error(`The screens could not be built (${signal ?? `exit code ${code}`}).`))))
  })
}

/** Makes the desktop host's files unless they are of these very sources. dist/ mirrors the repository: same paths between them. */
export const buildDesktopIfStale = () =>
  buildIfStale('.desktop-stamp', ['src-main', 'resources', 'package.json'], ['desktop/hosts/desktop/main.js', 'package.json'], () => {
    stripFolder(join(root, 'src-main'), join(root, 'dist/desktop'))
    rmSync(join(root, 'dist/resources'), { recursive: true, force: true })
    cpSync(join(root, 'resources'), join(root, 'dist/resources'), { recursive: true })
    writeFileSync(join(root, 'dist/package.json'), manifestOfBuild())
  })

/** What built files need of package.json: that they are modules, and the product's version. */
export function manifestOfBuild() {
  const { name, version, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return `${JSON.stringify({ name, version, type })}\n`
}

const isMain = import.meta.url === pathToFileURL(process.argv[1] ?? '').href
if (isMain && process.argv[2] === BUILD_RENDERER) {
  const { build } = await import('vite')
  await build(await rendererBuild())
} else if (isMain) {
  const startedAt = performance.now()
  const built = [(await buildRendererIfStale()) && 'renderer', (await buildDesktopIfStale()) && 'desktop host'].filter(Boolean)
  console.log(built.length > 0 ? `built: ${built.join(', ')} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s` : 'build: nothing changed')
}
