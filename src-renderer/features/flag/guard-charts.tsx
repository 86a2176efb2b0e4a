import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo, useState, type ReactNode } from 'react'
import type { CriterionResult } from '../../../src-main/contract/analysis.ts'
import type { FlagGuardSeries, RolloutView } from '../../../src-main/contract/flag.ts'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { steadyWindow } from '../../components/charts/scale.ts'
import { Skeleton } from '../../components/pane.tsx'
import { resultLook, VerdictMark } from '../../components/verdict-mark.tsx'
import { useConsole, useNow } from '../../lib/console-context.tsx'
import { chartOf, plainLimit, valueWords, type ChartName } from '../../lib/criterion-words.ts'
import { guardSeriesQuery } from '../../lib/flag-queries.ts'
import { formatCount, formatDuration, formatMs, formatPercent, formatRate } from '../../lib/format.ts'
import { toFault } from '../../lib/session.ts'
import { ChartFrame } from '../service/chart-frame.tsx'
import { endsOf, toSegments } from '../service/verdict-segments.ts'
import { toGuardLines } from './guard-lines.ts'
import { guardMarks } from './guard-marks.ts'
import { GuardRow, type GuardLimit } from './guard-row.tsx'

const MINUTE_MS = 60_000
const NO_SERIES: FlagGuardSeries = { exposed: [], unexposed: [], resolutionMs: 1000, absent: '' }
const STRIPS = 2

/** Exposed against unexposed users on one axis of time, with limits, verdicts and what was done. */
export function GuardCharts({ view, entries }: { readonly view: RolloutView; readonly entries: readonly JournalEntry[] }) {
  const { rollout } = view
  const { session, store } = useConsole()
  const queries = useQueryClient()
  const [spanMs, setSpanMs] = useState(() => firstSpan(rollout))
  const [hoverIndex, setHoverIndex] = useState<number | null>(null)
  const now = useNow()
  const { data, error, isPending } = useQuery(guardSeriesQuery(session, queries, rollout.source, rollout.flag, spanMs, store.now))
  const { fromMs, toMs, nowMs } = steadyWindow(now, spanMs)
  const lines = useMemo(() => toGuardLines(data ?? NO_SERIES, fromMs, nowMs), [data, fromMs, nowMs])
  const changes = store.flags.verdicts(rollout.id)
  const segments = useMemo(() => toSegments(changes, endsOf([{ id: rollout.id, endedAt: rollout.endedAt, rollback: null }]), fromMs, nowMs), [changes, rollout.id, rollout.endedAt, fromMs, nowMs])
  const marks = useMemo(() => guardMarks(view, entries, fromMs, nowMs), [view, entries, fromMs, nowMs])
  const absent = error ? toFault(error).message : (data?.absent ?? '')
  if (isPending) return <Skeleton rows={4} />
  if (absent !== '') return <NoGuard why={absent} view={view} />
  const judged = (chart: ChartName) => {
    const criteria = rollout.criteria.filter((criterion) => chartOf(criterion) === chart)
    const results = criteria.flatMap((criterion) => {
      // With several variants each is judged on its own, and says which it is.
      return rollout.analysis.filter(({ name }) => name === criterion.name || name.startsWith(`${criterion.name} (`)).map((result) => ({ criterion, result }))
    })
    return {
      limits: criteria.flatMap((criterion): GuardLimit[] => {
        const plain = plainLimit(criterion.judge)
        if (plain !== null) return [{ value: plain, label: `limit ${valueWords(criterion.metric, plain)}`, relative: false }]
        const limit = results.find((each) => each.criterion === criterion)?.result.limit ?? null
        return limit === null ? [] : [{ value: limit, label: `${criterion.name}: ${valueWords(criterion.metric, limit)}`, relative: true }]
      }),
      verdict: worstOf(results.map(({ result }) => result)),
      strips: results.flatMap(({ result: { name } }) => {
        const mine = segments.get(name)
        return mine ? [{ name, segments: mine }] : []
      }).slice(0, STRIPS),
    }
  }
  const shared = { times: lines.times, fromMs, toMs, now: nowMs, hoverIndex, onHover: setHoverIndex }
  return (
    <ChartFrame rows={3} label="Guards, exposed against unexposed users" fromMs={fromMs} toMs={toMs} now={nowMs} marks={marks} release={view.ended ? null : rollout} head={<Head spanMs={spanMs} onSpan={setSpanMs} bucketMs={lines.bucketMs} />}>
      <GuardRow {...shared} {...judged('errorRatio')} title="Error ratio" exposed={lines.exposed.errorRatio} unexposed={lines.unexposed.errorRatio} minTop={0.004} format={(value) => formatPercent(value * 100, 2)} tick={(value) => (value === 0 ? '0' : formatPercent(value * 100))} />
      <GuardRow {...shared} {...judged('latency')} title="Latency p99" exposed={lines.exposed.p99Ms} unexposed={lines.unexposed.p99Ms} minTop={10} format={(value) => `${formatMs(value)} ms`} tick={plain} />
      <GuardRow {...shared} limits={[]} verdict={null} strips={[]} title="Requests" exposed={lines.exposed.perSecond} unexposed={lines.unexposed.perSecond} minTop={1} format={(value) => `${value >= 100 ? formatCount(Math.round(value)) : formatRate(value)} /s`} tick={plain} />
    </ChartFrame>
  )
}

