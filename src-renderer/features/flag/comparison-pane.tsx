import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { FlagComparison } from '../../../src-main/contract/flag.ts'
import { IntervalPlot } from '../../components/charts/interval-plot.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { PaneHeading, Skeleton } from '../../components/pane.tsx'
import { StateMark, type MarkState } from '../../components/state-mark.tsx'
import { Since } from '../../components/time.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { comparisonQuery } from '../../lib/flag-queries.ts'
import { formatCount, formatPercent, plural } from '../../lib/format.ts'
import { toFault } from '../../lib/session.ts'

type Metric = FlagComparison['metrics'][number]

const VERDICTS: Readonly<Record<Metric['verdict'], { readonly word: string; readonly state: MarkState }>> = {
  better: { word: 'better', state: 'fine' },
  worse: { word: 'worse', state: 'fail' },
  undecided: { word: 'not decided', state: 'unknown' },
  notEnoughData: { word: 'not enough data', state: 'unknown' },
}

/** Variants against each other, with the numbers behind every word. */
export function ComparisonPane({ source, flag }: { readonly source: string; readonly flag: string }) {
  const { session } = useConsole()
  const { data, error, isPending, refetch } = useQuery(comparisonQuery(session, source, flag))
  const [picked, setPicked] = useState<string | null>(null)
  const metrics = data?.metrics ?? []
  const shown = metrics.find((metric) => nameOf(metric) === picked) ?? metrics.find((metric) => metric.interval !== null) ?? metrics[0] ?? null
  return (
    <section aria-label="Comparison of variants" className="flex min-w-0 flex-col pb-3">
      <PaneHeading
        title="Comparison"
        detail={shown ? `${shown.metric}, ${shown.variant} minus ${shown.against}` : undefined}
        end={
          data &&
          data.users > 0 && (
            <>
              {plural(data.users, 'user')}
              {data.since !== null && (
                <span>
                  in <Since at={data.since} />
                </span>
              )}
            </>
          )
        }
      />
      {isPending && <Skeleton rows={3} />}
      {error && <FaultNote fault={toFault(error)} onRetry={() => void refetch()} />}
      {data && metrics.length > 1 && (
        <div role="group" aria-label="Metric" className="flex flex-wrap gap-x-3 px-4 pb-1 text-12">
          {metrics.map((metric) => (
            <button key={nameOf(metric)} type="button" aria-pressed={metric === shown} onClick={() => setPicked(nameOf(metric))} className={`min-h-6 ${metric === shown ? 'underline underline-offset-[3px]' : 'text-ink-3 hover:text-ink-1'}`}>
              {nameOf(metric)}
            </button>
          ))}
        </div>
      )}
      {data && shown && <Shown metric={shown} />}
      {data && data.variants.length > 0 && <Variants comparison={data} />}
      {data && <Notes comparison={data} />}
    </section>
  )
}

const nameOf = (metric: Metric) => (metric.against === '' ? metric.metric : `${metric.metric}, ${metric.variant}`)
const signed = (text: string, value: number) => (value > 0 ? `+${text}` : text.replace('-', '−'))

/** A share's difference in points; a mean's in its own unit. */
function difference(metric: Pick<Metric, 'kind'>, value: number): string {
  const shown = metric.kind === 'proportion' ? value * 100 : value
  const digits = Math.abs(shown) >= 10 ? 0 : Math.abs(shown) >= 1 ? 1 : 2
  return signed(shown.toFixed(digits), shown)
}

const unit = (metric: Pick<Metric, 'kind'>) => (metric.kind === 'proportion' ? ' pp' : '')

