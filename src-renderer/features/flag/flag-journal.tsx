import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import type { FlagView } from '../../../src-main/contract/flag.ts'
import { Moment } from '../../components/time.tsx'
import { useConsole, useLiveJournal } from '../../lib/console-context.tsx'
import { shortSummary } from '../../lib/entry-summary.ts'
import { journalQuery } from '../../lib/queries.ts'
import { DiffView } from '../audit/diff-view.tsx'

const SHOWN = 60

/** How the journal names a flag. */
export function flagTarget(source: string, key: string): string {
  return `${source}/${key}`
}

/** What the journal says of this flag, newest first: a page once, then what the stream brings. */
export function useFlagEntries(source: string, key: string): readonly JournalEntry[] {
  const { session } = useConsole()
  const live = useLiveJournal()
  const flag = flagTarget(source, key)
  const { data } = useQuery(journalQuery(session, { text: '', flag }, SHOWN))
  const page = data?.entries
  return useMemo(() => {
    const newest = page?.[0]?.seq ?? 0
    return [...live.filter((entry) => entry.target.flag === flag && entry.seq > newest).toReversed(), ...(page ?? [])]
  }, [live, page, flag])
}

/** Everything that was done to it, and the rollouts before this one. */
export function FlagHistory({ view, entries }: { readonly view: FlagView; readonly entries: readonly JournalEntry[] }) {
  const { summary, earlier, rollout } = view
  const flag = flagTarget(summary.source, summary.key)
  const before = rollout?.rollout.before.definition
  return (
    <div className="py-2">
      <div className="flex items-center px-4 text-12">
        <span className="text-ink-3">{entries.length === 0 ? 'Nothing was done here yet.' : 'from the journal'}</span>
        <Link to="/audit" search={{ flag }} className="link ml-auto">
          all entries
        </Link>
      </div>
      {entries.slice(0, SHOWN).map((entry) => (
        <Link key={entry.seq} to="/audit" search={{ flag, entry: entry.seq }} title={`${entry.operator.name}: ${entry.summary}${entry.reason === '' ? '' : `. ${entry.reason}`}`} className="grid grid-cols-[104px_112px_minmax(0,1fr)_auto] gap-x-2 px-4 text-12 leading-6 hover:bg-bg-2">
          <span className="truncate text-ink-3">
            <Moment at={entry.at} />
          </span>
          <span className="truncate text-ink-2">{entry.operator.name}</span>
          <span className={`truncate ${entry.outcome === 'failed' ? 'text-fail-ink' : ''}`}>
            {shortSummary(entry)} {entry.reason !== '' && <span className="text-ink-3">{entry.reason}</span>}
          </span>
          <span className="text-11 leading-6 text-ink-3">{entry.outcome === 'recorded' ? '' : entry.outcome}</span>
        </Link>
      ))}
      {earlier.length > 0 && (
        <>
          <h3 className="px-4 pt-3 pb-1 text-12 text-ink-3">Earlier rollouts</h3>
          {earlier.map((each) => (
            <p key={each.id} className="grid grid-cols-[104px_minmax(0,1fr)_auto] gap-x-2 px-4 text-12 leading-6">
              <span className="text-ink-3">
                <Moment at={each.startedAt} />
              </span>
              <span className="truncate">{each.headline}</span>
              <span className="text-ink-3">rollout {each.number}</span>
            </p>
          ))}
        </>
      )}
      {before && (
        <details className="px-4 pt-3 text-12">
          <summary className="cursor-default text-ink-2">What the last rollout changed</summary>
          <div className="-mx-4 pt-1">
            <DiffView before={plain(before)} after={plain(view.definition)} />
          </div>
        </details>
      )}
    </div>
  )
}

/** A definition as JSON that can be compared. */
export function plain(definition: FlagView['definition']): JournalEntry['before'] {
  return JSON.parse(JSON.stringify(definition)) as JournalEntry['before']
}
