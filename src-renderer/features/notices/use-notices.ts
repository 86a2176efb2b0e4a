import { useQueries, useQuery } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { useConnection, useConsole, useLiveJournal, useStatus, useWaiting } from '../../lib/console-context.tsx'
import { journalQuery } from '../../lib/queries.ts'
import { useValue } from '../../lib/value-store.ts'
import { FLAGS_BACK, NOTICES, OVERRULED, toNotices, waitingKey, type Notice, type Seen } from './notices.ts'
import { keepSeen, seenStore } from './seen-store.ts'

const NO_ENTRIES: readonly JournalEntry[] = []

/** What waits, was rolled back or failed; what of it is new to this browser; and a way to say that it was looked at. */
export function useNotices(): { readonly notices: readonly Notice[]; readonly markSeen: () => void } {
  const { session, store } = useConsole()
  const status = useStatus()
  const waiting = useWaiting()
  const live = useLiveJournal()
  const stored = useValue(seenStore, (value) => value)
  const connected = useConnection().kind === 'live'
  // However much happened since: asked for by what it was, not by how long ago.
  const failed = useQuery({ ...journalQuery(session, { text: '', outcome: 'failed' }, NOTICES), enabled: connected })
  const back = useQuery({ ...journalQuery(session, { text: '', action: 'release.rollBack' }, NOTICES), enabled: connected })
  const overruled = useQuery({ ...journalQuery(session, { text: '', action: OVERRULED }, NOTICES), enabled: connected })
  const flags = useQueries({ queries: FLAGS_BACK.map((action) => ({ ...journalQuery(session, { text: '', action }, NOTICES), enabled: connected })), combine: (all) => all.flatMap(({ data }) => data?.entries ?? NO_ENTRIES) })
  const folder = status?.dataFolder ?? null
  const count = status?.journal.count ?? 0
  const self = status?.operator.id ?? ''
  const seen = stored !== null && stored.folder === folder && stored.seq <= Math.max(count, live.at(-1)?.seq ?? 0) ? stored : null
  useEffect(() => {
    // The first look begins now: what was before it is history.
    if (folder !== null && seen === null) keepSeen({ folder, seq: count, waiting: [] })
  }, [folder, seen, count])
  const notices = useMemo(
    () => toNotices([...(failed.data?.entries ?? NO_ENTRIES), ...(back.data?.entries ?? NO_ENTRIES), ...(overruled.data?.entries ?? NO_ENTRIES), ...flags, ...live], waiting, seen, self),
    [failed.data, back.data, overruled.data, flags, live, waiting, seen, self],
  )
  const markSeen = () => {
    if (folder === null) return
    const newest = Math.max(count, store.journal().at(-1)?.seq ?? 0, ...notices.map((notice) => notice.seq ?? 0))
    const next: Seen = { folder, seq: newest, waiting: waiting.map(waitingKey) }
    keepSeen(next)
  }
  return { notices, markSeen }
}
