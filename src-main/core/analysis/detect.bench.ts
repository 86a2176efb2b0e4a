/**
 * P3: how soon a bad version is found. R8: how often a good one is. The same judges, limits and streams for both.
 *     npm run bench -- detect [--hours 20800] [--runs 1000] [--seed 20261121] [--json]
 * Seeded streams: 10 min of history, then a candidate beside its baseline (bench/streams.ts says what noise is). Beside
 * ours, the peers' rules on the very same streams: re-implemented from their documented behaviour, see bench/.
 */
import { median, numberOption, quantile, report } from '../../bench/measure.ts'
import { argoPhase, type Measurement } from './bench/argo.ts'
import { flaggerRollsBack, type FlaggerCheck } from './bench/flagger.ts'
import { createGuard } from './bench/guard.ts'
import { KAYENTA, kayentaClassify } from './bench/kayenta.ts'
import { poissonUpperBound } from './bench/bounds.ts'
import { createStream, describeNoise, INDEPENDENT, NOISES, type Noise, type StreamOptions } from './bench/streams.ts'

const hours = numberOption('hours', 20_800)
const runs = numberOption('runs', 1_000)
const isJson = process.argv.includes('--json') // oxlint-disable-line no-restricted-globals -- a bench is no core
const HISTORY_SECONDS = 600
const HOUR_SECONDS = 3_600
const SEED = 20_261_121
/** What the engine adds between a verdict and traffic that has moved, in ticks of a second, at most. */
const ENGINE_TICKS = 1

interface Outcome {
  /** Second (from the candidate's first traffic) at which each rule took the release back; null: never within the hour. */
  readonly ours: number | null
  readonly by: string | null
  readonly argo: number | null
  readonly argoRelative: number | null
  readonly flagger: number | null
  readonly kayenta: number | null
}

/** One hour of a candidate. Stops early once every rule that is asked has answered. */
function play(options: StreamOptions, withPeers: boolean): Outcome {
  const stream = createStream(options)
  const guard = createGuard()
  for (let second = 0; second < HISTORY_SECONDS; second += 1) guard.before(stream.next().baseline)
  let ours: number | null = null
  let by: string | null = null
  let argo: number | null = null
  let argoRelative: number | null = null
  let flagger: number | null = null
  const absolute: Measurement[] = []
  const relative: Measurement[] = []
  const checks: FlaggerCheck[] = []
  const mine: number[] = []
  const theirs: number[] = []
  let minute = { requests: 0, errors: 0, otherRequests: 0, otherErrors: 0 }
  for (let second = 1; second <= HOUR_SECONDS; second += 1) {
    const { candidate, baseline } = stream.next()
    if (ours === null) {
      const verdict = guard.second(candidate, baseline)
      if (verdict !== null) {
        ours = second
        by = verdict
        if (!withPeers) break
      }
    }
    if (!withPeers) continue
    minute = { requests: minute.requests + candidate.requests, errors: minute.errors + candidate.errors, otherRequests: minute.otherRequests + baseline.requests, otherErrors: minute.otherErrors + baseline.errors }
    if (second % 60 !== 0) continue
    const ratio = minute.errors / minute.requests
    const other = minute.otherErrors / minute.otherRequests
    mine.push(ratio)
    theirs.push(other)
    absolute.push(ratio > 0.05 ? 'failed' : 'successful')
    relative.push(ratio > 2 * other ? 'failed' : 'successful')
    checks.push({ successPercent: 100 * (1 - ratio) })
    if (argo === null && argoPhase(absolute, ARGO) === 'failed') argo = second
    if (argoRelative === null && argoPhase(relative, ARGO) === 'failed') argoRelative = second
    if (flagger === null && flaggerRollsBack(checks, 99, 5)) flagger = second
    minute = { requests: 0, errors: 0, otherRequests: 0, otherErrors: 0 }
  }
  const kayenta = withPeers && mine.length >= KAYENTA.pointsNeeded && kayentaClassify(mine, theirs, 'above') === 'high' ? HOUR_SECONDS : null
  return { ours, by, argo, argoRelative, flagger, kayenta }
}

