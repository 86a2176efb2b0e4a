import { seededRandom } from '../../bench/measure.ts'
import type { Criterion } from '../../contract/analysis.ts'
import type { Fault } from '../../contract/fault.ts'
import type { FlagCapabilities, FlagRollout, FlagSourceConfig, RolloutCommand } from '../../contract/flag.ts'
import type { FlagRolloutPlan, JsonValue } from '../../contract/flag-definition.ts'
import type { MigrationPhase } from '../../contract/migration.ts'
import type { Operator } from '../../contract/release.ts'
import type { WatchItem } from '../../contract/system.ts'
import type { Role } from '../../contract/vocabulary.ts'
import { exposureOf } from '../../core/flags/exposure.ts'
import { booleanFlag } from '../../core/flags/testing/flags.ts'
import type { OpenEvaluator } from '../../core/flags/preview.ts'
import type { Clock, MetricsSource } from '../../core/ports.ts'
import { bucketOf } from '../../core/analysis/latency-histogram.ts'
import type { CodeScan } from '../flags/deps.ts'
import { createFlags, type Flags } from '../flags/flags.ts'
import { createFakeFlagSource, createFakeFlagSystem } from '../flags/testing/fake-flag-source.ts'
import { emptySeries } from '../recording.ts'
import { createMemoryStore, createSimulatedDisk } from './memory-store.ts'
import { createVirtualClock } from './virtual-clock.ts'

export const ADA: Operator = { id: 'ada@host', name: 'Ada', email: '', known: 'osUser' }
export const FLAG = 'new-checkout'
const SET = 'prod'

/** Everyone in three steps, ten seconds each. */
export const QUICK_PLAN: FlagRolloutPlan = {
  flag: FLAG,
  variants: [{ variant: 'on', share: 100 }],
  baseline: 'off',
  stages: [5, 50, 100].map((percent) => ({ audience: { kind: 'everyone' as const }, percent, holdMs: 10_000, approval: false, criteria: null })),
}

export interface FlagSimulationOptions {
  readonly seed?: number
  readonly criteria?: readonly Criterion[]
  readonly config?: Partial<FlagSourceConfig>
  readonly capabilities?: Partial<FlagCapabilities>
  readonly role?: () => Role
  readonly readOnly?: () => string | null
  readonly migrationPhase?: (id: string) => MigrationPhase | null
  readonly liveVersions?: (service: string) => readonly string[] | null
  readonly metrics?: MetricsSource
  readonly openEvaluator?: OpenEvaluator
  readonly scan?: () => Promise<CodeScan>
}

