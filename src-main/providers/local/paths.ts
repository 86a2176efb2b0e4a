import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'

/** Room a unix socket's path has on Linux is 108 bytes with the closing zero, 104 on macOS (unix(7)). */
const SOCKET_PATH_BYTES = 100

/** Where one data folder's supervisor keeps its things. */
export interface LocalPaths {
  readonly folder: string
  readonly socket: string
  readonly token: string
  readonly lock: string
  readonly output: string
  readonly logs: string
  /** Practice databases, one folder each; made when the first is needed. */
  readonly practice: string
}

function privateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const stat = lstatSync(folder)
  if (!stat.isDirectory()) throw new Error(`${folder} is not a folder`)
  if (process.platform === 'win32') return
  if (stat.uid !== userInfo().uid) throw new Error(`${folder} belongs to somebody else`)
  if ((stat.mode & 0o077) !== 0) chmodSync(folder, 0o700)
}

function socketPath(folder: string): string {
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return `\\\\.\\pipe\\signalbox-${digest}`
  const inside = join(folder, 'control.sock')
  if (Buffer.byteLength(inside) <= SOCKET_PATH_BYTES) return inside
  const runtime = process.env['XDG_RUNTIME_DIR']
  const base = runtime && Buffer.byteLength(runtime) < 50 ? runtime : tmpdir().length < 50 ? tmpdir() : '/tmp'
  const short = join(base, `signalbox-${userInfo().uid}`)
  privateFolder(short)
  return join(short, `${digest}.sock`)
}

/** Makes the folders (mode 0700) and says where everything is. A socket path that had to be put elsewhere is recorded in the folder. */
export function localPaths(dataFolder: string): LocalPaths {
  mkdirSync(dataFolder, { recursive: true })
  const folder = join(realpathSync(dataFolder), 'local')
  privateFolder(folder)
  const logs = join(folder, 'logs')
  privateFolder(logs)
  const place = join(folder, 'control.path')
  let socket = ''
  try {
    socket = readFileSync(place, 'utf8').trim()
  } catch {
    // First use of this folder.
  }
  const wanted = socketPath(folder)
  const moved = socket !== '' && !socket.startsWith(folder) && lstatOrNull(socket) === null
  if (socket === '' || moved || (wanted.startsWith(folder) && socket !== wanted)) {
    socket = wanted
    writeFileSync(place, `${socket}\n`, { mode: 0o600 })
  }
  return { folder, socket, token: join(folder, 'token'), lock: join(folder, 'lock'), output: join(folder, 'supervisor.log'), logs, practice: join(dirname(folder), 'practice') }
}

function lstatOrNull(path: string) {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null
}

/** The secret both ends prove to know; made by whoever comes first, readable by its owner only. */
export function readToken(file: string): Buffer {
  try {
    writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const token = Buffer.from(readFileSync(file, 'utf8').trim(), 'hex')
  if (token.length !== 32) throw new Error(`${file} does not hold a token; remove it and start again`)
  return token
}
