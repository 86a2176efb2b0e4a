import { describe, expect, it } from 'vitest'
import { couldMatch, parseAuditSearch, parseTyped, toFilter } from './audit-search.ts'
import { makeEntry } from '../../lib/test-fixtures.ts'

describe('audit search', () => {
  it('reads the address and leaves out what it does not understand', () => {
    expect(parseAuditSearch({ q: 'roll', kind: 'nonsense', outcome: 'verified', entry: '12', from: 5, extra: 1 })).toEqual({ q: 'roll', outcome: 'verified', entry: 12, from: 5 })
  })
  it('keeps a service that is named by a number', () => {
    expect(parseAuditSearch({ service: 42 })).toEqual({ service: '42' })
  })
  it('takes filters out of what was typed and leaves words', () => {
    expect(parseTyped('service:checkout who:Mira  25 %', { q: 'before', entry: 9, kind: 'intent' })).toEqual({ service: 'checkout', operator: 'Mira', q: '25 %', kind: 'intent' })
  })
  it('takes a name with a space in quotes', () => {
    expect(parseTyped('who:"Mira Okafor" pause', {})).toEqual({ operator: 'Mira Okafor', q: 'pause' })
  })
  it('asks the journal in its own words', () => {
    expect(toFilter({ q: 'x', release: 'r-1', operation: 'o', entry: 3 })).toEqual({ text: 'x', releaseId: 'r-1', operationId: 'o' })
  })
  it('adds a fresh entry only where it is sure to belong', () => {
    const entry = makeEntry(5, 1000)
    expect(couldMatch({ text: '', service: 'checkout' }, entry)).toBe(true)
    expect(couldMatch({ text: '', service: 'search' }, entry)).toBe(false)
    expect(couldMatch({ text: 'checkout' }, entry)).toBe(false)
  })
})
