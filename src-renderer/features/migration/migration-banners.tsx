import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { MigrationReading, MigrationView } from '../../../src-main/contract/migration.ts'
import { FaultNote } from '../../components/fault-note.tsx'
import { Icon, type IconName } from '../../components/icons.tsx'
import { Since } from '../../components/time.tsx'
import { plural } from '../../lib/format.ts'
import { isOver } from './migration-words.ts'

interface BannerProps {
  readonly tone: 'fail' | 'watch' | 'plain'
  readonly icon: IconName
  readonly title: ReactNode
  readonly children?: ReactNode
}

function Banner({ tone, icon, title, children }: BannerProps) {
  const look = { fail: 'bg-fail-bg', watch: 'bg-watch-bg', plain: 'bg-bg-2' }[tone]
  const hue = { fail: 'text-fail', watch: 'text-watch', plain: 'text-ink-1' }[tone]
  return (
    <div role="status" className={`flex items-start gap-3.5 border-b border-line-1 px-4 py-2 ${look}`}>
      <Icon name={icon} size={16} className={`mt-0.5 ${hue}`} />
      <p className="min-w-0">
        <b>{title}</b> <span className="text-ink-2">{children}</span>
      </p>
    </div>
  )
}

/** What holds for the whole migration and must be known before anything is pressed: the gravest first. */
export function MigrationBanners({ view, reading }: { readonly view: MigrationView; readonly reading: MigrationReading | null }) {
  const { observed } = view
  const state = reading?.state
  return (
    <div className="flex-none">
      {observed.kind === 'unknown' && (
        <Banner tone="fail" icon="unknown" title="The database cannot be read.">
          {observed.why} {reading === null ? 'Where this migration is shows when it answers.' : <>What you see is <Since at={observed.since} /> old.</>} Triggers and switches work without this console.
        </Banner>
      )}
      {state?.failure && (
        <FaultNote fault={state.failure.fault} className="border-b border-b-line-1" />
      )}
      {state?.paused && state.paused.why !== '' && (
        <Banner tone="watch" icon="watch" title="Paused by the guard.">
          {state.paused.why} Both sides are kept equal meanwhile; nothing advances until somebody resumes or goes back.
        </Banner>
      )}
      {reading && reading.drift.length > 0 && (
        <Banner tone="watch" icon="watch" title={plural(reading.drift.length, 'change') + ' of the structure by someone else.'}>
          {reading.drift.join(' ')} Nothing advances over it: undo it, or roll back and start again over the new structure.
        </Banner>
      )}
      {reading?.owner && !reading.owner.isThis && !isOver(view.phase) && (
        <Banner tone="plain" icon="lock" title={`${reading.owner.name} drives this migration.`}>
          It has for <Since at={reading.owner.since} />. What is pressed here is done there or refused; when that console is gone, this one takes over.
        </Banner>
      )}
      {view.definitionChanged && (
        <Banner tone="plain" icon="watch" title="The workspace file says something else by now.">
          It goes on as it was started. To run the new declaration, roll back and start again; <Link to="/settings" className="link">the file</Link>.
        </Banner>
      )}
    </div>
  )
}