/** The engine of flags on virtual time, a simulated disk and a simulated flag system; consoles come and go. */
export function createFlagSimulation(options: FlagSimulationOptions = {}) {
  const random = seededRandom(options.seed ?? 1)
  const time = createVirtualClock()
  const disk = createSimulatedDisk()
  const system = createFakeFlagSystem()
  const published: WatchItem[] = []
  const log: string[] = []
  let diskFails = false
  let counter = 0
  let crash: { name: string; nth: number } | null = null
  let current: { flags: Flags; kill: () => void; alive: () => boolean } | null = null
  let traffic: { readonly perSecond: number; readonly errors: (variant: string) => number; readonly latencyMs: (variant: string) => number } | null = null
  system.define(SET, booleanFlag(FLAG))
  system.define('dev', booleanFlag(FLAG))

  const config: FlagSourceConfig = {
    name: 'shop',
    kind: 'file',
    sets: [
      { tier: 'prod', set: SET },
      { tier: 'dev', set: 'dev' },
    ],
    services: ['checkout'],
    criteria: [...(options.criteria ?? [])],
    stages: [],
    needs: [],
    code: [],
    settledForMs: 86_400_000,
    silentForMs: 3_600_000,
    settings: {},
    ...options.config,
  }

  /** Requests by variant, as the definition gives it to users. */
  function pushTraffic(): void {
    if (!traffic) return
    const { percents } = exposureOf(system.definition(SET, FLAG))
    const at = Math.floor(time.clock.wallMs() / 1000) * 1000
    for (const variant of ['on', 'off', 'a', 'b']) {
      const percent = percents?.get(variant) ?? 0
      const series = system.series.get(variant) ?? emptySeries()
      system.series.set(variant, series)
      if ((series.at.at(-1) ?? -Infinity) >= at) continue
      const requests = Math.round((traffic.perSecond * percent) / 100)
      // A share of errors, drawn request by request.
      let errors = 0
      const ratio = traffic.errors(variant)
      for (let i = 0; i < requests; i += 1) if (random() < ratio) errors += 1
      series.at.push(at)
      series.requests.push(requests)
      series.errors.push(errors)
      series.latency.push(requests === 0 ? [] : [[bucketOf(traffic.latencyMs(variant) * (0.9 + random() * 0.2)), requests]])
      series.values.push(null)
    }
  }
  const flow = () => {
    pushTraffic()
    time.clock.setTimer(1000, flow)
  }
  time.clock.setTimer(1000, flow)

  function boot(): Flags {
    let dead = false
    const hang = new Promise<never>(() => {})
    const mortal: Clock = { ...time.clock, setTimer: (delayMs, callback) => time.clock.setTimer(delayMs, () => dead || callback()) }
    const guard = <T extends object>(port: T): T =>
      new Proxy(port, {
        get(target, key, receiver) {
          const member: unknown = Reflect.get(target, key, receiver)
          if (typeof member !== 'function') return member
          return (...args: unknown[]): unknown => {
            const answer: unknown = dead && key !== 'matches' ? hang : Reflect.apply(member, target, args)
            return answer instanceof Promise ? answer.then((value: unknown) => (dead ? hang : value), (error: unknown) => (dead ? hang : Promise.reject(error as Error))) : answer
          }
        },
      })
    const source = guard(createFakeFlagSource(system, time.clock, 'shop', options.capabilities))
    const flags = createFlags({
      clock: mortal,
      ids: { next: () => `id-${String((counter += 1)).padStart(6, '0')}`, random },
      store: guard(createMemoryStore(disk, time.clock, () => diskFails)),
      tier: 'prod',
      configs: [config],
      source: () => source,
      metrics: options.metrics ?? null,
      serviceCriteria: () => [],
      liveTraffic: () => null,
      liveEnvironment: () => null,
      liveVersions: options.liveVersions ?? (() => []),
      migrationPhase: options.migrationPhase ?? (() => null),
      operator: () => ({ operator: ADA, role: options.role?.() ?? 'admin' }),
      readOnly: options.readOnly ?? (() => null),
      openEvaluator: options.openEvaluator ?? (() => ({ evaluate: () => ({ value: true as JsonValue, variant: 'on', reason: 'STATIC', error: null }) })),
      scan: options.scan ?? (async () => ({ references: new Map(), files: 0, lines: 0, skipped: 0, tookMs: 0, problems: [] })),
      publish: (item) => (dead ? undefined : published.push(item)),
      log: (line) => (dead ? undefined : log.push(line)),
      crashPoint: (point) => {
        if (dead) throw new Error('dead')
        if (crash?.name !== point) return
        crash = { name: point, nth: crash.nth - 1 }
        if (crash.nth > 0) return
        crash = null
        dead = true
        throw new Error(`crashed at ${point}`)
      },
    })
    current = { flags, kill: () => (dead = true), alive: () => !dead }
    flags.start()
    return flags
  }

  function flags(): Flags {
    if (!current) throw new Error('the console is not running')
    return current.flags
  }

  /** Calls and lets time pass until it is answered; undefined when it never is. */
  async function act<T>(call: Promise<T>, patienceMs = 60_000): Promise<T | Fault | Error | undefined> {
    let answer: { value: T | Fault | Error } | undefined
    call.then(
      (value) => (answer = { value }),
      (error: unknown) => (answer = { value: error instanceof Error ? error : new Error(String(error)) }),
    )
    await time.settle()
    for (let waited = 0; !answer && waited < patienceMs && (current?.alive() ?? false); waited += 50) await time.advance(50)
    return answer?.value
  }

  const rollout = (): FlagRollout => {
    const found = [...disk.rollouts.values()].at(-1)
    if (!found) throw new Error('there is no rollout')
    return disk.emergency.flatMap((batch) => batch.rollouts ?? []).findLast(({ id }) => id === found.id) ?? found
  }

  return {
    time,
    disk,
    system,
    published,
    log,
    random,
    config,
    boot,
    flags,
    act,
    rollout,
    alive: () => current?.alive() ?? false,
    async restart(downMs = 0): Promise<void> {
      current?.kill()
      current = null
      await time.advance(downMs)
      boot()
      await time.settle()
    },
    async close(): Promise<void> {
      if (current) await act(current.flags.stop())
      current = null
    },
    crashAt(name: string, nth = 1): void {
      crash = { name, nth }
    },
    disarmed(): void {
      crash = null
    },
    failDisk(on: boolean): void {
      diskFails = on
    },
    /** Users from now on. */
    setTraffic(perSecond: number, errors: (variant: string) => number = () => 0.005, latencyMs: (variant: string) => number = () => 40): void {
      traffic = { perSecond, errors, latencyMs }
    },
    stopTraffic(): void {
      traffic = null
    },
    async start(plan: FlagRolloutPlan = QUICK_PLAN, change: { operationId?: string; reason?: string; expectedVersion?: string } = {}) {
      const found = await act(flags().get('shop', FLAG))
      if (!found || found instanceof Error) return found
      return act(flags().startRollout({ source: 'shop', flag: FLAG, plan, expectedVersion: change.expectedVersion ?? found.version, reason: change.reason ?? 'because', operationId: change.operationId ?? `op-start-${(counter += 1)}` }, ADA))
    },
    command: (command: RolloutCommand, change: { reason?: string; operationId?: string; by?: Operator; expectedRevision?: number; variant?: string } = {}) =>
      act(flags().command({ rollout: rollout().id, command, reason: change.reason ?? '', operationId: change.operationId ?? `op-${command}-${(counter += 1)}`, expectedRevision: change.expectedRevision, variant: change.variant }, change.by ?? ADA)),
    kill: (change: { reason?: string; operationId?: string } = {}) => act(flags().kill({ source: 'shop', flag: FLAG, reason: change.reason ?? '', operationId: change.operationId ?? `op-kill-${(counter += 1)}` }, ADA)),
    exposure: () => exposureOf(system.definition(SET, FLAG)),
    definition: () => system.definition(SET, FLAG),
    /** Lets time pass until it is so; false when it never is. */
    async until(holds: () => boolean, patienceMs = 600_000): Promise<boolean> {
      for (let waited = 0; waited < patienceMs; waited += 500) {
        if (holds()) return true
        await time.advance(500)
      }
      return holds()
    },
  }
}
export type FlagSimulation = ReturnType<typeof createFlagSimulation>
