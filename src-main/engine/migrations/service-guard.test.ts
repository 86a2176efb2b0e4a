import { expect, test } from 'vitest'
import type { EnvironmentSeries, MetricSample, ObservedService } from '../../contract/traffic.ts'
import type { ServiceConfig } from '../../contract/workspace.ts'
import { DEFAULT_CRITERIA } from '../../core/analysis/default-criteria.ts'
import { SAMPLE_DEFINITION } from '../../core/migration/exploration.ts'
import { planMigration } from '../../core/migration/state.ts'
import { SYSTEM_OPERATOR } from '../../contract/release.ts'
import { DEFAULT_TEST_PLAN } from '../sim/test-plan.ts'
import { createServiceGuard } from './service-guard.ts'

const START = Date.UTC(2026, 0, 1)
const environment = { readiness: 'ready' as const, deployed: { version: '1.0.0', configDigest: '' }, detail: '', instances: { ready: 1, wanted: 1 }, restarts: 0, startedAt: 0, cpuPercent: 1, memoryBytes: 1, inFlight: 0, connections: 0 }
const observed: ObservedService = { weights: { blue: 0, green: 100 }, generation: 1, generationCause: 'start', environments: { blue: environment, green: environment }, liveAddress: '', previewAddress: '', lease: null }
const config: ServiceConfig = { name: 'customers', provider: 'fake', plan: { ...DEFAULT_TEST_PLAN, criteria: [...DEFAULT_CRITERIA] }, data: { kind: 'shared' }, settings: {}, probes: [], initialVersion: null }

function sample(at: number, errors: number): MetricSample {
  return { at, requests: 50, errors, byClass: { s2xx: 50 - errors, s3xx: 0, s4xx: 0, s5xx: errors, failed: 0 }, p50Ms: 5, p95Ms: 8, p99Ms: 10, latency: [[40, 50]], inFlight: 0, connections: 1, cpuPercent: 1, memoryBytes: 1 }
}

/** Verdicts of the seconds after the switch, with so many errors of 50 requests on the live side. */
function run(errorsAfter: number): string[] {
  let now = START
  let samples: EnvironmentSeries = { blue: [], green: [] }
  const guard = createServiceGuard({ clock: { wallMs: () => now, monotonicMs: () => now - START, setTimer: () => () => undefined }, config: () => config, samples: () => samples, observed: () => observed })
  const before = planMigration({ definition: SAMPLE_DEFINITION, digest: '', by: SYSTEM_OPERATOR, reason: '', at: START, attempts: 0, revision: 0 })
  const switchedAt = START + 120_000
  const state = { ...before, phase: 'switchingReads' as const, phaseSince: switchedAt }
  const verdicts: string[] = []
  for (let second = 1; second <= 180; second += 1) {
    now = START + second * 1000
    samples = { blue: [], green: [...samples.green.slice(-119), sample(now, now > switchedAt ? errorsAfter : 0)] }
    const results = guard.judge(now > switchedAt ? state : { ...state, phase: 'dualWrites', phaseSince: START })
    if (now > switchedAt) verdicts.push(...(results ?? []).filter(({ verdict }) => verdict === 'fail').map(({ name, why }) => `${name}: ${why}`))
  }
  return verdicts
}

test('harm on the live side after a change of the migration fails, named by service and side', () => {
  const failed = run(5)
  expect(failed.length).toBeGreaterThan(50)
  expect(failed[0]).toMatch(/^customers: .*: customers green: /)
})

test('control: what goes on as before fails nothing', () => {
  expect(run(0)).toEqual([])
})

test('a service of another workspace, or one that cannot be observed, is judged by nobody', () => {
  const guard = createServiceGuard({ clock: { wallMs: () => START, monotonicMs: () => 0, setTimer: () => () => undefined }, config: () => null, samples: () => ({ blue: [], green: [] }), observed: () => null })
  expect(guard.judge(planMigration({ definition: SAMPLE_DEFINITION, digest: '', by: SYSTEM_OPERATOR, reason: '', at: START, attempts: 0, revision: 0 }))).toBeNull()
})
