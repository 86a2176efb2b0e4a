import { useEffect, useRef, useState } from 'react'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../../../src-main/contract/vocabulary.ts'
import { Lamp } from '../../components/state-mark.tsx'
import { useNow, useRecentMetrics } from '../../lib/console-context.tsx'
import { formatAge, formatPercent, formatRate } from '../../lib/format.ts'
import { previewEnvironment } from '../../lib/release-words.ts'
import { isCounting, measureTraffic, type MeasuredTraffic } from '../../lib/share.ts'
import { STALE_AFTER_MS } from '../../components/time.tsx'
import { environmentState } from './environment-state.ts'
import { bandPath, caliperPath, YARD } from './track-geometry.ts'

/** The product's signature: a router, two tracks, two environments. Thickness is the measured share of live requests. */
export function TrackDiagram({ service }: { readonly service: ServiceView }) {
  const metrics = useRecentMetrics(service.name)
  const traffic = measureTraffic(metrics)
  const now = useNow()
  const counting = isCounting(metrics, now)
  const [frame, width] = useWidth()
  const known = service.observed.kind === 'known' ? service.observed.value : null
  const readAt = service.observed.kind === 'known' ? service.observed.observedAt : service.observed.since
  const weights = known?.weights ?? null
  const share = { blue: weights ? (traffic.blueShare ?? weights.blue) : null, green: weights ? (traffic.greenShare ?? weights.green) : null }
  const desired = service.desiredWeights ?? weights
  const preview = previewEnvironment(service)
  const isStale = now - readAt > STALE_AFTER_MS
  const endX = Math.max(300, width - 1)

  return (
    <div ref={frame} className={`relative h-[214px] min-w-0 ${isStale ? 'opacity-70' : ''}`}>
      <svg width={width} height={YARD.height} role="img" aria-label={describe(service, traffic)} className="block overflow-hidden">
        <path className={share.blue === null ? 'tk-unknown' : 'tk tk-trunk'} strokeWidth={share.blue === null ? 1.5 : YARD.full} d={`M0 ${YARD.middle}H104`} />
        {share.blue === null || share.green === null ? (
          <>
            <path className="tk-unknown" d={bandPath(0, 0, -1, endX).d} />
            <path className="tk-unknown" d={bandPath(0, 0, 1, endX).d} />
          </>
        ) : (
          <>
            <Band share={share.blue} other={share.green} side={-1} endX={endX} hue="tk-blue" />
            <Band share={share.green} other={share.blue} side={1} endX={endX} hue="tk-green" />
          </>
        )}
        {desired && weights && desired.blue + desired.green > 0 && (
          <>
            <path className="tk-caliper" d={caliperPath(desired.blue, -1)} />
            <path className="tk-caliper" d={caliperPath(desired.green, 1)} />
          </>
        )}
        <rect className="tk-router" x={104} y={YARD.middle - 30} width={14} height={60} />
        {preview && (
          <>
            <circle cx={192} cy={198} r={3.5} fill="none" stroke="var(--line-3)" strokeWidth={1.5} />
            <path className="tk-preview" stroke={`var(--${preview})`} d={`M197 198H${endX}`} />
          </>
        )}
      </svg>
      <div aria-hidden="true" className="absolute inset-0 text-11 leading-[14px] text-ink-3">
        <span className="absolute top-1 left-4 whitespace-nowrap">
          {known ? `${counting ? 'weights' : 'live requests'}, read back ${now - readAt < 1000 ? 'just now' : `${formatAge(now - readAt)} ago`}` : `cannot be read for ${formatAge(now - readAt)}`}
        </span>
        <b className="absolute top-[54px] left-[111px] -translate-x-1/2 text-12 text-ink-1">router</b>
        <span className="absolute top-[70px] left-4 text-12 text-ink-2">
          {traffic.seconds === 0 ? (counting ? 'counting' : 'no data') : formatRate(traffic.totalPerSecond)} {traffic.seconds > 0 && <span className="text-11 text-ink-3">req/s</span>}
        </span>
        <span className="absolute top-[130px] left-4">live traffic</span>
        <Share y={YARD.top} share={share.blue} measured={traffic.blueShare !== null} counting={counting} desired={desired?.blue ?? null} perSecond={traffic.seconds === 0 ? null : traffic.bluePerSecond} />
        <Share y={YARD.bottom} share={share.green} measured={traffic.greenShare !== null} counting={counting} desired={desired?.green ?? null} perSecond={traffic.seconds === 0 ? null : traffic.greenPerSecond} />
      </div>
      {known?.previewAddress && preview && (
        <a href={known.previewAddress} target="_blank" rel="noreferrer" title="Preview address: operators only" className="link absolute bottom-2 left-4 max-w-[168px] truncate text-11 leading-[16px] text-ink-2">
          {known.previewAddress.replace(/^https?:\/\//, '').replace(/\/$/, '')}
        </a>
      )}
      {ENVIRONMENTS.map((environment) => {
        const state = environmentState(service, environment)
        return (
          <span key={environment} className="absolute right-[4px]" style={{ top: (environment === 'blue' ? YARD.top : YARD.bottom) - 11 }}>
            <Lamp state={state.mark} label={`${environment}: ${state.word}`} />
          </span>
        )
      })}
    </div>
  )
}

function Band({ share, other, side, endX, hue }: { readonly share: number; readonly other: number; readonly side: -1 | 1; readonly endX: number; readonly hue: string }) {
  const band = bandPath(share, other, side, endX)
  return <path className={band.width === 0 ? 'tk-rail' : `tk ${hue}`} strokeWidth={band.width || 1.5} d={band.d} />
}

interface ShareProps {
  readonly y: number
  readonly share: number | null
  readonly measured: boolean
  /** Nothing is measured yet: what is drawn is what was set. */
  readonly counting: boolean
  readonly desired: number | null
  readonly perSecond: number | null
}

function Share({ y, share, measured, counting, desired, perSecond }: ShareProps) {
  // Text keeps clear of the band, however thick: what is measured above it, what was set below.
  const half = ((share ?? 0) / 100) * (YARD.full / 2)
  const below = Math.max(half, ((desired ?? 0) / 100) * (YARD.full / 2))
  return (
    <>
      <span className={`absolute left-[248px] leading-[30px] ${counting && share !== null ? 'text-16 text-ink-3' : `text-26 font-semibold tracking-[-0.02em] ${measured || share === null ? 'text-ink-1' : 'text-ink-3'}`}`} style={{ top: y - half - 34 }}>
        {share === null ? 'unknown' : counting ? 'counting' : formatPercent(share, measured ? 1 : 0).replace(' %', '')}
        {share !== null && !counting && <span className="ml-[3px] text-[15px] font-medium tracking-normal text-ink-2">%</span>}
      </span>
      <span className="absolute left-[214px] flex gap-6 whitespace-nowrap" style={{ top: y + below + 9 }}>
        <span>{desired === null ? '' : `set ${desired} %`}</span>
        <span>{perSecond === null ? '' : `${formatRate(perSecond)} req/s`}</span>
      </span>
    </>
  )
}

/** The diagram in words: nothing in it is left to the eye alone. */
export function describe(service: ServiceView, traffic: MeasuredTraffic): string {
  if (service.observed.kind === 'unknown') return `Traffic of ${service.name} cannot be read: ${service.observed.why}.`
  const observed = service.observed.value
  const one = (environment: EnvironmentName) => {
    const measured = environment === 'blue' ? traffic.blueShare : traffic.greenShare
    const version = observed.environments[environment].deployed?.version
    const state = environmentState(service, environment)
    const share = measured === null ? `set to ${observed.weights[environment]} %, no request measured` : `${measured.toFixed(1)} % measured, set ${service.desiredWeights?.[environment] ?? observed.weights[environment]} %`
    return `${environment}${version ? ` ${version}` : ', empty'}, ${state.word}: ${share}`
  }
  const preview = previewEnvironment(service)
  return `The router gets ${traffic.totalPerSecond.toFixed(1)} requests per second. ${one('blue')}; ${one('green')}.${preview ? ` A preview track for operators leads to ${preview}.` : ''}`
}

function useWidth(): readonly [(element: HTMLDivElement | null) => void, number] {
  const [width, setWidth] = useState(440)
  const observer = useRef<ResizeObserver | null>(null)
  useEffect(() => () => observer.current?.disconnect(), [])
  const attach = (element: HTMLDivElement | null) => {
    if (!element || observer.current || typeof ResizeObserver === 'undefined') return
    observer.current = new ResizeObserver(([entry]) => entry && setWidth(Math.round(entry.contentRect.width)))
    observer.current.observe(element)
  }
  return [attach, width]
}
