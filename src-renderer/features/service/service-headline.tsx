import type { ReleaseView } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { PlaceText, Plate, Version } from '../../components/place.tsx'
import { HEALTH_MARK, StateMark } from '../../components/state-mark.tsx'
import { Since } from '../../components/time.tsx'
import { formatClock } from '../../lib/format.ts'
import { phaseWords } from '../../lib/release-words.ts'

/** What is live, in the page's largest words. */
export function ServiceTitle({ service }: { readonly service: ServiceView }) {
  const release = service.release && !service.release.ended ? service.release.release : null
  const known = service.observed.kind === 'known' ? service.observed.value : null
  const shown = known && release && known.weights[release.candidateEnvironment] > 0 ? release.candidateEnvironment : service.live
  return (
    <>
      <span className="truncate" title={service.name}>
        {service.name}
      </span>
      <span className="inline-flex min-w-0 items-center gap-2 text-16 font-medium text-ink-2">
        {!known && service.observed.kind === 'unknown' ? (
          <StateMark state="unknown">
            traffic unknown, <Since at={service.observed.since} />
          </StateMark>
        ) : shown && known ? (
          <>
            <span className="flex-none">{known.weights[shown]} % on</span> <Plate environment={shown} />
            <Version className="truncate font-semibold text-ink-1" version={known.environments[shown].deployed?.version ?? 'empty'} />
          </>
        ) : (
          'out of service'
        )}
      </span>
    </>
  )
}

/** Where the release is, what is wrong if anything, and what happens if nobody does anything. */
export function ServiceSentence({ service }: { readonly service: ServiceView }) {
  const view = service.release
  // A stopped release says why in the banner below.
  const isSaid = service.health === 'healthy' || (view?.release.failure !== null && view?.release.failure !== undefined)
  const health = isSaid ? null : <StateMark wraps state={HEALTH_MARK[service.health]}>{service.healthReason.replace(/\.$/, '') || service.health}</StateMark>
  if (!view) return health ?? (service.stable ? 'No release is under way. If you do nothing: it stays as it is.' : 'Nothing was ever released here. Start with a first version.')
  const words = phaseWords(view.release).replace(/, \d+ %$/, '')
  return (
    <>
      {words.charAt(0).toUpperCase() + words.slice(1)}
      {health ? <>, {health}. </> : '. '}
      {view.ended ? <PlaceText text={view.next} /> : <IfNothing view={view} />}
    </>
  )
}

/** What happens without anybody, and when. */
function IfNothing({ view }: { readonly view: ReleaseView }) {
  const { dueAt, paused } = view.release
  // What the guard asks, and what it holds for, stands below in full.
  if (paused && paused.why !== '') return <>If you do nothing: it stays as it is.</>
  if (view.next.startsWith('Held')) return <PlaceText text={view.next} />
  const words = view.next.replace(/^(When|It|Nothing|Traffic)\b/, (word) => word.toLowerCase()).replace(/\.$/, '')
  return (
    <>
      If you do nothing: <PlaceText text={words} />
      {dueAt !== null && !paused && `, at ${formatClock(dueAt)}`}.
    </>
  )
}
