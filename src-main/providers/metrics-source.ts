import type { Metric } from '../contract/analysis.ts'
import { Fault } from '../contract/fault.ts'
import type { MetricsProviderConfig } from '../contract/workspace.ts'
import type { MetricReading, MetricsSource, MetricTarget } from '../core/ports.ts'
import type { Prober } from './prober/prober.ts'
import { createPrometheusProvider } from './prometheus/provider.ts'
import type { QueryProvider, QueryProviderDeps } from './query-provider.ts'

/** The one place a further metrics system joins: its kind, and what makes a provider of its configuration. */
const KINDS: Readonly<Record<MetricsProviderConfig['kind'], (config: MetricsProviderConfig, deps: QueryProviderDeps) => QueryProvider>> = {
  prometheus: createPrometheusProvider,
}

const MAX_SAMPLES = 300

export interface ConfiguredMetricsSource extends MetricsSource {
  /** Asks each metrics provider whether it answers; for *test connection*. */
  check(): Promise<readonly { readonly name: string; readonly ok: boolean; readonly detail: string; readonly next: string }[]>
  close(): Promise<void>
}

export interface MetricsSourceOptions {
  readonly providers: readonly MetricsProviderConfig[]
  /** Null: nothing is probed. */
  readonly prober: Pick<Prober, 'read' | 'intervalMs'> | null
  /** What this console itself answers, by name; a declared provider of that name goes before. */
  readonly own?: ReadonlyMap<string, QueryProvider>
  /** The value of a variable; null when it is not set. Default: this process's. */
  readonly readSecret?: QueryProviderDeps['readSecret']
  readonly wallMs?: () => number
}

/** Answers what the workspace's metrics providers and probes say. */
export function createMetricsSource(options: MetricsSourceOptions): ConfiguredMetricsSource {
  const deps: QueryProviderDeps = { readSecret: options.readSecret ?? ((name) => process.env[name] ?? null), wallMs: options.wallMs ?? Date.now }
  const declared = new Map(options.providers.map((config) => [config.name, KINDS[config.kind](config, deps)]))
  const providers = new Map([...(options.own ?? []), ...declared])

  function providerOf(name: string): QueryProvider {
    const provider = providers.get(name)
    if (provider) return provider
    throw new Fault('invalidInput', `There is no metrics provider ${name}.`, 'Name one that is under `metrics` in the workspace.')
  }

  const source: ConfiguredMetricsSource = {
    async read(metric, target, fromAt) {
      if (metric.source === 'query') return await providerOf(metric.provider).read(metric.query, target, fromAt)
      if (metric.source === 'probe' && options.prober) return options.prober.read(metric, target, fromAt)
      if (metric.source === 'probe') return { query: '', points: [], notes: ['Nothing is probed here.'] }
      throw new Fault('invalidInput', 'This metric is counted by the router or read from the processes; no provider is asked for it.', 'Look at the service’s charts.')
    },
    intervalMs(metric) {
      if (metric.source === 'query') return providers.get(metric.provider)?.intervalMs ?? 15_000
      return metric.source === 'probe' ? (options.prober?.intervalMs ?? 1000) : 1000
    },
    async tryQuery(metric, target, fromAt) {
      const empty = { query: '', points: [], notes: [] }
      try {
        const reading = metric.source === 'query' || metric.source === 'probe' ? await source.read(metric, target, fromAt) : empty
        return { query: reading.query, samples: samplesOf(metric, reading), notes: reading.points.length === 0 && reading.notes.length === 0 && reading !== empty ? ['There is no data for this time.'] : [...reading.notes], reading }
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        return { query: filledIfPossible(metric, target), samples: [], notes: [error.message, error.data.next], reading: empty }
      }
    },
    check: () =>
      Promise.all(
        [...declared].map(async ([name, provider]) => {
          try {
            return { name, ok: true, detail: await provider.check(), next: '' }
          } catch (error) {
            const fault = error instanceof Fault ? error : new Fault('internal', String(error), 'Look into the log.')
            return { name, ok: false, detail: fault.message, next: fault.data.next }
          }
        }),
      ),
    async close() {
      await Promise.all([...declared.values()].map((provider) => provider.close()))
    },
  }
  return source

  function filledIfPossible(metric: Metric, target: MetricTarget): string {
    if (metric.source !== 'query') return ''
    try {
      return providers.get(metric.provider)?.filled(metric.query, target) ?? metric.query
    } catch {
      return metric.query
    }
  }
}

function samplesOf(metric: Metric, { points }: MetricReading): { at: number; value: number | null }[] {
  // Moments at which a probe was not due say that the prober is there, and nothing of the service.
  const said = metric.source === 'probe' ? points.filter(({ requests }) => requests > 0) : points
  return said.slice(-MAX_SAMPLES).map(({ at, value }) => ({ at, value }))
}
