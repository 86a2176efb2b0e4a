import type { Criterion, CriterionResult, Metric } from '../../contract/analysis.ts'

/** Three significant digits, thousands separated; for people. */
export function readable(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size >= 1e12) return value.toExponential(1)
  if (size >= 100) return Math.round(value).toString().replaceAll(/\B(?=(\d{3})+$)/g, ',')
  return String(Number(value.toPrecision(3)))
}

export function readableDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${readable(minutes / 60)} h`
}

function unitOf(metric: Metric): 'ratio' | 'ms' | 'bytes' | 'percent' | 'plain' | { readonly word: string } {
  if (metric.source === 'router') return metric.of === 'latency' ? 'ms' : 'ratio'
  if (metric.source === 'probe') return metric.of === 'latency' ? 'ms' : 'ratio'
  if (metric.source === 'process') return metric.of === 'cpuPercent' ? 'percent' : metric.of === 'memoryBytes' ? 'bytes' : 'plain'
  return metric.unit === 'ratio' || metric.unit === 'ms' ? metric.unit : { word: metric.unit }
}

export function describeValue(metric: Metric, value: number): string {
  const unit = unitOf(metric)
  if (unit === 'ratio') return `${readable(Math.round(value * 1e6) / 1e4)} %`
  if (unit === 'ms') return `${readable(value)} ms`
  if (unit === 'percent') return `${readable(value)} %`
  if (unit === 'bytes') return value >= 1 << 20 ? `${readable(value / (1 << 20))} MiB` : `${readable(value / 1024)} KiB`
  if (unit === 'plain') return readable(value)
  return unit.word ? `${readable(value)} ${unit.word}` : readable(value)
}

export function nameOf(metric: Metric): string {
  switch (metric.source) {
    case 'router':
      return metric.of === 'latency' ? `Latency ${metric.quantile}` : 'Error ratio'
    case 'probe':
      return metric.of === 'latency' ? `Latency of probe ${metric.probe}` : `Failures of probe ${metric.probe}`
    case 'process':
      return { cpuPercent: 'CPU', memoryBytes: 'Memory', inFlight: 'Requests in flight', restarts: 'Restarts' }[metric.of]
    case 'query':
      return 'The query'
  }
}

/** A result with the parts that are the same wherever nothing was measured. */
export function blankResult(criterion: Criterion, at: { readonly fromAt: number; readonly toAt: number }): CriterionResult {
  return {
    name: criterion.name,
    severity: criterion.severity,
    verdict: 'inconclusive',
    why: '',
    value: null,
    baseline: null,
    against: 'limit',
    limit: null,
    requests: 0,
    statistic: null,
    closeness: 0,
    fromAt: at.fromAt,
    toAt: at.toAt,
    absentSince: null,
    bothSides: false,
  }
}

export const within01 = (value: number): number => (Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : value > 0 ? 1 : 0)
