import { describe, expect, it } from 'vitest'
import type { Criterion } from '../contract/analysis.ts'
import { Fault } from '../contract/fault.ts'
import type { Hold, Plan } from '../contract/plan.ts'
import { DEFAULT_CRITERIA } from '../core/analysis/default-criteria.ts'
import { addReading, emptySeries } from './recording.ts'
import { createSimulation, type Simulation, type SimulationOptions } from './sim/simulation.ts'

// What the guard must not miss: moments at which nobody judged, or judged and could not act.

const timed = (ms: number): Hold => ({ kind: 'timed', ms })
const MANUAL: Hold = { kind: 'manual' }
const last = { weightPercent: 100, hold: timed(0), approvals: 0 }

const errorLimit = (change: Partial<Criterion> = {}): Criterion => ({
  name: 'error ratio',
  metric: { source: 'router', of: 'errorRatio' },
  judge: { kind: 'threshold', limit: 0.02, harm: 'above', windowMs: 10_000, minRequests: 20, consecutive: 2 },
  severity: 'fail',
  graceMs: 0,
  absence: { action: 'hold', afterMs: 0 },
  ...change,
})
const PLAN: Partial<Plan> = { steps: [{ weightPercent: 10, hold: MANUAL, approvals: 0 }, { weightPercent: 50, hold: MANUAL, approvals: 0 }, last], criteria: [errorLimit()], bakeMs: 600_000, rollbackWindowMs: 600_000 }

async function holding(options: SimulationOptions = {}, historyMs = 60_000): Promise<Simulation> {
  const sim = createSimulation({ noisy: true, ...options, plan: { ...PLAN, ...options.plan } })
  sim.world.script('1.0.0', { errorRatio: 0.001 })
  sim.world.script('2.0.0', { errorRatio: 0.001 })
  sim.boot()
  await sim.time.advance(historyMs)
  await sim.create('2.0.0')
  await until(sim, () => sim.weights().green > 0)
  await sim.time.advance(15_000)
  return sim
}

async function until(sim: Simulation, holds: () => boolean, withinMs = 60_000): Promise<void> {
  for (let waited = 0; !holds(); waited += 500) {
    if (waited > withinMs) throw new Error(`it did not come within ${withinMs} ms: ${sim.current()?.release.phase}, ${sim.current()?.next}`)
    await sim.time.advance(500)
  }
}

const phase = (sim: Simulation) => sim.current()?.release.phase
const id = (sim: Simulation) => sim.current()?.release.id ?? ''
const actions = (sim: Simulation) => sim.disk.entries.map((entry) => entry.action)
const back = (sim: Simulation) => sim.weights().green === 0

