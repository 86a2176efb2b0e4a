import { Fault } from '../../src-main/contract/fault.ts'
import type { Criterion, CriterionResult, CriterionTrial, VerdictChange } from '../../src-main/contract/analysis.ts'
import type { Release, ReleaseView } from '../../src-main/contract/release.ts'
import type { ServiceView, WaitingItem } from '../../src-main/contract/service.ts'
import type { MetricSample } from '../../src-main/contract/traffic.ts'
import { makeSample as makeMigrationSample } from '../lib/test-migrations.ts'
import type { TestCore, TestWorld } from '../lib/test-core.ts'
import { CONSOLE, goodResults, makeEntry, makeEvidence, makeRelease, makeResult, makeSample, makeService, makeShiftingService, makeStatus, makeStory, MIRA, SHIFTING_ACTIONS } from '../lib/test-fixtures.ts'

const wave = (seconds: number, seed: number) => Math.sin(seconds / 7 + seed) * 0.5 + Math.sin(seconds / 2.3 + seed * 3) * 0.3 + Math.sin(seconds * 1.7 + seed) * 0.2

function sampleOf(service: ServiceView, environment: 'blue' | 'green', at: number): MetricSample | null {
  if (service.observed.kind === 'unknown') return null
  const weight = service.observed.value.weights[environment]
  if (service.observed.value.environments[environment].deployed === null) return null
  const seed = service.name.length + (environment === 'blue' ? 0 : 2)
  const seconds = Math.floor(at / 1000)
  const requests = Math.max(0, Math.round(4.12 * weight * (1 + wave(seconds, seed) * 0.06)))
  const failing = service.health === 'failing' && environment === 'green'
  const errors = Math.round(requests * (failing ? 0.04 : 0.002) + (requests > 0 && wave(seconds, seed + 9) > 0.55 ? 1 : 0))
  const p99 = (environment === 'blue' ? 262 : 318) + wave(seconds, seed) * 30
  return makeSample(at, requests, {
    errors: Math.min(errors, requests),
    p50Ms: requests === 0 ? null : 41 + wave(seconds, seed) * 4,
    p99Ms: requests === 0 ? null : p99,
    cpuPercent: requests / 6 + 3,
    memoryBytes: (412 + 30 * (environment === 'blue' ? 0 : 1) + wave(seconds, seed) * 4) * 1024 * 1024,
  })
}

export function startMetrics(core: TestCore): void {
  setInterval(() => {
    const at = Date.now()
    for (const service of core.world.services.values()) {
      if (service.observed.kind === 'known') {
        core.push({ kind: 'service', service: { ...service, observed: { ...service.observed, observedAt: at } } })
        core.push({ kind: 'metrics', service: service.name, blue: sampleOf(service, 'blue', at), green: sampleOf(service, 'green', at) })
      }
    }
    for (const migration of core.world.migrations ?? []) {
      if (migration.observed.kind === 'known' && migration.observed.value) core.push({ kind: 'migrationSample', migration: migration.id, sample: makeMigrationSample(migration, at, at) })
    }
    const { status } = core.world
    core.push({ kind: 'status', status: { ...status, now: at, providers: status.providers.map((provider) => ({ ...provider, lastAnswerAt: at - 300 })) } })
  }, 1000)
}

