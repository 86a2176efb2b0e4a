import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ObservedService } from '../../contract/traffic.ts'
import type { Probe } from '../../contract/workspace.ts'
import type { Clock } from '../../core/ports.ts'
import { askOverHttp } from './ask.ts'
import { createProber, probeAddress, type ProbeAddress, type ProbeAnswer, type Prober } from './prober.ts'

/** Virtual time: nothing happens but by `pass`, and then in order. */
function virtualClock() {
  let now = 0
  let timers: { at: number; order: number; act: () => void }[] = []
  let order = 0
  const settle = async () => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
  }
  const clock: Clock = {
    wallMs: () => 1_000_000 + now,
    monotonicMs: () => now,
    setTimer(delayMs, act) {
      const timer = { at: now + delayMs, order: (order += 1), act }
      timers.push(timer)
      return () => void (timers = timers.filter((each) => each !== timer))
    },
  }
  return {
    clock,
    timers: () => timers.length,
    pass: async (ms: number) => {
      const until = now + ms
      for (;;) {
        const next = timers.filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at || a.order - b.order)[0]
        if (!next) break
        timers = timers.filter((each) => each !== next)
        now = Math.max(now, next.at)
        next.act()
        await settle()
      }
      now = until
    },
  }
}

const probe: Probe = { name: 'home', path: '/', everyMs: 1000, timeoutMs: 2000, expectStatus: 200, expectBody: null }
const blue = { service: 'shop', environment: 'blue', version: '1.0.0', windowMs: 30_000 } as const
const failures = { source: 'probe', of: 'failureRatio', probe: 'home' } as const

function tried(options: { probe?: Partial<Probe>; addressOf?: () => ProbeAddress | null; ask?: (signal: AbortSignal) => Promise<ProbeAnswer> }) {
  const time = virtualClock()
  const asked: number[] = []
  const prober = createProber({
    clock: time.clock,
    services: [{ name: 'shop', probes: [{ ...probe, ...options.probe }] }],
    addressOf: (_service, environment) => (environment === 'green' ? null : options.addressOf ? options.addressOf() : { address: 'http://x', version: '1.0.0' }),
    ask: (_address, _probe, signal) => {
      asked.push(time.clock.monotonicMs())
      return options.ask ? options.ask(signal) : Promise.resolve({ wrong: null, latencyMs: 7 })
    },
  })
  prober.start()
  return { prober, asked, ...time }
}

const hang = (signal: AbortSignal) => new Promise<ProbeAnswer>((resolve) => signal.addEventListener('abort', () => resolve({ wrong: 'stopped', latencyMs: 0 })))

describe('the prober, in virtual time', () => {
  it('asks on its schedule, and says what it found', async () => {
    let isDown = false
    const { prober, asked, pass, clock } = tried({ ask: () => Promise.resolve({ wrong: isDown ? 'status 500, expected 200' : null, latencyMs: 7 }) })
    await pass(10_000)
    isDown = true
    const before = clock.wallMs()
    await pass(5000)
    expect(asked).toHaveLength(15)
    expect(new Set(asked.slice(1).map((at, index) => at - (asked[index] ?? 0)))).toEqual(new Set([1000]))
    const all = prober.read(failures, blue, 0).points
    expect(all.map(({ value }) => value)).toEqual([...Array<number>(10).fill(0), ...Array<number>(5).fill(1)])
    const reading = prober.read(failures, blue, before)
    expect(reading.points.every(({ requests, errors, latencyMs }) => requests === 1 && errors === 1 && latencyMs === null)).toBe(true)
    expect(reading.notes).toEqual(['/: status 500, expected 200.'])
    expect(prober.read({ ...failures, of: 'latency' }, blue, 0).points[0]).toMatchObject({ value: 7, latencyMs: 7, requests: 1, errors: 0 })
  })

  it('never piles up checks on a target that hangs, and counts each as failed when its time is over', async () => {
    const { prober, asked, pass } = tried({ probe: { everyMs: 250 }, ask: hang })
    let most = 0
    for (let step = 0; step < 600; step += 1) {
      await pass(100)
      most = Math.max(most, prober.inFlight())
    }
    expect(most).toBe(1)
    expect(asked.length).toBeGreaterThanOrEqual(29)
    expect(asked.length).toBeLessThanOrEqual(31)
    const checks = prober.read(failures, blue, 0).points.filter(({ requests }) => requests > 0)
    expect(checks.length).toBeGreaterThanOrEqual(28)
    expect(checks.every(({ errors }) => errors === 1)).toBe(true)
    expect(prober.read(failures, blue, 0).notes).toEqual(['/: no answer within 2000 ms.'])
  })

  it('says each second that it is there, also when a check is due seldom', async () => {
    const { prober, asked, pass, clock } = tried({ probe: { everyMs: 20_000 } })
    await pass(60_000)
    expect(asked).toHaveLength(3)
    const { points } = prober.read(failures, blue, clock.wallMs() - 30_000)
    expect(points.length).toBeGreaterThanOrEqual(28)
    expect(points.filter(({ requests }) => requests > 0).length).toBeLessThanOrEqual(2)
    expect(Math.max(...points.slice(1).map(({ at }, index) => at - (points[index]?.at ?? 0)))).toBeLessThanOrEqual(2000)
  })

  it('says nothing while there is nobody to ask: that is absence', async () => {
    let address: ProbeAddress | null = null
    const { prober, asked, pass, clock } = tried({ probe: { everyMs: 3_600_000 }, addressOf: () => address })
    await pass(60_000)
    expect(asked).toEqual([])
    expect(prober.read(failures, blue, 0).points).toEqual([])
    address = { address: 'http://x', version: '1.0.0' }
    await pass(1000)
    // The first check of an hourly probe does not wait for an hour.
    expect(asked).toHaveLength(1)
    address = null
    await pass(3_600_000)
    const goneAt = clock.wallMs()
    await pass(60_000)
    expect(prober.read(failures, blue, goneAt).points).toEqual([])
  })

  it('keeps versions apart, and no more than an hour', async () => {
    let version = '1.0.0'
    const { prober, pass } = tried({ probe: { everyMs: 250 }, addressOf: () => ({ address: 'http://x', version }) })
    await pass(3_600_000 * 2)
    const kept = prober.read(failures, blue, 0).points.length
    expect(kept).toBeGreaterThan(14_000)
    expect(kept).toBeLessThanOrEqual(14_400)
    version = '2.0.0'
    await pass(10_000)
    expect(prober.read(failures, { ...blue, version: '2.0.0' }, 0).points).toHaveLength(40)
    expect(prober.read(failures, { ...blue, environment: 'green' }, 0).points).toEqual([])
    expect(prober.read({ ...failures, probe: 'nowhere' }, blue, 0).notes).toEqual(['shop has no probe nowhere.'])
  })

  it('leaves nothing behind when it stops', async () => {
    const { prober, asked, pass, timers } = tried({ ask: hang })
    await pass(1500)
    expect(prober.inFlight()).toBe(1)
    prober.stop()
    await pass(10_000)
    expect({ asked: asked.length, inFlight: prober.inFlight(), timers: timers() }).toEqual({ asked: 1, inFlight: 0, timers: 0 })
  })

  it('asks at most 64 at once, however many there are', async () => {
    const time = virtualClock()
    let most = 0
    const prober: Prober = createProber({
      clock: time.clock,
      services: Array.from({ length: 500 }, (_, n) => ({ name: `s${n}`, probes: [probe] })),
      addressOf: () => ({ address: 'http://x', version: '1.0.0' }),
      ask: (_address, _probe, signal) => {
        most = Math.max(most, prober.inFlight())
        return hang(signal)
      },
    })
    prober.start()
    await time.pass(5000)
    prober.stop()
    expect(most).toBe(64)
  })
})

