import { expect, test } from 'vitest'
import { Fault } from '../../contract/fault.ts'
import { flagComparisonSchema, flagPreviewSchema, flagReferencesReportSchema, flagSourceViewSchema, flagSummarySchema, flagViewSchema, rolloutViewSchema } from '../../contract/flag.ts'
import type { FlagDefinition } from '../../contract/flag-definition.ts'
import { waitingItemSchema } from '../../contract/service.ts'
import { watchItemSchema } from '../../contract/system.ts'
import { booleanFlag } from '../../core/flags/testing/flags.ts'
import { openEvaluator } from '../../providers/flagd/evaluator.ts'
import { ADA, createFlagSimulation, FLAG, type FlagSimulationOptions, QUICK_PLAN } from '../sim/flag-simulation.ts'

const ONE = { source: 'shop', flag: FLAG } as const
const MINUTE = 60_000
let operations = 0
const operationId = () => `operation-${(operations += 1)}`

function opened(options: FlagSimulationOptions = {}) {
  const sim = createFlagSimulation({ ...options })
  sim.boot()
  return sim
}

async function answer<T>(promise: Promise<T | Fault | Error | undefined>): Promise<T> {
  const value = await promise
  if (value === undefined || value instanceof Error) throw value ?? new Error('never answered')
  return value
}

test('what is told is what the contract says, for a flag at rest and one on its way', async () => {
  const sim = opened()
  flagSourceViewSchema.parse((await answer(sim.act(sim.flags().sources())))[0])
  const quiet = flagViewSchema.parse(await answer(sim.act(sim.flags().get('shop', FLAG))))
  expect(quiet).toMatchObject({ summary: { exposure: 'off', percent: 0, lifecycle: 'fullyOff' }, rollout: null, earlier: [], tiers: [{ tier: 'prod', exposure: 'off', present: true }, { tier: 'dev', present: true }], kill: { variant: 'off', label: 'Kill: everyone gets off' } })
  expect(quiet.suggestedPlan).toMatchObject({ variants: [{ variant: 'on', share: 100 }], baseline: 'off' })
  rolloutViewSchema.parse(await answer(sim.start()))
  await sim.until(() => sim.rollout().phase === 'holding')
  const held = flagViewSchema.parse(await answer(sim.act(sim.flags().get('shop', FLAG))))
  expect(held.rollout).toMatchObject({ headline: '5 % of users', ended: false, stages: [{ state: 'current' }, { state: 'next' }, { state: 'later' }] })
  expect(held.rollout?.actions.map(({ command, label }) => `${command}: ${label}`)).toEqual(['advance: Expose 50 % of users', 'pause: Hold', 'rollBack: Roll back to off', 'kill: Kill: everyone gets off', 'finish: Finish: on for everyone', 'abandon: Abandon: leave the flag as it is'])
  await sim.command('rollBack', { reason: 'no' })
  await sim.until(() => sim.rollout().phase === 'rolledBack')
  await sim.start()
  await sim.until(() => sim.rollout().phase === 'holding')
  const again = await answer(sim.act(sim.flags().get('shop', FLAG)))
  expect(again.rollout?.rollout.number).toBe(2)
  expect(again.earlier).toMatchObject([{ number: 1, headline: 'Rolled back' }])
  for (const item of sim.published) watchItemSchema.parse(item)
  expect(new Set(sim.published.map(({ kind }) => kind))).toEqual(new Set(['flagSource', 'flag', 'rollout', 'journal']))
  for (const item of sim.flags().waiting()) waitingItemSchema.parse(item)
  await sim.close()
})

