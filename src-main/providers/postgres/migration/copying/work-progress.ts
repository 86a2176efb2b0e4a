import type { MigrationProgress, MigrationWork } from '../../../../contract/migration.ts'
import { batchP90Ms, type BatchSize } from './batch-size.ts'

/** Counts one work's progress while it runs: what it does, how fast, and what it waits for. */
export interface WorkProgress {
  /** Another table or link begins (or goes on), with what was done before. */
  begin(table: string, rowsDone: number, rowsTotal: number): void
  total(rowsTotal: number): void
  batch(rows: number, size: BatchSize): void
  /** Empty: it works again. */
  waiting(reason: string): void
  view(): MigrationProgress
  /** What outlives the process, for the checkpoint. */
  kept(): KeptProgress
}

export interface KeptProgress {
  readonly rowsPerSecond: number
  readonly batchRows: number
  readonly batchP90Ms: number | null
  readonly waitsFor: string
  readonly waitingSince: number | null
  readonly waits: number
  readonly waitedMs: number
}

const WINDOW_MS = 60_000

/** `now`: wall clock, ms. `before`: what an interrupted run had counted. */
export function workProgress(work: MigrationWork, now: () => number, before: Pick<KeptProgress, 'waits' | 'waitedMs'> | null = null): WorkProgress {
  let table = ''
  let rowsDone = 0
  let rowsTotal = 0
  let size: BatchSize = { rows: 0, recentMs: [] }
  let waitsFor = ''
  let waitingSince: number | null = null
  let waits = before?.waits ?? 0
  let waitedMs = before?.waitedMs ?? 0
  /** Working time and rows, cut into the moments a batch ended. */
  const points: { workedMs: number; rows: number }[] = []
  let workedMs = 0
  let last = now()
  let rows = 0

  function clock() {
    const at = now()
    const passed = Math.max(0, at - last)
    if (waitingSince === null) workedMs += passed
    else waitedMs += passed
    last = at
  }

  function rowsPerSecond(): number {
    const first = points[0]
    const newest = points.at(-1)
    if (!first || !newest || newest.workedMs <= first.workedMs) return 0
    return ((newest.rows - first.rows) * 1000) / (newest.workedMs - first.workedMs)
  }

  function kept(): KeptProgress {
    clock()
    return { rowsPerSecond: Math.round(rowsPerSecond()), batchRows: size.rows, batchP90Ms: batchP90Ms(size), waitsFor, waitingSince, waits, waitedMs: Math.round(waitedMs) }
  }

  return {
    begin(name, done, total) {
      clock()
      table = name
      rowsDone = done
      rowsTotal = total
      points.push({ workedMs, rows })
    },
    total(total) {
      rowsTotal = total
    },
    batch(count, nextSize) {
      clock()
      rowsDone += count
      rows += count
      size = nextSize
      points.push({ workedMs, rows })
      while (points.length > 2 && workedMs - (points[1]?.workedMs ?? 0) > WINDOW_MS) points.shift()
    },
    waiting(reason) {
      clock()
      if (reason === '') waitingSince = null
      else if (waitingSince === null) {
        waitingSince = last
        waits += 1
      }
      waitsFor = reason
    },
    view() {
      const now = kept()
      const left = Math.max(0, rowsTotal - rowsDone)
      const etaMs = left === 0 ? 0 : now.rowsPerSecond > 0 && waitingSince === null ? Math.round((left / now.rowsPerSecond) * 1000) : null
      return { work, table, rowsDone, rowsTotal: Math.max(rowsTotal, rowsDone), etaMs, ...now }
    },
    kept,
  }
}
