import { DEFAULT_OPTIONS, evidenceLimit } from '../budget.ts'
import { errorAlternatives } from '../errors-judge.ts'
import { createEvidence, HARM_SIZES, massOf, type BinCounts, type Evidence, type EvidenceOptions } from '../evidence.ts'
import { normalBelow, normalQuantile } from '../special-functions.ts'
import type { Side } from './streams.ts'

/**
 * The default criteria, fed a second at a time: the same evidence as judgeCriterion recomputes from an hour of samples
 * (guard.test.ts holds the two to be identical), at a cost that makes twenty thousand hours feasible.
 */
export interface Guard {
  /** Adds a second of the baseline alone: history. */
  before(baseline: Side): void
  /** Adds a second of both; the criterion that takes the release back, if one does. */
  second(candidate: Side, baseline: Side): 'errors' | 'latency' | 'blatant' | null
  /** For tests: e-values as they are now. */
  values(): { readonly errors: number; readonly latency: number }
}

const BIN_SECONDS = 10
const LATENCY_GRACE_SECONDS = 10
const SLOW = 0.05
/** Shares above the 95th percentile when log-normal latencies (spread 0.5) become 20 %, 60 %, ... slower. */
const SLOWER = HARM_SIZES.map((size) => 1 - normalBelow(normalQuantile(1 - SLOW) - Math.log1p(0.2 * size) / 0.5))
export const slowAlternatives = (now: number): readonly number[] => SLOWER.map((ratio) => Math.min(0.97, Math.max(now * 1.1, (now * ratio) / SLOW)))
/** New starts add a little to a value that has sunk; this is more. */
const FLOOR = 0.5
/** No event can raise an e-value by more than this: the largest alternative over the smallest ratio met here. */
const LARGEST_RISE = 0.97 / SLOW

export function createGuard(): Guard {
  const limit = evidenceLimit(DEFAULT_OPTIONS)
  const errors = createTest('errors', errorAlternatives(0.02), 0, Infinity, limit)
  const latency = createTest('slow', slowAlternatives, LATENCY_GRACE_SECONDS, LARGEST_RISE, limit)
  const far = createTest('verySlow', errorAlternatives(0.02), LATENCY_GRACE_SECONDS, Infinity, limit)
  const recent: { requests: number; errors: number }[] = []
  let sum = { requests: 0, errors: 0 }
  let other = { requests: 0, errors: 0 }
  const recentOther: { requests: number; errors: number }[] = []
  return {
    before(baseline) {
      errors.before(baseline)
      latency.before(baseline)
      far.before(baseline)
    },
    second(candidate, baseline) {
      recent.push({ requests: candidate.requests, errors: candidate.errors })
      recentOther.push({ requests: baseline.requests, errors: baseline.errors })
      sum = { requests: sum.requests + candidate.requests, errors: sum.errors + candidate.errors }
      other = { requests: other.requests + baseline.requests, errors: other.errors + baseline.errors }
      if (recent.length > 10) {
        const gone = recent.shift()
        const goneOther = recentOther.shift()
        sum = { requests: sum.requests - (gone?.requests ?? 0), errors: sum.errors - (gone?.errors ?? 0) }
        other = { requests: other.requests - (goneOther?.requests ?? 0), errors: other.errors - (goneOther?.errors ?? 0) }
      }
      const isErrors = errors.second(candidate, baseline) >= limit
      // Between events both only fall: the last value stands for the other one.
      latency.second(candidate, baseline)
      far.second(candidate, baseline)
      const isSlow = (latency.last() + far.last()) / 2 >= limit
      const ratio = sum.errors / Math.max(1, sum.requests)
      if (sum.errors >= 5 && ratio >= 0.5 && !(other.errors >= 3 && other.errors / Math.max(1, other.requests) >= ratio / 2)) return 'blatant'
      return isErrors ? 'errors' : isSlow ? 'latency' : null
    },
    values: () => ({ errors: errors.value(), latency: latency.value() }),
  }
}

function createTest(of: 'errors' | 'slow' | 'verySlow', alternatives: EvidenceOptions['alternatives'], graceSeconds: number, largestRise: number, limit: number) {
  const history: { requests: number; events: number }[] = []
  const empty = (): { -readonly [K in keyof BinCounts]: BinCounts[K] } => ({ requests: 0, events: 0, baselineRequests: 0, baselineEvents: 0 })
  let evidence: Evidence | null = null
  let bin = empty()
  let inBin = 0
  let bins = 0
  let seconds = 0
  let bound = largestRise === Infinity ? Infinity : FLOOR
  let last = 0
  const mass = () => massOf(bins === 0, false)
  function remember(baseline: Side): void {
    bin.baselineRequests += baseline.requests
    bin.baselineEvents += baseline[of]
    inBin += 1
    if (inBin < BIN_SECONDS) return
    history.push({ requests: bin.baselineRequests, events: bin.baselineEvents })
    bin = empty()
    inBin = 0
  }
  return {
    before: remember,
    second(candidate: Side, baseline: Side): number {
      seconds += 1
      if (seconds <= graceSeconds) {
        remember(baseline)
        return 0
      }
      evidence ??= createEvidence({ alternatives, history, drift: 0 })
      if (inBin === BIN_SECONDS) {
        evidence.add(bin, mass())
        bins += 1
        bin = empty()
        inBin = 0
      }
      bin.requests += candidate.requests
      bin.events += candidate[of]
      bin.baselineRequests += baseline.requests
      bin.baselineEvents += baseline[of]
      inBin += 1
      // Seconds without events only lower the value; and one that cannot have reached the limit need not be computed.
      bound *= largestRise ** candidate[of]
      if (candidate[of] === 0 || bound < limit) return 0
      const value = evidence.valueWith(bin, mass())
      bound = largestRise === Infinity ? Infinity : Math.max(value, FLOOR)
      last = value
      return value
    },
    /** When it was last computed; since then it has only fallen. */
    last: () => last,
    value: () => evidence?.valueWith(bin, mass()) ?? 0,
  }
}
