import { Link } from '@tanstack/react-router'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { PaneHeading } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'
import { shortSummary } from '../../lib/entry-summary.ts'
import { formatClock, formatInstant } from '../../lib/format.ts'

const SHOWN = 12

/** Everything the journal says changed on this service in the last hour, newest first. */
export function RecentChanges({ service, entries }: { readonly service: string; readonly entries: readonly JournalEntry[] }) {
  return (
    <section aria-label="Last hour" className="pb-2">
      <PaneHeading
        title="Last hour"
        end={
          <Link to="/audit" search={{ service }} className="link">
            all entries
          </Link>
        }
      />
      {entries.length === 0 && <p className="px-4 text-12 text-ink-3">Nothing changed here.</p>}
      {entries.slice(0, SHOWN).map((entry) => (
        <Link
          key={entry.seq}
          to="/audit"
          search={{ service, entry: entry.seq }}
          title={`${entry.operator.name}: ${entry.summary}`}
          className="grid grid-cols-[64px_minmax(0,1fr)_auto] px-4 text-12 leading-6 hover:bg-bg-2"
        >
          <time className="text-ink-3" title={formatInstant(entry.at)}>
            {formatClock(entry.at)}
          </time>
          <span className={`truncate ${entry.outcome === 'failed' ? 'text-fail-ink' : 'text-ink-2'}`}>
            <PlaceText text={shortSummary(entry)} square={false} />
          </span>
          <span className="pl-2 text-11 leading-6 text-ink-3">{entry.outcome === 'recorded' ? '' : entry.outcome}</span>
        </Link>
      ))}
    </section>
  )
}
