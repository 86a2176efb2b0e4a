import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { Fault } from '../../contract/fault.ts'

/** A unix socket's path has 108 bytes on Linux, 104 on macOS, the closing zero included (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 100

/** Where a terminal finds the console that holds a data folder. */
export interface ConsolePlace {
  readonly socket: string
  readonly token: string
}

/** Makes the private folder (0700) inside the data folder and says where socket and token are. */
export function consolePlace(dataFolder: string): ConsolePlace {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  const folder = join(realpathSync(dataFolder), 'console')
  makePrivate(folder)
  return { socket: socketPath(folder), token: join(folder, 'token') }
}

function socketPath(folder: string): string {
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return `\\\\.\\pipe\\signalbox-console-${digest}`
  const inside = join(folder, 'console.sock')
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH_BYTES) return inside
  const base = Buffer.byteLength(tmpdir()) < 50 ? tmpdir() : '/tmp'
  const short = join(base, `signalbox-console-${userInfo().uid}`)
  makePrivate(short)
  return join(short, `${digest}.sock`)
}

/** Only the owner may look inside; a folder of somebody else's is never used. */
function makePrivate(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (process.platform === 'win32') return
  const stat = lstatSync(folder)
  if (!stat.isDirectory() || stat.uid !== userInfo().uid) {
    throw new Fault('notAllowed', `${folder} belongs to somebody else, so no terminal can be served there. Services are not affected.`, 'Choose another data folder with --data DIR.')
  }
  if ((stat.mode & 0o077) !== 0) chmodSync(folder, 0o700)
}

/** The secret both ends know; made by whoever comes first, readable by its owner only. */
export function readConsoleToken(file: string): Buffer {
  try {
    writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return Buffer.from(readFileSync(file, 'utf8').trim(), 'hex')
}

/** What a terminal answers to the console's challenge: it knows the token without saying it. */
export function answerChallenge(token: Buffer, challenge: string): string {
  return createHmac('sha256', token).update(`signalbox-terminal:${challenge}`).digest('base64url')
}

export function challengeMet(token: Buffer, challenge: string, answer: string): boolean {
  const expected = Buffer.from(answerChallenge(token, challenge))
  const given = Buffer.from(answer)
  // Lengths are public.
  return given.length === expected.length && timingSafeEqual(given, expected)
}
