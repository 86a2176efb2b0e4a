import { MIGRATION_METRICS } from '../contract/migration-metrics.ts'
import type { MigrationSample } from '../contract/migration.ts'
import type { ServiceView } from '../contract/service.ts'
import type { Workspace } from '../contract/workspace.ts'
import { type ConfiguredMetricsSource, createMetricsSource } from '../providers/metrics-source.ts'
import { createMigrationMetrics } from '../providers/migration-metrics.ts'
import { createProber, probeAddress } from '../providers/prober/prober.ts'
import { SYSTEM_CLOCK } from './system-ports.ts'

/** What a workspace declares to be measured beside what the router counts: probes that run, and providers that are asked. */
export interface Measuring {
  readonly source: ConfiguredMetricsSource
  start(): void
  stop(): Promise<void>
}

export function createMeasuring(workspace: Workspace | null, service: (name: string) => ServiceView | null, migrationSamples: (migration: string, fromAt: number) => readonly MigrationSample[]): Measuring {
  const prober = createProber({
    clock: SYSTEM_CLOCK,
    services: workspace?.services ?? [],
    addressOf(name, environment) {
      const view = service(name)
      if (!view || view.observed.kind === 'unknown') return null
      const candidate = view.release && !view.release.ended ? view.release.release.candidateEnvironment : null
      return probeAddress(view.observed.value, candidate, environment)
    },
  })
  const source = createMetricsSource({ providers: workspace?.metricsProviders ?? [], prober, own: new Map([[MIGRATION_METRICS, createMigrationMetrics(migrationSamples)]]) })
  return {
    source,
    start: () => prober.start(),
    async stop() {
      prober.stop()
      await source.close()
    },
  }
}
