import type { ReactNode } from 'react'
import type { FlagSourceView, FlagView } from '../../../src-main/contract/flag.ts'
import { FaultNote } from '../../components/fault-note.tsx'
import { Icon, type IconName } from '../../components/icons.tsx'
import { Since } from '../../components/time.tsx'
import { useOpenKill } from './use-flag-press.ts'

interface BannerProps {
  readonly tone: 'fail' | 'watch' | 'plain'
  readonly icon: IconName
  readonly title: ReactNode
  readonly children?: ReactNode
}

export function FlagBanner({ tone, icon, title, children }: BannerProps) {
  const look = { fail: 'bg-fail-bg', watch: 'bg-watch-bg', plain: 'bg-bg-2' }[tone]
  const hue = { fail: 'text-fail', watch: 'text-watch', plain: 'text-ink-1' }[tone]
  return (
    <div role="status" className={`flex items-start gap-3.5 border-b border-line-1 px-4 py-2 ${look}`}>
      <Icon name={icon} size={16} className={`mt-0.5 ${hue}`} />
      <div className="min-w-0 [overflow-wrap:anywhere]">
        <b>{title}</b> <span className="text-ink-2">{children}</span>
      </div>
    </div>
  )
}

/** What holds for the flag and must be known before anything is pressed: the gravest first. */
export function FlagBanners({ view, source }: { readonly view: FlagView; readonly source: FlagSourceView | null }) {
  const rollout = view.rollout && !view.rollout.ended ? view.rollout.rollout : null
  const over = view.rollout?.ended ? view.rollout.rollout : null
  const { definition, summary } = view
  const openKill = useOpenKill()
  return (
    <div className="flex-none">
      {source && <SourceBanner source={source} />}
      {rollout?.failure && rollout.phase !== 'rollingBack' && <FaultNote fault={rollout.failure.fault} className="border-b border-b-line-1" />}
      {rollout?.failure && rollout.phase === 'rollingBack' && (
        <FlagBanner tone="fail" icon="run" title="The way back is tried until it wins.">
          {rollout.failure.fault.message}
        </FlagBanner>
      )}
      {rollout?.drift && (
        <FlagBanner tone="watch" icon="watch" title="Somebody changed the flag elsewhere.">
          <Since at={rollout.drift.at} /> ago. The rollout is paused over it.
          <ul aria-label="What is there instead" className="mono pt-0.5 text-12 text-ink-1">
            {rollout.drift.difference.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </FlagBanner>
      )}
      {rollout?.paused && rollout.paused.why !== '' && !rollout.drift && (
        <FlagBanner tone="watch" icon="watch" title="Paused by the guard.">
          {rollout.paused.why} Who has it keeps it; nothing advances until somebody goes on or takes it back.
        </FlagBanner>
      )}
      {rollout?.submitted && (
        <FlagBanner tone="plain" icon="wait" title={`${rollout.submitted.what} waits for approval where the flag is kept.`}>
          For <Since at={rollout.submitted.at} />. Exposure stays as it is until it is decided:{' '}
          <a href={rollout.submitted.url} target="_blank" rel="noreferrer" className="link">
            {rollout.submitted.url}
          </a>
        </FlagBanner>
      )}
      {over?.rollback?.to === 'safe' && over.rollback.reason === '' && (
        <FlagBanner tone="plain" icon="wait" title="Killed without a reason.">
          By {over.rollback.by.name} <Since at={over.rollback.at} /> ago.{' '}
          <button type="button" className="link text-ink-1" onClick={() => openKill(summary.source, summary.key)}>
            Say why
          </button>
        </FlagBanner>
      )}
      {definition.state === 'DISABLED' && (
        <FlagBanner tone="watch" icon="watch" title="Its state is DISABLED, which does not mean off.">
          Every caller gets the default written in its own code. The kill switch gives everyone the safe variant instead.
        </FlagBanner>
      )}
      {summary.lifecycle === 'archived' && (
        <FlagBanner tone="plain" icon="lock" title="Removed from use.">
          Its definition is kept. Edit it to bring it back.
        </FlagBanner>
      )}
    </div>
  )
}

/** A source whose newest word cannot be had or cannot be used. */
export function SourceBanner({ source }: { readonly source: FlagSourceView }) {
  const first = source.problems.find(({ level }) => level === 'error')
  return (
    <>
      {source.broken && (
        <FlagBanner tone="fail" icon="fail" title={`${source.name} cannot be read as it is now; the last good version is served.`}>
          For <Since at={source.broken.since} />: {source.broken.why}
          {first && (
            <span className="mono block text-12">
              {first.line}:{first.column} {first.path} {first.message}
            </span>
          )}
        </FlagBanner>
      )}
      {source.problem !== '' && (
        <FlagBanner tone="fail" icon="unknown" title={`${source.name} does not answer.`}>
          {source.problem} {source.readAt === null ? 'It has never been read.' : <>What you see is <Since at={source.readAt} /> old.</>} Apps go on with what they were last given.
        </FlagBanner>
      )}
    </>
  )
}
