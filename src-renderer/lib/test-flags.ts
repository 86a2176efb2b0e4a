import type { Criterion, CriterionResult } from '../../src-main/contract/analysis.ts'
import { flagDefinitionSchema, flagRolloutPlanSchema, type Audience, type FlagDefinition, type FlagRolloutPlan, type FlagRule, type Segment } from '../../src-main/contract/flag-definition.ts'
import { flagSourceViewSchema, flagSummarySchema, flagViewSchema, rolloutViewSchema, type FlagRollout, type FlagSourceView, type FlagSummary, type FlagView, type RolloutAction, type RolloutView } from '../../src-main/contract/flag.ts'
import { makeCriterion, makeResult, MIRA } from './test-fixtures.ts'

/** Flags for tests and for the page that shows screens without a core. Every piece goes through the contract's own schema. */

export const SHOP = 'shop'
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export const EVERYONE: Audience = { kind: 'everyone' }
export const INTERNAL: Audience = { kind: 'segments', anyOf: ['internal'] }

export const SEGMENTS: readonly Segment[] = [
  { name: 'internal', rule: { kind: 'conditions', match: 'all', conditions: [{ test: 'endsWith', attribute: 'email', value: '@shop.test' }] } },
  { name: 'beta', rule: { kind: 'conditions', match: 'any', conditions: [{ test: 'is', attribute: 'beta', value: true }, { test: 'sample', salt: 'beta', percent: 2 }] } },
  { name: 'oldApps', rule: { kind: 'conditions', match: 'all', conditions: [{ test: 'versionBelow', attribute: 'app.version', version: '4.2.0' }] } },
  { name: 'kiosks', rule: { kind: 'handwritten', logic: { in: [{ var: 'device' }, ['kiosk', 'till']] } } },
]

export function makeDefinition(key: string, changes: Partial<FlagDefinition> & { readonly rules?: readonly FlagRule[] } = {}): FlagDefinition {
  const { rules, ...rest } = changes
  return flagDefinitionSchema.parse({
    key,
    type: 'boolean',
    state: 'ENABLED',
    variants: [{ name: 'on', value: true }, { name: 'off', value: false }],
    defaultVariant: 'off',
    targeting: { kind: 'rules', rules: rules ?? [] },
    metadata: {},
    facts: { owner: 'checkout team', description: 'One page for cart and payment.', safeVariant: 'off', permanent: false, createdAt: Date.UTC(2026, 9, 20), changedAt: Date.UTC(2026, 10, 20), archived: false },
    ...rest,
  })
}

export const share = (percent: number): FlagRule => ({ audience: EVERYONE, serve: { kind: 'split', percent, variants: [{ variant: 'on', share: 100 }], otherwise: 'off' } })

export function makeFlagPlan(flag: string, changes: Partial<FlagRolloutPlan> = {}): FlagRolloutPlan {
  const stage = (audience: Audience, percent: number, hours: number, approval = false) => ({ audience, percent, holdMs: hours * HOUR_MS, approval, criteria: null })
  return flagRolloutPlanSchema.parse({ flag, variants: [{ variant: 'on', share: 100 }], baseline: 'off', stages: [stage(INTERNAL, 100, 2), stage(EVERYONE, 5, 8), stage(EVERYONE, 25, 16), stage(EVERYONE, 50, 24, true), stage(EVERYONE, 100, 24)], ...changes })
}

export const FLAG_CRITERIA: readonly Criterion[] = [
  makeCriterion({ name: 'Error ratio', judge: { kind: 'threshold', limit: 0.01, harm: 'above', windowMs: 30_000, minRequests: 50, consecutive: 2 } }),
  makeCriterion({ name: 'Errors over unexposed', judge: { kind: 'errors', harm: 0.02 } }),
  makeCriterion({ name: 'Latency p99', metric: { source: 'router', of: 'latency', quantile: 'p99' }, judge: { kind: 'latency', harm: 0.2 } }),
]

export function flagResults(now: number): readonly CriterionResult[] {
  const judged = { fromAt: now - 30_000, toAt: now }
  return [
    makeResult({ ...judged, why: 'Error ratio 0.24 % over 30 s, limit 1 %.' }),
    makeResult({ ...judged, name: 'Errors over unexposed', why: '0.24 % of 21,587 requests of exposed users failed, 0.21 % of the others over the same time; 2 points more would have been seen.', baseline: 0.0021, limit: 0.0221, against: 'live', requests: 21_587, closeness: 0.06, statistic: { name: 'log of the test martingale', value: 0.4, limit: 7.6 } }),
    makeResult({ ...judged, name: 'Latency p99', why: 'Latency p99 284 ms, 271 ms of unexposed users; 20 % more would have been seen.', value: 284, baseline: 271, limit: 325, against: 'live', requests: 21_587, closeness: 0.24, statistic: { name: 'log of the test martingale', value: 1.1, limit: 7.6 } }),
  ]
}

