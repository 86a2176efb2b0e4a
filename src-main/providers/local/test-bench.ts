import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogLine } from '../../contract/service.ts'
import type { ObservedEnvironment, Weights } from '../../contract/traffic.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../../contract/vocabulary.ts'
import type { ServiceConfig } from '../../contract/workspace.ts'
import type { LeaseRequest, SetWeights } from '../../core/ports.ts'
import type { LocalSettingsInput } from './config.ts'
import { readStartTime } from './identity.ts'
import { createLocalProvider, type LocalProvider, type LocalProviderOptions } from './provider.ts'
import type { SupervisorStatus } from './protocol.ts'

/**
 * A small program to be released. The kind of its version decides how it behaves: `good`, `unready` (answers 503 on
 * /ready), `crash` (ends at once), `slow` (needs a second to be ready), `deaf` (ignores SIGTERM).
 */
const PROGRAM = `
import { createServer } from 'node:http'
import { createHash } from 'node:crypto'
const version = process.argv[2] ?? process.env.VERSION
const kind = version.split('-')[0]
if (kind === 'crash') { console.error('cannot open the database'); process.exit(3) }
const readyAt = Date.now() + (kind === 'slow' ? 1000 : 0)
const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://x')
  const say = (body, status = 200) => { response.writeHead(status, { 'content-type': 'application/json' }); response.end(JSON.stringify(body)) }
  if (url.pathname === '/ready') return say({}, kind === 'unready' || Date.now() < readyAt ? 503 : 200)
  if (url.pathname === '/env') return say(process.env)
  if (url.pathname === '/headers') { response.setHeader('x-answer', 'yes'); return say({ headers: request.headers, raw: request.rawHeaders, url: request.url }) }
  if (url.pathname === '/status') return say({}, Number(url.searchParams.get('code')))
  if (url.pathname === '/wait') return setTimeout(() => say({ environment: process.env.ENVIRONMENT, version }), Number(url.searchParams.get('ms')))
  if (url.pathname === '/die') process.exit(7)
  if (url.pathname === '/early') { response.writeHead(413, { 'content-type': 'text/plain' }); return response.end('too large') }
  if (url.pathname === '/break') { response.writeHead(200, { 'content-length': '1000' }); response.write('half'); return setTimeout(() => request.socket.destroy(), 20) }
  if (url.pathname === '/hash') {
    const hash = createHash('sha256'); let bytes = 0
    request.on('data', (chunk) => { hash.update(chunk); bytes += chunk.length }).on('end', () => say({ bytes, hash: hash.digest('hex'), environment: process.env.ENVIRONMENT }))
    return
  }
  if (url.pathname === '/bytes') { let left = Number(url.searchParams.get('n')); const block = Buffer.alloc(65536, 'x'); const more = () => { while (left > 0) { const part = block.subarray(0, Math.min(left, block.length)); left -= part.length; if (!response.write(part)) return response.once('drain', more) } response.end() }; return more() }
  if (url.pathname === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }); response.flushHeaders()
    let n = 0; const timer = setInterval(() => response.write('data: ' + process.env.ENVIRONMENT + ' ' + n++ + '\\n\\n'), 50)
    response.on('close', () => { clearInterval(timer); console.log('stream closed') })
    return
  }
  if (url.pathname === '/hang') { response.on('close', () => console.log('client gone')); return }
  say({ environment: process.env.ENVIRONMENT, version, pid: process.pid })
})
server.on('upgrade', (request, socket) => {
  if (request.url === '/no-upgrade') { socket.end('HTTP/1.1 403 Forbidden\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nno'); return }
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n')
  socket.on('data', (chunk) => socket.write(process.env.ENVIRONMENT + ':' + chunk))
  socket.on('error', () => {}).on('end', () => socket.end())
})
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening as ' + version))
process.on('SIGTERM', () => { if (kind !== 'deaf') { console.log('ending'); server.close(() => process.exit(0)); server.closeIdleConnections(); setTimeout(() => process.exit(0), 500).unref() } })
`

export interface Bench {
  readonly provider: LocalProvider
  readonly folder: string
  readonly dataFolder: string
  readonly node: string
  /** Another console on the same supervisor. */
  openProvider(options?: Partial<LocalProviderOptions>): LocalProvider
  config(name: string, settings?: Partial<LocalSettingsInput>): ServiceConfig
  operation(): { readonly id: string; readonly fence: number }
  /** Registers `web`, starts good-1 on blue with all the traffic, and, when asked, good-2 on green. */
  start(settings?: Partial<LocalSettingsInput>, both?: boolean): Promise<{ readonly live: string; readonly preview: string }>
  deploy(environment: EnvironmentName, version: string): Promise<void>
  weights(weights: Weights, change?: Partial<SetWeights> & { readonly lease?: LeaseRequest | null }): Promise<number>
  until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs?: number): Promise<void>
  ready(environment: EnvironmentName): Promise<void>
  blue(): Promise<ObservedEnvironment>
  /** What the log of an environment holds, and what comes within `forMs`. */
  log(environment: EnvironmentName, forMs?: number): Promise<readonly LogLine[]>
  pids(): Promise<{ readonly supervisor: number; readonly routers: SupervisorStatus['routers']; readonly blue: number; readonly green: number; readonly adoptions: number }>
  /** Ends everything and throws when a process is left. */
  dispose(): Promise<void>
}

