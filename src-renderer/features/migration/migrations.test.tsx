// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import { afterEach, describe, expect, it } from 'vitest'
import { Fault } from '../../../src-main/contract/fault.ts'
import type { MigrationView } from '../../../src-main/contract/migration.ts'
import type { TestWorld } from '../../lib/test-core.ts'
import { makeEntry, makeService, makeShiftingService, makeStatus } from '../../lib/test-fixtures.ts'
import { MIGRATION_CASES } from '../../lib/test-migration-cases.ts'
import { makeMismatches, makePreflight, makeSample, SQL_STEPS } from '../../lib/test-migrations.ts'
import { closeScreens, openScreen } from '../../testing/open-screen.tsx'

const NOW = Date.now()
const PATH = '/migrations/split_full_name'

function caseOf(name: string, changes: Partial<MigrationView> = {}): MigrationView {
  const view = MIGRATION_CASES[name]?.(NOW)
  if (!view) throw new Error(`no case ${name}`)
  return { ...view, ...changes }
}

function world(views: readonly MigrationView[], changes: Partial<TestWorld> = {}): TestWorld {
  const services = [makeShiftingService(NOW), makeService('customers', { now: NOW })]
  return {
    status: makeStatus(NOW),
    services: new Map(services.map((service) => [service.name, service])),
    waiting: [],
    entries: [makeEntry(1, NOW - 60_000, { summary: 'Backfill begins', action: 'migration.event', target: { migration: 'split_full_name' } }), makeEntry(2, NOW - 50_000, { summary: 'Pause', action: 'release.pause' })],
    versions: [],
    history: () => ({ blue: [], green: [] }),
    migrations: views,
    mismatches: () => makeMismatches(NOW),
    migrationSql: SQL_STEPS,
    migrationSamples: (id, fromAt) => views.filter((view) => view.id === id).flatMap((view) => Array.from({ length: 60 }, (_, index) => makeSample(view, Math.max(fromAt, NOW - 60_000) + index * 1000, NOW))),
    onCommand: () => makeShiftingService(NOW),
    ...changes,
  }
}

afterEach(closeScreens)

const button = (name: RegExp | string) => screen.findByRole('button', { name })
const region = (name: string) => screen.findByRole('region', { name })
const calls = (opened: ReturnType<typeof openScreen>, name: string) => opened.core.calls.filter((call) => call.name === name)

describe('the list of migrations', () => {
  it('shows those that need a person first, with where each is and what it waits for', async () => {
    openScreen('/migrations', world([caseOf('completed', { id: 'a_done', title: 'done' }), caseOf('backfilling'), caseOf('failed', { id: 'c_failed', title: 'broken' }), caseOf('planned', { id: 'd_planned', title: 'later' })]))
    const rows = await waitFor(() => {
      const found = screen.getAllByRole('row').slice(1)
      expect(found).toHaveLength(4)
      return found
    })
    expect(rows.map((row) => within(row).getByRole('link').textContent)).toEqual(['broken', 'split full_name into first and last', 'later', 'done'])
    expect(rows[1]?.textContent).toContain('61.0 % of 12,266,000 rows')
    expect(rows[1]?.textContent).toContain('14 open')
    expect(within(rows[1] ?? document.body).getByRole('img').getAttribute('aria-label')).toContain('phase 2 of 4')
  })

  it('is walked and opened with the keyboard, and reached with g m', async () => {
    const { router } = openScreen('/', world([caseOf('backfilling'), caseOf('planned', { id: 'z_later', title: 'later' })]))
    await screen.findByText('2 services')
    fireEvent.keyDown(window, { key: 'g' })
    fireEvent.keyDown(window, { key: 'm' })
    const grid = await screen.findByRole('grid', { name: 'Migrations' })
    fireEvent.keyDown(grid, { key: 'j' })
    await waitFor(() => expect(screen.getByRole('row', { selected: true }).id).toBe('migration-z_later'))
    fireEvent.keyDown(grid, { key: 'Enter' })
    await waitFor(() => expect(router.state.location.pathname).toBe('/migrations/z_later'))
  })

  it('teaches what a migration is where none is declared', async () => {
    openScreen('/migrations', world([]))
    expect(await screen.findByText('No migrations are declared')).toBeTruthy()
    expect(screen.getByRole('link', { name: 'See the workspace file' })).toBeTruthy()
  })
})

