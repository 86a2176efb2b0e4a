import { criterionResultSchema, criterionSchema, type Criterion, type CriterionResult, type Metric } from '../../src-main/contract/analysis.ts'
import { jsonSchema, type Json, type JournalEntry } from '../../src-main/contract/journal.ts'
import { journalEntrySchema } from '../../src-main/contract/journal.ts'
import { planSchema, type Plan } from '../../src-main/contract/plan.ts'
import { releaseViewSchema, type Action, type Operator, type Release, type ReleaseView } from '../../src-main/contract/release.ts'
import { serviceViewSchema, type ServiceView } from '../../src-main/contract/service.ts'
import { systemStatusSchema, type SystemStatus } from '../../src-main/contract/system.ts'
import type { MetricSample, ObservedEnvironment, Weights } from '../../src-main/contract/traffic.ts'
import type { EnvironmentName } from '../../src-main/contract/vocabulary.ts'

/** Data for tests and for the page that shows screens without a core. Every piece goes through the contract's own schema. */

export const MIRA: Operator = { id: 'mira@ward-7', name: 'Mira Okafor', email: 'mira@shop.test', known: 'selfDeclared' }
export const CONSOLE: Operator = { id: 'system', name: 'Signalbox', email: '', known: 'system' }

const digest = (seed: string) => Array.from({ length: 64 }, (_, index) => ((seed.charCodeAt(index % seed.length) * (index + 7)) % 16).toString(16)).join('')

export function makeCriterion(changes: Partial<Criterion> = {}): Criterion {
  return criterionSchema.parse({
    name: 'Error ratio',
    metric: { source: 'router', of: 'errorRatio' },
    judge: { kind: 'threshold', limit: 0.01, harm: 'above', windowMs: 30_000, minRequests: 50, consecutive: 2 },
    severity: 'fail',
    graceMs: 0,
    absence: { action: 'hold', afterMs: 60_000 },
    ...changes,
  })
}

const threshold = (name: string, metric: Metric, limit: number): Criterion => makeCriterion({ name, metric, judge: { kind: 'threshold', limit, harm: 'above', windowMs: 30_000, minRequests: 50, consecutive: 2 } })

/** What a judge says of a criterion; a pass of the error ratio by default. */
export function makeResult(changes: Partial<CriterionResult> = {}): CriterionResult {
  return criterionResultSchema.parse({
    name: 'Error ratio',
    severity: 'fail',
    verdict: 'pass',
    why: 'Error ratio 0.24 % over 30 s, limit 1 %.',
    value: 0.0024,
    baseline: null,
    against: 'limit',
    limit: 0.01,
    requests: 3069,
    statistic: null,
    closeness: 0.24,
    fromAt: 0,
    toAt: 0,
    absentSince: null,
    bothSides: false,
    ...changes,
  })
}

/** The results of PLAN's criteria on a good version. */
export function goodResults(now: number): readonly CriterionResult[] {
  const judged = { fromAt: now - 30_000, toAt: now }
  return [
    makeResult(judged),
    makeResult({ ...judged, name: 'Errors over blue', why: '0.24 % of 19,870 requests failed, 0.19 % on blue over the same time; 2 points more would have been seen.', baseline: 0.0019, limit: 0.0219, against: 'live', requests: 19_870, closeness: 0.03, statistic: { name: 'log of the test martingale', value: 0.2, limit: 7.6 }, fromAt: now - 199_000 }),
    makeResult({ ...judged, name: 'Latency p99', why: 'Latency p99 331 ms over 30 s, limit 400 ms.', value: 331, limit: 400, closeness: 0.83 }),
    makeResult({ ...judged, name: 'Orders', why: '31.4 orders/min over 60 s, no fewer than 20.', value: 31.4, limit: 20, requests: 4, closeness: 0.46 }),
    makeResult({ ...judged, name: 'CPU', severity: 'warn', why: 'CPU 34 % over 30 s, limit 85 %.', value: 34, limit: 85, requests: 30, closeness: 0.4 }),
  ]
}

