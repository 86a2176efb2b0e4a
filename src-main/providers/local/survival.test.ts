import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openLoop, targetOf, type Sample } from '../../bench/load.ts'
import type { ServiceDurable } from './supervisor/durable.ts'
import { identify, isAlive } from './identity.ts'
import { localPaths } from './paths.ts'
import { openStateLog } from './supervisor/state-log.ts'
import { readLock } from './supervisor/lock.ts'
import { withBench } from './test-bench.ts'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe.concurrent('what survives', () => {
  it('gives a killed router the same sockets back: only requests in flight fail, new connections wait', withBench({}, async (bench) => {
    const { live } = await bench.start()
    const samples: Sample[] = []
    const load = openLoop(targetOf(live), 200, (sample) => samples.push(sample))
    await sleep(400)
    const before = await bench.pids()
    const open = load.open()
    process.kill(before.routers[0]?.pid ?? 0, 'SIGKILL')
    await sleep(1200)
    const report = await load.stop()
    const refused = samples.filter((sample) => sample.error?.includes('REFUSED'))
    expect(refused).toHaveLength(0)
    // Every connection that was open may lose the one request it carries; nobody else loses anything.
    expect(samples.filter((sample) => sample.error !== null).length).toBeLessThanOrEqual(open)
    expect(report.answered).toBe(report.sent)
    expect(samples.slice(-50).every((sample) => sample.status === 200)).toBe(true)
    const after = await bench.provider.observe('web')
    expect(after.weights).toEqual({ blue: 100, green: 0 })
    expect(after.generation).toBe(1)
  }))

  it('replaces the router by a newer one under load without an error, weights included', withBench({}, async (bench) => {
    const { live } = await bench.start({}, true)
    const load = openLoop(targetOf(live), 250)
    const slow = fetch(`${live}/wait?ms=1200`)
    await sleep(300)
    const [old] = (await bench.pids()).routers
    await bench.provider.upgradeRouter(null, 5_000)
    const during = (await bench.pids()).routers
    await bench.weights({ blue: 0, green: 100 })
    const answer = (await (await fetch(live)).json()) as { environment: string }
    expect(answer.environment).toBe('green')
    await sleep(500)
    const report = await load.stop()
    expect(during.filter((router) => router.retiring)).toHaveLength(1)
    expect(report.errors).toEqual({})
    expect((await slow).status).toBe(200)
    await bench.until('the old router ended', async () => !(await bench.pids()).routers.some((router) => router.pid === old?.pid))
  }))

  it('loses nothing when the supervisor is killed: traffic goes on, the router brings it back, and everything is known again', withBench({}, async (bench) => {
    const { live } = await bench.start({}, true)
    const operation = bench.operation()
    const request = { service: 'web', weights: { blue: 60, green: 40 }, expectGeneration: null, overrideStickiness: false, force: false, lease: null }
    await bench.provider.setWeights(operation, request)
    const before = await bench.pids()
    const load = openLoop(targetOf(live), 200)
    await sleep(200)
    process.kill(before.supervisor, 'SIGKILL')
    const after = await bench.pids()
    await sleep(300)
    const report = await load.stop()
    expect(report.errors).toEqual({})
    expect(after.supervisor).not.toBe(before.supervisor)
    expect(after.adoptions).toBe(1)
    expect([after.blue, after.green]).toEqual([before.blue, before.green])
    const observed = await bench.provider.observe('web')
    expect(observed).toMatchObject({ weights: { blue: 60, green: 40 }, generation: 2, generationCause: operation.id })
    // The same operation is still known, an older fence still refused.
    expect((await bench.provider.setWeights(operation, request)).generation).toBe(2)
    await expect(bench.provider.setWeights({ id: 'late', fence: 0 }, request)).rejects.toMatchObject({ code: 'staleFence' })
    // Its own router and sockets work like the first ones.
    const [router] = after.routers.filter((item) => !item.retiring)
    process.kill(router?.pid ?? 0, 'SIGKILL')
    expect((await fetch(live)).status).toBe(200)
    // An adopted process that ends is noticed and started again.
    process.kill(after.blue, 'SIGKILL')
    await bench.until('blue again', async () => (await bench.pids()).blue !== after.blue && (await bench.provider.observe('web')).environments.blue.readiness === 'ready')
  }))

  it('replaces the supervisor itself under load without an error', withBench({}, async (bench) => {
    const { live } = await bench.start()
    const before = await bench.pids()
    const load = openLoop(targetOf(live), 100)
    await bench.provider.upgradeSupervisor()
    await bench.until('the next one', async () => (await bench.pids()).supervisor !== before.supervisor)
    const report = await load.stop()
    expect(report.errors).toEqual({})
    expect(await bench.pids()).toMatchObject({ blue: before.blue, adoptions: 1 })
  }))

  it('is renewed whole, supervisor and router, without a request dropped', withBench({}, async (bench) => {
    const { live } = await bench.start()
    const before = await bench.pids()
    const load = openLoop(targetOf(live), 100)
    await sleep(300)
    await bench.provider.renew()
    const after = await bench.pids()
    await sleep(500)
    const report = await load.stop()
    expect(report.errors).toEqual({})
    expect(report.answered).toBeGreaterThan(50)
    expect(after.supervisor).not.toBe(before.supervisor)
    expect(after.routers.filter(({ retiring }) => !retiring).map(({ pid }) => pid)).not.toEqual(before.routers.map(({ pid }) => pid))
    expect(after).toMatchObject({ blue: before.blue, green: before.green })
  }))

  it('comes back from the death of supervisor and router together, with the same addresses', withBench({}, async (bench) => {
    const { live } = await bench.start()
    const before = await bench.pids()
    for (const pid of [before.supervisor, ...before.routers.map((router) => router.pid)]) process.kill(pid, 'SIGKILL')
    await bench.until('nobody listens', () => fetch(live).then(() => false, () => true))
    await bench.provider.ensureSupervisor()
    await bench.until('traffic is back', () => fetch(live).then((answer) => answer.status === 200, () => false))
    expect((await bench.pids()).blue).toBe(before.blue)
    expect((await bench.provider.observe('web')).weights).toEqual({ blue: 100, green: 0 })
  }))

  it('says what is gone after a reboot, starts nothing by itself, and deploy brings it back', withBench({}, async (bench) => {
    const { live } = await bench.start()
    const before = await bench.pids()
    const holder = readLock(localPaths(bench.dataFolder).lock)
    for (const pid of [before.supervisor, ...before.routers.map((router) => router.pid), before.blue]) process.kill(pid, 'SIGKILL')
    await bench.until('they are gone', () => holder !== null && !isAlive(holder))
    const log = await openStateLog(localPaths(bench.dataFolder).folder)
    const key = 'service\nweb'
    const durable = log.entries.get(key) as ServiceDurable
    const recorded = durable.blue.process
    if (!recorded) throw new Error('no process recorded')
    await log.append([[key, { ...durable, blue: { ...durable.blue, process: { ...recorded, identity: { ...recorded.identity, bootId: 'an earlier boot' } } } }]])
    await log.close()

    const observed = await bench.provider.observe('web')
    expect(observed.environments.blue).toMatchObject({ readiness: 'stopped', deployed: { version: 'good-1' } })
    expect(observed.environments.blue.detail).toContain('since the reboot')
    expect(observed.weights).toEqual({ blue: 100, green: 0 })
    expect((await fetch(live)).status).toBe(503)
    await bench.deploy('blue', 'good-1')
    await bench.ready('blue')
    expect((await fetch(live)).status).toBe(200)
  }))

  it('can be reached again after somebody removed its socket', withBench({}, async (bench) => {
    await bench.start()
    const pid = (await bench.provider.supervisorStatus())?.pid
    rmSync(localPaths(bench.dataFolder).socket)
    await sleep(3000)
    const other = bench.openProvider()
    const status = await other.supervisorStatus()
    expect(status?.pid).toBe(pid)
    expect(statSync(localPaths(bench.dataFolder).socket).mode & 0o777).toBe(0o600)
  }))

  it('lets in nobody without the token, and takes nothing before it', withBench({}, async (bench) => {
    await bench.start()
    const { socket: path } = localPaths(bench.dataFolder)
    const talk = (line: string) =>
      new Promise<string>((resolve) => {
        let heard = ''
        const socket = connect(path)
        socket.on('data', (chunk) => (heard += chunk.toString()))
        socket.once('data', () => socket.write(`${line}\n`))
        socket.on('close', () => resolve(heard))
        socket.on('error', () => {})
      })
    const range = { oldest: 1, newest: 1 }
    for (const line of [
      JSON.stringify({ id: 1, method: 'status', params: {} }),
      JSON.stringify({ hello: '0'.repeat(64), nonce: 'n'.repeat(32), versions: range }),
      'not json',
      'x'.repeat(9 << 20),
    ]) {
      const heard = await talk(line)
      expect(heard).toContain('challenge')
      expect(heard).not.toContain('welcome')
      expect(heard).not.toContain('result')
    }
    expect(await bench.provider.supervisorStatus()).not.toBeNull()
    const { folder, token } = localPaths(bench.dataFolder)
    expect([folder, path, token].map((file) => (statSync(file).mode & 0o777).toString(8))).toEqual(['700', '600', '600'])
  }))

  it('ends by itself when no console was connected for as long as was asked, and not before', withBench({ idleExitMs: 400 }, async (bench) => {
    await bench.start()
    const before = await bench.pids()
    const identities = [before.supervisor, before.blue, ...before.routers.map((router) => router.pid)].map(identify)
    await sleep(800)
    expect(identities.every((identity) => identity !== null && isAlive(identity))).toBe(true)
    await bench.provider.close()
    for (let waited = 0; waited < 8000 && identities.some((identity) => identity !== null && isAlive(identity)); waited += 50) await sleep(50)
    expect(identities.some((identity) => identity !== null && isAlive(identity))).toBe(false)
  }))

  it('is not brought back by a console that only looks after stop --all, but by one that acts', withBench({}, async (bench) => {
    await bench.start()
    const other = bench.openProvider()
    const lost: string[] = []
    const stop = other.subscribe('web', () => {}, (fault) => lost.push(fault.code))
    await sleep(100)
    await bench.provider.stopAll()
    await bench.until('the console lost it', () => lost.length > 0)
    await sleep(700)
    expect(await other.supervisorStatus()).toBeNull()
    await expect(other.observe('web')).rejects.toMatchObject({ code: 'providerUnavailable' })
    stop()
    await other.register(bench.config('web'))
    const observed = await other.observe('web')
    expect(observed.environments.blue).toMatchObject({ readiness: 'stopped', detail: 'Stopped: stop --all.', deployed: { version: 'good-1' } })
  }))

  it('keeps a lease over the death of the supervisor, and reverts when it runs out', withBench({}, async (bench) => {
    await bench.start({}, true)
    await bench.weights({ blue: 50, green: 50 }, { lease: { id: 'guard', ttlMs: 1200, onExpiry: 'revert', revertTo: { blue: 100, green: 0 } } })
    process.kill((await bench.pids()).supervisor, 'SIGKILL')
    await bench.until('reverted', async () => (await bench.provider.observe('web')).weights.blue === 100)
    expect(await bench.provider.observe('web')).toMatchObject({ generation: 3, generationCause: 'lease', lease: { id: 'guard', expired: true } })
  }))

  it('finds its socket although the data folder has a very long path', async () => {
    const root = mkdtempSync(join(tmpdir(), 'signalbox-long-'))
    const dataFolder = join(root, 'a'.repeat(60), 'b'.repeat(60))
    await withBench({ dataFolder }, async (bench) => {
      await bench.start()
      expect(localPaths(dataFolder).socket.length).toBeLessThan(100)
      expect((await bench.provider.observe('web')).environments.blue.readiness).toBe('ready')
    })()
    rmSync(root, { recursive: true, force: true })
  })
})
