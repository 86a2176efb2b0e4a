import { describe, expect, it } from 'vitest'
import type { Criterion } from '../contract/analysis.ts'
import { Fault } from '../contract/fault.ts'
import type { Hold, Plan } from '../contract/plan.ts'
import type { MetricSample } from '../contract/traffic.ts'
import { DEFAULT_CRITERIA } from '../core/analysis/default-criteria.ts'
import { judgeCriterion } from '../core/analysis/judge.ts'
import type { JudgeInput } from '../core/analysis/judge-input.ts'
import type { MetricsSource } from '../core/ports.ts'
import { createSimulation, type Simulation, type SimulationOptions } from './sim/simulation.ts'

const analysis = (ms: number): Hold => ({ kind: 'analysis', ms })
const PLAN: Partial<Plan> = {
  steps: [
    { weightPercent: 10, hold: analysis(60_000), approvals: 0 },
    { weightPercent: 50, hold: analysis(30_000), approvals: 0 },
    { weightPercent: 100, hold: { kind: 'timed', ms: 0 }, approvals: 0 },
  ],
  criteria: [...DEFAULT_CRITERIA],
  bakeMs: 60_000,
  rollbackWindowMs: 600_000,
}
const HISTORY_MS = 12 * 60_000

const errorLimit = (change: Partial<Criterion> = {}): Criterion => ({
  name: 'error ratio',
  metric: { source: 'router', of: 'errorRatio' },
  judge: { kind: 'threshold', limit: 0.02, harm: 'above', windowMs: 10_000, minRequests: 20, consecutive: 2 },
  severity: 'fail',
  graceMs: 0,
  absence: { action: 'hold', afterMs: 0 },
  ...change,
})

/** A service with a stable version that was watched for a while, with a tenth of a percent of errors, and 2.0.0 about to be released. */
async function ready(options: SimulationOptions & { readonly candidate?: Parameters<Simulation['world']['script']>[1] } = {}): Promise<Simulation> {
  const sim = createSimulation({ noisy: true, ...options, plan: { ...PLAN, ...options.plan } })
  sim.world.script('1.0.0', { errorRatio: 0.001 })
  sim.world.script('2.0.0', { errorRatio: 0.001, ...options.candidate })
  sim.boot()
  await sim.time.advance(HISTORY_MS)
  await sim.create('2.0.0')
  await until(sim, () => sim.weights().green === 10, 10_000)
  return sim
}

async function until(sim: Simulation, holds: () => boolean, withinMs: number): Promise<number> {
  const start = sim.time.clock.monotonicMs()
  while (!holds()) {
    if (sim.time.clock.monotonicMs() - start > withinMs) throw new Error(`it did not come within ${withinMs} ms: ${JSON.stringify(sim.current()?.release.analysis.map(({ name, verdict, why }) => ({ name, verdict, why })))} ${sim.current()?.next}`)
    await sim.time.advance(500)
  }
  return sim.time.clock.monotonicMs() - start
}

const phase = (sim: Simulation) => sim.current()?.release.phase
const actions = (sim: Simulation) => sim.disk.entries.map((entry) => entry.action)
const back = (sim: Simulation) => sim.weights().green === 0