/** What is kept with a verdict of PLAN's error ratio: a minute of seconds, the last six of them bad. */
export function makeEvidence(now: number): Json {
  const at = Array.from({ length: 60 }, (_, index) => Math.floor(now / 1000) * 1000 - (59 - index) * 1000)
  const series = (requests: number, errors: (index: number) => number) => ({ at, requests: at.map(() => requests), errors: at.map((_, index) => errors(index)), latency: at.map(() => []), values: at.map(() => null) })
  const result = makeResult({ verdict: 'fail', value: 0.041, closeness: 1, requests: 1284, fromAt: now - 6600, toAt: now, why: 'Error ratio 4.1 % over 30 s, limit 1 %, twice in a row.', statistic: { name: 'breaches in a row', value: 2, limit: 2 } })
  const input = { now, candidate: series(102, (index) => (index > 53 ? 9 : index % 5 === 0 ? 1 : 0)), baseline: series(310, (index) => (index % 3 === 0 ? 1 : 0)), frozen: null, candidateSince: now - 200_000, stepSince: now - 45_000, weightPercent: 25, crashes: [] }
  return jsonSchema.parse({ results: [result], judged: [{ criterion: makeCriterion(), input, sharedBy: 1 }] })
}

export const PLAN: Plan = planSchema.parse({
  steps: [5, 25, 50, 75].map((weightPercent) => ({ weightPercent, hold: { kind: 'analysis', ms: 240_000 }, approvals: 0 })).concat([{ weightPercent: 100, hold: { kind: 'analysis', ms: 0 }, approvals: 1 }]),
  gates: [
    { kind: 'http', name: 'smoke test', method: 'GET', path: '/cart/1', expectStatus: 200, expectBody: 'total', expectHeaders: {}, maxLatencyMs: 2000, timeoutMs: 5000, times: 42 },
    { kind: 'command', name: 'contract suite', command: 'node checks/contract.mjs', timeoutMs: 60_000 },
  ],
  criteria: [
    threshold('Error ratio', { source: 'router', of: 'errorRatio' }, 0.01),
    makeCriterion({ name: 'Errors over blue', judge: { kind: 'errors', harm: 0.02 } }),
    threshold('Latency p99', { source: 'router', of: 'latency', quantile: 'p99' }, 400),
    makeCriterion({ name: 'Orders', metric: { source: 'query', provider: 'prometheus', query: 'sum(rate(orders_total{service="${service}",environment="${environment}"}[${window}])) * 60', unit: 'orders/min' }, judge: { kind: 'threshold', limit: 20, harm: 'below', windowMs: 60_000, minRequests: 4, consecutive: 2 }, absence: { action: 'pause', afterMs: 120_000 } }),
    { ...threshold('CPU', { source: 'process', of: 'cpuPercent' }, 85), severity: 'warn' },
  ],
  bakeMs: 30 * 60_000,
  drainMs: 30_000,
  rollbackWindowMs: 24 * 3_600_000,
  lease: { ttlMs: 60_000, onExpiry: 'hold' },
})

export function makeSample(at: number, requests: number, changes: Partial<MetricSample> = {}): MetricSample {
  const errors = changes.errors ?? 0
  return {
    at,
    requests,
    errors,
    byClass: { s2xx: requests - errors, s3xx: 0, s4xx: 0, s5xx: errors, failed: 0 },
    p50Ms: requests === 0 ? null : 41,
    p95Ms: requests === 0 ? null : 120,
    p99Ms: requests === 0 ? null : 262,
    latency: [],
    inFlight: 4,
    connections: 12,
    cpuPercent: 34,
    memoryBytes: 412 * 1024 * 1024,
    ...changes,
  }
}

