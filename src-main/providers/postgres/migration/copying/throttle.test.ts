import { describe, expect, it } from 'vitest'
import { DEFAULT_THROTTLE, type ThrottleOptions } from '../../../../contract/migration-definition.ts'
import { restMs, throttleVerdict, type LoadSigns } from './throttle.ts'

const CALM: LoadSigns = { replica: null, walBacklog: null, autovacuumOn: null, lockWaiters: 0, activeSessions: 3, probeMs: null }
const NOTHING_ASKED = { paused: false, foregroundHarm: '' }
const NOON = Date.UTC(2026, 0, 5, 12, 30)

function verdict(signs: Partial<LoadSigns>, options: Partial<ThrottleOptions> = {}, asked = NOTHING_ASKED, atMs = NOON) {
  return throttleVerdict({ ...DEFAULT_THROTTLE, ...options }, { ...CALM, ...signs }, asked, atMs)
}

describe('throttle', () => {
  it('works while nothing speaks against it', () => {
    expect(verdict({})).toEqual({ level: 'run', reason: '' })
    expect(verdict({ replica: { name: 'replica-2', lagMs: 300 } }).level).toBe('run')
  })

  it.each<[string, Partial<LoadSigns>, Partial<ThrottleOptions>, string]>([
    ['lag of a replica', { replica: { name: 'replica-2', lagMs: 340 } }, {}, 'replica lag 340 ms > 300 ms on replica-2'],
    ['log kept back', { walBacklog: { what: 'slot etl', bytes: 1.5 * 1024 ** 3 } }, {}, 'write-ahead log kept for slot etl 1.5 GB > 1 GB'],
    ['waiters for our locks', { lockWaiters: 1 }, {}, 'sessions waiting for our locks 1 > 0'],
    ['active sessions', { activeSessions: 41 }, { maxActiveSessions: 40 }, 'active sessions 41 > 40'],
    ['a slow probe', { probeMs: 7.25 }, { maxProbeMs: 5 }, 'probing read 7.3 ms > 5 ms'],
    ['autovacuum', { autovacuumOn: 'public.orders' }, {}, 'autovacuum works on public.orders'],
  ])('waits for %s, with value and limit', (_, signs, options, reason) => {
    expect(verdict(signs, options)).toEqual({ level: 'pause', reason })
    expect(verdict(signs, { maxReplicaLagMs: null, maxWalBacklogBytes: null, maxLockWaiters: 100, maxActiveSessions: null, maxProbeMs: null, waitForAutovacuum: false }).level).toBe('run')
  })

  it('says first what people asked for, then what users feel', () => {
    expect(verdict({ lockWaiters: 9 }, {}, { paused: true, foregroundHarm: 'error ratio 2 % > 1 %' }).reason).toBe('paused by an operator')
    expect(verdict({ lockWaiters: 9 }, {}, { paused: false, foregroundHarm: 'error ratio 2 % > 1 %' }).reason).toBe('error ratio 2 % > 1 %')
  })

  it('tells far beyond a limit, where what cannot pause is cancelled', () => {
    expect(verdict({ replica: { name: 'r', lagMs: 1200 } }).level).toBe('pause')
    expect(verdict({ replica: { name: 'r', lagMs: 1201 } }).level).toBe('abort')
    expect(verdict({ lockWaiters: 1, walBacklog: { what: 'the archive', bytes: 9 * 1024 ** 3 } })).toEqual({ level: 'abort', reason: 'write-ahead log kept for the archive 9 GB > 1 GB' })
  })

  it('keeps to its hours, over midnight too', () => {
    const at = (hour: number) => Date.UTC(2026, 0, 5, hour, 0)
    const open = (hours: string) => [1, 6, 12, 22, 23].filter((hour) => verdict({}, { hours }, NOTHING_ASKED, at(hour)).level === 'run')
    expect(open('22:00-06:00')).toEqual([1, 22, 23])
    expect(open('06:00-22:00')).toEqual([6, 12])
    expect(open('00:00-00:00')).toEqual([1, 6, 12, 22, 23])
    expect(verdict({}, { hours: '22:00-06:00' }).reason).toBe('works between 22:00 and 06:00 UTC, now 12:30')
  })

  it('rests so many times as long as a batch took', () => {
    expect(restMs({ niceRatio: 2 }, 25)).toBe(50)
    expect(restMs({ niceRatio: 0 }, 25)).toBe(0)
  })
})
