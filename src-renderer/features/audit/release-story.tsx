import { useQuery } from '@tanstack/react-query'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { useConsole, useLiveJournal } from '../../lib/console-context.tsx'
import { formatClock, formatDuration, plural } from '../../lib/format.ts'
import { journalQuery } from '../../lib/queries.ts'
import { storyOf, type Story } from './story.ts'

/** One release over time: how much traffic each environment had, and the acts that changed it. */
export function ReleaseStory({ releaseId, onSelect }: { readonly releaseId: string; readonly onSelect: (seq: number) => void }) {
  const { session } = useConsole()
  const live = useLiveJournal()
  const query = useQuery(journalQuery(session, { text: '', releaseId }, 500))
  if (!query.data) return <div className="h-[76px] flex-none border-b border-line-1" />
  const newest = query.data.entries[0]?.seq ?? 0
  const entries = [...query.data.entries, ...live.filter((entry) => entry.target.releaseId === releaseId && entry.seq > newest)]
  const story = storyOf(entries)
  if (!story) return null
  return <StoryStrip releaseId={releaseId} story={story} entries={entries} onSelect={onSelect} />
}

export function StoryStrip({ releaseId, story, entries, onSelect }: { readonly releaseId: string; readonly story: Story; readonly entries: readonly JournalEntry[]; readonly onSelect: (seq: number) => void }) {
  const people = new Set(entries.filter((entry) => entry.operator.known !== 'system').map((entry) => entry.operator.id)).size
  const refusals = entries.filter((entry) => entry.kind === 'refusal').length
  const span = Math.max(1, story.toAt - story.fromAt)
  const left = (at: number) => ((at - story.fromAt) / span) * 100
  const edges = story.shares.flatMap((share, index) => {
    const y = (share.blue / 100) * 28
    const next = story.shares[index + 1]?.at ?? story.toAt
    return [`L${(left(share.at) * 10).toFixed(1)} ${y}`, `L${(left(next) * 10).toFixed(1)} ${y}`]
  })
  const blue = `M0 0${edges.join('')}L1000 0Z`
  const green = `M0 28${edges.join('')}L1000 28Z`
  const acts = withLabels(story.acts.map((act) => ({ ...act, x: left(act.at) })))
  return (
    <section aria-label={`Release ${releaseId} over time`} className="grid h-[76px] flex-none grid-cols-[168px_minmax(0,1fr)] border-b border-line-1">
      <div className="self-center pl-4 text-12 leading-4">
        <b className="block truncate text-13 leading-5">{releaseId}</b>
        <span className="block truncate text-ink-3">
          {plural(entries.length, 'entry', 'entries')}, {plural(people, 'person', 'people')}
        </span>
        <span className="block truncate text-ink-3">
          {formatDuration(Math.round(span / 1000) * 1000)}
          {refusals > 0 && `, ${plural(refusals, 'refusal')}`}
        </span>
      </div>
      <div className="relative mr-6">
        <svg viewBox="0 0 1000 28" preserveAspectRatio="none" role="img" aria-label={story.words} className="absolute top-[38px] h-7 w-full">
          {story.shares.length > 0 && (
            <>
              <path d={blue} fill="var(--blue)" />
              <path d={green} fill="var(--green)" />
            </>
          )}
        </svg>
        {acts.map(({ x, showLabel, ...act }) => {
          return (
            <button
              key={act.seq}
              type="button"
              title={`${act.label}, ${formatClock(act.at)}`}
              onClick={() => onSelect(act.seq)}
              className={`absolute bottom-2.5 border-l pl-1.5 text-left text-11 leading-[14px] whitespace-nowrap ${showLabel ? 'top-1.5' : 'top-[36px] w-2'} ${act.hot ? 'border-fail' : 'border-ink-3'}`}
              style={{ left: `${x}%` }}
            >
              {!showLabel && <span className="sr-only">{act.label}</span>}
              {showLabel && (
                <span className="absolute top-0 left-[5px] text-ink-2 hover:text-ink-1">
                  {act.label}
                  <small className="block text-11 text-ink-3">{formatClock(act.at)}</small>
                </span>
              )}
            </button>
          )
        })}
      </div>
    </section>
  )
}

/** Writes only labels that have room after the one before them. */
function withLabels<Act extends { readonly x: number }>(acts: readonly Act[]): readonly (Act & { readonly showLabel: boolean })[] {
  let last = Number.NEGATIVE_INFINITY
  return acts.map((act) => {
    const showLabel = act.x - last > 11 && act.x < 94
    if (showLabel) last = act.x
    return { ...act, showLabel }
  })
}
