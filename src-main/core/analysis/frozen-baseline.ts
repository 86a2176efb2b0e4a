import type { FrozenBaseline, Series } from '../../contract/analysis.ts'
import { cleanSeries } from './clean-series.ts'
import { BIN_MS } from './evidence.ts'

/** How far back the record reaches: longer mixes in another time of day, shorter knows too little of rare errors. */
const KEPT_MS = 15 * 60_000

/**
 * The record of what served until `untilAt`: 10 s intervals, at most 15 min. Null when it had neither requests nor
 * readings. Readings are averaged, counts summed.
 */
export function freezeBaseline(series: Series, untilAt: number): FrozenBaseline | null {
  const clean = cleanSeries(series, untilAt - KEPT_MS, untilAt)
  const bins = new Map<number, { requests: number; errors: number; latency: Map<number, number>; sum: number; readings: number }>()
  for (const [i, at] of clean.at.entries()) {
    if (at > untilAt) continue
    const back = Math.floor((untilAt - at) / BIN_MS)
    const bin = bins.get(back) ?? { requests: 0, errors: 0, latency: new Map<number, number>(), sum: 0, readings: 0 }
    bins.set(back, bin)
    bin.requests += clean.requests[i] ?? 0
    bin.errors += clean.errors[i] ?? 0
    for (const [bucket, count] of clean.latency[i] ?? []) bin.latency.set(bucket, (bin.latency.get(bucket) ?? 0) + count)
    const value = clean.values[i] ?? null
    if (value !== null) {
      bin.sum += value
      bin.readings += 1
    }
  }
  const kept = [...bins].toSorted(([a], [b]) => b - a)
  if (!kept.some(([, bin]) => bin.requests > 0 || bin.readings > 0)) return null
  return {
    fromAt: untilAt - ((kept[0]?.[0] ?? 0) + 1) * BIN_MS,
    toAt: untilAt,
    series: {
      at: kept.map(([back]) => untilAt - back * BIN_MS),
      requests: kept.map(([, bin]) => bin.requests),
      errors: kept.map(([, bin]) => bin.errors),
      latency: kept.map(([, bin]) => [...bin.latency].toSorted(([a], [b]) => a - b)),
      values: kept.map(([, bin]) => (bin.readings === 0 ? null : bin.sum / bin.readings)),
    },
  }
}
