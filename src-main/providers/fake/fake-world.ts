import { Fault } from '../../contract/fault.ts'
import { type EnvironmentSeries, type LeaseState, type MetricSample, type ObservedEnvironment, type ObservedService, type VersionRef, type Weights, OUT_OF_SERVICE } from '../../contract/traffic.ts'
import { ENVIRONMENTS, type EnvironmentName, type Readiness } from '../../contract/vocabulary.ts'
import type { Clock, LeaseRequest, Operation, SetWeights } from '../../core/ports.ts'
import { createFakeTraffic, type FakeTraffic } from './fake-traffic.ts'

/** How a version behaves in the fake world. Unset: starts at once, stays ready, answers everything in 20 ms. */
export interface VersionScript {
  readonly startMs?: number
  readonly neverReady?: boolean
  readonly crashAfterMs?: number
  /** 0 to 1. */
  readonly errorRatio?: number
  readonly p99Ms?: number
  /** Grows from 64 MiB by so many bytes a second. */
  readonly leaksBytesPerSecond?: number
}

interface Slot {
  deployed: VersionRef | null
  startedAt: number
  startedMs: number
  running: boolean
}

interface ServiceState {
  generation: number
  cause: string
  weights: Weights
  fence: number
  slots: Record<EnvironmentName, Slot>
  lease: (LeaseState & { readonly revertTo: Weights; readonly cancel: () => void }) | null
  listeners: Set<() => void>
  traffic: FakeTraffic
}

/**
 * The world the fake provider acts on: deterministic, in memory, outliving any console connected to it. Scripts say how
 * versions behave; counters say what was really done, which is what tests of "exactly once" look at.
 */