describe('a guarded release', () => {
  it('goes all the way by itself when the version is good, and every step says what passed', async () => {
    for (const seed of [1, 2, 3]) {
      const sim = await ready({ seed })
      await until(sim, () => phase(sim) === 'completed', 600_000)
      await until(sim, () => phase(sim) === 'retired', 700_000)
      expect(actions(sim).filter((action) => action === 'analysis.passed')).toHaveLength(2)
      expect(actions(sim)).not.toContain('analysis.failed')
    }
  })

  it('is taken back within seconds when 5 % of its requests fail, and soon when it is slow', async () => {
    const erring = await ready({ candidate: { errorRatio: 0.05 } })
    expect(await until(erring, () => back(erring), 60_000)).toBeLessThan(45_000)
    expect(erring.current()?.release.rollback?.by.known).toBe('system')
    const slow = await ready({ candidate: { p99Ms: 60 } })
    expect(await until(slow, () => back(slow), 240_000)).toBeLessThan(120_000)
    expect(slow.current()?.release.rollback?.reason).toMatch(/latency/i)
  })

  it('keeps with its verdict the samples it was made from: they give the same verdict again', async () => {
    const sim = await ready({ candidate: { errorRatio: 0.05 } })
    await until(sim, () => back(sim), 60_000)
    const entry = sim.disk.entries.find(({ action }) => action === 'analysis.failed')
    if (!entry) throw new Error('no entry tells of the verdict')
    const { judged, results } = entry.evidence as unknown as { judged: { criterion: Criterion; input: JudgeInput; sharedBy: number }[]; results: unknown[] }
    expect(judged.length).toBeGreaterThan(0)
    for (const { criterion, input, sharedBy } of judged) {
      const again = judgeCriterion(criterion, input, { sharedBy })
      expect(again.verdict).toBe('fail')
      expect(results).toContainEqual(JSON.parse(JSON.stringify(again)))
      const healthier = { ...input, candidate: { ...input.candidate, errors: input.candidate.errors.map(() => 0) } }
      expect(judgeCriterion(criterion, healthier, { sharedBy }).verdict).not.toBe('fail')
    }
  })

  it('compares with the frozen record of the old version once everything is on the new one', async () => {
    const sim = await ready({ plan: { steps: [{ weightPercent: 10, hold: { kind: 'timed', ms: 1000 }, approvals: 0 }, { weightPercent: 100, hold: { kind: 'timed', ms: 0 }, approvals: 0 }], bakeMs: 600_000 } })
    expect(sim.current()?.release.baseline?.series.at.length).toBeGreaterThan(60)
    await until(sim, () => phase(sim) === 'baking', 30_000)
    await sim.time.advance(120_000)
    expect(phase(sim)).toBe('baking')
    sim.world.script('2.0.0', { errorRatio: 0.05 })
    expect(await until(sim, () => back(sim), 120_000)).toBeLessThan(60_000)
  })

  it('watches on through the rollback window, and after a restart of the console', async () => {
    const sim = await ready()
    await until(sim, () => phase(sim) === 'completed', 600_000)
    await sim.restart(5_000)
    await sim.time.advance(30_000)
    expect(phase(sim)).toBe('completed')
    sim.world.script('2.0.0', { errorRatio: 0.1 })
    expect(await until(sim, () => back(sim), 120_000)).toBeLessThan(60_000)
  })

  it('asks instead of taking a first release out of service: there is nothing to go back to', async () => {
    const sim = createSimulation({ noisy: true, initialVersion: null, plan: PLAN })
    sim.world.script('2.0.0', { errorRatio: 0.9 })
    sim.boot()
    await sim.time.advance(2_000)
    await sim.create('2.0.0')
    await until(sim, () => sim.current()?.release.paused !== null, 60_000)
    expect(sim.weights()).toEqual({ blue: 100, green: 0 })
    expect(sim.current()?.release.paused?.why).toContain('Error ratio')
    await sim.time.advance(120_000)
    expect(sim.weights()).toEqual({ blue: 100, green: 0 })
    expect(actions(sim).filter((action) => action === 'analysis.warned')).toHaveLength(1)
    await sim.command(sim.current()?.release.id ?? '', 'rollBack')
    expect(sim.weights()).toEqual({ blue: 0, green: 0 })
  })

  it('holds and says so when both sides are bad: moving traffic would not help', async () => {
    const sim = await ready({ plan: { criteria: [errorLimit()] } })
    sim.world.script('1.0.0', { errorRatio: 0.3 })
    sim.world.script('2.0.0', { errorRatio: 0.3 })
    await sim.time.advance(180_000)
    expect(phase(sim)).toBe('shifting')
    expect(sim.weights()).toEqual({ blue: 90, green: 10 })
    expect(sim.waiting().some(({ title }) => title === 'Both environments')).toBe(true)
  })
})

