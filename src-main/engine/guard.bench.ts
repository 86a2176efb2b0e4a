/**
 * R8 and P3 through the whole engine: healthy releases that are watched for hours, and bad ones that are taken back.
 *     npm run bench -- guard [--hours 20] [--bad 40] [--json]
 * The default criteria, 10 requests per second on the candidate beside 90, after 12 min of history, independent noise
 * (Poisson), in simulated time. Every so often the verdict of the engine is computed again by the pure judges from the
 * samples the fake world handed out, kept apart: they must say the same.
 */
import type { Series } from '../contract/analysis.ts'
import type { MetricSample } from '../contract/traffic.ts'
import { DEFAULT_CRITERIA } from '../core/analysis/default-criteria.ts'
import { judgeCriterion } from '../core/analysis/judge.ts'
import { numberOption, quantile, report } from '../bench/measure.ts'
import { createSimulation } from './sim/simulation.ts'

const hours = numberOption('hours', 20)
const bad = numberOption('bad', 40)
const HISTORY_MS = 12 * 60_000
const RELEASE_MS = 30 * 60_000
const TICK_MS = 1000

function columns(samples: readonly MetricSample[]): Series {
  return {
    at: samples.map(({ at }) => at),
    requests: samples.map(({ requests }) => requests),
    errors: samples.map(({ errors }) => errors),
    latency: samples.map(({ latency }) => latency),
    values: samples.map(() => null),
  }
}

async function watched(seed: number, errorRatio: number) {
  const sim = createSimulation({
    seed,
    noisy: true,
    plan: { steps: [{ weightPercent: 10, hold: { kind: 'manual' }, approvals: 0 }, { weightPercent: 100, hold: { kind: 'timed', ms: 0 }, approvals: 0 }], criteria: [...DEFAULT_CRITERIA] },
  })
  sim.world.script('1.0.0', { errorRatio: 0.001 })
  sim.world.script('2.0.0', { errorRatio })
  const handedOut = { blue: [] as MetricSample[], green: [] as MetricSample[] }
  sim.world.spoilMetrics((samples, environment) => {
    const kept = handedOut[environment]
    kept.push(...samples.filter(({ at }) => at > (kept.at(-1)?.at ?? -Infinity)))
    return samples
  })
  sim.boot()
  await sim.time.advance(HISTORY_MS)
  await sim.create('2.0.0')
  while (sim.weights().green !== 10) await sim.time.advance(100)
  return { sim, handedOut }
}

let compared = 0
let different = 0
let falseRollBacks = 0
let watchedHours = 0
for (let seed = 1; watchedHours < hours; seed += 1) {
  const { sim, handedOut } = await watched(seed, 0.001)
  for (let passed = 0; passed < RELEASE_MS; passed += TICK_MS) {
    await sim.time.advance(TICK_MS)
    const view = sim.current()
    if (sim.weights().green === 0) {
      falseRollBacks += 1
      break
    }
    if (!view || passed % 30_000 !== 0 || passed === 0) continue
    const { release } = view
    for (const result of release.analysis) {
      const criterion = DEFAULT_CRITERIA.find(({ name }) => name === result.name)
      if (!criterion || release.trafficSince === null || release.weightSince === null) continue
      // The engine judged in its last tick, on what it had read by then.
      const upTo = (samples: readonly MetricSample[]) => columns(samples.filter(({ at }) => at <= result.toAt && at > result.toAt - 3_600_000))
      const input = { now: result.toAt, candidate: upTo(handedOut.green), baseline: upTo(handedOut.blue), frozen: release.baseline, candidateSince: release.trafficSince, stepSince: release.weightSince, weightPercent: 10, crashes: [] }
      const again = judgeCriterion(criterion, input, { sharedBy: 2 })
      compared += 1
      if (again.verdict !== result.verdict || Math.abs((again.statistic?.value ?? 0) - (result.statistic?.value ?? 0)) > 1e-6 * Math.abs(result.statistic?.value ?? 1)) different += 1
    }
  }
  watchedHours += RELEASE_MS / 3_600_000
}

const revertedMs: number[] = []
for (let seed = 1; seed <= bad; seed += 1) {
  const { sim } = await watched(10_000 + seed, 0.05)
  const start = sim.time.clock.monotonicMs()
  while (sim.weights().green > 0 && sim.time.clock.monotonicMs() - start < 600_000) await sim.time.advance(100)
  revertedMs.push(sim.time.clock.monotonicMs() - start)
}

report(
  'guard',
  {
    'healthy hours watched': watchedHours,
    'verdicts computed again': compared,
    'bad releases (error ratio 0.1 % to 5 %)': bad,
  },
  [
    { name: 'R8 false roll backs', value: falseRollBacks, limit: Math.max(0, Math.floor(watchedHours * 1e-3)), direction: 'atMost' },
    { name: 'R8 verdicts that differ from the pure judges', value: different, limit: 0, direction: 'atMost' },
    { name: 'verdicts computed again', value: compared, limit: 100, direction: 'atLeast' },
    { name: 'P3 median s to reverted', value: quantile(revertedMs, 0.5) / 1000, limit: 14, direction: 'atMost' },
    { name: 'P3 p95 s to reverted', value: quantile(revertedMs, 0.95) / 1000, limit: 28, direction: 'atMost' },
  ],
)