describe('one migration', () => {
  it('sends one act per press, on the revision that was seen', async () => {
    const opened = openScreen(PATH, world([caseOf('switchingReads')], { onMigration: () => new Promise(() => undefined) }))
    const lever = await button(/^Send 50 % of reads to new/)
    fireEvent.click(lever)
    fireEvent.click(lever)
    await waitFor(() => expect(calls(opened, 'migration.command')).toHaveLength(1))
    expect(opened.core.calls[0]?.input).toMatchObject({ migration: 'split_full_name', command: 'advance', expectedRevision: 14 })
  })

  it('says in place why something is blocked, and does not send it', async () => {
    const opened = openScreen(PATH, world([caseOf('backfilling')]))
    const lever = await button(/^Start switching/)
    expect(lever.getAttribute('aria-disabled')).toBe('true')
    expect(lever.textContent).toContain('Every row on the new side: 61.0 %')
    const interlocks = await region('Interlocks')
    expect(interlocks.textContent).toContain('1.0.0 is live and cannot read the new shape.')
    // What the gates say stands above, with its evidence, once.
    expect(interlocks.textContent).not.toContain('Every row on the new side')
    expect((await region('Gates')).textContent).toContain('61.0 %, 7,482,190 of 12,266,000 rows.')
    fireEvent.click(lever)
    await act(async () => new Promise((resolve) => setTimeout(resolve, 30)))
    expect(opened.core.calls).toHaveLength(0)
  })

  it('rolls back with a key and a confirm that says exactly what it undoes, on any revision', async () => {
    const opened = openScreen(PATH, world([caseOf('backfilling')]))
    const lever = await button(/^Roll back migration/)
    expect(lever.getAttribute('aria-keyshortcuts')).toBe('B')
    fireEvent.keyDown(window, { key: 'b' })
    const dialog = await screen.findByRole('dialog')
    expect(dialog.textContent).toContain('The 7,482,190 copied rows would be copied again.')
    const confirm = within(dialog).getByRole('button', { name: /^Roll back now/ })
    expect(document.activeElement).toBe(confirm)
    // A key that repeats while the confirm opens does not go through it.
    fireEvent.click(confirm)
    expect(opened.core.calls).toHaveLength(0)
    await waitFor(() => {
      fireEvent.click(confirm)
      fireEvent.click(confirm)
      expect(calls(opened, 'migration.command')).toHaveLength(1)
    })
    expect(opened.core.calls[0]?.input).toMatchObject({ command: 'rollBack' })
    expect(opened.core.calls[0]?.input).not.toHaveProperty('expectedRevision')
    expect(screen.queryByRole('dialog')).toBeNull()
  })

  it('keeps the shortcut that takes traffic back for traffic', async () => {
    const opened = openScreen(PATH, world([caseOf('backfilling')]))
    await button(/^Roll back to blue \(1\.8\.0\): checkout/)
    fireEvent.keyDown(window, { key: 'B', ctrlKey: true, shiftKey: true })
    expect((await screen.findByRole('dialog')).textContent).toContain('Roll back checkout?')
    expect(opened.core.calls).toHaveLength(0)
  })

  it('lets the old structure be dropped only by typing the id, with the SQL and its lock in view', async () => {
    const opened = openScreen(PATH, world([caseOf('tombstoned')]))
    fireEvent.click(await button(/^Drop the old column/))
    const dialog = await screen.findByRole('dialog')
    expect(dialog.textContent).toContain('This cannot be undone')
    await waitFor(() => expect(dialog.textContent).toContain('DROP COLUMN sb_old_full_name'))
    const go = within(dialog).getByRole('button', { name: 'Drop the old column' })
    expect(go.getAttribute('aria-disabled')).toBe('true')
    const field = within(dialog).getByLabelText('Type split_full_name to go on')
    fireEvent.change(field, { target: { value: 'split_full' } })
    fireEvent.submit(field)
    expect(opened.core.calls).toHaveLength(0)
    fireEvent.change(field, { target: { value: 'split_full_name' } })
    fireEvent.submit(field)
    await waitFor(() => expect(opened.core.calls).toMatchObject([{ name: 'migration.command', input: { command: 'advance', typed: 'split_full_name' } }]))
  })

  it('shows progress, why it waits and since when, and every chart in words', async () => {
    openScreen(PATH, world([caseOf('backfilling')]))
    const band = await region('Backfill')
    expect(band.textContent).toMatch(/waiting: replica lag 340 ms, limit 300 ms, on replica-2 for \d/)
    expect(within(band).getByRole('progressbar', { name: 'copied' }).getAttribute('aria-valuenow')).toBe('61')
    expect(within(band).getByRole('progressbar', { name: 'verified' }).getAttribute('aria-valuenow')).toBe('58.4')
    expect(await screen.findByRole('img', { name: /^Replica lag over 30 min: at \d+.*waits above 300 ms/ })).toBeTruthy()
    for (const title of ['Rows', 'Probe read, median', 'Open mismatches', 'Longest lock wait']) expect(screen.getByRole('img', { name: new RegExp(`^${title} over 30 min`) })).toBeTruthy()
  })

  it('adds what streams to the charts', async () => {
    const view = caseOf('backfilling')
    const opened = openScreen(PATH, world([view], { migrationSamples: () => [] }))
    expect(await screen.findByRole('img', { name: 'Rows over 30 min: no data.' })).toBeTruthy()
    act(() => opened.core.push({ kind: 'migrationSample', migration: view.id, sample: { at: Date.now(), rowsPerSecond: 4321, waiting: false, replicaLagMs: null, probeMs: 5, openMismatches: 0, lockWaitMs: 0 } }))
    expect(await screen.findByRole('img', { name: /^Rows over 30 min: at 4,321 \/s/ })).toBeTruthy()
    expect(screen.getByRole('img', { name: /^Replica lag over 30 min: no replica/ })).toBeTruthy()
  })

  it('names the phase under way and draws the point of no return before the drop', async () => {
    openScreen(PATH, world([caseOf('backfilling')]))
    const phases = await region('Phases')
    const items = within(phases).getAllByRole('listitem')
    expect(items.findIndex((item) => item.getAttribute('aria-current') === 'step')).toBe(1)
    expect(items.findIndex((item) => item.textContent === 'point of no return')).toBe(4)
    expect(items[5]?.textContent).toContain('Drop')
  })
})

