import type { YAMLMap } from 'yaml'
import type { Metric } from '../contract/analysis.ts'
import { entryOf, field } from './collections.ts'
import { MIGRATION_MEASURES, MIGRATION_METRICS } from '../contract/migration-metrics.ts'
import type { MetricsNames } from './metrics-reader.ts'
import { flagPromqlTemplate, promqlTemplate } from './promql-text.ts'
import type { Reading } from './reading.ts'
import { scalarText } from './reading.ts'
import { text, word } from './scalars.ts'
import { nearest } from './suggest.ts'
import { clip } from './units.ts'

/** What a criterion measures: `metric`, `query`, `probe`, or with `burn-rate` alone the error ratio. */

export interface CriteriaContext {
  /** Metrics providers by name. */
  readonly metrics: ReadonlyMap<string, MetricsNames>
  /** `flags`: users of one variant are judged against those of another. Left out: versions of a service. */
  readonly guards?: 'flags'
  /** The service's probes and how often each asks, ms; null where no service is known yet (under `plans` and `defaults`). */
  readonly probes: { readonly service: string; readonly everyMs: ReadonlyMap<string, number> } | null
}

/** What kind of number it is: decides how a limit is written, and which judges fit. */
export type SubjectKind = 'ratio' | 'latency' | 'cpu' | 'memory' | 'count' | 'restarts' | 'query'

export interface Subject {
  readonly metric: Metric
  readonly kind: SubjectKind
  /** Its name where the criterion has none of its own. */
  readonly name: string
  /** How far apart its points are, where that is not a second. */
  readonly intervalMs: number | null
}

const METRIC_WORDS = ['error-ratio', 'latency', 'p50', 'p95', 'p99', 'cpu', 'memory', 'in-flight', 'restarts'] as const
type MetricWord = (typeof METRIC_WORDS)[number]
const KINDS: Readonly<Record<MetricWord, SubjectKind>> = { 'error-ratio': 'ratio', latency: 'latency', p50: 'latency', p95: 'latency', p99: 'latency', cpu: 'cpu', memory: 'memory', 'in-flight': 'count', restarts: 'restarts' }
const PROCESS = { cpu: { of: 'cpuPercent', name: 'CPU' }, memory: { of: 'memoryBytes', name: 'Memory' }, 'in-flight': { of: 'inFlight', name: 'Requests in flight' }, restarts: { of: 'restarts', name: 'Restarts' } } as const
const SUBJECTS = ['metric', 'query', 'probe'] as const

export function subjectFields(context: Pick<CriteriaContext, 'guards'>) {
  return {
    metric: field('metric', word(METRIC_WORDS)),
    quantile: field('quantile', word(['p50', 'p95', 'p99'])),
    query: field('query', context.guards === 'flags' ? flagPromqlTemplate : promqlTemplate),
    provider: field('provider', text({ expected: 'the name of a provider under `metrics`', maxLength: 100 })),
    unit: field('unit', text({ expected: 'what one unit of the answer is: `ratio`, `ms`, or any word', maxLength: 40 })),
    probe: field('probe', text({ expected: 'the name of a probe of the service', maxLength: 100 })),
    of: field('of', word(['failures', 'latency'])),
  }
}

/** What is probably meant, before anything is checked: it decides how the limit is read, so that one slip is one problem. */
export function writtenSubject(map: YAMLMap): SubjectKind {
  const of = (key: string) => {
    const value = entryOf(map, key)?.value
    return value === undefined ? null : (scalarText(value) ?? '')
  }
  const metric = nearest(of('metric') ?? '', METRIC_WORDS) as MetricWord | null
  if (metric !== null) return KINDS[metric]
  if (of('query') !== null) return 'query'
  if (of('probe') !== null) return of('of') === 'latency' ? 'latency' : 'ratio'
  return of('burn-rate') === null ? 'latency' : 'ratio'
}

type SubjectRead = Partial<{ metric: MetricWord; quantile: 'p50' | 'p95' | 'p99'; query: string; provider: string; unit: string; probe: string; of: 'failures' | 'latency' }>

export function subjectOf(read: SubjectRead, kind: SubjectKind, at: Reading, context: CriteriaContext): Subject | undefined {
  const has = (key: string) => at.has([...at.path, key])
  const place = (key: string) => at.placeOf([...at.path, key])
  const asked = SUBJECTS.filter(has)
  if (asked.length > 1) {
    at.problems.report(place(asked[1] ?? ''), `a criterion with ${asked.map((key) => `\`${key}\``).join(' and ')}`, 'exactly one of `metric`, `query`, `probe`')
    return undefined
  }
  const misplaced = (key: string, subject: (typeof SUBJECTS)[number], what: string) => {
    if (!has(key) || asked[0] === subject) return false
    at.problems.report(place(key), `\`${key}\` without \`${subject}\``, what)
    return true
  }
  if (misplaced('provider', 'query', '`provider` only beside `query`') || misplaced('unit', 'query', '`unit` only beside `query`') || misplaced('of', 'probe', '`of` only beside `probe`')) return undefined
  if (has('quantile') && read.metric !== 'latency') {
    if (read.metric !== undefined || asked[0] !== 'metric') at.problems.report(place('quantile'), '`quantile` without `metric: latency`', '`quantile` only beside `metric: latency`')
    return undefined
  }
  if (context.guards === 'flags' && (asked[0] === 'probe' || (asked[0] === 'metric' && KINDS[read.metric ?? 'latency'] !== 'ratio' && KINDS[read.metric ?? 'latency'] !== 'latency'))) {
    at.problems.report(place(asked[0]), 'what no variant of a flag has one of its own of', '`metric:` with error-ratio, latency, p50, p95 or p99; or `query:` with `${variant}`')
    return undefined
  }
  if (asked[0] === 'query') return querySubject(read, at, context)
  if (asked[0] === 'probe') return read.probe === undefined || (has('of') && read.of === undefined) ? undefined : probeSubject(read.probe, read.of ?? 'failures', at, context)
  if (asked[0] === undefined) {
    if (has('burnRate')) return { metric: { source: 'router', of: 'errorRatio' }, kind: 'ratio', name: 'Error ratio', intervalMs: null }
    at.problems.report(at.owner, 'a criterion that measures nothing', `what to judge: \`metric:\` with one of ${METRIC_WORDS.join(', ')}; or \`query:\`, \`probe:\`, \`burn-rate:\``)
    return undefined
  }
  if (read.metric === undefined || (has('quantile') && read.quantile === undefined)) return undefined
  return { ...metricSubject(read.metric, read.quantile ?? 'p95'), kind, intervalMs: null }
}

