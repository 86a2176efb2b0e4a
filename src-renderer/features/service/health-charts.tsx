import { useMemo, useState } from 'react'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { shownCriteria, type ShownCriterion } from './criteria-shown.ts'
import { useJudgement } from './use-judgement.tsx'
import { chartOf, plainLimit, valueWords, type ChartName } from '../../lib/criterion-words.ts'
import { formatDuration, formatMs, formatPercent, formatRate } from '../../lib/format.ts'
import { steadyWindow } from '../../components/charts/scale.ts'
import { ChartFrame } from './chart-frame.tsx'
import { ChartRow, type ChartLimit } from './chart-row.tsx'
import { toMarks } from './marks.ts'
import { useMigrationSteps } from './service-entries.ts'
import { useLines } from './series.ts'

const SPANS = [
  { label: '2 min', ms: 2 * 60_000 },
  { label: '5 min', ms: 5 * 60_000 },
  { label: '15 min', ms: 15 * 60_000 },
  { label: '1 h', ms: 60 * 60_000 },
] as const

export interface HealthChartsProps {
  readonly service: ServiceView
  readonly entries: readonly JournalEntry[]
  readonly kind: 'health' | 'resources'
  readonly tabs: React.ReactNode
}

/** Both environments on one time axis and one value axis per metric, with the journal's acts and the criteria's limits. */
export function HealthCharts({ service, entries, kind, tabs }: HealthChartsProps) {
  const [spanMs, setSpanMs] = useState<number>(5 * 60_000)
  const [hoverIndex, setHoverIndex] = useState<number | null>(null)
  const { lines, now } = useLines(service.name, spanMs)
  const { fromMs, toMs, nowMs } = steadyWindow(now, spanMs)
  const view = service.release
  const release = view && !view.ended ? view.release : null
  const shown = shownCriteria(service, now)
  const criteria = shown.all.map(({ criterion }) => criterion)
  const { strips, notes, regions } = useJudgement(service, shown, fromMs, now)
  // The thick line is the percentile that is judged.
  const judges = (quantile: string) => criteria.some(({ metric }) => metric.source === 'router' && metric.of === 'latency' && metric.quantile === quantile)
  const tail = judges('p95') && !judges('p99') ? 'p95Ms' : 'p99Ms'
  const judgedOn = (chart: ChartName, scale = 1) => ({ verdict: notes[chart], limits: limitsOf(shown.all, chart, scale), strips: strips[chart] ?? [], regions: regions.filter((region) => region.chart === chart) })
  const shared = { times: lines.times, fromMs, toMs, now: nowMs, hoverIndex, onHover: setHoverIndex }
  const steps = useMigrationSteps(service.name)
  const marks = useMemo(() => toMarks([...entries, ...steps], fromMs, nowMs), [entries, steps, fromMs, nowMs])
  const pointNote = lines.bucketMs > 1000 ? `one point is ${formatDuration(lines.bucketMs)}` : ''
  const head = (
    <>
      <div className="relative z-10 pt-1 pl-4 whitespace-nowrap text-11 leading-[14px] text-ink-3">
        {tabs}
        <span role="group" aria-label="Span" className="flex gap-2.5">
          {SPANS.map((span) => (
            <button key={span.ms} type="button" aria-pressed={span.ms === spanMs} onClick={() => setSpanMs(span.ms)} className={`min-w-6 py-[5px] text-left ${span.ms === spanMs ? 'text-ink-1 underline underline-offset-[3px]' : 'hover:text-ink-1'}`}>
              {span.label}
            </button>
          ))}
        </span>
      </div>
      <div />
      <div />
    </>
  )
  return (
    <ChartFrame rows={kind === 'health' ? 3 : 2} fromMs={fromMs} toMs={toMs} now={nowMs} marks={marks} release={release} head={head}>
      {kind === 'health' ? (
        <>
          <ChartRow {...shared} title="Error ratio" unit="%" blue={[lines.blue.errorRatio]} green={[lines.green.errorRatio]} {...judgedOn('errorRatio')} minTop={0.004} format={(value) => formatPercent(value * 100, 2)} tick={(value) => (value === 0 ? '0' : formatPercent(value * 100))} note={pointNote} />
          <ChartRow {...shared} title="Latency" unit="ms" heads={[tail.replace('Ms', ''), 'p50']} blue={[lines.blue[tail], lines.blue.p50Ms]} green={[lines.green[tail], lines.green.p50Ms]} {...judgedOn('latency')} minTop={10} format={formatMs} tick={plain} />
          <ChartRow {...shared} title="Throughput" unit="/s" blue={[lines.blue.perSecond]} green={[lines.green.perSecond]} limits={[]} minTop={5} format={(value) => `${formatRate(value)} /s`} tick={plain} />
        </>
      ) : (
        <>
          <ChartRow {...shared} title="CPU" unit="%" blue={[lines.blue.cpuPercent]} green={[lines.green.cpuPercent]} {...judgedOn('cpu')} minTop={10} format={(value) => `${value.toFixed(1)} %`} tick={(value) => `${plain(value)} %`} note="of one core, whole process tree" />
          <ChartRow {...shared} title="Memory" unit="MiB" blue={[lines.blue.memoryMib]} green={[lines.green.memoryMib]} {...judgedOn('memory', 1 / 1024 / 1024)} minTop={50} format={(value) => `${Math.round(value)} MiB`} tick={plain} note="resident, whole process tree" />
        </>
      )}
    </ChartFrame>
  )
}

function plain(value: number): string {
  return value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1)
}

/** Lines of the limits on one chart, in the chart's own scale: those of the plain rules, and where a comparison would fail now. */
function limitsOf(shown: readonly ShownCriterion[], chart: ChartName, scale: number): readonly ChartLimit[] {
  return shown.flatMap(({ criterion, result }): ChartLimit[] => {
    if (chartOf(criterion) !== chart) return []
    const { metric } = criterion
    const plainRule = plainLimit(criterion.judge)
    const what = metric.source === 'router' && metric.of === 'latency' ? ` ${metric.quantile}` : ''
    if (plainRule !== null) return [{ value: plainRule * scale, label: `limit${what} ${valueWords(metric, plainRule)}` }]
    return result?.limit === null || result?.limit === undefined ? [] : [{ value: result.limit * scale, label: `${criterion.name}: ${valueWords(metric, result.limit)}`, relative: true }]
  })
}
