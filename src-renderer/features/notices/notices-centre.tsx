import { Link } from '@tanstack/react-router'
import { Popover } from 'radix-ui'
import { useEffect, useState } from 'react'
import { Icon, type IconName } from '../../components/icons.tsx'
import { Kbd } from '../../components/button.tsx'
import { PlaceText } from '../../components/place.tsx'
import { Moment } from '../../components/time.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { plural } from '../../lib/format.ts'
import { useValue } from '../../lib/value-store.ts'
import type { Notice } from './notices.ts'
import { useNotices } from './use-notices.ts'

const ICONS: Readonly<Record<Notice['kind'], { readonly icon: IconName; readonly hue: string }>> = {
  waiting: { icon: 'wait', hue: 'text-ink-2' },
  rolledBack: { icon: 'back', hue: 'text-ink-1' },
  failed: { icon: 'fail', hue: 'text-fail' },
}

/** What waited, was rolled back or failed since this browser last looked: a bell with a count, and the list behind it. */
export function NoticesCentre() {
  const { ui } = useConsole()
  const open = useValue(ui, (state) => state.notices)
  const { notices, markSeen } = useNotices()
  const unseen = notices.filter((notice) => notice.unseen).length
  const setOpen = (next: boolean) => ui.set((before) => ({ ...before, notices: next }))
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger className="inline-flex h-[26px] min-w-[34px] items-center justify-center gap-1 rounded-2 px-1.5 text-ink-2 hover:bg-bg-2 hover:text-ink-1" aria-label={unseen === 0 ? 'Notifications, nothing new' : `Notifications, ${unseen} new`} title="Notifications (g n)">
        <Icon name="bell" size={14} />
        {unseen > 0 && <span className="min-w-4 rounded-2 bg-accent px-1 text-center text-11 leading-4 font-semibold text-accent-on">{unseen > 99 ? '99+' : unseen}</span>}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="end" sideOffset={6} collisionPadding={8} aria-label="Notifications" className="z-50 flex max-h-[min(70vh,var(--radix-popover-content-available-height))] w-[480px] max-w-[calc(100vw-16px)] flex-col rounded-2 border border-line-3 bg-bg-2">
          <NoticesList notices={notices} markSeen={markSeen} onClose={() => setOpen(false)} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

function NoticesList({ notices, markSeen, onClose }: { readonly notices: readonly Notice[]; readonly markSeen: () => void; readonly onClose: () => void }) {
  // What was new when it was opened stays marked while it is open.
  const [fresh, setFresh] = useState(() => new Set(notices.filter((notice) => notice.unseen).map((notice) => notice.key)))
  const arrived = notices.filter((notice) => notice.unseen && !fresh.has(notice.key))
  if (arrived.length > 0) setFresh(new Set([...fresh, ...arrived.map((notice) => notice.key)]))
  useEffect(markSeen)
  return (
    <>
      <div className="flex flex-none items-center gap-2 border-b border-line-1 py-2 pr-2 pl-4">
        <h2 className="text-13">Notifications</h2>
        <span className="text-12 text-ink-3">{fresh.size === 0 ? 'nothing new' : `${fresh.size} new since you last looked`}</span>
        <span className="ml-auto">
          <Kbd>Esc</Kbd>
        </span>
      </div>
      {notices.length === 0 ? (
        <p className="px-4 py-5 text-ink-2">What waits for you, is rolled back or fails is listed here, also when it happened while you were away. Nothing of that in this journal yet.</p>
      ) : (
        <ul className="min-h-0 overflow-auto" aria-label={plural(notices.length, 'notification')}>
          {notices.map((notice) => (
            <NoticeRow key={notice.key} notice={notice} fresh={fresh.has(notice.key)} onClose={onClose} />
          ))}
        </ul>
      )}
    </>
  )
}

function NoticeRow({ notice, fresh, onClose }: { readonly notice: Notice; readonly fresh: boolean; readonly onClose: () => void }) {
  const { icon, hue } = ICONS[notice.kind]
  return (
    <li className={`grid grid-cols-[18px_minmax(0,1fr)_auto] gap-x-2 border-t border-line-1 px-4 py-2 first:border-t-0 ${fresh ? 'bg-bg-3' : ''}`}>
      <Icon name={icon} className={`mt-1 ${hue}`} />
      <div className="min-w-0">
        <p className="flex min-w-0 gap-2">
          {notice.flag ? (
            <Link {...(notice.flag.key === '' ? { to: '/flags' } : { to: '/flags/$source/$key', params: notice.flag })} onClick={onClose} className="mono min-w-0 truncate font-medium hover:underline">
              {notice.service}
            </Link>
          ) : notice.migration === undefined ? (
            <Link to="/services/$name" params={{ name: notice.service }} onClick={onClose} className="min-w-0 truncate font-medium hover:underline">
              {notice.service}
            </Link>
          ) : (
            <Link to="/migrations/$id" params={{ id: notice.migration }} onClick={onClose} className="min-w-0 truncate font-medium hover:underline">
              {notice.service}
            </Link>
          )}
          <span className="flex-none">{notice.title}</span>
          {fresh && <span className="flex-none text-12 text-ink-2">new</span>}
        </p>
        <p className="text-12 leading-4 [overflow-wrap:anywhere] text-ink-2">
          <PlaceText text={notice.detail} square={false} />
        </p>
      </div>
      <div className="text-right text-12 whitespace-nowrap text-ink-2">
        <span className="block">
          <Moment at={notice.at} />
        </span>
        {notice.seq !== null && (
          <Link to="/audit" search={{ entry: notice.seq }} onClick={onClose} className="link" aria-label={`Entry ${notice.seq} in the journal`}>
            entry
          </Link>
        )}
      </div>
    </li>
  )
}
