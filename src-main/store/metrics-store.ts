import type { MetricSample } from '../contract/traffic.ts'
import { ENVIRONMENTS } from '../contract/vocabulary.ts'
import type { MetricsStore } from '../core/ports.ts'
import { levelAt, LEVELS, type MetricsTable, openMetricsTable, removeMetrics } from './metrics-table.ts'

export interface OpenMetricsOptions {
  readonly file: string
  readonly wallMs: () => number
  /** Oldest samples go when the database uses more. Default 200 MB. */
  readonly quotaBytes?: number
  /** How long samples wait to be written together. Default 2000; 0: never by itself. */
  readonly flushMs?: number
}

export interface LosableMetricsStore extends MetricsStore {
  /** Why history is not kept at the moment; empty when it is. */
  problem(): string
  /** Writes, rolls up and tidies all that is waiting, at once. */
  flush(): void
}

/** Most points that `read` returns per environment. */
export const MOST_POINTS = 900
const ROWS_PER_TURN = 200
const QUOTA_BYTES = 200 * 1024 * 1024
/** A roll-up is made when its time is over and stragglers had this long, milliseconds. */
const STRAGGLERS_MS = 3000
/** A database that cannot be used is made anew at most this often, milliseconds. */
const REMAKE_MS = 30_000
const TIDY_MS = 30_000
const VERDICTS_KEPT_MS = 365 * 24 * 3600_000

/** Opens the history of samples. Never throws: history that cannot be kept is dropped, and `problem()` says so. */
export function openMetricsStore(options: OpenMetricsOptions): LosableMetricsStore {
  const { file, wallMs, quotaBytes = QUOTA_BYTES, flushMs = 2000 } = options
  let table: MetricsTable | null = null
  let problem = ''
  let remadeAt = -Infinity
  let timer: NodeJS.Timeout | null = null
  let closed = false
  const pending: { readonly service: string; readonly environment: (typeof ENVIRONMENTS)[number]; readonly sample: MetricSample }[] = []
  /** Ends of roll-ups that must be made (again), by series and level. */
  const due = new Map<string, { readonly series: number; readonly level: number; readonly at: number }>()

  const failed = (error: unknown) => {
    problem = `Metrics history is not kept (${error instanceof Error ? error.message : String(error)}). Live metrics and acting are not affected.`
    table?.close()
    table = null
  }

  const open = (): MetricsTable | null => {
    if (table || closed || performance.now() - remadeAt < REMAKE_MS) return table
    try {
      if (problem !== '') removeMetrics(file)
      remadeAt = performance.now()
      table = openMetricsTable(file)
      problem = ''
      // The last run may have ended inside a roll-up.
      for (const series of table.allSeries()) {
        const span = table.span(series, 0)
        if (span) mark(series, span.last)
      }
    } catch (error) {
      failed(error)
    }
    return table
  }

  const mark = (series: number, at: number) => {
    for (let level = 1; level < LEVELS.length; level++) {
      const end = bucketEnd(at, levelAt(level).resolutionMs)
      due.set(`${series}:${level}:${end}`, { series, level, at: end })
    }
  }

  const write = (count: number) => {
    const target = open()
    const part = pending.splice(0, count)
    if (!target || part.length === 0) return
    try {
      target.transaction(() => {
        for (const { service, environment, sample } of part) {
          const series = target.seriesId(service, environment)
          target.put(series, sample)
          mark(series, sample.at)
        }
      })
    } catch (error) {
      failed(error)
    }
  }

  const rollUp = (count: number): boolean => {
    const target = open()
    if (!target) return false
    const over = wallMs() - STRAGGLERS_MS
    const ready = [...due].filter(([, { at }]) => at <= over).toSorted(([, a], [, b]) => a.level - b.level)
    try {
      target.transaction(() => {
        for (const [key, { series, level, at }] of ready.slice(0, count)) {
          target.rollUp(series, level, at)
          due.delete(key)
        }
      })
    } catch (error) {
      failed(error)
      return false
    }
    return ready.length > count
  }

  /** Forgets what is too old, and some of the oldest when over the quota. True when still more must go. */
  const tidy = (): boolean => {
    const target = open()
    if (!target) return false
    try {
      const now = wallMs()
      const isOver = target.usedBytes() > quotaBytes
      const spans = target.allSeries().flatMap((series) =>
        LEVELS.flatMap(({ resolutionMs }, level) => {
          const span = target.span(series, level)
          return span ? [{ series, level, ...span, rows: (span.last - span.first) / resolutionMs }] : []
        }),
      )
      const rowsOf = (level: number) => spans.filter((span) => span.level === level).reduce((sum, span) => sum + span.rows, 0)
      const largest = LEVELS.map((_, level) => level).toSorted((a, b) => rowsOf(b) - rowsOf(a))[0]
      target.transaction(() => {
        target.removeVerdictsBefore(now - VERDICTS_KEPT_MS)
        for (const { series, level, first, last } of spans) {
          const kept = now - levelAt(level).keptMs
          // Over the quota, the level that takes most gives up some of its oldest time.
          const cut = isOver && level === largest ? first + Math.max((last - first) / 500, levelAt(level).resolutionMs) : -Infinity
          if (first < Math.max(kept, cut)) target.removeBefore(series, level, Math.max(kept, cut))
        }
      })
      return isOver && spans.length > 0
    } catch (error) {
      failed(error)
      return false
    }
  }

  let tidiedAt = performance.now()
  /** A bit of work per turn of the event loop, so that no act waits behind history. True when there is more to do now. */
  const work = (): boolean => {
    if (pending.length > 0) {
      write(ROWS_PER_TURN)
      return true
    }
    if (rollUp(ROWS_PER_TURN)) return true
    if (performance.now() - tidiedAt < TIDY_MS) return false
    if (tidy()) return true
    tidiedAt = performance.now()
    return false
  }
  const turn = () => {
    timer = null
    if (closed) return
    if (work()) setImmediate(turn).unref()
    else if (due.size > 0) wake()
  }
  const wake = () => {
    if (flushMs > 0 && !closed) timer ??= setTimeout(turn, flushMs).unref()
  }

  const flush = () => {
    while (pending.length > 0) write(5000)
    while (rollUp(5000));
    while (tidy());
  }

  open()
  return {
    append(service, samples) {
      for (const environment of ENVIRONMENTS) for (const sample of samples[environment]) pending.push({ service, environment, sample })
      wake()
    },
    read(service, fromAt, toAt) {
      const none = { resolutionMs: 1000, series: { blue: [], green: [] } }
      // A chart must not lack what was just measured.
      while (pending.length > 0 && table) write(5000)
      const target = open()
      if (!target) return none
      try {
        const ids = { blue: target.seriesId(service, 'blue'), green: target.seriesId(service, 'green') }
        const { level, resolutionMs } = chooseLevel(target, [ids.blue, ids.green], fromAt, toAt)
        const read = (id: number) =>
          resolutionMs === levelAt(level).resolutionMs ? target.read(id, level, fromAt, toAt) : target.readCoarser(id, level, fromAt, toAt, resolutionMs)
        return { resolutionMs, series: { blue: [...read(ids.blue)], green: [...read(ids.green)] } }
      } catch (error) {
        failed(error)
        return none
      }
    },
    appendVerdicts(service, changes) {
      const target = open()
      if (!target || changes.length === 0) return
      try {
        target.transaction(() => {
          for (const change of changes) target.putVerdict(service, change)
        })
      } catch (error) {
        failed(error)
      }
    },
    readVerdicts(service, fromAt, toAt) {
      try {
        return open()?.verdicts(service, fromAt, toAt) ?? []
      } catch (error) {
        failed(error)
        return []
      }
    },
    problem: () => problem,
    flush,
    close() {
      if (closed) return
      while (pending.length > 0 && table) write(5000)
      closed = true
      if (timer) clearTimeout(timer)
      table?.close()
      table = null
    },
  }
}

