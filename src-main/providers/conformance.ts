import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Fault } from '../contract/fault.ts'
import type { ObservedService, Weights } from '../contract/traffic.ts'
import type { EnvironmentName } from '../contract/vocabulary.ts'
import type { ServiceConfig } from '../contract/workspace.ts'
import type { EnvironmentsProvider, LeaseRequest, SetWeights } from '../core/ports.ts'

/** What a provider brings to be tested: a service it can run and versions that behave as named. */
export interface ProviderUnderTest {
  readonly provider: EnvironmentsProvider
  readonly config: ServiceConfig
  readonly versions: { readonly stable: string; readonly candidate: string; readonly neverReady: string }
  /** Lets so much time pass: really, or on the provider's simulated clock. */
  passTime(ms: number): Promise<void>
  dispose(): Promise<void>
}

let counter = 0

/** The suite every provider passes, the fake one included. A new provider is one folder, one registry line, one run of this. */
export function describeProvider(name: string, make: () => Promise<ProviderUnderTest>): void {
  describe(`${name} conforms to the environments port`, () => {
    let subject: ProviderUnderTest
    let provider: EnvironmentsProvider
    let service: string
    let fence = 0
    const operation = () => ({ id: `conformance-${(counter += 1)}`, fence: (fence += 1) })

    beforeEach(async () => {
      subject = await make()
      provider = subject.provider
      service = subject.config.name
      fence = 0
    })
    afterEach(() => subject.dispose())

    async function until(what: string, holds: (observed: ObservedService) => boolean): Promise<ObservedService> {
      for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 50) {
        const observed = await provider.observe(service)
        if (holds(observed)) return observed
        await subject.passTime(50)
      }
      throw new Error(`never happened: ${what}; last: ${JSON.stringify(await provider.observe(service))}`)
    }

    const ready = (environment: EnvironmentName) => until(`${environment} ready`, (observed) => observed.environments[environment].readiness === 'ready')

    async function deploy(environment: EnvironmentName, version: string) {
      const reference = await provider.resolveVersion(service, version)
      await provider.deploy(operation(), service, environment, reference)
      return reference
    }

    function request(weights: Weights, change: Partial<SetWeights> = {}): SetWeights {
      return { service, weights, expectGeneration: null, overrideStickiness: false, force: false, lease: null, ...change }
    }

    async function bothReady() {
      await provider.register(subject.config)
      await deploy('blue', subject.versions.stable)
      await deploy('green', subject.versions.candidate)
      await ready('blue')
      await ready('green')
      await provider.setWeights(operation(), request({ blue: 100, green: 0 }))
    }

    async function codeOf(promise: Promise<unknown>): Promise<string> {
      try {
        await promise
        return 'no fault'
      } catch (error) {
        const fault = error as Fault
        expect(fault.name, String(fault.stack)).toBe('Fault')
        expect(fault.data.next, 'every fault ends with the next step').not.toBe('')
        return fault.code
      }
    }

    it('says notFound for a service it was never told of', async () => {
      expect(await codeOf(provider.observe('nobody-registered-this'))).toBe('notFound')
    })

    it('is out of service before anything was deployed, and registering again changes nothing', async () => {
      await provider.register(subject.config)
      await provider.register(subject.config)
      const observed = await provider.observe(service)
      expect(observed.weights).toEqual({ blue: 0, green: 0 })
      expect(observed.environments.blue.readiness).toBe('empty')
      expect(observed.environments.green.readiness).toBe('empty')
    })

    it('lists and resolves versions, and refuses one that does not exist before anything moves', async () => {
      await provider.register(subject.config)
      const listed = (await provider.versions(service)).map((option) => option.version)
      expect(listed).toEqual(expect.arrayContaining([subject.versions.stable, subject.versions.candidate]))
      expect((await provider.resolveVersion(service, subject.versions.stable)).configDigest).toMatch(/^[0-9a-f]{64}$/)
      const before = await provider.observe(service)
      expect(await codeOf(provider.resolveVersion(service, 'no-such-version'))).toBe('versionUnknown')
      expect(await codeOf(provider.deploy(operation(), service, 'green', { version: 'no-such-version', configDigest: 'x' }))).toMatch(/versionUnknown|no fault/)
      expect((await provider.observe(service)).weights).toEqual(before.weights)
    })

    it('deploys, becomes ready, and moves weights atomically with a growing generation that names its operation', async () => {
      await bothReady()
      const before = await provider.observe(service)
      const act = operation()
      const { generation } = await provider.setWeights(act, request({ blue: 75, green: 25 }, { expectGeneration: before.generation }))
      expect(generation).toBe(before.generation + 1)
      const after = await provider.observe(service)
      expect(after.weights).toEqual({ blue: 75, green: 25 })
      expect(after.generation).toBe(generation)
      expect(after.generationCause).toBe(act.id)
    })

    it('answers a repeated operation as the first time and does nothing twice', async () => {
      await bothReady()
      const act = operation()
      const first = await provider.setWeights(act, request({ blue: 50, green: 50 }))
      const again = await provider.setWeights(act, request({ blue: 50, green: 50 }))
      expect(again.generation).toBe(first.generation)
      expect((await provider.observe(service)).generation).toBe(first.generation)
      const later = await provider.setWeights(operation(), request({ blue: 100, green: 0 }))
      await provider.setWeights(act, request({ blue: 50, green: 50 }))
      const observed = await provider.observe(service)
      expect(observed.weights).toEqual({ blue: 100, green: 0 })
      expect(observed.generation).toBe(later.generation)
    })

    it('refuses an act that was overtaken, for weights, deploys and stops alike', async () => {
      await bothReady()
      const stale = { id: `conformance-${(counter += 1)}`, fence: 1 }
      expect(await codeOf(provider.setWeights(stale, request({ blue: 0, green: 100 })))).toBe('staleFence')
      expect(await codeOf(provider.stop({ ...stale, id: `${stale.id}-stop` }, service, 'green', 0))).toBe('staleFence')
      const reference = await provider.resolveVersion(service, subject.versions.stable)
      expect(await codeOf(provider.deploy({ ...stale, id: `${stale.id}-deploy` }, service, 'green', reference))).toBe('staleFence')
      expect((await provider.observe(service)).weights).toEqual({ blue: 100, green: 0 })
    })

    it('compares and sets: a decision on an old generation is refused', async () => {
      await bothReady()
      const { generation } = await provider.observe(service)
      expect(await codeOf(provider.setWeights(operation(), request({ blue: 90, green: 10 }, { expectGeneration: generation - 1 })))).toBe('staleGeneration')
      expect((await provider.observe(service)).generation).toBe(generation)
    })

    it('never sends traffic to an environment that is not ready, unless forced', async () => {
      await provider.register(subject.config)
      await deploy('blue', subject.versions.stable)
      await ready('blue')
      await provider.setWeights(operation(), request({ blue: 100, green: 0 }))
      expect(await codeOf(provider.setWeights(operation(), request({ blue: 90, green: 10 })))).toBe('environmentNotReady')
      await deploy('green', subject.versions.neverReady)
      expect(await codeOf(provider.setWeights(operation(), request({ blue: 90, green: 10 })))).toBe('environmentNotReady')
      expect((await provider.observe(service)).weights).toEqual({ blue: 100, green: 0 })
      await provider.setWeights(operation(), request({ blue: 90, green: 10 }, { force: true }))
      expect((await provider.observe(service)).weights).toEqual({ blue: 90, green: 10 })
    })

    it('refuses to replace or stop what carries live traffic, and leaves the same version alone', async () => {
      await bothReady()
      const candidate = await provider.resolveVersion(service, subject.versions.candidate)
      const stable = await provider.resolveVersion(service, subject.versions.stable)
      expect(await codeOf(provider.deploy(operation(), service, 'blue', candidate))).toBe('interlocked')
      expect(await codeOf(provider.stop(operation(), service, 'blue', 0))).toBe('interlocked')
      const before = await provider.observe(service)
      await provider.deploy(operation(), service, 'blue', stable)
      const after = await provider.observe(service)
      expect(after.environments.blue.readiness).toBe('ready')
      expect(after.environments.blue.startedAt).toBe(before.environments.blue.startedAt)
    })

    it('stops an idle environment and can start it again', async () => {
      await bothReady()
      await provider.stop(operation(), service, 'green', 500)
      await until('green stopped', (observed) => ['stopped', 'empty'].includes(observed.environments.green.readiness))
      await deploy('green', subject.versions.candidate)
      await ready('green')
    })

    it('can take a service out of service', async () => {
      await bothReady()
      await provider.setWeights(operation(), request({ blue: 0, green: 0 }))
      expect((await provider.observe(service)).weights).toEqual({ blue: 0, green: 0 })
    })

    it('keeps a lease: renewed it lives, released it is gone, run out it is held or reverted', async () => {
      if (!provider.capabilities.leases) return
      await bothReady()
      const lease = (onExpiry: LeaseRequest['onExpiry']): LeaseRequest => ({ id: `lease-${(counter += 1)}`, ttlMs: 1500, onExpiry, revertTo: { blue: 100, green: 0 } })
      const held = lease('hold')
      await provider.setWeights(operation(), request({ blue: 80, green: 20 }, { lease: held }))
      await subject.passTime(900)
      await provider.renewLease(service, held.id, 1500)
      await subject.passTime(900)
      expect((await provider.observe(service)).lease?.expired).toBe(false)
      await until('the lease ran out', (observed) => observed.lease?.expired === true)
      expect((await provider.observe(service)).weights).toEqual({ blue: 80, green: 20 })

      const released = lease('revert')
      await provider.setWeights(operation(), request({ blue: 70, green: 30 }, { lease: released }))
      await provider.renewLease(service, released.id, 0)
      await subject.passTime(2500)
      expect((await provider.observe(service)).weights).toEqual({ blue: 70, green: 30 })
      expect(await codeOf(provider.renewLease(service, released.id, 1500))).toBe('notFound')

      const reverted = lease('revert')
      await provider.setWeights(operation(), request({ blue: 60, green: 40 }, { lease: reverted }))
      const after = await until('weights reverted', (observed) => observed.weights.blue === 100)
      expect(after.generationCause).toBe('lease')
    })

    it('streams what it observes', async () => {
      await bothReady()
      const seen: Weights[] = []
      const stop = provider.subscribe(service, (observed) => seen.push(observed.weights), () => {})
      await provider.setWeights(operation(), request({ blue: 40, green: 60 }))
      for (let waitedMs = 0; waitedMs < 5000 && !seen.some((weights) => weights.green === 60); waitedMs += 50) await subject.passTime(50)
      stop()
      expect(seen).toContainEqual({ blue: 40, green: 60 })
      const { length } = seen
      await subject.passTime(1500)
      expect(seen).toHaveLength(length)
    })

    it('gives metrics of both environments, or says why not', async () => {
      await bothReady()
      if (!provider.capabilities.metrics) {
        expect(provider.capabilities.notes['metrics']).toBeTruthy()
        return
      }
      await subject.passTime(2100)
      const series = await provider.metrics(service, 0)
      expect(series.blue.length).toBeGreaterThan(0)
      expect(series.blue.map((sample) => sample.at)).toEqual(series.blue.map((sample) => sample.at).toSorted((a, b) => a - b))
    })

    it('explains every capability it lacks', () => {
      const { notes, ...capabilities } = provider.capabilities
      for (const [capability, value] of Object.entries(capabilities)) {
        if (value === false) expect(notes[capability], capability).toBeTruthy()
      }
    })
  })
}
