import type { Criterion, Series } from '../contract/analysis.ts'
import { bucketOf } from '../core/analysis/latency-histogram.ts'
import { queryWindowMs } from '../core/analysis/query-window.ts'
import type { Clock, MetricsSource, MetricTarget } from '../core/ports.ts'
import { addReading, emptySeries } from './recording.ts'

/** What was there before anyone asked is asked for too, so far back. */
const PAST_MS = 15 * 60_000

/** What a metrics provider answers to one question. */
export interface Asked {
  readonly series: Series
  polledAt: number
  pending: boolean
  /** Why the last answer was none; empty when there was one. */
  problem: string
}

/** The answers to one criterion about one side. Two criteria on one query with windows of their own are two questions. */
export function askedOf(all: Map<string, Asked>, criterion: Criterion, about: string, metrics: MetricsSource | null): Asked {
  const key = `${about} ${queryWindowMs(criterion, metrics?.intervalMs(criterion.metric) ?? 0)} ${JSON.stringify(criterion.metric)}`
  const found = all.get(key) ?? { series: emptySeries(), polledAt: -Infinity, pending: false, problem: '' }
  all.set(key, found)
  return found
}

/** Asks once an interval. Never waits: judging goes on with what is there. */
export function askWhenDue(asked: Asked, criterion: Criterion, metrics: MetricsSource, clock: Clock, target: () => Omit<MetricTarget, 'windowMs'>): void {
  const { metric } = criterion
  const intervalMs = metrics.intervalMs(metric)
  const now = clock.monotonicMs()
  if (asked.pending || now - asked.polledAt < intervalMs) return
  asked.pending = true
  asked.polledAt = now
  metrics
    .read(metric, { ...target(), windowMs: queryWindowMs(criterion, intervalMs) }, asked.series.at.at(-1) ?? clock.wallMs() - PAST_MS)
    .then(
      (reading) => {
        // An answer that says nothing says in its notes why.
        asked.problem = reading.points.every(({ value }) => value === null) ? (reading.notes[0] ?? '') : ''
        addReading(asked.series, reading, bucketOf)
      },
      (error: unknown) => {
        asked.problem = error instanceof Error ? error.message : String(error)
      },
    )
    .finally(() => {
      asked.pending = false
    })
    .catch(() => undefined)
}
