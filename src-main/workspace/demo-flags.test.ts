import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { safeVariantOf } from '../core/flags/exposure.ts'
import { readFlagSet } from '../core/flags/flag-set.ts'
import type { FlagSource } from '../core/flags/ports.ts'
import { validateFlagSet } from '../core/flags/validate-flag-set.ts'
import { scanFlagReferences } from '../flag-references/scan-flag-references.ts'
import { flagSourceContext, openFlagSource } from '../providers/flag-sources.ts'
import { type FlagServer, startFlagServer } from '../providers/flagd/flag-server/start-flag-server.ts'
import { localWorkspaceShape } from '../providers/local/workspace-shape.ts'
import { loadWorkspace } from './load.ts'

const demo = fileURLToPath(new URL('../../resources/demo', import.meta.url))
const load = loadWorkspace(join(demo, 'signalbox.yaml'), { providers: { local: localWorkspaceShape }, demoFile: join(demo, 'signalbox.yaml'), variables: {} })
if ('problems' in load) throw new Error(JSON.stringify(load.problems))
const [config] = load.workspace.flags
if (!config) throw new Error('the demo has no flags')

describe('the demo’s flags', () => {
  it('are sets without problems, each flag with an owner, what it is for, and what the kill switch serves', () => {
    const files = readdirSync(join(demo, 'flags'))
    expect(files.toSorted()).toEqual(['dev.json', 'prod.json', 'staging.json'])
    for (const file of files) {
      const { document, problems } = validateFlagSet(readFileSync(join(demo, 'flags', file), 'utf8'))
      expect(problems).toEqual([])
      const { flags, segments } = readFlagSet(document ?? {})
      expect(segments.map(({ name, rule }) => [name, rule.kind])).toEqual([['internal', 'conditions'], ['beta', 'conditions']])
      for (const flag of flags) expect({ ...flag.facts, safe: safeVariantOf(flag) }).toMatchObject({ owner: expect.any(String), description: expect.any(String), safe: expect.any(String), changedAt: expect.any(Number) })
    }
  })

  it('are found where the services read them, and one nowhere', async () => {
    const dev = readFlagSet(validateFlagSet(readFileSync(join(demo, 'flags', 'dev.json'), 'utf8')).document ?? {})
    const report = await scanFlagReferences(config.code, dev.flags.map(({ key }) => key))
    expect(dev.flags.map(({ key }) => key).filter((key) => report.references.get(key)?.length === 0)).toEqual(['legacy-totals'])
  })
})