function worldOf(services: readonly ServiceView[], changes: Partial<TestWorld> = {}): TestWorld {
  const now = Date.now()
  const old = Array.from({ length: 400 }, (_, index) => makeEntry(48_213 - 9 - 400 + index, now - (420 - index) * 60_000, { summary: index % 7 === 0 ? 'Send 25 % to green (1.7.3)' : index % 5 === 0 ? 'Pause' : 'blue 100 %, green 0 % read back from the data plane', action: index % 7 === 0 ? 'release.promote' : 'effect.setWeights', outcome: index % 11 === 0 ? 'refused' : 'verified', target: { service: index % 3 === 0 ? 'search' : 'checkout', environment: 'green', releaseId: `checkout-1` } }))
  const world: TestWorld = {
    status: makeStatus(now),
    services: new Map(services.map((service) => [service.name, service])),
    waiting: [],
    entries: [...old, ...makeStory(now, 48_213)],
    versions: [
      { version: '2.0.0', configDigest: 'd2', title: 'One-page checkout', changes: ['cart and payment on one page', 'drops the old cart cookie'], createdAt: now - 3_600_000, problem: null, deployedOn: null },
      { version: '1.9.0', configDigest: 'd1', title: 'Faster totals', changes: ['totals are computed once per cart', 'log line per order'], createdAt: now - 86_400_000, problem: null, deployedOn: 'green' },
      { version: '1.8.0', configDigest: 'd0', title: 'Gift cards', changes: ['gift cards'], createdAt: now - 9 * 86_400_000, problem: null, deployedOn: 'blue' },
      { version: '1.7.9', configDigest: 'd9', title: 'Broken build', changes: [], createdAt: now - 12 * 86_400_000, problem: 'server.mjs is missing from its folder.', deployedOn: null },
    ],
    history: (name, fromAt, toAt) => {
      const service = world.services.get(name)
      const series = { blue: [] as MetricSample[], green: [] as MetricSample[] }
      if (!service) return series
      for (let at = Math.ceil(fromAt / 1000) * 1000; at < toAt; at += 1000) {
        for (const environment of ['blue', 'green'] as const) {
          const sample = sampleOf(stepBefore(service, now - at), environment, at)
          if (sample) series[environment].push(sample)
        }
      }
      return series
    },
    verdicts: (name) => verdictsOf(world.services.get(name)?.release?.release ?? null, now),
    trial,
    onCommand: async (input) => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      return afterCommand(world, input)
    },
    ...changes,
  }
  return world
}

/** The verdicts on a release of the last minutes: doubt at first, then what its results say now. */
function verdictsOf(release: Release | null, now: number): VerdictChange[] {
  if (!release) return []
  return release.analysis.flatMap((result): VerdictChange[] => {
    const change = { releaseId: release.id, version: release.candidate.version, name: result.name }
    const first = release.trafficSince ?? now
    return [
      { ...change, at: first, verdict: 'inconclusive', why: '12 of the 50 requests it needs.' },
      { ...change, at: first + 14_000, verdict: 'pass', why: 'As good as blue so far.' },
      ...(result.name === 'Latency p99' ? [{ ...change, at: now - 120_000, verdict: 'warn' as const, why: 'Latency p99 404 ms over 30 s, limit 400 ms: 1 of 2 times in a row.' }, { ...change, at: now - 96_000, verdict: 'pass' as const, why: 'Latency p99 379 ms over 30 s, limit 400 ms.' }] : []),
      ...(result.verdict === 'pass' ? [] : [{ ...change, at: (release.rollback?.at ?? now - 9_000) - 200, verdict: result.verdict === 'fail' && result.severity === 'warn' ? ('warn' as const) : result.verdict, why: result.why }]),
    ]
  }).toSorted((a, b) => a.at - b.at)
}

function trial(criterion: Criterion, environment: 'blue' | 'green'): CriterionTrial {
  const now = Date.now()
  const scale = 'limit' in criterion.judge ? criterion.judge.limit : 0.01
  return {
    query: criterion.metric.source === 'query' ? criterion.metric.query.replaceAll('${environment}', environment).replaceAll('${service}', 'checkout').replaceAll('${window}', '30s') : '',
    samples: Array.from({ length: 120 }, (_, index) => ({ at: now - (120 - index) * 1000, value: index % 40 === 7 ? null : scale * (0.5 + 0.2 * wave(index, 3)) })),
    notes: criterion.metric.source === 'query' ? ['green: 1 warning: the query matched 2 series; they were summed.'] : [],
    result: makeResult({ name: criterion.name, severity: criterion.severity, value: scale * 0.6, limit: scale, closeness: 0.6, fromAt: now - 30_000, toAt: now, why: `${criterion.name} is well inside its limit over 30 s.` }),
  }
}

/** The service as it was so long ago, along the story of checkout-2. */
function stepBefore(service: ServiceView, ageMs: number): ServiceView {
  if (service.observed.kind === 'unknown' || !service.release || service.release.ended) return service
  const minutes = ageMs / 60_000
  const green = minutes > 8.4 ? 0 : minutes > 3.3 ? 5 : service.observed.value.weights.green
  return { ...service, observed: { ...service.observed, value: { ...service.observed.value, weights: { blue: 100 - green, green } } } }
}

