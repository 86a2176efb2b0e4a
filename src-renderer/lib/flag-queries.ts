import { queryOptions, type QueryClient } from '@tanstack/react-query'
import type { FlagRolloutPlan } from '../../src-main/contract/flag-definition.ts'
import type { FlagGuardSeries, FlagSummary, RolloutForesight } from '../../src-main/contract/flag.ts'
import type { LiveStore } from './live-store.ts'
import type { Session } from './session.ts'

export interface FetchedFlags {
  readonly flags: readonly FlagSummary[]
  /** Lines of the stream up to this number are older than the list. */
  readonly asOf: number
}

/** All flags of a source; asked anew when its digest changed, and shown as they were until the answer is there. */
export const flagListQuery = (session: Session, store: LiveStore, source: string, digest: string) =>
  queryOptions({
    queryKey: ['flag.list', source, digest],
    queryFn: async (): Promise<FetchedFlags> => {
      const asOf = store.flags.lineNumber()
      return { flags: await session.call((client) => client.flag.list({ source })), asOf }
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    placeholderData: (before: FetchedFlags | undefined, query) => (query?.queryKey[1] === source ? before : undefined),
    // Comparing ten thousand lines one by one costs more than drawing the few that show.
    structuralSharing: false,
  })

/** What keeps it from being removed changes with time alone. */
const FLAG_EVERY_MS = 30_000
export const flagQuery = (session: Session, source: string, flag: string) => queryOptions({ queryKey: ['flag.get', source, flag], queryFn: () => session.call((client) => client.flag.get({ source, flag })), staleTime: FLAG_EVERY_MS, refetchInterval: FLAG_EVERY_MS })

const COMPARISON_EVERY_MS = 5_000
export const comparisonQuery = (session: Session, source: string, flag: string) =>
  queryOptions({ queryKey: ['flag.comparison', source, flag], queryFn: () => session.call((client) => client.flag.comparison({ source, flag })), refetchInterval: COMPARISON_EVERY_MS })

/** What a plan would come to; the last answer stays until the next one is there. */
export const foreseeQuery = (session: Session, source: string, flag: string, plan: FlagRolloutPlan | null) =>
  queryOptions({
    queryKey: ['flag.foresee', source, flag, plan],
    queryFn: () => (plan === null ? null : session.call((client) => client.flag.foresee({ source, flag, plan }))),
    staleTime: 10_000,
    placeholderData: (before: RolloutForesight | null | undefined) => before ?? undefined,
  })

export const compareTiersQuery = (session: Session, source: string, from: 'dev' | 'staging' | 'prod', to: 'dev' | 'staging' | 'prod') =>
  queryOptions({ queryKey: ['flag.compareTiers', source, from, to], queryFn: () => session.call((client) => client.flag.compareTiers({ source, from, to })) })

/** Searches the code: once, until somebody asks again. */
export const referencesQuery = (session: Session, source: string) =>
  queryOptions({ queryKey: ['flag.references', source], queryFn: () => session.call((client) => client.flag.references({ source })), staleTime: 5 * 60_000 })

const GUARD_EVERY_MS = 2_000
/** Counts of the last seconds may still grow. */
const LATE_MS = 15_000

/** Exposed against unexposed users over the last `spanMs`: the whole of it once, then only what is new. */
export const guardSeriesQuery = (session: Session, queries: QueryClient, source: string, flag: string, spanMs: number, now: () => number) => {
  const queryKey = ['flag.guardSeries', source, flag, spanMs]
  return queryOptions({
    queryKey,
    queryFn: async (): Promise<FlagGuardSeries> => {
      const before = queries.getQueryData<FlagGuardSeries>(queryKey)
      const newest = Math.max(before?.exposed.at(-1)?.at ?? 0, before?.unexposed.at(-1)?.at ?? 0)
      const from = now() - spanMs
      const fresh = await session.call((client) => client.flag.guardSeries({ source, flag, fromAt: newest > from ? Math.max(from, newest - LATE_MS) : from }))
      // A rollout that is over is watched no more: what was seen of it stays while it is looked at.
      if (fresh.absent !== '' && before && before.exposed.length + before.unexposed.length > 0) return { ...joinGuard(before, { ...fresh, exposed: [], unexposed: [] }, from), absent: '' }
      return before && before.resolutionMs === fresh.resolutionMs && newest > from ? joinGuard(before, fresh, from) : fresh
    },
    refetchInterval: GUARD_EVERY_MS,
    gcTime: 10_000,
    structuralSharing: false,
  })
}

/** What was known, and over its end what came since. */
export function joinGuard(before: FlagGuardSeries, fresh: FlagGuardSeries, fromAt: number): FlagGuardSeries {
  const join = (old: FlagGuardSeries['exposed'], next: FlagGuardSeries['exposed']) => {
    const first = next[0]?.at ?? Number.POSITIVE_INFINITY
    return [...old.filter(({ at }) => at < first && at >= fromAt), ...next]
  }
  return { ...fresh, exposed: join(before.exposed, fresh.exposed), unexposed: join(before.unexposed, fresh.unexposed) }
}