describe('a service of the demo', () => {
  let folder: string
  let server: FlagServer
  let source: FlagSource
  let child: ChildProcess | null = null
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'signalbox-demo-flags-'))
    cpSync(join(demo, 'flags'), join(folder, 'flags'), { recursive: true })
    server = await startFlagServer({ folder: join(folder, 'flags'), host: '127.0.0.1', httpPort: 0, syncPort: 0, defaultSet: 'dev' })
    const { httpPort, syncPort } = server
    source = openFlagSource({ ...config, settings: { folder: join(folder, 'flags'), defaultSet: 'dev' } }, flagSourceContext(folder, { start: async () => ({ httpPort, syncPort }) }))
  })
  afterEach(async () => {
    child?.kill('SIGKILL')
    await source.close()
    await server.close()
    rmSync(folder, { recursive: true })
  })

  function start(service: string, version: string): Promise<string> {
    const started = spawn(process.execPath, [join(demo, 'service/server.cjs')], {
      cwd: join(demo, 'versions', service, version),
      env: { PATH: process.env['PATH'] ?? '', PORT: '0', FLAGS_SYNC: `127.0.0.1:${server.syncPort}`, FLAGS_HTTP: `http://127.0.0.1:${server.httpPort}` },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child = started
    return new Promise((resolve, reject) => {
      started.stdout.on('data', (part: Buffer) => {
        const port = /listens on (\d+)/.exec(part.toString())?.[1]
        if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
      })
      started.once('exit', (code) => reject(new Error(`it ended with ${code}`)))
    })
  }
  const order = async (address: string, shopper: number): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await fetch(`${address}/orders`, { method: 'POST', headers: { 'x-shopper': String(shopper) } })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  async function until<T>(look: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
    for (;;) {
      const value = await look()
      if (holds(value)) return value
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  async function everyoneGets(flag: string, variant: string): Promise<void> {
    await source.apply({ set: 'dev', key: flag, change: { kind: 'finish', variant }, expect: null, comment: '' })
  }

  it('reads flags by the OpenFeature SDK, and follows them; and goes on with what it got when the server is gone', async () => {
    const address = await start('search', '3.2.0')
    const suggestions = async () => ((await (await fetch(`${address}/suggest?q=te`, { headers: { 'x-shopper': '300' } })).json()) as Record<string, unknown>)['suggestions']
    expect(await suggestions()).toBe('none')
    await until(async () => server.status().subscribers, (count) => count === 1)
    await everyoneGets('search-suggestions', 'popular')
    expect(await until(suggestions, (now) => now !== 'none')).toBe('popular')
    await server.close()
    expect(await suggestions()).toBe('popular')
    // Who is not known has no flags.
    expect(await (await fetch(`${address}/suggest?q=te`)).json()).not.toHaveProperty('suggestions')
    server = await startFlagServer({ folder: join(folder, 'flags'), host: '127.0.0.1', httpPort: 0, syncPort: 0, defaultSet: 'dev' })
  })

  it('reports evaluations, requests by variant, who met what, and what they did then; the express checkout does the harm it is there for', async () => {
    const address = await start('checkout', '1.8.0')
    await until(() => order(address, 300), ({ body }) => 'wrapping' in body)
    const before = await source.observe('dev', 'express-checkout')
    const plan = { flag: 'express-checkout', variants: [{ variant: 'on', share: 100 }], baseline: 'off', stages: [{ audience: { kind: 'everyone' as const }, percent: 50, holdMs: 0, approval: false, criteria: null }] }
    await source.apply({ set: 'dev', key: 'express-checkout', change: { kind: 'expose', before: before.definition, plan, stage: 0 }, expect: before.version, comment: '' })
    // Half of all shoppers have it from the moment the service knows.
    const someOrders = () => Promise.all(Array.from({ length: 20 }, (_, index) => order(address, 300 + index)))
    await until(() => someOrders().then(() => source.evaluations('dev')), (counted) => counted?.variants.some(({ flag, variant }) => flag === 'express-checkout' && variant === 'on') === true)
    for (let shopper = 1000; shopper < 2000; shopper += 50) await Promise.all(Array.from({ length: 50 }, (_, index) => order(address, shopper + index)))
    const sides = await until(() => source.outcomes('dev', 'express-checkout', 0), (outcomes) => [...(outcomes?.values() ?? [])].flatMap(({ requests }) => requests).reduce((sum, count) => sum + count, 0) >= 1000)
    const totals = (variant: string) => {
      const series = sides?.get(variant)
      const sum = (counts: readonly number[] = []) => counts.reduce((total, count) => total + count, 0)
      return { requests: sum(series?.requests), errors: sum(series?.errors) }
    }
    // About 500 each; 8 % of those who have it, and none of the others.
    expect(totals('on').requests).toBeGreaterThan(350)
    expect(totals('on').errors / totals('on').requests).toBeGreaterThan(0.02)
    expect(totals('off').errors / totals('off').requests).toBeLessThan(0.02)
    const experiment = (await source.experiments('dev'))?.find(({ flag }) => flag === 'express-checkout')
    expect(experiment?.variants.reduce((sum, { users }) => sum + users, 0)).toBeGreaterThan(900)
    expect(experiment?.variants.every(({ metrics }) => (metrics['order']?.converted ?? 0) > 100)).toBe(true)
    expect((await source.evaluations('dev'))?.variants.filter(({ flag }) => flag === 'gift-wrapping')).toMatchObject([{ variant: 'on' }])
  })
})