function metricSubject(metric: MetricWord, quantile: 'p50' | 'p95' | 'p99'): Pick<Subject, 'metric' | 'name'> {
  switch (metric) {
    case 'error-ratio':
      return { metric: { source: 'router', of: 'errorRatio' }, name: 'Error ratio' }
    case 'latency':
      return { metric: { source: 'router', of: 'latency', quantile }, name: `Latency ${quantile}` }
    case 'p50':
    case 'p95':
    case 'p99':
      return { metric: { source: 'router', of: 'latency', quantile: metric }, name: `Latency ${metric}` }
    default:
      return { metric: { source: 'process', of: PROCESS[metric].of }, name: PROCESS[metric].name }
  }
}

function probeSubject(probe: string, of: 'failures' | 'latency', at: Reading, context: CriteriaContext): Subject | undefined {
  const everyMs = context.probes?.everyMs.get(probe)
  if (context.probes && everyMs === undefined) {
    const known = [...context.probes.everyMs.keys()]
    const near = nearest(probe, known)
    const service = clip(context.probes.service)
    at.problems.report(at.placeOf([...at.path, 'probe']), `service \`${service}\` has no probe \`${clip(probe)}\``, near === null ? `a name under \`probes\` of the service${known.length === 0 ? ', which has none' : `: ${known.slice(0, 10).join(', ')}`}` : `did you mean \`${near}\`?`)
    return undefined
  }
  const intervalMs = everyMs ?? null
  if (of === 'latency') return { metric: { source: 'probe', of: 'latency', probe }, kind: 'latency', name: `Latency of probe ${probe}`, intervalMs }
  return { metric: { source: 'probe', of: 'failureRatio', probe }, kind: 'ratio', name: `Failures of probe ${probe}`, intervalMs }
}

function querySubject(read: SubjectRead, at: Reading, context: CriteriaContext): Subject | undefined {
  const place = (key: string) => at.placeOf([...at.path, key])
  if (read.query === undefined || (at.has([...at.path, 'provider']) && read.provider === undefined)) return undefined
  const known = [...context.metrics.keys()]
  // The migrations' own measures are asked for by name, never meant by silence.
  const declared = known.filter((name) => name !== MIGRATION_METRICS)
  const only = declared.length === 1 ? declared[0] : undefined
  const provider = read.provider ?? only
  if (provider === undefined) {
    at.problems.report(place('query'), '`query` without a provider', known.length === 0 ? 'a provider under the top level’s `metrics`: `metrics: {prom: {prometheus: http://127.0.0.1:9090}}`' : `\`provider:\` with one of ${known.slice(0, 10).join(', ')}`)
    return undefined
  }
  const names = context.metrics.get(provider)
  if (!names) {
    const near = nearest(provider, known)
    at.problems.report(place('provider'), `there is no metrics provider \`${clip(provider)}\``, near === null ? `a name under the top level’s \`metrics\`${known.length === 0 ? ', which has none' : `: ${known.slice(0, 10).join(', ')}`}` : `did you mean \`${near}\`?`)
    return undefined
  }
  const named = names.queries[read.query]
  // Written under `metrics`, but with a problem of its own there.
  if (named === null) return undefined
  if (named === undefined && provider === MIGRATION_METRICS) {
    const near = nearest(read.query, Object.keys(names.queries))
    at.problems.report(place('query'), `there is no measure \`${clip(read.query)}\``, near === null ? `a migration and one of ${MIGRATION_MEASURES.join(', ')}: \`split_full_name.openMismatches\`` : `did you mean \`${near}\`?`)
    return undefined
  }
  if (named === undefined && /^[A-Za-z0-9_.]+(-[A-Za-z0-9_.]+)+$/.test(read.query) && !/^[\d.-]+$/.test(read.query)) {
    const queries = Object.keys(names.queries)
    const near = nearest(read.query, queries)
    at.problems.report(place('query'), `there is no query \`${clip(read.query)}\``, near === null ? `a name under \`queries\` of \`${clip(provider)}\`, or an expression` : `did you mean \`${near}\`?`)
    return undefined
  }
  const metric: Metric = { source: 'query', provider, query: named?.query ?? read.query, unit: read.unit ?? named?.unit ?? '' }
  return { metric, kind: 'query', name: named === undefined ? 'Query' : read.query, intervalMs: names.intervalMs }
}
