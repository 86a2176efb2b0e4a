// R1: no request is dropped by a switch. npm run bench -- zero-drop [--requests N] [--switches N] [--quick] [--json]
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nowMs, numberOption, report, type Bar } from '../../bench/measure.ts'
import { otherEnvironment, type EnvironmentName } from '../../contract/vocabulary.ts'
import { besides, start } from './bench/processes.ts'
import type { LoadResult, ToLoad } from './bench/zero-drop-load.ts'
import { createLocalProvider } from './provider.ts'

const quick = process.argv.includes('--quick')
const RATE = numberOption('rate', 500)
const REQUESTS = numberOption('requests', quick ? 15_000 : 300_000)
const SWITCHES = numberOption('switches', quick ? 50 : 1_000)
/** Every so many switches, one is a whole release: deploy, switch, stop the old process. */
const RELEASE_EVERY = 18
const CONTROL_REQUESTS = quick ? 4_000 : 15_000
const DRAIN_MS = 1_000
const WEB_SOCKETS = 8
const STREAMS = 8

const folder = mkdtempSync(join(tmpdir(), 'signalbox-zero-drop-'))
cpSync(besides('zero-drop-app.mjs'), join(folder, 'app.mjs'))
const provider = createLocalProvider({ dataFolder: join(folder, 'data') })
const quiet = process.argv.includes('--json')
let acts = 0
const operation = () => ({ id: `bench-${(acts += 1)}`, fence: acts })