test('a flag is defined, compared and set, and not beside a rollout', async () => {
  const sim = opened()
  const define = (definition: FlagDefinition, expectedVersion: string | null) => sim.act(sim.flags().define({ source: 'shop', flag: definition.key, definition, expectedVersion, reason: 'new', operationId: operationId() }, ADA))
  const made = await answer(define(booleanFlag('banner'), null))
  expect(made.summary.key).toBe('banner')
  expect(await define(booleanFlag('banner'), null)).toMatchObject({ code: 'staleGeneration' })
  expect(await define({ ...booleanFlag('banner'), defaultVariant: 'nowhere' }, made.version)).toMatchObject({ code: 'invalidInput', message: expect.stringContaining('no variant "nowhere"') })
  expect(await define({ ...booleanFlag('banner'), state: 'DISABLED' }, made.version)).toMatchObject({ code: 'invalidInput', message: expect.stringContaining('does not mean off') })
  const changed = await answer(define({ ...booleanFlag('banner'), defaultVariant: 'on' }, made.version))
  expect(changed.summary.exposure).toBe('on for everyone')
  expect(await define(booleanFlag('banner'), made.version)).toMatchObject({ code: 'staleRevision' })
  const entries = sim.disk.entries.filter(({ target }) => target.flag === 'shop/banner')
  expect(entries.map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual(['intent sent', 'outcome verified', 'refusal refused', 'refusal refused', 'refusal refused', 'intent sent', 'outcome verified', 'refusal refused'])
  expect(entries.at(6)).toMatchObject({ before: { exposure: 'off' }, after: { exposure: 'on for everyone', definition: { key: 'banner' } } })
  await sim.start()
  await sim.until(() => sim.rollout().phase === 'holding')
  expect(await define({ ...sim.definition(), defaultVariant: 'on' }, 'v1')).toMatchObject({ code: 'releaseInProgress' })
  await sim.close()
})

test('a plan that cannot run is refused with why, before anything is written', async () => {
  const sim = opened()
  const wrong = async (plan: Partial<typeof QUICK_PLAN>) => sim.start({ ...QUICK_PLAN, ...plan })
  expect(await wrong({ variants: [{ variant: 'blue', share: 100 }] })).toMatchObject({ code: 'invalidInput', message: expect.stringContaining('no variant "blue"') })
  const [first] = QUICK_PLAN.stages
  if (!first) throw new Error('no stage')
  expect(await wrong({ stages: [{ ...first, audience: { kind: 'segments', anyOf: ['internal'] } }] })).toMatchObject({ code: 'invalidInput', message: expect.stringContaining('no segment "internal"') })
  expect(await wrong({ stages: [{ ...first, criteria: ['Errors'] }] })).toMatchObject({ code: 'invalidInput', message: expect.stringContaining('no criterion "Errors"') })
  expect(await sim.start(QUICK_PLAN, { expectedVersion: 'v0' })).toMatchObject({ code: 'staleRevision' })
  expect(sim.system.applied).toEqual([])
  expect(sim.disk.rollouts.size).toBe(0)
  await sim.start()
  expect(await sim.start()).toMatchObject({ code: 'releaseInProgress' })
  await sim.close()
  const bound = opened({ capabilities: { percent: 'This system knows no shares.' } })
  expect(await bound.start()).toMatchObject({ code: 'unsupported', message: 'This system knows no shares.' })
  await bound.close()
})

test('several variants wait for a person to choose one', async () => {
  const sim = opened()
  const flag = sim.definition()
  sim.system.define('prod', { ...flag, variants: [...flag.variants, { name: 'a', value: true }, { name: 'b', value: true }] })
  await sim.start({ ...QUICK_PLAN, variants: [{ variant: 'a', share: 50 }, { variant: 'b', share: 50 }] })
  expect(await sim.until(() => sim.rollout().stageIndex === 2 && sim.rollout().phase === 'holding' && sim.rollout().dueAt === null)).toBe(true)
  const view = await answer(sim.act(sim.flags().get('shop', FLAG)))
  expect(view.rollout?.actions.filter(({ command }) => command === 'finish').map(({ variant }) => variant)).toEqual(['a', 'b'])
  expect(await sim.command('finish')).toMatchObject({ code: 'invalidInput' })
  await sim.command('finish', { variant: 'b' })
  expect(await sim.until(() => sim.rollout().phase === 'finished')).toBe(true)
  expect(sim.exposure().everyone).toBe('b')
  await sim.close()
})

test('an approval is asked for where the plan says, and kept with its name', async () => {
  const sim = opened()
  await sim.start({ ...QUICK_PLAN, stages: QUICK_PLAN.stages.map((stage, index) => ({ ...stage, approval: index === 0 })) })
  expect(await sim.until(() => sim.rollout().phase === 'awaitingApproval')).toBe(true)
  await sim.time.advance(MINUTE)
  expect(sim.rollout()).toMatchObject({ phase: 'awaitingApproval', stageIndex: 0 })
  expect(sim.flags().waiting()).toMatchObject([{ title: 'Approval', detail: 'When somebody approves it, 50 % of users get on.' }])
  await sim.command('approve')
  expect(sim.rollout().approvals).toMatchObject([{ by: ADA, stage: 0 }])
  expect(await sim.until(() => sim.rollout().phase === 'finished')).toBe(true)
  await sim.close()
})

test('a flag is removed only when nobody evaluates it, or with a reason when nobody knows', async () => {
  const sim = opened()
  const archive = (reason: string) => sim.act(sim.flags().archive({ ...ONE, reason, operationId: operationId() }, ADA))
  expect(await archive('')).toMatchObject({ code: 'interlocked', message: expect.stringContaining('not known') })
  const now = sim.time.clock.wallMs()
  sim.system.evaluations = { since: now - 3 * 3_600_000, variants: [{ flag: FLAG, variant: 'off', total: 10, lastAt: now - 5 * MINUTE, perMinute: [1, 2, 3] }] }
  await sim.time.advance(6000)
  expect(await archive('surely')).toMatchObject({ code: 'interlocked', message: expect.stringContaining('evaluated 5 min ago') })
  const [line] = await answer(sim.act(sim.flags().list('shop')))
  expect(flagSummarySchema.parse(line)).toMatchObject({ lastEvaluatedAt: now - 5 * MINUTE, perMinute: [1, 2, 3] })
  sim.system.evaluations = { since: now - 3 * 3_600_000, variants: [{ flag: FLAG, variant: 'off', total: 10, lastAt: now - 2 * 3_600_000, perMinute: [0] }] }
  expect(await archive('')).toMatchObject({ summary: { lifecycle: 'archived' } })
  expect(sim.definition().facts.archived).toBe(true)
  await sim.close()
})

test('tiers are compared and copied, segments with them', async () => {
  const sim = opened()
  const internal = { name: 'internal', rule: { kind: 'conditions' as const, match: 'all' as const, conditions: [{ test: 'is' as const, attribute: 'staff', value: true }] } }
  sim.system.segments.set('dev', [internal])
  sim.system.define('dev', booleanFlag(FLAG, [{ audience: { kind: 'segments', anyOf: ['internal'] }, serve: { kind: 'variant', variant: 'on' } }]))
  sim.system.define('dev', booleanFlag('banner'))
  const before = await answer(sim.act(sim.flags().compareTiers('shop', 'dev', 'prod')))
  expect(before.map(({ key, what, change }) => `${what} ${key} ${change}`)).toEqual(['flag new-checkout changed', 'flag banner added', 'segment internal added'])
  expect(before[0]?.lines[0]).toBe('Exposure: off became internal.')
  const left = await answer(sim.act(sim.flags().copyTier({ source: 'shop', from: 'dev', to: 'prod', flags: [FLAG], reason: 'ready', operationId: operationId() }, ADA)))
  expect(left.map(({ key }) => key)).toEqual(['banner'])
  expect(sim.system.segments.get('prod')).toEqual([internal])
  expect(sim.definition().targeting).toEqual(sim.system.definition('dev', FLAG).targeting)
  expect(await sim.act(sim.flags().defineSegments({ source: 'shop', segments: [], expectedDigest: '', reason: '', operationId: operationId() }, ADA))).toMatchObject({ code: 'invalidInput', message: expect.stringContaining('would be gone') })
  await sim.close()
})

test('a preview says what a context gets and which rule decided; a check finds what is wrong', async () => {
  const sim = createFlagSimulation({ openEvaluator })
  sim.boot()
  sim.system.define('prod', booleanFlag(FLAG, [{ audience: { kind: 'conditions', match: 'all', conditions: [{ test: 'is', attribute: 'plan', value: 'pro' }] }, serve: { kind: 'variant', variant: 'on' } }]))
  const preview = flagPreviewSchema.parse(await answer(sim.act(sim.flags().preview({ ...ONE, context: { targetingKey: 'ada', plan: 'pro' } }))))
  expect(preview).toMatchObject({ value: true, variant: 'on', rules: [{ words: 'plan is pro: on', matched: true, decided: true }] })
  expect(await answer(sim.act(sim.flags().preview({ ...ONE, context: { plan: 'free' } })))).toMatchObject({ value: false, rules: [{ matched: false, decided: false }] })
  expect((await answer(sim.act(sim.flags().check('shop', FLAG, { ...booleanFlag(FLAG), defaultVariant: 'blue' })))).map(({ level }) => level)).toContain('error')
  await sim.close()
})

test('variants are compared from what apps reported, with the interval it rests on, or with why not', async () => {
  const sim = opened()
  sim.system.define('prod', booleanFlag(FLAG, [{ audience: { kind: 'everyone' }, serve: { kind: 'split', percent: 50, variants: [{ variant: 'on', share: 100 }], otherwise: 'off' } }]))
  const empty = flagComparisonSchema.parse(await answer(sim.act(sim.flags().comparison('shop', FLAG))))
  expect(empty.notes).toEqual([expect.stringContaining('No exposure')])
  const arm = (users: number, converted: number) => ({ users, metrics: { order: { converted, sum: converted, sumOfSquares: converted } } })
  const counted = (on: number, off: number, at: number) => [{ flag: FLAG, since: at, variants: [{ variant: 'on', ...arm(5000, on) }, { variant: 'off', ...arm(5000, off) }], crossedOver: 3, notCounted: 0 }]
  const since = sim.time.clock.wallMs() - 10 * 86_400_000
  sim.system.experiments = counted(300, 500, since)
  const worse = flagComparisonSchema.parse(await answer(sim.act(sim.flags().comparison('shop', FLAG))))
  expect(worse).toMatchObject({ users: 10_000, sampleRatio: { ok: true }, crossedOver: 3, metrics: [{ metric: 'order', kind: 'proportion', variant: 'on', against: 'off', verdict: 'worse' }] })
  expect(worse.metrics[0]?.interval?.high).toBeLessThan(0)
  await sim.time.advance(2 * MINUTE)
  sim.system.experiments = counted(510, 500, since)
  const undecided = await answer(sim.act(sim.flags().comparison('shop', FLAG)))
  expect(undecided.metrics[0]).toMatchObject({ verdict: 'undecided', course: [{}, {}] })
  sim.system.experiments = [{ flag: FLAG, since, variants: [{ variant: 'on', ...arm(4000, 400) }, { variant: 'off', ...arm(6000, 600) }], crossedOver: 0, notCounted: 0 }]
  expect(await answer(sim.act(sim.flags().comparison('shop', FLAG)))).toMatchObject({ sampleRatio: { ok: false }, metrics: [{ verdict: 'notEnoughData' }] })
  await sim.close()
})

test('users counted over a rollout that was taken back are not checked against the shares of now', async () => {
  const sim = opened()
  await sim.time.advance(1000)
  const since = sim.time.clock.wallMs()
  await sim.start()
  await sim.until(() => sim.rollout().verifiedStage === 0)
  await sim.command('rollBack', { reason: 'no' })
  await sim.until(() => sim.rollout().phase === 'rolledBack')
  sim.system.experiments = [{ flag: FLAG, since, variants: [{ variant: 'on', users: 50, metrics: {} }, { variant: 'off', users: 950, metrics: {} }], crossedOver: 0, notCounted: 0 }]
  expect(await answer(sim.act(sim.flags().comparison('shop', FLAG)))).toMatchObject({ sampleRatio: null, notes: [expect.stringContaining('Shares changed'), expect.stringContaining('No conversion')] })
  await sim.close()
})

test('places in code are searched on demand and told with the flag', async () => {
  const place = { file: '/src/checkout.ts', line: 4, column: 7, text: "if (flag('new-checkout'))" }
  const sim = opened({ config: { code: ['/src'] }, scan: async () => ({ references: new Map([[FLAG, [place]]]), files: 3, lines: 120, skipped: 0, tookMs: 5, problems: [] }) })
  expect((await answer(sim.act(sim.flags().list('shop'))))[0]?.references).toBeNull()
  const report = flagReferencesReportSchema.parse(await answer(sim.act(sim.flags().references('shop'))))
  expect(report.byFlag).toEqual({ [FLAG]: [place] })
  const view = await answer(sim.act(sim.flags().get('shop', FLAG)))
  expect(view).toMatchObject({ references: [place], summary: { references: 1 } })
  await sim.close()
})

test('ten thousand flags are a list without asking the source for each', async () => {
  const sim = createFlagSimulation()
  for (let index = 0; index < 10_000; index += 1) sim.system.setOf('prod').set(`flag-${index}`, { native: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }, version: index })
  sim.boot()
  let reads = 0
  sim.system.failRead = () => {
    reads += 1
    return null
  }
  const list = await answer(sim.act(sim.flags().list('shop')))
  expect(list).toHaveLength(10_001)
  await answer(sim.act(sim.flags().list('shop')))
  expect(reads).toBeLessThan(5)
  await sim.close()
})