describe('mismatches', () => {
  it('goes from class to both rows, and marks what differs', async () => {
    openScreen(PATH, world([caseOf('backfilling')]))
    const pane = await region('Mismatches')
    expect(pane.textContent).toContain('missing')
    fireEvent.click(await button('rejected'))
    const rows = await region('Rows, rejected')
    await waitFor(() => expect(rows.textContent).toContain('Row 1 of 3'))
    fireEvent.click(within(rows).getByRole('button', { name: 'Next' }))
    await waitFor(() => expect(rows.textContent).toContain('Row 2 of 3'))
    expect(rows.textContent).toContain('id 4118204')
    const sides = within(rows).getByRole('table')
    expect(sides.querySelectorAll('mark')).not.toHaveLength(0)
    expect(within(sides).getByRole('rowheader', { name: 'last_name differs' })).toBeTruthy()
    expect(rows.textContent).toContain('A person must decide.')
    expect(within(rows).queryByRole('button', { name: 'Repair this row' })).toBeNull()
  })

  it('repairs one row, and keeps looking at the row that was read when others come', async () => {
    let rows = makeMismatches(NOW)
    const opened = openScreen(PATH, world([caseOf('backfilling')], { mismatches: () => rows }))
    const pane = await region('Rows, differs')
    await waitFor(() => expect(pane.textContent).toContain('id 1300017'))
    rows = [...makeMismatches(NOW).filter((row) => row.id === 'd7').map((row) => ({ ...row, id: 'fresh' })), ...rows]
    fireEvent.click(within(pane).getByRole('button', { name: 'Next' }))
    await waitFor(() => expect(pane.textContent).toContain('id 1300828'))
    await act(async () => opened.running.queries.invalidateQueries())
    expect(pane.textContent).toContain('id 1300828')
    fireEvent.click(within(pane).getByRole('button', { name: 'Repair this row' }))
    await waitFor(() => expect(opened.core.calls).toMatchObject([{ name: 'migration.repair', input: { migration: 'split_full_name', ids: ['d1'] } }]))
    expect(await screen.findByText('1 row repaired, 14 left')).toBeTruthy()
  })

  it('asks before it repairs all, saying from which side', async () => {
    const opened = openScreen(PATH, world([caseOf('backfilling')]))
    fireEvent.click(await button(/^Repair 11 rows/))
    const dialog = await screen.findByRole('dialog')
    expect(dialog.textContent).toContain('From the old side, row by row under its lock')
    expect(opened.core.calls).toHaveLength(0)
    fireEvent.click(within(dialog).getByRole('button', { name: 'Repair 11 rows' }))
    await waitFor(() => expect(opened.core.calls).toMatchObject([{ name: 'migration.repair', input: { ids: 'all' } }]))
  })

  it('fetches more as the end of what was fetched comes near', async () => {
    openScreen(PATH, world([caseOf('backfilling')]))
    fireEvent.click(await button(/^accepted 212/))
    const pane = await region('Rows, accepted')
    await waitFor(() => expect(pane.textContent).toContain('Row 1 of 212'))
    const keys = () => within(within(pane).getByRole('list', { name: 'Keys' })).getAllByRole('button')
    expect(keys()).toHaveLength(50)
    fireEvent.click(keys()[49] ?? pane)
    await waitFor(() => expect(keys()).toHaveLength(100))
    fireEvent.click(within(pane).getByRole('button', { name: 'Next' }))
    await waitFor(() => expect(pane.textContent).toContain('Row 51 of 212'))
  })
})

