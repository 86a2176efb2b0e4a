import { describe, expect, it } from 'vitest'
import { classify, sameAsValues, type ListedRow } from './compare-classify.ts'

const ROW: ListedRow = { inSource: true, inTarget: true, differs: [], lossy: [], forbidden: [], source: { full: 'Ada Smith' }, stored: { first: 'Ada' }, expected: { first: 'Ada' }, back: {} }

describe('classes of mismatches', () => {
  it('tells missing, extra, differing, rejected and lossy rows apart', () => {
    expect(classify({ ...ROW, inSource: false }, false)).toMatchObject({ class: 'extra', columns: ['first'] })
    expect(classify({ ...ROW, inTarget: false }, false)).toMatchObject({ class: 'missing', detail: `first should be 'Ada'` })
    expect(classify({ ...ROW, inTarget: false, differs: ['first'], stored: { first: null } }, true)).toMatchObject({ class: 'missing', columns: ['first'] })
    expect(classify({ ...ROW, differs: ['first'], stored: { first: 'Bo' } }, true)).toMatchObject({ class: 'differs', detail: `first is 'Bo' and should be 'Ada'`, differences: [{ column: 'first', old: 'Ada', new: 'Bo' }] })
    expect(classify({ ...ROW, forbidden: ['first would be null'] }, true)).toMatchObject({ class: 'rejected', detail: 'the new shape refuses it: first would be null' })
    expect(classify({ ...ROW, lossy: ['full'], back: { full: 'Ada' } }, true)).toMatchObject({ class: 'lossy', columns: ['full'], detail: `full is 'Ada Smith' and would come back as 'Ada'` })
  })

  it('says of equal values in other words that they are only that', () => {
    expect(classify({ ...ROW, differs: ['first'], stored: { first: ' Ada ' } }, true).class).toBe('textOnly')
    expect(classify({ ...ROW, lossy: ['full'], source: { full: '1.50' }, back: { full: '1.5' } }, true).class).toBe('textOnly')
    expect(classify({ ...ROW, differs: ['first', 'last'], stored: { first: ' Ada', last: 'X' }, expected: { first: 'Ada', last: 'Y' } }, true).class).toBe('differs')
  })

  it.each([
    ['1.50', '1.5', true],
    ['007', '7', true],
    ['-0', '0', true],
    ['+3', '3', true],
    ['-1', '1', false],
    ['9007199254740993', '9007199254740992', false],
    ['a  b', 'a b', true],
    ['A', 'a', false],
    ['', ' ', true],
    [null, '', false],
    [null, null, true],
  ])('%o and %o as values: %s', (a, b, same) => {
    expect(sameAsValues(a, b)).toBe(same)
  })
})
