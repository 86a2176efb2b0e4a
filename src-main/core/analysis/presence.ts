import type { Criterion } from '../../contract/analysis.ts'
import { intervalOf, type CleanSeries } from './clean-series.ts'
import { readableDuration } from './words.ts'

/** A newest sample of the router, a process or a probe older than this is absence of data, not data. */
const STALE_MS = 5_000
/** A query's answer may be so many of its own intervals old. */
const STALE_INTERVALS = 3
/** Its interval, where neither its provider says it nor two answers show it. */
const QUERY_INTERVAL_MS = 15_000
/** Where the recent past is looked at for gaps. */
const RECENT_MS = 30_000

/** Why there is no data to judge, and since when; null when there is. */
export interface Absence {
  readonly since: number
  readonly why: string
}

/**
 * Whether the candidate's (or the baseline's) data is there: newest sample fresh, and at least half of the last 30 s
 * covered. Data that is there but says "no traffic" is not absent.
 */
export function absenceOf(criterion: Criterion, series: CleanSeries, since: number, now: number, intervalMs?: number): Absence | null {
  const isQuery = criterion.metric.source === 'query'
  const interval = isQuery ? Math.max(intervalMs ?? 0, intervalOf(series.at) ?? intervalMs ?? QUERY_INTERVAL_MS) : 1_000
  const stale = isQuery ? Math.max(STALE_MS, interval * STALE_INTERVALS) : STALE_MS
  const newest = series.at.at(-1)
  const spoiled = series.unusable > 0 ? ` (${series.unusable} were unusable)` : ''
  if (newest === undefined) {
    // A candidate that got its first traffic just now has had no time to be counted.
    return now - since <= stale ? null : { since, why: `there is no sample${spoiled}` }
  }
  if (now - newest > stale) return { since: newest, why: `the newest sample is ${readableDuration(now - newest)} old${spoiled}` }
  if (isQuery) return null
  const from = Math.max(since, now - RECENT_MS)
  const expected = Math.floor((now - from) / interval)
  const present = series.at.filter((at) => at > from).length
  if (expected < 6 || present * 2 >= expected) return null
  return { since: from, why: `only ${present} of the last ${expected} samples are there${spoiled}` }
}
