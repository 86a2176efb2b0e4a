import { describe, expect, it, vi } from 'vitest'
import { createLiveStore, RECENT_MIGRATION_SAMPLES, ROWS_PER_TURN } from './live-store.ts'
import { isCounting, measureTraffic } from './share.ts'
import { makeEntry, makeSample, makeService, makeStatus } from './test-fixtures.ts'
import { makeMigration, makeSample as makeMigrationSample } from './test-migrations.ts'

const NOW = 1_790_000_000_000

function openStore() {
  const flushes: (() => void)[] = []
  const store = createLiveStore({ wallMs: () => NOW, schedule: (flush) => flushes.push(flush) })
  return { store, flush: () => flushes.splice(0).forEach((run) => run()) }
}

describe('live store', () => {
  it('tells a change of one service to nobody who looks at another', () => {
    const { store, flush } = openStore()
    for (let index = 0; index < 500; index += 1) store.apply({ kind: 'service', service: makeService(`s${index}`, { now: NOW }) })
    store.apply({ kind: 'ready' })
    flush()
    const seven = vi.fn()
    const others = vi.fn()
    store.subscribe('service:s7', seven)
    for (let index = 0; index < 500; index += 1) if (index !== 7) store.subscribe(`service:s${index}`, others)
    store.apply({ kind: 'service', service: makeService('s7', { now: NOW, health: 'failing' }) })
    store.apply({ kind: 'service', service: makeService('s7', { now: NOW, health: 'watch' }) })
    flush()
    expect(seven).toHaveBeenCalledTimes(1)
    expect(others).not.toHaveBeenCalled()
    expect(store.service('s7')?.health).toBe('watch')
    expect(store.services()).toHaveLength(500)
  })

  it('drops after a resync what the new snapshot does not name, and keeps the old on screen until then', () => {
    const { store, flush } = openStore()
    store.apply({ kind: 'service', service: makeService('old', { now: NOW }) })
    store.apply({ kind: 'service', service: makeService('kept', { now: NOW }) })
    store.apply({ kind: 'ready' })
    store.apply({ kind: 'resync', reason: 'a gap' })
    store.apply({ kind: 'service', service: makeService('kept', { now: NOW }) })
    flush()
    expect(store.service('old')).not.toBeNull()
    store.apply({ kind: 'ready' })
    flush()
    expect(store.service('old')).toBeNull()
    expect(store.services().map((service) => service.name)).toEqual(['kept'])
  })

  it('keeps what a database said last while it cannot be read, and half an hour of samples', () => {
    const { store, flush } = openStore()
    const view = makeMigration({ now: NOW, phase: 'dualWrites' })
    store.apply({ kind: 'migration', migration: view })
    for (let second = 0; second <= RECENT_MIGRATION_SAMPLES; second += 1) store.apply({ kind: 'migrationSample', migration: view.id, sample: makeMigrationSample(view, NOW + second * 1000, NOW) })
    const listener = vi.fn()
    store.subscribe(`migration:${view.id}`, listener)
    store.apply({ kind: 'migration', migration: { ...view, phase: 'planned', observed: { kind: 'unknown', since: NOW, why: 'refused' } } })
    flush()
    expect(listener).toHaveBeenCalledTimes(1)
    expect(store.migration(view.id)?.observed.kind).toBe('unknown')
    expect(store.lastReading(view.id)).toMatchObject({ at: NOW, view: { phase: 'dualWrites' } })
    expect(store.migrationSamples(view.id)).toHaveLength(RECENT_MIGRATION_SAMPLES)
    expect(store.migrationSamples(view.id)[0]?.at).toBe(NOW + 1000)
    // Not under way any more: what was read before says nothing of it.
    store.apply({ kind: 'migration', migration: makeMigration({ now: NOW, phase: 'planned' }) })
    expect(store.lastReading(view.id)).toBeNull()
  })

  it('drops migrations that a new snapshot does not name', () => {
    const { store } = openStore()
    const [kept, gone] = [makeMigration({ now: NOW, id: 'kept', phase: 'planned' }), makeMigration({ now: NOW, id: 'gone', phase: 'planned' })]
    for (const migration of [kept, gone]) store.apply({ kind: 'migration', migration })
    store.apply({ kind: 'ready' })
    store.apply({ kind: 'resync', reason: 'a gap' })
    store.apply({ kind: 'migration', migration: kept })
    expect(store.migrations().map(({ id }) => id)).toEqual(['gone', 'kept'])
    store.apply({ kind: 'ready' })
    expect(store.migrations().map(({ id }) => id)).toEqual(['kept'])
    store.apply({ kind: 'migrationRemoved', id: 'kept' })
    expect(store.migrations()).toEqual([])
  })

  it('measures traffic afresh when the weights changed, without the second in which they did', () => {
    const { store } = openStore()
    const before = makeService('checkout', { now: NOW, green: '1.9.0', weights: { blue: 0, green: 100 } })
    store.apply({ kind: 'service', service: before })
    store.apply({ kind: 'metrics', service: 'checkout', blue: makeSample(NOW + 1000, 0), green: makeSample(NOW + 1000, 400) })
    expect(measureTraffic(store.metrics('checkout')).greenShare).toBe(100)
    if (before.observed.kind !== 'known') throw new Error('fixture')
    store.apply({
      kind: 'service',
      service: { ...before, observed: { ...before.observed, observedAt: NOW + 1400, value: { ...before.observed.value, generation: 8, weights: { blue: 100, green: 0 } } } },
    })
    store.apply({ kind: 'metrics', service: 'checkout', blue: makeSample(NOW + 2000, 240), green: makeSample(NOW + 2000, 160) })
    expect(measureTraffic(store.metrics('checkout')).blueShare).toBeNull()
    expect(isCounting(store.metrics('checkout'), NOW + 2000)).toBe(true)
    expect(isCounting(store.metrics('checkout'), NOW + 20_000)).toBe(false)
    store.apply({ kind: 'metrics', service: 'checkout', blue: makeSample(NOW + 3000, 400), green: makeSample(NOW + 3000, 0) })
    expect(measureTraffic(store.metrics('checkout')).blueShare).toBe(100)
    expect(isCounting(store.metrics('checkout'), NOW + 2000)).toBe(false)
  })

  it('spreads a burst over turns, whole services at a time, and tells the list after its rows', () => {
    const { store, flush } = openStore()
    const names = Array.from({ length: 30 }, (_, index) => `s${index}`)
    const told: string[] = []
    for (const name of names) {
      store.apply({ kind: 'service', service: makeService(name, { now: NOW }) })
      store.subscribe(`service:${name}`, () => told.push(name))
      store.subscribe(`metrics:${name}`, () => told.push(name))
    }
    store.subscribe('services', () => told.push('list'))
    const turns: (readonly string[])[] = []
    for (let turn = 0; turn < 4; turn += 1) {
      flush()
      turns.push([...new Set(told.splice(0))])
    }
    expect(turns.map((turn) => turn.length)).toEqual([ROWS_PER_TURN, ROWS_PER_TURN, 7, 0])
    expect(turns[2]?.at(-1)).toBe('list')
    expect(new Set(turns.flat()).size).toBe(names.length + 1)
  })

  it('keeps the clock of the core and never takes an entry twice', () => {
    const { store } = openStore()
    store.apply({ kind: 'status', status: makeStatus(NOW + 5000) })
    expect(store.now()).toBe(NOW + 5000)
    const entry = makeEntry(9, NOW)
    store.apply({ kind: 'journal', entry })
    store.apply({ kind: 'journal', entry })
    expect(store.journal()).toHaveLength(1)
  })
})