test('a source that is away is said to be, with its flags as they were last read', async () => {
  const sim = opened()
  await answer(sim.act(sim.flags().list('shop')))
  sim.system.failRead = () => new Fault('providerUnavailable', 'The flag system does not answer.', 'Try again.')
  for (const listener of sim.system.listeners) listener()
  await sim.time.advance(1000)
  expect(await answer(sim.act(sim.flags().sources()))).toMatchObject([{ problem: 'The flag system does not answer.', flags: 1 }])
  expect(await answer(sim.act(sim.flags().list('shop')))).toHaveLength(1)
  expect(await sim.act(sim.flags().get('shop', FLAG))).toMatchObject({ code: 'providerUnavailable' })
  await sim.close()
})

test('who killed without a word is asked, and may say it later', async () => {
  const sim = opened()
  await sim.start()
  await sim.until(() => sim.rollout().phase === 'holding')
  await sim.kill()
  await sim.until(() => sim.rollout().phase === 'rolledBack')
  expect(sim.flags().waiting()).toMatchObject([{ title: 'Reason missing' }])
  await sim.kill({ reason: 'Orders were lost.' })
  expect(sim.rollout().rollback?.reason).toBe('Orders were lost.')
  expect(sim.flags().waiting()).toEqual([])
  await sim.close()
})
