import { Link, useRouterState } from '@tanstack/react-router'
import type { SystemStatus } from '../../../src-main/contract/system.ts'
import { Kbd } from '../../components/button.tsx'
import { Icon } from '../../components/icons.tsx'
import { InFlightButton } from '../../features/acts/in-flight-button.tsx'
import { isOver } from '../../features/migration/migration-words.ts'
import { useConsole, useMigrations, useNow, useRollouts, useServiceNames } from '../../lib/console-context.tsx'
import { NoticesCentre } from '../../features/notices/notices-centre.tsx'
import { formatClock, formatInstant } from '../../lib/format.ts'
import { shortcutLabel } from '../../lib/keys.ts'
import { useValue } from '../../lib/value-store.ts'

const TAB = 'flex items-center border-y-2 border-transparent px-3 text-ink-2 hover:text-ink-1 aria-[current]:border-b-ink-1 aria-[current]:font-medium aria-[current]:text-ink-1 max-[1100px]:px-2'

/** Screens, the palette, where this is, what time it is and who acts. */
export function TopBar({ status }: { readonly status: SystemStatus | null }) {
  const { ui } = useConsole()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const selected = useValue(ui, (state) => state.selectedService)
  const names = useServiceNames()
  const service = selected ?? names[0] ?? null
  const current = (prefix: string) => (prefix === '/' ? path === '/' : path.startsWith(prefix)) || undefined
  const attrs = (prefix: string) => (current(prefix) ? { 'aria-current': 'page' as const } : {})
  return (
    <header className="flex h-10 flex-none items-stretch border-b border-line-1 bg-bg-0 pr-3 pl-4 narrow:h-auto narrow:flex-wrap print:hidden">
      <Link to="/" className="flex items-center gap-2 pr-5 font-semibold max-[1100px]:pr-2">
        <Icon name="mark" size={18} />
        Signalbox
      </Link>
      <nav aria-label="Screens" className="flex narrow:h-9 narrow:flex-wrap">
        <Link to="/" className={TAB} {...attrs('/')}>
          Overview
        </Link>
        {service === null ? (
          <span className={`${TAB} text-ink-3`}>Service</span>
        ) : (
          <Link to="/services/$name" params={{ name: service }} className={TAB} {...attrs('/services')}>
            Service
          </Link>
        )}
        <Link to="/migrations" className={TAB} {...attrs('/migrations')}>
          Migrations
          <MovingCount />
        </Link>
        <Link to="/flags" className={TAB} {...attrs('/flags')}>
          Flags
          <RolloutCount />
        </Link>
        <Link to="/audit" className={TAB} {...attrs('/audit')}>
          Audit
        </Link>
        <Link to="/settings" className={TAB} {...attrs('/settings')}>
          Settings
        </Link>
      </nav>
      <button
        type="button"
        aria-keyshortcuts="Control+K Meta+K"
        onClick={() => ui.set((before) => ({ ...before, palette: true }))}
        className="my-auto ml-auto flex h-[26px] w-[264px] narrow:my-1.5 narrow:w-44 narrow:flex-1 min-w-0 items-center gap-2 rounded-2 border border-line-2 bg-bg-1 pr-1.5 pl-2.5 text-12 text-ink-3 hover:border-line-3"
      >
        <Icon name="search" />
        <span className="min-w-0 flex-1 truncate">Service, action, screen</span>
        <Kbd>{shortcutLabel('mod+k')}</Kbd>
      </button>
      <div className="flex items-center gap-4 pl-4 text-12 whitespace-nowrap text-ink-2 max-[1100px]:gap-2.5 narrow:h-9">
        {(path.startsWith('/migrations/') || path.startsWith('/flags/')) && <InFlightButton />}
        {status && (
          <span title={status.workspace.file}>
            {status.workspace.name} <span className="text-ink-3">{status.workspace.tier}</span>
          </span>
        )}
        <Clock />
        <NoticesCentre />
        {status && (
          <Link to="/settings" className="max-w-36 truncate hover:text-ink-1" title={`${status.operator.id}, role ${status.role}`}>
            {status.operator.name || status.operator.id}
          </Link>
        )}
      </div>
    </header>
  )
}

/** How many migrations are under way. */
function MovingCount() {
  const moving = useMigrations().filter((view) => !isOver(view.phase) && view.phase !== 'planned').length
  return moving === 0 ? null : (
    <span className="ml-1.5 text-11 font-normal text-ink-3 max-[1100px]:sr-only">
      {moving}
      <span className="sr-only"> under way</span>
    </span>
  )
}

/** How many flags are being rolled out. */
function RolloutCount() {
  const moving = useRollouts().length
  return moving === 0 ? null : (
    <span className="ml-1.5 text-11 font-normal text-ink-3 max-[1100px]:sr-only">
      {moving}
      <span className="sr-only"> being rolled out</span>
    </span>
  )
}

function Clock() {
  const now = useNow()
  return (
    <time dateTime={new Date(now).toISOString()} title={formatInstant(now)}>
      {formatClock(now)} <span className="text-ink-3">UTC</span>
    </time>
  )
}
