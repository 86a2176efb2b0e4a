import type { ReleaseView } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { Button } from '../../components/button.tsx'
import { Icon } from '../../components/icons.tsx'
import { PlaceText } from '../../components/place.tsx'
import { Countdown, Since } from '../../components/time.tsx'
import { useNow } from '../../lib/console-context.tsx'
import { findAction, useActingOff, useRun } from '../acts/acting.ts'

/** What a person holds off, what the guard asks, and what it remembers of this version. */
export function GuardBanners({ service }: { readonly service: ServiceView }) {
  const view = service.release
  if (!view || view.ended) return null
  return (
    <>
      <Suspended view={view} />
      <Asks view={view} />
      <Rejected view={view} />
    </>
  )
}

const BAND = 'flex flex-none items-center gap-3.5 border-b border-line-1 px-4 py-2 narrow:flex-wrap'

/** Nobody but people takes traffic back: by whom, why, and how long. */
function Suspended({ view }: { readonly view: ReleaseView }) {
  const now = useNow()
  const held = view.release.guardSuspended
  if (!held || held.until <= now) return null
  const failing = view.release.analysis.find((result) => result.verdict === 'fail' && result.severity === 'fail')
  return (
    <section aria-label="Automatic roll back is suspended" className={`${BAND} bg-watch-bg`}>
      <Icon name="watch" size={20} className="text-watch" />
      <div className="min-w-0 flex-1">
        <h2 className="leading-5">
          Automatic roll back is suspended for <Countdown until={held.until} />
        </h2>
        <p className="text-12 leading-[18px] [overflow-wrap:anywhere] text-ink-2">
          {held.by.name}, <Since at={held.at} /> ago: {held.reason} {failing && <b className="font-medium text-fail-ink">It would go back now: {failing.why}</b>}
        </p>
      </div>
      <Way view={view} command="restoreGuard" />
    </section>
  )
}

/** The guard paused it and wants an answer. */
function Asks({ view }: { readonly view: ReleaseView }) {
  const { paused } = view.release
  if (!paused || paused.why === '') return null
  return (
    <section aria-label="The guard asks" role="status" className={`${BAND} bg-watch-bg`}>
      <Icon name="watch" size={20} className="text-watch" />
      <div className="min-w-0 flex-1">
        <h2 className="text-16 leading-6">Paused, and asks: go on?</h2>
        <p className="leading-[18px] [overflow-wrap:anywhere] text-ink-2">
          <PlaceText text={paused.why} square={false} /> <Since at={paused.at} /> ago.
        </p>
      </div>
      <Way view={view} command="resume" label="Go on, having seen it" />
      {findAction(view, 'rollBack') ? <Way view={view} command="rollBack" /> : <Way view={view} command="abandon" />}
    </section>
  )
}

/** Said before it asks, so that nobody is surprised by it. */
function Rejected({ view }: { readonly view: ReleaseView }) {
  const { rejectedBefore, paused, candidate } = view.release
  if (rejectedBefore === null || (paused && paused.why !== '')) return null
  return (
    <section aria-label="Rolled back before" className={`${BAND} bg-bg-2`}>
      <Icon name="back" size={18} className="text-ink-2" />
      <div className="min-w-0 flex-1">
        <h2 className="leading-5">
          <span className="mono">{candidate.version}</span> was rolled back by the guard before
        </h2>
        <p className="text-12 leading-[18px] [overflow-wrap:anywhere] text-ink-2">
          <PlaceText text={rejectedBefore} square={false} /> It gets no live traffic until someone says so.
        </p>
      </div>
    </section>
  )
}

function Way({ view, command, label }: { readonly view: ReleaseView; readonly command: 'resume' | 'rollBack' | 'abandon' | 'restoreGuard'; readonly label?: string }) {
  const run = useRun()
  const off = useActingOff()
  const action = findAction(view, command)
  if (!action) return null
  const blocked = off ?? action.blocks[0]?.reason ?? null
  return (
    <Button off={blocked !== null} title={blocked ?? action.effect} onClick={() => run(view, action)}>
      {label ?? <PlaceText text={action.label} square={false} />}
    </Button>
  )
}
