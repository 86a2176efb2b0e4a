import { Fault } from '../../src-main/contract/fault.ts'
import type { FlagGuardSeries, FlagPreview, FlagReferencesReport, FlagSourceView, FlagView, TierDifference } from '../../src-main/contract/flag.ts'
import type { JournalEntry } from '../../src-main/contract/journal.ts'
import { FLAG_CASES, makeComparison, shopFlags } from '../lib/test-flag-cases.ts'
import type { TestFlags } from '../lib/test-flag-api.ts'
import { makeFlagSource, makeFlagView, makeSummary, minutesOf, SHOP } from '../lib/test-flags.ts'
import type { TestWorld } from '../lib/test-core.ts'
import { CONSOLE, makeEntry, MIRA } from '../lib/test-fixtures.ts'
import { shifting } from './cases.ts'

const HOUR_MS = 3_600_000
const KEY = 'new-checkout'
const wave = (seconds: number, seed: number) => Math.sin(seconds / 7 + seed) * 0.5 + Math.sin(seconds / 2.3 + seed * 3) * 0.3 + Math.sin(seconds * 1.7 + seed) * 0.2

/** Both sides, one second each, as a shop with 160 requests a second has them. */
function guardOf(harmful: boolean) {
  return (_key: string, fromAt: number): FlagGuardSeries => {
    const now = Date.now()
    const side = (perSecond: number, seed: number, bad: boolean) =>
      Array.from({ length: Math.max(0, Math.floor((now - fromAt) / 1000)) }, (_, index) => {
        const at = (Math.floor(fromAt / 1000) + index + 1) * 1000
        const seconds = at / 1000
        const requests = Math.max(0, Math.round(perSecond * (1 + 0.1 * wave(seconds, seed))))
        const isBad = bad && now - at < 58_000 && now - at > 38_000
        return { at, requests, errors: Math.round(requests * (isBad ? 0.081 : 0.002) + (wave(seconds, seed + 9) > 0.6 ? 1 : 0)), p50Ms: 44, p99Ms: (bad ? 290 : 271) + wave(seconds, seed) * 26 + (isBad ? 120 : 0) }
      })
    return { exposed: side(40, 1, harmful), unexposed: side(120, 4, false), resolutionMs: 1000, absent: '' }
  }
}

const PREVIEW: FlagPreview = {
  value: true, variant: 'on', reason: 'TARGETING_MATCH', error: '',
  rules: [{ words: 'oldApps get off', matched: false, decided: false }, { words: 'internal or beta get on', matched: true, decided: true }, { words: 'country in NO, SE, DK and plan = "pro" get on 50 %', matched: false, decided: false }, { words: 'everyone gets on 25 %', matched: true, decided: false }],
  segments: [{ name: 'internal', matched: true }, { name: 'beta', matched: false }, { name: 'oldApps', matched: false }, { name: 'kiosks', matched: false }],
}

const DIFFERENCES: readonly TierDifference[] = [
  { key: KEY, what: 'flag', change: 'changed', lines: ['rules: everyone gets on 25 % → none', 'default variant: off → on'] },
  { key: 'basket-v3', what: 'flag', change: 'added', lines: [] },
  { key: 'beacon-v1', what: 'flag', change: 'removed', lines: [] },
  { key: 'beta', what: 'segment', change: 'changed', lines: ['sample 2 % → 5 %'] },
]

function referencesOf(now: number): FlagReferencesReport {
  const place = (file: string, line: number, key: string) => ({ file, line, column: 24, text: `if (flags.getBooleanValue('${key}', false)) {` })
  return { at: now, tookMs: 412, folders: ['/srv/shop/services', '/srv/shop/web'], files: 1_204, lines: 214_880, skipped: 12, problems: [], byFlag: { 'dark-emails': [place('services/mailer/send.cjs', 14, 'dark-emails'), place('services/mailer/send.cjs', 51, 'dark-emails'), place('services/mailer/digest.cjs', 8, 'dark-emails'), place('services/mailer/digest.cjs', 77, 'dark-emails')], 'sku-badges': [place('web/src/sku.tsx', 9, 'sku-badges'), place('web/src/sku.tsx', 31, 'sku-badges')], 'fast-ship': [place('services/checkout/ship.cjs', 22, 'fast-ship')], [KEY]: [place('services/checkout/server.cjs', 41, KEY), place('services/checkout/totals.cjs', 12, KEY), place('web/src/cart.tsx', 88, KEY)] } }
}

