import { Link } from '@tanstack/react-router'
import type { WaitingItem } from '../../../src-main/contract/service.ts'
import { Icon, type IconName } from '../../components/icons.tsx'
import { PaneHeading } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'
import { Countdown, Since } from '../../components/time.tsx'
import { useWaiting } from '../../lib/console-context.tsx'

const KINDS: Readonly<Record<WaitingItem['kind'], { readonly word: string; readonly icon: IconName; readonly hue?: string }>> = {
  gate: { word: 'Gate failed', icon: 'fail', hue: 'text-fail' },
  approval: { word: 'Approval', icon: 'wait' },
  failed: { word: 'Stopped', icon: 'fail', hue: 'text-fail' },
  window: { word: 'Rollback window', icon: 'wait' },
  health: { word: 'Health', icon: 'watch', hue: 'text-watch' },
  lease: { word: 'Unguarded shift', icon: 'watch', hue: 'text-watch' },
  manualStep: { word: 'Next step', icon: 'next' },
  analysis: { word: 'Analysis inconclusive', icon: 'unknown' },
  migration: { word: 'Migration', icon: 'wait' },
  flag: { word: 'Flag', icon: 'wait' },
  reasonOwed: { word: 'Reason owed', icon: 'wait' },
}

/** What waits for a person, newest trouble first as the core orders it. */
export function Inbox() {
  const items = useWaiting()
  if (items.length === 0) return null
  return (
    <section aria-label="Waiting for you" className="flex-none border-b border-line-1 pb-1">
      <PaneHeading title="Waiting for you" detail={items.length} />
      <ul className="max-h-[164px] overflow-auto narrow:max-h-none">
        {items.map((item) => (
          <InboxRow key={item.id} item={item} />
        ))}
      </ul>
    </section>
  )
}

const OPEN = 'inline-flex h-6 items-center rounded-2 border border-line-2 bg-bg-2 px-2.5 text-12 font-medium hover:border-line-3 hover:bg-bg-3'

function InboxRow({ item }: { readonly item: WaitingItem }) {
  const kind = KINDS[item.kind]
  return (
    <li className="grid min-h-8 grid-cols-[20px_148px_minmax(0,1fr)_auto_auto] narrow:grid-cols-[20px_112px_minmax(0,1fr)_auto_auto] items-center gap-2 border-t border-line-1 px-4 py-1 first:border-t-0">
      <Icon name={kind.icon} className={kind.hue ?? 'text-ink-2'} />
      <span className="truncate font-medium narrow:whitespace-normal">{item.title || kind.word}</span>
      <span className="truncate text-ink-2 narrow:whitespace-normal" title={`${item.service}: ${item.detail}`}>
        <span className="font-medium text-ink-1">{item.service}</span>
        {'\u2002'}
        <PlaceText text={item.detail.startsWith(`${item.service} `) ? item.detail.slice(item.service.length + 1) : item.detail} square={false} />
      </span>
      <span className="min-w-28 text-right text-ink-2">
        {item.kind === 'health' ? (
          'now'
        ) : item.expiresAt === null ? (
          <>
            for{' '}
            <span className="text-ink-1">
              <Since at={item.since} />
            </span>
          </>
        ) : (
          <>
            until{' '}
            <span className="text-ink-1">
              <Countdown until={item.expiresAt} over="now" />
            </span>
          </>
        )}
      </span>
      {item.flag && item.flag.key === '' ? (
        <Link to="/flags" className={OPEN} aria-label={`Open ${item.service}: ${kind.word}`}>
          Open
        </Link>
      ) : item.flag ? (
        <Link to="/flags/$source/$key" params={{ source: item.flag.source, key: item.flag.key }} className={OPEN} aria-label={`Open ${item.service}: ${kind.word}`}>
          Open
        </Link>
      ) : item.migration === undefined ? (
        <Link to="/services/$name" params={{ name: item.service }} className={OPEN} aria-label={`Open ${item.service}: ${kind.word}`}>
          Open
        </Link>
      ) : (
        <Link to="/migrations/$id" params={{ id: item.migration }} className={OPEN} aria-label={`Open ${item.service}: ${kind.word}`}>
          Open
        </Link>
      )}
    </li>
  )
}
