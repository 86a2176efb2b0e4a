import { expect, test } from 'vitest'
import type { FlagNeed } from '../../contract/flag.ts'
import { ROLLOUT_COMMANDS } from '../../contract/flag.ts'
import { explore, SAMPLE_PLAN, SAMPLE_TEST_PLAN } from '../flags/rollout/exploration.ts'
import { actionsOf } from '../flags/rollout/actions.ts'
import { legalCommands } from '../flags/rollout/machine.ts'
import { mayBeExposed, percentAt } from '../flags/rollout/state.ts'
import { nextWords } from '../flags/rollout/words.ts'
import { blocksAutomatic, blocksForPercent, blocksForRollout, type RolloutFacts } from './flag-rules.ts'

const NEED: FlagNeed = { flag: 'new-checkout', abovePercent: 0, migration: { id: 'split', phase: 'dualWrites' }, versions: { service: 'checkout', anyOf: ['2.*'] }, why: 'It reads the new columns.' }
const FREE: RolloutFacts = { role: 'operator', readOnly: null, journalWritable: true, needs: [], migrationPhase: () => null, liveVersions: () => null, newestId: 'rollout-1', unreachable: '' }
/** Everything that can be wrong, but who is asking. */
const HOSTILE: RolloutFacts = { ...FREE, journalWritable: false, needs: [NEED], unreachable: 'It does not answer.' }
const reached = [...explore(), ...explore(SAMPLE_TEST_PLAN)]

test('nothing that is wrong with the world ever keeps a roll back or a kill, and everything forward is kept by it', () => {
  let forward = 0
  for (const { rollout } of reached) {
    const legal = legalCommands(rollout)
    if (mayBeExposed(rollout)) for (const command of ['rollBack', 'kill'] as const) expect(blocksForRollout(rollout, command, HOSTILE), `${rollout.phase} ${command}`).toEqual([])
    for (const command of legal.filter((each) => !['rollBack', 'kill'].includes(each))) {
      forward += 1
      expect(blocksForRollout(rollout, command, HOSTILE).length, `${rollout.phase} ${command}`).toBeGreaterThan(0)
    }
    if (rollout.phase === 'holding') expect(blocksAutomatic(rollout, HOSTILE).length).toBeGreaterThan(0)
  }
  expect(forward).toBeGreaterThan(100)
})

test('who may only look may do nothing at all', () => {
  for (const { rollout } of reached) {
    for (const command of ROLLOUT_COMMANDS) {
      expect(blocksForRollout(rollout, command, { ...FREE, role: 'viewer' })[0]?.rule).toBe('role')
      expect(blocksForRollout(rollout, command, { ...FREE, readOnly: 'Another console has it.' })[0]?.rule).toBe('readOnly')
    }
  }
})

test('what is over is acted on only while nothing came after it', () => {
  for (const { rollout } of reached) {
    const later = blocksForRollout(rollout, 'rollBack', { ...FREE, newestId: 'rollout-2' }).map(({ rule }) => rule)
    expect(later).toEqual(['finished', 'abandoned', 'rolledBack'].includes(rollout.phase) ? ['superseded'] : [])
  }
})

test('a need holds above its percent, until its migration and all live versions are there', () => {
  const rules = (percent: number, change: Partial<RolloutFacts>, need: Partial<FlagNeed> = {}) => blocksForPercent(percent, { ...FREE, ...change, needs: [{ ...NEED, ...need }] }).map(({ reason }) => reason)
  expect(rules(1, {})).toEqual([
    'Exposing anybody needs migration split to be in dual writes, and its database cannot be read. It reads the new columns.',
    'Exposing anybody needs checkout 2.*, and what checkout runs cannot be read. It reads the new columns.',
  ])
  const ready = { migrationPhase: () => 'switchedWrites' as const, liveVersions: () => ['2.1.0'] }
  expect(rules(100, ready)).toEqual([])
  expect(rules(25, { ...ready, migrationPhase: () => 'rollingBack' })).toEqual([expect.stringContaining('it is rolling back')])
  expect(rules(25, { ...ready, liveVersions: () => ['2.1.0', '1.9.0'] })).toEqual([expect.stringContaining('1.9.0 has live traffic')])
  expect(rules(25, { ...ready, liveVersions: () => [] })).toEqual([expect.stringContaining('nothing of it has live traffic')])
  expect(rules(5, {}, { abovePercent: 5 })).toEqual([])
  expect(rules(5.01, {}, { abovePercent: 5 })).toHaveLength(2)
  // An audience of its own is more than nobody and less than any percent.
  expect(percentAt(SAMPLE_PLAN, 0)).toBeGreaterThan(0)
  expect(percentAt(SAMPLE_PLAN, 0)).toBeLessThan(1)
})

test('every legal command has a button in words, and every state says what happens next', () => {
  for (const { rollout } of reached) {
    const actions = actionsOf(rollout, FREE)
    const missing = legalCommands(rollout).filter((command) => !actions.some((action) => action.command === command))
    // The advance of the last stage is the finish.
    expect(missing.filter((command) => command !== 'finish')).toEqual([])
    for (const { label, effect } of actions) expect([label, effect].join(' ')).not.toMatch(/undefined|NaN|nobody of|null/)
    expect(nextWords(rollout, 5000, [])).toMatch(/\.$|: /)
  }
})