const ARGO = { failureLimit: 3, inconclusiveLimit: 0, consecutiveErrorLimit: 4 }
const figures: Record<string, number | string> = {}
const say = (line: string) => {
  if (!isJson) console.log(line)
}
let seed = numberOption('seed', SEED)

function optionsFor(candidateRps: number, errorRatio: number, noise: Noise, harmAt: number, harmErrorRatio: number): StreamOptions {
  seed += 1
  return { seed, candidateRps, baselineRps: candidateRps * 9, noise, errorRatio, slowShare: 0.05, harmAt, harmErrorRatio }
}

// ---- P3 ------------------------------------------------------------------------------------------------------------

const shown = (times: readonly (number | null)[], from: number): string => {
  const found = times.flatMap((time) => (time === null || time <= from ? [] : [time - from]))
  if (found.length < times.length * 0.02) return 'never'
  const all = times.map((time) => (time === null || time <= from ? Infinity : time - from))
  const part = found.length < all.length ? ` (${Math.round((100 * found.length) / all.length)} % found)` : ''
  const text = (value: number) => (Number.isFinite(value) ? String(Math.round(value)) : '-')
  return `${text(ranked(all, 0.5))} / ${text(ranked(all, 0.95))}${part}`
}
const ranked = (values: readonly number[], share: number) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(values.length * share) - 1)] ?? Number.NaN

/** Times to detection at a rate, ours and the peers', for versions that turn bad at this second of their traffic. */
function detect(name: string, rps: number, noise: Noise, harmfulRatio: number, after: number, times: number, withPeers: boolean): readonly number[] {
  const outcomes = Array.from({ length: times }, () => play(optionsFor(rps, 0.001, noise, HISTORY_SECONDS + after, harmfulRatio), withPeers))
  const peers = withPeers ? ` | ${shown(outcomes.map(({ argo }) => argo), after)} | ${shown(outcomes.map(({ flagger }) => flagger), after)} | ${shown(outcomes.map(({ kayenta }) => kayenta), after)}` : ''
  const ours = shown(outcomes.map((outcome) => outcome.ours), after)
  say(`| ${name} | ${ours}${peers} |`)
  figures[`time to verdict, s, median / p95: ${name}`] = ours
  return outcomes.map((outcome) => (outcome.ours === null || outcome.ours <= after ? HOUR_SECONDS : outcome.ours - after))
}

say('time from the first bad request to the verdict, s, median / p95; base 0.1 %, candidate 10 % of the traffic')
say('| candidate | Signalbox | Argo (>5 %, 1 min, failureLimit 3) | Flagger (<99 %, 1 min, threshold 5) | Kayenta (60 points) |')
const few = Math.max(50, Math.round(runs / 10))
const main = detect('10 rps, 0.1 -> 5 %', 10, INDEPENDENT, 0.05, 0, runs, true)
const fast = detect('100 rps, 0.1 -> 5 %', 100, INDEPENDENT, 0.05, 0, few, true)
const late = detect('10 rps, 0.1 -> 5 % after 10 min', 10, INDEPENDENT, 0.05, 600, runs, false)
const lateFast = detect('100 rps, 0.1 -> 5 % after 10 min', 100, INDEPENDENT, 0.05, 600, few, false)
for (const rps of [1, 10, 100]) {
  for (const ratio of [0.01, 0.021, 0.05, 0.5]) {
    if (ratio === 0.05 && rps > 1) continue
    detect(`${rps} rps, 0.1 -> ${ratio * 100} %`, rps, INDEPENDENT, ratio, 0, few, true)
  }
}
say('\nthe same, 10 rps, 0.1 -> 5 %, in R8 noise')
for (const noise of NOISES) detect(`10 rps, 0.1 -> 5 %, ${describeNoise(noise)}`, 10, noise, 0.05, 0, Math.max(100, Math.round(runs / 5)), false)

// ---- R8 ------------------------------------------------------------------------------------------------------------

interface Healthy {
  readonly hours: number
  readonly alarms: number
  readonly peers: { argo: number; argoRelative: number; flagger: number; kayenta: number; hours: number }
}