function environment(now: number, version: string | null, changes: Partial<ObservedEnvironment> = {}): ObservedEnvironment {
  if (version === null) return { readiness: 'empty', deployed: null, detail: '', instances: { ready: 0, wanted: 0 }, restarts: 0, startedAt: null, cpuPercent: null, memoryBytes: null, inFlight: null, connections: null, ...changes }
  return {
    readiness: 'ready',
    deployed: { version, configDigest: digest(version) },
    detail: '',
    instances: { ready: 6, wanted: 6 },
    restarts: 0,
    startedAt: now - 9.17 * 86_400_000,
    cpuPercent: 61,
    memoryBytes: 412 * 1024 * 1024,
    inFlight: 19,
    connections: 40,
    ...changes,
  }
}

export interface ServiceOptions {
  readonly now: number
  readonly provider?: string
  readonly blue?: string | null
  readonly green?: string | null
  readonly weights?: Weights
  readonly desired?: Weights
  readonly health?: ServiceView['health']
  readonly healthReason?: string
  readonly stable?: EnvironmentName | null
  readonly release?: ReleaseView | null
  readonly unknownSince?: number
  readonly environments?: Partial<Record<EnvironmentName, Partial<ObservedEnvironment>>>
  readonly blocks?: ServiceView['newReleaseBlocks']
}

export function makeService(name: string, options: ServiceOptions): ServiceView {
  const { now, blue = '1.8.0', green = null, weights = { blue: 100, green: 0 } } = options
  const versions = { blue, green }
  const stableEnvironment = options.stable === undefined ? 'blue' : options.stable
  const stableVersion = stableEnvironment ? versions[stableEnvironment] : null
  return serviceViewSchema.parse({
    name,
    provider: options.provider ?? 'local',
    capabilities: { weightGranularityPercent: 1, previewAddress: true, verifiedWeights: true, stepsRunBy: 'console', compareAndSet: true, leases: true, logs: true, metrics: true, notes: {} },
    revision: 3,
    plan: PLAN,
    data: { kind: 'shared' },
    dataSync: null,
    observed:
      options.unknownSince === undefined
        ? {
            kind: 'known',
            observedAt: now,
            value: {
              weights,
              generation: 7,
              generationCause: 'start',
              environments: { blue: environment(now, blue, options.environments?.blue), green: environment(now, green, options.environments?.green) },
              liveAddress: `http://127.0.0.1:7301`,
              previewAddress: `http://preview.${name}.localhost:7311`,
              lease: null,
            },
          }
        : { kind: 'unknown', since: options.unknownSince, why: 'the provider does not answer' },
    desiredWeights: options.desired ?? weights,
    live: options.unknownSince !== undefined ? null : weights.green > weights.blue ? 'green' : weights.blue > 0 ? 'blue' : null,
    stable: stableEnvironment && stableVersion ? { environment: stableEnvironment, deployed: { version: stableVersion, configDigest: digest(stableVersion) } } : null,
    health: options.health ?? 'healthy',
    healthReason: options.healthReason ?? '',
    latest: { blue: weights.blue > 0 && options.unknownSince === undefined ? makeSample(now, Math.round(4.1 * weights.blue)) : null, green: weights.green > 0 ? makeSample(now, Math.round(4.1 * weights.green)) : null },
    release: options.release ?? null,
    queued: [],
    startAgain: null,
    newReleaseBlocks: options.blocks ?? [],
  })
}

export interface ReleaseOptions {
  readonly now: number
  readonly service?: string
  readonly changes?: Partial<Release>
  readonly actions?: readonly Action[]
  readonly next?: string
  readonly ended?: boolean
  readonly waitsFor?: ReleaseView['waitsFor']
}

const action = (command: Action['command'], label: string, effect: string, weight: Action['weight'], blocks: Action['blocks'] = []): Action => ({ command, label, effect, blocks, weight, needsReason: command === 'suspendGuard' })

export const SHIFTING_ACTIONS: readonly Action[] = [
  action('promote', 'Send 50 % to green (1.9.0)', 'Step 3 of 5.', 'forward'),
  action('promoteFully', 'Send 100 % to green (1.9.0)', 'Skips the steps in between.', 'forward', [{ rule: 'approval', reason: 'It needs 1 approval of someone else.', unblocks: 'When someone other than Mira Okafor approves it.' }]),
  action('pause', 'Pause', 'Stay at 25 %, keep watching.', 'quiet'),
  action('rollBack', 'Roll back to blue (1.8.0)', 'All live traffic goes to blue (1.8.0).', 'back'),
  action('suspendGuard', 'Suspend automatic roll back', 'For a time, only people take traffic back. Analysis goes on.', 'quiet'),
]

