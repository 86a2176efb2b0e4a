import type { FlagComparison, FlagSummary, FlagView } from '../../src-main/contract/flag.ts'
import { flagComparisonSchema } from '../../src-main/contract/flag.ts'
import { CONSOLE, MIRA } from './test-fixtures.ts'
import { flagResults, HOLDING_ACTIONS, INTERNAL, makeDefinition, makeFlagPlan, makeFlagView, makeRolloutView, makeSummary, minutesOf, rolloutAction as action, share } from './test-flags.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const KEY = 'new-checkout'

const [advance, pause, , rollBack, kill] = HOLDING_ACTIONS
const only = (...actions: readonly (typeof HOLDING_ACTIONS[number] | undefined)[]) => actions.flatMap((each) => (each ? [each] : []))
const resume = action('resume', 'Go on', 'The hold goes on where it stopped.')
const RULES = [
  { audience: { kind: 'segments' as const, anyOf: ['oldApps'] }, serve: { kind: 'variant' as const, variant: 'off' } },
  { audience: { kind: 'segments' as const, anyOf: ['internal', 'beta'] }, serve: { kind: 'variant' as const, variant: 'on' } },
  { audience: { kind: 'conditions' as const, match: 'all' as const, conditions: [{ test: 'in' as const, attribute: 'country', values: ['NO', 'SE', 'DK'] }, { test: 'is' as const, attribute: 'plan', value: 'pro' }] }, serve: { kind: 'split' as const, percent: 50, variants: [{ variant: 'on', share: 100 }], otherwise: 'off' } },
  share(25),
]
const moving = { exposure: '25 %', percent: 25 }

