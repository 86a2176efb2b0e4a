// Where Electron's binary is, or why the desktop app cannot run here.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const FETCH_DEADLINE_MS = 60_000
const BINARY = { win32: 'electron.exe', darwin: 'Electron.app/Contents/MacOS/Electron' }

/**
 * Fetches the binary when it is missing, but never waits long for a network.
 * @param {{ root: string, env: NodeJS.ProcessEnv, platform: NodeJS.Platform, uid: number | undefined, fetch?: (folder: string) => void }} options
 * @returns {{ found: string } | { why: string }}
 */
export function findElectron({ root, env, platform, uid, fetch = fetchBinary }) {
  if (platform === 'linux' && !env['DISPLAY'] && !env['WAYLAND_DISPLAY']) return { why: 'there is no display here' }
  // Chromium's sandbox cannot be set up by root, and we do not switch it off.
  if (platform === 'linux' && uid === 0) return { why: 'Electron does not run as root' }
  let folder
  try {
    folder = dirname(createRequire(join(root, 'package.json')).resolve('electron/package.json'))
  } catch {
    return { why: 'the electron package is not installed' }
  }
  const binary = () => {
    const override = env['ELECTRON_OVERRIDE_DIST_PATH']
    const recorded = join(folder, 'path.txt')
    const name = existsSync(recorded) ? readFileSync(recorded, 'utf8').trim() : (BINARY[platform] ?? 'electron')
    const path = override ? join(override, name) : join(folder, 'dist', name)
    return existsSync(path) ? path : undefined
  }
  if (!binary()) fetch(folder)
  const found = binary()
  return found ? { found } : { why: "Electron's binary is not here and could not be fetched" }
}

function fetchBinary(folder) {
  console.log("Fetching Electron's binary, once; without it the console opens in the browser.")
  spawnSync(process.execPath, [join(folder, 'install.js')], { stdio: 'ignore', timeout: FETCH_DEADLINE_MS, cwd: folder })
}