describe('before it starts', () => {
  it('lists blockers first, each with what mends it, and runs preflight again', async () => {
    const opened = openScreen(PATH, world([caseOf('blocked')], { preflight: () => ({ ...makePreflight(NOW + 60_000), at: Date.now() }) }))
    const report = await region('Preflight report')
    const items = within(report).getAllByRole('listitem')
    expect(items[0]?.textContent).toContain('blocker')
    expect(items[0]?.textContent).toContain('Mend: ALTER TABLE customers OWNER TO signalbox')
    expect((await button(/^Start shadow reads/)).textContent).toContain('Preflight found 2 blockers.')
    fireEvent.click(within(report).getByRole('button', { name: 'Run preflight again' }))
    await waitFor(() => expect(calls(opened, 'migration.preflight')).toHaveLength(1))
    expect(await screen.findByText('Nothing stands in the way.')).toBeTruthy()
  })

  it('is checked for the first time from the pane, and offers nothing the core does not', async () => {
    const view = caseOf('unchecked')
    const opened = openScreen(PATH, world([view], { preflight: () => makePreflight(NOW, false) }))
    const teach = (await screen.findByText('Preflight has not run')).parentElement ?? document.body
    fireEvent.click(within(teach).getByRole('button', { name: 'Run preflight' }))
    await waitFor(() => expect(calls(opened, 'migration.preflight')).toHaveLength(1))
    expect(await screen.findByText(/^2 blockers: nothing starts/)).toBeTruthy()
    act(() => opened.core.push({ kind: 'migration', migration: { ...view, actions: [] } }))
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Run preflight' })).toBeNull())
  })

  it('shows the SQL of each step and its lock before it runs, what is declared, and rehearses', async () => {
    const opened = openScreen(PATH, world([caseOf('planned')]))
    fireEvent.click(await screen.findByRole('tab', { name: /^SQL/ }))
    await waitFor(() => expect(screen.getByLabelText('SQL of Create the shadow view').textContent).toContain('CREATE VIEW'))
    fireEvent.click(await button('Add columns, mirror and state'))
    expect(screen.getByText(/ACCESS EXCLUSIVE on customers for about 2 ms/)).toBeTruthy()
    fireEvent.click(screen.getByRole('tab', { name: 'Change' }))
    expect((await region('Declared change')).textContent).toContain("split_part(full_name, ' ', 1)")
    fireEvent.click(screen.getByRole('tab', { name: 'Rehearsal' }))
    fireEvent.click(await button('Rehearse'))
    await waitFor(() => expect(calls(opened, 'migration.rehearse')).toHaveLength(1))
  })
})

