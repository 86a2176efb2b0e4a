import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Condition, type FlagDefinition, type FlagRolloutPlan, type FlagRule, type JsonObject, type Segment, flagDefinitionSchema, flagRolloutPlanSchema } from '../../contract/flag-definition.ts'
import { openEvaluator } from '../../providers/flagd/evaluator.ts'
import { buildConditions } from './conditions.ts'
import { readConditions } from './conditions-reader.ts'
import { atStage, exposureOf, fullyOn, killed, planProblems, safeVariantOf } from './exposure.ts'
import { emptyDocument, putFlag, putSegment, readFlag, readFlagSet, writeFlag } from './flag-set.ts'
import { buildTargeting, readTargeting } from './targeting.ts'
import { booleanFlag } from './testing/flags.ts'
import { validateFlagSet } from './validate-flag-set.ts'

const KEYS = Array.from({ length: 10_000 }, (_, index) => `user-${index}`)
const everyone = { kind: 'everyone' } as const
const split = (percent: number, variants = [{ variant: 'on', share: 100 }]): FlagRule => ({ audience: everyone, serve: { kind: 'split', percent, variants, otherwise: 'off' } })

function variantsOf(flag: FlagDefinition, contexts: readonly JsonObject[], segments: readonly Segment[] = []): readonly (string | null)[] {
  const document = segments.reduce(putSegment, putFlag(emptyDocument(), flag))
  expect(validateFlagSet(JSON.stringify(document)).problems.filter(({ level }) => level === 'error')).toEqual([])
  const evaluator = openEvaluator(document)
  return contexts.map((context) => evaluator.evaluate(flag.key, context).variant)
}
const contexts = KEYS.map((targetingKey) => ({ targetingKey }))

const attribute = fc.constantFrom('email', 'company.plan', 'country')
const operand = fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)), fc.boolean())
const percent = fc.integer({ min: 0, max: 10_000 }).map((hundredths) => hundredths / 100)
const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ test: fc.constantFrom('is' as const, 'isNot' as const), attribute, value: operand }),
  fc.record({ test: fc.constantFrom('in' as const, 'notIn' as const), attribute, values: fc.array(operand, { minLength: 1, maxLength: 4 }) }),
  fc.record({ test: fc.constantFrom('startsWith' as const, 'endsWith' as const, 'contains' as const), attribute, value: fc.string({ minLength: 1 }) }),
  fc.record({ test: fc.constantFrom('atLeast' as const, 'above' as const, 'atMost' as const, 'below' as const), attribute, value: fc.integer() }),
  fc.record({ test: fc.constantFrom('versionAtLeast' as const, 'versionBelow' as const, 'versionSameMajor' as const, 'versionSameMinor' as const), attribute, version: fc.constantFrom('1.2.3', '2.0.0-rc.1') }),
  fc.record({ test: fc.constant('sample' as const), salt: fc.string({ minLength: 1, maxLength: 20 }), percent }),
)
const shares = fc.constantFrom([100], [50, 50], [20, 30, 50], [1, 99]).map((list) => list.map((share, index) => ({ variant: index === 0 ? 'on' : `v${index}`, share })))
const rule: fc.Arbitrary<FlagRule> = fc.record({
  audience: fc.oneof(
    fc.record({ kind: fc.constant('segments' as const), anyOf: fc.uniqueArray(fc.constantFrom('internal', 'beta', 'staff'), { minLength: 1 }) }),
    fc.record({ kind: fc.constant('conditions' as const), match: fc.constant('all' as const), conditions: fc.array(condition, { minLength: 1, maxLength: 3 }) }),
  ),
  serve: fc.oneof(
    fc.record({ kind: fc.constant('variant' as const), variant: fc.constantFrom('on', 'off') }),
    fc.record({ kind: fc.constant('split' as const), percent: percent.filter((value) => value > 0 && value < 100), variants: shares, otherwise: fc.constant('off') }),
  ),
})

