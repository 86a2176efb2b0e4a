import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FlagRolloutPlan } from '../../contract/flag-definition.ts'
import { exposureOf } from '../../core/flags/exposure.ts'
import type { FlagChange, FlagSource } from '../../core/flags/ports.ts'
import { describeFlagSource } from '../flag-source-conformance.ts'
import { openLaunchDarklySource } from './source.ts'
import { type FakeLaunchDarkly, startFakeLaunchDarkly } from './testing/fake-launchdarkly.ts'
import { keepsWhoHadIt, splitOf, weightsOf } from './weights.ts'

const NAMES = ['a', 'b', 'c', 'off']
const indexOf = (name: string): number => NAMES.indexOf(name)

function open({ url, token }: Pick<FakeLaunchDarkly, 'url' | 'token'>, settings: Readonly<Record<string, unknown>> = {}): FlagSource {
  return openLaunchDarklySource(
    { name: 'ld', kind: 'launchdarkly', sets: [{ tier: 'prod', set: 'production' }], services: [], criteria: [], stages: [], needs: [], code: [], settledForMs: 1, silentForMs: 1, settings: { url, token: '${env:LD_TOKEN}', project: 'shop', pollMs: 100, ...settings } },
    { readSecret: () => token, wallMs: Date.now },
  )
}

describeFlagSource('LaunchDarkly, by its published model', async () => {
  const fake = await startFakeLaunchDarkly()
  fake.makeFlag('new-checkout')
  for (let index = 0; index < 120; index += 1) fake.makeFlag(`other-${index}`)
  const source = open(fake)
  return {
    source,
    set: 'production',
    flag: 'new-checkout',
    on: 'true',
    off: 'false',
    audience: { kind: 'conditions', match: 'all', conditions: [{ test: 'isNot', attribute: 'plan', value: 'free' }, { test: 'endsWith', attribute: 'email', value: '@example.com' }] },
    async changeElsewhere() {
      fake.placeOf('new-checkout').fallthrough = { variation: 0 }
    },
    async breakDown() {
      fake.broken = true
      return async () => {
        fake.broken = false
      }
    },
    usersWith: null,
    async dispose() {
      await source.close()
      await fake.close()
    },
  }
})

describe('LaunchDarkly: weights', () => {
  const shares = fc.constantFrom([100], [50, 50], [33, 67], [33, 33, 34], [1, 99], [7, 13, 80])
  it('sum to 100000 whatever the percent and the shares, and none is further than one from what was asked', () => {
    fc.assert(
      fc.property(shares, fc.integer({ min: 1, max: 10_000 }), (parts, hundredths) => {
        const split = { kind: 'split' as const, percent: hundredths / 100, variants: parts.map((share, index) => ({ variant: NAMES[index] ?? '', share })), otherwise: 'off' }
        const weights = weightsOf(split, indexOf)
        expect(weights.reduce((sum, { weight }) => sum + weight, 0)).toBe(100_000)
        for (const { variation, weight } of weights) {
          expect(Number.isInteger(weight)).toBe(true)
          const share = parts[variation]
          if (variation < 3 && share !== undefined) expect(Math.abs(weight - (hundredths * share) / 10)).toBeLessThan(1)
        }
        const back = splitOf(weights, (index) => NAMES[index] ?? null, 'off')
        // Below a share of a percent of a percent, rounding may leave nothing that reads back.
        if (hundredths >= 1000) expect(back).toEqual(split)
      }),
    )
  })

  it('of one after another: who had it keeps it only with the rest between two', () => {
    const had = (weights: readonly { readonly variation: number; readonly weight: number }[], place: number): number => {
      let sum = 0
      return weights.find(({ weight }) => place < (sum += weight))?.variation ?? -1
    }
    const order = (names: readonly string[]) => (name: string) => names.indexOf(name)
    const moved = (names: readonly string[], variants: readonly string[]): number => {
      const at = (percent: number) => weightsOf({ kind: 'split', percent, variants: variants.map((variant) => ({ variant, share: 100 / variants.length })), otherwise: 'off' }, order(names))
      const [few, more] = [at(20), at(60)]
      return Array.from({ length: 1000 }, (_none, index) => index * 100).filter((place) => had(few, place) !== names.indexOf('off') && had(few, place) !== had(more, place)).length
    }
    for (const [names, variants] of [[['a', 'off'], ['a']], [['off', 'a'], ['a']], [['a', 'off', 'b'], ['a', 'b']]] as const) {
      expect(keepsWhoHadIt({ variants: variants.map((variant) => ({ variant, share: 50 })), otherwise: 'off' }, order(names))).toBe(true)
      expect(moved(names, variants)).toBe(0)
    }
    for (const names of [['off', 'a', 'b'], ['a', 'b', 'off']]) {
      expect(keepsWhoHadIt({ variants: [{ variant: 'a', share: 50 }, { variant: 'b', share: 50 }], otherwise: 'off' }, order(names))).toBe(false)
      expect(moved(names, ['a', 'b']), 'the control: users do move').toBeGreaterThan(0)
    }
  })
})

