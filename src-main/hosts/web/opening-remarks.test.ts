import { expect, test } from 'vitest'
import { openingRemarks } from './opening-remarks.ts'

const problem = { place: { file: 'bad.yaml', line: 3, column: 5 }, message: 'unknown key `port2`.', expected: 'port' }

test('a console that acts on a valid workspace has nothing to remark', () => {
  expect(openingRemarks({ mode: 'control', modeReason: '', workspace: { file: 'a.yaml', problems: [] } })).toEqual([])
})

test('every problem is one line of file, line and column', () => {
  const lines = openingRemarks({ mode: 'control', modeReason: '', workspace: { file: 'bad.yaml', problems: [problem, { ...problem, place: { ...problem.place, line: 9 } }] } })
  expect(lines).toEqual([expect.stringContaining('2 problems'), 'bad.yaml:3:5 unknown key `port2`. Expected: port', 'bad.yaml:9:5 unknown key `port2`. Expected: port'])
})

test('a second console says in one line that it only reads, and why', () => {
  expect(openingRemarks({ mode: 'readOnly', modeReason: 'Another console has the folder.', workspace: { file: 'a.yaml', problems: [] } })).toEqual(['This console only reads: Another console has the folder.'])
})