/** One flag in every state it can be in, and in those nobody wants; by name. */
export const FLAG_CASES: Readonly<Record<string, (now: number) => FlagView>> = {
  holding: (now) => makeFlagView({ now, key: KEY, summary: { ...moving, changedAt: now - DAY_MS }, definition: makeDefinition(KEY, { rules: RULES }), rollout: makeRolloutView({ now, key: KEY }) }),
  paused: (now) => makeFlagView({ now, key: KEY, summary: moving, definition: makeDefinition(KEY, { rules: RULES }), rollout: makeRolloutView({ now, key: KEY, changes: { paused: { at: now - 52_000, by: MIRA, why: '' } }, actions: only(advance, resume, rollBack, kill), view: { next: 'Held by Mira Okafor at 25 %. If you do nothing: it stays there.' } }) }),
  guarded: (now) => {
    const why = 'Latency p99 341 ms, 271 ms of unexposed users: 20 % slower is proven.'
    const analysis = flagResults(now).map((result) => (result.name === 'Latency p99' ? { ...result, verdict: 'fail' as const, severity: 'warn' as const, value: 341, closeness: 1, why } : result))
    return makeFlagView({ now, key: KEY, summary: moving, definition: makeDefinition(KEY, { rules: RULES }), rollout: makeRolloutView({ now, key: KEY, changes: { analysis, paused: { at: now - 31_000, by: CONSOLE, why } }, actions: only(advance, resume, rollBack, kill), view: { next: `Paused at 25 %, and asks: ${why}` } }) })
  },
  awaitingApproval: (now) => makeFlagView({ now, key: KEY, summary: moving, definition: makeDefinition(KEY, { rules: RULES }), rollout: makeRolloutView({ now, key: KEY, changes: { phase: 'awaitingApproval', dueAt: null }, actions: only(action('approve', 'Approve 50 %', 'Stage 4 of 5 begins.'), pause, rollBack, kill), view: { next: '50 % waits for a person: Ada Lund or another operator. If you do nothing: it stays at 25 %.' } }) }),
  submitted: (now) => makeFlagView({ now, key: KEY, summary: moving, definition: makeDefinition(KEY, { rules: RULES }), rollout: makeRolloutView({ now, key: KEY, changes: { phase: 'exposing', stageIndex: 3, verifiedStage: 2, dueAt: null, submitted: { at: now - 190_000, what: 'Change request 412', url: 'https://unleash.shop.test/projects/default/change-requests/412' } }, actions: only(rollBack, kill), view: { headline: '25 % of users', next: '50 % waits for change request 412 in Unleash.', acting: { command: 'advance', since: now - 190_000 } } }) }),
  drift: (now) => makeFlagView({ now, key: KEY, summary: { ...moving, exposure: 'by hand' }, definition: makeDefinition(KEY, { rules: RULES }), rollout: makeRolloutView({ now, key: KEY, changes: { paused: { at: now - 21_000, by: CONSOLE, why: 'Somebody changed the flag elsewhere.' }, drift: { at: now - 21_000, version: 'v9', difference: ['rule 4: everyone gets on 25 % → everyone gets on 60 %', 'default variant: off → on'] } }, actions: only(action('resume', 'Write 25 % again', 'Replaces what was changed elsewhere.'), action('abandon', 'Leave it as it is', 'The rollout ends; the flag stays as somebody made it.'), rollBack, kill), view: { next: 'Paused: somebody changed the flag elsewhere 21 s ago. If you do nothing: it stays as they made it.' } }) }),
  failed: (now) => makeFlagView({ now, key: KEY, summary: moving, definition: makeDefinition(KEY, { rules: RULES }), rollout: makeRolloutView({ now, key: KEY, changes: { phase: 'failed', stageIndex: 3, verifiedStage: 2, dueAt: null, failure: { at: now - 12_000, fault: { code: 'notAllowed', message: 'The flag system refused the change: the token may not write production. Exposure stays at 25 %.', next: 'Give the token write access to production, then try again, or roll back.', cause: 'refused', retryable: false } } }, actions: only(action('retry', 'Try 50 % again', 'Writes stage 4 once more.'), action('abandon', 'Leave it as it is', 'The rollout ends at 25 %.'), rollBack, kill), view: { next: 'Stopped: 50 % was refused. If you do nothing: it stays at 25 %.' } }) }),
  rolledBack: (now) => {
    const why = '8.1 % of 1,204 requests of exposed users failed, 0.2 % of the others over the same time.'
    const analysis = flagResults(now - 40_000).map((result) => (result.name === 'Errors over unexposed' ? { ...result, verdict: 'fail' as const, value: 0.081, closeness: 1, why, fromAt: now - 58_000, toAt: now - 40_000 } : result))
    return makeFlagView({ now, key: KEY, summary: { exposure: 'off', percent: 0 }, rollout: makeRolloutView({ now, key: KEY, changes: { stageIndex: 1, verifiedStage: -1, phase: 'rolledBack', endedAt: now - 38_000, dueAt: null, analysis, rollback: { by: CONSOLE, reason: why, at: now - 40_000, to: 'before', byGuard: true } }, view: { headline: 'Taken back by the guard', next: `Nothing: the guard took it back. ${why}` } }) })
  },
  killed: (now) => makeFlagView({ now, key: KEY, summary: { exposure: 'off', percent: 0 }, rollout: makeRolloutView({ now, key: KEY, changes: { phase: 'rolledBack', verifiedStage: -1, endedAt: now - 64_000, dueAt: null, rollback: { by: MIRA, reason: '', at: now - 64_200, to: 'safe', byGuard: false } }, view: { headline: 'Killed: off for everyone', next: 'Nothing: it is over.' } }) }),
  planned: (now) => makeFlagView({ now, key: KEY, definition: makeDefinition(KEY), changes: { tiers: [{ tier: 'dev', set: 'dev', exposure: 'on for everyone', present: true }, { tier: 'staging', set: 'staging', exposure: 'internal', present: true }, { tier: 'prod', set: 'prod', exposure: 'off', present: true }] } }),
  handwritten: (now) => makeFlagView({ now, key: KEY, summary: { lifecycle: 'active', exposure: 'by hand', percent: null, settledOn: null, why: 'Its targeting is written by hand.' }, definition: makeDefinition(KEY, { targeting: { kind: 'handwritten', logic: { if: [{ and: [{ ends_with: [{ var: 'email' }, '@shop.test'] }, { '>': [{ var: 'orders' }, 10] }] }, 'on', { fractional: [{ cat: [{ var: '$flagd.flagKey' }, { var: 'tenant' }] }, ['on', 30], ['off', 70]] }] } } }) }),
  stale: (now) => makeFlagView({ now, key: KEY, summary: { lifecycle: 'stale', exposure: 'on for everyone', percent: 100, settledOn: 'on', changedAt: now - 61 * DAY_MS, why: 'Everyone has had "on" for 61 days.', references: 3 }, definition: makeDefinition(KEY, { defaultVariant: 'on' }), changes: { archive: { label: 'Remove', effect: 'Takes it out of use and keeps its definition.', blocks: [{ rule: 'evaluated', reason: 'It was evaluated 412 times in the last minute.', unblocks: 'When nothing has evaluated it for 14 days.' }] } } }),
  silent: (now) => makeFlagView({ now, key: KEY, summary: { lifecycle: 'stale', exposure: 'off', percent: 0, changedAt: now - 90 * DAY_MS, lastEvaluatedAt: null, perMinute: [], why: 'Not evaluated for 90 days.', references: 0 }, changes: { references: [], archive: { label: 'Remove', effect: 'Takes it out of use and keeps its definition.', blocks: [] } } }),
  long: (now) => {
    const key = 'checkout.payments-gateway-for-the-northern-region.one-page-with-saved-cards-and-a-name-that-somebody-found-necessary'
    return makeFlagView({ now, key, summary: moving, definition: makeDefinition(key, { rules: RULES, facts: { ...makeDefinition(key).facts, owner: 'the team that looks after payments in the northern region', description: 'A sentence about what this flag does, long enough that it needs more than one line on every window that somebody could have.' } }), rollout: makeRolloutView({ now, key }) })
  },
}