const STORY: readonly (readonly [minutes: number, action: string, summary: string, kind: JournalEntry['kind'], outcome: JournalEntry['outcome']])[] = [
  [26 * 60, 'flag.define', 'Rules and owner of new-checkout', 'intent', 'sent'],
  [24 * 60, 'rollout.start', 'Expose internal', 'intent', 'sent'],
  [22 * 60, 'rollout.advance', 'Expose 5 % of users', 'intent', 'sent'],
  [14 * 60, 'rollout.advance', 'Expose 25 % of users', 'intent', 'sent'],
  [14 * 60 - 0.01, 'effect.applyFlag', '25 % of users read back', 'outcome', 'verified'],
  [3.4, 'rollout.pause', 'Hold at 25 %', 'intent', 'recorded'],
  [1.6, 'rollout.resume', 'Go on at 25 %', 'intent', 'recorded'],
]

function worldWith(views: readonly FlagView[], changes: Partial<TestFlags> = {}, sources: readonly FlagSourceView[] | null = null): TestWorld {
  const world = shifting()
  const now = Date.now()
  const from = (world.entries.at(-1)?.seq ?? 0) + 1
  const target = { flag: `${SHOP}/${views[0]?.summary.key ?? KEY}` }
  const story = STORY.map(([minutes, action, summary, kind, outcome], index) => makeEntry(from + index, now - minutes * 60_000, { action, summary, kind, outcome, operator: minutes > 60 && index > 2 ? CONSOLE : MIRA, target, reason: index === 5 ? 'support asks about a doubled line' : '' }))
  const lines = changes.lines ?? shopFlags(now)
  return {
    ...world,
    status: { ...world.status, journal: { ...world.status.journal, count: story.at(-1)?.seq ?? 0 } },
    entries: [...world.entries, ...story],
    flags: {
      sources: sources ?? [makeFlagSource(now, lines.length + views.length)],
      views,
      guard: guardOf(views[0]?.rollout?.rollout.rollback?.byGuard === true),
      comparison: () => makeComparison(Date.now()),
      preview: () => PREVIEW,
      references: referencesOf(now),
      differences: DIFFERENCES,
      problems: () => [],
      onAct: async (_name, input) => {
        await new Promise((resolve) => setTimeout(resolve, 300))
        const view = views.find(({ summary }) => summary.key === input.flag) ?? views[0]
        if (!view) throw new Error(input.flag)
        return view
      },
      ...changes,
      lines,
    },
  }
}

const caseOf = (name: string): FlagView => {
  const view = FLAG_CASES[name]?.(Date.now())
  if (!view) throw new Error(name)
  return view
}

/** Every case on its own, in a shop's list. */
const single = Object.fromEntries(Object.keys(FLAG_CASES).map((name) => [`flag-${name}`, () => worldWith([caseOf(name)])]))

const KINDS = ['checkout', 'search', 'basket', 'mail', 'stock', 'price', 'login', 'tax'] as const

function manyFlags(): TestWorld {
  const now = Date.now()
  const lines = Array.from({ length: 10_000 }, (_, index) => {
    const key = `${KINDS[index % KINDS.length] ?? 'flag'}-${String(index).padStart(5, '0')}`
    if (index % 11 === 0) return makeSummary(now, key, { lifecycle: 'rollingOut', exposure: '25 %', percent: 25, settledOn: null, rollout: { id: key, phase: 'holding', paused: index % 33 === 0, dueAt: now + index * 1000, stage: 2, stages: 5 } })
    if (index % 5 === 0) return makeSummary(now, key, { lifecycle: 'fullyOn', exposure: 'on for everyone', percent: 100, settledOn: 'on', perMinute: minutesOf(index, 100) })
    return index % 7 === 0 ? makeSummary(now, key, { lifecycle: 'stale', why: 'Everyone has had "off" for 44 days.' }) : makeSummary(now, key)
  })
  return worldWith([caseOf('holding')], { lines })
}

const brokenSource = (now: number) =>
  makeFlagSource(now, 35, {
    broken: { since: now - 214_000, why: 'The file is not JSON: a comma or } is missing.' },
    problems: [{ level: 'error', path: '/flags/new-checkout/targeting/if/1', line: 41, column: 7, message: 'A comma or } is missing.' }, { level: 'warning', path: '/flags/sku-badges/variants', line: 96, column: 5, message: 'The variants are of mixed types: boolean and string.' }],
  })

