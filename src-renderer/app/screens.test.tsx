// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import { afterEach, describe, expect, it } from 'vitest'
import { Fault } from '../../src-main/contract/fault.ts'
import type { TestWorld } from '../lib/test-core.ts'
import { CONSOLE, makeEntry, makeRelease, makeService, makeShiftingService, makeStatus, makeStory } from '../lib/test-fixtures.ts'
import { closeScreens, openScreen } from '../testing/open-screen.tsx'

const NOW = Date.now()

function world(changes: Partial<TestWorld> = {}): TestWorld {
  const services = [makeShiftingService(NOW), makeService('search', { now: NOW, health: 'failing', healthReason: 'blue error ratio 4.0 %, limit 1 %.' }), makeService('mailer', { now: NOW })]
  return {
    status: makeStatus(NOW),
    services: new Map(services.map((service) => [service.name, service])),
    waiting: [],
    entries: [makeEntry(48_204, NOW - 900_000, { summary: 'Pause', action: 'release.pause', target: { service: 'search', releaseId: 'search-1' } }), ...makeStory(NOW, 48_213)],
    versions: [
      { version: '2.0.0', configDigest: 'd2', title: 'One page', changes: ['cart on one page'], createdAt: null, problem: null, deployedOn: null },
      { version: '1.9.0', configDigest: 'd1', title: 'Faster totals', changes: [], createdAt: null, problem: null, deployedOn: null },
      { version: '1.8.0', configDigest: 'd0', title: 'Gift cards', changes: [], createdAt: null, problem: null, deployedOn: 'blue' },
      { version: '1.7.9', configDigest: 'd9', title: 'Broken', changes: [], createdAt: null, problem: 'server.mjs is missing.', deployedOn: null },
    ],
    history: () => ({ blue: [], green: [] }),
    onCommand: () => makeShiftingService(NOW),
    ...changes,
  }
}

afterEach(closeScreens)

const lever = (name: RegExp) => screen.findByRole('button', { name })
const ctrlShiftB = () => fireEvent.keyDown(window, { key: 'B', ctrlKey: true, shiftKey: true })

