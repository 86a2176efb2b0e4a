import { expect, test } from 'vitest'
import type { FlagSourceKind } from '../../contract/flag.ts'
import type { FlagRule } from '../../contract/flag-definition.ts'
import { booleanFlag } from '../../core/flags/testing/flags.ts'
import { openEvaluator } from '../../providers/flagd/evaluator.ts'
import { createFlagSimulation, FLAG } from '../sim/flag-simulation.ts'

const PRO: FlagRule = { audience: { kind: 'conditions', match: 'all', conditions: [{ test: 'is', attribute: 'plan', value: 'pro' }] }, serve: { kind: 'variant', variant: 'on' } }
const SHARE: FlagRule = { audience: { kind: 'everyone' }, serve: { kind: 'split', percent: 50, variants: [{ variant: 'on', share: 100 }], otherwise: 'off' } }
const THEIRS: FlagRule = { audience: { kind: 'segments', anyOf: ['theirs'] }, serve: { kind: 'variant', variant: 'on' } }

async function previewOf(kind: FlagSourceKind, rules: readonly FlagRule[]) {
  const sim = createFlagSimulation({ openEvaluator, config: { kind } })
  sim.boot()
  sim.system.define('prod', booleanFlag(FLAG, rules))
  const said = await sim.act(sim.flags().preview({ source: 'shop', flag: FLAG, context: { targetingKey: 'ada', plan: 'pro' } }))
  await sim.close()
  return said
}

test('of another system, what is drawn or known there alone is not claimed to be known', async () => {
  for (const rules of [[SHARE], [THEIRS, PRO]]) expect(await previewOf('unleash', rules)).toMatchObject({ value: null, variant: null, reason: 'UNKNOWN', error: expect.stringMatching(/system that keeps it/) as unknown })
  // The rule that decides before any of that is as sure there as here.
  expect(await previewOf('unleash', [PRO, SHARE])).toMatchObject({ value: true, variant: 'on', rules: [{ decided: true }, { decided: false }] })
  expect(await previewOf('file', [SHARE]), 'the control: our own are evaluated').toMatchObject({ reason: 'TARGETING_MATCH', error: '' })
})