describe('before a release', () => {
  it('says how long each criterion would need at each step, and where a hold is too short for it', async () => {
    const sim = createSimulation({ noisy: true, plan: PLAN })
    sim.world.script('1.0.0', { errorRatio: 0.001 })
    sim.boot()
    await sim.time.advance(HISTORY_MS)
    const foresight = await sim.act(sim.engine().foresee('checkout', undefined))
    if (!foresight || foresight instanceof Fault) throw new Error('no foresight')
    expect(foresight.requestsPerSecond).toBeGreaterThan(90)
    const errors = foresight.steps.map(({ criteria }) => criteria.find(({ name }) => name === 'Errors'))
    expect(errors.every((each) => each !== undefined && each.detectionMs !== null && each.detectionMs < 600_000)).toBe(true)
    const patient = { ...sim.config.plan, bakeMs: 900_000, steps: sim.config.plan.steps.map((step) => ({ ...step, hold: analysis(900_000) })) }
    const enough = await sim.act(sim.engine().foresee('checkout', patient))
    if (!enough || enough instanceof Fault) throw new Error('no foresight')
    expect(enough.steps.map(({ criteria }) => criteria.find(({ name }) => name === 'Errors')?.tooShort)).toEqual([false, false, false])
    expect(errors[0]?.detectionMs ?? Infinity).toBeGreaterThan(errors[1]?.detectionMs ?? 0)
    const hasty = { ...sim.config.plan, steps: sim.config.plan.steps.map((step) => (step.weightPercent === 10 ? { ...step, weightPercent: 1, hold: analysis(2_000) } : step)) }
    const warned = await sim.act(sim.engine().foresee('checkout', hasty))
    if (!warned || warned instanceof Fault) throw new Error('no foresight')
    expect(warned.steps[0]?.criteria.every(({ tooShort }) => tooShort)).toBe(true)
  })
})

describe('a person and the guard', () => {
  it('suspends automatic roll back with a reason, for a time; then it acts', async () => {
    const sim = await ready({ plan: { criteria: [errorLimit()] } })
    const id = sim.current()?.release.id ?? ''
    expect(await sim.command(id, 'suspendGuard', { reason: ' ', forMs: 60_000 })).toBeInstanceOf(Fault)
    await sim.command(id, 'suspendGuard', { reason: 'known noise of the load test', forMs: 120_000 })
    sim.world.script('2.0.0', { errorRatio: 0.3 })
    await sim.time.advance(100_000)
    expect(sim.weights().green).toBe(10)
    expect(sim.current()?.release.analysis[0]?.verdict).toBe('fail')
    expect(actions(sim).filter((action) => action === 'analysis.overruled')).toHaveLength(1)
    expect(await until(sim, () => back(sim), 60_000)).toBeLessThan(25_000)
    expect(actions(sim)).toContain('release.suspendGuard')
  })

  it('gives the guard back early', async () => {
    const sim = await ready({ plan: { criteria: [errorLimit()] } })
    const id = sim.current()?.release.id ?? ''
    await sim.command(id, 'suspendGuard', { forMs: 3_600_000 })
    sim.world.script('2.0.0', { errorRatio: 0.3 })
    await sim.time.advance(60_000)
    expect(sim.weights().green).toBe(10)
    await sim.command(id, 'restoreGuard')
    expect(await until(sim, () => back(sim), 20_000)).toBeLessThan(5_000)
  })

  it('promotes despite doubt only with a reason, which is journaled', async () => {
    const sim = await ready({ requestsPerSecond: 1 })
    const view = sim.current()
    expect(view?.actions.find(({ command }) => command === 'promote')?.needsReason).toBe(true)
    const id = view?.release.id ?? ''
    expect(await sim.command(id, 'promote', { reason: '' })).toBeInstanceOf(Fault)
    expect(sim.weights().green).toBe(10)
    await sim.command(id, 'promote', { reason: 'the night shift has no traffic' })
    expect(sim.weights().green).toBe(50)
    expect(sim.disk.entries.find(({ action, outcome }) => action === 'release.promote' && outcome === 'sent')?.reason).toBe('the night shift has no traffic')
  })

  it('is asked by a criterion that warns; whoever goes on is not asked again in that step', async () => {
    const sim = await ready({ plan: { criteria: [errorLimit({ severity: 'warn' })] } })
    sim.world.script('2.0.0', { errorRatio: 0.1 })
    await until(sim, () => sim.current()?.release.paused !== null, 60_000)
    expect(sim.current()?.release.paused?.why).toContain('Error ratio')
    expect(sim.waiting().some(({ title }) => title === 'Asks')).toBe(true)
    await sim.time.advance(300_000)
    expect(sim.weights().green).toBe(10)
    await sim.command(sim.current()?.release.id ?? '', 'resume')
    await until(sim, () => sim.weights().green === 50, 120_000)
    expect(sim.disk.entries.find(({ action }) => action === 'analysis.warned')?.evidence).toBeTruthy()
    await until(sim, () => sim.current()?.release.paused !== null, 60_000)
  })

  it('must say so before a version that was taken back gets traffic again', async () => {
    const sim = await ready({ candidate: { errorRatio: 0.3 } })
    await until(sim, () => phase(sim) === 'rolledBack', 60_000)
    await sim.time.advance(5_000)
    sim.world.script('2.0.0', { errorRatio: 0 })
    await sim.create('2.0.0')
    await sim.time.advance(120_000)
    expect(sim.weights().green).toBe(0)
    expect(sim.current()?.release.paused?.why).toContain('rolled back by the guard before')
    await sim.command(sim.current()?.release.id ?? '', 'resume')
    await until(sim, () => sim.weights().green === 10, 10_000)
    await until(sim, () => phase(sim) === 'completed', 600_000)
    // Completed: it has made good.
    expect(sim.disk.services.get('checkout')?.rejected).toBeNull()
  })
})