export function createFakeWorld(clock: Clock, requestsPerSecond = 100, random: (() => number) | null = null) {
  const services = new Map<string, ServiceState>()
  const scripts = new Map<string, VersionScript>()
  const operations = new Map<string, { generation: number }>()
  /** How often each operation id changed the world. More than 1 is a bug somewhere. */
  const applied = new Map<string, number>()
  /** Every change of weights, in order. */
  const shifts: { service: string; weights: Weights; cause: string; at: number }[] = []
  /** Effects accepted with a fence lower than one seen before: must stay empty. Needs sabotage to be otherwise. */
  const staleEffects: string[] = []
  let broken: 'forgetsOperations' | 'ignoresFences' | null = null
  let metricsOff = false
  let spoil: ((samples: readonly MetricSample[], environment: EnvironmentName, now: number) => readonly MetricSample[]) | null = null

  function known(service: string): ServiceState {
    const state = services.get(service)
    if (!state) throw new Fault('notFound', `The fake provider has no service ${service}.`, 'Register it first.')
    return state
  }

  function readiness(slot: Slot): Readiness {
    if (!slot.deployed) return 'empty'
    if (!slot.running) return 'stopped'
    const script = scripts.get(slot.deployed.version) ?? {}
    const age = clock.monotonicMs() - slot.startedMs
    if (script.crashAfterMs !== undefined && age >= script.crashAfterMs) return 'crashed'
    return script.neverReady || age < (script.startMs ?? 0) ? 'starting' : 'ready'
  }

  /** True when the operation is new and may act; false when it was done before. */
  function admit(operation: Operation, state: ServiceState): boolean {
    if (operations.has(operation.id) && broken !== 'forgetsOperations') return false
    if (operation.fence < state.fence) {
      if (broken !== 'ignoresFences') throw new Fault('staleFence', `A newer act (fence ${state.fence}) has overtaken this one (fence ${operation.fence}).`, 'Nothing: the newer act decides.')
      staleEffects.push(operation.id)
    }
    state.fence = Math.max(state.fence, operation.fence)
    applied.set(operation.id, (applied.get(operation.id) ?? 0) + 1)
    return true
  }

  /** Counts traffic as it was until now, before something changes. */
  function count(state: ServiceState): void {
    state.traffic.countTo(clock.wallMs(), state.weights, (name) => {
      const slot = state.slots[name]
      const script = (slot.deployed && scripts.get(slot.deployed.version)) ?? {}
      const age = clock.monotonicMs() - slot.startedMs
      const memoryBytes = slot.running ? 64 * 1024 * 1024 + ((script.leaksBytesPerSecond ?? 0) * age) / 1000 : null
      return { ready: readiness(slot) === 'ready', errorRatio: script.errorRatio ?? 0, p99Ms: script.p99Ms ?? 20, memoryBytes }
    })
  }

  function changeWeights(service: string, state: ServiceState, weights: Weights, cause: string): void {
    count(state)
    state.lease?.cancel()
    state.lease = null
    state.weights = weights
    state.generation += 1
    state.cause = cause
    shifts.push({ service, weights, cause, at: clock.wallMs() })
    notify(state)
  }

  function notify(state: ServiceState): void {
    for (const listener of state.listeners) listener()
  }

  function grant(service: string, state: ServiceState, request: LeaseRequest): void {
    const expire = () => {
      if (state.lease?.id !== request.id) return
      if (request.onExpiry === 'revert' && ENVIRONMENTS.every((name) => request.revertTo[name] === 0 || readiness(state.slots[name]) === 'ready')) {
        changeWeights(service, state, request.revertTo, 'lease')
      } else {
        state.lease = { ...state.lease, expired: true }
        notify(state)
      }
    }
    state.lease = { id: request.id, expiresAt: clock.wallMs() + request.ttlMs, onExpiry: request.onExpiry, expired: false, revertTo: request.revertTo, cancel: clock.setTimer(request.ttlMs, expire) }
  }

  return {
    applied,
    shifts,
    staleEffects,
    script(version: string, script: VersionScript): void {
      for (const state of services.values()) count(state)
      scripts.set(version, script)
      for (const state of services.values()) notify(state)
    },
    /** Breaks the world on purpose, so that a test can show that it would notice. */
    sabotage(how: typeof broken): void {
      broken = how
    },
    /** What the provider says of its samples instead of the truth. Null: the truth. */
    spoilMetrics(how: typeof spoil): void {
      spoil = how
    },
    metricsOff(on: boolean): void {
      metricsOff = on
    },
    register(service: string): void {
      if (services.has(service)) return
      const slot = (): Slot => ({ deployed: null, startedAt: 0, startedMs: 0, running: false })
      services.set(service, { generation: 0, cause: 'start', weights: OUT_OF_SERVICE, fence: 0, slots: { blue: slot(), green: slot() }, lease: null, listeners: new Set(), traffic: createFakeTraffic(requestsPerSecond, random) })
    },
    listen(service: string, listener: () => void): () => void {
      const state = known(service)
      state.listeners.add(listener)
      return () => state.listeners.delete(listener)
    },
    observe(service: string): ObservedService {
      const state = known(service)
      const environment = (name: EnvironmentName): ObservedEnvironment => {
        const slot = state.slots[name]
        const ready = readiness(slot)
        return {
          readiness: ready,
          deployed: slot.deployed,
          detail: ready === 'crashed' ? 'exit code 1' : ready === 'starting' ? 'waiting for readiness' : '',
          instances: { ready: ready === 'ready' ? 1 : 0, wanted: slot.running ? 1 : 0 },
          restarts: 0,
          startedAt: slot.running ? slot.startedAt : null,
          cpuPercent: null,
          memoryBytes: null,
          inFlight: 0,
          connections: 0,
        }
      }
      const { lease } = state
      return {
        weights: state.weights,
        generation: state.generation,
        generationCause: state.cause,
        environments: { blue: environment('blue'), green: environment('green') },
        liveAddress: null,
        previewAddress: null,
        lease: lease && { id: lease.id, expiresAt: lease.expiresAt, onExpiry: lease.onExpiry, expired: lease.expired },
      }
    },
    deploy(operation: Operation, service: string, environment: EnvironmentName, version: VersionRef): void {
      const state = known(service)
      const slot = state.slots[environment]
      const same = slot.deployed?.version === version.version && slot.deployed.configDigest === version.configDigest
      if (!same && state.weights[environment] > 0 && !operations.has(operation.id) && operation.fence >= state.fence) {
        throw new Fault('interlocked', `${environment} has ${state.weights[environment]} % of live traffic.`, 'Move traffic away first.')
      }
      if (!admit(operation, state)) return
      operations.set(operation.id, { generation: state.generation })
      if (same && readiness(slot) === 'ready') return
      count(state)
      state.slots[environment] = { deployed: version, startedAt: clock.wallMs(), startedMs: clock.monotonicMs(), running: true }
      notify(state)
    },
    setWeights(operation: Operation, request: SetWeights): { generation: number } {
      const state = known(request.service)
      const before = operations.get(operation.id)
      if (before && broken !== 'forgetsOperations') return before
      if (operation.fence >= state.fence) {
        if (request.expectGeneration !== null && request.expectGeneration !== state.generation) {
          throw new Fault('staleGeneration', `Weights are at generation ${state.generation}, not ${request.expectGeneration}.`, 'Look again, then decide.')
        }
        const notReady = ENVIRONMENTS.find((name) => request.weights[name] > 0 && readiness(state.slots[name]) !== 'ready')
        if (notReady && !request.force) throw new Fault('environmentNotReady', `${notReady} is ${readiness(state.slots[notReady])}.`, 'Wait until it is ready, or force it.')
      }
      admit(operation, state)
      changeWeights(request.service, state, request.weights, operation.id)
      if (request.lease) grant(request.service, state, request.lease)
      const answer = { generation: state.generation }
      operations.set(operation.id, answer)
      return answer
    },
    renewLease(service: string, leaseId: string, ttlMs: number): LeaseState {
      const state = known(service)
      const { lease } = state
      if (!lease || lease.id !== leaseId) throw new Fault('notFound', 'That lease is not held any more.', 'Look at the weights: they may have been reverted.')
      lease.cancel()
      if (ttlMs === 0) state.lease = null
      else grant(service, state, { id: lease.id, ttlMs, onExpiry: lease.onExpiry, revertTo: lease.revertTo })
      return { id: lease.id, expiresAt: clock.wallMs() + ttlMs, onExpiry: lease.onExpiry, expired: false }
    },
    stop(operation: Operation, service: string, environment: EnvironmentName): void {
      const state = known(service)
      if (state.weights[environment] > 0 && !operations.has(operation.id) && operation.fence >= state.fence) {
        throw new Fault('interlocked', `${environment} has ${state.weights[environment]} % of live traffic.`, 'Move traffic away first.')
      }
      if (!admit(operation, state)) return
      operations.set(operation.id, { generation: state.generation })
      count(state)
      state.slots[environment].running = false
      notify(state)
    },
    /** Kills what runs in an environment, as a fault of the world. */
    crash(service: string, environment: EnvironmentName): void {
      const state = known(service)
      count(state)
      state.slots[environment].running = false
      notify(state)
    },
    metrics(service: string, fromAt: number): EnvironmentSeries {
      if (metricsOff) throw new Fault('providerUnavailable', 'The metrics are switched off.', 'Switch them on.')
      const state = known(service)
      count(state)
      const series = state.traffic.since(fromAt)
      return spoil ? { blue: spoil(series.blue, 'blue', clock.wallMs()), green: spoil(series.green, 'green', clock.wallMs()) } : series
    },
  }
}
export type FakeWorld = ReturnType<typeof createFakeWorld>
