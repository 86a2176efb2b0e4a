import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readStartTime } from '../../providers/local/identity.ts'
import { createLocalProvider, type LocalProvider } from '../../providers/local/provider.ts'
import { type ChildConsole, type ChildOptions, openChildConsole } from './child-console.ts'

/**
 * A small program to be released; the first word of its version says how it behaves: `good`, `broken` (ready, but answers
 * 500), `crashes` (ends at once), `unready` (never becomes ready). Each start leaves a line in `starts.log`.
 */
const PROGRAM = `
const { createServer } = require('node:http')
const { appendFileSync } = require('node:fs')
const { VERSION, PORT, STARTS, ENVIRONMENT } = process.env
const kind = VERSION.split('-')[0]
appendFileSync(STARTS, VERSION + ' ' + ENVIRONMENT + ' ' + process.pid + '\\n')
if (kind === 'crashes') { console.error('cannot open the database'); process.exit(3) }
createServer((request, response) => {
  if (request.url === '/ready') response.statusCode = kind === 'unready' ? 503 : 200
  else if (kind === 'broken' && request.url !== '/smoke') response.statusCode = 500
  response.end(VERSION)
}).listen(PORT, '127.0.0.1')
`

/** Steps by hand, one gate, no bake, a long way back: every act is one press. */
export const BY_HAND = `
      steps: [{weight: 50, hold: manual}, 100]
      smoke: [/smoke]
      criteria: []
      bake: 0s
      drain: 1s
      rollback-window: 1h`

export interface ShopOptions {
  /** Text of the plan, as YAML keys of six spaces. */
  readonly plan?: string
  /** Further keys of the service, of four spaces. */
  readonly service?: string
  /** Further keys of the workspace, from column 1. */
  readonly workspace?: string
  readonly versions?: readonly string[]
  /** Where everything is put; a temporary folder otherwise. */
  readonly folder?: string
}

/** One service `web` in its own folder, with consoles, a supervisor and processes that are all real. */
export interface Shop {
  readonly folder: string
  readonly dataFolder: string
  readonly workspaceFile: string
  /** A provider of this process beside the console's: for looking, and for ending everything. */
  readonly provider: LocalProvider
  workspaceText(change?: ShopOptions): string
  writeWorkspace(text: string): void
  open(options?: Partial<ChildOptions>): Promise<ChildConsole>
  /** One line per process that was ever started: version, environment, pid. */
  starts(): readonly string[]
  /** Where users come in. */
  live(): Promise<string>
  pids(): Promise<{ readonly supervisor: number; readonly router: number; readonly blue: number; readonly green: number }>
  /** Ends everything and removes the folder; throws when a process is left behind. */
  dispose(beforeRemoval?: () => void): Promise<void>
}

export function createShop(options: ShopOptions = {}): Shop {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'signalbox-shop-'))
  const dataFolder = join(folder, 'data')
  const startsFile = join(folder, 'starts.log')
  const workspaceFile = join(folder, 'signalbox.yaml')
  for (const version of options.versions ?? ['good-1', 'good-2', 'good-3']) {
    mkdirSync(join(folder, 'versions', version), { recursive: true })
    writeFileSync(join(folder, 'versions', version, 'app.cjs'), PROGRAM)
  }
  appendFileSync(startsFile, '')

  const workspaceText = (change: ShopOptions = {}) => {
    const { plan = BY_HAND, service = '', workspace = '' } = { ...options, ...change }
    return `workspace: shop
tier: dev
${workspace}
services:
  web:
    run: "'${process.execPath}' app.cjs"
    versions: ./versions
    ready: {get: /ready, within: 3s, every: 50ms}
    stop-grace: 1s
    restart: {max: 2, window: 1m, pause: 50ms, longest-pause: 100ms}
    env: {STARTS: "${startsFile}", ENVIRONMENT: "\${environment}"}
    initial: good-1
${service}
    plan:${plan}
`
  }
  writeFileSync(workspaceFile, workspaceText())

  let provider: LocalProvider | null = null
  const opened = new Set<ChildConsole>()
  const seen = new Set<number>()

  const shop: Shop = {
    folder,
    dataFolder,
    workspaceFile,
    get provider() {
      // Only now: it makes folders, and the data folder may be a mount that comes first.
      provider ??= createLocalProvider({ dataFolder })
      return provider
    },
    workspaceText,
    writeWorkspace: (text) => writeFileSync(workspaceFile, text),
    async open(more = {}) {
      const child = await openChildConsole({ dataFolder, workspaceFile, trustWorkspace: true, ...more })
      opened.add(child)
      return child
    },
    starts: () => readFileSync(startsFile, 'utf8').split('\n').filter(Boolean),
    async live() {
      const { liveAddress } = await shop.provider.observe('web')
      if (liveAddress === null) throw new Error('no live address')
      return liveAddress
    },
    async pids() {
      const status = await shop.provider.supervisorStatus()
      const environments = status?.services[0]?.environments
      const found = { supervisor: status?.pid ?? 0, router: status?.routers[0]?.pid ?? 0, blue: environments?.blue?.pid ?? 0, green: environments?.green?.pid ?? 0 }
      for (const pid of Object.values(found)) seen.add(pid)
      return found
    },
    async dispose(beforeRemoval = () => {}) {
      await shop.pids().catch(() => {})
      await Promise.all([...opened].map((child) => child.close()))
      await shop.provider.stopAll(0)
      await shop.provider.close()
      for (const line of shop.starts()) seen.add(Number(line.split(' ').at(-1)))
      const left = () => [...seen].filter((pid) => pid > 0 && readStartTime(pid) !== null)
      for (let waited = 0; left().length > 0 && waited < 5000; waited += 20) await new Promise((resolve) => setTimeout(resolve, 20))
      beforeRemoval()
      rmSync(folder, { recursive: true, force: true })
      if (left().length > 0) throw new Error(`processes left behind: ${left().join(', ')}`)
    },
  }
  return shop
}

/** A test body with a shop of its own, ended whatever happens. */
export function withShop(options: ShopOptions, work: (shop: Shop) => Promise<void>): () => Promise<void> {
  return async () => {
    const shop = createShop(options)
    try {
      await work(shop)
    } finally {
      await shop.dispose()
    }
  }
}