describe('LaunchDarkly: traps', () => {
  let fake: FakeLaunchDarkly
  let source: FlagSource
  beforeEach(async () => {
    fake = await startFakeLaunchDarkly()
    source = open(fake)
  })
  afterEach(async () => {
    await source.close()
    await fake.close()
  })
  const apply = (change: FlagChange, from = source) => from.apply({ set: 'production', key: 'new-checkout', change, expect: null, comment: 'because' })
  const look = () => source.observe('production', 'new-checkout')
  const plan = (percents: readonly number[], variants = ['true'], baseline = 'false'): FlagRolloutPlan => ({ flag: 'new-checkout', variants: variants.map((variant) => ({ variant, share: 100 / variants.length })), baseline, stages: percents.map((percent) => ({ audience: { kind: 'everyone' }, percent, holdMs: 0, approval: false, criteria: null })) })
  const patches = () => fake.asked.filter(({ method }) => method === 'PATCH').map(({ body }) => body)

  it('kills with the safe variation as the off variation, also where there was none, or another one', async () => {
    for (const offVariation of [null, 0]) {
      fake.makeFlag('new-checkout', { offVariation })
      fake.placeOf('new-checkout').on = true
      await apply({ kind: 'kill', variant: 'false' })
      expect(fake.placeOf('new-checkout')).toMatchObject({ on: false, offVariation: 1 })
      expect(exposureOf((await look()).definition).everyone).toBe('false')
    }
    expect(patches().at(-1)).toMatchObject({ environmentKey: 'production', comment: 'because', instructions: [{ kind: 'updateOffVariation' }, { kind: 'turnFlagOff' }] })
  })

  it('does not take a flag that is off without an off variation for one that is off', async () => {
    fake.makeFlag('new-checkout', { offVariation: null })
    expect((await look()).definition.defaultVariant).toBeNull()
    expect(source.matches({ kind: 'kill', variant: 'false' }, await look())).toBe(false)
  })

  it('refuses what would move users from one variation to another', async () => {
    fake.makeFlag('new-checkout', { variations: ['old', 'a', 'b'], offVariation: 0 })
    const before = (await look()).definition
    await expect(apply({ kind: 'expose', before, plan: plan([20], ['a', 'b'], 'old'), stage: 0 })).rejects.toMatchObject({ data: { code: 'unsupported' } })
    expect(patches()).toEqual([])
    await apply({ kind: 'expose', before, plan: plan([20], ['a'], 'old'), stage: 0 })
    expect(Object.fromEntries(exposureOf((await look()).definition).percents ?? [])).toEqual({ a: 20, old: 80 })
  })

  it('leaves flags with individual targets and prerequisites to LaunchDarkly, but for the kill switch', async () => {
    fake.makeFlag('new-checkout')
    Object.assign(fake.placeOf('new-checkout'), { on: true, targets: [{ values: ['user-1'], variation: 0 }] })
    expect((await look()).definition.targeting.kind).toBe('handwritten')
    await expect(apply({ kind: 'finish', variant: 'false' })).rejects.toThrow(/individual targets/)
    await apply({ kind: 'kill', variant: 'false' })
    expect(exposureOf((await look()).definition).everyone).toBe('false')
  })

  it('puts the same instructions up for approval where that is asked for, once', async () => {
    fake.makeFlag('new-checkout')
    fake.approval = { required: true, requiredApprovalTags: [], tokenMayBypass: true }
    const before = await look()
    const change: FlagChange = { kind: 'expose', before: before.definition, plan: plan([25]), stage: 0 }
    const { submitted } = await apply(change)
    expect(submitted?.what).toContain('request-1')
    expect((await apply(change)).submitted).toEqual(submitted)
    expect(fake.requests).toMatchObject([{ description: expect.stringMatching(/^because \[signalbox /) as unknown, instructions: [{ kind: 'updateFallthroughVariationOrRollout', rolloutWeights: { 'new-checkout-variation-0': 25_000, 'new-checkout-variation-1': 75_000 } }, { kind: 'turnFlagOn' }] }])
    expect((await look()).version).toBe(before.version)
    expect(patches(), 'a token that may go without approval does not').toEqual([])
    fake.placeOf('new-checkout').on = true
    expect((await apply({ kind: 'kill', variant: 'false' })).submitted).not.toBeNull()
    const mayKill = open(fake, { killSkipsApproval: true })
    expect((await apply({ kind: 'kill', variant: 'false' }, mayKill)).submitted).toBeNull()
    expect(fake.placeOf('new-checkout').on).toBe(false)
    await mayKill.close()
  })

  it('asks for approval only of flags with the tags that need it', async () => {
    fake.makeFlag('new-checkout', { tags: ['web'] })
    fake.approval = { required: false, requiredApprovalTags: ['payments'] }
    expect((await apply({ kind: 'finish', variant: 'true' })).submitted).toBeNull()
    fake.makeFlag('new-checkout', { tags: ['payments'] })
    expect((await apply({ kind: 'finish', variant: 'true' })).submitted).not.toBeNull()
  })

  it('does not follow a redirect, nor let its token be seen', async () => {
    fake.makeFlag('new-checkout')
    fake.next.push({ status: 307, headers: { location: 'http://127.0.0.1:9/' } })
    await expect(look()).rejects.toThrow(/redirect/)
    const wrong = open({ url: fake.url, token: 'api-wrong-secret' })
    const fault = await wrong.read('production').catch((error: unknown) => String((error as Error).stack) + JSON.stringify(error))
    expect(fault).toContain('401')
    expect(fault).not.toContain('api-wrong-secret')
    await wrong.close()
  })

  it('names its segments, for stages to be narrowed to; whom they hold is known there alone', async () => {
    expect((await source.read('production')).flagSet.segments).toMatchObject([{ name: 'internal', rule: { kind: 'handwritten' } }])
  })
})
