import type { Criterion } from '../../../src-main/contract/plan.ts'
import type { CriterionResult } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { PaneHeading } from '../../components/pane.tsx'
import { Place } from '../../components/place.tsx'
import { StateMark, type MarkState } from '../../components/state-mark.tsx'
import type { RecentMetrics } from '../../lib/live-store.ts'
import { useRecentMetrics } from '../../lib/console-context.tsx'
import { formatCount, formatDuration, formatMs, formatPercent } from '../../lib/format.ts'
import { recentErrorRatio, recentLatency } from '../../lib/share.ts'

const NAMES: Readonly<Record<string, string>> = { errorRatio: 'Error ratio', p50Ms: 'Latency p50', p95Ms: 'Latency p95', p99Ms: 'Latency p99' }
/** From here on a gauge takes colour. */
const WATCH_FRACTION = 0.8

/** How near each criterion is to taking traffic back. */
export function Criteria({ service }: { readonly service: ServiceView }) {
  const view = service.release && !service.release.ended ? service.release : null
  const criteria = view?.release.plan.criteria ?? service.plan.criteria
  const results = view?.release.analysis ?? []
  const recent = useRecentMetrics(service.name)
  if (criteria.length === 0) {
    return (
      <section aria-label="Criteria">
        <PaneHeading title="Criteria" />
        <p className="px-4 pb-2 text-12 text-ink-3">This service declares none: no metric holds or rolls back its releases.</p>
      </section>
    )
  }
  const isWatched = view !== null && (view.release.phase === 'shifting' || view.release.phase === 'baking')
  const judged = results.some((result) => result.verdict !== 'inconclusive')
  return (
    <section aria-label="How close to rollback" className="pb-1">
      <PaneHeading
        title={isWatched ? 'How close to rollback' : 'Criteria of a release'}
        end={
          <span className="flex gap-2.5 text-11">
            <Place environment="blue" />
            <Place environment="green" />
          </span>
        }
      />
      {criteria.map((criterion) => (
        <Gauge key={`${criterion.metric}${criterion.limit}`} criterion={criterion} result={results.find((result) => result.metric === criterion.metric && result.limit === criterion.limit) ?? null} candidate={view?.release.candidateEnvironment ?? null} recent={recent} />
      ))}
      <p className="px-4 pt-1 pb-2 text-12 leading-4 text-ink-3">{note(criteria, results, judged, isWatched)}</p>
    </section>
  )
}

function note(criteria: readonly Criterion[], results: readonly CriterionResult[], judged: boolean, releasing: boolean): string {
  const consecutive = Math.max(...criteria.map((criterion) => criterion.consecutive))
  const rule = `${consecutive === 1 ? 'One fail rolls back' : `${consecutive} fails in a row roll back`}; missing data holds.`
  if (!releasing) return `Judged while a release shifts and bakes. ${rule}`
  const requests = Math.max(0, ...results.map((result) => result.requests))
  const window = formatDuration(Math.max(...criteria.map((criterion) => criterion.windowMs)))
  if (results.length === 0) return `Judged once the new version has live traffic. ${rule}`
  return `${formatCount(requests)} requests in ${window}, ${judged ? 'enough to judge' : 'not enough to judge yet'}. ${rule}`
}

interface GaugeProps {
  readonly criterion: Criterion
  readonly result: CriterionResult | null
  readonly candidate: 'blue' | 'green' | null
  readonly recent: RecentMetrics
}

function Gauge({ criterion, result, candidate, recent }: GaugeProps) {
  const name = NAMES[criterion.metric] ?? criterion.metric
  const isRatio = criterion.metric === 'errorRatio'
  const seen = (environment: 'blue' | 'green') => (criterion.metric === 'errorRatio' ? recentErrorRatio(recent[environment]) : recentLatency(recent[environment], criterion.metric))
  const judgedValue = result?.value ?? null
  const at = { blue: candidate === 'blue' ? (judgedValue ?? seen('blue')) : seen('blue'), green: candidate === 'green' ? (judgedValue ?? seen('green')) : seen('green') }
  const value = candidate ? at[candidate] : at.blue === null && at.green === null ? null : Math.max(at.blue ?? 0, at.green ?? 0)
  const fraction = value === null ? 0 : Math.min(1, value / criterion.limit)
  const state: MarkState | null = result?.verdict === 'fail' ? 'fail' : candidate === null || value === null ? null : fraction >= 1 ? 'fail' : fraction >= WATCH_FRACTION ? 'watch' : null
  const limitText = isRatio ? formatPercent(criterion.limit * 100) : `${formatMs(criterion.limit)} ms`
  const valueText = value === null ? 'no data' : isRatio ? formatPercent(value * 100, value < 0.1 ? 2 : 1) : formatMs(value)
  const percent = Math.round(fraction * 100)
  return (
    <div className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-2 px-4 pt-[3px] pb-1">
      <span className="truncate font-medium">{name}</span>
      <span className="flex items-center gap-2 text-right whitespace-nowrap">
        {state && <StateMark state={state}>{state === 'fail' ? 'fail' : 'watch'}</StateMark>}
        {result?.verdict === 'inconclusive' && !state && <StateMark state="unknown">inconclusive</StateMark>}
        <span title={result?.why}>
          {valueText} <span className="text-ink-3">of {limitText}</span>
        </span>
      </span>
      <div role="img" aria-label={`${name}: ${valueText} of ${limitText}, ${percent} % of the way to the limit`} className="relative col-span-2 mt-px h-3.5">
        <span className="absolute inset-x-0 top-1.5 h-0.5 bg-line-2" />
        <span className="absolute top-[5px] left-0 h-1 bg-ink-3" style={{ width: `${Math.min(fraction, WATCH_FRACTION) * 100}%` }} />
        {fraction > WATCH_FRACTION && <span className={`absolute top-1 left-[80%] h-1.5 ${state === 'fail' ? 'bg-fail' : 'bg-watch'}`} style={{ width: `${(fraction - WATCH_FRACTION) * 100}%` }} />}
        <span className="absolute top-1 left-[80%] h-1.5 w-px bg-line-3" />
        {(['blue', 'green'] as const).map((environment) => {
          const seenValue = at[environment]
          if (seenValue === null) return null
          return <span key={environment} className={`absolute top-px -ml-[1.5px] h-3 w-[3px] ${environment === 'blue' ? 'bg-blue' : 'bg-green'}`} style={{ left: `${Math.min(1, seenValue / criterion.limit) * 100}%` }} />
        })}
        <span className="absolute top-0 right-0 h-3.5 w-0.5 bg-ink-1" />
      </div>
    </div>
  )
}
