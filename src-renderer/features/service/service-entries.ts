import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { useConsole, useLiveJournal, useMigrations, useNow } from '../../lib/console-context.tsx'
import { journalQuery } from '../../lib/queries.ts'

/** What migrations of its tables did, for the charts: it changes what the service does as a release would. */
export function useMigrationSteps(service: string): readonly JournalEntry[] {
  const { session } = useConsole()
  const live = useLiveJournal()
  const using = useMigrations().filter(({ definition }) => definition.services.some((each) => each.service === service))
  const names = using.map(({ id }) => id).join(' ')
  const query = useQuery({ ...journalQuery(session, { text: '', action: 'migration.step' }, 100), enabled: names !== '' })
  const page = query.data?.entries
  return useMemo(() => {
    const known = new Set(names.split(' '))
    const newest = page?.[0]?.seq ?? 0
    return [...(page ?? []), ...live.filter((entry) => entry.seq > newest && entry.action === 'migration.step')].filter(({ target }) => known.has(target.migration ?? ''))
  }, [live, page, names])
}

const HOUR_MS = 3_600_000

/** The service's entries, newest first: a page of the journal once, then what the stream brings. */
export function useServiceEntries(service: string): { readonly entries: readonly JournalEntry[]; readonly lastHour: readonly JournalEntry[] } {
  const { session } = useConsole()
  const live = useLiveJournal()
  const now = useNow(30_000)
  const query = useQuery(journalQuery(session, { text: '', service }, 200))
  const page = query.data?.entries
  const entries = useMemo(() => {
    const newest = page?.[0]?.seq ?? 0
    const added = live.filter((entry) => entry.target.service === service && entry.seq > newest)
    return [...added.toReversed(), ...(page ?? [])]
  }, [live, page, service])
  const lastHour = useMemo(() => entries.filter((entry) => entry.at > now - HOUR_MS), [entries, now])
  return { entries, lastHour }
}
