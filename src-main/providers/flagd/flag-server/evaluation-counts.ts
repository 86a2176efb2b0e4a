const MINUTES = 120
const MINUTE_MS = 60_000
/** Flags with their variants; above it new ones are only counted together. */
const MAX_COUNTED = 200_000

export interface CountedVariant {
  readonly set: string
  readonly flag: string
  readonly variant: string
  /** Since the process began. */
  readonly total: number
  /** Wall clock ms. */
  readonly lastAt: number
  /** Per minute, oldest first, ending with the running one. */
  readonly perMinute: readonly number[]
}

export interface EvaluationCounts {
  add(set: string, flag: string, variant: string, count: number): void
  /** `minutes`: how many of the last ones, at most 120. */
  list(minutes: number): readonly CountedVariant[]
  /** Evaluations of flags beyond the bound. */
  readonly uncounted: number
}

interface Row {
  readonly set: string
  readonly flag: string
  readonly variant: string
  total: number
  lastAt: number
  lastMinute: number
  readonly ring: Float64Array
}

/** How often each variant was served, per minute for two hours: for sparklines, and to tell flags nobody asks for. */
export function countEvaluations(now: () => number = Date.now): EvaluationCounts {
  const rows = new Map<string, Row>()
  let uncounted = 0

  const advance = (row: Row, minute: number): void => {
    // Minutes nothing happened in hold what they held two hours ago.
    for (let next = Math.max(row.lastMinute + 1, minute - MINUTES + 1); next <= minute; next += 1) row.ring[next % MINUTES] = 0
    row.lastMinute = Math.max(row.lastMinute, minute)
  }
  return {
    add(set, flag, variant, count) {
      const key = `${set}\n${flag}\n${variant}`
      const minute = Math.floor(now() / MINUTE_MS)
      let row = rows.get(key)
      if (!row) {
        if (rows.size >= MAX_COUNTED) {
          uncounted += count
          return
        }
        row = { set, flag, variant, total: 0, lastAt: 0, lastMinute: minute, ring: new Float64Array(MINUTES) }
        rows.set(key, row)
      }
      advance(row, minute)
      row.total += count
      row.lastAt = now()
      // A clock that was set back counts into the newest minute there is.
      const at = row.lastMinute % MINUTES
      row.ring[at] = (row.ring[at] ?? 0) + count
    },
    list(minutes) {
      const minute = Math.floor(now() / MINUTE_MS)
      const span = Math.min(MINUTES, Math.max(1, Math.floor(minutes)))
      return [...rows.values()].map((row) => {
        advance(row, minute)
        return { set: row.set, flag: row.flag, variant: row.variant, total: row.total, lastAt: row.lastAt, perMinute: Array.from({ length: span }, (_, index) => row.ring[(row.lastMinute - span + 1 + index + MINUTES) % MINUTES] ?? 0) }
      })
    },
    get uncounted() {
      return uncounted
    },
  }
}