describe('traffic is taken back', () => {
  it('when the journal cannot commit: a verdict goes the way a person goes, and keeps room for the next', async () => {
    const sim = await holding()
    sim.failDisk(true)
    sim.world.script('2.0.0', { errorRatio: 0.3 })
    await until(sim, () => back(sim))
    expect(sim.disk.emergency.length).toBeGreaterThan(0)
    for (const { releases } of sim.disk.emergency) for (const release of releases) expect(release.baseline).toBeNull()
    sim.failDisk(false)
    await sim.restart(1000)
    await sim.time.advance(5000)
    expect(phase(sim)).toBe('rolledBack')
    expect(sim.disk.entries.find(({ action, emergency }) => action === 'release.rollBack' && emergency)?.operator.known).toBe('system')
  })

  it('while a promote is on its way, and after it failed', async () => {
    let lies = false
    const pending = await holding({ lies: () => lies })
    lies = true
    void pending.command(id(pending), 'promote')
    await pending.time.advance(2000)
    expect(pending.current()?.release.shiftPending).toBe(true)
    pending.world.script('2.0.0', { errorRatio: 0.3 })
    await until(pending, () => phase(pending) === 'rollingBack', 20_000)

    let broken = false
    const failed = await holding({ providerFault: (method) => (broken && method === 'setWeights' ? { fault: new Fault('invalidInput', 'It will not.', 'Ask again.'), when: 'before' } : null) })
    broken = true
    await failed.command(id(failed), 'promote')
    await until(failed, () => phase(failed) === 'failed')
    broken = false
    failed.world.script('2.0.0', { errorRatio: 0.3 })
    await until(failed, () => back(failed))
  })

  it('after the wall clock was set back: while somebody must approve, and at 100 % with nothing but the record', async () => {
    const asked = await holding({ plan: { steps: [{ weightPercent: 10, hold: MANUAL, approvals: 0 }, { weightPercent: 50, hold: MANUAL, approvals: 1 }, last] } })
    await asked.command(id(asked), 'promote')
    expect(phase(asked)).toBe('awaitingApproval')
    asked.time.jumpWall(-3_600_000)
    await asked.time.advance(30_000)
    asked.world.script('2.0.0', { errorRatio: 0.3 })
    await until(asked, () => back(asked))

    const baking = await holding({ plan: { steps: [last], criteria: [...DEFAULT_CRITERIA] } }, 12 * 60_000)
    expect(phase(baking)).toBe('baking')
    baking.time.jumpWall(-3_600_000)
    await baking.time.advance(60_000)
    baking.world.script('2.0.0', { errorRatio: 0.1 })
    await until(baking, () => back(baking))
  })

  it('by the criteria of a step for as long as it is at that step: while it waits for approval, and at 100 % while it bakes', async () => {
    const own = [errorLimit({ name: 'of the step' })]
    const asked = await holding({ plan: { criteria: [], steps: [{ weightPercent: 10, hold: MANUAL, approvals: 0, criteria: own }, { weightPercent: 50, hold: MANUAL, approvals: 1 }, last] } })
    await asked.command(id(asked), 'promote')
    expect(phase(asked)).toBe('awaitingApproval')
    asked.world.script('2.0.0', { errorRatio: 0.3 })
    await until(asked, () => back(asked))

    const baking = await holding({ plan: { criteria: [], steps: [{ ...last, criteria: own }] } })
    expect(phase(baking)).toBe('baking')
    baking.world.script('2.0.0', { errorRatio: 0.3 })
    await until(baking, () => back(baking))
  })
})

describe('nothing goes on by itself', () => {
  it('while data is missing, at the end of a plain hold and of the bake; a person may go on', async () => {
    const sim = await holding({ plan: { steps: [{ weightPercent: 10, hold: timed(30_000), approvals: 0 }, last], bakeMs: 30_000 } })
    sim.world.metricsOff(true)
    await sim.time.advance(120_000)
    expect(sim.weights().green).toBe(10)
    expect(sim.current()?.next).toContain('Held')
    expect(sim.waiting().map(({ title }) => title)).toEqual(expect.arrayContaining(['Held', 'No metrics']))
    await sim.command(id(sim), 'promote', { reason: 'seen by other means' })
    await until(sim, () => phase(sim) === 'baking')
    await sim.time.advance(120_000)
    expect(phase(sim)).toBe('baking')
    expect(sim.waiting().map(({ title }) => title)).toContain('Held')
    sim.world.metricsOff(false)
    await until(sim, () => phase(sim) === 'completed')
  })

  it('with a version the guard took back meanwhile, though it was queued before', async () => {
    const sim = await holding()
    await sim.create('2.0.0', { queue: true })
    sim.world.script('2.0.0', { errorRatio: 0.3 })
    await until(sim, () => back(sim))
    await sim.time.advance(60_000)
    expect(sim.current()?.release.id).toBe('checkout-3')
    expect(sim.weights().green).toBe(0)
    expect(sim.current()?.release.paused?.why).toContain('rolled back by the guard before')
  })
})