describe('canonical targeting', () => {
  it('reads back what it wrote, through the text of a file that flagd accepts', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 5 }), fc.option(percent.filter((value) => value > 0 && value < 100)), (rules, last) => {
        const all = last === null ? rules : [...rules, split(last)]
        const logic = buildTargeting(all)
        const text = JSON.stringify(logic)
        expect(readTargeting(logic === null ? undefined : (JSON.parse(text) as JsonObject))).toEqual({ kind: 'rules', rules: all })
      }),
      { numRuns: 300 },
    )
  })

  it('reads conditions it wrote, and only those', () => {
    fc.assert(fc.property(fc.array(condition, { minLength: 1, maxLength: 4 }), (conditions) => {
      expect(readConditions(JSON.parse(JSON.stringify(buildConditions({ match: 'all', conditions }))))).toEqual({ match: 'all', conditions })
    }), { numRuns: 300 })
    expect(readConditions({ and: [{ '==': [{ var: 'email' }, 'x'] }] })).toBeNull()
  })

  it('keeps what was written by hand as it is', () => {
    const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting: { if: [{ '==': [{ var: 'a' }, 1] }, 'on'] }, 'x-note': 'ours' }
    const read = readFlag('f', flag)
    expect(read.targeting.kind).toBe('handwritten')
    expect(writeFlag(read, flag)).toEqual(flag)
    expect(flagDefinitionSchema.parse(read)).toEqual(read)
  })

  it.each<[Condition, JsonObject, JsonObject]>([
    [{ test: 'isNot', attribute: 'plan', value: 'free' }, { plan: 'pro' }, {}],
    [{ test: 'notIn', attribute: 'plan', values: ['free'] }, { plan: 'pro' }, {}],
    [{ test: 'atMost', attribute: 'age', value: 5 }, { age: 0 }, {}],
    [{ test: 'contains', attribute: 'email', value: '@' }, { email: 'a@b' }, {}],
    [{ test: 'is', attribute: 'company.plan', value: 'pro' }, { company: { plan: 'pro' } }, { company: {} }],
    [{ test: 'endsWith', attribute: 'email', value: '@signal.box' }, { email: 'a@signal.box' }, { email: 7 }],
    [{ test: 'versionAtLeast', attribute: 'version', version: '2.1.0' }, { version: '2.1.0' }, { version: 'unknown' }],
    [{ test: 'sample', salt: 's', percent: 100 }, { targetingKey: 'a' }, {}],
  ])('%j matches when it should, never without the attribute', (one, yes, no) => {
    const flag = booleanFlag('f', [{ audience: { kind: 'segments', anyOf: ['segment'] }, serve: { kind: 'variant', variant: 'on' } }])
    const segment: Segment = { name: 'segment', rule: { kind: 'conditions', match: 'all', conditions: [one] } }
    expect(variantsOf(flag, [yes, no], [segment])).toEqual(['on', 'off'])
  })
})

describe('bucketing in flagd-core, 10,000 targeting keys', () => {
  const STEPS = [1, 5, 12.5, 25, 50, 99.99, 100]

  it.each([
    ['one variant', [{ variant: 'on', share: 100 }]],
    ['three variants of unequal shares', [{ variant: 'on', share: 20 }, { variant: 'b', share: 30 }, { variant: 'c', share: 50 }]],
  ])('is monotone and sticky: %s', (_name, variants) => {
    let before = variantsOf(withVariants(booleanFlag('new-checkout', [split(0, variants)])), contexts)
    expect(before.every((variant) => variant === 'off')).toBe(true)
    for (const step of STEPS) {
      const after = variantsOf(withVariants(booleanFlag('new-checkout', [split(step, variants)])), contexts)
      for (const [index, variant] of before.entries()) if (variant !== 'off') expect(after[index]).toBe(variant)
      for (const { variant, share } of variants) {
        const expected = (step * share) / 10_000
        expect(Math.abs(after.filter((one) => one === variant).length / KEYS.length - expected)).toBeLessThan(4.5 * Math.sqrt((expected * (1 - expected)) / KEYS.length) + 1e-9)
      }
      before = after
    }
  })

  it('would not be without ranges of their own: growing two variants side by side moves people (control)', () => {
    const naive = (a: number): FlagDefinition => ({ ...withVariants(booleanFlag('new-checkout')), targeting: { kind: 'handwritten', logic: { fractional: [['on', a], ['b', a], ['off', 100 - 2 * a]] } } })
    const before = variantsOf(naive(5), contexts)
    const after = variantsOf(naive(25), contexts)
    expect(before.filter((variant, index) => variant !== 'off' && after[index] !== variant).length).toBeGreaterThan(300)
  })

  it('buckets one flag independently of another', () => {
    const one = variantsOf(booleanFlag('one', [split(25)]), contexts)
    const two = variantsOf(booleanFlag('two', [split(25)]), contexts)
    const both = one.filter((variant, index) => variant === 'on' && two[index] === 'on').length
    expect(Math.abs(both / KEYS.length - 0.0625)).toBeLessThan(0.011)
  })

  it('keeps everyone who had it through the stages of a rollout with audiences', () => {
    const plan: FlagRolloutPlan = flagRolloutPlanSchema.parse({
      flag: 'new-checkout',
      variants: [{ variant: 'on', share: 100 }],
      baseline: 'off',
      stages: [
        stage({ kind: 'segments', anyOf: ['internal'] }, 100),
        stage({ kind: 'segments', anyOf: ['beta'] }, 25),
        stage(everyone, 1),
        stage(everyone, 5),
        stage({ kind: 'segments', anyOf: ['beta'] }, 50),
        stage(everyone, 25),
        stage(everyone, 50),
        stage({ kind: 'segments', anyOf: ['beta'] }, 100),
        stage(everyone, 100),
      ],
    })
    const flag = booleanFlag('new-checkout')
    expect(planProblems(flag, plan)).toEqual([])
    const people = KEYS.map((targetingKey, index) => ({ targetingKey, ...(index % 10 === 0 ? { email: 'a@signal.box' } : {}), ...(index % 4 === 0 ? { beta: true } : {}) }))
    let before: readonly (string | null)[] = people.map(() => 'off')
    for (const index of plan.stages.keys()) {
      const after = variantsOf(atStage(flag, plan, index), people, SEGMENTS)
      expect(after.filter((variant, person) => before[person] === 'on' && variant !== 'on')).toEqual([])
      expect(after.filter((variant) => variant === 'on').length).toBeGreaterThan(before.filter((variant) => variant === 'on').length)
      before = after
    }
    expect(before.every((variant) => variant === 'on')).toBe(true)
    expect(planProblems(flag, { ...plan, stages: [stage({ kind: 'segments', anyOf: ['beta'] }, 10), stage(everyone, 25)] })).toHaveLength(1)
    expect(planProblems(flag, { ...plan, stages: [stage(everyone, 25), stage({ kind: 'segments', anyOf: ['beta'] }, 10)] })).toHaveLength(1)
    expect(planProblems(flag, { ...plan, stages: [stage(everyone, 25), stage(everyone, 25)], variants: [{ variant: 'off', share: 90 }] })).toHaveLength(3)
  })
})

