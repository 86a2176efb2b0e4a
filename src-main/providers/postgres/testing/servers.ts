import { execFileSync, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { appendFileSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import { embeddedPackage, isOurs, packageFrom, putInPlace, runnableBinaries } from '../practice/binaries.ts'
import { serverUser } from '../practice/unprivileged-user.ts'

/** The PostgreSQL versions tests run against: the oldest supported, Debian's, the newest. */
export type ServerVersion = '14' | '15' | '18'

export type StopMode = 'fast' | 'immediate'

/** A real PostgreSQL server of a test's own. It ends with the test's process, whatever happens to that. */
export type TestServer = {
  readonly version: ServerVersion
  readonly port: number
  /** Superuser `postgres`, trusted, over TCP. Connections of a role named `guarded` are asked for a password. */
  url(database?: string): string
  /** An empty one, also when a test that is tried again left its own. */
  createDatabase(name: string): Promise<string>
  /** `immediate` is a crash: no checkpoint, recovery at the next start. Port and data stay. */
  stop(mode?: StopMode): Promise<void>
  restart(mode: StopMode): Promise<void>
  sql(text: string, database?: string): Promise<Record<string, unknown>[]>
}

const DEBIAN_BIN = '/usr/lib/postgresql/15/bin'

const TEST_SETTINGS = {
  // What was committed must survive a killed server, not a power cut; so commits are written, and not flushed to disk.
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '32MB',
  max_connections: '100',
  jit: 'off',
  autovacuum_naptime: '10s',
  log_min_messages: 'warning',
  lc_messages: 'C',
  timezone: 'UTC',
}

// Runs as the server's user for as long as the test's process holds the other end of its standard input; it is the one
// that ends the server when that process is gone, however it went.
const KEEPER = `
pid=
cd "$1"
while read -r word port; do
  case $word in
    start) "$2" -D "$1/data" -p "$port" >>"$1/log" 2>&1 </dev/null & pid=$! ;;
    fast) kill -INT $pid; wait $pid; echo stopped ;;
    immediate) kill -QUIT $pid; wait $pid; echo stopped ;;
  esac
done
kill -QUIT $pid 2>/dev/null
wait
rm -rf "$1"
`

/** Why a server of this version cannot be had on this machine, for a test to be skipped aloud; `null` when it can. */
export function serverOrWhy(version: ServerVersion): string | null {
  if (process.platform === 'win32') return `PostgreSQL ${version} for tests needs a Unix machine`
  if (serverUser() === undefined) return `PostgreSQL ${version} does not run as root, and this machine has no user postgres or nobody`
  if (version === '15') return existsSync(join(DEBIAN_BIN, 'postgres')) ? null : `PostgreSQL 15 is not installed in ${DEBIAN_BIN}`
  return packageOf(version) ? null : `the package with PostgreSQL ${version} for ${process.platform} ${process.arch} is not installed`
}

/** Starts a server of its own, in less than a second once this machine has the version's template. */
export async function startServer(
  version: ServerVersion,
  options: { readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<TestServer> {
  const why = serverOrWhy(version)
  if (why) throw new Error(why)
  const user = serverUser() ?? null
  const root = rootFolder()
  const { bin, label } = programs(version, root)
  const template = templateFor(bin, label, root)

  const home = join(root, 's', randomBytes(4).toString('hex'))
  mkdirSync(home, { recursive: true, mode: 0o700 })
  if (user) chownSync(home, user.uid, user.gid)
  execFileSync('cp', ['-R', template, join(home, 'data')], user ?? {})
  const settings = { ...TEST_SETTINGS, listen_addresses: '127.0.0.1', unix_socket_directories: home, ...options.settings }
  appendFileSync(
    join(home, 'data', 'postgresql.conf'),
    Object.entries(settings)
      .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
      .join(''),
  )

  const keeper = spawn('/bin/sh', ['-c', KEEPER, 'keeper', home, join(bin, 'postgres')], {
    ...user,
    cwd: home,
    // A session of its own: an interrupt typed at the test run must not end the keeper before its server.
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  keeper.unref()
  // A test's process ends when its tests do; these pipes alone must not hold it.
  const answers = keeper.stdout instanceof Socket ? keeper.stdout.unref() : undefined
  if (keeper.stdin instanceof Socket) keeper.stdin.unref()
  keeper.stdin.on('error', () => {})

  const told = (line: string) => void keeper.stdin.write(`${line}\n`)
  const stopped = () =>
    new Promise<void>((resolve) => {
      answers?.ref()
      keeper.stdout.once('data', () => {
        answers?.unref()
        resolve()
      })
    })

  let port = 0
  let running = false
  const start = async () => {
    told(`start ${port}`)
    await ready(home, port)
    running = true
  }
  for (let attempt = 1; !running; attempt += 1) {
    port = await freePort()
    try {
      await start()
    } catch (error) {
      // Someone took the port between looking and listening.
      if (attempt === 3 || !log(home).includes('Address already in use')) throw error
    }
  }

  const server: TestServer = {
    version,
    port,
    url: (database = 'postgres') => `postgres://postgres@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    async createDatabase(name) {
      const quoted = `"${name.replaceAll('"', '""')}"`
      await server.sql(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`)
      await server.sql(`CREATE DATABASE ${quoted}`)
      return server.url(name)
    },
    async stop(mode = 'fast') {
      if (!running) return
      running = false
      const done = stopped()
      told(mode)
      await done
    },
    async restart(mode) {
      await server.stop(mode)
      await start()
    },
    async sql(text, database) {
      const client = new Client({ connectionString: server.url(database) })
      await client.connect()
      try {
        const result: unknown = await client.query(text)
        // Several statements answer with a list; the last one's rows are the answer.
        const last: unknown = Array.isArray(result) ? result.at(-1) : result
        return rowsOf(last)
      } finally {
        await client.end()
      }
    },
  }
  return server
}

const shared = new Map<ServerVersion, Promise<TestServer>>()

/** One server per version for all tests of this process that only need a database of their own. Nobody stops it. */
export function sharedServer(version: ServerVersion): Promise<TestServer> {
  const server = shared.get(version) ?? startServer(version)
  shared.set(version, server)
  return server
}

function packageOf(version: '14' | '18') {
  return version === '18' ? embeddedPackage() : packageFrom(`postgres-14-${process.platform}-${process.arch}`)
}

function programs(version: ServerVersion, root: string): { readonly bin: string; readonly label: string } {
  if (version === '15') return { bin: DEBIAN_BIN, label: execFileSync(join(DEBIAN_BIN, 'postgres'), ['-V'], { encoding: 'utf8' }).replaceAll(/[^\w.]+/g, '-') }
  const from = packageOf(version)
  if (!from) throw new Error(serverOrWhy(version) ?? '')
  return { bin: join(runnableBinaries(from, join(root, 'b')), 'bin'), label: from.version }
}

/** A data folder fresh from initdb, made once per version and machine: copying it takes a tenth of the time. */
function templateFor(bin: string, label: string, root: string): string {
  const template = join(root, 't', label)
  if (existsSync(template)) return template
  const user = serverUser() ?? null
  const aside = `${template}.${randomBytes(6).toString('hex')}`
  mkdirSync(join(root, 't'), { recursive: true, mode: 0o755 })
  mkdirSync(aside, { mode: 0o700 })
  if (user) chownSync(aside, user.uid, user.gid)
  execFileSync(
    join(bin, 'initdb'),
    ['-D', aside, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'],
    { ...user, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const rules = join(aside, 'pg_hba.conf')
  const guarded = 'host all guarded all scram-sha-256\nlocal all guarded scram-sha-256\n'
  const rest = readFileSync(rules, 'utf8')
  rmSync(rules)
  appendFileSync(rules, guarded + rest, { mode: 0o600 })
  if (user) chownSync(rules, user.uid, user.gid)
  return putInPlace(aside, template)
}

function rootFolder(): string {
  // Short, since the path of a Unix socket has room for 107 characters.
  const folder = join(tmpdir(), `sb-pg-${process.getuid?.() ?? 0}`)
  mkdirSync(join(folder, 's'), { recursive: true, mode: 0o755 })
  // The keeper takes its server's folder away again.
  const user = serverUser() ?? null
  if (user) chownSync(join(folder, 's'), user.uid, user.gid)
  if (!isOurs(folder)) throw new Error(`${folder} belongs to another user`)
  return folder
}

/** The postmaster writes its state into the eighth line of its pid file; "ready" is when it takes connections. */
async function ready(home: string, port: number): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await wait(10)) {
    const lines = readMaybe(join(home, 'data', 'postmaster.pid')).split('\n')
    if (lines[3] === String(port) && lines[7]?.trim() === 'ready') return
    if (/^.*FATAL: .*(could not create|configuration file|invalid)/m.test(log(home))) break
  }
  throw new Error(`PostgreSQL did not start on port ${port}: ${log(home).split('\n').slice(-8).join('\n')}`)
}

function log(home: string): string {
  return readMaybe(join(home, 'log'))
}

function readMaybe(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Below the range from which systems give ports to outgoing connections: a stopped server finds its port free again. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000)
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer()
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
}

function rowsOf(result: unknown): Record<string, unknown>[] {
  return typeof result === 'object' && result !== null && 'rows' in result && Array.isArray(result.rows) ? result.rows : []
}