describe('service', () => {
  it('shows what the core offers, and why what is blocked is blocked', async () => {
    openScreen('/services/checkout', world())
    expect(await lever(/^Send 50 % to green/)).not.toHaveProperty('ariaDisabled', 'true')
    const blocked = await lever(/^Send 100 % to green/)
    expect(blocked.getAttribute('aria-disabled')).toBe('true')
    expect(blocked.textContent).toContain('It needs 1 approval of someone else.')
  })

  it('promotes with one press; a double click is one act with one id', async () => {
    const { core } = openScreen('/services/checkout', world({ onCommand: () => new Promise(() => undefined) }))
    const button = await lever(/^Send 50 % to green/)
    fireEvent.click(button)
    fireEvent.click(button)
    await waitFor(() => expect(core.calls).toHaveLength(1))
    expect(core.calls[0]).toMatchObject({ name: 'release.command', input: { command: 'promote', releaseId: 'checkout-2', expectedRevision: 9 } })
    expect(await screen.findAllByText('sending')).not.toHaveLength(0)
  })

  it('does not send what is blocked', async () => {
    const { core } = openScreen('/services/checkout', world())
    fireEvent.click(await lever(/^Send 100 % to green/))
    await act(async () => new Promise((resolve) => setTimeout(resolve, 30)))
    expect(core.calls).toHaveLength(0)
  })

  it('rolls back with a press and one confirm that says the effect, on any revision', async () => {
    const { core } = openScreen('/services/checkout', world())
    fireEvent.click(await lever(/^Roll back to blue/))
    const dialog = await screen.findByRole('dialog')
    expect(dialog.textContent).toContain('Roll back checkout?')
    expect(dialog.textContent).toContain('All live traffic goes to blue (1.8.0).')
    const confirm = within(dialog).getByRole('button', { name: /^Roll back now/ })
    expect(document.activeElement).toBe(confirm)
    fireEvent.click(confirm)
    fireEvent.click(confirm)
    await waitFor(() => expect(core.calls).toHaveLength(1))
    expect(core.calls[0]).toMatchObject({ input: { command: 'rollBack', reason: '', force: false } })
    expect(core.calls[0]?.input).not.toHaveProperty('expectedRevision')
    expect(screen.queryByRole('dialog')).toBeNull()
  })

  it('rests the roll back of a retired release as an outline, behind the same confirm, also in the palette', async () => {
    const release = makeRelease({ now: NOW, ended: true, changes: { phase: 'retired', dueAt: null, dueSince: null, endedAt: NOW - 86_400_000 }, actions: [{ command: 'rollBack', label: 'Roll back to blue (1.8.0)', effect: 'Starts 1.8.0 again first; it is not kept warm any more.', weight: 'quiet', blocks: [], needsReason: false }] })
    const services = new Map([['checkout', makeService('checkout', { now: NOW, green: '1.9.0', weights: { blue: 0, green: 100 }, release })]])
    const { core } = openScreen('/services/checkout', world({ services }))
    const button = await lever(/^Roll back to blue/)
    expect(button.className).toContain('is-quiet')
    expect(button.className).not.toContain('is-armed')
    fireEvent.keyDown(window, { key: 'k', ctrlKey: true })
    fireEvent.click(await screen.findByRole('option', { name: /Roll back to blue/ }))
    const dialog = await screen.findByRole('dialog')
    expect(dialog.textContent).toContain('Starts 1.8.0 again first')
    expect(core.calls).toHaveLength(0)
    fireEvent.click(within(dialog).getByRole('button', { name: /^Roll back now/ }))
    await waitFor(() => expect(core.calls).toMatchObject([{ input: { command: 'rollBack' } }]))
  })

  it('says beside the lever what a refused act means and what to do next', async () => {
    openScreen(
      '/services/checkout',
      world({
        onCommand: () => {
          throw new Fault('staleRevision', 'Ada Lund paused this release 2 s ago. Traffic stays at 25 %.', 'Look at it as it is now, then decide.')
        },
      }),
    )
    fireEvent.click(await lever(/^Send 50 % to green/))
    const alert = await screen.findByRole('alert')
    expect(alert.textContent).toContain('Ada Lund paused this release 2 s ago.')
    expect(alert.textContent).toContain('Look at it as it is now, then decide.')
  })

  it('gives the diagram and every chart a text equivalent', async () => {
    openScreen('/services/checkout', world())
    const diagram = await screen.findByRole('img', { name: /^The router gets/ })
    expect(diagram.getAttribute('aria-label')).toMatch(/blue 1\.8\.0, ready: .*green 1\.9\.0, watch: /)
    expect(await screen.findByRole('img', { name: /^Error ratio over 5 min: / })).toBeTruthy()
    expect(screen.getByRole('img', { name: /^Latency over 5 min: .*limit p99 400 ms/ })).toBeTruthy()
  })

  it('says unknown with its age, and shows no share, when traffic cannot be read', async () => {
    const services = new Map([['notify', makeService('notify', { now: NOW, unknownSince: NOW - 12_000, health: 'unknown' })]])
    openScreen('/services/notify', world({ services }))
    expect(await screen.findByText(/^traffic unknown/)).toBeTruthy()
    expect(screen.getByRole('img', { name: /Traffic of notify cannot be read/ })).toBeTruthy()
  })

  it('turns everything off with the reason while disconnected, and on again by itself', async () => {
    const opened = openScreen('/services/checkout', world())
    await lever(/^Send 50 % to green/)
    act(() => opened.cut())
    expect((await screen.findByRole('alert')).textContent).toContain('Not connected to the core.')
    expect((await lever(/^Send 50 % to green/)).textContent).toContain('not connected')
    act(() => opened.restore())
    await waitFor(() => expect(screen.queryByRole('alert')).toBeNull())
    expect((await lever(/^Send 50 % to green/)).getAttribute('aria-disabled')).toBeNull()
  })
})

