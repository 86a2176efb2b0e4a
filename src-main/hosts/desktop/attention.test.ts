import { describe, expect, test } from 'vitest'
import type { JournalEntry } from '../../contract/journal.ts'
import type { WaitingItem } from '../../contract/service.ts'
import type { WatchItem } from '../../contract/system.ts'
import type { HealthState } from '../../contract/vocabulary.ts'
import { type Attention, attend, badgeCount, looked, NOTHING_KNOWN, type Notice, worstOf } from './attention.ts'

const waits = (kind: WaitingItem['kind'], service: string, extra: Partial<WaitingItem> = {}): WaitingItem => ({ id: `${kind}:${service}`, service, releaseId: 'r1', kind, title: kind, detail: `${kind} of ${service}`, expiresAt: null, since: 1, ...extra })
const waiting = (...items: WaitingItem[]): WatchItem => ({ kind: 'waiting', items })
const service = (name: string, health: HealthState): WatchItem => ({ kind: 'service', service: { name, health, healthReason: `${name} is ${health}` } }) as unknown as WatchItem
const entry = (extra: Partial<JournalEntry>): WatchItem => ({
  kind: 'journal',
  entry: { kind: 'intent', action: 'release.rollBack', operator: { id: 'system', name: 'Signalbox', email: '', known: 'system' }, target: { service: 'checkout' }, summary: 'Send 100 % back to blue (1.8.0)', reason: 'error ratio 12 %', ...extra },
}) as unknown as WatchItem

function play(items: readonly WatchItem[], from: Attention = NOTHING_KNOWN, nowMs = 0): { next: Attention; notices: readonly Notice[] } {
  let next = from
  const notices: Notice[] = []
  for (const item of items) {
    const step = attend(next, item, nowMs)
    next = step.next
    notices.push(...step.notices)
  }
  return { next, notices }
}
const ready: WatchItem = { kind: 'ready' }
const started = play([service('checkout', 'healthy'), waiting(), ready]).next

