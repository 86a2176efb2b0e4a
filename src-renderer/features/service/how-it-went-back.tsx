import { Link } from '@tanstack/react-router'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { PaneHeading } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'
import { useNow } from '../../lib/console-context.tsx'
import { formatDuration, formatInstant } from '../../lib/format.ts'
import { NEWS_MS } from './criteria-shown.ts'
import { wayBack } from './decided.ts'

/** From the verdict, or from when it was sent, to what was read back: each entry with the time since the first. */
export function HowItWentBack({ service, entries }: { readonly service: ServiceView; readonly entries: readonly JournalEntry[] }) {
  const now = useNow(60_000)
  const release = service.release?.release
  if (!release?.rollback || now - (release.endedAt ?? now) > NEWS_MS) return null
  const way = wayBack(entries, release.id)
  const first = way.steps[0]
  if (!first) return null
  return (
    <section aria-label="How it went back" className="pb-2">
      <PaneHeading title="How it went back" end={way.tookMs === null ? 'under way' : formatDuration(way.tookMs)} />
      <ol>
        {way.steps.map((entry) => (
          <li key={entry.seq}>
            <Link to="/audit" search={{ service: service.name, entry: entry.seq }} title={entry.summary} className="grid grid-cols-[64px_minmax(0,1fr)] px-4 text-12 leading-[22px] hover:bg-bg-2">
              <time className="text-ink-3" title={formatInstant(entry.at)}>
                +{formatDuration(entry.at - first.at)}
              </time>
              <span className={`truncate ${entry.outcome === 'verified' ? '' : 'text-ink-2'}`}>
                {entry.action === 'analysis.failed' && 'fail: '}
                <PlaceText text={entry.summary.replace(/ from the data plane$/, '')} square={false} />
              </span>
            </Link>
          </li>
        ))}
      </ol>
    </section>
  )
}
