import { expect, test } from 'vitest'
import type { Criterion } from '../../contract/analysis.ts'
import { withAbsence } from '../../core/analysis/absence.ts'
import { judgeCriterion } from '../../core/analysis/judge.ts'
import type { JudgeInput } from '../../core/analysis/judge-input.ts'
import { createFlagSimulation, FLAG, QUICK_PLAN } from '../sim/flag-simulation.ts'

const ERRORS: Criterion = { name: 'Errors', metric: { source: 'router', of: 'errorRatio' }, judge: { kind: 'errors', harm: 0.02 }, severity: 'fail', graceMs: 0, absence: { action: 'hold', afterMs: 60_000 } }
const LATENCY: Criterion = { name: 'Latency p95', metric: { source: 'router', of: 'latency', quantile: 'p95' }, judge: { kind: 'latency', harm: 0.5 }, severity: 'fail', graceMs: 0, doubt: 'goOn', absence: { action: 'hold', afterMs: 60_000 } }
const SLOW_PLAN = { ...QUICK_PLAN, stages: QUICK_PLAN.stages.map((stage) => ({ ...stage, holdMs: 60_000 })) }
const TEST_PLAN = { ...SLOW_PLAN, variants: [{ variant: 'a', share: 50 }, { variant: 'b', share: 50 }] }

async function started(plan = SLOW_PLAN, errors: (variant: string) => number = () => 0.01, latencyMs: (variant: string) => number = () => 40, criteria = [ERRORS, LATENCY]) {
  const sim = createFlagSimulation({ criteria })
  sim.boot()
  if (plan === TEST_PLAN) {
    const flag = sim.definition()
    sim.system.define('prod', { ...flag, variants: [...flag.variants, { name: 'a', value: true }, { name: 'b', value: true }] })
  }
  sim.setTraffic(300, errors, latencyMs)
  await sim.time.advance(300_000)
  expect(await sim.start(plan)).toMatchObject({ rollout: { phase: 'exposing' } })
  return sim
}

test('a harmful variant is taken back by itself, within what was promised for its exposure, with evidence that gives the same verdict again', async () => {
  const sim = await started(SLOW_PLAN, (variant) => (variant === 'on' ? 0.08 : 0.01))
  expect(await sim.until(() => sim.rollout().phase === 'rolledBack')).toBe(true)
  const view = await sim.act(sim.flags().get('shop', FLAG))
  const promised = view && !(view instanceof Error) ? (view.rollout?.stages[0]?.detectionMs ?? null) : null
  expect(promised).not.toBeNull()
  const rollout = sim.rollout()
  expect(rollout.rollback).toMatchObject({ byGuard: true, to: 'before', reason: expect.stringContaining('the unexposed side') })
  expect((rollout.endedAt ?? 0) - (rollout.stages[0]?.exposedAt ?? 0)).toBeLessThan(promised ?? 0)
  expect(sim.exposure().everyone).toBe('off')
  const entry = sim.disk.entries.find(({ action }) => action === 'analysis.failed')
  const { judged, results } = JSON.parse(JSON.stringify(entry?.evidence)) as { results: { name: string }[]; judged: { criterion: Criterion; input: JudgeInput; sharedBy: number; problem: string }[] }
  expect(judged.length).toBeGreaterThan(0)
  for (const { criterion, input, sharedBy, problem } of judged) {
    const again = withAbsence(criterion, judgeCriterion(criterion, input, { sharedBy }), input.now, problem)
    expect(again.verdict).toBe('fail')
    expect(JSON.parse(JSON.stringify(again))).toEqual(results.find(({ name }) => name === criterion.name))
  }
  expect(sim.flags().waiting()).toMatchObject([{ kind: 'flag', title: 'Taken back by the guard', flag: { key: FLAG } }])
  // What it saw can be looked at when it is over.
  const chart = await sim.act(sim.flags().guardSeries('shop', FLAG, (rollout.stages[0]?.exposedAt ?? 0) - 1000))
  if (chart instanceof Error) throw chart
  expect(chart?.absent).toBe('')
  expect(chart?.exposed.some(({ errors }) => errors > 0)).toBe(true)
  expect(chart?.unexposed.length).toBeGreaterThan(0)
  await sim.close()
})

test('control: a good variant reaches everyone, and is judged at 100 % against what unexposed users did', async () => {
  const sim = await started()
  expect(await sim.until(() => sim.rollout().verifiedStage === 2, 3_600_000)).toBe(true)
  await sim.time.advance(60_000)
  const view = sim.flags().snapshot().find((item) => item.kind === 'rollout')
  expect(view?.rollout.rollout.analysis.find(({ name }) => name === 'Errors')?.against).toBe('history')
  expect(await sim.until(() => sim.rollout().phase === 'finished', 3_600_000)).toBe(true)
  expect(sim.disk.entries.some(({ action }) => action === 'analysis.passed')).toBe(true)
  await sim.close()
})

test('harm that begins only at 100 % is found too', async () => {
  let harmful = false
  const sim = await started(SLOW_PLAN, (variant) => (variant === 'on' && harmful ? 0.15 : 0.01))
  expect(await sim.until(() => sim.rollout().verifiedStage === 2, 3_600_000)).toBe(true)
  harmful = true
  expect(await sim.until(() => sim.rollout().phase === 'rolledBack', 300_000)).toBe(true)
  expect(sim.rollout().rollback?.byGuard).toBe(true)
  await sim.close()
})

