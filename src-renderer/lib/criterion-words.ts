import type { Criterion, Judge, Metric } from '../../src-main/contract/analysis.ts'
import { formatBytes, formatCount, formatDuration, formatMs, formatPercent } from './format.ts'

/** What a metric is called on every screen. */
export function metricWords(metric: Metric): string {
  switch (metric.source) {
    case 'router':
      return metric.of === 'latency' ? `Latency ${metric.quantile}` : 'Error ratio'
    case 'probe':
      return metric.of === 'latency' ? `Probe ${metric.probe}, latency` : `Probe ${metric.probe}, failures`
    case 'process':
      return { cpuPercent: 'CPU', memoryBytes: 'Memory', inFlight: 'Requests in flight', restarts: 'Restarts' }[metric.of]
    case 'query':
      return `Query to ${metric.provider}`
  }
}

/** Where a metric comes from, in a word. */
export const SOURCE_WORDS: Readonly<Record<Metric['source'], string>> = { router: 'counted by the router', process: 'read from the processes', probe: 'probed', query: 'queried' }

export type MetricUnit = 'ratio' | 'ms' | 'bytes' | 'percent' | 'count' | { readonly word: string }

export function unitOf(metric: Metric): MetricUnit {
  if (metric.source === 'query') return metric.unit === 'ratio' || metric.unit === 'ms' ? metric.unit : { word: metric.unit }
  if (metric.source === 'process') return metric.of === 'cpuPercent' ? 'percent' : metric.of === 'memoryBytes' ? 'bytes' : 'count'
  return metric.of === 'latency' ? 'ms' : 'ratio'
}

/** At most three digits that mean something: 0.24, 4.1, 331, 12,400. */
function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  return Math.abs(value) >= 100 ? formatCount(Math.round(value)) : String(Number(value.toPrecision(3)))
}

/** A reading in the metric's unit: number and unit apart, so that a limit can share the unit. */
export function valueParts(metric: Metric, value: number): readonly [number: string, unit: string] {
  const unit = unitOf(metric)
  switch (unit) {
    case 'ratio':
      return [digits(Math.round(value * 1e6) / 1e4), '%']
    case 'ms':
      return [formatMs(value), 'ms']
    case 'bytes':
      return formatBytes(value)
    case 'percent':
      return [digits(value), '%']
    case 'count':
      return [digits(value), '']
    default:
      return [digits(value), unit.word]
  }
}

/** "0.24 %", "331 ms", "412 MiB", "12 orders/min". */
export function valueWords(metric: Metric, value: number): string {
  return valueParts(metric, value).filter(Boolean).join(' ')
}

/** "331" and "of 400 ms", "31" and "min 20 orders": the unit once where both share it. */
export function ofWords({ metric, judge }: Criterion, value: number, limit: number): readonly [value: string, of: string] {
  const [number, unit] = valueParts(metric, value)
  if (limit === 0) return [valueWords(metric, value), 'limit 0']
  const isLeast = judge.kind === 'threshold' && judge.harm === 'below'
  return [unit === valueParts(metric, limit)[1] ? number : `${number} ${unit}`, `${isLeast ? 'min' : 'of'} ${valueWords(metric, limit)}`]
}

/** A value beside an axis: a long unit stands elsewhere. */
export function tickWords(metric: Metric, value: number): string {
  const [number, unit] = valueParts(metric, value)
  if (value === 0) return '0'
  return unit.length > 0 && unit.length <= 3 ? `${number} ${unit}` : number
}

/** "30 s", "5 min", "6 h". */
function span(ms: number): string {
  return ms >= 60_000 && ms < 3_600_000 && ms % 60_000 === 0 ? `${ms / 60_000} min` : formatDuration(ms)
}

/** The metric's own limit, where the judge is the plain rule; a relative judge has none before it has a baseline. */
export function plainLimit(judge: Judge): number | null {
  return judge.kind === 'threshold' ? judge.limit : null
}

const growth = (share: number) => formatPercent(share * 100)
const points = (ratio: number) => `${digits(ratio * 100)} ${ratio === 0.01 ? 'point' : 'points'}`
const times = (count: number) => (count === 1 ? '' : count === 2 ? ', twice in a row' : `, ${count} times in a row`)

/** The rule in one plain sentence. */
export function judgeWords({ metric, judge }: Criterion): string {
  const counted = metric.source === 'router' || metric.source === 'probe' ? 'requests' : 'points'
  switch (judge.kind) {
    case 'threshold':
      return `Fails ${judge.harm} ${valueWords(metric, judge.limit)} over ${span(judge.windowMs)}${times(judge.consecutive)}${judge.minRequests === 1 ? '' : `, from ${formatCount(judge.minRequests)} ${counted} on`}.`
    case 'errors':
      return `Fails once ${points(judge.harm)} more errors than the old version are proven, at whatever moment.`
    case 'latency':
      return `Fails once ${growth(judge.harm)} slower than the old version is proven, at whatever moment.`
    case 'mannWhitney':
      return `Fails when its values lie ${growth(judge.tolerance)} ${judge.harm === 'either' ? 'above or below' : judge.harm} the old version's over ${span(judge.windowMs)} (Mann-Whitney, ${formatPercent(judge.confidence * 100)}).`
    case 'burnRate':
      return `Fails when the budget of ${formatPercent((1 - judge.objective) * 100)} burns ${judge.windows.map((pair) => `${digits(pair.factor)} times too fast over ${span(pair.longMs)} and ${span(pair.shortMs)}`).join(', or ')}.`
  }
}

export const SEVERITY_WORDS: Readonly<Record<Criterion['severity'], string>> = { fail: 'rolls back', warn: 'pauses and asks' }

/** What missing data comes to, where it is not simply held. */
export function absenceWords({ absence }: Criterion): string {
  if (absence.action === 'hold') return 'Missing data holds.'
  return `Missing for ${span(absence.afterMs)} ${absence.action === 'pause' ? 'pauses and asks' : 'rolls back'}.`
}

/** The chart a criterion belongs under; null: none of them shows its metric. */
export type ChartName = 'errorRatio' | 'latency' | 'cpu' | 'memory'
export function chartOf({ metric }: Criterion): ChartName | null {
  if (metric.source === 'router') return metric.of
  if (metric.source !== 'process') return null
  return metric.of === 'cpuPercent' ? 'cpu' : metric.of === 'memoryBytes' ? 'memory' : null
}
