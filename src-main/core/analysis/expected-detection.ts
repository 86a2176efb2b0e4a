import type { Criterion } from '../../contract/analysis.ts'
import { DEFAULT_OPTIONS, evidenceLimit } from './budget.ts'
import { driftAfter } from './counts.ts'
import { errorAlternatives } from './errors-judge.ts'
import { BIN_MS, createEvidence, HARM_SIZES, massOf, type EvidenceOptions } from './evidence.ts'
import type { JudgeOptions } from './judge-input.ts'
import { quantileOf } from './latency-judge.ts'
import { normalBelow, normalQuantile } from './special-functions.ts'

/** Nobody waits longer. */
const LONGEST_MS = 24 * 3_600_000
/** Bins of 10 s in an hour. */
const LONGEST_RECORD = 360
/** Spread of latencies that is assumed before any is known: standard deviation of their logarithm. */
const LATENCY_SPREAD = 0.5

export interface ExpectedRates {
  /** Requests per second the candidate will get. */
  readonly candidateRps: number
  /** Requests per second of the other environment meanwhile: 0 at weight 100. */
  readonly baselineRps: number
  /** Share of the baseline's requests that fail, 0 to 1. */
  readonly baselineErrorRatio: number
  /** How much of the baseline's record there is, ms. */
  readonly historyMs: number
}

/**
 * Time until the criterion's declared harm is found in nine of ten bad versions, ms, grace included; null: not within a
 * day. Assumes independent errors (bursts take longer) and, for latency, log-normal latencies with a spread of 0.5.
 * For absolute rules: how long a breach must last.
 */
export function expectedDetectionMs(criterion: Criterion, rates: ExpectedRates, options: JudgeOptions = DEFAULT_OPTIONS): number | null {
  const { judge } = criterion
  const isCounted = criterion.metric.source === 'router'
  if (isCounted && rates.candidateRps <= 0) return null
  switch (judge.kind) {
    case 'threshold': {
      // From the first traffic on the window holds nothing but the candidate: it need not be full, only have enough in it.
      const filledMs = isCounted ? (judge.minRequests / rates.candidateRps) * 1000 : criterion.metric.source === 'process' ? judge.minRequests * 1000 : judge.windowMs
      if (filledMs > judge.windowMs) return null
      return Math.round(criterion.graceMs + Math.max(1000, filledMs) + (judge.consecutive - 1) * 1000)
    }
    case 'burnRate': {
      const possible = judge.windows.filter(({ longMs }) => !isCounted || (rates.candidateRps * longMs) / 1000 >= judge.minRequests)
      return possible.length === 0 ? null : criterion.graceMs + Math.min(...possible.map(({ shortMs }) => shortMs))
    }
    case 'mannWhitney':
      return isCounted && judge.minPoints > judge.windowMs / 1000 ? null : criterion.graceMs + judge.windowMs
    case 'errors':
      return sequentialMs(criterion, rates, options, rates.baselineErrorRatio, errorAlternatives(judge.harm))
    case 'latency': {
      const share = 1 - (quantileOf(criterion) ?? 0.95)
      const z = normalQuantile(1 - share)
      const shares = HARM_SIZES.map((size) => 1 - normalBelow(z - Math.log1p(judge.harm * size) / LATENCY_SPREAD))
      // The other half of its evidence looks at very slow requests only.
      return sequentialMs(criterion, rates, { sharedBy: options.sharedBy * 2 }, share, (ratio) => shares.map((each) => Math.min(0.97, Math.max(ratio * 1.1, (ratio * each) / share))))
    }
  }
}

function sequentialMs(criterion: Criterion, rates: ExpectedRates, options: JudgeOptions, ratio: number, alternatives: EvidenceOptions['alternatives']): number | null {
  const bins = Math.floor(rates.historyMs / BIN_MS)
  // Before the switch everything goes to the baseline.
  const requests = ((rates.candidateRps + rates.baselineRps) * BIN_MS) / 1000
  if (bins * requests < 1) return null
  const mean = requests * ratio
  const limit = evidenceLimit(options)
  const found = (seconds: number) => {
    // While the other environment has traffic, the record grows; a judge sees an hour of it.
    const known = Math.min(LONGEST_RECORD, bins + (rates.baselineRps > 0 ? Math.floor((seconds * 1000) / BIN_MS) : 0))
    // As many above the mean as below, so far apart that it varies like independent errors do.
    const history = Array.from({ length: known }, (_, i) => ({ requests, events: Math.max(0, mean + (Math.floor(i / 6) % 2 === i % 2 ? 1 : -1) * Math.sqrt(mean)) }))
    const evidence = createEvidence({ alternatives, history, drift: rates.baselineRps > 0 ? 0 : driftAfter(seconds * 1000) })
    return evidence.tenthPercentile(rates.candidateRps * seconds, rates.baselineRps * seconds, Math.max(0.1, (seconds * 1000) / BIN_MS), massOf(false, true)) >= limit
  }
  // The first time it is found: where a recording ages, waiting longer may not help.
  let low = 0
  let high = 1
  while (!found(high)) {
    low = high
    high = Math.ceil(high * 1.5)
    if (high > LONGEST_MS / 1000) return null
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (found(middle)) high = middle
    else low = middle
  }
  return criterion.graceMs + high * 1000
}