/** What a comparison says while an experiment is under way. */
export function makeComparison(now: number, changes: Partial<FlagComparison> = {}): FlagComparison {
  const course = Array.from({ length: 120 }, (_, index) => {
    const half = 0.05 / Math.sqrt(1 + index / 3) + 0.006
    const effect = 0.006 + 0.012 * Math.exp(-index / 14) * Math.cos(index / 5)
    return { at: now - (120 - index) * 8 * 60_000, effect, low: effect - half, high: effect + half }
  })
  const last = course.at(-1) ?? { effect: 0, low: 0, high: 0, at: now }
  return flagComparisonSchema.parse({
    since: now - 16 * HOUR_MS,
    users: 86_412,
    variants: [
      { variant: 'on', users: 21_587, share: 25, metrics: { order: { converted: 13_405, sum: 13_405, mean: 0.621 }, basket: { converted: 13_405, sum: 812_000, mean: 37.6 } } },
      { variant: 'off', users: 64_825, share: 75, metrics: { order: { converted: 39_802, sum: 39_802, mean: 0.614 }, basket: { converted: 39_802, sum: 2_401_000, mean: 37.0 } } },
    ],
    sampleRatio: { ok: true, words: '24.98 % of 25 %, balanced' },
    crossedOver: 12,
    notCounted: 0,
    metrics: [
      { metric: 'order', kind: 'proportion', variant: 'on', against: 'off', value: 0.621, baseline: 0.614, effect: last.effect, interval: { low: last.low, high: last.high, confidence: 0.95 }, verdict: 'undecided', words: 'The difference lies on both sides of zero. The interval holds at every look, so looking early costs nothing.', course },
      { metric: 'basket', kind: 'mean', variant: 'on', against: 'off', value: 37.6, baseline: 37, effect: 0.6, interval: null, verdict: 'notEnoughData', words: 'on has 12 users who carry the mean, of 20 needed.', course: [] },
    ],
    notes: ['The error is shared among 2 comparisons (Bonferroni).'],
    ...changes,
  })
}

const going = (now: number, phase: NonNullable<FlagSummary['rollout']>['phase'], leftMs: number | null, stage: number, paused = false) => ({ id: 'r', phase, paused, dueAt: leftMs === null ? null : now + leftMs, stage, stages: 5 })
const at = (now: number, days: number) => ({ changedAt: now - days * DAY_MS })