/** Short holds are looked at closely. */
function firstSpan({ plan }: RolloutView['rollout']): number {
  return Math.max(...plan.stages.map(({ holdMs }) => holdMs)) < 2 * MINUTE_MS ? 2 * MINUTE_MS : 5 * MINUTE_MS
}

const SPANS = [
  { label: '2 min', ms: 2 * MINUTE_MS },
  { label: '5 min', ms: 5 * MINUTE_MS },
  { label: '30 min', ms: 30 * MINUTE_MS },
] as const

function Head({ spanMs, onSpan, bucketMs }: { readonly spanMs: number; readonly onSpan: (ms: number) => void; readonly bucketMs: number }) {
  return (
    <>
      <div className="relative z-10 pt-1.5 pl-4 whitespace-nowrap text-11 leading-[14px] text-ink-3">
        <h2 className="text-13 leading-5 text-ink-1" title={bucketMs > 1000 ? `one point is ${formatDuration(bucketMs)}` : 'one point is a second'}>
          Guards
        </h2>
        <span role="group" aria-label="Span" className="flex gap-2.5">
          {SPANS.map((span) => (
            <button key={span.ms} type="button" aria-pressed={span.ms === spanMs} onClick={() => onSpan(span.ms)} className={`min-w-6 py-[5px] text-left ${span.ms === spanMs ? 'text-ink-1 underline underline-offset-[3px]' : 'hover:text-ink-1'}`}>
              {span.label}
            </button>
          ))}
        </span>
      </div>
      <div />
      <div />
    </>
  )
}

const ORDER = { fail: 0, watch: 1, unknown: 2, fine: 3 } as const

/** The worst of what is said of a chart's metric, with its closeness to taking it back. */
function worstOf(results: readonly CriterionResult[]): ReactNode {
  const worst = results.map((result) => ({ result, look: resultLook(result) })).toSorted((a, b) => ORDER[a.look.state] - ORDER[b.look.state] || b.result.closeness - a.result.closeness)[0]
  if (!worst) return null
  const { look, result } = worst
  return (
    <span title={result.why}>
      {look.state === 'fine' ? `${look.word}, ${Math.round(result.closeness * 100)} % of the limit` : <VerdictMark look={look} />}
    </span>
  )
}

/** Nothing to draw, said plainly, with what the guard says all the same. */
function NoGuard({ why, view }: { readonly why: string; readonly view: RolloutView }) {
  const { criteria, analysis } = view.rollout
  return (
    <section aria-label="Guards, exposed against unexposed users" className="flex-none px-4 py-3">
      <h2 className="text-13">Guards</h2>
      <p className="text-ink-2">{why}</p>
      {criteria.length === 0 && <p className="text-12 text-ink-3">No criterion guards this rollout: its stages advance by time alone.</p>}
      {analysis.map((result) => (
        <p key={result.name} className="pt-1 text-12">
          <VerdictMark look={resultLook(result)} /> <b className="font-medium">{result.name}</b> <span className="text-ink-2">{result.why}</span>
        </p>
      ))}
    </section>
  )
}

function plain(value: number): string {
  return value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1)
}