describe('where an environment is asked', () => {
  const environment = (version: string | null) => ({ readiness: 'ready', deployed: version === null ? null : { version, configDigest: '' }, detail: '', instances: { ready: 1, wanted: 1 }, restarts: 0, startedAt: null, cpuPercent: null, memoryBytes: null, inFlight: null, connections: null }) as const
  const observed = (blueWeight: number): ObservedService => ({ weights: { blue: blueWeight, green: 100 - blueWeight }, generation: 1, generationCause: '', environments: { blue: environment('1'), green: environment('2') }, liveAddress: 'http://live', previewAddress: 'http://preview', lease: null })

  it.each<[blueWeight: number, candidate: 'green' | null, blue: string | null, green: string | null]>([
    [100, 'green', 'http://live', 'http://preview'],
    [75, 'green', null, 'http://preview'],
    [0, 'green', null, 'http://live'],
    [100, null, 'http://live', null],
    [0, null, null, 'http://live'],
  ])('blue at %i %%, candidate %s', (weight, candidate, blueAddress, greenAddress) => {
    expect(probeAddress(observed(weight), candidate, 'blue')?.address ?? null).toBe(blueAddress)
    expect(probeAddress(observed(weight), candidate, 'green')?.address ?? null).toBe(greenAddress)
  })
})

describe('a check over HTTP', () => {
  const open: { server: Server; sockets: Set<Socket> }[] = []
  afterEach(async () => {
    for (const { server, sockets } of open.splice(0)) {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    }
  })
  async function answering(answer: Parameters<typeof createServer>[1]): Promise<string> {
    const server = createServer(answer ?? (() => {}))
    const sockets = new Set<Socket>()
    server.on('connection', (socket) => sockets.add(socket))
    open.push({ server, sockets })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const wrongOf = async (address: string, change: Partial<Probe> = {}, signal = AbortSignal.timeout(500)) => (await askOverHttp(address, { ...probe, ...change }, signal)).wrong

  it('passes what is as expected, and says what is not', async () => {
    const address = await answering((request, response) => {
      response.statusCode = request.url === '/moved' ? 302 : request.url === '/broken' ? 500 : 200
      response.setHeader('location', '/')
      response.end('total 5')
    })
    expect(await wrongOf(address)).toBeNull()
    expect(await wrongOf(address, { expectBody: 'total' })).toBeNull()
    expect(await wrongOf(address, { expectBody: 'Total' })).toBe('the body does not contain "Total"')
    expect(await wrongOf(address, { path: '/broken' })).toBe('status 500, expected 200')
    expect(await wrongOf(address, { path: '/moved' })).toBe('status 302, expected 200')
    expect(await wrongOf('http://127.0.0.1:1')).toBe('ECONNREFUSED')
  })

  it('ends when it is told to, wherever it hangs', async () => {
    const silent = await answering(() => {})
    const half = await answering((_request, response) => void response.write('to'))
    const before = performance.now()
    expect(await Promise.all([silent, half].map((address) => wrongOf(address)))).toEqual(['stopped before it was done', 'stopped before it was done'])
    expect(performance.now() - before).toBeLessThan(5000)
  })
})