describe('a version the guard took back', () => {
  it('asks also after another version was released meanwhile, and after a restart', async () => {
    const sim = await holding({ plan: { steps: [last], bakeMs: 5_000, rollbackWindowMs: 5_000 } })
    await until(sim, () => phase(sim) === 'retired')
    sim.world.script('3.0.0', { errorRatio: 0.3 })
    await sim.create('3.0.0')
    await until(sim, () => phase(sim) === 'rolledBack')
    sim.world.script('1.0.0', { errorRatio: 0 })
    await sim.create('1.0.0')
    await until(sim, () => phase(sim) === 'retired')
    await sim.restart(1000)
    await sim.time.advance(5_000)
    await sim.create('3.0.0')
    await sim.time.advance(30_000)
    expect(sim.current()?.release.candidate.version).toBe('3.0.0')
    expect(sim.current()?.release.paused?.why ?? 'not asked').toContain('rolled back by the guard before')
  })
})

describe('what is said', () => {
  it('of the record is what people read: histograms stay with the judges', async () => {
    const sim = await holding({}, 12 * 60_000)
    const kept = sim.disk.releases.get(id(sim))?.baseline
    expect(kept?.series.latency.some((buckets) => buckets.length > 0)).toBe(true)
    const shown = sim.current()?.release.baseline
    expect(shown?.series.requests).toEqual(kept?.series.requests)
    expect(shown?.series.latency.every((buckets) => buckets.length === 0)).toBe(true)
  })

  it('is no pass where nothing was judged', async () => {
    const sim = await holding({ plan: { criteria: [], steps: [{ weightPercent: 10, hold: { kind: 'analysis', ms: 20_000 }, approvals: 0 }, last] } })
    await until(sim, () => phase(sim) === 'baking')
    expect(actions(sim)).not.toContain('analysis.passed')
  })
})

describe('a person', () => {
  it('holds the guard off, and gives it back, wherever it may act: also while a step waits for approval', async () => {
    const sim = await holding({ plan: { steps: [{ weightPercent: 10, hold: MANUAL, approvals: 0 }, { weightPercent: 50, hold: MANUAL, approvals: 1 }, last] } })
    await sim.command(id(sim), 'promote')
    expect(phase(sim)).toBe('awaitingApproval')
    await sim.command(id(sim), 'suspendGuard', { reason: 'a load test', forMs: 3_600_000 })
    sim.world.script('2.0.0', { errorRatio: 0.3 })
    await sim.time.advance(60_000)
    expect(sim.weights().green).toBe(10)
    await sim.command(id(sim), 'restoreGuard')
    await until(sim, () => back(sim), 5_000)
  })
})

describe('a console that only reads', () => {
  it('judges nothing at the end of a hold, and moves nothing', async () => {
    let readOnly: string | null = null
    const sim = await holding({ readOnly: () => readOnly, plan: { steps: [{ weightPercent: 10, hold: timed(60_000), approvals: 0 }, last], criteria: [errorLimit({ absence: { action: 'rollBack', afterMs: 10_000 } })] } })
    const before = sim.disk.entries.length + sim.disk.emergency.length
    readOnly = 'Another console controls this data folder.'
    await sim.restart(0)
    await sim.time.advance(300_000)
    expect(sim.weights().green).toBe(10)
    expect(sim.disk.entries.length + sim.disk.emergency.length).toBe(before)
  })
})

describe('a recording', () => {
  it('of a metrics provider stays an hour long', () => {
    const series = emptySeries()
    for (let at = 1000; at <= 86_400_000; at += 1000) addReading(series, { query: '', notes: [], points: [{ at, value: 1, requests: 1, errors: 0, latencyMs: 1 }] }, () => 1)
    for (const column of [series.at, series.requests, series.errors, series.latency, series.values]) expect(column.length).toBeLessThan(4000)
    expect((series.at.at(-1) ?? 0) - (series.at[0] ?? 0)).toBeGreaterThanOrEqual(3_599_000)
  })
})