/** A release of 1.9.0 onto green, by default in its second step. */
export function makeRelease(options: ReleaseOptions): ReleaseView {
  const { now, service = 'checkout' } = options
  const release = {
    id: `${service}-2`,
    service,
    revision: 9,
    phase: 'shifting',
    plan: PLAN,
    candidate: { version: '1.9.0', configDigest: digest('1.9.0') },
    candidateEnvironment: 'green',
    stable: { version: '1.8.0', configDigest: digest('1.8.0') },
    stepIndex: 1,
    pendingStep: null,
    desiredWeights: { blue: 75, green: 25 },
    shiftPending: false,
    paused: null,
    dueAt: now + 41_000,
    dueSince: now - 199_000,
    gates: [
      { name: 'smoke test', state: 'passed', detail: '42 of 42 answered 200 with "total".', exitCode: null, output: '', endedAt: now - 11 * 60_000 },
      { name: 'contract suite', state: 'passed', detail: 'Exit code 0.', exitCode: 0, output: '18 checks\n18 passed\n', endedAt: now - 10.5 * 60_000 },
    ],
    analysis: [...goodResults(now)],
    baseline: null,
    trafficSince: now - 8.4 * 60_000,
    weightSince: now - 199_000,
    guardSuspended: null,
    acknowledged: [],
    rejectedBefore: null,
    approvals: [],
    failure: null,
    rollback: null,
    queued: false,
    createdBy: MIRA,
    createdAt: now - 12 * 60_000,
    startedAt: now - 12 * 60_000,
    endedAt: null,
    reason: 'new checkout flow',
    ticket: 'SHOP-2041',
    notes: '',
    ...options.changes,
  }
  return releaseViewSchema.parse({
    release,
    actions: options.actions ?? SHIFTING_ACTIONS,
    ended: options.ended ?? false,
    next: options.next ?? 'When the hold is over and the analysis passes, 50 % goes to green.',
    waitsFor: options.waitsFor === undefined ? 'clock' : options.waitsFor,
  })
}

/** Checkout as most tests want it: 1.9.0 on green at 25 %, on watch. */
export function makeShiftingService(now: number, name = 'checkout'): ServiceView {
  return makeService(name, {
    now,
    green: '1.9.0',
    weights: { blue: 75, green: 25 },
    health: 'watch',
    healthReason: 'green p99 331 ms, 83 % of its limit',
    release: makeRelease({ now, service: name }),
    environments: { green: { startedAt: now - 707_000, cpuPercent: 34, memoryBytes: 447 * 1024 * 1024, inFlight: 7 } },
    blocks: [{ rule: 'releaseInProgress', reason: `${name}-2 (1.9.0) is shifting.`, unblocks: `When ${name}-2 is over, or queue this release behind it.` }],
  })
}

export function makeStatus(now: number, changes: Partial<SystemStatus> = {}): SystemStatus {
  return systemStatusSchema.parse({
    protocol: 1,
    appVersion: '0.1.0',
    host: 'web',
    mode: 'control',
    modeReason: '',
    operator: MIRA,
    role: 'admin',
    identityNeeded: false,
    workspace: { name: 'shop', tier: 'prod', file: '/srv/shop/signalbox.yaml', digest: digest('shop'), demo: false, problems: [], commands: [], commandsDigest: digest('none'), trusted: true, connections: [], text: '' },
    journal: { count: 48_213, head: digest('head'), writable: true, problem: '' },
    providers: [{ name: 'local', ok: true, detail: 'supervisor answers', lastAnswerAt: now - 800 }],
    dataFolder: '/home/mira/.local/share/signalbox',
    startedAt: now - 3_600_000,
    now,
    ...changes,
  })
}

