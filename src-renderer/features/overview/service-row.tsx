import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../../../src-main/contract/vocabulary.ts'
import { Place, PlaceText, Version } from '../../components/place.tsx'
import { HEALTH_MARK, StateMark } from '../../components/state-mark.tsx'
import { STALE_AFTER_MS, Countdown, Moment, Since, useStale } from '../../components/time.tsx'
import { MiniTrack } from '../../components/track-mini.tsx'
import { useNow, useRecentMetrics, useService } from '../../lib/console-context.tsx'
import { formatAge, formatMs, formatPercent, formatRate, formatRatio } from '../../lib/format.ts'
import { rollBackWords } from '../service/decided.ts'
import { dueFraction, isMoving, isWaiting, phaseWords, previewEnvironment } from '../../lib/release-words.ts'
import { isCounting, measureTraffic, recentErrorRatio, recentLatency } from '../../lib/share.ts'

/** Shared by the heads and the rows of the list. */
export const ROW_COLUMNS =
  'grid grid-cols-[116px_minmax(96px,1fr)_132px_minmax(180px,212px)_64px_72px_72px_minmax(150px,2fr)_72px] max-[1100px]:grid-cols-[104px_minmax(80px,1fr)_132px_minmax(160px,196px)_64px_64px_minmax(130px,2fr)_64px] narrow:min-w-[740px] narrow:grid-cols-[96px_minmax(96px,1fr)_minmax(168px,196px)_64px_64px_minmax(120px,2fr)_56px] items-center gap-x-2 px-4'

interface RowProps {
  readonly name: string
  readonly index: number
  readonly selected: boolean
  readonly onSelect: (name: string) => void
}

/** One service in a line of 33 px. */
export const ServiceRow = memo(function ServiceRow({ name, index, selected, onSelect }: RowProps) {
  // Its own: a row must not wait for the list, nor the list be redone for a row.
  const service = useService(name)
  if (!service) return null
  return (
    <div
      role="row"
      id={`service-${service.name}`}
      aria-rowindex={index + 2}
      aria-selected={selected}
      onClick={() => onSelect(service.name)}
      className={`${ROW_COLUMNS} h-[33px] border-b border-line-1 text-12 leading-[14px] whitespace-nowrap ${selected ? 'bg-bg-2 shadow-[inset_2px_0_0_var(--ink-1)]' : 'hover:bg-bg-2'}`}
    >
      <div role="gridcell">
        <StateMark state={HEALTH_MARK[service.health]}>
          {service.health}
          {service.observed.kind === 'unknown' && (
            <>
              {' '}
              <Since at={service.observed.since} />
            </>
          )}
        </StateMark>
      </div>
      <div role="gridcell" className="min-w-0">
        <Link to="/services/$name" params={{ name: service.name }} tabIndex={-1} className="block truncate text-13 leading-[15px] font-medium hover:underline">
          {service.name}
        </Link>
        <span className="block truncate text-11 leading-[13px] text-ink-3">{service.provider}</span>
      </div>
      <Traffic service={service} />
      <Numbers service={service} />
      <div role="gridcell" className="min-w-0 pl-4" title={service.release?.next ?? service.healthReason}>
        <NowLines service={service} />
      </div>
      <div role="gridcell" className="text-right text-14 font-semibold">
        <Left service={service} />
      </div>
    </div>
  )
})

function Traffic({ service }: { readonly service: ServiceView }) {
  const traffic = measureTraffic(useRecentMetrics(service.name))
  const known = service.observed.kind === 'known' ? service.observed.value : null
  const blue = known ? (traffic.blueShare ?? known.weights.blue) : null
  const green = known ? (traffic.greenShare ?? known.weights.green) : null
  const preview = previewEnvironment(service)
  const desired = service.desiredWeights
  const isStale = useStale(service.observed.kind === 'known' ? service.observed.observedAt : null) !== null
  const differs = known && desired && (desired.blue !== known.weights.blue || desired.green !== known.weights.green) ? desired : null
  return (
    <>
      <div role="gridcell" className={`narrow:hidden ${isStale ? 'opacity-55' : ''}`}>
        <MiniTrack blue={blue} green={green} desired={differs} preview={preview && (preview === 'blue' ? blue : green) === 0 ? preview : null} />
      </div>
      <div role="gridcell" className="min-w-0">
        {ENVIRONMENTS.map((environment) => (
          <EnvironmentLine key={environment} environment={environment} version={known ? (known.environments[environment].deployed?.version ?? 'empty') : ''} share={environment === 'blue' ? blue : green} measured={traffic.blueShare !== null} stale={isStale} />
        ))}
      </div>
    </>
  )
}