type Spoiler = (samples: readonly MetricSample[], environment: string, now: number) => readonly MetricSample[]
const each = (change: (sample: MetricSample, index: number) => Partial<MetricSample>): Spoiler => (samples) => samples.map((sample, i) => ({ ...sample, ...change(sample, i) }))
const onlyCandidate = (spoil: Spoiler): Spoiler => (samples, environment, now) => (environment === 'green' ? spoil(samples, environment, now) : samples)

/** R7: what metrics can do wrong. None of it is a reason to promote, and none to roll back. */
const SPOILERS: Readonly<Record<string, Spoiler>> = {
  'NaN counts': each(() => ({ errors: Number.NaN, requests: Number.NaN })),
  'NaN errors': each(() => ({ errors: Number.NaN })),
  '+Inf errors': each(() => ({ errors: Infinity })),
  '-Inf requests': each(() => ({ requests: -Infinity })),
  '+Inf latency counts': each(() => ({ latency: [[5, Infinity]], errors: Number.NaN })),
  empty: () => [],
  'nothing of the candidate': onlyCandidate(() => []),
  stale: (samples, _environment, now) => samples.filter(({ at }) => at < now - 30_000),
  'the same second again and again': (samples) => Array.from({ length: 20 }, () => samples[0]).filter((sample) => sample !== undefined).map((sample) => ({ ...sample, at: 1000, errors: sample.requests })),
  'counter reset: negative counts': each(({ requests }) => ({ requests: -requests, errors: -requests })),
  'more errors than requests': each(({ requests }) => ({ errors: requests * 3 })),
  'a clock an hour ahead': each(({ at, requests }) => ({ at: at + 3_600_000, errors: requests })),
  'a clock an hour behind': each(({ at, requests }) => ({ at: at - 3_600_000, errors: requests })),
  'no traffic': each(() => ({ requests: 0, errors: 0, latency: [], p50Ms: null, p95Ms: null, p99Ms: null })),
  'too little traffic': each(({ at }) => ({ requests: at % 30_000 === 0 ? 1 : 0, errors: 0, latency: [] })),
}

const EVERY_JUDGE: Readonly<Record<string, Criterion>> = {
  threshold: errorLimit(),
  'threshold below': errorLimit({ name: 'in flight', metric: { source: 'process', of: 'memoryBytes' }, judge: { kind: 'threshold', limit: 1e12, harm: 'above', windowMs: 10_000, minRequests: 5, consecutive: 2 } }),
  errors: errorLimit({ judge: { kind: 'errors', harm: 0.02 } }),
  latency: errorLimit({ name: 'latency', metric: { source: 'router', of: 'latency', quantile: 'p95' }, judge: { kind: 'latency', harm: 0.2 } }),
  mannWhitney: errorLimit({ judge: { kind: 'mannWhitney', windowMs: 60_000, minPoints: 20, tolerance: 0.25, confidence: 0.98, harm: 'above' } }),
  burnRate: errorLimit({ judge: { kind: 'burnRate', objective: 0.99, windows: [{ longMs: 60_000, shortMs: 5_000, factor: 14.4 }], minRequests: 20 } }),
}

