import { createHash } from 'node:crypto'
import { Fault } from '../../contract/fault.ts'
import type { Capabilities } from '../../contract/service.ts'
import type { ObservedService } from '../../contract/traffic.ts'
import type { Clock, EnvironmentsProvider } from '../../core/ports.ts'
import type { FakeWorld } from './fake-world.ts'

export const FAKE_CAPABILITIES: Capabilities = {
  weightGranularityPercent: 1,
  previewAddress: false,
  verifiedWeights: true,
  stepsRunBy: 'console',
  compareAndSet: true,
  leases: true,
  logs: false,
  metrics: true,
  notes: { previewAddress: 'The fake provider serves no requests.', logs: 'The fake provider runs no processes.' },
}

/** What goes wrong with one call: before it acts, or after (the world changed, the answer was lost). */
export interface CallFault {
  readonly fault: Fault
  readonly when: 'before' | 'after'
}

export interface FakeProviderOptions {
  readonly world: FakeWorld
  readonly clock: Clock
  /** Versions that exist; others are `versionUnknown`. */
  readonly versions: readonly string[]
  /** Milliseconds a call takes. Default 0. */
  readonly latencyMs?: (method: string) => number
  /** Asked at each call; null lets it through. */
  readonly fault?: (method: string) => CallFault | null
  /** Weights are acknowledged but not applied while this says so: a lying data plane. */
  readonly lies?: () => boolean
  /** Digest of a version's configuration, at a monotonic time. Default: one that never changes. */
  readonly digestOf?: (version: string, atMs: number) => string
}

/** The deterministic provider: a connection to a FakeWorld, with scriptable faults, latency and lies. */
export function createFakeProvider(options: FakeProviderOptions): EnvironmentsProvider {
  const { world, clock, versions } = options
  let closed = false

  async function call<T>(method: string, act: () => T): Promise<T> {
    const latencyMs = options.latencyMs?.(method) ?? 0
    if (latencyMs > 0) await new Promise<void>((resolve) => clock.setTimer(latencyMs / 2, resolve))
    if (closed) throw new Fault('providerUnavailable', 'The connection is closed.', 'Connect again.')
    const scripted = options.fault?.(method) ?? null
    if (scripted?.when === 'before') throw scripted.fault
    const answer = act()
    if (latencyMs > 0) await new Promise<void>((resolve) => clock.setTimer(latencyMs / 2, resolve))
    if (scripted) throw scripted.fault
    return answer
  }

  function digestOf(version: string): string {
    const source = options.digestOf?.(version, clock.monotonicMs()) ?? version
    return createHash('sha256').update(source).digest('hex')
  }

  return {
    name: 'fake',
    capabilities: FAKE_CAPABILITIES,
    register: (config) => call('register', () => world.register(config.name)),
    observe: (service) => call('observe', () => world.observe(service)),
    subscribe(service, onChange: (observed: ObservedService) => void, onLost) {
      const push = () => {
        const scripted = options.fault?.('subscribe')
        if (scripted) onLost(scripted.fault)
        else if (!closed) onChange(world.observe(service))
      }
      const stop = world.listen(service, push)
      let cancel = () => {}
      const beat = () => {
        push()
        cancel = clock.setTimer(1000, beat)
      }
      beat()
      return () => {
        stop()
        cancel()
      }
    },
    versions: (service) =>
      call('versions', () => {
        const { environments } = world.observe(service)
        return versions.map((version) => ({
          version,
          configDigest: digestOf(version),
          title: '',
          changes: [],
          createdAt: null,
          problem: null,
          deployedOn: environments.blue.deployed?.version === version ? ('blue' as const) : environments.green.deployed?.version === version ? ('green' as const) : null,
        }))
      }),
    resolveVersion: (service, version) =>
      call('resolveVersion', () => {
        if (!versions.includes(version)) throw new Fault('versionUnknown', `${service} has no version ${version}.`, `Choose one of ${versions.join(', ')}.`)
        return { version, configDigest: digestOf(version) }
      }),
    deploy: (operation, service, environment, version) => call('deploy', () => world.deploy(operation, service, environment, version)),
    setWeights: (operation, request) =>
      call('setWeights', () => (options.lies?.() ? { generation: world.observe(request.service).generation + 1 } : world.setWeights(operation, request))),
    renewLease: (service, leaseId, ttlMs) => call('renewLease', () => world.renewLease(service, leaseId, ttlMs)),
    stop: (operation, service, environment) => call('stop', () => world.stop(operation, service, environment)),
    async *tailLogs() {
      // Nothing runs here, so nothing is ever logged; the capability says so.
    },
    metrics: (service, fromAt) => call('metrics', () => world.metrics(service, fromAt)),
    close: async () => {
      closed = true
    },
  }
}