function afterCommand(world: TestWorld, input: unknown): ServiceView {
  const now = Date.now()
  const { releaseId, command, service: name } = input as { releaseId?: string; command?: string; service?: string }
  const service = [...world.services.values()].find((each) => each.release?.release.id === releaseId || each.name === name)
  if (!service) throw new Error('no such release')
  if (command === 'rollBack') {
    const release = makeRelease({ now, service: service.name, ended: true, actions: [], next: 'blue (1.8.0) is live and stable.', waitsFor: null, changes: { phase: 'rolledBack', desiredWeights: { blue: 100, green: 0 }, dueAt: null, dueSince: null, endedAt: now, rollback: { by: world.status.operator, reason: '', at: now, forced: false, waitingForReady: false } } })
    return { ...makeService(service.name, { now, green: '1.9.0', release }), revision: service.revision + 1 }
  }
  if (command === 'promote') {
    const release = makeRelease({ now, service: service.name, changes: { stepIndex: 2, desiredWeights: { blue: 50, green: 50 }, dueAt: now + 240_000, dueSince: now } })
    return makeService(service.name, { now, green: '1.9.0', weights: { blue: 50, green: 50 }, release })
  }
  return makeShiftingService(now, service.name)
}

function fleet(): readonly ServiceView[] {
  const now = Date.now()
  const ended = (service: string, version: string, hours: number): ReleaseView =>
    makeRelease({ now, service, ended: true, actions: [], waitsFor: null, next: `${version} is live and stable.`, changes: { phase: 'retired', candidate: { version, configDigest: 'x' }, endedAt: now - hours * 3_600_000, dueAt: null, dueSince: null } })
  return [
    makeService('ledger', { now, provider: 'local', blue: '5.1.0', green: '5.0.4', weights: { blue: 0, green: 100 }, stable: 'green', health: 'failing', healthReason: 'green error ratio 4.0 %, limit 1 %.', release: ended('ledger', '5.1.0', 0.06) }),
    makeShiftingService(now),
    makeService('search', { now, green: '0.44.2', blue: '0.44.1', weights: { blue: 50, green: 50 }, release: makeRelease({ now, service: 'search', waitsFor: 'operator', next: 'It stays at 50 % until someone promotes it.', changes: { dueAt: null, dueSince: null, stepIndex: 2, desiredWeights: { blue: 50, green: 50 }, candidate: { version: '0.44.2', configDigest: 'x' } } }) }),
    makeService('notify', { now, unknownSince: now - 94_000, health: 'unknown', healthReason: 'The provider does not answer.' }),
    makeService('sessions', { now, blue: '7.3.1', green: '7.4.0', weights: { blue: 75, green: 25 }, desired: { blue: 50, green: 50 }, release: makeRelease({ now, service: 'sessions', next: '50 % is being sent to green.', waitsFor: 'provider', changes: { shiftPending: true, stepIndex: 2, dueAt: null, dueSince: null, candidate: { version: '7.4.0', configDigest: 'x' } } }) }),
    makeService('media', { now, blue: '12.0.3', green: '12.0.2', health: 'watch', healthReason: 'blue error ratio 0.84 %, limit 1 %.' }),
    makeService('pricing', { now, blue: '4.9.7', green: '4.10.0', weights: { blue: 0, green: 100 }, stable: 'blue', release: makeRelease({ now, service: 'pricing', next: 'When baking is over, 4.10.0 becomes the stable version.', changes: { phase: 'baking', stepIndex: 4, desiredWeights: { blue: 0, green: 100 }, dueAt: now + 728_000, dueSince: now - 1_072_000, candidate: { version: '4.10.0', configDigest: 'x' } } }) }),
    makeService('payments', { now, blue: '3.3.0', green: '3.2.1', release: makeRelease({ now, service: 'payments', waitsFor: 'clock', next: 'When the rollback window is over, green (3.2.1) is retired.', changes: { phase: 'completed', candidateEnvironment: 'blue', candidate: { version: '3.3.0', configDigest: 'x' }, desiredWeights: { blue: 100, green: 0 }, dueAt: now + 1_104_000, dueSince: now - 80_000_000 } }) }),
    makeService('invoices', { now, blue: '2.3.8', green: '2.4.0', environments: { green: { readiness: 'starting', detail: 'waits for /ready, 12 s of 60 s', instances: { ready: 3, wanted: 6 } } }, release: makeRelease({ now, service: 'invoices', waitsFor: 'provider', next: 'When green is ready, its gates are tested.', changes: { phase: 'deploying', stepIndex: -1, gates: [], analysis: [], desiredWeights: { blue: 100, green: 0 }, dueAt: null, dueSince: null, candidate: { version: '2.4.0', configDigest: 'x' } } }) }),
    ...['profile', 'cart', 'catalog', 'gateway', 'mailer', 'reports', 'a-service-with-a-very-long-name-that-must-not-break-the-row'].map((name, index) => makeService(name, { now, blue: `6.0.${index}`, green: index % 2 ? `6.1.${index}-rc.20261120.build.4711` : null, release: index % 3 ? ended(name, `6.0.${index}`, index * 30) : null })),
  ]
}

