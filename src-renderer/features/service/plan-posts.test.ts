import { describe, expect, it } from 'vitest'
import type { Release } from '../../../src-main/contract/release.ts'
import { makeRelease } from '../../lib/test-fixtures.ts'
import { planPosts } from './plan-posts.ts'

const states = (changes: Partial<Release>) =>
  planPosts(makeRelease({ now: 1_790_000_000_000, changes }).release)
    .map((post) => ({ done: '=', now: 'O', hit: 'X', todo: '.' })[post.state])
    .join('')

describe('plan line', () => {
  it('has a post for deploy, gates, each step, bake and window', () => {
    expect(planPosts(makeRelease({ now: 0 }).release).map((post) => post.title)).toEqual(['Deploy', 'Gates', '5 %', '25 %', '50 %', '75 %', '100 %', 'Bake', 'Rollback window'])
  })
  it('stands where the release stands', () => {
    expect(states({ phase: 'planned', stepIndex: -1 })).toBe('.........')
    expect(states({ phase: 'deploying', stepIndex: -1 })).toBe('O........')
    expect(states({ phase: 'verifying', stepIndex: -1 })).toBe('=O.......')
    expect(states({ phase: 'awaitingApproval', stepIndex: -1, pendingStep: 0 })).toBe('=O.......')
    expect(states({ phase: 'shifting', stepIndex: 1 })).toBe('===O.....')
    expect(states({ phase: 'baking', stepIndex: 4 })).toBe('=======O.')
    expect(states({ phase: 'completed', stepIndex: 4 })).toBe('========O')
    expect(states({ phase: 'retired', stepIndex: 4 })).toBe('=========')
  })
  it('stops where the release stopped', () => {
    expect(states({ phase: 'rolledBack', stepIndex: 2 })).toBe('====X....')
    expect(states({ phase: 'failed', stepIndex: -1, failure: { phase: 'verifying', at: 0, fault: { code: 'gateFailed', message: '', next: '', cause: 'refused', retryable: false } } })).toBe('=X.......')
  })
})