describe('when something is off', () => {
  it('goes on showing what was read last while the database cannot be read, with its age', async () => {
    const opened = openScreen(PATH, world([caseOf('backfilling')]))
    await region('Backfill')
    act(() => opened.core.push({ kind: 'migration', migration: caseOf('unreachable') }))
    expect(await screen.findByText('The database cannot be read.')).toBeTruthy()
    expect(screen.getByText(/db-1\.shop\.internal:5432 refuses connections\. What you see is/)).toBeTruthy()
    expect((await region('Backfill')).textContent).toContain('7,482,190 of 12,266,000 rows')
    expect(within(await region('Phases')).getAllByRole('listitem').findIndex((item) => item.getAttribute('aria-current') === 'step')).toBe(1)
    expect((await button(/^Start shadow reads/)).getAttribute('aria-disabled')).toBe('true')
  })

  it('claims no phase where the database was never read', async () => {
    openScreen(PATH, world([caseOf('unreachable')]))
    expect(await screen.findByText('phase not known')).toBeTruthy()
    expect((await region('Not read')).textContent).toContain('unknown')
    expect(screen.queryByRole('region', { name: 'If you roll back now' })).toBeNull()
  })

  it('says drift, another owner, the guard and a changed declaration at once', async () => {
    openScreen(PATH, world([caseOf('guarded')]))
    const texts = await waitFor(() => {
      const found = screen.getAllByRole('status').map((each) => each.textContent)
      expect(found.length).toBeGreaterThan(3)
      return found.join('\n')
    })
    for (const words of ['Paused by the guard.', 'Trigger audit_names on customers was added', 'ward-9 drives this migration.', 'The workspace file says something else by now.']) expect(texts).toContain(words)
  })

  it('says beside the levers what a refused act means and what to do next', async () => {
    openScreen(PATH, world([caseOf('switchingReads')], { onMigration: () => { throw new Fault('staleRevision', 'Ada Lund paused it 2 s ago. Reads stay at 25 %.', 'Look at it as it is now, then decide.') } }))
    fireEvent.click(await button(/^Send 50 %/))
    const alert = await screen.findByRole('alert')
    expect(alert.textContent).toContain('Ada Lund paused it 2 s ago.')
    expect(alert.textContent).toContain('Look at it as it is now, then decide.')
  })

  it('presses nothing while read only or disconnected, and says so on each lever', async () => {
    const status = { ...makeStatus(NOW), mode: 'readOnly' as const, modeReason: 'Another console controls this data folder.' }
    openScreen(PATH, world([caseOf('switchingReads')], { status }))
    for (const name of [/^Send 50 %/, /^Send all reads to old/, /^Pause/, /^Roll back migration/]) {
      const lever = await button(name)
      expect(lever.getAttribute('aria-disabled')).toBe('true')
      expect(lever.textContent).toContain('read only')
    }
    closeScreens()
    const opened = openScreen(PATH, world([caseOf('switchingReads')]))
    expect((await button(/^Send 50 %/)).getAttribute('aria-disabled')).toBeNull()
    act(() => opened.cut())
    await waitFor(async () => expect((await button(/^Send 50 %/)).textContent).toContain('not connected'))
  })
})

