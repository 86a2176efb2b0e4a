import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { localSettingsSchema } from '../providers/local/config.ts'
import { localWorkspaceShape } from '../providers/local/workspace-shape.ts'
import { loadWorkspace } from './load.ts'

const demo = fileURLToPath(new URL('../../resources/demo', import.meta.url))
const demoFile = join(demo, 'signalbox.yaml')
const started: ChildProcess[] = []

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await new Promise((done) => child.once('exit', done))
  }
})

interface Running {
  readonly address: string
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  readonly output: () => string
}

/** Starts one version of a demo service as the supervisor would, by its own file instead of through a shell. */
function start(service: string, version: string, variables: Record<string, string> = {}): Promise<Running> {
  const file = join(demo, service === 'shoppers' ? 'traffic.cjs' : 'service/server.cjs')
  const child = spawn(process.execPath, [file], {
    cwd: join(demo, 'versions', service, version),
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', VERSION: version, ENVIRONMENT: 'blue', ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  const exited = new Promise<number | null>((done) => child.once('exit', done))
  let output = ''
  child.stderr.on('data', (part: Buffer) => (output += part.toString()))
  return new Promise((done, fail) => {
    child.stdout.on('data', (part: Buffer) => {
      output += part.toString()
      const port = /listens on (\d+)/.exec(output)?.[1]
      if (port !== undefined) done({ address: `http://127.0.0.1:${port}`, child, exited, output: () => output })
    })
    child.once('exit', (code) => fail(new Error(`ended with ${code}: ${output}`)))
  })
}

/** `count` requests, a few at a time: how many failed, and their latencies in order. */
async function ask(address: string, path: string, count: number): Promise<{ readonly failed: number; readonly sortedMs: readonly number[] }> {
  let failed = 0
  const times: number[] = []
  const one = async () => {
    const startedAt = performance.now()
    const response = await fetch(address + path)
    await response.arrayBuffer()
    times.push(performance.now() - startedAt)
    if (response.status >= 500) failed += 1
  }
  for (let done = 0; done < count; done += 100) await Promise.all(Array.from({ length: Math.min(100, count - done) }, one))
  return { failed, sortedMs: times.toSorted((a, b) => a - b) }
}

const manifestSchema = z.strictObject({
  service: z.string(),
  version: z.string(),
  title: z.string().min(3),
  changes: z.array(z.string().min(3)).min(1),
  createdAt: z.iso.datetime(),
  /** Of customers: which columns it knows. */
  shape: z.enum(['old', 'either', 'new']).optional(),
  behaviour: z.record(z.string(), z.union([z.number(), z.boolean()])),
})

describe('the demo workspace', () => {
  const load = loadWorkspace(demoFile, { providers: { local: localWorkspaceShape }, demoFile, variables: {} })
  if ('problems' in load) throw new Error(JSON.stringify(load.problems))
  const { workspace } = load

  it('is the demo, and stops ten minutes after the last console', () => {
    expect(workspace).toMatchObject({ demo: true, tier: 'dev', idleStopMs: 600_000 })
    expect(workspace.services.map(({ name }) => name)).toEqual(['checkout', 'search', 'mailer', 'customers', 'shoppers'])
  })

  it('has a manifest for every version, and starts each service with its oldest', () => {
    for (const { name, initialVersion } of workspace.services) {
      const manifests = readdirSync(join(demo, 'versions', name)).map((version) => {
        const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(demo, 'versions', name, version, 'version.json'), 'utf8')))
        expect(manifest).toMatchObject({ service: name, version })
        return manifest
      })
      const oldest = manifests.toSorted((a, b) => a.createdAt.localeCompare(b.createdAt))[0]
      expect(initialVersion).toBe(oldest?.version)
    }
  })

  it('gives a candidate at least ten requests a second at its first step, even at night', () => {
    const shoppers = localSettingsSchema.parse(workspace.services.find(({ name }) => name === 'shoppers')?.settings)
    const targets = [...(shoppers.env['TARGETS'] ?? '').matchAll(/(\w+)=http:\/\/127\.0\.0\.1:(\d+)@(\d+)/g)]
    expect(targets).toHaveLength(4)
    for (const [, name, port, mean] of targets) {
      const service = workspace.services.find((one) => one.name === name)
      expect(localSettingsSchema.parse(service?.settings).address.port).toBe(Number(port))
      const quietest = 0.85
      expect((Number(mean) * quietest * (service?.plan.steps[0]?.weightPercent ?? 0)) / 100).toBeGreaterThanOrEqual(10)
    }
  })
})