function waitingOf(): readonly WaitingItem[] {
  const now = Date.now()
  return [
    { id: 'health:ledger', service: 'ledger', releaseId: null, kind: 'health', title: 'Failing', detail: 'green error ratio 4.0 %, limit 1 %.', since: now - 238_000, expiresAt: null },
    { id: 'manualStep:search', service: 'search', releaseId: 'search-2', kind: 'manualStep', title: 'Manual step', detail: '0.44.2 holds at 50 %.', since: now - 760_000, expiresAt: null },
    { id: 'window:payments', service: 'payments', releaseId: 'payments-2', kind: 'window', title: 'Rollback window', detail: 'payments can go back to 3.2.1 at once only until the window closes.', since: now - 80_000_000, expiresAt: now + 1_104_000 },
  ]
}

/** What the judges said when the error-prone version went back. */
function failedResults(now: number): readonly CriterionResult[] {
  return goodResults(now - 20_400).map((result) => {
    if (result.name === 'Error ratio') return { ...result, verdict: 'fail', value: 0.041, closeness: 1, requests: 1284, why: 'Error ratio 4.1 % over 30 s, limit 1 %, twice in a row.' }
    if (result.name === 'Errors over blue') return { ...result, verdict: 'fail', value: 0.041, closeness: 1, requests: 1284, fromAt: now - 26_600, why: '4.1 % of 1,284 requests failed, 0.19 % on blue over the same time.', statistic: { name: 'log of the test martingale', value: 9.1, limit: 7.6 } }
    return result.name === 'Latency p99' ? { ...result, value: 379, closeness: 0.95, why: 'Latency p99 379 ms over 30 s, limit 400 ms.' } : result
  })
}

function failing(): TestWorld {
  const now = Date.now()
  const release = makeRelease({ now, ended: true, actions: [], waitsFor: null, next: 'blue (1.8.0) is live and stable.', changes: { phase: 'rolledBack', stepIndex: 2, desiredWeights: { blue: 100, green: 0 }, dueAt: null, dueSince: null, endedAt: now - 20_000, analysis: [...failedResults(now)], rollback: { by: { id: 'system', name: 'Signalbox', email: '', known: 'system' }, reason: 'Error ratio 4.1 % over 30 s, limit 1 %, twice in a row.', at: now - 20_400, forced: false, waitingForReady: false } } })
  const world = worldOf([makeService('checkout', { now, green: '1.9.0', release, environments: { green: { startedAt: now - 813_000, inFlight: 0, cpuPercent: 3 } } })])
  const target = { service: 'checkout', environment: 'green', releaseId: 'checkout-2' } as const
  world.entries.push(
    makeEntry(48_214, now - 20_400, { action: 'analysis.failed', operator: CONSOLE, target, summary: 'Error ratio 4.1 % over 30 s, limit 1 %, twice in a row.', evidence: makeEvidence(now - 20_400) }),
    makeEntry(48_215, now - 20_380, { action: 'release.rollBack', kind: 'intent', operator: CONSOLE, target, summary: 'Roll back to blue (1.8.0)', outcome: 'sent', reason: 'Error ratio 4.1 %', operationId: 'op-back-1' }),
    makeEntry(48_216, now - 20_010, { action: 'effect.setWeights', kind: 'outcome', operator: CONSOLE, target, summary: 'blue 100 %, green 0 % read back from the data plane', outcome: 'verified', after: { effect: { type: 'setWeights', weights: { blue: 100, green: 0 } } }, operationId: 'op-back-1' }),
  )
  return world
}