describe('what is told', () => {
  test('a first snapshot is shown and not told', () => {
    const { next, notices } = play([service('checkout', 'failing'), waiting(waits('approval', 'checkout')), ready])
    expect(notices).toEqual([])
    expect(badgeCount(next)).toBe(1)
  })

  test('something that begins to wait is told once', () => {
    const { next, notices } = play([waiting(waits('approval', 'checkout')), waiting(waits('approval', 'checkout', { detail: 'counting down' }))], started)
    expect(notices).toEqual([{ service: 'checkout', title: 'checkout waits for approval', body: 'approval of checkout' }])
    expect(badgeCount(next)).toBe(1)
  })

  test('the next approval of the same service is news again, and so is another release', () => {
    const first = play([waiting(waits('approval', 'checkout'))], started).next
    expect(play([waiting(), waiting(waits('approval', 'checkout'))], first, 500).notices).toHaveLength(1)
    expect(play([waiting(waits('approval', 'checkout', { releaseId: 'r2' }))], first, 500).notices).toHaveLength(1)
  })

  test('a service that flaps is told once a minute; control: later it is told', () => {
    const failed = play([waiting(waits('health', 'checkout'))], started, 0).next
    const flapped = play([waiting(), waiting(waits('health', 'checkout'))], failed, 30_000)
    expect(flapped.notices).toEqual([])
    expect(play([waiting(), waiting(waits('health', 'checkout'))], flapped.next, 91_000).notices).toHaveLength(1)
  })

  test('after a resync only what is new is told', () => {
    const before = play([waiting(waits('approval', 'checkout'))], started).next
    const { next, notices } = play([{ kind: 'resync', reason: 'slow' }, waiting(waits('approval', 'checkout'), waits('gate', 'search')), ready], before)
    expect(notices.map((notice) => notice.title)).toEqual(['search: gate'])
    expect(next.known).toBe(true)
  })

  test('a rollback is told with who and why, and counts until somebody looked', () => {
    const { next, notices } = play([entry({})], started)
    expect(notices).toEqual([{ service: 'checkout', title: 'checkout is rolled back by itself', body: 'Send 100 % back to blue (1.8.0): error ratio 12 %' }])
    expect(badgeCount(next)).toBe(1)
    expect(badgeCount(looked(next))).toBe(0)
    const byAna = play([entry({ operator: { id: 'ana@box', name: 'Ana', email: '', known: 'osUser' }, reason: '' })], started).notices
    expect(byAna[0]).toEqual({ service: 'checkout', title: 'checkout is rolled back by Ana', body: 'Send 100 % back to blue (1.8.0).' })
    // The service that waits and was rolled back is one thing to look at.
    expect(badgeCount(play([waiting(waits('reasonOwed', 'checkout'))], next).next)).toBe(1)
  })

  test.each<[string, Partial<WaitingItem> & Pick<WaitingItem, 'kind'>, string]>([
    ['the guard asks', { kind: 'manualStep', title: 'Asks' }, 'checkout is paused, and asks'],
    ['metrics are lost', { kind: 'analysis', title: 'No metrics' }, 'checkout is held: no metrics'],
    ['both environments are bad', { kind: 'health', title: 'Both environments' }, 'checkout: both environments are bad, so nothing is moved'],
  ])('%s: told in words of its own, and also where something else of that name waited already', (_what, item, title) => {
    expect(play([waiting(waits(item.kind, 'checkout', item))], started).notices.map((notice) => notice.title)).toEqual([title])
    const known = play([waiting(waits(item.kind, 'checkout', { title: 'Manual step' }))], started, 0).next
    expect(play([waiting(waits(item.kind, 'checkout', item))], known, 61_000).notices.map((notice) => notice.title)).toEqual([title])
    expect(play([waiting(waits(item.kind, 'checkout', { ...item, detail: 'more' }))], play([waiting(waits(item.kind, 'checkout', item))], known, 61_000).next, 62_000).notices).toEqual([])
  })

  test('that somebody suspended the guard is told, and counts as nothing rolled back', () => {
    const { next, notices } = play([entry({ kind: 'event', action: 'release.suspendGuard', operator: { id: 'ana@box', name: 'Ana', email: '', known: 'osUser' }, reason: 'load test' })], started)
    expect(notices).toEqual([{ service: 'checkout', title: 'checkout: automatic roll back is suspended', body: 'By Ana: load test' }])
    expect(badgeCount(next)).toBe(0)
    expect(play([entry({ kind: 'event', action: 'analysis.overruled', summary: 'Not rolled back, because Ana suspended it: error ratio 12 %' })], started).notices).toEqual([{ service: 'checkout', title: 'checkout would have been rolled back', body: 'Not rolled back, because Ana suspended it: error ratio 12 %' }])
  })

  test.each([
    ['a refusal', entry({ kind: 'refusal' })],
    ['an outcome', entry({ kind: 'outcome' })],
    ['another act', entry({ action: 'release.promote' })],
    ['no service', entry({ target: {} })],
  ])('not told: %s', (_what, item) => {
    expect(play([item], started).notices).toEqual([])
  })
})

describe('the worst service', () => {
  test.each<[readonly (readonly [string, HealthState])[], HealthState, readonly string[]]>([
    [[['a', 'healthy'], ['b', 'watch'], ['c', 'failing'], ['d', 'unknown']], 'failing', ['c']],
    [[['a', 'unknown'], ['b', 'watch']], 'watch', ['b']],
    [[['a', 'unknown'], ['b', 'healthy']], 'unknown', ['a']],
    [[['a', 'healthy'], ['b', 'healthy']], 'healthy', ['a', 'b']],
    [[], 'healthy', []],
  ])('%j', (services, state, names) => {
    expect(worstOf(play([...services.map(([name, health]) => service(name, health)), ready]).next)).toEqual({ state, services: names })
  })

  test('nothing is claimed before a snapshot, and a removed service is forgotten', () => {
    expect(worstOf(play([service('a', 'healthy')]).next).state).toBe('unknown')
    expect(worstOf(play([service('a', 'failing'), service('b', 'healthy'), ready, { kind: 'serviceRemoved', name: 'a' }]).next)).toEqual({ state: 'healthy', services: ['b'] })
  })
})
