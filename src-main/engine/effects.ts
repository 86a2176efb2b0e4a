import { Fault } from '../contract/fault.ts'
import type { GateResult } from '../contract/release.ts'
import type { ObservedService, VersionRef, Weights } from '../contract/traffic.ts'
import type { EnvironmentName } from '../contract/vocabulary.ts'
import { sameVersion, sameWeights } from '../core/release/state.ts'
import type { Effect, EnvironmentsProvider, OutboxItem } from '../core/ports.ts'
import type { EngineDeps } from './deps.ts'
import type { Memory } from './memory.ts'

/** How long weights may take to be seen in the data plane after they were acknowledged. */
const VERIFY_DEADLINE_MS = 10_000
/** A candidate that says nothing at all for so long is not coming. The provider's own readiness deadline is shorter. */
const READY_DEADLINE_MS = 15 * 60_000
/** How long a candidate's data may take to catch up before its release stops and says so. */
const DATA_DEADLINE_MS = 60_000
const EVIDENCE_MS = 15_000

export interface Performing {
  /** True once a newer act on the service has taken over: stop waiting, act no more. */
  readonly overtaken: () => boolean
  readonly onGates: (gates: readonly GateResult[]) => Promise<void>
  /** Unconditional and unchecked: a roll back. */
  readonly back: boolean
}

