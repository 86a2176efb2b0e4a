import { expect, it } from 'vitest'
import { RELEASE_COMMANDS, RELEASE_PHASES } from '../../contract/vocabulary.ts'
import { commandWords, phaseWords, timeLeft } from './words.ts'

it('says commands and phases in words, not identifiers', () => {
  for (const words of [...RELEASE_COMMANDS.map(commandWords), ...RELEASE_PHASES.map(phaseWords)]) expect(words).toMatch(/^[a-z ]+$/)
  expect(commandWords('rollBack')).toBe('roll back')
  expect(phaseWords('awaitingApproval')).toBe('awaiting approval')
})

it.each([[-5, '0 s'], [0, '0 s'], [1, '1 s'], [45_000, '45 s'], [59_001, '1:00'], [436_200, '7:17'], [3_605_000, '1:00:05']])('%d ms left reads %s', (ms, words) => {
  expect(timeLeft(ms)).toBe(words)
})
