import { expect, it } from 'vitest'
import { diffJson } from './diff.ts'

it('shows leaf by leaf what an act changed', () => {
  expect(diffJson({ weights: { blue: 95, green: 5 }, stable: '1.8.0', gone: [1] }, { weights: { blue: 75, green: 5 }, stable: '1.8.0', effects: [] })).toEqual([
    { sign: '-', path: 'weights.blue', value: '95' },
    { sign: '+', path: 'weights.blue', value: '75' },
    { sign: ' ', path: 'weights.green', value: '5' },
    { sign: ' ', path: 'stable', value: '1.8.0' },
    { sign: '-', path: 'gone[0]', value: '1' },
  ])
})

it('tells null from missing', () => {
  expect(diffJson({ stable: null }, { stable: '1' })).toEqual([
    { sign: '-', path: 'stable', value: 'null' },
    { sign: '+', path: 'stable', value: '1' },
  ])
})