export function makeEntry(seq: number, at: number, changes: Partial<JournalEntry> = {}): JournalEntry {
  return journalEntrySchema.parse({
    seq,
    id: `e-${seq}`,
    hostId: 'ward-7',
    at,
    appVersion: '0.1.0',
    workspaceDigest: digest('shop'),
    emergency: false,
    previousHash: digest(`p${seq}`),
    bodyHash: digest(`b${seq}`),
    hash: digest(`h${seq}`),
    kind: 'event',
    action: 'release.create',
    operator: MIRA,
    target: { service: 'checkout', environment: 'green', releaseId: 'checkout-2' },
    summary: 'Release 1.9.0 of checkout on green',
    reason: '',
    ticket: '',
    before: null,
    after: null,
    operationId: `op-${String(seq).padStart(8, '0')}`,
    outcome: 'recorded',
    evidence: null,
    ...changes,
  })
}

/** The story of checkout-2 up to its second step, oldest first, ending with `lastSeq`. */
export function makeStory(now: number, lastSeq: number): readonly JournalEntry[] {
  const at = (minutes: number, ms = 0) => now - minutes * 60_000 + ms
  const weights = (green: number) => ({ weights: { blue: 100 - green, green }, step: green === 5 ? 1 : 2, phase: 'shifting' })
  const steps: readonly (readonly [number, Partial<JournalEntry>])[] = [
    [at(12), { summary: 'Release 1.9.0 of checkout on green', kind: 'intent', outcome: 'sent', reason: 'new checkout flow', ticket: 'SHOP-2041', after: { phase: 'deploying', step: 0, weights: { blue: 100, green: 0 } }, operationId: 'op-create-1' }],
    [at(11.8), { action: 'effect.deploy', kind: 'outcome', operator: CONSOLE, summary: '1.9.0 accepted on green', outcome: 'accepted', operationId: 'op-create-1', after: { effect: { type: 'deploy' } } }],
    [at(11.2), { action: 'effect.awaitReady', kind: 'outcome', operator: CONSOLE, summary: '1.9.0 is ready on green', outcome: 'verified', operationId: 'op-create-1' }],
    [at(10.5), { action: 'effect.runGates', kind: 'outcome', operator: CONSOLE, summary: '2 of 2 gates passed', outcome: 'verified', operationId: 'op-create-1' }],
    [at(8.4), { action: 'release.promote', kind: 'intent', summary: 'Send 5 % to green (1.9.0)', outcome: 'sent', before: { phase: 'verifying', step: 0, weights: { blue: 100, green: 0 }, paused: false, stable: '1.8.0' }, after: { ...weights(5), paused: false, stable: '1.8.0' }, operationId: 'op-step-1' }],
    [at(8.4, 230), { action: 'effect.setWeights', kind: 'outcome', operator: CONSOLE, summary: 'blue 95 %, green 5 % read back from the data plane', outcome: 'verified', after: { effect: { type: 'setWeights', weights: { blue: 95, green: 5 } } }, operationId: 'op-step-1', evidence: { requests: 6240, errors: 11 } }],
    [at(4), { action: 'release.promoteFully', kind: 'refusal', summary: 'Refused: Send 100 % to green (1.9.0), needs 1 approval', outcome: 'refused', operationId: 'op-refused-1' }],
    [at(3.3), { action: 'release.advance', kind: 'intent', operator: CONSOLE, summary: 'Send 25 % to green (1.9.0)', outcome: 'sent', before: { ...weights(5), paused: false, stable: '1.8.0' }, after: { ...weights(25), paused: false, stable: '1.8.0' }, operationId: 'op-step-2' }],
    [at(3.3, 210), { action: 'effect.setWeights', kind: 'outcome', operator: CONSOLE, summary: 'blue 75 %, green 25 % read back from the data plane', outcome: 'verified', after: { effect: { type: 'setWeights', weights: { blue: 75, green: 25 } } }, operationId: 'op-step-2' }],
  ]
  return steps.map(([when, changes], index) => makeEntry(lastSeq - steps.length + 1 + index, when, changes))
}

