import type { Criterion } from '../../contract/analysis.ts'
import { cleanSeries, type CleanSeries } from './clean-series.ts'
import { BIN_MS, createEvidence, massOf, type BinCounts, type Evidence, type EvidenceOptions } from './evidence.ts'
import type { JudgeInput } from './judge-input.ts'

/** The samples a sequential test reads, and where its bins lie. */
export interface Counts {
  readonly candidate: CleanSeries
  readonly baseline: CleanSeries
  readonly frozen: CleanSeries | null
  /** `live`: the other environment has traffic now. `history`: only its record. `none`: no record either. */
  readonly against: 'live' | 'history' | 'none'
  /** Wall clock where bin 0 starts: the last growth of weight, and its grace. */
  readonly origin: number
  readonly firstBin: number
  /** No sample between these two counts: the grace after a growth of weight. */
  readonly graceFrom: number
  /** First and last instant judged. */
  readonly fromAt: number
  readonly toAt: number
}

/** The other environment counts as live while it had requests in this stretch. */
const LIVE_MS = 60_000
/** Fewer requests than this on the other side are no baseline. */
const MIN_BASELINE = 100
/** How far a recorded ratio may have drifted, as standard deviation of its logarithm: at once, and after an hour (time of day, load). */
const DRIFT = { atOnce: 0.1, perHour: 0.4 } as const

/** The same for a record that ended so long ago. */
export function driftAfter(ms: number): number {
  return Math.hypot(DRIFT.atOnce, DRIFT.perHour * Math.min(1, Math.max(0, ms) / 3_600_000))
}

export const binOf = (at: number, origin: number): number => Math.floor((at - origin - 1) / BIN_MS)

export function readCounts(criterion: Criterion, input: JudgeInput): Counts {
  const step = Math.max(input.stepSince, input.candidateSince)
  const origin = step + criterion.graceMs
  const firstAt = input.candidateSince + criterion.graceMs
  const candidate = cleanSeries(input.candidate, input.candidateSince, input.now)
  const baseline = cleanSeries(input.baseline, -Infinity, input.now)
  const frozen = input.frozen ? cleanSeries(input.frozen.series, -Infinity, input.now) : null
  let live = 0
  let total = 0
  for (const [i, at] of baseline.at.entries()) {
    const requests = baseline.requests[i] ?? 0
    total += requests
    if (at > input.now - LIVE_MS) live += requests
  }
  for (const requests of frozen?.requests ?? []) total += requests
  const against = total < MIN_BASELINE ? 'none' : live > 0 ? 'live' : 'history'
  const toAt = candidate.at.at(-1) ?? input.now
  return { candidate, baseline, frozen, against, origin, firstBin: binOf(firstAt + 1, origin), graceFrom: step, fromAt: Math.max(firstAt, (candidate.at[0] ?? firstAt) - 1_000), toAt }
}

/** Events among the requests of interval i of a series. */
export type EventsOf = (series: CleanSeries, i: number) => number

interface Binned {
  readonly first: number
  readonly requests: number[]
  readonly events: number[]
}

function binned(series: CleanSeries, origin: number, eventsOf: EventsOf, keep: (at: number) => boolean): Binned {
  const first = series.at.length === 0 ? 0 : binOf(series.at[0] ?? 0, origin)
  const bins: Binned = { first, requests: [], events: [] }
  for (let i = 0; i < series.at.length; i += 1) {
    const at = series.at[i] ?? 0
    if (!keep(at)) continue
    const bin = binOf(at, origin) - first
    bins.requests[bin] = (bins.requests[bin] ?? 0) + (series.requests[i] ?? 0)
    bins.events[bin] = (bins.events[bin] ?? 0) + eventsOf(series, i)
  }
  return bins
}

export interface Tested {
  readonly evidence: Evidence
  readonly value: number
  /** Candidate's and baseline's totals since the last step's grace: what a pass rests on. */
  readonly step: { readonly requests: number; readonly baselineRequests: number; readonly bins: number; readonly mass: number }
}

/** When the other environment last had a request. */
function recordEnd({ baseline, frozen }: Counts): number {
  const last = baseline.requests.findLastIndex((requests) => requests > 0)
  return baseline.at[last] ?? frozen?.at.at(-1) ?? -Infinity
}

/** Runs the sequential test over everything that is there. */
export function testCounts(counts: Counts, eventsOf: EventsOf, alternatives: EvidenceOptions['alternatives']): Tested {
  const { candidate, origin, firstBin } = counts
  const isJudged = (at: number) => at > counts.fromAt && (at <= counts.graceFrom || at > origin)
  const mine = binned(candidate, origin, eventsOf, isJudged)
  const other = binned(counts.baseline, origin, eventsOf, () => true)
  const begin = Math.max(firstBin, mine.first)
  const end = binOf(counts.toAt, origin)
  const history: { requests: number; events: number }[] = []
  const beforeBaseline = counts.baseline.at[counts.baseline.requests.findIndex((requests) => requests > 0)] ?? Infinity
  if (counts.frozen) {
    const kept = binned(counts.frozen, origin, eventsOf, (at) => at < beforeBaseline)
    for (let i = 0; i < kept.requests.length; i += 1) history.push({ requests: kept.requests[i] ?? 0, events: kept.events[i] ?? 0 })
  }
  for (let i = 0; i < other.requests.length && other.first + i < begin; i += 1) history.push({ requests: other.requests[i] ?? 0, events: other.events[i] ?? 0 })
  const evidence = createEvidence({ alternatives, history, drift: counts.against === 'live' ? 0 : driftAfter(counts.toAt - recordEnd(counts)) })
  const step = { requests: 0, baselineRequests: 0, bins: 0, mass: massOf(firstBin === 0, firstBin < 0) }
  const countsOf = (bin: number): BinCounts => ({
    requests: mine.requests[bin - mine.first] ?? 0,
    events: mine.events[bin - mine.first] ?? 0,
    baselineRequests: other.requests[bin - other.first] ?? 0,
    baselineEvents: other.events[bin - other.first] ?? 0,
  })
  let value = 0
  for (let bin = begin; bin <= end; bin += 1) {
    const here = countsOf(bin)
    const mass = massOf(bin === firstBin, bin === 0)
    if (bin >= 0) {
      step.requests += here.requests
      step.baselineRequests += here.baselineRequests
      step.bins += bin === end ? Math.min(1, Math.max(0.1, (counts.toAt - origin - bin * BIN_MS) / BIN_MS)) : 1
    }
    if (bin < end) evidence.add(here, mass)
    else value = evidence.valueWith(here, mass)
  }
  return { evidence, value, step }
}
