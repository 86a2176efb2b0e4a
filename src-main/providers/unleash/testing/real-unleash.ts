import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createServer } from 'node:net'
import { serverOrWhy, startServer } from '../../postgres/testing/servers.ts'

const VERSION = '8.2.0'
const TOKEN = '*:*.an-admin-token-for-tests-only'

export interface RealUnleash {
  readonly url: string
  readonly token: string
  ask(method: string, path: string, body?: unknown): Promise<unknown>
  close(): Promise<void>
}

/** Why the real Unleash is not run here, for tests to be skipped aloud; null when it is. */
export function unleashOrWhy(): string | null {
  if (process.env['SIGNALBOX_REAL_UNLEASH'] !== '1') return `unleash-server ${VERSION} takes 200 MB from npm: SIGNALBOX_REAL_UNLEASH=1 installs it into the system's temporary folder and runs these tests against it`
  return serverOrWhy('18')
}

/** The open-source edition on a PostgreSQL of its own. */
export async function startRealUnleash(): Promise<RealUnleash> {
  const folder = join(tmpdir(), `signalbox-unleash-${VERSION}`)
  const main = join(folder, 'node_modules', 'unleash-server', 'dist', 'server.js')
  if (!existsSync(main)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"private": true}\n')
    execFileSync('npm', ['install', `unleash-server@${VERSION}`, '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' })
  }
  const postgres = await startServer('18')
  const database = await postgres.createDatabase('unleash')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env = { ...process.env, DATABASE_URL: database, DATABASE_SSL: 'false', HTTP_PORT: String(port), HTTP_HOST: '127.0.0.1', LOG_LEVEL: 'error', INIT_ADMIN_API_TOKENS: TOKEN, CHECK_VERSION: 'false', SEND_TELEMETRY: 'false', NODE_ENV: 'production' }
  const child: ChildProcess = spawn(process.execPath, [main], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
  const errors: string[] = []
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk.toString()))
  for (let tries = 0; ; tries += 1) {
    if (await fetch(`${url}/health`).then((response) => response.ok, () => false)) break
    if (tries > 600 || child.exitCode !== null) throw new Error(`Unleash did not start: ${errors.join('').slice(-2000)}`)
    await wait(200)
  }
  return {
    url,
    token: TOKEN,
    async ask(method, path, body) {
      const response = await fetch(`${url}/api/admin/${path}`, { method, headers: { authorization: TOKEN, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      const text = await response.text()
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      return text === '' ? null : (JSON.parse(text) as unknown)
    },
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill()
      await ended
      await postgres.stop('immediate')
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
