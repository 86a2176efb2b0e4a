import { expect, test } from 'vitest'
import { seconds } from './words.ts'

test.each([[-4, '0.00 s'], [0, '0.00 s'], [420, '0.42 s'], [7_300, '7.3 s'], [45_000, '45 s'], [59_700, '1:00'], [437_000, '7:17']])('%d ms reads %s', (ms, words) => {
  expect(seconds(ms)).toBe(words)
})
