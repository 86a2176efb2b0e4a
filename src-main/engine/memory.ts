import type { CriterionResult } from '../contract/analysis.ts'
import type { Release } from '../contract/release.ts'
import type { EnvironmentSeries, MetricSample, Observed, ObservedService, VersionRef } from '../contract/traffic.ts'
import type { ServiceConfig } from '../contract/workspace.ts'
import { RELEASE_MACHINE } from '../core/release/machine.ts'
import type { Facts } from '../core/interlocks/rules.ts'
import { sameVersion } from '../core/release/state.ts'
import type { ServiceRecord } from '../core/ports.ts'
import type { EngineDeps } from './deps.ts'

/** Samples kept for judging and as evidence around an act. */
const KEEP_SAMPLES_MS = 120_000

/** What the engine knows: the store's rows, and the newest readings of the world. Changed only after a commit or a reading. */
export function createMemory(deps: EngineDeps) {
  const configs = new Map<string, ServiceConfig>(deps.services.map((config) => [config.name, config]))
  const records = new Map<string, ServiceRecord>()
  const releases = new Map<string, Release>()
  /** Newest first. */
  const byService = new Map<string, readonly Release[]>()
  const observed = new Map<string, Observed<ObservedService>>()
  const samples = new Map<string, EnvironmentSeries>()
  const analysis = new Map<string, readonly CriterionResult[]>()
  const dataLag = new Map<string, Observed<number>>()
  const failedAttempts = new Map<string, string>()
  const changed = new Set<() => void>()

  function reload(): void {
    const state = deps.store.load()
    for (const record of state.services) records.set(record.name, record)
    for (const release of state.releases) setRelease(release)
  }

  const known = new Map<string, PromiseWithResolvers<void>>()
  const knowing = (service: string) => {
    const found = known.get(service) ?? Promise.withResolvers<void>()
    known.set(service, found)
    return found
  }

  const byAge = (a: Release, b: Release) => b.createdAt - a.createdAt || numberOf(b) - numberOf(a)
  const of = (service: string): readonly Release[] => byService.get(service) ?? []
  function setRelease(release: Release): void {
    releases.set(release.id, release)
    byService.set(release.service, [release, ...of(release.service).filter((other) => other.id !== release.id)].toSorted(byAge))
  }
  reload()

  function record(service: string): ServiceRecord {
    return records.get(service) ?? { name: service, fence: 0, desiredWeights: null, stable: null, rejected: null, revision: 0, releases: 0 }
  }

  /** The one release that acts or could be rolled back at once, if any. */
  function active(service: string): Release | null {
    return of(service).find((release) => release.phase !== 'planned' && !RELEASE_MACHINE[release.phase].ended) ?? null
  }

  /** The newest release that was ever started. */
  function newestStarted(service: string): Release | null {
    return of(service).find((release) => release.startedAt !== null) ?? null
  }

  /** The newest release of a version that had its say: rolled back, or live to the end. */
  function lastOutcome(service: string, candidate: VersionRef): Release | null {
    return of(service).find((release) => ['rolledBack', 'completed', 'retired'].includes(release.phase) && sameVersion(release.candidate, candidate)) ?? null
  }

  return {
    reload,
    configs,
    lastOutcome,
    analysis,
    dataLag,
    /** Per service, why the version last asked for could not be released at all; gone with the next that can be. */
    failedAttempts,
    record,
    active,
    newestStarted,
    release: (id: string): Release | null => releases.get(id) ?? null,
    planned: (service: string): readonly Release[] => of(service).filter((release) => release.phase === 'planned').toReversed(),
    running: (): readonly Release[] => [...releases.values()].filter((release) => !RELEASE_MACHINE[release.phase].ended),
    observed: (service: string): Observed<ObservedService> => observed.get(service) ?? { kind: 'unknown', since: 0, why: 'It was not read yet.' },
    samples: (service: string): EnvironmentSeries => samples.get(service) ?? { blue: [], green: [] },
    setRelease,
    setRecord: (next: ServiceRecord) => {
      records.set(next.name, next)
    },
    setObserved(service: string, reading: Observed<ObservedService>): void {
      observed.set(service, reading)
      for (const wake of changed) wake()
    },
    /** Calls back at each new reading of any service. Returns the stop function. */
    onObserved(wake: () => void): () => void {
      changed.add(wake)
      return () => changed.delete(wake)
    },
    addSamples(service: string, series: EnvironmentSeries): void {
      const before = samples.get(service) ?? { blue: [], green: [] }
      samples.set(service, { blue: merge(before.blue, series.blue), green: merge(before.green, series.green) })
    },
    /** Settles once the provider has been told of the service: nothing can be asked of it before. */
    whenRegistered: (service: string): Promise<void> => knowing(service).promise,
    markRegistered: (service: string): void => knowing(service).resolve(),
    forgetSamples: () => samples.clear(),
    facts(service: string, release: Release | null): Facts {
      const { operator, role } = deps.operator()
      const other = active(service)
      return {
        now: deps.clock.wallMs(),
        role,
        operatorId: operator.id,
        readOnly: deps.readOnly(),
        journalWritable: deps.store.problem() === '',
        observed: observed.get(service) ?? { kind: 'unknown', since: 0, why: 'It was not read yet.' },
        data: configs.get(service)?.data ?? { kind: 'shared' },
        dataLagMs: dataLag.get(service) ?? null,
        other: other && other.id !== release?.id ? other : null,
        newestId: newestStarted(service)?.id ?? null,
        schema: deps.schema(service),
        exposed: deps.exposed(service),
      }
    },
  }
}
export type Memory = ReturnType<typeof createMemory>

function numberOf(release: Release): number {
  return Number(release.id.slice(release.id.lastIndexOf('-') + 1))
}

/** Newest last, no second twice, bounded. A provider that repeats or reorders samples changes nothing. */
function merge(before: readonly MetricSample[], added: readonly MetricSample[]): readonly MetricSample[] {
  const last = before.at(-1)?.at ?? -Infinity
  const fresh = added.filter((sample) => sample.at > last)
  if (fresh.length === 0) return before
  const newest = fresh.at(-1)?.at ?? last
  return [...before, ...fresh].filter((sample) => sample.at > newest - KEEP_SAMPLES_MS)
}