function Shown({ metric }: { readonly metric: Metric }) {
  const verdict = VERDICTS[metric.verdict]
  const { interval } = metric
  const range = interval === null ? null : `${difference(metric, interval.low)} to ${difference(metric, interval.high)}${unit(metric)}, ${formatPercent(interval.confidence * 100)}`
  return (
    <div className="grid grid-cols-[184px_minmax(0,1fr)] gap-x-3 px-4 pb-2 narrow:grid-cols-1">
      <div className="min-w-0">
        {interval !== null && (
          <p className="text-20 leading-[26px] font-semibold">
            {difference(metric, metric.effect)} <span className="text-13 font-normal text-ink-3">{unit(metric).trim()}</span>
          </p>
        )}
        {range !== null && <p className="text-12 text-ink-2">{range}</p>}
        <p className="py-0.5">
          <StateMark state={verdict.state}>{verdict.word}</StateMark>
        </p>
        <p className="text-12 leading-4 text-ink-3">{metric.words}</p>
      </div>
      {metric.course.length > 1 ? (
        <IntervalPlot
          points={metric.course}
          tick={(value) => `${difference(metric, value)}${unit(metric)}`}
          summary={`Difference in ${metric.metric}, ${metric.variant} minus ${metric.against}: now ${difference(metric, metric.effect)}${unit(metric)}${range === null ? '' : `, interval ${range}`}. ${verdict.word}.`}
        />
      ) : (
        <p className="self-center text-12 text-ink-3">{interval === null ? 'The interval is drawn once there is enough data.' : ''}</p>
      )}
    </div>
  )
}

function Variants({ comparison }: { readonly comparison: FlagComparison }) {
  const { variants, sampleRatio } = comparison
  const kinds = new Map(comparison.metrics.map(({ metric, kind }) => [metric, kind]))
  const names = [...new Set(variants.flatMap(({ metrics }) => Object.keys(metrics)))].slice(0, 4)
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Counts by variant">
      <table className="w-full text-12 leading-6 whitespace-nowrap">
        <thead>
          <tr className="border-b border-line-1 text-11 text-ink-3">
            <th className="pl-4">variant</th>
            <th className="pr-3 text-right">users</th>
            <th className="pr-3 text-right">share</th>
            {names.map((name) => (
              <th key={name} className="pr-3 text-right">
                {name}
              </th>
            ))}
            <th className="pr-4">sample ratio</th>
          </tr>
        </thead>
        <tbody>
          {variants.map((variant, index) => (
            <tr key={variant.variant} className="border-b border-line-1">
              <td className="pl-4 font-medium">{variant.variant}</td>
              <td className="pr-3 text-right">{formatCount(variant.users)}</td>
              <td className="pr-3 text-right">{variant.share === null ? '' : formatPercent(variant.share)}</td>
              {names.map((name) => {
                const counted = variant.metrics[name]
                return (
                  <td key={name} className="pr-3 text-right" title={counted ? `${formatCount(counted.converted)} of ${formatCount(variant.users)} users` : undefined}>
                    {counted === undefined ? 'none' : kinds.get(name) === 'mean' ? formatCount(Number(counted.mean.toPrecision(4))) : formatPercent(counted.mean * 100, 1)}
                  </td>
                )
              })}
              {index === 0 && (
                <td rowSpan={variants.length} className="max-w-56 pr-4 align-middle whitespace-normal">
                  {sampleRatio === null ? <span className="text-ink-3">not checked</span> : sampleRatio.ok ? <span className="text-ink-2">{sampleRatio.words}</span> : <StateMark wraps state="fail">{sampleRatio.words}</StateMark>}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Notes({ comparison }: { readonly comparison: FlagComparison }) {
  const { notes, crossedOver, notCounted, metrics } = comparison
  const said = [
    ...notes,
    ...(crossedOver > 0 ? [`${plural(crossedOver, 'user')} saw two variants and ${crossedOver === 1 ? 'counts' : 'count'} in neither.`] : []),
    ...(notCounted > 0 ? [`${plural(notCounted, 'user')} beyond the room for counting ${notCounted === 1 ? 'is' : 'are'} left out.`] : []),
  ]
  if (said.length === 0 && metrics.length > 0) return null
  return (
    <div className="px-4 pt-1.5 text-12 leading-4 text-ink-3">
      {said.map((note) => (
        <p key={note}>{note}</p>
      ))}
      {metrics.length === 0 && <p>Apps report exposures and conversions through an OpenFeature hook; docs/flags.md says how. Until then, nothing is concluded.</p>}
    </div>
  )
}
