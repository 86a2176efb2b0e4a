import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { PaneHeading } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'
import { Moment } from '../../components/time.tsx'
import { useConsole, useLiveJournal } from '../../lib/console-context.tsx'
import { shortSummary } from '../../lib/entry-summary.ts'
import { journalQuery } from '../../lib/queries.ts'

const SHOWN = 10
const LIMIT = 50

/** Of this migration, newest first: a page once, then what the stream brings. */
export function useMigrationEntries(migration: string): readonly JournalEntry[] {
  const { session } = useConsole()
  const live = useLiveJournal()
  const { data } = useQuery(journalQuery(session, { text: '', migration }, LIMIT))
  const page = data?.entries
  return useMemo(() => {
    const newest = page?.[0]?.seq ?? 0
    return [...live.filter((entry) => entry.target.migration === migration && entry.seq > newest).toReversed(), ...(page ?? [])]
  }, [live, page, migration])
}

/** What the journal says of this migration, newest first: a page once, then what the stream brings. */
export function MigrationJournal({ migration }: { readonly migration: string }) {
  const entries = useMigrationEntries(migration)
  return (
    <section aria-label="Journal" className="pb-2">
      <PaneHeading
        title="Journal"
        end={
          <Link to="/audit" search={{ migration }} className="link">
            all entries
          </Link>
        }
      />
      {entries.length === 0 && <p className="px-4 text-12 text-ink-3">Nothing was done here yet.</p>}
      {entries.slice(0, SHOWN).map((entry) => (
        <Link key={entry.seq} to="/audit" search={{ migration, entry: entry.seq }} title={`${entry.operator.name}: ${entry.summary}`} className="grid grid-cols-[76px_minmax(0,1fr)_auto] px-4 text-12 leading-6 hover:bg-bg-2">
          <span className="truncate text-ink-3">
            <Moment at={entry.at} />
          </span>
          <span className={`truncate ${entry.outcome === 'failed' ? 'text-fail-ink' : 'text-ink-2'}`}>
            <PlaceText text={shortSummary(entry)} square={false} />
          </span>
          <span className="pl-2 text-11 leading-6 text-ink-3">{entry.outcome === 'recorded' ? '' : entry.outcome}</span>
        </Link>
      ))}
    </section>
  )
}