describe('after it', () => {
  it.each([
    ['completed', 'Completed', 'The old structure is gone'],
    ['rolledBack', 'Rolled back', 'error ratio 4.1 %, limit 1 %'],
  ])('says how it ended when %s', async (name, title, words) => {
    openScreen(PATH, world([caseOf(name)]))
    expect((await region(title)).textContent).toContain(words)
    const back = screen.getByRole('group', { name: /^Actions on/ }).querySelector('.lever-back')
    expect(back?.getAttribute('aria-disabled')).toBe('true')
  })

  it('shows its own journal entries and leads to all of them', async () => {
    openScreen(PATH, world([caseOf('backfilling')]))
    const journal = await region('Journal')
    await waitFor(() => expect(journal.textContent).toContain('Backfill begins'))
    expect(journal.textContent).not.toContain('Pause')
    expect(within(journal).getByRole('link', { name: 'all entries' }).getAttribute('href')).toContain('migration=split_full_name')
  })

  it('goes when it is no longer declared', async () => {
    const opened = openScreen(PATH, world([caseOf('planned')]))
    await button(/^Start shadow reads/)
    act(() => opened.core.push({ kind: 'migrationRemoved', id: 'split_full_name' }))
    expect(await screen.findByText('No migration is called split_full_name')).toBeTruthy()
  })
})

describe('on other screens', () => {
  it('stands on the overview while it is under way, and waits there for a person', async () => {
    const waiting = [{ id: 'migration:split_full_name:mismatches', service: 'split full_name into first and last', releaseId: null, migration: 'split_full_name', kind: 'migration' as const, title: 'Mismatches', detail: '14 open: repair them, or decide.', since: NOW, expiresAt: null }]
    const { router } = openScreen('/', world([caseOf('backfilling'), caseOf('planned', { id: 'later', title: 'later' })], { waiting }))
    const strip = await region('Migrations')
    expect(within(strip).getAllByRole('listitem')).toHaveLength(1)
    fireEvent.click(await screen.findByRole('link', { name: 'Open split full_name into first and last: Migration' }))
    await waitFor(() => expect(router.state.location.pathname).toBe(PATH))
  })

  it('stands on the page of a service that uses its tables, with what each of its versions holds back, and on no other', async () => {
    const { router } = openScreen('/services/customers', world([caseOf('backfilling')]))
    const pane = await region('Migrations')
    expect(pane.textContent).toContain('phase 2 of 4, dual writes')
    expect(pane.textContent).toContain('blue 1.8.0 reads old, writes old, holds back: Clean up')
    expect(pane.textContent).not.toContain('1.0.0')
    fireEvent.click(within(pane).getByRole('link', { name: 'split_full_name' }))
    await waitFor(() => expect(router.state.location.pathname).toBe(PATH))
    await router.navigate({ to: '/services/$name', params: { name: 'checkout' } })
    await screen.findByRole('heading', { level: 1, name: /checkout/ })
    expect(screen.queryByRole('region', { name: 'Migrations' })).toBeNull()
  })

  it('is found in the palette, with what can be done now', async () => {
    const opened = openScreen('/', world([caseOf('switchingReads')]))
    await screen.findByText('2 services')
    fireEvent.keyDown(window, { key: 'k', ctrlKey: true })
    const input = await screen.findByRole('combobox')
    fireEvent.change(input, { target: { value: 'split send all reads' } })
    fireEvent.click(await screen.findByRole('option', { name: /Send all reads to old/ }))
    await waitFor(() => expect(opened.core.calls).toMatchObject([{ name: 'migration.command', input: { command: 'stepBack' } }]))
    expect(opened.router.state.location.pathname).toBe(PATH)
  })
})
