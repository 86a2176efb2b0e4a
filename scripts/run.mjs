// Runs a command under a Node new enough for this product (24), wherever npm itself runs.
// better-sqlite3 13 needs N-API 10 and the sources run by type stripping, so Node 20 cannot do it; it would crash.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve(`${name}/package.json`)
    return join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  } catch {
    console.error(
      `Signalbox needs Node 24 or newer; this is ${process.version}, and the package ${name} that carries one is not installed.\n` +
        'Next step: install Node 24 (https://nodejs.org), or run `npm ci` without --omit=optional on Linux x64.',
    )
    process.exit(1)
  }
}

const node = findNode()
const [command, ...args] = process.argv.slice(2)
const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter)
const child = spawn(command === 'node' ? node : command, args, {
  stdio: 'inherit',
  // Stripping the types of our sources is most of a short command's time; Node keeps the result here.
  env: { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'node'), ...process.env, PATH: path },
  shell: process.platform === 'win32' && command !== 'node',
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  console.error(`Cannot run ${command}: ${error.message}`)
  process.exit(127)
})
child.on('exit', (code, signal) => process.exit(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1)))