test('a slower variant is taken back as well', async () => {
  const sim = await started(SLOW_PLAN, () => 0.01, (variant) => (variant === 'on' ? 120 : 40))
  expect(await sim.until(() => sim.rollout().phase === 'rolledBack', 3_600_000)).toBe(true)
  expect(sim.rollout().rollback).toMatchObject({ byGuard: true, reason: expect.stringContaining('p95') })
  await sim.close()
})

test('trouble that both sides have takes nothing back', async () => {
  let outage = false
  const sim = await started(SLOW_PLAN, () => (outage ? 0.3 : 0.01))
  await sim.until(() => sim.rollout().verifiedStage === 1, 3_600_000)
  await sim.time.advance(30_000)
  outage = true
  await sim.time.advance(90_000)
  expect(sim.rollout().rollback).toBeNull()
  await sim.close()
})

test('of two variants the one that harms is named', async () => {
  const sim = await started(TEST_PLAN, (variant) => (variant === 'b' ? 0.1 : 0.01))
  expect(await sim.until(() => sim.rollout().phase === 'rolledBack', 3_600_000)).toBe(true)
  const failed = sim.rollout().analysis.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name)
  expect(failed).toContain('Errors (b)')
  expect(failed).not.toContain('Errors (a)')
  await sim.close()
})

test('missing data holds and says so; when it is back it goes on; a person may go on with a reason', async () => {
  const sim = await started()
  await sim.until(() => sim.rollout().phase === 'holding')
  sim.system.silent = true
  await sim.time.advance(120_000)
  expect(sim.rollout()).toMatchObject({ phase: 'holding', stageIndex: 0, rollback: null })
  const waiting = sim.flags().waiting()
  expect(waiting).toMatchObject([{ title: 'Held', detail: expect.stringContaining('there is no sample') }])
  expect(await sim.command('advance')).toMatchObject({ code: 'interlocked', message: expect.stringContaining('no reason was given') })
  expect(sim.rollout().stageIndex).toBe(0)
  expect(await sim.command('advance', { reason: 'the collector is down, logs are clean' })).toMatchObject({ rollout: { stageIndex: 1 } })
  await sim.until(() => sim.rollout().verifiedStage === 1)
  await sim.time.advance(200_000)
  expect(sim.rollout().stageIndex).toBe(1)
  sim.system.silent = false
  expect(await sim.until(() => sim.rollout().stageIndex === 2, 600_000)).toBe(true)
  await sim.close()
})

test('a warning pauses and asks once; who resumes has seen it', async () => {
  const sim = await started(SLOW_PLAN, (variant) => (variant === 'on' ? 0.08 : 0.01), () => 40, [{ ...ERRORS, severity: 'warn' }])
  expect(await sim.until(() => sim.rollout().paused !== null)).toBe(true)
  expect(sim.rollout().paused?.why).toMatch(/error/i)
  expect(sim.exposure().percents?.get('on')).toBe(5)
  await sim.command('resume')
  await sim.time.advance(5000)
  expect(sim.rollout().paused).toBeNull()
  expect(sim.rollout().acknowledged).toEqual(['Errors'])
  expect(await sim.until(() => sim.rollout().stageIndex === 1, 600_000)).toBe(true)
  await sim.close()
})

test('a query is asked by flag and variant, and guards as well', async () => {
  const asked = new Set<string>()
  let bad = false
  const orders: Criterion = { name: 'Failed orders', metric: { source: 'query', provider: 'prom', query: 'x', unit: 'ratio' }, judge: { kind: 'threshold', limit: 0.1, harm: 'above', windowMs: 30_000, minRequests: 2, consecutive: 1 }, severity: 'fail', graceMs: 0, absence: { action: 'hold', afterMs: 60_000 } }
  const sim = createFlagSimulation({
    criteria: [orders],
    metrics: {
      intervalMs: () => 5000,
      tryQuery: () => Promise.reject(new Error('nobody tries one')),
      read: async (_metric, target, fromAt) => {
        asked.add(`${target.flag?.key} ${target.flag?.variant}`)
        const at = Math.floor(sim.time.clock.wallMs() / 5000) * 5000
        return { query: 'x', points: at > fromAt ? [{ at, value: bad && target.flag?.variant === 'on' ? 0.4 : 0.02, requests: 0, errors: 0, latencyMs: null }] : [], notes: [] }
      },
    },
  })
  sim.boot()
  await sim.start({ ...QUICK_PLAN, stages: QUICK_PLAN.stages.map((stage) => ({ ...stage, holdMs: 60_000 })) })
  expect(await sim.until(() => sim.rollout().stageIndex === 1)).toBe(true)
  expect(asked).toEqual(new Set([`${FLAG} on`, `${FLAG} off`]))
  bad = true
  expect(await sim.until(() => sim.rollout().phase === 'rolledBack', 60_000)).toBe(true)
  expect(sim.rollout().rollback?.byGuard).toBe(true)
  await sim.close()
})

test('a source that reports no requests holds with its own reason', async () => {
  const sim = createFlagSimulation({ criteria: [ERRORS], capabilities: { outcomes: 'This system does not know of requests.' } })
  sim.boot()
  await sim.start()
  await sim.time.advance(60_000)
  expect(sim.rollout()).toMatchObject({ phase: 'holding', stageIndex: 0 })
  const view = sim.flags().snapshot().find((item) => item.kind === 'rollout')
  expect(view?.rollout.next).toContain('This system does not know of requests.')
  await sim.close()
})
