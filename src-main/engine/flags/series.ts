import type { Series } from '../../contract/analysis.ts'
import { emptySeries } from '../recording.ts'

/** The longest stretch a judge looks back. */
const KEEP_MS = 60 * 60_000
/** Columns are cut in pieces, not at every second. */
const CUT_MS = 5 * 60_000
/** A sample this far ahead of the clock is somebody else's time. */
const AHEAD_MS = 2000

/** Between two reports of apps so far apart nothing happened; in a longer gap nobody knows. */
const BRIDGED_MS = 5000
const SECOND_MS = 1000

/** Appends what is newer than what is there, in order; what no judge looks back to goes. */
export function addSeries(to: Series, from: Series, nowMs: number): void {
  for (const [i, at] of from.at.entries()) {
    const last = to.at.at(-1) ?? -Infinity
    if (at <= last || at > nowMs + AHEAD_MS) continue
    if (at - last <= BRIDGED_MS) for (let quiet = last + SECOND_MS; quiet < at; quiet += SECOND_MS) push(to, quiet)
    to.at.push(at)
    to.requests.push(from.requests[i] ?? 0)
    to.errors.push(from.errors[i] ?? 0)
    to.latency.push(from.latency[i] ?? [])
    to.values.push(from.values[i] ?? null)
  }
  const newest = to.at.at(-1)
  if (newest === undefined || newest - (to.at[0] ?? newest) <= KEEP_MS + CUT_MS) return
  const count = to.at.findIndex((each) => each > newest - KEEP_MS)
  for (const column of [to.at, to.requests, to.errors, to.latency, to.values]) column.splice(0, count)
}

function push(series: Series, at: number): void {
  series.at.push(at)
  series.requests.push(0)
  series.errors.push(0)
  series.latency.push([])
  series.values.push(null)
}

/** Several series as one, second by second. */
export function sumSeries(all: readonly Series[]): Series {
  const [only] = all
  if (all.length === 1 && only) return only
  const rows = new Map<number, { requests: number; errors: number; latency: Map<number, number> }>()
  for (const series of all) {
    for (const [i, at] of series.at.entries()) {
      const row = rows.get(at) ?? { requests: 0, errors: 0, latency: new Map<number, number>() }
      rows.set(at, row)
      row.requests += series.requests[i] ?? 0
      row.errors += series.errors[i] ?? 0
      for (const [bucket, count] of series.latency[i] ?? []) row.latency.set(bucket, (row.latency.get(bucket) ?? 0) + count)
    }
  }
  const sum = emptySeries()
  for (const [at, row] of [...rows].toSorted(([a], [b]) => a - b)) {
    sum.at.push(at)
    sum.requests.push(row.requests)
    sum.errors.push(row.errors)
    sum.latency.push([...row.latency].toSorted(([a], [b]) => a - b))
    sum.values.push(null)
  }
  return sum
}