/** The guard saw something that only asks. */
const asking = (): TestWorld => {
  const now = Date.now()
  const why = 'CPU 91 % over 30 s, limit 85 %, twice in a row.'
  const analysis = goodResults(now).map((result) => (result.name === 'CPU' ? { ...result, verdict: 'fail' as const, value: 91, closeness: 1, why } : result))
  const actions = [{ command: 'resume' as const, label: 'Resume', effect: 'The plan goes on where it stopped.', weight: 'quiet' as const, blocks: [], needsReason: false }, ...SHIFTING_ACTIONS.filter(({ command }) => command !== 'pause')]
  const release = makeRelease({ now, actions, waitsFor: 'operator', next: `Paused, and asks: ${why}`, changes: { analysis, paused: { at: now - 31_000, by: CONSOLE, remainingMs: 41_000, why } } })
  return worldOf([makeService('checkout', { now, green: '1.9.0', weights: { blue: 75, green: 25 }, release })])
}

/** A person holds the guard off while a criterion fails; the metrics of another are gone; a third is bad on both sides. */
const suspended = (): TestWorld => {
  const now = Date.now()
  const analysis = goodResults(now).map((result): CriterionResult => {
    if (result.name === 'Error ratio') return { ...result, verdict: 'fail', value: 0.021, closeness: 1, why: 'Error ratio 2.1 % over 30 s, limit 1 %, twice in a row.' }
    if (result.name === 'Errors over blue') return { ...result, verdict: 'inconclusive', value: 0.021, baseline: 0.02, closeness: 1, bothSides: true, why: '2.1 % of 1,284 requests failed. But the other environment fails too (2.0 % now): moving traffic would not help.' }
    if (result.name === 'Latency p99') return { ...result, verdict: 'inconclusive', value: null, closeness: 0, requests: 0, absentSince: now - 42_000, why: 'No verdict on latency p99: the newest sample is 42 s old.' }
    return result
  })
  const actions = [...SHIFTING_ACTIONS.map((each) => (each.command === 'promote' ? { ...each, needsReason: true } : each)).filter(({ command }) => command !== 'suspendGuard'), { command: 'restoreGuard' as const, label: 'Guard it again', effect: 'Criteria take traffic back by themselves again.', weight: 'quiet' as const, blocks: [], needsReason: false }]
  const release = makeRelease({ now, actions, next: 'Held: Latency p99 has no data.', waitsFor: 'operator', changes: { analysis, guardSuspended: { by: MIRA, reason: 'The payment provider is down; its errors are not ours.', at: now - 130_000, until: now + 3_470_000 }, dueAt: now - 20_000 } })
  return worldOf([makeService('checkout', { now, green: '1.9.0', weights: { blue: 75, green: 25 }, health: 'failing', healthReason: 'green error ratio 2.1 %, limit 1 %.', release })])
}

/** The same version went back before. */
const rejected = (): TestWorld => {
  const now = Date.now()
  const release = makeRelease({ now, waitsFor: 'provider', next: 'When every gate passes, it asks.', actions: SHIFTING_ACTIONS.filter(({ command }) => command === 'pause'), changes: { phase: 'verifying', stepIndex: -1, analysis: [], trafficSince: null, weightSince: null, desiredWeights: { blue: 100, green: 0 }, dueAt: null, dueSince: null, rejectedBefore: 'Error ratio 4.1 % over 30 s, limit 1 %, twice in a row.' } })
  return worldOf([makeService('checkout', { now, green: '1.9.0', release })])
}

const stopped = (): TestWorld => {
  const now = Date.now()
  const retry = { command: 'retry' as const, label: 'Try sending 25 % to green (1.9.0) again', effect: 'Does again what failed.', blocks: [], weight: 'forward' as const, needsReason: false }
  const release = makeRelease({ now, actions: [retry, ...SHIFTING_ACTIONS.slice(3)], waitsFor: 'operator', next: 'Nothing moves until someone retries it, rolls it back or abandons it.', changes: { phase: 'failed', dueAt: null, dueSince: null, failure: { phase: 'shifting', at: now - 12_000, fault: { code: 'notVerified', message: 'The router did not confirm 25 % on green within 5 s. Traffic stays at blue 95 %, green 5 %.', next: 'Try again, or roll back.', cause: 'errored', retryable: true } } } })
  return worldOf([makeService('checkout', { now, green: '1.9.0', weights: { blue: 95, green: 5 }, desired: { blue: 75, green: 25 }, health: 'watch', healthReason: 'The router did not confirm the weights.', release })])
}

