import { Fault } from '../contract/fault.ts'
import type { FlagSourceConfig } from '../contract/flag.ts'
import type { MigrationDefinition } from '../contract/migration-definition.ts'
import type { MetricSample } from '../contract/traffic.ts'
import { ENVIRONMENTS } from '../contract/vocabulary.ts'
import type { Workspace } from '../contract/workspace.ts'
import type { FlagSource } from '../core/flags/ports.ts'
import type { MetricsSource } from '../core/ports.ts'
import type { Engine } from '../engine/engine.ts'
import type { FlagsDeps, LiveTraffic } from '../engine/flags/deps.ts'
import { createFlags, type Flags } from '../engine/flags/flags.ts'
import type { Migrations } from '../engine/migrations/migrations.ts'
import { scanFlagReferences } from '../flag-references/scan-flag-references.ts'
import type { FlagServerLink } from '../providers/flagd/flag-server-link.ts'
import { openEvaluator } from '../providers/flagd/evaluator.ts'
import { flagSourceContext, openFlagSource } from '../providers/flag-sources.ts'
import { SYSTEM_CLOCK, SYSTEM_IDS } from './system-ports.ts'

/** What could not be searched is named, up to so many. */
const MOST_PROBLEMS = 20

export interface FlaggingParts {
  readonly workspace: Workspace | null
  readonly engine: () => Engine
  readonly metrics: () => MetricsSource
  readonly migrations: () => Migrations
  readonly flagServer: FlagServerLink
  readonly dataFolder: string
  readonly ports: Pick<FlagsDeps, 'store' | 'operator' | 'readOnly' | 'publish' | 'log' | 'crashPoint'>
}

/** The flags of a workspace and the sources they are kept in. */
export interface Flagging {
  readonly flags: Flags
  stop(): Promise<void>
}

export function createFlagging(parts: FlaggingParts): Flagging {
  const { workspace, engine } = parts
  const sources = new Map<string, FlagSource>()

  function source(name: string): FlagSource {
    const found = sources.get(name)
    if (found) return found
    const config = workspace?.flags.find((each) => each.name === name)
    if (!config) throw new Fault('notFound', `The workspace has no flag source ${name}.`, 'Look at `flags` in the workspace file.')
    const opened = openFlagSource(config, flagSourceContext(parts.dataFolder, parts.flagServer))
    sources.set(name, opened)
    return opened
  }

  const flags = createFlags({
    ...parts.ports,
    clock: SYSTEM_CLOCK,
    ids: SYSTEM_IDS,
    tier: workspace?.tier ?? 'dev',
    configs: (workspace?.flags ?? []).map((config) => withReads(config, workspace?.migrations ?? [])),
    source,
    metrics: { read: (...asked) => parts.metrics().read(...asked), tryQuery: (...asked) => parts.metrics().tryQuery(...asked), intervalMs: (metric) => parts.metrics().intervalMs(metric) },
    serviceCriteria: (name) => workspace?.services.find((service) => service.name === name)?.plan.criteria ?? [],
    liveTraffic: (service) => liveTraffic(engine(), service),
    liveEnvironment: (service) => engine().service(service)?.live ?? null,
    liveVersions: (service) => liveVersions(engine(), service),
    migrationPhase: (id) => parts.migrations().phase(id),
    openEvaluator,
    async scan(folders, keys) {
      const found = await scanFlagReferences(folders, keys)
      const problems = [
        ...found.unreadable.map((file) => `${file} could not be read.`),
        ...found.tooLarge.map((file) => `${file} is larger than 4 MB and was left out.`),
        ...(found.truncated ? ['More places were found than are kept.'] : []),
      ]
      const more = problems.length - MOST_PROBLEMS
      return { references: found.references, files: found.files, lines: found.lines, skipped: found.binary + found.tooLarge.length + found.unreadable.length, tookMs: Math.round(found.tookMs), problems: more > 0 ? [...problems.slice(0, MOST_PROBLEMS), `And ${more} more.`] : problems }
    },
  })

  return {
    flags,
    async stop() {
      await flags.stop()
      await Promise.all([...sources.values()].map((opened) => opened.close().catch(() => undefined)))
    },
  }
}

/** Below it nobody is exposed: a segment counts as 0 % of everyone. */
const NOBODY = -1

/** A flag that a migration's reads follow sends nobody to the new side before it is there, and compared. */
function withReads(config: FlagSourceConfig, migrations: readonly MigrationDefinition[]): FlagSourceConfig {
  const following = migrations.filter(({ readsFlag }) => readsFlag?.source === config.name)
  const needs = following.map(({ id, readsFlag }) => ({ flag: readsFlag?.flag ?? '', abovePercent: NOBODY, migration: { id, phase: 'switchingReads' as const }, versions: null, why: `It decides where the reads of migration ${id} go.` }))
  return needs.length === 0 ? config : { ...config, needs: [...config.needs, ...needs] }
}

/** Null: nobody can say what the service runs. */
function liveVersions(engine: Engine, service: string): readonly string[] | null {
  const view = engine.service(service)
  if (!view || view.observed.kind === 'unknown') return null
  const { weights, environments } = view.observed.value
  return ENVIRONMENTS.flatMap((environment) => (weights[environment] > 0 ? (environments[environment].deployed?.version ?? []) : []))
}

/** Of the last two minutes. */
function liveTraffic(engine: Engine, service: string): LiveTraffic | null {
  const series = engine.samples(service)
  const samples: readonly MetricSample[] = ENVIRONMENTS.flatMap((environment) => series[environment])
  const requests = samples.reduce((sum, sample) => sum + sample.requests, 0)
  if (requests === 0) return null
  const ends = samples.map(({ at }) => at)
  const historyMs = Math.max(1000, Math.max(...ends) - Math.min(...ends) + 1000)
  return { requestsPerSecond: (requests * 1000) / historyMs, errorRatio: samples.reduce((sum, sample) => sum + sample.errors, 0) / requests, historyMs }
}