async function ready(environment: EnvironmentName): Promise<void> {
  for (;;) {
    const { readiness, detail } = (await provider.observe('web')).environments[environment]
    if (readiness === 'ready') return
    if (readiness === 'crashed') throw new Error(detail)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function deploy(environment: EnvironmentName, version: string): Promise<void> {
  await provider.deploy(operation(), 'web', environment, await provider.resolveVersion('web', version))
  // What ran there is drained and ended first; the same environment is ready only afterwards.
  for (;;) {
    const present = (await provider.observe('web')).environments[environment]
    if (present.deployed?.version === version && present.readiness === 'ready') return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

interface Users {
  tell(message: ToLoad): void
  sent(): number
  finish(): Promise<LoadResult>
}

function bringUsers(address: string, requests: number): Users {
  const child = start([process.execPath, besides('zero-drop-load.ts')], { ipc: true, quiet: false })
  let sent = 0
  const result = new Promise<LoadResult>((resolve, reject) => {
    child.on('message', (message: { sent?: number; result?: LoadResult }) => {
      sent = message.sent ?? sent
      if (message.result) resolve(message.result)
    })
    child.once('exit', (code) => code !== 0 && reject(new Error(`the load generator ended with ${code}`)))
  })
  const tell = (message: ToLoad) => void child.send(message)
  tell({ type: 'start', address, ratePerSecond: RATE, requests, webSockets: WEB_SOCKETS, streams: STREAMS })
  return {
    tell,
    sent: () => sent,
    finish() {
      tell({ type: 'stop' })
      return result
    },
  }
}

async function switchTo(users: Users, environment: EnvironmentName): Promise<void> {
  const beginMs = nowMs()
  await provider.setWeights(operation(), {
    service: 'web',
    weights: environment === 'blue' ? { blue: 100, green: 0 } : { blue: 0, green: 100 },
    expectGeneration: null,
    overrideStickiness: false,
    force: false,
    lease: null,
  })
  users.tell({ type: 'switched', beginMs, ackMs: nowMs(), environment })
}

/** Stops the environment that has no traffic, draining first, as a release does with the old version. */
async function stopOld(users: Users, environment: EnvironmentName): Promise<void> {
  users.tell({ type: 'stopped', beginMs: nowMs(), drainMs: DRAIN_MS, environment })
  await provider.stop(operation(), 'web', environment, DRAIN_MS)
}

async function begin(): Promise<string> {
  await provider.register({
    name: 'web',
    provider: 'local',
    probes: [],
    plan: { steps: [{ weightPercent: 100, hold: { kind: 'manual' }, approvals: 0 }], gates: [], criteria: [], bakeMs: 0, drainMs: DRAIN_MS, rollbackWindowMs: 0, lease: { ttlMs: 60_000, onExpiry: 'hold' } },
    data: { kind: 'shared' },
    initialVersion: null,
    settings: {
      run: `${process.execPath} app.mjs`,
      folder,
      env: { RELEASE: '${version}' },
      versions: { kind: 'list', versions: Array.from({ length: 400 }, (_, i) => `v${i + 1}`) },
      ready: { kind: 'http', path: '/ready', intervalMs: 30 },
      drainMs: DRAIN_MS,
      // The control arm kills on purpose; that is no crash loop.
      restart: { maxInWindow: 1_000, backoffMs: 20 },
    },
  })
  await deploy('blue', 'v1')
  await deploy('green', 'v2')
  await ready('blue')
  const { liveAddress } = await provider.observe('web')
  return liveAddress ?? ''
}

/** The product: plain switches, whole releases, and router upgrades, under load. */
async function productArm(address: string): Promise<{ readonly result: LoadResult; readonly switches: number; readonly releases: number; readonly upgrades: number }> {
  const users = bringUsers(address, REQUESTS)
  let live: EnvironmentName = 'blue'
  let version = 2
  let releases = 0
  let upgrades = 0
  let switches = 0
  const spacingMs = (REQUESTS / RATE / SWITCHES) * 1000
  const startedMs = nowMs()
  for (; switches < SWITCHES || users.sent() < REQUESTS; switches++) {
    const idle = otherEnvironment(live)
    if (switches % RELEASE_EVERY === RELEASE_EVERY - 1 && switches < SWITCHES) {
      await deploy(idle, `v${(version += 1)}`)
      await switchTo(users, idle)
      await stopOld(users, live)
      await deploy(live, `v${version}`)
      releases += 1
    } else await switchTo(users, idle)
    if (switches % 100 === 50) {
      await provider.upgradeRouter(null, 5_000)
      upgrades += 1
    }
    live = idle
    if (switches >= SWITCHES && users.sent() >= REQUESTS) break
    if (!quiet && switches % 50 === 0) console.log(`  ${switches} switches, ${releases} releases, ${upgrades} router upgrades, ${users.sent()} requests`)
    const dueMs = startedMs + (switches + 1) * spacingMs
    // A release takes longer than a switch; what was lost is made up for, but not all at once.
    await new Promise((resolve) => setTimeout(resolve, Math.max(40, dueMs - nowMs())))
  }
  return { result: await users.finish(), switches, releases, upgrades }
}

/** Must show errors: the old process is killed right after the switch, without draining. */
async function controlArm(address: string): Promise<LoadResult> {
  const users = bringUsers(address, CONTROL_REQUESTS)
  let live: EnvironmentName = (await provider.observe('web')).weights.blue === 100 ? 'blue' : 'green'
  while (users.sent() < CONTROL_REQUESTS - RATE) {
    const idle = otherEnvironment(live)
    await ready(idle)
    const status = await provider.supervisorStatus()
    await switchTo(users, idle)
    const pid = status?.services[0]?.environments[live]?.pid
    if (pid) process.kill(-pid, 'SIGKILL')
    live = idle
    await new Promise((resolve) => setTimeout(resolve, 900))
  }
  return users.finish()
}

const total = (errors: Readonly<Record<string, number>>) => Object.values(errors).reduce((sum, count) => sum + count, 0)

try {
  const address = await begin()
  await provider.setWeights(operation(), { service: 'web', weights: { blue: 100, green: 0 }, expectGeneration: null, overrideStickiness: false, force: false, lease: null })
  const { result, switches, releases, upgrades } = await productArm(address)
  if (!quiet) console.log(`  under load: ${JSON.stringify(result)}; now the control arm`)
  const control = await controlArm(address)
  const bars: Bar[] = [
    { name: 'requests', value: result.requests, limit: REQUESTS, direction: 'atLeast' },
    { name: 'switches', value: switches, limit: SWITCHES, direction: 'atLeast' },
    { name: 'whole releases', value: releases, limit: quick ? 2 : 50, direction: 'atLeast' },
    { name: 'generator lag ms (void above)', value: result.maxLagMs, limit: 100, direction: 'atMost' },
    { name: 'errors', value: total(result.errors), limit: 0, direction: 'atMost' },
    { name: 'stale answers', value: result.stale, limit: 0, direction: 'atMost' },
    { name: 'streams and WebSockets broken', value: result.long.broken, limit: 0, direction: 'atMost' },
    { name: 'control: errors when killed undrained', value: total(control.errors), limit: 1, direction: 'atLeast' },
  ]
  report(
    'zero-drop',
    {
      'requests judged for staleness': result.judged,
      'client connections': result.connections,
      'router upgrades under load': upgrades,
      'latency p50 ms (5-25 ms of it the service)': result.p50Ms,
      'latency p99 ms': result.p99Ms,
      'streams and WebSockets opened': result.long.opened,
      'messages on them': result.long.messages,
      'cut past the declared drain deadline': result.long.pastDrain,
      'errors by kind': JSON.stringify(result.errors),
      'control errors by kind': JSON.stringify(control.errors),
      'control requests': control.requests,
      'kamal-proxy': 'not measured: it does not install from the Go module proxy on this machine',
    },
    bars,
  )
} finally {
  await provider.stopAll(0)
  await provider.close()
  rmSync(folder, { recursive: true, force: true })
}
process.exit()
