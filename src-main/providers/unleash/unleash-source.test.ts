import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Audience, FlagRolloutPlan } from '../../contract/flag-definition.ts'
import { Fault } from '../../contract/fault.ts'
import { exposureOf } from '../../core/flags/exposure.ts'
import type { FlagChange, FlagSource } from '../../core/flags/ports.ts'
import { describeFlagSource } from '../flag-source-conformance.ts'
import { openUnleashSource } from './source.ts'
import { type FakeUnleash, startFakeUnleash } from './testing/fake-unleash.ts'
import { type RealUnleash, startRealUnleash, unleashOrWhy } from './testing/real-unleash.ts'

const NEVER = 'http://127.0.0.1:9'
const AUDIENCE: Audience = { kind: 'segments', anyOf: ['internal'] }
let counter = 0

interface World {
  readonly url: string
  readonly token: string
}

function open({ url, token }: World, settings: Readonly<Record<string, unknown>> = {}): FlagSource {
  return openUnleashSource(
    { name: 'unleash', kind: 'unleash', sets: [{ tier: 'dev', set: 'development' }], services: [], criteria: [], stages: [], needs: [], code: [], settledForMs: 1, silentForMs: 1, settings: { url, token: '${env:UNLEASH_TOKEN}', timeoutMs: 20_000, pollMs: 100, ...settings } },
    { readSecret: (name) => (name === 'UNLEASH_TOKEN' ? token : null), wallMs: Date.now },
  )
}

