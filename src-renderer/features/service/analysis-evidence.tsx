import { lazy, Suspense } from 'react'
import type { Json } from '../../../src-main/contract/journal.ts'
import { Skeleton } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'
import { resultLook, VerdictMark } from '../../components/verdict-mark.tsx'
import { judgeWords, SEVERITY_WORDS, tickWords, valueWords } from '../../lib/criterion-words.ts'
import { formatClock, formatCount, formatDuration } from '../../lib/format.ts'
import { countsIn, evidencePoints, readVerdictEvidence, type EvidencePoint, type JudgedEvidence } from './evidence-lines.ts'

const HistoryPlot = lazy(() => import('../../components/charts/history-plot.tsx').then((module) => ({ default: module.HistoryPlot })))

/** True for evidence this draws. */
export function isVerdictEvidence(value: Json): boolean {
  return readVerdictEvidence(value) !== null
}

/** The picture a verdict was made on, from the samples stored with it: both sides, the limit, the stretch that decided. */
export function AnalysisEvidence({ value }: { readonly value: Json }) {
  const evidence = readVerdictEvidence(value)
  if (!evidence) return null
  const others = evidence.results.filter(({ name }) => !evidence.judged.some(({ criterion }) => criterion.name === name))
  return (
    <div className="grid gap-2">
      {evidence.judged.map((judged) => (
        <Judged key={judged.criterion.name} judged={judged} />
      ))}
      {others.length > 0 && (
        <ul aria-label="What the other criteria said" className="px-4">
          {others.map((result) => (
            <li key={result.name} className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-3 border-t border-line-1 py-1 text-12">
              <span>
                <b className="font-medium">{result.name}</b>{' '}
                <span className="text-ink-2">
                  <PlaceText text={result.why} square={false} />
                </span>
              </span>
              <VerdictMark look={resultLook(result)} />
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

function Judged({ judged }: { readonly judged: JudgedEvidence }) {
  const { criterion, result, input } = judged
  const { metric } = criterion
  const { points, bucketMs } = evidencePoints(judged)
  const isCounted = metric.source === 'router' || metric.source === 'probe'
  const against = result.against === 'live' ? 'old version' : result.against === 'history' ? "old version's record" : null
  const hasBaseline = points.some((point) => point.baseline !== null && (!isCounted || point.baselineRequests > 0))
  return (
    <section aria-label={`${criterion.name}, what decided`} className="break-inside-avoid px-4">
      <h3 className="flex items-baseline gap-2 text-13">
        <span className="min-w-0 flex-1 truncate">{criterion.name}</span>
        <VerdictMark look={resultLook(result)} />
        <span className="flex-none text-12 font-normal text-ink-3">{SEVERITY_WORDS[criterion.severity]}</span>
      </h3>
      <p className="text-12 leading-4 text-ink-1">
        <PlaceText text={result.why} square={false} />
      </p>
      <p className="flex flex-wrap gap-x-4 pt-1 text-11 text-ink-3">
        <span className="inline-flex items-center gap-1.5">
          <span aria-hidden="true" className="inline-block w-4 border-t-2 border-ink-1" /> new version
        </span>
        {(hasBaseline || against) && (
          <span className="inline-flex items-center gap-1.5">
            <span aria-hidden="true" className="inline-block w-4 border-t border-dashed border-ink-2" /> {against ?? 'old version'}
          </span>
        )}
        <span className="inline-flex items-center gap-1.5">
          <span aria-hidden="true" className={`inline-block size-2.5 ${result.verdict === 'fail' ? 'bg-(--fail-wash)' : 'bg-bg-3'}`} /> judged
        </span>
        <span className="ml-auto">one point is {formatDuration(bucketMs)}</span>
      </p>
      <Suspense fallback={<Skeleton rows={2} />}>
        <HistoryPlot
          points={points.map((point) => ({ at: point.at, blue: null, green: null, candidate: point.candidate, baseline: point.baseline }))}
          {...(result.limit === null ? {} : { limit: { value: result.limit, label: `limit ${valueWords(metric, result.limit)}` } })}
          {...(hasBaseline || result.baseline === null ? {} : { record: result.baseline })}
          region={{ fromMs: result.fromAt, toMs: result.toAt, hot: result.verdict === 'fail' }}
          tick={(at) => tickWords(metric, at)}
          summary={summaryOf(judged, points)}
        />
      </Suspense>
      {isCounted && <Counts points={points} hasBaseline={hasBaseline} />}
      <Facts judged={judged} />
      <p className="pt-1 text-11 leading-4 text-ink-3">
        {judgeWords(criterion)} {input.crashes.length > 0 && `${input.crashes.length} crashes counted as evidence.`}
      </p>
    </section>
  )
}

function summaryOf({ criterion, result, input }: JudgedEvidence, points: readonly EvidencePoint[]): string {
  const { metric } = criterion
  const ends = (key: 'candidate' | 'baseline') => {
    const values = points.flatMap((point) => (point[key] === null ? [] : [point[key]]))
    return values.length === 0 ? 'no data' : `between ${valueWords(metric, Math.min(...values))} and ${valueWords(metric, Math.max(...values))}`
  }
  const limit = result.limit === null ? '' : ` Limit ${valueWords(metric, result.limit)}.`
  return `${criterion.name} from ${formatClock(points[0]?.at ?? input.now)} to ${formatClock(input.now)}: new version ${ends('candidate')}, old version ${ends('baseline')}.${limit} Judged on ${formatClock(result.fromAt)} to ${formatClock(result.toAt)}: ${result.verdict}.`
}

/** Requests of both sides over time, errors in them solid: what a ratio alone hides. */
function Counts({ points, hasBaseline }: { readonly points: readonly EvidencePoint[]; readonly hasBaseline: boolean }) {
  const total = (key: 'candidateRequests' | 'candidateErrors' | 'baselineRequests' | 'baselineErrors') => points.reduce((sum, point) => sum + point[key], 0)
  const rows = [
    { name: 'new', requests: points.map((point) => point.candidateRequests), errors: points.map((point) => point.candidateErrors), words: `${formatCount(total('candidateErrors'))} errors in ${formatCount(total('candidateRequests'))} requests` },
    ...(hasBaseline ? [{ name: 'old', requests: points.map((point) => point.baselineRequests), errors: points.map((point) => point.baselineErrors), words: `${formatCount(total('baselineErrors'))} errors in ${formatCount(total('baselineRequests'))} requests` }] : []),
  ]
  return (
    <>
      {rows.map((row) => (
        <div key={row.name} role="img" aria-label={`Requests of the ${row.name} version over time: ${row.words}`} className="grid grid-cols-[52px_minmax(0,1fr)] items-end gap-x-0 pr-1.5">
          <span className="pr-1.5 text-right text-11 leading-3 text-ink-3">{row.name}</span>
          <svg aria-hidden="true" viewBox={`0 0 ${points.length} 20`} preserveAspectRatio="none" className="h-5 w-full">
            <path d={bars(row.requests, Math.max(1, ...row.requests))} fill="var(--bg-3)" />
            <path d={bars(row.errors, Math.max(1, ...row.requests))} fill="var(--fail)" />
          </svg>
        </div>
      ))}
    </>
  )
}

function bars(counts: readonly number[], top: number): string {
  return counts.map((count, index) => (count === 0 ? '' : `M${index} 20V${(20 - Math.max(0.8, (count / top) * 19)).toFixed(2)}h.9V20z`)).join('')
}

function Facts({ judged: { criterion, result, input } }: { readonly judged: JudgedEvidence }) {
  const counted = criterion.metric.source === 'router' || criterion.metric.source === 'probe'
  const mine = countsIn(input.candidate, result.fromAt, result.toAt)
  const other = result.against === 'history' && input.frozen ? countsIn(input.frozen.series, input.frozen.fromAt - 1, input.frozen.toAt) : countsIn(input.baseline, result.fromAt, result.toAt)
  const side = ({ requests, errors }: { readonly requests: number; readonly errors: number }) => `${formatCount(errors)} errors in ${formatCount(requests)} requests`
  const rows: readonly (readonly [string, string])[] = [
    ['judged', `${formatClock(result.fromAt)} to ${formatClock(result.toAt)}, at ${input.weightPercent} %`],
    ...(counted ? ([['new version', side(mine)]] as const) : []),
    ...(counted && other.requests > 0 ? ([[result.against === 'history' ? 'its record' : 'old version', side(other)]] as const) : []),
    ...(result.statistic ? ([['statistic', `${result.statistic.name} ${digits(result.statistic.value)}, fails at ${digits(result.statistic.limit)}`]] as const) : []),
  ]
  return (
    <dl className="grid grid-cols-[76px_minmax(0,1fr)] gap-x-2 pt-1.5 text-12 leading-[18px]">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-ink-3">{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function digits(value: number): string {
  return Math.abs(value) >= 100 ? formatCount(Math.round(value)) : String(Number(value.toPrecision(3)))
}