/** The finest level that reaches back far enough and needs few enough points; coarser than all levels if it must be. */
function chooseLevel(table: MetricsTable, series: readonly number[], fromAt: number, toAt: number): { readonly level: number; readonly resolutionMs: number } {
  const levels = LEVELS.map(({ resolutionMs }, level) => {
    const spans = series.map((id) => table.span(id, level))
    return { level, resolutionMs, first: Math.min(...spans.map((span) => span?.first ?? Infinity)) - resolutionMs, last: Math.max(...spans.map((span) => span?.last ?? -Infinity)) }
  })
  const from = Math.max(fromAt, Math.min(...levels.map(({ first }) => first)))
  const width = Math.max(Math.min(toAt, Math.max(...levels.map(({ last }) => last))) - from, 0)
  for (const { level, resolutionMs, first } of levels) {
    const isLast = level === LEVELS.length - 1
    if (width / resolutionMs <= MOST_POINTS && (first <= from + resolutionMs || isLast)) return { level, resolutionMs }
  }
  const level = LEVELS.length - 1
  const { resolutionMs } = levelAt(level)
  // One point may straddle each end of the range.
  return { level, resolutionMs: Math.ceil(width / (MOST_POINTS - 2) / resolutionMs) * resolutionMs }
}

function bucketEnd(at: number, resolutionMs: number): number {
  return Math.ceil(at / resolutionMs) * resolutionMs
}
