import type { ExposedFlag } from '../../core/interlocks/exposed-flags.ts'
import type { SchemaPhase } from '../../core/interlocks/migration-rules.ts'
import { createHash } from 'node:crypto'
import { seededRandom } from '../../bench/measure.ts'
import { Fault } from '../../contract/fault.ts'
import type { Plan } from '../../contract/plan.ts'
import type { Operator } from '../../contract/release.ts'
import type { DataMode } from '../../contract/service.ts'
import type { ServiceConfig } from '../../contract/workspace.ts'
import type { Clock, GateRunner, MetricsSource } from '../../core/ports.ts'
import { type CallFault, createFakeProvider } from '../../providers/fake/fake-provider.ts'
import { createFakeWorld } from '../../providers/fake/fake-world.ts'
import { type Engine, createEngine } from '../engine.ts'
import { createMemoryStore, createSimulatedDisk } from './memory-store.ts'
import { DEFAULT_TEST_PLAN } from './test-plan.ts'
import { createVirtualClock } from './virtual-clock.ts'

export const ANNA: Operator = { id: 'anna@sim', name: 'Anna', email: 'anna@example.org', known: 'selfDeclared' }

/** Thrown at a crash point: the console is gone from there on. */
class SimulatedCrash extends Error {}

export interface SimulationOptions {
  readonly seed?: number
  readonly plan?: Partial<Plan>
  readonly versions?: readonly string[]
  readonly latencyMs?: (method: string) => number
  readonly providerFault?: (method: string) => CallFault | null
  readonly lies?: () => boolean
  readonly initialVersion?: string | null
  readonly gates?: GateRunner
  readonly data?: DataMode
  readonly resumesStopped?: boolean
  readonly requestsPerSecond?: number
  /** Poisson counts instead of exact shares. */
  readonly noisy?: boolean
  readonly metrics?: MetricsSource
  readonly lagMs?: () => number
  /** Data that takes the writes on the side that is to get all traffic; throws when it cannot. */
  readonly turn?: (to: 'blue' | 'green') => void
  /** Migrations of tables the service uses. */
  readonly schema?: () => readonly SchemaPhase[]
  readonly exposed?: () => readonly ExposedFlag[]
  /** Why this console may only read; null when it may act. */
  readonly readOnly?: () => string | null
  /** Digest of a version's configuration at a moment, simulated milliseconds since the start. */
  readonly digestOf?: (version: string, atMs: number) => string
}

/**
 * The real engine in simulated time, on a simulated disk and a fake world, with a console that can die and come back.
 * One service, `checkout`. Same seed, same run.
 */
