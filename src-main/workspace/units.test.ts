import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearest } from './suggest.ts'
import { clip, formatDuration, parseDurationMs, parsePercent, parseSizeBytes } from './units.ts'

const valueOf = (amount: ReturnType<typeof parseDurationMs>) => (amount.ok ? amount.value : amount.message)

describe('amounts', () => {
  it.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => expect(valueOf(parseDurationMs(text))).toBe(ms))

  it.each(['', '5', '5.5', '-5'])('%s has no unit, or is nothing', (text) => expect(parseDurationMs(text).ok).toBe(false))
  it.each(['5 m', '30m1h', '5m5m', '1e3s', '5M', 's', '5sec', '-5s', '1.5m', '5s ', '５s'])('%s is no duration', (text) => {
    expect(valueOf(parseDurationMs(text))).toMatch(/is not a duration$/)
  })

  it('reads back every duration it writes', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 30 * 86_400_000 }), (ms) => valueOf(parseDurationMs(formatDuration(ms))) === ms))
  })

  it('knows sizes in both families of units', () => {
    expect(['64MiB', '64 MB', '1.5KiB', '0B', '2GiB'].map((text) => valueOf(parseSizeBytes(text)))).toEqual([67_108_864, 64_000_000, 1536, 0, 2_147_483_648])
    expect(['64', '64mb', '64M', 'MiB'].map((text) => parseSizeBytes(text).ok)).toEqual([false, false, false, false])
  })

  it('knows percentages, bare only where that is clear', () => {
    expect(valueOf(parsePercent('25%', false))).toBe(25)
    expect(valueOf(parsePercent('0.5 %', false))).toBe(0.5)
    expect(valueOf(parsePercent('25', true))).toBe(25)
    expect(valueOf(parsePercent('25', false))).toBe('`25` has no unit')
    expect(['-1', '101%', '1e1', '%', 'ten'].map((text) => parsePercent(text, true).ok)).toEqual([false, false, false, false, false])
  })

  it('keeps a message on one line', () => {
    expect(clip('a\n\tb\u2028c', 10)).toBe('a b c')
    expect(clip('x'.repeat(100), 10)).toBe(`${'x'.repeat(9)}…`)
  })
})

describe('suggestions', () => {
  const keys = ['rollback-window', 'ready', 'live', 'port', 'steps', 'error-ratio', 'env']
  it.each([
    ['rollbackWindow', 'rollback-window'],
    ['rollback_window', 'rollback-window'],
    ['Ready', 'ready'],
    ['raedy', 'ready'],
    ['prot', 'port'],
    ['error ratio', 'error-ratio'],
    ['step', 'steps'],
  ])('%s is probably %s', (written, key) => expect(nearest(written, keys)).toBe(key))
  it.each(['', 'completely', 'x', 'healthcheck'])('%s is nothing known', (written) => expect(nearest(written, keys)).toBeNull())
})
