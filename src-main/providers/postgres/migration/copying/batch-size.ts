/** What the size of the next batch follows from. */
export interface BatchSize {
  readonly rows: number
  /** The last batches' times, newest last, at most ten. */
  readonly recentMs: readonly number[]
}

/** The first batch: small enough not to be felt on any table, large enough to learn from. */
const FIRST_ROWS = 200
const KEPT = 10
/** Below this the trips to the server cost more than the rows: only what meets locks gets smaller. */
export const LEAST_ROWS = 50

export function firstBatch(maxRows: number): BatchSize {
  return { rows: Math.min(FIRST_ROWS, maxRows), recentMs: [] }
}

/**
 * The size whose time should be `targetMs`, by what the last batch took: changed by at most x0.5 or x1.5 at once, as a
 * single slow batch (a checkpoint of the server) says little. A batch without rows tells nothing.
 */
export function nextBatch(current: BatchSize, done: { readonly rows: number; readonly tookMs: number }, targetMs: number, maxRows: number): BatchSize {
  if (done.rows === 0) return current
  const factor = Math.min(1.5, Math.max(0.5, targetMs / Math.max(done.tookMs, 0.1)))
  // A page cut short by the end of the table took less time than a whole one would have: it may only shrink the size.
  const short = done.rows < current.rows
  const rows = short && factor > 1 ? current.rows : Math.round(current.rows * factor)
  return { rows: Math.min(maxRows, Math.max(LEAST_ROWS, rows)), recentMs: [...current.recentMs, done.tookMs].slice(-KEPT) }
}

/** After locks that were not to be had: half of it, with its times kept. */
export function halved(current: BatchSize): BatchSize {
  return { ...current, rows: Math.max(1, Math.floor(current.rows / 2)) }
}

/** 90th percentile of the last batches, ms; null before the first. */
export function batchP90Ms({ recentMs }: BatchSize): number | null {
  if (recentMs.length === 0) return null
  const sorted = recentMs.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.9) - 1)] ?? null
}