describe('R7: absence and nonsense neither promote nor roll back', () => {
  for (const [how, spoiler] of Object.entries(SPOILERS)) {
    it(how, async () => {
      for (const [judge, criterion] of Object.entries(EVERY_JUDGE)) {
        const sim = await ready({ plan: { criteria: [criterion] } })
        await sim.time.advance(2_000)
        sim.world.spoilMetrics(spoiler)
        await sim.time.advance(12_000)
        const spoiledMemory = judge === 'threshold below' && !['empty', 'stale', 'nothing of the candidate', 'the same second again and again', 'a clock an hour ahead', 'a clock an hour behind'].includes(how)
        if (!how.includes('traffic') && !spoiledMemory) {
          const said = sim.waiting().map(({ title }) => title)
          expect(said, `${judge}: ${sim.current()?.release.analysis[0]?.why}`).toContain('No metrics')
        }
        await sim.time.advance(400_000)
        if (spoiledMemory) continue
        expect(sim.weights(), `${judge}: ${sim.current()?.release.rollback?.reason ?? sim.current()?.release.analysis[0]?.why}`).toEqual({ blue: 90, green: 10 })
        expect(phase(sim), judge).toBe('shifting')
        expect(sim.current()?.next, judge).toContain('Held')
      }
    })
  }

  it('control: the same releases go on when the metrics tell the truth', async () => {
    for (const [judge, criterion] of Object.entries(EVERY_JUDGE)) {
      if (judge === 'mannWhitney') continue
      const sim = await ready({ plan: { criteria: [criterion] } })
      await until(sim, () => sim.weights().green >= 50, 400_000)
    }
  })

  it('a provider that is down, hangs or answers 500: held, said, and over when it is back', async () => {
    const sim = await ready()
    await sim.time.advance(5_000)
    sim.world.metricsOff(true)
    await sim.time.advance(8_000)
    expect(sim.waiting().map(({ title }) => title)).toContain('No metrics')
    await sim.time.advance(600_000)
    expect(sim.weights().green).toBe(10)
    sim.world.metricsOff(false)
    await until(sim, () => phase(sim) === 'completed', 900_000)
  })

  it('does what a criterion declares for absence that lasts, and only then', async () => {
    for (const [action, expected] of [['pause', 10], ['rollBack', 0]] as const) {
      const sim = await ready({ plan: { criteria: [errorLimit({ absence: { action, afterMs: 60_000 } })] } })
      sim.world.spoilMetrics(() => [])
      await sim.time.advance(50_000)
      expect(phase(sim)).toBe('shifting')
      expect(sim.current()?.release.paused).toBeNull()
      await sim.time.advance(30_000)
      expect(sim.weights().green).toBe(expected)
      if (action === 'pause') expect(sim.current()?.release.paused?.why).toContain('missing')
      else expect(sim.current()?.release.rollback?.reason).toContain('missing')
    }
  })

  it('a query whose provider fails holds too, and says what the provider said', async () => {
    const down: MetricsSource = { read: () => Promise.reject(new Fault('providerUnavailable', 'Prometheus does not answer.', 'Look whether it runs.')), tryQuery: () => Promise.reject(new Error('not asked here')), intervalMs: () => 5_000 }
    const query = errorLimit({ name: 'orders', metric: { source: 'query', provider: 'prom', query: 'up', unit: '' } })
    const sim = await ready({ metrics: down, plan: { criteria: [query] } })
    await sim.time.advance(400_000)
    expect(sim.weights().green).toBe(10)
    expect(sim.waiting().find(({ title }) => title === 'No metrics')?.detail).toContain('Prometheus does not answer')
  })
})