function healthy(name: string, rps: number, errorRatio: number, noise: Noise, count: number): Healthy {
  let alarms = 0
  const by: Record<string, number> = {}
  const peers = { argo: 0, argoRelative: 0, flagger: 0, kayenta: 0, hours: 0 }
  for (let hour = 0; hour < count; hour += 1) {
    const withPeers = hour < Math.min(count, 200)
    const outcome = play(optionsFor(rps, errorRatio, noise, Infinity, 0), withPeers)
    if (outcome.ours !== null) {
      alarms += 1
      by[outcome.by ?? ''] = (by[outcome.by ?? ''] ?? 0) + 1
    }
    if (!withPeers) continue
    peers.hours += 1
    if (outcome.argo !== null) peers.argo += 1
    if (outcome.argoRelative !== null) peers.argoRelative += 1
    if (outcome.flagger !== null) peers.flagger += 1
    if (outcome.kayenta !== null) peers.kayenta += 1
  }
  const per = (number: number) => (number / Math.max(1, peers.hours)).toFixed(3)
  const words = Object.entries(by).map(([what, number]) => `${what} ${number}`).join(', ')
  say(`| ${name} | ${count} h: ${alarms} (<= ${(poissonUpperBound(alarms) / count).toExponential(1)} /h)${words ? ` ${words}` : ''} | ${per(peers.argo)} | ${per(peers.argoRelative)} | ${per(peers.flagger)} | ${per(peers.kayenta)} |`)
  figures[`false rollbacks: ${name}`] = `${alarms} in ${count} h`
  return { hours: count, alarms, peers }
}

say('\nfalse rollbacks in healthy hours, each a new release (95 % bound per hour); peers: share of 200 hours')
say('| stream | Signalbox | Argo (>5 %) | Argo (>2 x baseline) | Flagger | Kayenta |')
const each = Math.max(1, Math.round(hours / NOISES.length))
const total = { hours: 0, alarms: 0 }
for (const noise of NOISES) {
  const result = healthy(`10 rps, 0.1 %, ${describeNoise(noise)}`, 10, 0.001, noise, each)
  total.hours += result.hours
  total.alarms += result.alarms
}
const side = Math.max(1, Math.round(hours / 400))
for (const [rps, ratio] of [[10, 0.01], [1, 0.001], [1, 0.01], [100, 0.001], [100, 0.01]] as const) {
  for (const noise of [INDEPENDENT, ...NOISES.filter(({ shared }) => !shared)]) healthy(`${rps} rps, ${ratio * 100} %, ${describeNoise(noise)}`, rps, ratio, noise, rps === 100 ? Math.ceil(side / 3) : side)
}

const bound = poissonUpperBound(total.alarms) / total.hours
figures['healthy hours of the bar'] = total.hours
figures['false rollbacks in them'] = total.alarms
report('detect', figures, [
  { name: 'P3 10 rps, 0.1 -> 5 %: median s to reverted', value: median(main) + ENGINE_TICKS, limit: 14, direction: 'atMost' },
  { name: 'P3 10 rps, 0.1 -> 5 %: p95 s to reverted', value: quantile(main, 0.95) + ENGINE_TICKS, limit: 28, direction: 'atMost' },
  { name: 'P3 same, turning bad after 10 min: median s', value: median(late) + ENGINE_TICKS, limit: 14, direction: 'atMost' },
  { name: 'P3 same, turning bad after 10 min: p95 s', value: quantile(late, 0.95) + ENGINE_TICKS, limit: 28, direction: 'atMost' },
  { name: 'P3 100 rps: median s to reverted', value: median(fast) + ENGINE_TICKS, limit: 3, direction: 'atMost' },
  { name: 'P3 100 rps, after 10 min: median s to reverted', value: median(lateFast) + ENGINE_TICKS, limit: 3, direction: 'atMost' },
  { name: 'R8 false rollbacks per healthy hour, 95 % bound', value: bound, limit: 1e-3, direction: 'atMost' },
])