/** A list as a shop has it, besides the one flag that is looked at. */
export function shopFlags(now: number): readonly FlagSummary[] {
  const line = (key: string, changes: Partial<FlagSummary>) => makeSummary(now, key, changes)
  const rolling = (key: string, percent: number, phase: NonNullable<FlagSummary['rollout']>['phase'], leftMs: number | null, days: number, paused = false) =>
    line(key, { lifecycle: 'rollingOut', exposure: percent === 0 ? 'off' : `${percent} %`, percent, rollout: going(now, phase, leftMs, 2, paused), settledOn: null, why: 'A rollout of it is going on.', perMinute: minutesOf(key.length, percent * 40 + 30), ...at(now, days) })
  return [
    rolling('tiered-vat', 25, 'holding', 48 * 60_000 + 30_000, 3),
    rolling('digest-mails', 50, 'holding', null, 2, true),
    rolling('vector-rank', 5, 'holding', 3 * HOUR_MS + 312_000, 0.2),
    rolling('one-tap-reorder', 5, 'awaitingApproval', null, 1),
    rolling('avif-first', 100, 'holding', 20 * HOUR_MS, 9),
    rolling('guest-address', 1, 'holding', 22 * 60_000 + 40_000, 0.08),
    line('wallet-v2', { lifecycle: 'active', exposure: 'internal', percent: 0.4, settledOn: null, why: 'Who gets what depends on the context.', ...at(now, 6) }),
    rolling('express-lane', 0, 'failed', null, 12),
    line('cart-sync-v3', { lifecycle: 'rollingOut', exposure: 'off', percent: 0, rollout: going(now, 'planned', null, -1), settledOn: null, ...at(now, 4) }),
    line('legacy-tax-rules', { lifecycle: 'active', exposure: 'by hand', percent: null, settledOn: null, why: 'Its targeting is written by hand.', ...at(now, 140) }),
    ...['saved-cards', 'gift-wrap', 'fast-search', 'new-footer', 'map-pickup', 'size-guide', 'live-stock', 'click-collect', 'dark-receipts', 'easy-returns', 'price-alerts', 'short-links'].map((key, index) => line(key, { lifecycle: 'fullyOn', exposure: 'on for everyone', percent: 100, settledOn: 'on', why: `Everyone has had "on" for ${index + 2} days.`, ...at(now, index + 2) })),
    line('payments-enabled', { lifecycle: 'permanent', exposure: 'on for everyone', percent: 100, settledOn: 'on', owner: 'payments', why: 'Declared permanent by its owner, payments.', ...at(now, 400) }),
    line('log-level', { type: 'string', lifecycle: 'permanent', exposure: 'info', percent: 0, settledOn: 'info', owner: 'platform', why: 'Declared permanent by its owner, platform.', ...at(now, 300) }),
    ...['ar-preview', 'loyalty-tiers', 'voice-search'].map((key, index) => line(key, { ...at(now, 3 + index * 5) })),
    line('dark-emails', { lifecycle: 'stale', exposure: 'on for everyone', percent: 100, settledOn: 'on', why: 'Everyone has had "on" for 61 days.', references: 4, ...at(now, 61) }),
    line('sku-badges', { lifecycle: 'stale', exposure: 'on for everyone', percent: 100, settledOn: 'on', why: 'Everyone has had "on" for 48 days.', references: 2, ...at(now, 48) }),
    line('old-vat-table', { lifecycle: 'stale', exposure: 'on for everyone', percent: 100, settledOn: 'on', lastEvaluatedAt: null, perMinute: [], why: 'Not evaluated for 90 days.', references: 0, ...at(now, 120) }),
    line('fast-ship', { lifecycle: 'stale', exposure: 'off', percent: 0, settledOn: 'off', why: 'Everyone has had "off" for 33 days.', references: 1, ...at(now, 33) }),
    line('not-searched', { lifecycle: 'stale', exposure: 'off', percent: 0, settledOn: 'off', why: 'Everyone has had "off" for 41 days.', references: null, ...at(now, 41) }),
    line('beacon-v1', { lifecycle: 'archived', exposure: 'off', percent: 0, settledOn: 'off', why: 'It was removed from use; its definition is kept.', references: 0, perMinute: [], ...at(now, 12) }),
  ]
}

export const SEARCH_PLAN = makeFlagPlan('search-suggestions', { stages: [{ audience: INTERNAL, percent: 100, holdMs: 20_000, approval: false, criteria: null }] })