describe('kill switch and exposure', () => {
  it('serves the safe variant to everyone, where DISABLED gives nothing', () => {
    const flag = booleanFlag('f', [split(100)])
    expect(safeVariantOf(flag)).toBe('off')
    expect(variantsOf(killed(flag, 'off'), [{ targetingKey: 'a' }, {}])).toEqual(['off', 'off'])
    expect(variantsOf({ ...flag, state: 'DISABLED' }, [{ targetingKey: 'a' }])).toEqual([null])
    expect(safeVariantOf({ ...flag, variants: [{ name: 'a', value: 'x' }] })).toBeNull()
  })

  it('tells what everyone gets, and leaves out people without a targeting key at a split', () => {
    expect(exposureOf(fullyOn(booleanFlag('f'), 'on')).everyone).toBe('on')
    expect(exposureOf(booleanFlag('f', [split(100)])).everyone).toBeNull()
    expect(variantsOf(booleanFlag('f', [split(100)]), [{}])).toEqual(['off'])
    expect([...(exposureOf(booleanFlag('f', [split(25)])).percents ?? [])]).toEqual([['on', 25], ['off', 75]])
    expect(exposureOf(readFlag('f', { state: 'ENABLED', variants: { on: true }, targeting: { cat: ['on', ''] } }))).toEqual({ everyone: null, percents: null })
  })

  it('reads a whole set with segments', () => {
    const document = SEGMENTS.reduce(putSegment, putFlag(emptyDocument(), booleanFlag('f', [split(25)])))
    const set = readFlagSet(document)
    expect(set.segments).toEqual(SEGMENTS)
    expect(set.flags).toEqual([booleanFlag('f', [split(25)])])
  })
})

const SEGMENTS: readonly Segment[] = [
  { name: 'internal', rule: { kind: 'conditions', match: 'all', conditions: [{ test: 'endsWith', attribute: 'email', value: '@signal.box' }] } },
  { name: 'beta', rule: { kind: 'conditions', match: 'all', conditions: [{ test: 'is', attribute: 'beta', value: true }] } },
]

function stage(audience: FlagRolloutPlan['stages'][number]['audience'], share: number): FlagRolloutPlan['stages'][number] {
  return { audience, percent: share, holdMs: 60_000, approval: false, criteria: null }
}

function withVariants(flag: FlagDefinition): FlagDefinition {
  const names = ['on', 'b', 'c', 'off']
  return { ...flag, type: 'string', variants: names.map((name) => ({ name, value: name })) }
}
