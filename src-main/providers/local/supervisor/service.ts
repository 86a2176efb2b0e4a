import { randomUUID } from 'node:crypto'
import { Fault } from '../../../contract/fault.ts'
import type { EnvironmentSeries, LeaseState, ObservedService, VersionRef, Weights } from '../../../contract/traffic.ts'
import { ENVIRONMENTS, otherEnvironment, type EnvironmentName } from '../../../contract/vocabulary.ts'
import type { Operation, SetWeights } from '../../../core/ports.ts'
import type { FileSettings } from '../../flagd/file-settings.ts'
import type { FlagServerPorts } from '../../flagd/flag-server-link.ts'
import type { LocalSettings } from '../config.ts'
import type { EnvironmentReading, RouteState, SecondCounts } from '../router/messages.ts'
import { createReferences } from '../references.ts'
import type { EnvironmentDurable, ServiceDurable } from './durable.ts'
import { createEnvironment, type Environment, type EnvironmentView } from './environment.ts'
import { launchable, remember } from './known-versions.ts'
import { createLeaseTimer } from './lease-timer.ts'
import { openEnvironmentLog, type EnvironmentLog } from './logs.ts'
import { createMetricsWindow } from './metrics-window.ts'
import { addressOf, observedEnvironment } from './observed.ts'
import type { RouterLink } from './router-link.ts'
import { checkFence, checkGeneration, checkIdle, checkReady, holds, type Doors } from './rules.ts'
import type { Usage } from './usage.ts'

/** Durable answers to operations, so that the same one is not done twice. */
export interface OperationMemory {
  /** Undefined when it was never done. */
  find(id: string): { readonly answer: unknown } | undefined
  /** Remembers state and answer in one durable step. */
  commit(state: ServiceDurable, operation: { readonly id: string; readonly answer: unknown } | null): Promise<void>
}

export interface ServiceOptions {
  readonly name: string
  readonly settings: LocalSettings
  readonly durable: ServiceDurable
  readonly recovering: boolean
  readonly router: RouterLink
  readonly logFolder: string
  readonly memory: OperationMemory
  /** Address of a practice database, which is started for it. */
  practice(name: string, port: number): Promise<string>
  /** Where a source's flag server listens, which is started for it. */
  flags(name: string, settings: FileSettings): Promise<FlagServerPorts>
  onChange(): void
  note(text: string): void
}

/** One service: two environments, the weights between them, and the operations on both. */
export interface Service {
  configure(settings: LocalSettings, ports: ServiceDurable['ports'], variables?: Readonly<Record<string, string>>): Promise<void>
  settings(): LocalSettings
  durable(): ServiceDurable
  route(): RouteState
  observe(): Promise<ObservedService>
  deploy(operation: Operation, environment: EnvironmentName, version: VersionRef, variables: Readonly<Record<string, string>>): Promise<void>
  setWeights(operation: Operation, request: SetWeights): Promise<{ readonly generation: number }>
  renewLease(leaseId: string, ttlMs: number): Promise<LeaseState>
  stop(operation: Operation, environment: EnvironmentName, drainMs: number): Promise<void>
  /** Ends everything, whatever the weights are. */
  shutDown(drainMs: number, why: string): Promise<void>
  log(environment: EnvironmentName): EnvironmentLog
  view(environment: EnvironmentName): EnvironmentView
  addSecond(at: number, counts: Readonly<Record<EnvironmentName, SecondCounts>>, usage: ReadonlyMap<number, Usage>): void
  metrics(fromAt: number): EnvironmentSeries
  recover(): Promise<void>
  release(): void
}

