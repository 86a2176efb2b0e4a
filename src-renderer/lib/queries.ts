import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { JournalFilter } from '../../src-main/contract/journal.ts'
import type { Plan } from '../../src-main/contract/plan.ts'
import type { Session } from './session.ts'

const PAGE = 200

/** What is fetched rather than streamed. Keys are [procedure, input], so that one place can refresh them. */
export const versionsQuery = (session: Session, service: string) =>
  queryOptions({ queryKey: ['service.versions', service], queryFn: () => session.call((client) => client.service.versions({ service })), staleTime: 5_000 })

export const metricsQuery = (session: Session, service: string, spanMs: number, now: () => number) =>
  queryOptions({
    queryKey: ['service.metrics', service, spanMs],
    queryFn: () => {
      const toAt = now()
      return session.call((client) => client.service.metrics({ service, fromAt: toAt - spanMs, toAt }))
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 10_000,
  })

/** `signature` names what was true when it was asked, so that a change asks again. */
export const verdictsQuery = (session: Session, service: string, spanMs: number, signature: string, now: () => number) =>
  queryOptions({
    queryKey: ['service.verdicts', service, spanMs, signature],
    queryFn: () => {
      const toAt = now()
      return session.call((client) => client.service.verdicts({ service, fromAt: toAt - spanMs, toAt: toAt + 1000 }))
    },
    staleTime: 30_000,
    gcTime: 10_000,
  })

export const foresightQuery = (session: Session, service: string, plan: Plan | undefined) =>
  queryOptions({ queryKey: ['release.foresee', service, plan], queryFn: () => session.call((client) => client.release.foresee(plan === undefined ? { service } : { service, plan })), staleTime: 10_000 })

export const releasesQuery = (session: Session, service: string) =>
  queryOptions({ queryKey: ['release.list', service], queryFn: () => session.call((client) => client.release.list({ service, limit: 50 })) })

export const releaseQuery = (session: Session, releaseId: string) =>
  queryOptions({ queryKey: ['release.get', releaseId], queryFn: () => session.call((client) => client.release.get({ releaseId })) })

export const reportQuery = (session: Session, releaseId: string) =>
  queryOptions({ queryKey: ['journal.report', releaseId], queryFn: () => session.call((client) => client.journal.report({ releaseId })) })

export const entryQuery = (session: Session, seq: number) =>
  queryOptions({ queryKey: ['journal.get', seq], queryFn: () => session.call((client) => client.journal.get({ seq })), staleTime: Number.POSITIVE_INFINITY })

/** Entries change only by being added; `journal.search` is refreshed when one arrives that could match. */
export const journalQuery = (session: Session, filter: JournalFilter, limit: number) =>
  queryOptions({ queryKey: ['journal.search', filter, limit], queryFn: () => session.call((client) => client.journal.search({ filter, limit })) })

export const journalPagesQuery = (session: Session, filter: JournalFilter) =>
  infiniteQueryOptions({
    queryKey: ['journal.pages', filter],
    queryFn: ({ pageParam }) =>
      session.call((client) => client.journal.search({ filter, limit: PAGE, ...(pageParam === null ? {} : { beforeSeq: pageParam }) })),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.nextBeforeSeq,
    staleTime: Number.POSITIVE_INFINITY,
  })
