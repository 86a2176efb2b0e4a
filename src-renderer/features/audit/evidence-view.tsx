import { lazy, Suspense } from 'react'
import type { Json } from '../../../src-main/contract/journal.ts'
import type { HistoryPoint } from '../../components/charts/history-plot.tsx'
import { Icon } from '../../components/icons.tsx'
import { Skeleton } from '../../components/pane.tsx'
import { Place } from '../../components/place.tsx'
import { formatClock, formatMs, formatPercent } from '../../lib/format.ts'
import { AnalysisEvidence, isVerdictEvidence } from '../service/analysis-evidence.tsx'
import { readEvidence, type EvidenceSample, type KnownEvidence } from './evidence.ts'

const HistoryPlot = lazy(() => import('../../components/charts/history-plot.tsx').then((module) => ({ default: module.HistoryPlot })))

/** What the act was decided on: verdicts, gates, the seconds around it, and the record as it is. */
export function EvidenceView({ value }: { readonly value: Json }) {
  const known = readEvidence(value)
  const isVerdict = isVerdictEvidence(value)
  const isPlain = !isVerdict && known.samples === null && known.results.length === 0 && known.gates.length === 0
  return (
    <>
      {isVerdict && <AnalysisEvidence value={value} />}
      {(isVerdict ? [] : known.results).map((result, index) => (
        <Line key={`${index}${result.metric}${result.limit}`} ok={result.verdict === 'pass'} open={result.verdict === 'inconclusive'} words={result.why} end={result.verdict} />
      ))}
      {known.gates.map((gate) => (
        <Line key={gate.name} ok={gate.state === 'passed'} open={false} words={`${gate.name}: ${gate.detail}`} end={gate.state} />
      ))}
      {known.samples && <Samples samples={known.samples} results={known.results} />}
      <details className="px-4 pt-1" open={isPlain}>
        <summary className="cursor-default text-12 text-ink-3 hover:text-ink-1">as it was recorded</summary>
        <pre tabIndex={0} aria-label="Evidence as recorded" className="mt-1 max-h-72 overflow-auto border border-line-1 bg-bg-0 p-2 font-mono text-11 leading-4 break-words whitespace-pre-wrap">
          {JSON.stringify(value, null, 2)}
        </pre>
      </details>
    </>
  )
}

function Line({ ok, open, words, end }: { readonly ok: boolean; readonly open: boolean; readonly words: string; readonly end: string }) {
  return (
    <p className="grid grid-cols-[18px_minmax(0,1fr)_auto] gap-x-1 px-4 text-12 leading-5">
      <Icon name={ok ? 'pass' : open ? 'unknown' : 'fail'} className={`mt-1 ${ok || open ? 'text-ink-2' : 'text-fail'}`} />
      <span>{words}</span>
      <span className="text-ink-3">{end}</span>
    </p>
  )
}

function Samples({ samples, results }: { readonly samples: NonNullable<KnownEvidence['samples']>; readonly results: KnownEvidence['results'] }) {
  const times = [...new Set([...samples.blue, ...samples.green, ...samples.candidate].map((sample) => sample.at))].toSorted((a, b) => a - b)
  const limitOf = (metric: string) => results.find((result) => result.metric === metric)?.limit ?? null
  const [errorLimit, latencyLimit] = [limitOf('errorRatio'), limitOf('p99Ms')]
  const from = formatClock(times[0] ?? 0)
  const to = formatClock(times.at(-1) ?? 0)
  return (
    <div className="px-4 pt-1">
      <p className="flex gap-3 text-11 text-ink-3">
        <span className="mr-auto">
          each second from {from} to {to}
        </span>
        {samples.candidate.length > 0 ? (
          'the new version'
        ) : (
          <>
            <Place environment="blue" />
            <Place environment="green" />
          </>
        )}
      </p>
      <Suspense fallback={<Skeleton rows={2} />}>
        <p className="pt-1 text-12 font-medium">Error ratio</p>
        <HistoryPlot
          points={points(samples, times, (sample) => (sample.requests === 0 ? null : sample.errors / sample.requests))}
          tick={(value) => formatPercent(value * 100)}
          summary={`Error ratio each second from ${from} to ${to}: ${inWords(samples, errorsOf)}.`}
          {...(errorLimit === null ? {} : { limit: { value: errorLimit, label: `limit ${formatPercent(errorLimit * 100)}` } })}
        />
        <p className="pt-1 text-12 font-medium">Latency p99</p>
        <HistoryPlot
          points={points(samples, times, (sample) => sample.p99Ms)}
          tick={(value) => `${Math.round(value)} ms`}
          summary={`Latency p99 each second from ${from} to ${to}: ${inWords(samples, worst)}.`}
          {...(latencyLimit === null ? {} : { limit: { value: latencyLimit, label: `limit ${formatMs(latencyLimit)} ms` } })}
        />
      </Suspense>
    </div>
  )
}

function points(samples: NonNullable<KnownEvidence['samples']>, times: readonly number[], read: (sample: EvidenceSample) => number | null): readonly HistoryPoint[] {
  const blue = new Map(samples.blue.map((sample) => [sample.at, read(sample)]))
  const green = new Map(samples.green.map((sample) => [sample.at, read(sample)]))
  const candidate = new Map(samples.candidate.map((sample) => [sample.at, read(sample)]))
  return times.map((at) => ({ at, blue: blue.get(at) ?? null, green: green.get(at) ?? null, candidate: candidate.get(at) ?? null }))
}

function inWords(samples: NonNullable<KnownEvidence['samples']>, say: (of: readonly EvidenceSample[]) => string): string {
  return samples.candidate.length > 0 ? `new version ${say(samples.candidate)}` : `blue ${say(samples.blue)}; green ${say(samples.green)}`
}

function errorsOf(samples: readonly EvidenceSample[]): string {
  const sum = (key: 'requests' | 'errors') => samples.reduce((total, sample) => total + sample[key], 0)
  return `${sum('errors')} errors in ${sum('requests')} requests`
}

function worst(samples: readonly EvidenceSample[]): string {
  const values = samples.flatMap((sample) => (sample.p99Ms === null ? [] : [sample.p99Ms]))
  return values.length === 0 ? 'no data' : `at most ${formatMs(Math.max(...values))} ms`
}