export function createService(options: ServiceOptions): Service {
  const { name, router, memory } = options
  let settings = options.settings
  let durable = options.durable
  let usage: Record<EnvironmentName, Usage | null> = { blue: null, green: null }
  const metrics = createMetricsWindow()
  const references = createReferences()
  const logs = { blue: openEnvironmentLog(options.logFolder, name, 'blue', options.recovering), green: openEnvironmentLog(options.logFolder, name, 'green', options.recovering) }
  const environments: Record<EnvironmentName, Environment> = { blue: open('blue'), green: open('green') }
  /** Work on one environment happens one after the other. */
  const tasks: Record<EnvironmentName, Promise<void>> = { blue: Promise.resolve(), green: Promise.resolve() }
  const running = new Map<string, Promise<unknown>>()
  let turn: Promise<unknown> = Promise.resolve()
  const lease = createLeaseTimer(() => void exclusive(onLeaseExpired))

  function open(environment: EnvironmentName): Environment {
    return createEnvironment({
      service: name,
      name: environment,
      log: logs[environment],
      settings: () => settings,
      references,
      practice: (database, port) => options.practice(database, port),
      flags: (source, from) => options.flags(source, from),
      durable: () => durable[environment],
      persist: (patch) => {
        void save(withEnvironment(environment, patch)).catch((error: unknown) => options.note(`State of ${name} could not be saved: ${String(error)}`))
      },
      onChange: changed,
      onDeath: () => void exclusive(() => onDeath(environment)),
    })
  }

  function withEnvironment(environment: EnvironmentName, patch: Partial<EnvironmentDurable>): Partial<ServiceDurable> {
    return { [environment]: { ...durable[environment], ...patch } }
  }

  async function save(patch: Partial<ServiceDurable>, operation: { readonly id: string; readonly answer: unknown } | null = null): Promise<void> {
    durable = { ...durable, ...patch }
    await memory.commit(durable, operation)
  }

  /** Readiness or endpoints moved: the router must know before anybody is told. */
  function changed(): void {
    router.setRoute(route()).catch((error: unknown) => options.note(`The router was not told: ${String(error)}`)).finally(() => options.onChange())
    if (durable.lease?.expired && durable.lease.onExpiry === 'revert') void exclusive(onLeaseExpired)
  }

  /** Decisions on one service are taken one at a time. Nothing slow happens inside. */
  function exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work)
    turn = result.catch(() => {})
    return result
  }

  /** The same operation again, meanwhile or later, answers as the first time. A refusal is not remembered. */
  function once<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
    const present = running.get(operation.id)
    if (present) return present as Promise<T>
    const result = work().finally(() => running.delete(operation.id))
    running.set(operation.id, result)
    return result
  }

  function route(): RouteState {
    const endpoint = (environment: EnvironmentName) => environments[environment].view().endpoint
    return {
      name,
      generation: durable.generation,
      weights: durable.weights,
      pinsFrom: durable.pinsFrom,
      sticky: settings.sticky,
      preview: durable.preview,
      timeouts: settings.timeouts,
      endpoints: { blue: endpoint('blue'), green: endpoint('green') },
    }
  }

  const doors = (): Doors => ({ name, durable, readiness: { blue: environments.blue.view(), green: environments.green.view() } })

  async function shift(weights: Weights, cause: string, change: Partial<ServiceDurable>, operation: { readonly id: string } | null, overridePins: boolean): Promise<number> {
    const generation = durable.generation + 1
    const before = durable.weights
    const former = ENVIRONMENTS.find((environment) => before[environment] === 100 && weights[environment] !== 100)
    const spawnId = former ? durable[former].spawnId : null
    const stable = former && spawnId ? { stable: { environment: former, spawnId } } : {}
    await save(
      { weights, generation, cause, ...stable, ...(overridePins ? { pinsFrom: generation } : {}), ...change },
      operation ? { id: operation.id, answer: { generation } } : null,
    )
    lease.set(durable.lease)
    try {
      await router.setRoute(route())
    } finally {
      options.note(`${name}: weights blue ${weights.blue} %, green ${weights.green} %, generation ${generation}, by ${cause}`)
      options.onChange()
    }
    return generation
  }

  async function onLeaseExpired(): Promise<void> {
    const present = durable.lease
    if (!present) return
    if (!present.expired) await save({ lease: { ...present, expired: true } })
    const { revertTo } = present
    const reverted = revertTo.blue === durable.weights.blue && revertTo.green === durable.weights.green
    const ready = ENVIRONMENTS.every((environment) => revertTo[environment] === 0 || environments[environment].view().readiness === 'ready')
    if (present.onExpiry === 'revert' && !reverted && ready) await shift(revertTo, 'lease', { lease: { ...present, expired: true } }, null, true)
    options.onChange()
  }

  /** The environment with the traffic ended by itself. By policy, the last one that had it all takes it back. */
  async function onDeath(dead: EnvironmentName): Promise<void> {
    const other = otherEnvironment(dead)
    const { stable } = durable
    const isStable = stable?.environment === other && stable.spawnId === durable[other].spawnId
    if (settings.onLiveDeath !== 'switch' || durable.weights[dead] === 0 || !isStable) return
    if (environments[dead].view().readiness === 'ready' || environments[other].view().readiness !== 'ready') return
    logs[dead].note(`It had ${durable.weights[dead]} % of the traffic; ${other} is ready and stable and takes over.`)
    await shift({ blue: other === 'blue' ? 100 : 0, green: other === 'green' ? 100 : 0 }, 'liveDeath', { lease: null }, null, true)
  }

  function enqueue(environment: EnvironmentName, work: () => Promise<void>): Promise<void> {
    const result = tasks[environment].then(work)
    tasks[environment] = result.catch((error: unknown) => options.note(`${name} ${environment}: ${String(error)}`))
    return result
  }

  async function end(environment: EnvironmentName, drainMs: number, why: string): Promise<void> {
    const target = environments[environment]
    if (target.view().pid !== null) {
      target.markStopping()
      // Only once the router knows that nothing new may go there does counting down make sense.
      await router.setRoute(route()).catch(() => {})
      const left = await router.drain(name, environment, drainMs)
      if (left > 0) logs[environment].note(`${left} request${left === 1 ? ' was' : 's were'} still in flight after ${drainMs} ms of draining.`)
    }
    await target.stop(why)
  }

  function observe(environment: EnvironmentName, reading: EnvironmentReading) {
    return observedEnvironment(environments[environment].view(), durable[environment], reading, usage[environment])
  }

  return {
    async configure(next, ports, variables = {}) {
      references.learn(variables)
      await exclusive(async () => {
        settings = next
        if (ports.live !== durable.ports.live || ports.preview !== durable.ports.preview) await save({ ports })
        await router.setRoute(route())
      })
      for (const environment of ENVIRONMENTS) environments[environment].onVariables()
      options.onChange()
    },
    settings: () => settings,
    durable: () => durable,
    route,
    async observe() {
      const reading = await router.read(name)
      return {
        weights: reading.weights,
        generation: reading.generation,
        generationCause: reading.generation === durable.generation ? durable.cause : 'unknown',
        environments: { blue: observe('blue', reading.environments.blue), green: observe('green', reading.environments.green) },
        liveAddress: router.listening(name, 'live') === null ? null : addressOf(settings.address.host, durable.ports.live),
        previewAddress: router.listening(name, 'preview') === null ? null : addressOf(settings.preview.host, durable.ports.preview),
        lease: durable.lease ? { id: durable.lease.id, expiresAt: lease.expiresAt(), onExpiry: durable.lease.onExpiry, expired: durable.lease.expired } : null,
      }
    },
    deploy: (operation, environment, version, variables) =>
      once(operation, async () => {
        references.learn(variables)
        if (memory.find(operation.id) !== undefined) return
        checkFence(doors(), operation)
        checkIdle(doors(), environment, version)
        const known = await launchable(settings, durable.known, version)
        await exclusive(async () => {
          checkFence(doors(), operation)
          checkIdle(doors(), environment, version)
          const view = environments[environment].view()
          if (holds(doors(), environment, version) && (view.readiness === 'ready' || (view.readiness === 'starting' && view.pid !== null))) {
            await save({ preview: environment, fence: operation.fence }, { id: operation.id, answer: null })
            await router.setRoute(route())
            return
          }
          const next: EnvironmentDurable = { ...durable[environment], deployed: { ref: version, spec: known[environment] }, wanted: 'running', spawnId: randomUUID(), stoppedWhy: '' }
          await save(
            { [environment]: next, preview: environment, fence: operation.fence, known: remember(durable.known, known) },
            { id: operation.id, answer: null },
          )
          // From now on it gets no request until the new process is ready.
          if (view.pid !== null) environments[environment].markStopping()
          void enqueue(environment, async () => {
            await end(environment, settings.drainMs, '')
            environments[environment].start()
          })
        })
        options.onChange()
      }),
    setWeights: (operation, request) =>
      once(operation, () =>
        exclusive(async () => {
          const earlier = memory.find(operation.id)
          if (earlier !== undefined) return earlier.answer as { readonly generation: number }
          checkFence(doors(), operation)
          checkGeneration(doors(), request.expectGeneration)
          if (!request.force) checkReady(doors(), request.weights)
          const change = { fence: operation.fence, lease: request.lease ? { ...request.lease, expired: false } : null }
          return { generation: await shift(request.weights, operation.id, change, operation, request.overrideStickiness) }
        }),
      ),
    renewLease: (leaseId, ttlMs) =>
      exclusive(async () => {
        const present = durable.lease
        if (present?.id !== leaseId) {
          throw new Fault('notFound', `The lease ${leaseId} of ${name} is not held any more; somebody else moved traffic since. Traffic stays as it is.`, 'Read the service again before acting.')
        }
        const { id, onExpiry, expired } = present
        if (ttlMs === 0) {
          await save({ lease: null })
          lease.set(null)
          options.onChange()
          return { id, onExpiry, expired, expiresAt: Date.now() }
        }
        // A reverted shift stays reverted. One that was held is guarded again from here; the caller is told that it had run out.
        const revive = !expired || onExpiry === 'hold'
        if (revive) {
          if (expired || ttlMs !== present.ttlMs) await save({ lease: { ...present, ttlMs, expired: false } })
          lease.set(durable.lease)
          if (expired) options.onChange()
        }
        return { id, onExpiry, expired, expiresAt: lease.expiresAt() }
      }),
    stop: (operation, environment, drainMs) =>
      once(operation, async () => {
        const finished = await exclusive(async () => {
          if (memory.find(operation.id) === undefined) {
            checkFence(doors(), operation)
            checkIdle(doors(), environment, null)
            await save({ ...withEnvironment(environment, { wanted: 'stopped' }), fence: operation.fence }, { id: operation.id, answer: null })
            const why = durable[environment].deployed ? 'Stopped on request.' : ''
            return { done: enqueue(environment, () => end(environment, drainMs, why)) }
          }
          return { done: tasks[environment] }
        })
        await finished.done
      }),
    async shutDown(drainMs, why) {
      lease.set(null)
      await Promise.all(
        ENVIRONMENTS.map((environment) =>
          enqueue(environment, async () => {
            if (environments[environment].view().pid === null && durable[environment].wanted === 'stopped') return
            await save(withEnvironment(environment, { wanted: 'stopped' }))
            await end(environment, drainMs, why)
          }),
        ),
      )
    },
    log: (environment) => logs[environment],
    view: (environment) => environments[environment].view(),
    addSecond(at, counts, readings) {
      const of = (environment: EnvironmentName) => readings.get(environments[environment].view().pid ?? -1) ?? null
      usage = { blue: of('blue'), green: of('green') }
      metrics.add(at, counts, usage)
      const limit = settings.memoryLimitBytes
      for (const environment of ENVIRONMENTS) {
        const used = usage[environment]?.memoryBytes ?? 0
        if (limit !== null && used > limit) environments[environment].restart(`It used ${Math.round(used / 1e6)} MB of memory; the limit is ${Math.round(limit / 1e6)} MB.`)
      }
    },
    metrics: (fromAt) => metrics.since(fromAt),
    async recover() {
      await Promise.all(ENVIRONMENTS.map((environment) => environments[environment].recover()))
      lease.set(durable.lease)
    },
    release() {
      lease.set(null)
      for (const environment of ENVIRONMENTS) {
        environments[environment].release()
        logs[environment].close()
      }
    },
  }
}