export function makeFlagSource(now: number, flags: number, changes: Partial<FlagSourceView> = {}): FlagSourceView {
  return flagSourceViewSchema.parse({
    name: SHOP,
    kind: 'file',
    tier: 'prod',
    set: 'prod',
    sets: [{ tier: 'dev', set: 'dev' }, { tier: 'staging', set: 'staging' }, { tier: 'prod', set: 'prod' }],
    capabilities: { define: null, segments: null, percent: null, audiences: null, compareAndSet: null, evaluations: null, experiments: null, outcomes: null, archive: null },
    digest: `digest-${flags}`,
    flags,
    segments: SEGMENTS,
    problems: [],
    broken: null,
    readAt: now - 1800,
    problem: '',
    addresses: [
      { way: 'sync stream (gRPC)', address: '127.0.0.1:8015' },
      { way: 'OFREP', address: 'http://127.0.0.1:8016' },
      { way: 'file', address: '/srv/shop/flags/prod.json' },
    ],
    ...changes,
  })
}

/** Evaluations a minute of half an hour. */
export function minutesOf(seed: number, scale: number): number[] {
  return Array.from({ length: 30 }, (_, index) => Math.max(0, Math.round(scale * (1 + 0.25 * Math.sin(index / 3 + seed) + 0.12 * Math.sin(index * 1.9 + seed * 2)))))
}

export function makeSummary(now: number, key: string, changes: Partial<FlagSummary> = {}): FlagSummary {
  return flagSummarySchema.parse({
    source: SHOP,
    key,
    type: 'boolean',
    lifecycle: 'fullyOff',
    why: 'Everyone has had "off", its safe variant for 4 days.',
    exposure: 'off',
    percent: 0,
    rollout: null,
    owner: 'checkout team',
    changedAt: now - 4 * DAY_MS,
    lastEvaluatedAt: now - 1200,
    perMinute: minutesOf(key.length, 400),
    references: 3,
    settledOn: 'off',
    ...changes,
  })
}

export interface RolloutOptions {
  readonly now: number
  readonly key: string
  readonly plan?: FlagRolloutPlan
  readonly changes?: Partial<FlagRollout>
  readonly actions?: readonly RolloutAction[]
  readonly view?: Partial<Omit<RolloutView, 'rollout' | 'actions'>>
}

const act = (command: RolloutAction['command'], label: string, effect: string, ...blocks: RolloutAction['blocks']): RolloutAction => ({ command, label, effect, blocks })

export const HOLDING_ACTIONS: readonly RolloutAction[] = [
  act('advance', 'Expose 50 %', 'Stage 4, before its time.'),
  act('pause', 'Hold', 'Stays at 25 %, keeps guarding.'),
  act('finish', 'On for everyone', 'Skips the stages left.', { rule: 'need', reason: 'The new form writes given_name, which users read only from phase switching on.', unblocks: 'When split full_name is in switching.' }),
  act('rollBack', 'Roll back', 'Back to the state before: everyone gets off.'),
  act('kill', 'Kill: everyone gets off', 'No deploy, about 0.2 s.'),
]
export { act as rolloutAction }

const AUDIENCE_WORDS = (audience: Audience) => (audience.kind === 'everyone' ? 'everyone' : audience.kind === 'segments' ? audience.anyOf.join(' or ') : 'email ends with @shop.test')

