import type { Series } from '../../../contract/analysis.ts'
import { bucketOf } from '../../../core/analysis/latency-histogram.ts'

const SECOND_MS = 1000
export const OUTCOMES_KEPT_MS = 30 * 60_000
/** A second is told once it has been over for so long: what is reported late is counted into one not told yet. */
const SETTLE_MS = 1000
const MAX_FLAGS = 200
/** Pairs of bucket and count over all flags; above it the oldest seconds of the flag that grows go first. */
const MAX_PAIRS = 2_000_000

/** What requests of one variant came to, as an app counted them. */
export interface Outcome {
  readonly count: number
  readonly errors: number
  /** Milliseconds and how many; need not be all of them. */
  readonly latency: readonly (readonly [ms: number, count: number])[]
}

export interface OutcomeCounts {
  /** `at`: wall clock ms, null: now. False when there are too many flags. */
  add(set: string, flag: string, variant: string, at: number | null, outcome: Outcome): boolean
  /**
   * Per variant, ends of seconds after `fromAt`, settled ones alone. A second in which any variant of the flag was
   * reported is there for all of `variants`: that one had none is knowledge, too. One without a report is missing.
   */
  list(set: string, flag: string, variants: readonly string[], fromAt: number): Readonly<Record<string, Series>>
}

interface Cell {
  requests: number
  errors: number
  readonly latency: Map<number, number>
}

interface Slot {
  /** Its number since 1970. */
  readonly second: number
  readonly variants: Map<string, Cell>
}

interface Counted {
  /** By second, round and round. */
  readonly slots: (Slot | undefined)[]
  newest: number
}

const SLOTS = OUTCOMES_KEPT_MS / SECOND_MS

/** Requests, errors and latency by variant, each second for half an hour. */
export function countOutcomes(now: () => number = Date.now, maxPairs = MAX_PAIRS): OutcomeCounts {
  const flags = new Map<string, Counted>()
  let pairs = 0

  const clear = ({ slots }: Counted, index: number): void => {
    for (const { latency } of slots[index]?.variants.values() ?? []) pairs -= latency.size
    slots[index] = undefined
  }
  /** Makes room by a flag nobody reports any more. */
  const forgetOne = (): void => {
    const oldest = Math.floor(now() / SECOND_MS) - SLOTS
    for (const [key, counted] of flags) {
      if (counted.newest > oldest) continue
      for (const index of counted.slots.keys()) clear(counted, index)
      flags.delete(key)
      return
    }
  }
  const cellOf = (counted: Counted, second: number, variant: string): Cell => {
    const index = second % SLOTS
    if (counted.slots[index]?.second !== second) {
      clear(counted, index)
      counted.slots[index] = { second, variants: new Map() }
    }
    counted.newest = Math.max(counted.newest, second)
    const variants = counted.slots[index]?.variants ?? new Map<string, Cell>()
    const cell = variants.get(variant) ?? { requests: 0, errors: 0, latency: new Map<number, number>() }
    variants.set(variant, cell)
    return cell
  }

  return {
    add(set, flag, variant, at, { count, errors, latency }) {
      const key = `${set}\n${flag}`
      if (!flags.has(key) && flags.size >= MAX_FLAGS) forgetOne()
      if (!flags.has(key) && flags.size >= MAX_FLAGS) return false
      const counted = flags.get(key) ?? { slots: [], newest: 0 }
      flags.set(key, counted)
      // What was told does not change: neither by a late report, nor by a clock that was set back.
      const newest = Math.max(Math.floor(now() / SECOND_MS), counted.newest)
      const open = Math.max(Math.floor((now() - SETTLE_MS) / SECOND_MS), counted.newest - 1)
      const cell = cellOf(counted, Math.min(newest, Math.max(open, at === null ? newest : Math.floor(at / SECOND_MS))), variant)
      cell.requests += count
      cell.errors += errors
      for (const [ms, times] of latency) {
        const bucket = bucketOf(ms)
        if (!cell.latency.has(bucket)) pairs += 1
        cell.latency.set(bucket, (cell.latency.get(bucket) ?? 0) + times)
      }
      for (let second = counted.newest - SLOTS + 1; pairs > maxPairs && second < counted.newest; second += 1) {
        if (counted.slots[second % SLOTS]?.second === second) clear(counted, second % SLOTS)
      }
      return true
    },
    list(set, flag, variants, fromAt) {
      const counted = flags.get(`${set}\n${flag}`)
      const settled = Math.floor((now() - SETTLE_MS) / SECOND_MS)
      const seconds: Slot[] = []
      for (let second = Math.max(Math.floor(fromAt / SECOND_MS), settled - SLOTS); counted && second < settled; second += 1) {
        const slot = counted.slots[second % SLOTS]
        if (slot?.second === second) seconds.push(slot)
      }
      return Object.fromEntries(variants.map((variant) => [variant, seriesOf(seconds, variant)]))
    },
  }
}

function seriesOf(seconds: readonly Slot[], variant: string): Series {
  const series: Series = { at: [], requests: [], errors: [], latency: [], values: [] }
  for (const { second, variants } of seconds) {
    const cell = variants.get(variant)
    series.at.push((second + 1) * SECOND_MS)
    series.requests.push(cell?.requests ?? 0)
    series.errors.push(cell?.errors ?? 0)
    series.latency.push([...(cell?.latency ?? [])].toSorted(([a], [b]) => a - b))
    series.values.push(null)
  }
  return series
}