/** Worlds about flags by name, for /dev/?case=NAME. */
export const FLAG_WORLDS: Readonly<Record<string, () => TestWorld>> = {
  ...single,
  flags: () => {
    const world = worldWith([caseOf('holding')])
    return { ...world, waiting: [{ id: 'flag:one-tap-reorder', service: 'one-tap-reorder', releaseId: null, flag: { source: SHOP, key: 'one-tap-reorder' }, kind: 'flag', title: 'Approval', detail: '25 % of users waits for a person.', since: Date.now() - 400_000, expiresAt: null }, ...world.waiting] }
  },
  'flags-none': () => ({ ...worldWith([]), flags: { sources: [], views: [], lines: [] } }),
  'flags-empty': () => worldWith([], { lines: [] }, [makeFlagSource(Date.now(), 0, { segments: [] })]),
  'flags-many': manyFlags,
  'flags-broken': () => worldWith([caseOf('holding')], {}, [brokenSource(Date.now())]),
  'flags-failing': () => {
    const now = Date.now()
    const cannot = { define: null, segments: 'Unleash calls them segments of its own; the console does not change them.', percent: null, audiences: null, compareAndSet: 'Unleash has no compare-and-set: the flag is read before and after.', evaluations: null, experiments: 'Unleash reports no users by variant.', outcomes: 'Unleash counts no requests.', archive: null }
    return worldWith([caseOf('holding')], { guard: () => ({ exposed: [], unexposed: [], resolutionMs: 1000, absent: 'unleash counts no requests by variant; criteria of the router cannot be judged.' }) }, [
      makeFlagSource(now, 35, { problem: 'unleash.shop.test answered 503 three times; the next try is in 12 s.', readAt: now - 94_000 }),
      makeFlagSource(now, 0, { name: 'unleash', kind: 'unleash', set: 'production', sets: [{ tier: 'prod', set: 'production' }], capabilities: cannot, addresses: [], segments: [], problem: 'The token is not accepted: 401.', readAt: null }),
    ])
  },
  'flags-readOnly': () => {
    const world = worldWith([caseOf('holding')])
    return { ...world, status: { ...world.status, mode: 'readOnly', modeReason: 'Another console (pid 4711) controls this data folder.' } }
  },
  'flags-emergency': () => {
    const world = worldWith([caseOf('holding')])
    return { ...world, status: { ...world.status, journal: { ...world.status.journal, writable: false, problem: 'The disk is full.' } } }
  },
  'flags-nodata': () => worldWith([caseOf('holding')], { comparison: () => makeComparison(Date.now(), { users: 41, variants: [{ variant: 'on', users: 10, share: 25, metrics: { order: { converted: 4, sum: 4, mean: 0.4 } } }, { variant: 'off', users: 31, share: 75, metrics: { order: { converted: 12, sum: 12, mean: 0.387 } } }], metrics: [{ metric: 'order', kind: 'proportion', variant: 'on', against: 'off', value: 0.4, baseline: 0.387, effect: 0.013, interval: null, verdict: 'notEnoughData', words: 'on has 10 users, of 100 needed.', course: [] }], sampleRatio: null, crossedOver: 0, since: Date.now() - HOUR_MS }), guard: () => ({ exposed: [], unexposed: [], resolutionMs: 1000, absent: 'No requests by variant were reported in this time: the services post none.' }) }),
  'flags-mismatch': () => worldWith([caseOf('holding')], { comparison: () => makeComparison(Date.now(), { sampleRatio: { ok: false, words: 'Users are not split as declared: 18.2 % of 25 %. Nothing is concluded.' } }) }),
  'flags-conflict': () => {
    const view = caseOf('planned')
    const theirs = { ...makeFlagView({ now: Date.now(), key: KEY, definition: { ...view.definition, defaultVariant: 'on', facts: { ...view.definition.facts, owner: 'search team' } } }), version: 'v4' }
    const world = worldWith([view])
    const { flags } = world
    if (flags) {
      flags.onAct = () => {
        flags.views = [theirs]
        throw new Fault('staleGeneration', 'Somebody changed new-checkout since it was read. Nothing was written.', 'Look at it as it is now, then decide.')
      }
    }
    return world
  },
}