/** A rollout at its third stage of five, with 2:14:08 of its hold left. */
export function makeRolloutView({ now, key, plan = makeFlagPlan(key), changes = {}, actions, view = {} }: RolloutOptions): RolloutView {
  const stageIndex = changes.stageIndex ?? 2
  const current = plan.stages[Math.max(0, stageIndex)]
  const holdMs = current?.holdMs ?? 0
  const left = Math.min(holdMs, 2 * HOUR_MS + 14 * MINUTE_MS + 8000)
  const stageSince = changes.stageSince ?? now - holdMs + left
  const dueAt = changes.dueAt === undefined ? stageSince + holdMs : changes.dueAt
  const startsAt = plan.stages.map((_, index) => stageSince - plan.stages.slice(index, Math.max(0, stageIndex)).reduce((sum, stage) => sum + stage.holdMs, 0))
  const reached = plan.stages.flatMap((stage, index) => (index > stageIndex ? [] : [{ stage: index, exposedAt: startsAt[index] ?? now, endedAt: index === stageIndex ? null : (startsAt[index] ?? now) + stage.holdMs }]))
  const before = makeDefinition(key)
  const rollout: FlagRollout = {
    id: `${SHOP}/${key}-1`,
    source: SHOP,
    set: 'prod',
    flag: key,
    number: 1,
    revision: 9,
    phase: 'holding',
    plan,
    criteria: [...FLAG_CRITERIA],
    stageIndex,
    verifiedStage: stageIndex,
    stageSince,
    dueAt,
    paused: null,
    failure: null,
    submitted: null,
    drift: null,
    before: { definition: before, native: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }, version: 'v1' },
    version: 'v3',
    rollback: null,
    approvals: [],
    stages: reached,
    analysis: [...flagResults(now)],
    startedBy: MIRA,
    startedAt: reached[0]?.exposedAt ?? now,
    endedAt: null,
    reason: 'one page checkout',
    ...changes,
  }
  const ended = rollout.endedAt !== null
  return rolloutViewSchema.parse({
    rollout,
    ended,
    stages: plan.stages.map((stage, index) => ({
      percent: stage.percent,
      audience: stage.audience,
      audienceWords: AUDIENCE_WORDS(stage.audience),
      holdMs: stage.holdMs,
      approval: stage.approval,
      state: index < stageIndex ? 'done' : index === stageIndex ? (ended && rollout.phase === 'finished' ? 'done' : 'current') : index === stageIndex + 1 ? 'next' : 'later',
      exposedAt: reached[index]?.exposedAt ?? null,
      endedAt: reached[index]?.endedAt ?? null,
      detectionMs: stage.audience.kind === 'everyone' ? Math.round((45 * MINUTE_MS) / Math.max(0.5, stage.percent)) * 10 : null,
      tooShort: false,
      blocks: index === 4 ? [{ rule: 'need', reason: 'Users read given_name only from phase switching on.', unblocks: 'When split full_name is in switching.' }] : [],
    })),
    actions: actions ?? (ended ? [] : HOLDING_ACTIONS),
    headline: current ? `${current.percent} % of users` : 'not started',
    next: `Stage ${stageIndex + 1} of ${plan.stages.length}, guards pass. If you do nothing: 50 % in 2:14:08.`,
    acting: null,
    ...view,
  })
}

export interface ViewOptions {
  readonly now: number
  readonly key: string
  readonly summary?: Partial<FlagSummary>
  readonly definition?: FlagDefinition
  readonly rollout?: RolloutView | null
  readonly changes?: Partial<FlagView>
}

export function makeFlagView({ now, key, summary = {}, definition = makeDefinition(key), rollout = null, changes = {} }: ViewOptions): FlagView {
  const going = rollout && !rollout.ended ? rollout.rollout : null
  const line = makeSummary(now, key, {
    ...(going ? { lifecycle: 'rollingOut', settledOn: null, why: 'A rollout of it is going on.', rollout: { id: going.id, phase: going.phase, paused: going.paused !== null, dueAt: going.dueAt, stage: going.stageIndex, stages: going.plan.stages.length } } : {}),
    ...summary,
  })
  return flagViewSchema.parse({
    summary: line,
    definition,
    native: JSON.stringify({ state: definition.state, variants: Object.fromEntries(definition.variants.map(({ name, value }) => [name, value])), defaultVariant: definition.defaultVariant, targeting: definition.targeting.kind === 'handwritten' ? definition.targeting.logic : { fractional: [['on', 25], ['off', 75]] }, metadata: { owner: definition.facts.owner ?? '', 'signalbox.safeVariant': definition.facts.safeVariant ?? '' } }, null, 2),
    version: 'v3',
    readAt: now - 900,
    kill: { variant: 'off', label: 'Kill: everyone gets off', effect: 'No deploy, about 0.2 s.', blocks: [] },
    archive: { label: 'Remove', effect: 'Takes it out of use and keeps its definition.', blocks: [{ rule: 'evaluated', reason: 'It was evaluated 412 times in the last minute.', unblocks: 'When nothing has evaluated it for 14 days.' }] },
    tiers: [
      { tier: 'dev', set: 'dev', exposure: 'on for everyone', present: true },
      { tier: 'staging', set: 'staging', exposure: 'on for everyone', present: true },
      { tier: 'prod', set: 'prod', exposure: line.exposure, present: true },
    ],
    rollout,
    earlier: [],
    suggestedPlan: makeFlagPlan(key),
    references: [
      { file: 'services/checkout/server.cjs', line: 41, column: 38, text: "const onePage = await flags.getBooleanValue('new-checkout', false, context)".replaceAll('new-checkout', key) },
      { file: 'services/checkout/totals.cjs', line: 12, column: 24, text: `if (await isOn('${key}', context)) return totalsOf(cart)` },
      { file: 'web/src/cart.tsx', line: 88, column: 30, text: `const isNew = useBooleanFlagValue("${key}", false)` },
    ],
    ...changes,
  })
}
