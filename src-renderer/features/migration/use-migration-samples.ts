import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { MigrationSample } from '../../../src-main/contract/migration.ts'
import { useConsole, useMigrationSamples } from '../../lib/console-context.tsx'
import { migrationSamplesQuery } from '../../lib/queries.ts'

export const KEPT_SPAN_MS = 30 * 60_000

/** The last half hour of a migration, oldest first: what its console kept, then what the stream brings. */
export function useSamples(migration: string): readonly MigrationSample[] {
  const { session, store } = useConsole()
  const live = useMigrationSamples(migration)
  const { data } = useQuery(migrationSamplesQuery(session, migration, KEPT_SPAN_MS, store.now))
  return useMemo(() => mergeSamples(data ?? [], live), [data, live])
}

/** Both are in order; where they overlap the live ones stand. */
export function mergeSamples(before: readonly MigrationSample[], live: readonly MigrationSample[]): readonly MigrationSample[] {
  const first = live[0]?.at ?? Number.POSITIVE_INFINITY
  const merged = [...before.filter((sample) => sample.at < first), ...live]
  const from = (merged.at(-1)?.at ?? 0) - KEPT_SPAN_MS
  return merged.filter((sample) => sample.at >= from)
}

/** So long without a sample is a hole in the line, not a straight one. */
const HOLE_MS = 5_000

/** Samples with an empty instant in each hole. */
export function withGaps(samples: readonly MigrationSample[]): readonly { readonly at: number; readonly sample: MigrationSample | null }[] {
  return samples.flatMap((sample, index) => {
    const before = samples[index - 1]
    const point = { at: sample.at, sample }
    return before && sample.at - before.at > HOLE_MS ? [{ at: before.at + 1000, sample: null }, point] : [point]
  })
}

export interface Stretch {
  readonly fromMs: number
  readonly toMs: number
}

/** Seconds that may be missing between two samples of one stretch. */
const GAP_MS = 3_000

/** Where it waited, as stretches of time. */
export function waitedStretches(samples: readonly MigrationSample[]): readonly Stretch[] {
  const found: { fromMs: number; toMs: number }[] = []
  for (const { at, waiting } of samples) {
    if (!waiting) continue
    const last = found.at(-1)
    if (last && at - last.toMs <= GAP_MS) last.toMs = at
    else found.push({ fromMs: at - 1000, toMs: at })
  }
  return found
}