export function createSimulation(options: SimulationOptions = {}) {
  const time = createVirtualClock()
  const world = createFakeWorld(time.clock, options.requestsPerSecond ?? 100, options.noisy ? seededRandom((options.seed ?? 1) + 7919) : null)
  const disk = createSimulatedDisk()
  const random = seededRandom(options.seed ?? 1)
  const log: string[] = []
  let diskFails = false
  let crashAt: { name: string; nth: number } | null = null
  let idCounter = 0
  let console: { engine: Engine; kill: () => void; alive: () => boolean } | null = null

  const config: ServiceConfig = {
    name: 'checkout',
    provider: 'fake',
    plan: { ...DEFAULT_TEST_PLAN, ...options.plan },
    data: options.data ?? { kind: 'shared' },
    settings: {},
    probes: [],
    initialVersion: options.initialVersion === undefined ? '1.0.0' : options.initialVersion,
  }

  /** Ports of one incarnation of the console: when it dies, its timers never fire and its calls never come back. */
  function boot() {
    let dead = false
    const hang = new Promise<never>(() => {})
    const mortal: Clock = {
      ...time.clock,
      setTimer: (delayMs, callback) => time.clock.setTimer(delayMs, () => dead || callback()),
    }
    const guard = <T extends object>(port: T): T =>
      new Proxy(port, {
        get(target, key, receiver) {
          const member: unknown = Reflect.get(target, key, receiver)
          if (typeof member !== 'function') return member
          return (...args: unknown[]): unknown => {
            if (dead) return hang
            const answer: unknown = Reflect.apply(member, target, args)
            return answer instanceof Promise ? answer.then((value: unknown) => (dead ? hang : value), (error: unknown) => (dead ? hang : Promise.reject(error as Error))) : answer
          }
        },
      })
    const provider = createFakeProvider({
      world,
      clock: mortal,
      versions: options.versions ?? ['1.0.0', '2.0.0', '3.0.0'],
      ...(options.latencyMs ? { latencyMs: options.latencyMs } : {}),
      ...(options.providerFault ? { fault: options.providerFault } : {}),
      ...(options.lies ? { lies: options.lies } : {}),
      ...(options.digestOf ? { digestOf: options.digestOf } : {}),
    })
    const guardedProvider = guard(provider)
    const engine = createEngine({
      clock: mortal,
      ids: { next: () => `id-${(idCounter += 1)}`, random },
      store: guard(createMemoryStore(disk, time.clock, () => diskFails)),
      metricsStore: null,
      metrics: options.metrics ?? null,
      gates: options.gates ?? { run: async (gate) => ({ name: gate.name, state: 'passed', detail: '', exitCode: 0, output: '', endedAt: time.clock.wallMs() }) },
      dataSync: { lagMs: async () => options.lagMs?.() ?? 0, turn: async (_service, _mode, to) => options.turn?.(to) },
      schema: () => options.schema?.() ?? [],
      exposed: () => options.exposed?.() ?? [],
      otherWaiting: () => [],
      services: [config],
      provider: () => guardedProvider,
      operator: () => ({ operator: ANNA, role: 'admin' }),
      resumesStopped: options.resumesStopped ?? false,
      readOnly: options.readOnly ?? (() => null),
      publish: () => {},
      log: (line) => log.push(line),
      crashPoint: (name) => {
        if (dead) throw new SimulatedCrash(name)
        if (crashAt?.name !== name) return
        crashAt = { name, nth: crashAt.nth - 1 }
        if (crashAt.nth > 0) return
        crashAt = null
        dead = true
        throw new SimulatedCrash(name)
      },
      sha256: (text) => createHash('sha256').update(text).digest('hex'),
    })
    console = { engine, kill: () => (dead = true), alive: () => !dead }
    engine.start()
  }

  function engine(): Engine {
    if (!console) throw new Error('the console is not running')
    return console.engine
  }

  /** Calls and lets time pass until it is answered; undefined when it never is (the console died). */
  async function act<T>(call: Promise<T>): Promise<T | Fault | undefined> {
    let answer: { value: T | Fault } | undefined
    call.then(
      (value) => (answer = { value }),
      (error: unknown) => {
        if (error instanceof Fault) answer = { value: error }
      },
    )
    await time.settle()
    for (let waited = 0; !answer && waited < 20; waited += 1) await time.advance(50)
    return answer?.value
  }

  return {
    time,
    world,
    disk,
    log,
    random,
    config,
    boot,
    engine,
    act,
    /** kill -9, and start again after so many milliseconds. */
    async restart(downMs = 0): Promise<void> {
      console?.kill()
      console = null
      await time.advance(downMs)
      boot()
      await time.settle()
    },
    /** The console dies when it passes the named point for the nth time from now. */
    crashAt(name: string, nth: number): void {
      crashAt = { name, nth }
    },
    /** True until an armed crash has happened. */
    get crashArmed() {
      return crashAt !== null
    },
    alive: () => console?.alive() ?? false,
    disarm(): void {
      crashAt = null
    },
    failDisk(on: boolean): void {
      diskFails = on
    },
    create: (version: string, change: { endRollbackWindow?: boolean; queue?: boolean; start?: boolean } = {}) =>
      act(engine().create({ service: 'checkout', version, reason: 'because', ticket: '', notes: '', start: true, queue: false, endRollbackWindow: false, operationId: `op-create-${(idCounter += 1)}`, ...change }, ANNA)),
    command: (releaseId: string, command: Parameters<Engine['command']>[0]['command'], change: { force?: boolean; operationId?: string; expectedRevision?: number; by?: Operator; reason?: string; forMs?: number } = {}) =>
      act(engine().command({ releaseId, command, reason: change.reason ?? 'because', ...(change.forMs === undefined ? {} : { forMs: change.forMs }), force: change.force ?? false, operationId: change.operationId ?? `op-${command}-${(idCounter += 1)}`, expectedRevision: change.expectedRevision }, change.by ?? ANNA)),
    current: () => engine().service('checkout')?.release ?? null,
    weights: () => world.observe('checkout').weights,
    waiting: () => engine().snapshot().flatMap((item) => (item.kind === 'waiting' ? item.items : [])),
  }
}
export type Simulation = ReturnType<typeof createSimulation>
