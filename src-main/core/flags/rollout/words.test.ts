import { expect, test } from 'vitest'
import type { FlagDefinition } from '../../../contract/flag-definition.ts'
import { booleanFlag } from '../testing/flags.ts'
import { audienceWords, exposureWords, percentWords } from './words.ts'

const split = (percent: number, variants = [{ variant: 'on', share: 100 }]) => ({ audience: { kind: 'everyone' as const }, serve: { kind: 'split' as const, percent, variants, otherwise: 'off' } })
const internal = { audience: { kind: 'segments' as const, anyOf: ['internal'] }, serve: { kind: 'variant' as const, variant: 'on' } }
const flag = (rules: Parameters<typeof booleanFlag>[1], change: Partial<FlagDefinition> = {}) => ({ ...booleanFlag('f', rules), ...change })

test.each<[words: string, percent: number | null, definition: FlagDefinition]>([
  ['off', 0, flag([])],
  ['on for everyone', 100, flag([], { defaultVariant: 'on' })],
  ['25 %', 25, flag([split(25)])],
  ['internal', 0, flag([internal])],
  ['25 %, internal', 25, flag([internal, split(25)])],
  ['on 10 %, other 10 %', 20, flag([split(20, [{ variant: 'on', share: 50 }, { variant: 'other', share: 50 }])])],
  ['by hand', null, flag([], { targeting: { kind: 'handwritten', logic: { '==': [1, 1] } } })],
  ["the caller's default", null, flag([], { state: 'DISABLED' })],
  ['archived', null, flag([], { facts: { ...booleanFlag('f').facts, archived: true } })],
  ['a 50 %, b 50 %', null, flag([{ ...split(50, [{ variant: 'a', share: 100 }]), serve: { ...split(50, [{ variant: 'a', share: 100 }]).serve, otherwise: 'b' } }], { type: 'string', variants: [{ name: 'a', value: 'a' }, { name: 'b', value: 'b' }], defaultVariant: 'b' })],
])('%s', (words, percent, definition) => {
  expect(exposureWords(definition)).toEqual({ words, percent })
})

test('audiences read as a person would say them', () => {
  expect(audienceWords({ kind: 'conditions', match: 'all', conditions: [{ test: 'is', attribute: 'plan', value: 'pro' }, { test: 'versionAtLeast', attribute: 'app', version: '2.0.0' }] })).toBe('plan is pro and app is version 2.0.0 or newer')
  expect(audienceWords({ kind: 'conditions', match: 'any', conditions: [{ test: 'in', attribute: 'country', values: ['at', 'be', 'ch', 'de', 'fr'] }, { test: 'sample', salt: 'pilot', percent: 12.5 }] })).toBe('country is one of at, be, ch and 2 more or 12.5 % by pilot')
  expect(audienceWords({ kind: 'segments', anyOf: ['internal', 'beta'] })).toBe('internal or beta')
  expect([0.01, 5, 33.3].map(percentWords)).toEqual(['0.01 %', '5 %', '33.3 %'])
})
