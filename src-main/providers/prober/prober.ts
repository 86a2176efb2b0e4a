import type { Metric } from '../../contract/analysis.ts'
import type { ObservedService } from '../../contract/traffic.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../../contract/vocabulary.ts'
import type { Probe } from '../../contract/workspace.ts'
import type { Clock, MetricReading, MetricTarget } from '../../core/ports.ts'
import { askOverHttp } from './ask.ts'
import { createProbeRecord, type ProbeRecord } from './record.ts'

/** More checks than this at once would say more of this machine than of the services. */
const MAX_IN_FLIGHT = 64
const BUSY_RETRY_MS = 250
/** How often a probe without an address looks whether it has one now, at most. */
const IDLE_LOOK_MS = 1000
/** Probes of many services begin spread over this long. */
const SPREAD_MS = 1000

/** Where an environment can be told apart from the other, and what runs there. */
export interface ProbeAddress {
  readonly address: string
  readonly version: string
}

/** What one check found: null when all was as expected, otherwise what was not. */
export type ProbeAnswer = { readonly wrong: string | null; readonly latencyMs: number }

export interface ProberDeps {
  readonly clock: Clock
  readonly services: readonly { readonly name: string; readonly probes: readonly Probe[] }[]
  /** From the newest observation; null: nothing is asked. Usually `probeAddress` of it. */
  readonly addressOf: (service: string, environment: EnvironmentName) => ProbeAddress | null
  /** Asks once. Never rejects; settles soon after the signal aborts. Default: over HTTP. */
  readonly ask?: (address: string, probe: Probe, signal: AbortSignal) => Promise<ProbeAnswer>
}

/** HTTP checks on a schedule: a source of metrics of its own. Results are kept for an hour, in memory. */
export interface Prober {
  start(): void
  /** Readings of one probe after `fromAt`, of the target's version only. */
  read(metric: Extract<Metric, { source: 'probe' }>, target: MetricTarget, fromAt: number): MetricReading
  /** How far apart its readings are, ms: also where no check was due, a reading says that the prober is there. */
  readonly intervalMs: number
  /** Checks that are running. */
  inFlight(): number
  stop(): void
}

export function createProber(deps: ProberDeps): Prober {
  const ask = deps.ask ?? askOverHttp
  const records = new Map<string, ProbeRecord>()
  const running = new Set<AbortController>()
  const cancels = new Set<() => void>()
  let stopped = true

  function later(delayMs: number, act: () => void): () => void {
    const cancel = deps.clock.setTimer(delayMs, () => {
      cancels.delete(cancel)
      if (!stopped) act()
    })
    cancels.add(cancel)
    return () => {
      cancels.delete(cancel)
      cancel()
    }
  }

  function schedule(service: string, environment: EnvironmentName, probe: Probe): void {
    const record = createProbeRecord(probe)
    records.set(keyOf(service, environment, probe.name), record)
    const begin = hash(keyOf(service, environment, probe.name)) % Math.min(SPREAD_MS, probe.everyMs)
    let dueAt = deps.clock.monotonicMs() + begin
    later(begin, round)

    /** One check at a time: what hangs is not asked again until it ended, so nothing piles up. */
    function round(): void {
      const target = deps.addressOf(service, environment)
      if (target === null) {
        record.pause()
        // A release may begin at any moment; a check that is due once an hour must not wait that long for its first.
        dueAt = deps.clock.monotonicMs()
        return void later(Math.min(probe.everyMs, IDLE_LOOK_MS), round)
      }
      if (running.size >= MAX_IN_FLIGHT) return void later(BUSY_RETRY_MS, round)
      const stop = new AbortController()
      running.add(stop)
      let isTimedOut = false
      const startedMs = deps.clock.monotonicMs()
      const cancelTimeout = later(probe.timeoutMs, () => {
        isTimedOut = true
        // Known now, whenever the request lets go.
        record.add({ at: deps.clock.wallMs(), version: target.version, wrong: `no answer within ${probe.timeoutMs} ms`, latencyMs: null })
        stop.abort()
      })
      void ask(target.address, probe, stop.signal)
        .catch((error: unknown) => ({ wrong: String(error), latencyMs: deps.clock.monotonicMs() - startedMs }))
        .then(({ wrong, latencyMs }) => {
          running.delete(stop)
          cancelTimeout()
          if (stopped) return
          if (!isTimedOut) record.add({ at: deps.clock.wallMs(), version: target.version, wrong, latencyMs: wrong === null ? latencyMs : null })
          waitForNext()
        })
    }

    function waitForNext(): void {
      const now = deps.clock.monotonicMs()
      // Rounds that passed meanwhile are left out, not made up for.
      dueAt = Math.max(dueAt + probe.everyMs, now)
      later(dueAt - now, round)
    }
  }

  return {
    intervalMs: 1000,
    start() {
      if (!stopped) return
      stopped = false
      for (const { name, probes } of deps.services) {
        for (const probe of probes) for (const environment of ENVIRONMENTS) schedule(name, environment, probe)
      }
    },
    read(metric, target, fromAt) {
      const record = records.get(keyOf(target.service, target.environment, metric.probe))
      if (!record) return { query: '', points: [], notes: [`${target.service} has no probe ${metric.probe}.`] }
      return record.read(metric.of, target.version, fromAt, deps.clock.wallMs())
    },
    inFlight: () => running.size,
    stop() {
      stopped = true
      for (const cancel of cancels) cancel()
      cancels.clear()
      for (const each of running) each.abort()
      running.clear()
    },
  }
}

/**
 * Where `environment` is asked: at the live address while it has all traffic; at the preview address while it is the
 * candidate of a release, whatever its weight. Null: it cannot be told apart from the other one, or nothing runs there.
 */
export function probeAddress(observed: ObservedService, candidate: EnvironmentName | null, environment: EnvironmentName): ProbeAddress | null {
  const version = observed.environments[environment].deployed?.version
  const address = observed.weights[environment] === 100 ? observed.liveAddress : candidate === environment ? observed.previewAddress : null
  return version === undefined || address === null ? null : { address, version }
}

const keyOf = (service: string, environment: EnvironmentName, probe: string): string => `${environment} ${service} ${probe}`

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return value >>> 0
}
