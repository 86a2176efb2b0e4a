import { expect, it } from 'vitest'
import type { FlagDefinition, FlagRule } from '../../contract/flag-definition.ts'
import { readsVariant } from './reads-variant.ts'

const FLAG: FlagDefinition = {
  key: 'read-new-names',
  type: 'string',
  state: 'ENABLED',
  variants: [
    { name: 'old', value: 'old' },
    { name: 'new', value: 'new' },
  ],
  defaultVariant: 'old',
  targeting: { kind: 'rules', rules: [] },
  metadata: {},
  facts: { owner: null, description: null, safeVariant: 'old', permanent: false, createdAt: null, changedAt: null, archived: false },
}
const split = (percent: number): FlagRule => ({ audience: { kind: 'everyone' }, serve: { kind: 'split', percent, variants: [{ variant: 'new', share: 100 }], otherwise: 'old' } })
const internal: FlagRule = { audience: { kind: 'segments', anyOf: ['internal'] }, serve: { kind: 'variant', variant: 'new' } }
const ruled = (...rules: readonly FlagRule[]): FlagDefinition => ({ ...FLAG, targeting: { kind: 'rules', rules: [...rules] } })

it.each([
  ['its default is another', FLAG, 'nobody', 'nobody gets new'],
  ['its default is the variant', { ...FLAG, defaultVariant: 'new' }, 'everyone', 'everyone gets new'],
  ['a segment', ruled(internal), 'some', 'some segments get new'],
  ['a share', ruled(internal, split(25)), 'some', '25 % get new'],
  ['a share of nothing', ruled(split(0)), 'nobody', 'nobody gets new'],
  ['a split of all leaves out who has no key', ruled(split(100)), 'some', '100 % get new'],
  ['everyone by rule', ruled({ audience: { kind: 'everyone' }, serve: { kind: 'variant', variant: 'new' } }), 'everyone', 'everyone gets new'],
  ['DISABLED', { ...FLAG, state: 'DISABLED' as const }, 'unknown', 'its state is DISABLED, so that each caller decides'],
  ['written by hand, naming it', { ...FLAG, targeting: { kind: 'handwritten' as const, logic: { if: [{ var: 'x' }, 'new', 'old'] } } }, 'some', 'its targeting is written by hand'],
  ['written by hand, not naming it', { ...FLAG, targeting: { kind: 'handwritten' as const, logic: { if: [{ var: 'x' }, 'old'] } } }, 'nobody', 'nothing in it gives new'],
  ['no such variant', { ...FLAG, variants: FLAG.variants.slice(0, 1) }, 'nobody', 'it has no variant new'],
])('%s', (_title, flag, given, words) => {
  expect(readsVariant(flag, 'new')).toEqual({ given, words })
})
