import type { Criterion } from '../../../src-main/contract/analysis.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { useServices } from '../../lib/console-context.tsx'
import { plural } from '../../lib/format.ts'

const SHOWN = 8

interface Source {
  readonly name: string
  readonly kind: string
  readonly used: readonly string[]
}

/** Where criteria get their metrics from, besides the router and the processes: metrics providers and probes that plans name. */
export function MetricSources() {
  const sources = sourcesOf(useServices())
  if (sources.length === 0) return <p className="text-12 text-ink-3">Every criterion is judged on what the router counts and the processes use. Metrics providers and probes are declared in the workspace file.</p>
  return (
    <ul aria-label="Sources of metrics" className="border-t border-line-1">
      {sources.map((source) => (
        <li key={`${source.kind} ${source.name}`} className="grid grid-cols-[140px_120px_minmax(0,1fr)] gap-2 border-b border-line-1 py-1">
          <b className="truncate font-medium" title={source.name}>
            {source.name}
          </b>
          <span className="text-ink-3">{source.kind}</span>
          <span className="min-w-0 text-ink-2">
            {plural(source.used.length, 'criterion', 'criteria')}: {source.used.slice(0, SHOWN).join(', ')}
            {source.used.length > SHOWN && `, and ${source.used.length - SHOWN} more`}
          </span>
        </li>
      ))}
    </ul>
  )
}

export function sourcesOf(services: readonly Pick<ServiceView, 'name' | 'plan'>[]): readonly Source[] {
  const found = new Map<string, { readonly name: string; readonly kind: string; readonly used: Set<string> }>()
  const add = (service: string, { metric, name }: Criterion) => {
    if (metric.source !== 'query' && metric.source !== 'probe') return
    const source = metric.source === 'query' ? { name: metric.provider, kind: 'metrics provider' } : { name: metric.probe, kind: `probe of ${service}` }
    const key = `${source.kind} ${source.name}`
    const entry = found.get(key) ?? { ...source, used: new Set<string>() }
    found.set(key, entry)
    entry.used.add(metric.source === 'query' ? `${service} ${name}` : name)
  }
  for (const { name, plan } of services) for (const criterion of [...plan.criteria, ...plan.steps.flatMap((step) => step.criteria ?? [])]) add(name, criterion)
  return [...found.values()].map((source) => ({ ...source, used: [...source.used] }))
}
