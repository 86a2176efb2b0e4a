import type { Probe } from '../../contract/workspace.ts'
import type { MetricReading } from '../../core/ports.ts'

const KEPT_MS = 3_600_000
/** An hour of four a second. */
const MAX_KEPT = 14_400
const TRIM_EACH = 1200
/** Between checks a reading without a request each second says that the prober was there. */
const FILL_MS = 1000
const MAX_NOTES = 3

export interface ProbeResult {
  /** Wall ms, when it ended. */
  readonly at: number
  readonly version: string
  /** Null: it passed. */
  readonly wrong: string | null
  /** Null when it failed: how long a failure took says nothing of how long an answer takes. */
  readonly latencyMs: number | null
}

/** What one probe of one environment found, for an hour. */
export interface ProbeRecord {
  add(result: ProbeResult): void
  /** Nobody is asked for now: the silence that follows is no sign of the prober being there. */
  pause(): void
  read(of: 'failureRatio' | 'latency', version: string, fromAt: number, now: number): MetricReading
}

export function createProbeRecord(probe: Probe): ProbeRecord {
  let results: (ProbeResult & { endsSilence: boolean })[] = []
  let paused = true
  /** A check that is not overdue may end this long after the one before. */
  const patienceMs = probe.everyMs + probe.timeoutMs + FILL_MS

  return {
    add(result) {
      results.push({ ...result, endsSilence: paused })
      paused = false
      // Seldom, since it copies.
      if (results.length >= MAX_KEPT + TRIM_EACH || (results[0]?.at ?? 0) < result.at - KEPT_MS - 600_000) results = results.filter(({ at }) => at > result.at - KEPT_MS).slice(-MAX_KEPT)
    },
    pause() {
      paused = true
    },
    read(of, version, fromAt, now) {
      const points: MetricReading['points'][number][] = []
      const mine = results.filter((result) => result.version === version && result.at > now - KEPT_MS).slice(-MAX_KEPT)
      mine.forEach((result, index) => {
        const failed = result.wrong !== null
        if (result.at > fromAt) points.push({ at: result.at, value: of === 'latency' ? result.latencyMs : failed ? 1 : 0, requests: 1, errors: failed ? 1 : 0, latencyMs: result.latencyMs })
        const next = mine[index + 1]
        const until = next ? (next.endsSilence ? result.at : next.at) : paused ? result.at : now
        for (let at = result.at + FILL_MS; at < Math.min(until, result.at + patienceMs); at += FILL_MS) {
          if (at > fromAt) points.push({ at, value: null, requests: 0, errors: 0, latencyMs: null })
        }
      })
      const wrong = new Set(mine.flatMap((result) => (result.at > fromAt && result.wrong !== null ? [`${probe.path}: ${result.wrong}.`] : [])))
      return { query: '', points, notes: [...wrong].slice(-MAX_NOTES) }
    },
  }
}