describe('from every screen', () => {
  it.each(['/', '/audit', '/settings', '/flags', '/services/mailer'])('rolls back in two interactions from %s', async (path) => {
    const { core } = openScreen(path, world())
    await screen.findByText('48,213')
    await waitFor(() => {
      ctrlShiftB()
      expect(screen.getByRole('dialog').textContent).toContain('Roll back checkout?')
    })
    fireEvent.click(within(screen.getByRole('dialog')).getByRole('button', { name: /^Roll back now/ }))
    await waitFor(() => expect(core.calls).toMatchObject([{ input: { command: 'rollBack', releaseId: 'checkout-2' } }]))
  })

  it('finds services, acts and screens by name in the palette', async () => {
    const { router } = openScreen('/', world())
    await screen.findByText('3 services')
    fireEvent.keyDown(window, { key: 'k', ctrlKey: true })
    const input = await screen.findByRole('combobox')
    fireEvent.change(input, { target: { value: 'roll check' } })
    expect((await screen.findAllByRole('option'))[0]?.textContent).toContain('checkoutRoll back to blue 1.8.0')
    fireEvent.change(input, { target: { value: 'mailer open' } })
    fireEvent.click(await screen.findByRole('option'))
    await waitFor(() => expect(router.state.location.pathname).toBe('/services/mailer'))
  })

  it('leaves plain keys to whoever types', async () => {
    const { router } = openScreen('/', world())
    const search = await screen.findByRole('searchbox', { name: 'Search services' })
    fireEvent.keyDown(search, { key: 'g' })
    fireEvent.keyDown(search, { key: 'a' })
    expect(router.state.location.pathname).toBe('/')
    fireEvent.keyDown(window, { key: 'g' })
    fireEvent.keyDown(window, { key: 'a' })
    await waitFor(() => expect(router.state.location.pathname).toBe('/audit'))
  })
})

describe('overview', () => {
  const names = () => screen.getAllByRole('row').slice(1).map((row) => within(row).getByRole('link').textContent)

  it('lists what needs a person first, and narrows by word and by state', async () => {
    openScreen('/', world())
    await screen.findByText('3 services')
    await waitFor(() => expect(names()).toEqual(['search', 'checkout', 'mailer']))
    expect(screen.getByRole('row', { name: /search/ }).textContent).toContain('failing')
    fireEvent.change(screen.getByRole('searchbox', { name: 'Search services' }), { target: { value: 'state:watch 1.9' } })
    await waitFor(() => expect(names()).toEqual(['checkout']))
    fireEvent.change(screen.getByRole('searchbox', { name: 'Search services' }), { target: { value: '' } })
    fireEvent.click(screen.getByRole('button', { name: /^failing/i }))
    await waitFor(() => expect(names()).toEqual(['search']))
  })

  it('is walked and opened with the keyboard', async () => {
    const { router } = openScreen('/', world())
    await screen.findByText('3 services')
    await waitFor(() => expect(names()).toHaveLength(3))
    fireEvent.keyDown(window, { key: 'j' })
    await waitFor(() => expect(screen.getByRole('row', { selected: true }).id).toBe('service-checkout'))
    fireEvent.keyDown(screen.getByRole('grid'), { key: 'Enter' })
    await waitFor(() => expect(router.state.location.pathname).toBe('/services/checkout'))
  })

  it('draws a screenful of 500 services', async () => {
    const services = new Map(Array.from({ length: 500 }, (_, index) => [`s${index}`, makeService(`s${index}`, { now: NOW })]))
    openScreen('/', world({ services }))
    await screen.findByText('500 services')
    await waitFor(() => expect(screen.getAllByRole('row').length).toBeGreaterThan(10))
    expect(screen.getAllByRole('row').length).toBeLessThan(80)
  })

  it('leads to the first release of the demo, and not once there was one', async () => {
    const status = makeStatus(NOW, { workspace: { ...makeStatus(NOW).workspace, demo: true } })
    const fresh = new Map([['checkout', makeService('checkout', { now: NOW })]])
    openScreen('/', world({ status, services: fresh }))
    expect((await screen.findByText(/real processes, real requests/)).textContent).toContain('1.8.0 is live on blue. Deploy 1.9.0 to green')
    closeScreens()
    openScreen('/', world({ status }))
    await screen.findByText('3 services')
    expect(screen.queryByText(/real processes, real requests/)).toBeNull()
  })
})

