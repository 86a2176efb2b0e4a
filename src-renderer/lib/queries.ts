import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { JournalFilter } from '../../src-main/contract/journal.ts'
import type { MigrationEvent, Mismatch, MismatchClass } from '../../src-main/contract/migration.ts'
import type { Plan } from '../../src-main/contract/plan.ts'
import type { Client, Session } from './session.ts'

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

/** What every step of a migration would run; `signature` names the definition it was made from. */
export const migrationSqlQuery = (session: Session, migration: string, signature: string) =>
  queryOptions({ queryKey: ['migration.sql', migration, signature], queryFn: () => session.call((client) => client.migration.sql({ migration })), staleTime: 60_000 })

export const migrationSamplesQuery = (session: Session, migration: string, spanMs: number, now: () => number) =>
  queryOptions({
    queryKey: ['migration.samples', migration, spanMs],
    queryFn: () => session.call((client) => client.migration.samples({ migration, fromAt: now() - spanMs })),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 10_000,
  })

/** How often the list of mismatches is asked for again while it is looked at, milliseconds. */
const MISMATCHES_EVERY_MS = 5_000

export const mismatchesQuery = (session: Session, migration: string, of: { readonly class: MismatchClass | null; readonly status: Mismatch['status'] }, limit: number) =>
  queryOptions({
    queryKey: ['migration.mismatches', migration, of.class, of.status, limit],
    queryFn: () => session.call((client) => client.migration.mismatches({ migration, status: of.status, ...(of.class === null ? {} : { class: of.class }), limit })),
    refetchInterval: MISMATCHES_EVERY_MS,
    // More of the same keeps what is there; another class must not show this one's rows.
    placeholderData: (rows: Mismatch[] | undefined, query) => (query?.queryKey[2] === of.class && query.queryKey[3] === of.status && query.queryKey[1] === migration ? rows : undefined),
  })

/** The database's own record, from its beginning; `revision` asks again when its state changed. */
export const migrationEventsQuery = (session: Session, migration: string, revision: number) =>
  queryOptions({
    queryKey: ['migration.events', migration, revision],
    queryFn: () => session.call((client) => readEvents(client, migration)),
    placeholderData: (events: MigrationEvent[] | undefined, query) => (query?.queryKey[1] === migration ? events : undefined),
  })

const EVENTS_PAGE = 1000
const EVENTS_PAGES = 20

/** All of them, a page at a time: they come oldest first, and the newest are wanted too. */
async function readEvents(client: Client, migration: string): Promise<MigrationEvent[]> {
  const events: MigrationEvent[] = []
  for (let page = 0; page < EVENTS_PAGES; page += 1) {
    const found = await client.migration.events({ migration, afterId: events.at(-1)?.id ?? 0, limit: EVENTS_PAGE })
    events.push(...found)
    if (found.length < EVENTS_PAGE) break
  }
  return events
}

/** How often the two databases of a service are asked how far apart they are, while somebody looks, milliseconds. */
const PAIR_EVERY_MS = 3_000

export const pairQuery = (session: Session, service: string) =>
  queryOptions({ queryKey: ['pair.get', service], queryFn: () => session.call((client) => client.pair.get({ service })), refetchInterval: PAIR_EVERY_MS, retry: false })

/** Reads all rows of both: only when somebody asks. */
export const pairComparisonQuery = (session: Session, service: string) =>
  queryOptions({ queryKey: ['pair.compare', service], queryFn: () => session.call((client) => client.pair.compare({ service })), staleTime: Number.POSITIVE_INFINITY, retry: false })