describe('the demo’s versions do what they say', () => {
  it('a good one answers with what and where it is, also to a browser', async () => {
    const { address, child, exited } = await start('checkout', '1.9.0', { ENVIRONMENT: 'green' })
    expect(await (await fetch(`${address}/cart/1`)).json()).toMatchObject({ version: '1.9.0', environment: 'green', total: '38.20' })
    expect((await fetch(`${address}/ready`)).status).toBe(200)
    const html = await (await fetch(address, { headers: { accept: 'text/html' } })).text()
    expect(html).toContain('<p class="version">1.9.0</p>')
    expect(html).toContain('This page came from <b>green</b>')
    expect(await ask(address, '/', 300)).toMatchObject({ failed: 0 })
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
  })

  it('a slow one is slow where it matters: above the limit of the plan', async () => {
    const [good, slow] = await Promise.all([start('checkout', '1.8.0'), start('checkout', '1.10.0')])
    const p95 = async (address: string) => (await ask(address, '/cart/1', 300)).sortedMs[284] ?? 0
    const [goodMs, slowMs] = [await p95(good.address), await p95(slow.address)]
    // One in eight takes 450 to 750 ms longer, so the 95th percentile does. A busy machine delays both alike.
    expect(slowMs).toBeGreaterThan(400)
    expect(slowMs).toBeGreaterThan(goodMs + 200)
  })

  it('an error-prone one fails for about one in twenty-five', async () => {
    const { address, output } = await start('checkout', '1.11.0')
    const { failed } = await ask(address, '/cart/1', 1000)
    // Binomial(1000, 0.04): mean 40, standard deviation 6.2.
    expect(failed).toBeGreaterThan(12)
    expect(failed).toBeLessThan(75)
    expect(output()).toContain('tax table has no row')
  })

  it('one is never ready, and says why', async () => {
    const { address } = await start('checkout', '1.12.0')
    const response = await fetch(`${address}/ready`)
    expect(response.status).toBe(503)
    expect(await response.text()).toContain('payment database')
  })

  it('a leaking one grows, and stops growing', async () => {
    const [good, leaking] = await Promise.all([start('search', '3.3.0'), start('search', '3.4.0')])
    const resident = ({ child }: Running) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
    await Promise.all([ask(good.address, '/search?q=tea', 1000), ask(leaking.address, '/search?q=tea', 1000)])
    expect(resident(leaking)).toBeGreaterThan(resident(good) + 40)
    await ask(leaking.address, '/search?q=tea', 1500)
    expect(resident(leaking)).toBeLessThan(230)
  }, 60_000)

  it('one ends with an error after its four hundredth request', async () => {
    const { address, exited, output } = await start('search', '3.5.0')
    await ask(address, '/search?q=tea', 500).catch(() => undefined)
    expect(await exited).toBe(70)
    expect(output()).toContain('index file is corrupt')
  })

  it('a mailer’s sides copy from each other, and say how far behind they are', async () => {
    // A stand-in for the router: everything goes to the side that is live.
    let live = ''
    const router = createServer((request, response) => {
      void fetch(live + request.url).then(async (answer) => response.writeHead(answer.status).end(await answer.text()), () => response.writeHead(502).end())
    })
    await new Promise<void>((done) => router.listen(0, '127.0.0.1', done))
    const { port } = router.address() as AddressInfo
    const LIVE_ADDRESS = `http://127.0.0.1:${port}`
    try {
      const blue = await start('mailer', '2.0.0', { LIVE_ADDRESS })
      live = blue.address
      expect((await fetch(`${blue.address}/lag`)).status).toBe(404)
      const lagOf = async (address: string) => z.object({ lagMs: z.number() }).parse(await (await fetch(`${address}/lag`)).json()).lagMs
      const green = await start('mailer', '2.1.0', { LIVE_ADDRESS, ENVIRONMENT: 'green' })
      await fetch(`${blue.address}/send`, { method: 'POST' })
      await expect.poll(() => lagOf(green.address).catch(() => 1e9), { timeout: 10_000 }).toBeLessThan(2500)
      await expect.poll(() => lagOf(blue.address).catch(() => 1e9), { timeout: 10_000 }).toBeLessThan(2500)
      await expect.poll(async () => (await fetch(green.address)).json(), { timeout: 10_000 }).toMatchObject({ messages: 1 })
      green.child.kill('SIGTERM')
      await green.exited
      const late = await start('mailer', '2.2.0', { LIVE_ADDRESS, ENVIRONMENT: 'green' })
      await expect.poll(() => lagOf(blue.address).catch(() => 0), { timeout: 10_000 }).toBeGreaterThan(11_000)
      expect(await lagOf(late.address)).toBeGreaterThan(11_000)
    } finally {
      router.closeAllConnections()
      await new Promise((done) => router.close(done))
    }
  })
})