/** Performs one effect and reads back what came of it. Returns the evidence. Throws Fault. */
export function createPerformer(deps: EngineDeps, memory: Memory) {
  const { clock } = deps

  function providerOf(service: string): EnvironmentsProvider {
    const config = memory.configs.get(service)
    if (!config) throw new Fault('notFound', `${service} is not in the workspace any more.`, 'Put it back into the workspace file, then retry.')
    return deps.provider(config.provider)
  }

  async function observe(service: string): Promise<ObservedService> {
    const value = await providerOf(service).observe(service)
    memory.setObserved(service, { kind: 'known', value, observedAt: clock.wallMs() })
    return value
  }

  const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve))

  /** Waits for a reading that settles the matter: looks at each one as it comes, and asks by itself now and then. */
  async function waitFor<T>(service: string, deadlineMs: number, overtaken: () => boolean, settle: (observed: ObservedService) => T | null): Promise<T | null> {
    const endMs = clock.monotonicMs() + deadlineMs
    for (;;) {
      const reading = memory.observed(service)
      const settled = reading.kind === 'known' ? settle(reading.value) : null
      if (settled !== null || overtaken() || clock.monotonicMs() >= endMs) return settled
      await new Promise<void>((resolve) => {
        const stop = memory.onObserved(() => {
          stop()
          cancel()
          resolve()
        })
        const cancel = clock.setTimer(1000, () => {
          stop()
          resolve()
        })
      })
    }
  }

  async function awaitReady(service: string, environment: EnvironmentName, version: VersionRef, performing: Performing): Promise<unknown> {
    const startedMs = clock.monotonicMs()
    await observe(service)
    const outcome = await waitFor(service, READY_DEADLINE_MS, performing.overtaken, (observed) => {
      const seen = observed.environments[environment]
      if (!seen.deployed || !sameVersion(seen.deployed, version)) {
        return new Fault('notFound', `${environment} runs ${seen.deployed?.version ?? 'nothing'}, not ${version.version}.`, 'Retry to deploy it again.')
      }
      if (seen.readiness === 'ready') return seen
      if (seen.readiness === 'crashed' || seen.readiness === 'stopped') {
        return new Fault('processCrashed', `${version.version} on ${environment} does not stay up. ${seen.detail} Live traffic was not touched.`, `Read ${environment}'s log, mend the version and release it again.`)
      }
      if (seen.readiness === 'unready') {
        return new Fault('readinessTimeout', `${version.version} on ${environment} did not become ready. ${seen.detail} Live traffic was not touched.`, `Read ${environment}'s log; if it only needs longer, raise its readiness timeout.`)
      }
      return null
    })
    if (outcome instanceof Fault) throw outcome
    if (outcome === null) throw new Fault('readinessTimeout', `${version.version} on ${environment} did not become ready in time. Live traffic was not touched.`, `Read ${environment}'s log.`)
    return { readiness: outcome, waitedMs: Math.round(clock.monotonicMs() - startedMs) }
  }

  async function runGates(item: OutboxItem, performing: Performing): Promise<unknown> {
    const release = memory.release(item.releaseId)
    if (!release) return null
    const aborter = new AbortController()
    let results: readonly GateResult[] = release.gates.slice(0, release.plan.gates.length)
    const { previewAddress } = await observe(item.service)
    for (const [index, gate] of release.plan.gates.entries()) {
      results = results.map((result, at) => (at === index ? { ...result, state: 'running' } : result))
      await performing.onGates(results)
      const target = { service: item.service, environment: release.candidateEnvironment, version: release.candidate.version, previewAddress }
      const stopWatching = memory.onObserved(() => performing.overtaken() && aborter.abort())
      const result = await deps.gates.run(gate, target, aborter.signal).finally(stopWatching)
      results = results.map((other, at) => (at === index ? result : other))
      if (result.state !== 'passed' || performing.overtaken()) return { gates: results }
    }
    // A first release has no other side whose data it could be behind.
    const keepsUp = release.stable === null ? null : await dataKeepsUp(item.service, release.candidateEnvironment, performing)
    return { gates: keepsUp ? [...results, keepsUp] : results }
  }

  /** Where each environment has its own data: nobody is sent to the candidate before it has caught up. */
  async function dataKeepsUp(service: string, behind: EnvironmentName, performing: Performing): Promise<GateResult | null> {
    const mode = memory.configs.get(service)?.data
    if (!mode || mode.kind === 'shared') return null
    const endMs = clock.monotonicMs() + DATA_DEADLINE_MS
    for (;;) {
      const lag = await deps.dataSync.lagMs(service, mode, behind).catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
      const passed = typeof lag === 'number' && lag <= mode.maxLagMs
      const detail = typeof lag === 'number' ? `${Math.round(lag)} ms behind, limit ${mode.maxLagMs} ms.` : lag
      if (passed || performing.overtaken() || clock.monotonicMs() >= endMs) return { name: 'data keeps up', state: passed ? 'passed' : 'failed', detail, exitCode: null, output: '', endedAt: clock.wallMs() }
      await sleep(1000)
    }
  }

  async function setWeights(item: OutboxItem, effect: Extract<Effect, { type: 'setWeights' }>, performing: Performing): Promise<unknown> {
    const provider = providerOf(item.service)
    const known = memory.observed(item.service)
    // The cached generation saves a round trip; when it is old, the provider says so and we look again.
    const generation = effect.back ? null : known.kind === 'known' ? known.value.generation : (await observe(item.service)).generation
    const request = {
      service: item.service,
      weights: effect.weights,
      overrideStickiness: effect.back,
      force: effect.force,
      lease: effect.lease && { id: item.id, ...effect.lease },
    }
    const operation = { id: item.id, fence: item.fence }
    await turnData(item.service, effect)
    const beforeSamples = recentSamples(item.service)
    const accepted = await provider.setWeights(operation, { ...request, expectGeneration: generation }).catch(async (error: unknown) => {
      if (!(error instanceof Fault) || error.code !== 'staleGeneration') throw error
      const fresh = await observe(item.service)
      if (!ownCause(item.service, fresh.generationCause)) {
        throw new Fault('interlocked', `Someone else changed the weights to blue ${fresh.weights.blue} %, green ${fresh.weights.green} % (${fresh.generationCause}).`, 'Look at who did it, then retry or roll back.')
      }
      return provider.setWeights(operation, { ...request, expectGeneration: fresh.generation })
    })
    deps.crashPoint('effect.accepted')
    const verified = await verify(item.service, effect.weights, accepted.generation, performing.overtaken)
    return { weights: verified.weights, generation: verified.generation, observedAt: clock.wallMs(), samplesBefore: beforeSamples }
  }

  /** Data goes before traffic: who gets all of it finds a database that takes writes. By force, traffic goes whatever data says. */
  async function turnData(service: string, { weights, force }: Extract<Effect, { type: 'setWeights' }>): Promise<void> {
    const mode = memory.configs.get(service)?.data
    const to = weights.blue === 100 ? 'blue' : weights.green === 100 ? 'green' : null
    if (mode === undefined || to === null || deps.dataSync.turn === undefined) return
    await deps.dataSync.turn(service, mode, to).catch((error: unknown) => {
      if (!force) throw error
      deps.log(`traffic of ${service} is forced to ${to} although its data could not follow: ${String(error)}`)
    })
  }

  async function verify(service: string, weights: Weights, generation: number, overtaken: () => boolean): Promise<ObservedService> {
    const endMs = clock.monotonicMs() + VERIFY_DEADLINE_MS
    for (;;) {
      const seen = await observe(service)
      if (sameWeights(seen.weights, weights) && seen.generation >= generation) return seen
      if (overtaken() || clock.monotonicMs() >= endMs) {
        throw new Fault('notVerified', `The router acknowledged blue ${weights.blue} %, green ${weights.green} %, but routes blue ${seen.weights.blue} %, green ${seen.weights.green} %.`, 'Retry; if it stays so, roll back.')
      }
      await sleep(100)
    }
  }

  function recentSamples(service: string) {
    const { blue, green } = memory.samples(service)
    const from = clock.wallMs() - EVIDENCE_MS
    const compact = (samples: typeof blue) => samples.filter((sample) => sample.at > from).map(({ at, requests, errors, p50Ms, p99Ms }) => ({ at, requests, errors, p50Ms, p99Ms }))
    return { blue: compact(blue), green: compact(green) }
  }

  async function perform(item: OutboxItem, performing: Performing): Promise<unknown> {
    const operation = { id: item.id, fence: item.fence }
    const { effect, service } = item
    await memory.whenRegistered(service)
    switch (effect.type) {
      case 'deploy':
        await providerOf(service).deploy(operation, service, effect.environment, effect.version)
        return { observed: (await observe(service)).environments[effect.environment] }
      case 'awaitReady':
        return awaitReady(service, effect.environment, effect.version, performing)
      case 'runGates':
        return runGates(item, performing)
      case 'setWeights':
        return setWeights(item, effect, performing)
      case 'stop':
        await providerOf(service).stop(operation, service, effect.environment, effect.drainMs)
        return { observed: (await observe(service)).environments[effect.environment] }
    }
  }

  return { perform, observe, recentSamples }
}
export type Performer = ReturnType<typeof createPerformer>

/** Causes of a generation that are this console's own acts, or its provider acting as it was told to. */
export function ownCause(service: string, cause: string): boolean {
  return ['start', 'lease', 'liveDeath'].includes(cause) || cause.startsWith(`${service}-`)
}
