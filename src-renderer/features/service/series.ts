import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import type { WatchItem } from '../../../src-main/contract/system.ts'
import type { MetricSample } from '../../../src-main/contract/traffic.ts'
import { useConsole, useNow } from '../../lib/console-context.tsx'
import { metricsQuery } from '../../lib/queries.ts'

/** One environment's lines over shared instants. Null is "no data", never zero. */
export interface EnvironmentLines {
  readonly errorRatio: readonly (number | null)[]
  readonly p50Ms: readonly (number | null)[]
  readonly p95Ms: readonly (number | null)[]
  readonly p99Ms: readonly (number | null)[]
  readonly perSecond: readonly (number | null)[]
  readonly cpuPercent: readonly (number | null)[]
  readonly memoryMib: readonly (number | null)[]
}

export interface Lines {
  readonly times: readonly number[]
  readonly blue: EnvironmentLines
  readonly green: EnvironmentLines
  /** Milliseconds of one point. */
  readonly bucketMs: number
}

/** Points a line has at most: about one per three pixels. */
const POINTS = 300
/** A ratio over fewer seconds than this jumps at ten requests per second. */
const RATIO_MS = 10_000

/** Sums one-second samples into points of `bucketMs`, ending now. */
export function toLines(blue: readonly MetricSample[], green: readonly MetricSample[], fromMs: number, toMs: number): Lines {
  const bucketMs = Math.max(1000, Math.ceil((toMs - fromMs) / POINTS / 1000) * 1000)
  const first = Math.ceil(fromMs / bucketMs)
  const count = Math.max(0, Math.floor(toMs / bucketMs) - first + 1)
  const times = Array.from({ length: count }, (_, index) => (first + index) * bucketMs)
  return { times, bucketMs, blue: environmentLines(blue, first, count, bucketMs), green: environmentLines(green, first, count, bucketMs) }
}

interface Bucket {
  seconds: number
  requests: number
  errors: number
  weight: number
  p50: number
  p95: number
  p99: number
  cpu: number
  cpuSeconds: number
  memory: number
  memorySeconds: number
}

function environmentLines(samples: readonly MetricSample[], first: number, count: number, bucketMs: number): EnvironmentLines {
  const buckets: (Bucket | undefined)[] = Array.from({ length: count })
  for (const sample of samples) {
    const index = Math.ceil(sample.at / bucketMs) - first
    if (index < 0 || index >= count) continue
    const bucket = (buckets[index] ??= { seconds: 0, requests: 0, errors: 0, weight: 0, p50: 0, p95: 0, p99: 0, cpu: 0, cpuSeconds: 0, memory: 0, memorySeconds: 0 })
    bucket.seconds += 1
    bucket.requests += sample.requests
    bucket.errors += sample.errors
    if (sample.p99Ms !== null) {
      bucket.weight += sample.requests
      bucket.p50 += (sample.p50Ms ?? 0) * sample.requests
      bucket.p95 += (sample.p95Ms ?? 0) * sample.requests
      bucket.p99 += sample.p99Ms * sample.requests
    }
    if (sample.cpuPercent !== null) {
      bucket.cpu += sample.cpuPercent
      bucket.cpuSeconds += 1
    }
    if (sample.memoryBytes !== null) {
      bucket.memory += sample.memoryBytes / 1024 / 1024
      bucket.memorySeconds += 1
    }
  }
  const trail = Math.max(1, Math.round(RATIO_MS / bucketMs))
  const mean = (sum: number, weight: number) => (weight === 0 ? null : sum / weight)
  return {
    errorRatio: buckets.map((bucket, index) => {
      if (!bucket) return null
      let [requests, errors] = [0, 0]
      for (let back = 0; back < trail; back += 1) {
        requests += buckets[index - back]?.requests ?? 0
        errors += buckets[index - back]?.errors ?? 0
      }
      return bucket.requests === 0 ? null : mean(errors, requests)
    }),
    p50Ms: buckets.map((bucket) => (bucket ? mean(bucket.p50, bucket.weight) : null)),
    p95Ms: buckets.map((bucket) => (bucket ? mean(bucket.p95, bucket.weight) : null)),
    p99Ms: buckets.map((bucket) => (bucket ? mean(bucket.p99, bucket.weight) : null)),
    perSecond: buckets.map((bucket) => (bucket ? bucket.requests / bucket.seconds : null)),
    cpuPercent: buckets.map((bucket) => (bucket ? mean(bucket.cpu, bucket.cpuSeconds) : null)),
    memoryMib: buckets.map((bucket) => (bucket ? mean(bucket.memory, bucket.memorySeconds) : null)),
  }
}

interface Live {
  readonly blue: readonly MetricSample[]
  readonly green: readonly MetricSample[]
}

/** History once, then what the stream brings: both environments' samples of the last `spanMs`. */
export function useSamples(service: string, spanMs: number): Live & { readonly loading: boolean } {
  const { session, store } = useConsole()
  const query = useQuery(metricsQuery(session, service, spanMs, store.now))
  const [live, setLive] = useState<Live>({ blue: [], green: [] })
  useEffect(() => {
    return store.onItem((item: WatchItem) => {
      if (item.kind !== 'metrics' || item.service !== service) return
      const oldest = store.now() - spanMs
      const add = (before: readonly MetricSample[], sample: MetricSample | null) =>
        sample && sample.at > (before.at(-1)?.at ?? 0) ? [...(before[0] && before[0].at < oldest ? before.slice(1) : before), sample] : before
      setLive((before) => ({ blue: add(before.blue, item.blue), green: add(before.green, item.green) }))
    })
  }, [store, service, spanMs])
  const history = query.data?.series
  const merged = useMemo(() => ({ blue: join(history?.blue ?? [], live.blue), green: join(history?.green ?? [], live.green) }), [history, live])
  return { ...merged, loading: query.isPending }
}

function join(history: readonly MetricSample[], live: readonly MetricSample[]): readonly MetricSample[] {
  const last = history.at(-1)?.at ?? 0
  return [...history, ...live.filter((sample) => sample.at > last)]
}

export function useLines(service: string, spanMs: number) {
  const samples = useSamples(service, spanMs)
  const now = useNow()
  const lines = useMemo(() => toLines(samples.blue, samples.green, now - spanMs, now), [samples.blue, samples.green, now, spanMs])
  return { lines, now, loading: samples.loading }
}