const untrusted = (): TestWorld => {
  const world = worldOf([])
  const workspace = { ...world.status.workspace, trusted: false, commands: [{ service: 'checkout', purpose: 'run', command: 'node server.mjs --port $PORT', folder: '/srv/shop/versions/checkout/1.8.0' }, { service: 'checkout', purpose: 'gate: contract suite', command: 'node checks/contract.mjs', folder: '/srv/shop' }] }
  return { ...world, status: { ...world.status, workspace, identityNeeded: true } }
}

const problems = (): TestWorld => {
  const world = worldOf(fleet())
  const file = world.status.workspace.file
  const text = 'workspace: shop\ntier: production\nservices:\n  checkout:\n    prot: 7301\n    versions: ./versions/checkout\n'
  const workspace = { ...world.status.workspace, text, problems: [{ place: { file, line: 2, column: 7 }, message: '"production" is not a tier.', expected: 'one of dev, staging, prod' }, { place: { file, line: 5, column: 5 }, message: 'Unknown key "prot".', expected: 'port, versions, run, ready, plan or one of the keys in docs/workspace.md' }] }
  return { ...world, status: { ...world.status, workspace } }
}

/** Long over: the old version is not kept warm any more. */
const retired = (): TestWorld => {
  const now = Date.now()
  const release = makeRelease({ now, ended: true, waitsFor: null, next: 'green (1.9.0) is live and stable.', changes: { phase: 'retired', stepIndex: 4, desiredWeights: { blue: 0, green: 100 }, dueAt: null, dueSince: null, endedAt: now - 30 * 3_600_000 }, actions: [{ command: 'rollBack', label: 'Roll back to blue (1.8.0)', effect: 'Starts 1.8.0 again first; it is not kept warm any more.', blocks: [], weight: 'quiet', needsReason: false }] })
  return worldOf([makeService('checkout', { now, green: '1.9.0', weights: { blue: 0, green: 100 }, stable: 'green', release, environments: { blue: { readiness: 'stopped', instances: { ready: 0, wanted: 0 }, cpuPercent: null, memoryBytes: null, startedAt: null, inFlight: null } } }), makeService('mailer', { now })])
}

/** Never released, and nothing measured yet. */
const first = (): TestWorld => ({ ...worldOf([makeService('checkout', { now: Date.now() })]), history: () => ({ blue: [], green: [] }) })

/** Someone else acted between the look and the press. */
const conflict = (): TestWorld =>
  worldOf(fleet(), {
    waiting: waitingOf(),
    onCommand: () => {
      throw new Fault('staleRevision', 'Ada Lund paused this release 2 s ago. Traffic stays at 25 %.', 'Look at it as it is now, then decide.')
    },
  })

const LONG = 'payments-gateway-for-the-northern-region-with-a-name-that-somebody-found-necessary'
const longNames = (): TestWorld => {
  const now = Date.now()
  const version = '12.14.0-rc.20261120.build.4711.g0f3c2a9'
  const release = makeRelease({ now, service: LONG, changes: { candidate: { version, configDigest: 'x' } }, actions: SHIFTING_ACTIONS.map((action) => ({ ...action, label: action.label.replace('1.9.0', version) })) })
  return worldOf([makeService(LONG, { now, blue: '12.13.9-rc.20261013.build.4188.ge2b1d70', green: version, weights: { blue: 75, green: 25 }, release }), makeService('a', { now })])
}

export const shifting = (): TestWorld => worldOf(fleet(), { waiting: waitingOf() })

/** Worlds by name, for /dev/?case=NAME. */
export const CASES: Readonly<Record<string, () => TestWorld>> = {
  shifting,
  failing,
  stopped,
  asking,
  suspended,
  rejected,
  retired,
  first,
  conflict,
  longNames,
  loading: shifting,
  untrusted,
  problems,
  empty: () => worldOf([]),
  disconnected: () => worldOf(fleet(), { waiting: waitingOf() }),
  readOnly: () => {
    const world = worldOf(fleet())
    return { ...world, status: { ...world.status, mode: 'readOnly', modeReason: 'Another console (pid 4711) controls this data folder.' } }
  },
  emergency: () => {
    const world = worldOf(fleet())
    return { ...world, status: { ...world.status, journal: { ...world.status.journal, writable: false, problem: 'The disk is full.' } } }
  },
  many: () => worldOf(Array.from({ length: 500 }, (_, index) => (index % 40 === 0 ? makeShiftingService(Date.now(), `service-${String(index).padStart(3, '0')}`) : makeService(`service-${String(index).padStart(3, '0')}`, { now: Date.now() })))),
}