let counter = 0
const VERSIONS = ['good-1', 'good-2', 'good-3', 'unready-1', 'crash-1', 'slow-1', 'deaf-1']

/** A data folder, a program and a provider to try things on. */
export async function createBench(options: Partial<LocalProviderOptions> = {}): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-local-'))
  const dataFolder = options.dataFolder ?? join(folder, 'data')
  for (const version of VERSIONS) {
    mkdirSync(join(folder, 'versions', version), { recursive: true })
    writeFileSync(join(folder, 'versions', version, 'app.mjs'), PROGRAM)
  }
  const opened: LocalProvider[] = []
  const open = (more: Partial<LocalProviderOptions> = {}) => {
    const made = createLocalProvider({ ...options, ...more, dataFolder })
    opened.push(made)
    return made
  }
  const provider = open()
  const seen = new Set<number>()

  async function notePids(): Promise<void> {
    const status = await provider.supervisorStatus()
    if (!status) return
    seen.add(status.pid)
    for (const router of status.routers) seen.add(router.pid)
    for (const service of status.services) for (const name of ENVIRONMENTS) seen.add(service.environments[name]?.pid ?? 0)
  }

  const bench: Bench = {
    provider,
    folder,
    dataFolder,
    node: process.execPath,
    openProvider: open,
    config: (name, settings = {}) => ({
      name,
      provider: 'local',
    probes: [],
      plan: { steps: [{ weightPercent: 100, hold: { kind: 'manual' }, approvals: 0 }], gates: [], criteria: [], bakeMs: 0, drainMs: 1000, rollbackWindowMs: 0, lease: { ttlMs: 5000, onExpiry: 'hold' } },
      data: { kind: 'shared' },
      initialVersion: null,
      settings: {
        run: `${process.execPath} app.mjs \${version}`,
        folder: join(folder, 'versions', '${version}'),
        versions: { kind: 'folder', path: join(folder, 'versions') },
        ready: { kind: 'http', path: '/ready', intervalMs: 30, timeoutMs: 5000 },
        stopGraceMs: 1500,
        drainMs: 1000,
        ...settings,
      } satisfies LocalSettingsInput,
    }),
    operation: () => ({ id: `test-${process.pid}-${(counter += 1)}`, fence: counter }),
    async start(settings = {}, both = false) {
      await provider.register(bench.config('web', settings))
      await bench.deploy('blue', 'good-1')
      if (both) await bench.deploy('green', 'good-2')
      await bench.ready('blue')
      if (both) await bench.ready('green')
      await bench.weights({ blue: 100, green: 0 })
      const { liveAddress, previewAddress } = await provider.observe('web')
      await notePids()
      return { live: liveAddress ?? '', preview: previewAddress ?? '' }
    },
    async deploy(environment, version) {
      await provider.deploy(bench.operation(), 'web', environment, await provider.resolveVersion('web', version))
    },
    weights: async (weights, change = {}) =>
      (await provider.setWeights(bench.operation(), { service: 'web', weights, expectGeneration: null, overrideStickiness: false, force: false, lease: null, ...change })).generation,
    async until(what, holds, timeoutMs = 15_000) {
      const deadline = performance.now() + timeoutMs
      while (!(await holds())) {
        if (performance.now() > deadline) throw new Error(`never happened: ${what}; ${JSON.stringify(await provider.observe('web').catch(String))}`)
        await new Promise((resolve) => setTimeout(resolve, 15))
      }
    },
    ready: (environment) => bench.until(`${environment} ready`, async () => (await provider.observe('web')).environments[environment].readiness === 'ready'),
    blue: async () => (await provider.observe('web')).environments.blue,
    async log(environment, forMs = 300) {
      const lines: LogLine[] = []
      const stop = new AbortController()
      setTimeout(() => stop.abort(), forMs)
      for await (const line of provider.tailLogs('web', environment, 200, stop.signal)) lines.push(line)
      return lines
    },
    async pids() {
      const status = await provider.supervisorStatus()
      if (!status) throw new Error('no supervisor')
      const [service] = status.services
      return { supervisor: status.pid, routers: status.routers, blue: service?.environments.blue?.pid ?? 0, green: service?.environments.green?.pid ?? 0, adoptions: status.adoptions }
    },
    async dispose() {
      await notePids().catch(() => {})
      await provider.stopAll(0)
      await Promise.all(opened.map((item) => item.close()))
      const left = () => [...seen].filter((pid) => pid > 0 && readStartTime(pid) !== null)
      for (let waited = 0; left().length > 0 && waited < 3000; waited += 20) await new Promise((resolve) => setTimeout(resolve, 20))
      for (const made of [folder, dataFolder]) rmSync(made, { recursive: true, force: true })
      if (left().length > 0) throw new Error(`processes left behind: ${left().join(', ')}`)
    },
  }
  return bench
}

/** A test body with a bench of its own, ended whatever happens. */
export function withBench(options: Partial<LocalProviderOptions>, work: (bench: Bench) => Promise<void>): () => Promise<void> {
  return async () => {
    const bench = await createBench(options)
    try {
      await work(bench)
    } finally {
      await bench.dispose()
    }
  }
}
