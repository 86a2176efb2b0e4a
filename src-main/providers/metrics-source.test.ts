import { describe, expect, it } from 'vitest'
import type { Criterion, Metric } from '../contract/analysis.ts'
import { queryWindowMs } from '../core/analysis/query-window.ts'
import { createMetricsSource } from './metrics-source.ts'
import { createSecretValues } from './secret-values.ts'

const target = { service: 'shop', environment: 'blue', version: '1', windowMs: 10_000 } as const
const probe: Metric = { source: 'probe', of: 'failureRatio', probe: 'home' }
const query: Metric = { source: 'query', provider: 'nowhere', query: 'up', unit: '' }
const router: Metric = { source: 'router', of: 'errorRatio' }

describe('the metrics source', () => {
  it('asks the prober for probes, and shows only checks of it', async () => {
    const points = [
      { at: 1, value: 1, requests: 1, errors: 1, latencyMs: null },
      { at: 2, value: null, requests: 0, errors: 0, latencyMs: null },
    ]
    const source = createMetricsSource({ providers: [], prober: { intervalMs: 1000, read: (_metric, of, fromAt) => ({ query: '', points: points.filter(({ at }) => at > fromAt), notes: [of.service] }) } })
    expect(await source.read(probe, target, 0)).toEqual({ query: '', points, notes: ['shop'] })
    expect(await source.tryQuery(probe, target, 0)).toMatchObject({ query: '', samples: [{ at: 1, value: 1 }], notes: ['shop'], reading: { points } })
    expect(source.intervalMs(probe)).toBe(1000)
  })

  it('says what it cannot answer', async () => {
    const source = createMetricsSource({ providers: [], prober: null })
    await expect(source.read(query, target, 0)).rejects.toMatchObject({ code: 'invalidInput', message: 'There is no metrics provider nowhere.' })
    await expect(source.read(router, target, 0)).rejects.toMatchObject({ code: 'invalidInput' })
    expect(await source.read(probe, target, 0)).toEqual({ query: '', points: [], notes: ['Nothing is probed here.'] })
    expect(await source.tryQuery(query, target, 0)).toMatchObject({ query: 'up', samples: [], notes: ['There is no metrics provider nowhere.', expect.any(String)], reading: { points: [] } })
    expect(await source.tryQuery(router, target, 0)).toMatchObject({ query: '', samples: [], notes: [] })
    expect(await source.check()).toEqual([])
  })

  it('gives a query a window that suits its judge', () => {
    const of = (judge: Criterion['judge']): Criterion => ({ name: 'x', metric: query, judge, severity: 'fail', graceMs: 0, absence: { action: 'hold', afterMs: 0 } })
    expect(queryWindowMs(of({ kind: 'threshold', limit: 1, harm: 'above', windowMs: 90_000, minRequests: 1, consecutive: 1 }), 15_000)).toBe(90_000)
    expect(queryWindowMs(of({ kind: 'mannWhitney', windowMs: 900_000, minPoints: 50, tolerance: 0.25, confidence: 0.98, harm: 'above' }), 15_000)).toBe(60_000)
  })
})

describe('secrets', () => {
  const values: Record<string, string> = { TOKEN: 'hunter2\n', EMPTY: '' }
  const secrets = () => createSecretValues('Webhook a', (name) => values[name] ?? null)

  it('are read when they are used, and taken out of what others see', () => {
    const mine = secrets()
    expect(mine.resolve('a ${env:TOKEN} b')).toBe('a hunter2 b')
    values['TOKEN'] = 'new/one'
    expect(mine.resolve('${env:TOKEN}')).toBe('new/one')
    expect(mine.redact(`hunter2, new/one, new%2Fone, ${Buffer.from('new/one').toString('base64url')}\n\u2028x`)).toBe('•••, •••, •••, ••• x')
    expect(mine.redact('x'.repeat(1000))).toHaveLength(300)
  })

  it('that are not there are named', () => {
    expect(() => secrets().resolve('${env:EMPTY}')).toThrow('Webhook a needs the variable EMPTY, which is not set.')
    expect(() => secrets().resolve('${env:NONE}')).toThrow('NONE')
    expect(secrets().resolve('plain ${other}')).toBe('plain ${other}')
  })
})