describe('the demo’s traffic', () => {
  const statsSchema = z.object({ share: z.number(), targets: z.array(z.object({ name: z.string(), sent: z.number(), ok: z.number(), errors: z.number(), failed: z.number(), inFlight: z.number() })) })
  const statsOf = async (address: string) => statsSchema.parse(await (await fetch(`${address}/stats`)).json())

  it('holds its rate whether or not anyone answers, and counts what became of each request', async () => {
    let answered = 0
    const target = createServer((_request, response) => {
      answered += 1
      const status = answered % 5 === 0 ? 500 : 200
      // Answers come late, so that a closed loop would fall behind.
      setTimeout(() => response.writeHead(status).end('ok'), 300)
    })
    await new Promise<void>((done) => target.listen(0, '127.0.0.1', done))
    const { port } = target.address() as AddressInfo
    try {
      const traffic = await start('shoppers', '1.0.0', { TARGETS: `checkout=http://127.0.0.1:${port}@100 search=http://127.0.0.1:9@50` })
      const before = await statsOf(traffic.address)
      await new Promise((done) => setTimeout(done, 4000))
      const after = await statsOf(traffic.address)
      const [up, down] = after.targets
      const [upBefore, downBefore] = before.targets
      const perSecond = (now = 0, then = 0) => (now - then) / 4
      // Poisson with mean 85 to 111 a second over 4 s: five standard deviations are 26 a second.
      expect(perSecond(up?.sent, upBefore?.sent)).toBeGreaterThan(55)
      expect(perSecond(up?.sent, upBefore?.sent)).toBeLessThan(150)
      expect(perSecond(down?.sent, downBefore?.sent)).toBeGreaterThan(22)
      expect(down?.ok).toBe(0)
      expect(down?.failed).toBeGreaterThan(80)
      expect(up?.failed).toBe(0)
      expect((up?.errors ?? 0) / ((up?.ok ?? 0) + (up?.errors ?? 0))).toBeCloseTo(0.2, 1)
      expect((up?.sent ?? 0) - (up?.ok ?? 0) - (up?.errors ?? 0)).toBe(up?.inFlight)
    } finally {
      target.closeAllConnections()
      await new Promise((done) => target.close(done))
    }
  })

  it('comes from the live environment only', async () => {
    let live = 'green'
    const router = createServer((_request, response) => response.end(JSON.stringify({ environment: live })))
    await new Promise<void>((done) => router.listen(0, '127.0.0.1', done))
    const { port } = router.address() as AddressInfo
    try {
      const traffic = await start('shoppers', '1.0.0', { LIVE_ADDRESS: `http://127.0.0.1:${port}`, TARGETS: `checkout=http://127.0.0.1:${port}@100` })
      await new Promise((done) => setTimeout(done, 1500))
      expect(await statsOf(traffic.address)).toMatchObject({ share: 0, targets: [{ sent: 0 }] })
      live = 'blue'
      await expect.poll(async () => (await statsOf(traffic.address)).share, { timeout: 10_000 }).toBe(1)
      expect((await statsOf(traffic.address)).targets[0]?.sent).toBeGreaterThan(0)
    } finally {
      router.closeAllConnections()
      await new Promise((done) => router.close(done))
    }
  })
})