describe('new release', () => {
  it('offers the next version, says why another cannot be deployed, and sends one act', async () => {
    const { core, router } = openScreen('/services/mailer/release', world({ onCommand: () => ({ ...makeShiftingService(NOW, 'mailer') }) }))
    expect(await screen.findByText('server.mjs is missing.')).toBeTruthy()
    expect(screen.getByRole<HTMLInputElement>('radio', { name: /1\.7\.9/ }).disabled).toBe(true)
    expect(screen.getByRole<HTMLInputElement>('radio', { name: /1\.9\.0/ }).checked).toBe(true)
    fireEvent.change(screen.getByLabelText(/^Reason/), { target: { value: 'faster totals' } })
    const button = screen.getByRole('button', { name: 'Deploy 1.9.0 to green' })
    fireEvent.click(button)
    fireEvent.click(button)
    await waitFor(() => expect(router.state.location.pathname).toBe('/services/mailer'))
    expect(core.calls).toHaveLength(1)
    expect(core.calls[0]).toMatchObject({ name: 'release.create', input: { service: 'mailer', version: '1.9.0', reason: 'faster totals', start: true, queue: false } })
  })

  it('offers to queue behind the release that is in the way', async () => {
    const { core } = openScreen('/services/checkout/release', world())
    expect(await screen.findByText(/checkout-2 \(1\.9\.0\) is shifting\./)).toBeTruthy()
    expect((await screen.findByRole('button', { name: /^Deploy/ })).getAttribute('aria-disabled')).toBe('true')
    fireEvent.click(screen.getByRole('button', { name: 'Queue it' }))
    await waitFor(() => expect(core.calls[0]).toMatchObject({ input: { queue: true } }))
  })

  it('changes the plan for one release, with errors in place, and sends it along', async () => {
    const { core } = openScreen('/services/mailer/release', world({ onCommand: () => ({ ...makeShiftingService(NOW, 'mailer') }) }))
    fireEvent.click(await screen.findByRole('button', { name: 'Change the plan' }))
    const share = screen.getByRole('textbox', { name: 'Share of step 2, percent' })
    fireEvent.change(share, { target: { value: '3' } })
    expect(share.getAttribute('aria-invalid')).toBe('true')
    expect(within(screen.getByRole('listitem', { name: 'Step 2' })).getByRole('alert').textContent).toContain('weights must grow: 3 % follows 5 %')
    const deploy = screen.getByRole('button', { name: 'Deploy 1.9.0 to green' })
    expect(deploy.getAttribute('aria-disabled')).toBe('true')
    fireEvent.click(deploy)
    fireEvent.change(share, { target: { value: '10' } })
    fireEvent.change(screen.getByRole('combobox', { name: 'Hold of step 2' }), { target: { value: 'manual' } })
    fireEvent.click(screen.getByRole('button', { name: 'Remove step 3' }))
    fireEvent.click(screen.getByRole('button', { name: 'Show it' }))
    expect(screen.getByText("Differs from the workspace's plan").parentElement?.textContent).toContain('steps of 5 %, 10 %, 75 %, 100 % instead of 5 %, 25 %, 50 %, 75 %, 100 %')
    fireEvent.click(deploy)
    await waitFor(() => expect(core.calls[0]?.input).toMatchObject({ plan: { steps: [{ weightPercent: 5 }, { weightPercent: 10, hold: { kind: 'manual' } }, { weightPercent: 75 }, { weightPercent: 100 }] } }))
    expect(core.calls).toHaveLength(1)
  })
})

