import type { ReactNode } from 'react'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { resultLook, VerdictMark } from '../../components/verdict-mark.tsx'
import { chartOf, type ChartName } from '../../lib/criterion-words.ts'
import { formatClock } from '../../lib/format.ts'
import { COLOUR_FROM } from './criterion-gauge.tsx'
import type { ChartRegion } from './chart-row.tsx'
import type { ShownCriteria, ShownCriterion } from './criteria-shown.ts'
import { decidedRegions } from './decided.ts'
import { useVerdicts } from './use-verdicts.ts'
import { endsOf, toSegments, type VerdictSegment } from './verdict-segments.ts'

/** More criteria on one chart than this would leave no chart; the rest is in the pane beside it. */
const STRIPS = 3
const HOUR_MS = 3_600_000

/** Verdicts that began before the window reach into it, back to the first live request; in whole hours, so that it is asked once. */
function lookBackMs(shown: ShownCriteria, now: number): number {
  return Math.max(6, Math.ceil((now - (shown.release?.trafficSince ?? now)) / HOUR_MS) + 1) * HOUR_MS
}

type Strip = { readonly name: string; readonly segments: readonly VerdictSegment[] }

export interface Judgement {
  readonly strips: Readonly<Partial<Record<ChartName, readonly Strip[]>>>
  /** The worst of what is said of the chart's metric, for its caption. */
  readonly notes: Readonly<Partial<Record<ChartName, ReactNode>>>
  readonly regions: readonly (ChartRegion & { readonly chart: ChartName })[]
}

const CHARTS: readonly ChartName[] = ['errorRatio', 'latency', 'cpu', 'memory']

/** What criteria said and say of the metric of each chart. */
export function useJudgement(service: ServiceView, shown: ShownCriteria, fromMs: number, now: number): Judgement {
  const { changes, releases } = useVerdicts(service, lookBackMs(shown, now))
  const segments = toSegments(changes, endsOf(releases), fromMs, now)
  const strips: Partial<Record<ChartName, readonly Strip[]>> = {}
  const notes: Partial<Record<ChartName, ReactNode>> = {}
  for (const chart of CHARTS) {
    const here = shown.all.filter(({ criterion }) => chartOf(criterion) === chart)
    const found = here.flatMap(({ criterion: { name } }) => {
      const mine = segments.get(name)
      return mine ? [{ name, segments: mine }] : []
    })
    if (found.length > 0) strips[chart] = found.slice(0, STRIPS)
    const note = noteOf(here)
    if (note) notes[chart] = note
  }
  const regions = decidedRegions(shown.release).flatMap(({ chart, name, fromMs: from, toMs: to, severity }) =>
    chart ? [{ chart, fromMs: from, toMs: to, severity, words: `${name} ${severity === 'fail' ? 'failed' : 'asked'} on the samples from ${formatClock(from)} to ${formatClock(to)}` }] : [],
  )
  return { strips, notes, regions }
}

const ORDER = { fail: 0, watch: 1, unknown: 2, fine: 3 } as const

function noteOf(here: readonly ShownCriterion[]): ReactNode {
  const said = here.flatMap(({ result }) => (result ? [{ result, look: resultLook(result) }] : []))
  const worst = said.toSorted((a, b) => ORDER[a.look.state] - ORDER[b.look.state] || b.result.closeness - a.result.closeness)[0]
  if (!worst) return null
  const isNear = worst.look.state === 'fine' && worst.result.closeness >= COLOUR_FROM
  const title = `${worst.result.name}: ${worst.result.why}`
  if (isNear) return <span title={title}><VerdictMark look={{ ...worst.look, state: 'watch', word: 'watch' }} /></span>
  if (worst.look.state === 'fine') return <span className="text-ink-3">{said.length > 1 ? `${said.length} pass` : 'pass'}</span>
  return (
    <span title={title}>
      <VerdictMark look={worst.look} brief={worst.look.state === 'unknown' || worst.result.bothSides} />
    </span>
  )
}
