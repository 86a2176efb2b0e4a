// @vitest-environment happy-dom
import { fireEvent, screen, within } from '@testing-library/react'
import { afterEach, expect, it } from 'vitest'
import type { PairComparison, PairView } from '../../../src-main/contract/pair.ts'
import type { TestWorld } from '../../lib/test-core.ts'
import { makeService, makeStatus } from '../../lib/test-fixtures.ts'
import { closeScreens, openScreen } from '../../testing/open-screen.tsx'

const NOW = Date.now()
const VIEW: PairView = { service: 'orders', phase: 'inStep', words: 'green follows blue.', source: 'blue', generation: 3, lagMs: 4200, behindBytes: 2048 }
const SAME: PairComparison = { from: 'blue', to: 'green', same: true, tookMs: 900, tables: [{ table: 'public.orders', sourceRows: 1200, targetRows: 1200, chunks: 2, inFlight: 0, keyless: false }], mismatches: [], mismatchCount: 0 }

afterEach(closeScreens)

function world(pair: NonNullable<TestWorld['pair']>): TestWorld {
  const orders = { ...makeService('orders', { now: NOW }), data: { kind: 'perEnvironment' as const, sync: { url: null, command: null, postgres: { blue: 'orders-blue', green: 'orders-green', tables: null } }, maxLagMs: 2000 } }
  const shared = makeService('search', { now: NOW })
  return { status: makeStatus(NOW), services: new Map([orders, shared].map((service) => [service.name, service])), waiting: [], entries: [], versions: [], history: () => ({ blue: [], green: [] }), pair, onCommand: () => orders }
}

it('says which database takes the writes and how far the other is behind, and compares all rows when asked', async () => {
  openScreen('/services/orders', world({ view: VIEW, comparison: SAME }))
  const pane = await screen.findByRole('region', { name: 'Databases' })
  await within(pane).findByText(/4,200 ms behind, 2\.0 KiB not confirmed/)
  expect(pane.textContent).toContain('green follows blue.')
  expect(pane.textContent).not.toContain('Both hold the same')
  fireEvent.click(within(pane).getByRole('button', { name: 'Compare all rows' }))
  expect((await within(pane).findByRole('status')).textContent).toContain('Both hold the same 1 table, 1,200 rows')
})

it('names rows that differ', async () => {
  const mismatch = { table: 'public.orders', class: 'differs' as const, key: { id: '7' }, columns: ['total'], source: { total: '1' }, target: { total: '2' } }
  openScreen('/services/orders', world({ view: VIEW, comparison: { ...SAME, same: false, mismatches: [mismatch], mismatchCount: 1 } }))
  fireEvent.click(await screen.findByRole('button', { name: 'Compare all rows' }))
  await screen.findByText('differs public.orders id 7 total')
})

it('is not there for a service whose environments share their data', async () => {
  openScreen('/services/search', world({ view: VIEW, comparison: SAME }))
  await screen.findByRole('heading', { level: 1, name: /search/ })
  expect(screen.queryByRole('region', { name: 'Databases' })).toBeNull()
})