describe('audit', () => {
  it('searches by what stands in the address, and shows who, why, before and after', async () => {
    openScreen('/audit?service=checkout&entry=48209', world())
    const entry = await screen.findByRole('complementary', { name: 'Entry' })
    await waitFor(() => expect(within(entry).getByRole('heading', { name: 'Entry 48,209' })).toBeTruthy())
    expect(entry.textContent).toContain('weights.green: 5')
    expect(entry.textContent).toContain('Mira Okafor, mira@shop.test (self-declared, mira@ward-7)')
    const list = screen.getByRole('grid', { name: 'Entries' })
    await waitFor(() => expect(within(list).getAllByRole('row')).toHaveLength(10))
    expect(screen.queryByText('Pause')).toBeNull()
    await waitFor(() => expect(entry.textContent).toContain('blue 95 %, green 5 %verified'))
  })

  it('verifies the chain and says what the checkpoint covers', async () => {
    openScreen('/audit', world())
    await waitFor(() => expect(screen.getByRole('button', { name: /^Verify from entry 1/ }).getAttribute('aria-disabled')).toBeNull())
    fireEvent.click(await lever(/^Verify from entry 1/))
    const headline = screen.getByRole('region', { name: 'Headline' })
    await waitFor(() => expect(headline.textContent).toMatch(/Chain verified .* entries 1 to 48,213\. The kept checkpoint covers every entry\./))
  })

  it('takes filters out of what is typed', async () => {
    const { router } = openScreen('/audit', world())
    const box = await screen.findByRole('searchbox', { name: 'Search the journal' })
    fireEvent.change(box, { target: { value: 'outcome:refused ' } })
    fireEvent.keyDown(box, { key: 'Enter' })
    await waitFor(() => expect(router.state.location.search).toMatchObject({ outcome: 'refused' }))
    await waitFor(() => expect(within(screen.getByRole('grid', { name: 'Entries' })).getAllByRole('row')).toHaveLength(2))
  })

  it('prints one release with its checkpoint', async () => {
    openScreen('/audit/release/checkout-2', world())
    const report = await screen.findByRole('article', { name: 'Release report' })
    expect(report.textContent).toContain('the journal had 48,213 entries')
    expect(report.textContent).toContain('Release 1.9.0 of checkout on green')
    expect(report.textContent).not.toContain('search')
  })
})

describe('notifications', () => {
  it('counts what was rolled back since the last look, lists it with its entry, and then counts it no more', async () => {
    localStorage.setItem('signalbox.seen', JSON.stringify({ folder: makeStatus(NOW).dataFolder, seq: 48_213, waiting: [] }))
    window.dispatchEvent(new StorageEvent('storage', { key: 'signalbox.seen' }))
    const { core } = openScreen('/audit', world())
    await screen.findByRole('button', { name: 'Notifications, nothing new' })
    act(() => core.push({ kind: 'journal', entry: makeEntry(48_214, NOW, { action: 'release.rollBack', kind: 'intent', operator: CONSOLE, summary: 'Roll back to blue (1.8.0)', reason: 'error ratio 4.1 %, limit 1 %' }) }))
    await screen.findByRole('button', { name: 'Notifications, 1 new' })
    fireEvent.keyDown(window, { key: 'g' })
    fireEvent.keyDown(window, { key: 'n' })
    const panel = await screen.findByRole('dialog', { name: 'Notifications' })
    expect(panel.textContent).toContain('Rolled back by itself')
    expect(within(panel).getByRole('link', { name: 'Entry 48214 in the journal' }).getAttribute('href')).toContain('entry=48214')
    expect(within(panel).getByRole('link', { name: 'checkout' }).getAttribute('href')).toContain('/services/checkout')
    expect(panel.textContent).toContain('1 new since you last looked')
    await waitFor(() => expect(JSON.parse(localStorage.getItem('signalbox.seen') ?? '{}')).toMatchObject({ seq: 48_214 }))
    fireEvent.keyDown(panel, { key: 'Escape' })
    await screen.findByRole('button', { name: 'Notifications, nothing new' })
  })
})

describe('settings', () => {
  it('tests a connection and says for each check what is missing and what to do', async () => {
    const checks = [
      { name: 'supervisor', ok: true, detail: 'answers', next: '' },
      { name: 'port 7301', ok: false, detail: 'Another program listens on it.', next: 'Stop it, or give checkout another port.' },
    ]
    openScreen('/settings', world({ checks }))
    fireEvent.click(await screen.findByRole('button', { name: 'Test connection to local' }))
    const list = await screen.findByRole('list', { name: 'Checks of local' })
    expect(list.textContent).toContain('Another program listens on it.Next: Stop it, or give checkout another port.')
    expect(screen.getByText(/^1 of 2 checks failed at /)).toBeTruthy()
  })
})

