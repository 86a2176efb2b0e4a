import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { metricsHistorySchema } from '../contract/service.ts'
import type { MetricSample } from '../contract/traffic.ts'
import { MOST_POINTS, openMetricsStore, type LosableMetricsStore } from './metrics-store.ts'
import { temporaryFolder } from './testing/fixtures.ts'

const START = 1_800_000_000_000 // a whole ten minutes
const sample = (at: number, part: Partial<MetricSample> = {}): MetricSample => ({
  at,
  requests: 10,
  errors: 1,
  latency: [],
  byClass: { s2xx: 9, s3xx: 0, s4xx: 0, s5xx: 1, failed: 0 },
  p50Ms: 5,
  p95Ms: 20,
  p99Ms: 50,
  inFlight: 2,
  connections: 3,
  cpuPercent: 12.5,
  memoryBytes: 1_000_000,
  ...part,
})
const seconds = (from: number, count: number, part: (i: number) => Partial<MetricSample> = () => ({})) => Array.from({ length: count }, (_, i) => sample(START + (from + i + 1) * 1000, part(i)))

describe('metrics store', { timeout: 120_000 }, () => {
  let folder: ReturnType<typeof temporaryFolder>
  let store: LosableMetricsStore
  let now = START
  const file = () => join(folder.path, 'metrics.db')
  const open = (quotaBytes?: number) => openMetricsStore({ file: file(), wallMs: () => now, flushMs: 0, ...(quotaBytes ? { quotaBytes } : {}) })
  beforeEach(() => {
    folder = temporaryFolder()
    now = START
    store = open()
  })
  afterEach(() => {
    store.close()
    folder.dispose()
  })

  it('gives back samples as they came, at once', () => {
    const blue = seconds(0, 60)
    store.append('payments', { blue, green: seconds(0, 5) })
    store.append('mail', { blue: [], green: seconds(0, 1) })
    const history = store.read('payments', START, START + 60_000)
    metricsHistorySchema.parse(history)
    expect(history).toEqual({ resolutionMs: 1000, series: { blue, green: seconds(0, 5) } })
    expect(store.read('payments', START + 10_000, START + 12_000).series.blue.map((s) => s.at)).toEqual([START + 11_000, START + 12_000])
    expect(store.read('nobody', START, START + 1000).series).toEqual({ blue: [], green: [] })
  })

  it('rolls up honestly: counts summed, percentiles and gauges at their highest, nulls kept, no unfinished bucket', () => {
    // An hour: needs 10 s points. In the first bucket one second is slow and one has no traffic; in the second all have none.
    store.append('payments', {
      blue: seconds(0, 3600, (i) => {
        if (i === 3) return { p95Ms: 900, memoryBytes: 5_000_000 }
        if (i === 4 || (i >= 10 && i < 20)) return { requests: 0, errors: 0, byClass: { s2xx: 0, s3xx: 0, s4xx: 0, s5xx: 0, failed: 0 }, p50Ms: null, p95Ms: null, p99Ms: null, cpuPercent: null }
        return {}
      }),
      green: seconds(0, 3595),
    })
    now = START + 3596_000
    store.flush()
    const { resolutionMs, series } = store.read('payments', START, START + 3600_000)
    expect(resolutionMs).toBe(10_000)
    expect(series.blue[0]).toMatchObject({ at: START + 10_000, requests: 90, errors: 9, byClass: { s2xx: 81, s5xx: 9 }, p50Ms: 5, p95Ms: 900, memoryBytes: 5_000_000, cpuPercent: 12.5 })
    expect(series.blue[1]).toMatchObject({ at: START + 20_000, requests: 0, p50Ms: null, p95Ms: null, p99Ms: null, cpuPercent: null })
    expect(series.green.at(-1)?.at).toBe(START + 3590_000)
  })

  it('finishes roll-ups that the last run left open, and takes stragglers in', () => {
    store.append('payments', { blue: seconds(0, 1795), green: [] })
    now = START + 1795_000
    store.flush()
    store.close()
    store = open()
    store.append('payments', { blue: seconds(1796, 10), green: [] })
    now = START + 1820_000
    store.flush()
    const bucket = () => store.read('payments', START, START + 1900_000).series.blue.find((s) => s.at === START + 1800_000)
    expect(bucket()?.requests).toBe(90)
    store.append('payments', { blue: seconds(1795, 1), green: [] })
    store.flush()
    expect(bucket()?.requests).toBe(100)
  })

  it('never returns more than 900 points, whatever the range', () => {
    const blue: MetricSample[] = []
    for (let hour = 0; hour < 48; hour++) blue.push(...seconds(hour * 3600, 600))
    store.append('payments', { blue, green: [] })
    now = START + 48 * 3600_000
    store.flush()
    for (const width of [1000, 900_000, 901_000, 3600_000, 10 * 3600_000, 48 * 3600_000, 400 * 24 * 3600_000]) {
      const { series, resolutionMs } = store.read('payments', now - width, now)
      expect(series.blue.length).toBeLessThanOrEqual(MOST_POINTS)
      expect(resolutionMs).toBeGreaterThanOrEqual(1000)
    }
    // The seconds of the first day are gone; what they rolled up to is not.
    const whole = store.read('payments', START, now)
    expect(whole.series.blue[0]?.at).toBeLessThanOrEqual(START + whole.resolutionMs)
    const total = whole.series.blue.reduce((sum, s) => sum + s.requests, 0)
    expect(total).toBe(48 * 600 * 10)
  })

  it('stays within its quota by forgetting the oldest', () => {
    store.close()
    store = open(2_000_000)
    for (let i = 0; i < 8; i++) {
      store.append('payments', { blue: seconds(i * 3000, 3000), green: seconds(i * 3000, 3000) })
      now = START + (i + 1) * 3000_000
      store.flush()
    }
    expect(statSync(file()).size).toBeLessThan(3_500_000)
    expect(store.read('payments', now - 60_000, now).series.blue).toHaveLength(60)
    expect(store.problem()).toBe('')
  })

  it('is made anew when it is damaged, and does without when it cannot be', () => {
    store.append('payments', { blue: seconds(0, 5), green: [] })
    store.close()
    writeFileSync(file(), 'no database '.repeat(500))
    store = open()
    expect(store.problem()).toBe('')
    store.append('payments', { blue: seconds(0, 2), green: [] })
    expect(store.read('payments', START, START + 5000).series.blue).toHaveLength(2)
    store.close()
    store = openMetricsStore({ file: join(folder.path, 'nowhere/metrics.db'), wallMs: () => now })
    expect(store.problem()).toContain('not kept')
    store.append('payments', { blue: seconds(0, 2), green: [] })
    expect(store.read('payments', START, START + 5000).series.blue).toEqual([])
    expect(existsSync(join(folder.path, 'nowhere'))).toBe(false)
  })

  it('writes by itself, a few rows at a time', async () => {
    store.close()
    store = openMetricsStore({ file: file(), wallMs: () => now, flushMs: 10 })
    store.append('payments', { blue: seconds(0, 1000), green: [] })
    const watcher = openMetricsStore({ file: file(), wallMs: () => now, flushMs: 0 })
    await expect.poll(() => watcher.read('payments', START, START + 900_000).series.blue.length, { timeout: 5000 }).toBe(900)
    watcher.close()
  })
})