const ask = async ({ url, token }: World, method: string, path: string, body?: unknown): Promise<unknown> => {
  const response = await fetch(`${url}/api/admin/${path}`, { method, headers: { authorization: token, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? null : (JSON.parse(text) as unknown)
}

function subjectOf(world: () => World, usersWith: (key: string) => ((users: readonly string[]) => Promise<ReadonlySet<string>>) | null, dispose: () => Promise<void>) {
  return async () => {
    const key = `checkout-${(counter += 1)}`
    const feature = `projects/default/features/${key}`
    await ask(world(), 'POST', 'projects/default/features', { name: key, type: 'release', description: 'For the conformance suite' })
    await ask(world(), 'POST', `${feature}/environments/development/strategies`, { name: 'flexibleRollout', parameters: { rollout: '10', stickiness: 'userId', groupId: key } })
    const source = open(world())
    let cut = false
    // What comes between: reads go to an address where nobody listens.
    const away = open({ url: NEVER, token: 'x' })
    const gated: FlagSource = { ...source, read: (set) => (cut ? away.read(set) : source.read(set)), test: () => (cut ? away.test() : source.test()) }
    return {
      source: gated,
      set: 'development',
      flag: key,
      on: 'on',
      off: 'off',
      audience: AUDIENCE,
      changeElsewhere: async () => {
        await ask(world(), 'POST', `${feature}/environments/development/strategies`, { name: 'flexibleRollout', parameters: { rollout: '100', stickiness: 'userId', groupId: key } })
      },
      breakDown: async () => {
        cut = true
        return async () => {
          cut = false
        }
      },
      usersWith: usersWith(key),
      dispose: async () => {
        await Promise.all([source.close(), away.close()])
        await ask(world(), 'DELETE', feature).catch(() => {})
        await ask(world(), 'DELETE', 'projects/default/features/made-by-conformance').catch(() => {})
        await dispose()
      },
    }
  }
}

/** What an Unleash does that an editor of flags falls into, each as it was seen on the real one. */
function describeTraps(name: string, world: () => World): void {
  describe(`${name}: traps`, () => {
    const KEY = () => `traps-${counter}`
    const place = () => `projects/default/features/${KEY()}/environments/development`
    const plan = (percents: readonly number[], audience: Audience = { kind: 'everyone' }): FlagRolloutPlan => ({ flag: KEY(), variants: [{ variant: 'on', share: 100 }], baseline: 'off', stages: percents.map((percent) => ({ audience, percent, holdMs: 0, approval: false, criteria: null })) })

    async function fresh(): Promise<{ readonly source: FlagSource; readonly apply: (change: FlagChange, expect?: string | null) => Promise<unknown>; readonly native: () => Promise<Record<string, unknown>> }> {
      counter += 1
      const key = KEY()
      await ask(world(), 'POST', 'projects/default/features', { name: key })
      const source = open(world())
      return { source, apply: (change, expected = null) => source.apply({ set: 'development', key, change, expect: expected, comment: '' }), native: async () => Object(JSON.parse(JSON.stringify((await source.observe('development', key)).native))) as Record<string, unknown> }
    }
    const definitionOf = async (source: FlagSource) => (await source.observe('development', KEY())).definition
    const expose = async (source: FlagSource, stage: number, steps: FlagRolloutPlan): Promise<FlagChange> => ({ kind: 'expose', before: await definitionOf(source), plan: steps, stage })

    it('a PUT that leaves out the share lets everyone in (which is why there is none)', async () => {
      const { source, apply } = await fresh()
      await apply(await expose(source, 0, plan([5])))
      const now = await source.observe('development', KEY())
      expect(exposureOf(now.definition).percents?.get('on')).toBe(5)
      const [strategy] = (now.native as unknown as { strategies: { id: string }[] }).strategies
      await ask(world(), 'PUT', `${place()}/strategies/${strategy?.id ?? ''}`, { name: 'flexibleRollout', parameters: {} })
      expect(exposureOf(await definitionOf(source)).everyone).toBe('on')
      await source.close()
    })

    it('an environment switched on without a strategy lets everyone in: a strategy is there before', async () => {
      const { source } = await fresh()
      await ask(world(), 'POST', `${place()}/on`)
      expect(exposureOf(await definitionOf(source)).everyone, 'the control: by itself it does').toBe('on')
      await source.close()
      const second = await fresh()
      await second.apply(await expose(second.source, 0, plan([1])))
      expect(exposureOf(await definitionOf(second.source)).percents?.get('on')).toBe(1)
      expect(await second.native()).toMatchObject({ enabled: true, strategies: [{ parameters: { rollout: '1', stickiness: 'userId', groupId: KEY() } }] })
      await second.source.close()
    })

    it('the last strategy takes the environment with it: the new one is there before the old one goes', async () => {
      const { source, apply, native } = await fresh()
      await apply(await expose(source, 0, plan([20], AUDIENCE)))
      expect(await native()).toMatchObject({ enabled: true, strategies: [{ segments: [1] }] })
      await apply(await expose(source, 0, plan([20], { kind: 'conditions', match: 'all', conditions: [{ test: 'is', attribute: 'plan', value: 'pro' }] })))
      expect(await native()).toMatchObject({ enabled: true })
      await source.close()
    })

    it('a strategy changed in between is not overwritten: the patch tests what it was read with', async () => {
      const { source, apply } = await fresh()
      await apply(await expose(source, 0, plan([5])))
      const before = await source.observe('development', KEY())
      const [strategy] = (before.native as unknown as { strategies: { id: string }[] }).strategies
      const patch = [{ op: 'test', path: '/parameters/rollout', value: '7' }, { op: 'replace', path: '/parameters/rollout', value: '90' }]
      await expect(ask(world(), 'PATCH', `${place()}/strategies/${strategy?.id ?? ''}`, patch)).rejects.toThrow(/Test operation failed/)
      expect((await source.observe('development', KEY())).version).toBe(before.version)
      await source.close()
    })

    it('what it cannot hold is refused before anything is written', async () => {
      const { source, apply, native } = await fresh()
      const before = JSON.stringify(await native())
      const condition = (test: 'isNot', value: string): Audience => ({ kind: 'conditions', match: 'all', conditions: [{ test, attribute: 'plan', value }] })
      const refused: readonly (readonly [FlagRolloutPlan, RegExp])[] = [
        [plan([50], condition('isNot', 'pro')), /NOT_IN/],
        [plan([0.5]), /whole percents/],
        [plan([50], { kind: 'segments', anyOf: ['nobody-made-this'] }), /no segment/],
        [{ ...plan([50]), baseline: 'on', variants: [{ variant: 'off', share: 100 }] }, /off/],
      ]
      for (const [steps, why] of refused) {
        const fault = await apply(await expose(source, 0, steps)).catch((error: unknown) => error)
        expect(fault).toBeInstanceOf(Fault)
        expect((fault as Fault).code).toBe('unsupported')
        expect((fault as Fault).message).toMatch(why)
      }
      expect(JSON.stringify(await native())).toBe(before)
      await source.close()
    })

    it('two variants with shares, of which one is finished, in the order of the rules', async () => {
      const { source, apply } = await fresh()
      await ask(world(), 'POST', `${place()}/strategies`, {
        name: 'flexibleRollout',
        parameters: { rollout: '0', stickiness: 'userId', groupId: KEY() },
        variants: [
          { name: 'a', weight: 500, weightType: 'variable', stickiness: 'userId', payload: { type: 'string', value: 'A!' } },
          { name: 'b', weight: 500, weightType: 'variable', stickiness: 'userId' },
        ],
      })
      await ask(world(), 'POST', `${place()}/on`)
      const before = await source.observe('development', KEY())
      expect(before.definition.variants).toEqual([{ name: 'a', value: 'A!' }, { name: 'b', value: 'b' }, { name: 'disabled', value: 'disabled' }])
      const steps: FlagRolloutPlan = { flag: KEY(), variants: [{ variant: 'a', share: 50 }, { variant: 'b', share: 50 }], baseline: 'disabled', stages: [{ audience: AUDIENCE, percent: 100, holdMs: 0, approval: false, criteria: null }, { audience: { kind: 'everyone' }, percent: 40, holdMs: 0, approval: false, criteria: null }] }
      for (const stage of [0, 1]) {
        const change: FlagChange = { kind: 'expose', before: before.definition, plan: steps, stage }
        await apply(change)
        expect(source.matches(change, await source.observe('development', KEY())), `stage ${stage}`).toBe(true)
      }
      const exposed = await source.observe('development', KEY())
      expect(Object.fromEntries(exposureOf(exposed.definition).percents ?? [])).toEqual({ a: 20, b: 20, disabled: 60 })
      await apply({ kind: 'finish', variant: 'b' })
      const finished = await source.observe('development', KEY())
      expect(exposureOf(finished.definition).everyone).toBe('b')
      expect(finished.definition.variants.map(({ name: variant }) => variant)).toEqual(['a', 'b', 'disabled'])
      await apply({ kind: 'kill', variant: 'disabled' })
      expect(exposureOf(await definitionOf(source)).everyone).toBe('disabled')
      await apply({ kind: 'restore', native: before.native, definition: before.definition })
      expect((await source.observe('development', KEY())).version).toBe(before.version)
      await source.close()
    })

    it('what the console has no words for is shown as written by hand, killed, and put back', async () => {
      const { source, apply } = await fresh()
      await ask(world(), 'POST', `${place()}/strategies`, { name: 'flexibleRollout', parameters: { rollout: '100', stickiness: 'userId', groupId: KEY() }, constraints: [{ contextName: 'plan', operator: 'NOT_IN', values: ['free'] }] })
      await ask(world(), 'POST', `${place()}/on`)
      const before = await source.observe('development', KEY())
      expect(before.definition.targeting.kind).toBe('handwritten')
      await apply({ kind: 'kill', variant: 'off' })
      expect(exposureOf(await definitionOf(source)).everyone).toBe('off')
      await apply({ kind: 'finish', variant: 'on' })
      expect(exposureOf(await definitionOf(source)).everyone).toBe('on')
      await apply({ kind: 'restore', native: before.native, definition: before.definition })
      expect((await source.observe('development', KEY())).definition.targeting).toEqual(before.definition.targeting)
      await source.close()
    })

    it('does not let its token be seen in a fault', async () => {
      const wrong = open({ ...world(), token: 'a-token-that-is-wrong' })
      const fault = await wrong.read('development').catch((error: unknown) => error)
      expect((fault as Fault).code).toBe('providerUnavailable')
      expect(JSON.stringify((fault as Fault).data) + String((fault as Fault).stack)).not.toContain('a-token-that-is-wrong')
      await wrong.close()
    })
  })
}

let fake: FakeUnleash
beforeAll(async () => {
  fake = await startFakeUnleash()
})
afterAll(() => fake.close())

describeFlagSource('Unleash, as its answers were written down', subjectOf(() => fake, () => null, async () => {}))
describeTraps('Unleash, as its answers were written down', () => fake)

describe('Unleash: what a rule or a limit says', () => {
  const KEY = 'guarded'
  const kill: FlagChange = { kind: 'kill', variant: 'off' }
  const apply = (source: FlagSource, change: FlagChange) => source.apply({ set: 'development', key: KEY, change, expect: null, comment: 'because' })
  beforeAll(async () => {
    await ask(fake, 'POST', 'projects/default/features', { name: KEY })
    await ask(fake, 'POST', `projects/default/features/${KEY}/environments/development/on`)
  })

  it('submits the change for approval where Unleash wants one, once, and changes nothing', async () => {
    const source = open(fake)
    fake.approvals = { environments: ['development'], maySkip: true }
    const before = await source.observe('development', KEY)
    const finish: FlagChange = { kind: 'finish', variant: 'on' }
    expect((await apply(source, finish)).submitted, 'what already is so needs nobody').toBeNull()
    const change: FlagChange = { kind: 'expose', before: before.definition, plan: { flag: KEY, variants: [{ variant: 'on', share: 100 }], baseline: 'off', stages: [{ audience: { kind: 'everyone' }, percent: 25, holdMs: 0, approval: false, criteria: null }] }, stage: 0 }
    const { submitted } = await apply(source, change)
    expect(submitted?.url).toMatch(/change-requests\/1$/)
    expect((await apply(source, change)).submitted).toEqual(submitted)
    expect(fake.submitted).toMatchObject([{ id: 1, state: 'In review', environment: 'development', changes: [{ feature: KEY, action: 'updateStrategy', payload: { parameters: { rollout: '25' } } }] }])
    expect((await source.observe('development', KEY)).version).toBe(before.version)
    // The kill switch asks too, unless the workspace lets it use the token's right to skip.
    expect((await apply(source, kill)).submitted?.what).toMatch(/waits for approval/)
    expect(exposureOf((await source.observe('development', KEY)).definition).everyone).toBe('on')
    const mayKill = open(fake, { killSkipsApproval: true })
    expect((await apply(mayKill, kill)).submitted).toBeNull()
    expect(exposureOf((await source.observe('development', KEY)).definition).everyone).toBe('off')
    fake.approvals = { environments: [], maySkip: true }
    await Promise.all([source.close(), mayKill.close()])
  })

  it('says who must when a change is not let through and cannot be submitted', async () => {
    const source = open(fake, { killSkipsApproval: true })
    await ask(fake, 'POST', `projects/default/features/${KEY}/environments/development/on`)
    fake.approvals = { environments: ['development'], maySkip: false }
    const fault = await apply(source, kill).catch((error: unknown) => error)
    fake.approvals = { environments: [], maySkip: true }
    expect(fault).toMatchObject({ data: { code: 'notAllowed', next: expect.stringMatching(/Someone with the right/) as unknown } })
    await source.close()
  })

  it('a change of several calls that broke off is completed by asking again, and lets in nobody else meanwhile', async () => {
    const source = open(fake)
    const key = 'broken-off'
    await ask(fake, 'POST', 'projects/default/features', { name: key })
    const before = (await source.observe('development', key)).definition
    const staged = (audience: Audience, percent: number): FlagChange => ({ kind: 'expose', before, plan: { flag: key, variants: [{ variant: 'on', share: 100 }], baseline: 'off', stages: [{ audience, percent, holdMs: 0, approval: false, criteria: null }] }, stage: 0 })
    const send = (change: FlagChange) => source.apply({ set: 'development', key, change, expect: null, comment: '' })
    const narrow = staged({ kind: 'conditions', match: 'all', conditions: [{ test: 'is', attribute: 'plan', value: 'pro' }] }, 40)
    for (const [failing, left] of [['POST', 1], ['DELETE', 2]] as const) {
      await send(staged(AUDIENCE, 30))
      fake.failOnce = (asked) => asked.startsWith(`${failing} `) && asked.includes('/strategies')
      await expect(send(narrow)).rejects.toMatchObject({ data: { code: 'providerUnavailable' } })
      const between = await source.observe('development', key)
      expect(source.matches(narrow, between)).toBe(false)
      expect((between.native as unknown as { strategies: { parameters: { rollout: string } }[] }).strategies.map(({ parameters }) => parameters.rollout)).toEqual(['30', '40'].slice(0, left))
      await send(narrow)
      expect(source.matches(narrow, await source.observe('development', key))).toBe(true)
      await send({ kind: 'kill', variant: 'off' })
    }
    await source.close()
  })

  it('waits as long as Retry-After says, and gives up at once when that is long', async () => {
    const source = open(fake)
    fake.next.push({ status: 429, headers: { 'retry-after': '1' } })
    const startedAt = performance.now()
    const asked = fake.asked.length
    await source.observe('development', KEY)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(950)
    // Flag and segments at once: the one that was refused is asked again.
    expect(fake.asked.length - asked).toBe(3)
    fake.next.push({ status: 429, headers: { 'retry-after': '3600' } })
    const fault = await source.read('development').catch((error: unknown) => error)
    expect(fault).toMatchObject({ data: { code: 'providerUnavailable', message: expect.stringMatching(/left alone for 3[56]\d\d s/) as unknown } })
    const quiet = fake.asked.length
    await expect(source.observe('development', KEY)).rejects.toThrow(/left alone/)
    expect(fake.asked.length, 'nothing more is sent until then').toBe(quiet)
    await source.close()
  })

  it('takes a slow, garbled or moved server for what it is', async () => {
    const source = open(fake)
    const details: string[] = []
    for (const next of [{ status: 502 }, { status: 302, headers: { location: 'http://elsewhere/' } }, { status: 200, body: { hello: 1 } }]) {
      fake.next.push(next)
      // One request each, so that each answer meets its own.
      for (const { ok, detail } of await source.test()) details.push(`${ok} ${detail}`)
    }
    expect(details).toEqual([expect.stringMatching(/^false .*answered 502/), expect.stringMatching(/^false .*redirect/), expect.stringMatching(/^false .*does not know/)])
    expect((await source.read('development')).flagSet.flags.map(({ key }) => key)).toContain(KEY)
    await source.close()
  })

  it('reads a project of many flags by one export, and later only what changed', async () => {
    for (let index = 0; index < 60; index += 1) await ask(fake, 'POST', 'projects/default/features', { name: `many-${index}` })
    const source = open(fake)
    const first = await source.read('development')
    expect(first.flagSet.flags.length).toBeGreaterThanOrEqual(61)
    expect(first.versions.get(KEY), 'the export says the same as asking').toBe((await source.observe('development', KEY)).version)
    await ask(fake, 'POST', 'projects/default/features/many-7/environments/development/on')
    const asked = fake.asked.length
    const second = await source.read('development')
    expect(second.digest).not.toBe(first.digest)
    expect(fake.asked.slice(asked).filter((line) => line.includes('/features'))).toEqual(['GET /api/admin/projects/default/features/many-7'])
    await source.close()
  })
})

const why = unleashOrWhy()
if (why !== null) console.warn(`SKIPPED: ${why}`)
describe.skipIf(why !== null)('the real Unleash', () => {
  let real: RealUnleash
  beforeAll(async () => {
    real = await startRealUnleash()
    await real.ask('POST', 'segments', { name: 'internal', constraints: [{ contextName: 'email', operator: 'STR_ENDS_WITH', values: ['@example.com'] }] })
  }, 300_000)
  afterAll(() => real.close())

  /** Asks Unleash's own evaluation. */
  const usersWith = (key: string) => async (users: readonly string[]): Promise<ReadonlySet<string>> => {
    const answer = (await real.ask('POST', 'playground/advanced', { projects: ['default'], environments: ['development'], context: { appName: 'test', userId: users.join(',') } })) as { features: { name: string; environments: { development: { isEnabled: boolean; context: { userId: string } }[] } }[] }
    const feature = answer.features.find(({ name }) => name === key)
    return new Set((feature?.environments.development ?? []).flatMap(({ isEnabled, context }) => (isEnabled ? [context.userId] : [])))
  }

  describeFlagSource('the real Unleash', subjectOf(() => real, usersWith, async () => {}))
  describeTraps('the real Unleash', () => real)
})