describe('the console as a whole', () => {
  it('shows what a workspace would run before it runs any of it', async () => {
    const workspace = { ...makeStatus(NOW).workspace, trusted: false, commandsDigest: 'abcd', commands: [{ service: 'checkout', purpose: 'run', command: 'node server.mjs', folder: '/srv/shop' }] }
    const { core } = openScreen('/', world({ status: makeStatus(NOW, { workspace }), services: new Map() }))
    expect(await screen.findByText('node server.mjs')).toBeTruthy()
    fireEvent.click(screen.getByRole('button', { name: 'Trust and start' }))
    await waitFor(() => expect(core.calls).toEqual([{ name: 'workspace.trust', input: { commandsDigest: 'abcd' } }]))
    await waitFor(() => expect(screen.queryByText('node server.mjs')).toBeNull())
  })

  it('asks once who acts, and is not in the way', async () => {
    const { core } = openScreen('/', world({ status: makeStatus(NOW, { identityNeeded: true }) }))
    fireEvent.change(await screen.findByLabelText('Your name'), { target: { value: 'Ada Lund' } })
    expect(screen.queryByRole('dialog')).toBeNull()
    fireEvent.click(screen.getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(core.calls[0]).toMatchObject({ name: 'system.identify', input: { name: 'Ada Lund' } }))
    await waitFor(() => expect(screen.queryByLabelText('Your name')).toBeNull())
  })

  it('names the problems of a workspace at their lines', async () => {
    const workspace = { ...makeStatus(NOW).workspace, text: 'workspace: shop\ntier: production\n', problems: [{ place: { file: '/srv/shop/signalbox.yaml', line: 2, column: 7 }, message: '"production" is not a tier.', expected: 'one of dev, staging, prod' }] }
    openScreen('/settings', world({ status: makeStatus(NOW, { workspace }) }))
    expect(await screen.findByText(/\/srv\/shop\/signalbox\.yaml:2:7/)).toBeTruthy()
    expect(screen.getByLabelText('Lines 1 to 3').textContent).toContain('tier: production')
  })

  it('says that only roll back works when the journal cannot be written', async () => {
    openScreen('/', world({ status: makeStatus(NOW, { journal: { count: 5, head: 'ab', writable: false, problem: 'The disk is full.' } }) }))
    expect((await screen.findByRole('alert')).textContent).toContain('only roll back and the kill switch work')
  })

  it('says read only, and by whom, and presses nothing', async () => {
    openScreen('/services/checkout', world({ status: makeStatus(NOW, { mode: 'readOnly', modeReason: 'Another console (pid 4711) controls this data folder.' }) }))
    expect(await screen.findByText(/pid 4711/)).toBeTruthy()
    expect((await lever(/^Send 50 % to green/)).textContent).toContain('read only')
  })

  it('follows an act until the router was read back', async () => {
    const { core } = openScreen('/services/checkout', world({ onCommand: () => ({ ...makeShiftingService(NOW), release: makeRelease({ now: NOW, changes: { revision: 10, shiftPending: true, stepIndex: 2, desiredWeights: { blue: 50, green: 50 } } }) }) }))
    fireEvent.click(await lever(/^Send 50 % to green/))
    const status = await screen.findByText('seen in the data plane')
    expect(status.className).toContain('text-ink-3')
    act(() => core.push({ kind: 'service', service: makeService('checkout', { now: NOW, green: '1.9.0', weights: { blue: 50, green: 50 }, release: makeRelease({ now: NOW, changes: { revision: 11, stepIndex: 2, desiredWeights: { blue: 50, green: 50 } } }) }) }))
    await waitFor(() => expect(screen.getByText('seen in the data plane').className).toContain('text-ink-1'))
  })
})
