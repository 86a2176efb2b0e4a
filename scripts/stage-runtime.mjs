// What an installed app carries outside its archive: Node, supervisor, router and flag server as one file each, and the demo; with the
// digest of every file in runtime.json, which goes inside the archive.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, constants, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { demoBuild, localBuild, root } from './vite-builds.mjs'

/** Writes `dist`/runtime/** and `dist`/runtime.json. */
export async function stageRuntime(dist) {
  const runtime = join(dist, 'runtime')
  rmSync(runtime, { recursive: true, force: true })
  mkdirSync(join(runtime, 'node'), { recursive: true })
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  copyFileSync(nodeBinary(), join(runtime, 'node', name), constants.COPYFILE_FICLONE)
  chmodSync(join(runtime, 'node', name), 0o755)
  const { build } = await import('vite')
  for (const program of ['supervisor', 'router', 'flag-server']) await build(localBuild(program, join(runtime, 'local')))
  cpSync(join(root, 'resources', 'demo'), join(runtime, 'demo'), { recursive: true })
  await build(demoBuild(join(runtime, 'demo')))
  const workspace = join(runtime, 'demo', 'signalbox.yaml')
  writeFileSync(workspace, withoutPostgres(readFileSync(workspace, 'utf8')))
  const parts = Object.fromEntries(['node', 'local', 'demo'].map((part) => [part, { files: digests(join(runtime, part)) }]))
  writeFileSync(join(dist, 'runtime.json'), `${JSON.stringify(parts, null, 2)}\n`)
}

/** The demo without what needs a PostgreSQL, which an installed app does not bring. */
export function withoutPostgres(text) {
  const kept = text.replaceAll(/^ *# ---- with PostgreSQL:[^]*?^ *# ---- end ----\n/gm, '')
  return kept.replace(/^ *customers=http.*\n/m, '')
}

/** The Node that supervisor and router will run on: of the package that is made for it, or the official one running this. */
function nodeBinary() {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve(`node-${platform}-${process.arch}/package.json`)
    return join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  } catch {
    const { stdout } = spawnSync(process.execPath, ['-p', 'process.config.variables.node_shared'], { encoding: 'utf8' })
    if (stdout.trim() === 'true') throw new Error(`This Node (${process.execPath}) needs libraries of this machine. Next step: run this with a Node 24 from https://nodejs.org.`)
    return process.execPath
  }
}

function digests(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .map((file) => [relative(folder, file).split(sep).join('/'), createHash('sha256').update(readFileSync(file)).digest('hex')])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** Bytes of a file, or of all files below a folder. */
export function sizeOf(path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat?.isDirectory()) return stat?.size ?? 0
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}
