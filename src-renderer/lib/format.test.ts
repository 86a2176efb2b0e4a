import { describe, expect, it } from 'vitest'
import { formatAge, formatBytes, formatCountdown, formatDuration, formatInstant, formatMoment, formatPercent, formatUptime, shortHash } from './format.ts'

describe('words for numbers', () => {
  it('gives percent as many digits as help', () => {
    expect([0, 0.236, 1, 4.12, 25, 99.84].map((value) => formatPercent(value))).toEqual(['0 %', '0.24 %', '1 %', '4.1 %', '25 %', '100 %'])
  })
  it('counts down, never below zero, and rounds up so that 0:00 means over', () => {
    expect([-5, 0, 1, 40_001, 728_000, 8_048_000, 187_200_000].map(formatCountdown)).toEqual(['0:00', '0:00', '0:01', '0:41', '12:08', '2:14:08', '2 d 4 h'])
  })
  it('says how long and how old', () => {
    expect([200, 41_000, 240_000, 86_400_000].map(formatDuration)).toEqual(['200 ms', '41 s', '4:00', '1 d'])
    expect([800, 12_000, 238_000, 7_800_000].map(formatAge)).toEqual(['0.8 s', '12 s', '3:58', '2 h 10 m'])
    expect(formatUptime(792_000_000)).toBe('9 d 4 h')
  })
  it('says when, in UTC', () => {
    const at = Date.UTC(2026, 7, 27, 14, 28, 33, 702)
    expect(formatInstant(at)).toBe('14:28:33.702 UTC, Thu 27 Aug 2026')
    expect(formatMoment(at, at + 1000)).toBe('14:28:33')
    expect(formatMoment(at, at + 86_400_000)).toBe('27 Aug 14:28')
  })
  it('shortens bytes and hashes', () => {
    expect(formatBytes(412 * 1024 * 1024)).toEqual(['412', 'MiB'])
    expect(shortHash('e2a477c01d9b5f38')).toBe('e2a4 77c0')
  })
})