function EnvironmentLine({ environment, version, share, measured, stale }: { readonly environment: EnvironmentName; readonly version: string; readonly share: number | null; readonly measured: boolean; readonly stale: boolean }) {
  const ink = stale || share === null || share === 0 ? 'text-ink-3' : ''
  return (
    <span className="grid grid-cols-[52px_minmax(0,1fr)_52px] items-center leading-[14px]">
      <Place environment={environment} square={false} />
      <Version version={version} className={`truncate ${ink}`} />
      <span className={`text-right ${ink}`}>{share === null ? 'unknown' : version === 'empty' && share === 0 ? '' : formatPercent(share, measured && share % 1 !== 0 ? 1 : 0)}</span>
    </span>
  )
}

function Numbers({ service }: { readonly service: ServiceView }) {
  const metrics = useRecentMetrics(service.name)
  const traffic = measureTraffic(metrics)
  const now = useNow()
  const samples = [...metrics.blue.slice(-10), ...metrics.green.slice(-10)]
  const errors = recentErrorRatio(samples)
  const p99 = recentLatency(samples, 'p99Ms')
  const ageMs = traffic.at === null ? null : now - traffic.at
  if (ageMs === null || ageMs > STALE_AFTER_MS * 2) {
    return (
      <>
        <div role="gridcell" className="text-right text-ink-3">
          {ageMs === null ? (isCounting(metrics, now) ? 'counting' : 'no data') : `${formatAge(ageMs)} old`}
        </div>
        <div role="gridcell" />
        <div role="gridcell" className="max-[1100px]:hidden" />
      </>
    )
  }
  return (
    <>
      <div role="gridcell" className="text-right">
        {errors === null ? <span className="text-ink-3">none</span> : formatRatio(errors)}
      </div>
      <div role="gridcell" className="text-right">
        {p99 === null ? (
          <span className="text-ink-3">none</span>
        ) : (
          <>
            {formatMs(p99)} <span className="text-ink-3">ms</span>
          </>
        )}
      </div>
      <div role="gridcell" className="text-right max-[1100px]:hidden">
        {formatRate(traffic.totalPerSecond)} <span className="text-ink-3">/s</span>
      </div>
    </>
  )
}

function NowLines({ service }: { readonly service: ServiceView }) {
  const view = service.release
  const line = 'block truncate leading-[14px]'
  if (!view) return <span className={`${line} text-ink-3`}>{service.healthReason || 'no release yet'}</span>
  if (view.ended) {
    const at = view.release.endedAt
    return (
      <>
        <span className={`${line} ${service.health === 'failing' ? '' : 'text-ink-3'}`}>
          {view.release.phase === 'retired' ? 'since' : `${phaseWords(view.release)} ${view.release.candidate.version},`} {at !== null && <Moment at={at} />}
        </span>
        {service.health !== 'healthy' ? <span className={`${line} text-ink-3`}>{service.healthReason}</span> : view.release.phase === 'rolledBack' && view.release.rollback && <span className={`${line} text-ink-3`} title={view.release.rollback.reason}>{rollBackWords(view.release)}</span>}
      </>
    )
  }
  return (
    <>
      <span className={line}>
        {phaseWords(view.release)} <span className="text-ink-3">{view.release.candidate.version}</span>
      </span>
      <span className={`${line} text-ink-3`}>{service.health === 'healthy' ? <PlaceText text={view.next} square={false} /> : service.healthReason}</span>
    </>
  )
}

function Left({ service }: { readonly service: ServiceView }) {
  const now = useNow()
  const view = service.release
  if (!view || view.ended) return null
  const fraction = dueFraction(view.release, now)
  if (view.release.dueAt === null || view.release.paused) return isWaiting(view) ? <span className="text-12">waits</span> : isMoving(view) ? <span className="text-12 text-ink-3">runs</span> : null
  return (
    <>
      <Countdown until={view.release.dueAt} />
      {fraction !== null && (
        <span className="mt-1 ml-auto block h-0.5 w-12 bg-bg-3">
          <span className="block h-0.5 bg-ink-3" style={{ width: `${fraction * 100}%` }} />
        </span>
      )}
    </>
  )
}
