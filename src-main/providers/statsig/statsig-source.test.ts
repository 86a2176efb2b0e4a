import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FlagRolloutPlan, JsonObject } from '../../contract/flag-definition.ts'
import { exposureOf } from '../../core/flags/exposure.ts'
import type { FlagChange, FlagSource } from '../../core/flags/ports.ts'
import { describeFlagSource } from '../flag-source-conformance.ts'
import { openStatsigSource } from './source.ts'
import { type FakeStatsig, startFakeStatsig } from './testing/fake-statsig.ts'

const rule = (name: string, passPercentage: number, environments: readonly string[] | null): JsonObject => ({ name, passPercentage, conditions: [{ type: 'public' }], environments })

function open({ url, token }: Pick<FakeStatsig, 'url' | 'token'>, set: string, settings: Readonly<Record<string, unknown>> = {}): FlagSource {
  return openStatsigSource(
    { name: 'gates', kind: 'statsig', sets: [{ tier: 'prod', set }], services: [], criteria: [], stages: [], needs: [], code: [], settledForMs: 1, silentForMs: 1, settings: { url, token: '${env:STATSIG_KEY}', pollMs: 100, ...settings } },
    { readSecret: () => token, wallMs: Date.now },
  )
}

for (const set of ['production', '*']) {
  describeFlagSource(`Statsig, by its published model, in ${set === '*' ? 'all environments' : 'one environment'}`, async () => {
    const fake = await startFakeStatsig()
    fake.makeGate('new_checkout', set === '*' ? [] : [rule('staging', 100, ['staging'])])
    for (let index = 0; index < 120; index += 1) fake.makeGate(`other_${index}`)
    const source = open(fake, set)
    return {
      source,
      set,
      flag: 'new_checkout',
      on: 'on',
      off: 'off',
      audience: { kind: 'segments', anyOf: ['internal'] },
      async changeElsewhere() {
        fake.gate('new_checkout').rules = [rule('by hand', 100, set === '*' ? null : [set])]
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
}

describe('Statsig: traps', () => {
  let fake: FakeStatsig
  let source: FlagSource
  beforeEach(async () => {
    fake = await startFakeStatsig()
    source = open(fake, 'production')
  })
  afterEach(async () => {
    await source.close()
    await fake.close()
  })
  const apply = (change: FlagChange, from = source, set = 'production') => from.apply({ set, key: 'new_checkout', change, expect: null, comment: 'because' })
  const look = (from = source, set = 'production') => from.observe(set, 'new_checkout')
  const plan = (percents: readonly number[]): FlagRolloutPlan => ({ flag: 'new_checkout', variants: [{ variant: 'on', share: 100 }], baseline: 'off', stages: percents.map((percent) => ({ audience: { kind: 'everyone' }, percent, holdMs: 0, approval: false, criteria: null })) })
  const changes = () => fake.asked.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path.slice(2).join('/')}`)

  it('kills in one environment without touching another, even a rule that both share', async () => {
    fake.makeGate('new_checkout', [rule('everywhere', 100, null), rule('staging', 50, ['staging'])])
    expect(exposureOf((await look()).definition).everyone).toBe('on')
    await apply({ kind: 'kill', variant: 'off' })
    expect(exposureOf((await look()).definition).everyone).toBe('off')
    expect(fake.gate('new_checkout')).toMatchObject({ isEnabled: true, rules: [{ passPercentage: 0, environments: ['production'] }, { name: 'everywhere', environments: null }, { name: 'staging' }] })
    const staging = open(fake, 'staging')
    expect(exposureOf((await look(staging, 'staging')).definition).everyone, 'the control: staging has it still').toBe('on')
    await staging.close()
    // Of all environments, the gate itself goes.
    const all = open(fake, '*')
    await apply({ kind: 'kill', variant: 'off' }, all, '*')
    expect(fake.gate('new_checkout').isEnabled).toBe(false)
    expect(changes().at(-1)).toBe('PUT gates/new_checkout/disable')
    await all.close()
  })

  it('compares a gate in the set it was read in, whichever object says so', async () => {
    fake.makeGate('new_checkout', [rule('staging', 100, ['staging'])])
    const killed: FlagChange = { kind: 'kill', variant: 'off' }
    const [here, there] = [await look(), await source.observe('staging', 'new_checkout')]
    await apply(killed)
    expect([source.matches(killed, { ...here }), source.matches(killed, { ...(await look()) }), source.matches(killed, { ...there })]).toEqual([false, true, false])
  })

  it('changes no rule that counts elsewhere too', async () => {
    fake.makeGate('new_checkout', [rule('everywhere', 10, null)])
    const before = (await look()).definition
    await expect(apply({ kind: 'expose', before, plan: plan([25]), stage: 0 })).rejects.toMatchObject({ data: { code: 'unsupported', message: expect.stringMatching(/"everywhere" counts in other environments/) as unknown } })
    expect(changes()).toEqual([])
  })

  it('widens by the share of the same rule, whose id decides who is in it', async () => {
    fake.makeGate('new_checkout', [rule('staging', 100, ['staging'])])
    const before = (await look()).definition
    for (const stage of [0, 1, 2]) await apply({ kind: 'expose', before, plan: plan([5, 25.5, 100]), stage })
    const path = `PATCH gates/new_checkout/rules/${JSON.stringify(fake.gate('new_checkout').rules[0]?.['id']).replaceAll('"', '')}`
    expect(changes()).toEqual(['PATCH gates/new_checkout', path, path])
    expect(fake.asked.filter(({ method }) => method === 'PATCH').map(({ body }) => body).slice(1)).toEqual([{ passPercentage: 25.5 }, { passPercentage: 100 }])
  })

  it('asks for the review that Statsig skips unless it is told not to, once', async () => {
    fake.makeGate('new_checkout', [rule('ours', 10, ['production'])], { requiredReview: true })
    const before = await look()
    const change: FlagChange = { kind: 'expose', before: before.definition, plan: plan([25]), stage: 0 }
    const { submitted } = await apply(change)
    expect(submitted?.what).toMatch(/review/)
    expect((await apply(change)).submitted).toEqual(submitted)
    expect(fake.reviews.length).toBe(1)
    expect((await look()).version).toBe(before.version)
    expect((await apply({ kind: 'kill', variant: 'off' })).submitted).not.toBeNull()
    const mayKill = open(fake, 'production', { killSkipsReview: true })
    expect((await apply({ kind: 'kill', variant: 'off' }, mayKill)).submitted).toBeNull()
    expect(exposureOf((await look()).definition).everyone).toBe('off')
    await mayKill.close()
  })

  it('waits where Statsig says 429 without saying how long', async () => {
    fake.makeGate('new_checkout')
    fake.next.push({ status: 429, body: { message: 'Too many requests' } })
    expect((await look()).definition.key).toBe('new_checkout')
    expect(fake.asked.length).toBe(2)
  })

  it('says that an open alert of a safeguard is in the way', async () => {
    fake.makeGate('new_checkout')
    const before = (await look()).definition
    // The gate is read, and then the change is refused.
    const reading = apply({ kind: 'expose', before, plan: plan([25]), stage: 0 })
    fake.next.push({ status: 200, body: { data: { id: 'new_checkout', isEnabled: true, rules: [] } } }, { status: 400, body: { message: 'A safeguard alert is active on this gate' } })
    await expect(reading).rejects.toMatchObject({ data: { code: 'interlocked' } })
  })

  it('names the segment that is not there before anything is sent', async () => {
    fake.makeGate('new_checkout')
    const before = (await look()).definition
    const [stage] = plan([50]).stages
    const narrow: FlagRolloutPlan = { ...plan([]), stages: stage ? [{ ...stage, audience: { kind: 'segments', anyOf: ['nobody'] } }] : [] }
    await expect(apply({ kind: 'expose', before, plan: narrow, stage: 0 })).rejects.toThrow(/no segment "nobody"/)
    expect(changes()).toEqual([])
  })

  it('does not let its key be seen', async () => {
    const wrong = open({ url: fake.url, token: 'console-wrong-secret' }, 'production')
    const fault = await wrong.read('production').catch((error: unknown) => String((error as Error).stack) + JSON.stringify(error))
    expect(fault).toContain('401')
    expect(fault).not.toContain('console-wrong-secret')
    await wrong.close()
  })

  it('names its segments, for stages to be narrowed to; whom they hold is known there alone', async () => {
    expect((await source.read('production')).flagSet.segments).toMatchObject([{ name: 'internal', rule: { kind: 'handwritten' } }])
  })
})
