import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useCallback, useMemo, type ReactNode } from 'react'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { FaultNote } from '../../components/fault-note.tsx'
import { Band, Empty, Skeleton } from '../../components/pane.tsx'
import { useConnection, useConsole, useLiveJournal, useNow, useServiceNames, useStatus } from '../../lib/console-context.tsx'
import { formatCount, formatDuration, plural } from '../../lib/format.ts'
import { entryQuery, journalPagesQuery } from '../../lib/queries.ts'
import { toFault } from '../../lib/session.ts'
import { couldMatch, toFilter, type AuditSearch } from './audit-search.ts'
import { AuditLevers } from './audit-levers.tsx'
import { AuditSentence } from './audit-sentence.tsx'
import { EntryDetails } from './entry-details.tsx'
import { EntryList } from './entry-list.tsx'
import { useExport } from './export.ts'
import { FilterBar } from './filter-bar.tsx'
import { ReleaseStory } from './release-story.tsx'
import { useVerify } from './verify.ts'

export interface AuditBodyProps {
  /** Stands right of this screen's own levers. */
  readonly back: ReactNode
  readonly search: AuditSearch
  readonly onSearch: (next: AuditSearch) => void
}

/** Search, list, and the entry that is open. */
export function AuditBody({ search, onSearch, back }: AuditBodyProps) {
  const { session } = useConsole()
  const services = useServiceNames()
  const live = useLiveJournal()
  const now = useNow(60_000)
  const filter = useMemo(() => toFilter(search), [search])
  // What was found before stays until the next is there: a list that comes and goes with each letter cannot be read.
  const query = useInfiniteQuery({ ...journalPagesQuery(session, filter), placeholderData: keepPreviousData })
  const pages = query.data?.pages
  // Apart: each new entry would copy all that was ever scrolled to.
  const fetched = useMemo(() => pages?.flatMap((page) => page.entries) ?? [], [pages])
  const entries = useMemo(() => {
    const newest = fetched[0]?.seq ?? 0
    const fresh = live.filter((entry) => entry.seq > newest && couldMatch(filter, entry)).toReversed()
    if (!pages || fresh.length === 0) return fetched
    return [...fresh, ...fetched]
  }, [pages, fetched, live, filter])
  const open = useOpenEntry(search.entry ?? null, entries)
  const operators = useMemo(() => [...new Set(fetched.map((entry) => entry.operator.name))].toSorted(), [fetched])
  const { fetchNextPage, isFetchingNextPage, hasNextPage } = query
  const loadMore = useCallback(() => {
    if (!isFetchingNextPage) void fetchNextPage()
  }, [fetchNextPage, isFetchingNextPage])
  const releaseId = search.release ?? open?.target.releaseId ?? null
  const first = pages?.[0]
  const found = first ? `${formatCount(entries.length)}${hasNextPage ? ' and more' : ''} of ${formatCount(Math.max(first.total, entries[0]?.seq ?? 0))} in ${formatDuration(Math.max(1, Math.round(first.tookMs)))}` : ''
  const status = useStatus()
  const connection = useConnection()
  const verify = useVerify()
  const exporting = useExport()
  const count = Math.max(status?.journal.count ?? 0, live.at(-1)?.seq ?? 0)
  const { entry: _entry, ...filters } = search
  const band = (
    <Band
      title={
        <>
          Journal <span className="text-16 font-medium text-ink-2">{plural(count, 'entry', 'entries')}</span>
        </>
      }
      sentence={<AuditSentence status={status} verify={verify.state} />}
      levers={
        <div className="flex items-center gap-2 narrow:w-full narrow:flex-wrap">
          <AuditLevers verify={verify} exporting={exporting} filter={filter} filtered={Object.keys(filters).length > 0} count={count} releaseId={releaseId} off={connection.kind === 'live' ? null : 'not connected'} />
          {back}
        </div>
      }
    />
  )
  return (
    <>
    {band}
    {exporting.state.kind === 'failed' && <FaultNote fault={exporting.state.fault} />}
    <main className="grid min-h-0 flex-1 grid-cols-[minmax(0,1fr)_368px] bg-bg-1 max-[1240px]:grid-cols-[minmax(0,1fr)_320px] narrow:flex narrow:flex-col">
      <div className="flex min-h-0 min-w-0 flex-col">
        {releaseId !== null && <ReleaseStory releaseId={releaseId} onSelect={(seq) => onSearch({ ...search, entry: seq })} />}
        <FilterBar search={search} onChange={onSearch} services={services} operators={operators} now={now} found={found} />
        {query.isPending && <Skeleton rows={12} />}
        {query.isError && <FaultNote fault={toFault(query.error)} onRetry={() => void query.refetch()} />}
        {pages && entries.length > 0 && <EntryList entries={entries} selectedSeq={open?.seq ?? null} onSelect={(seq) => onSearch({ ...search, entry: seq })} hasMore={hasNextPage} loadMore={loadMore} now={now} />}
        {pages && entries.length === 0 && <NothingFound filtered={JSON.stringify(filter) !== '{"text":""}'} onReset={() => onSearch({})} />}
      </div>
      <aside aria-label="Entry" tabIndex={0} className="min-h-0 overflow-y-auto border-l border-line-1 -outline-offset-2 narrow:overflow-visible narrow:border-t narrow:border-l-0 [&>section+section]:border-t [&>section+section]:border-line-1">
        {open ? <EntryDetails entry={open} /> : <p className="p-4 text-ink-3">Select an entry to see who, why, before and after, evidence and its place in the chain.</p>}
      </aside>
    </main>
    </>
  )
}

/** The entry in the address, fetched when the list does not hold it; otherwise the newest. */
function useOpenEntry(seq: number | null, entries: readonly JournalEntry[]): JournalEntry | null {
  const { session } = useConsole()
  const inList = seq === null ? (entries[0] ?? null) : (entries.find((entry) => entry.seq === seq) ?? null)
  const query = useQuery({ ...entryQuery(session, seq ?? 1), enabled: seq !== null && inList === null })
  return inList ?? (seq === null ? null : (query.data ?? null))
}

function NothingFound({ filtered, onReset }: { readonly filtered: boolean; readonly onReset: () => void }) {
  return filtered ? (
    <Empty title="No entry matches">
      <button type="button" className="link" onClick={onReset}>
        Show the whole journal
      </button>
    </Empty>
  ) : (
    <Empty title="The journal is empty">Every act is written here before it has an effect: deploys, steps, roll backs, refusals, exports. The first release makes the first entries.</Empty>
  )
}
