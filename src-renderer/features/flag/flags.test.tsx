// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import { afterEach, describe, expect, it } from 'vitest'
import { Fault } from '../../../src-main/contract/fault.ts'
import type { FlagView } from '../../../src-main/contract/flag.ts'
import { FLAG_CASES, makeComparison, shopFlags } from '../../lib/test-flag-cases.ts'
import type { TestFlags } from '../../lib/test-flag-api.ts'
import { makeFlagSource, makeFlagView, makeRolloutView, makeSummary, SHOP } from '../../lib/test-flags.ts'
import type { TestWorld } from '../../lib/test-core.ts'
import { makeEntry, makeShiftingService, makeStatus } from '../../lib/test-fixtures.ts'
import { closeScreens, openScreen } from '../../testing/open-screen.tsx'

const NOW = Date.now()
const KEY = 'new-checkout'
const PATH = `/flags/${SHOP}/${KEY}`

function caseOf(name: string, changes: Partial<FlagView> = {}): FlagView {
  const view = FLAG_CASES[name]?.(NOW)
  if (!view) throw new Error(`no case ${name}`)
  return { ...view, ...changes }
}

function world(views: readonly FlagView[], flags: Partial<TestFlags> = {}, changes: Partial<TestWorld> = {}): TestWorld {
  const lines = flags.lines ?? shopFlags(NOW)
  return {
    status: makeStatus(NOW),
    services: new Map([['checkout', makeShiftingService(NOW)]]),
    waiting: [],
    entries: [makeEntry(1, NOW - 60_000, { summary: 'Expose 25 % of users', action: 'rollout.advance', target: { flag: `${SHOP}/${KEY}` } }), makeEntry(2, NOW - 50_000, { summary: 'Pause', action: 'release.pause' })],
    versions: [],
    history: () => ({ blue: [], green: [] }),
    flags: { sources: [makeFlagSource(NOW, lines.length + views.length)], views, comparison: () => makeComparison(NOW), ...flags, lines },
    onCommand: () => makeShiftingService(NOW),
    ...changes,
  }
}

afterEach(closeScreens)

const button = (name: RegExp | string) => screen.findByRole('button', { name })
const region = (name: string) => screen.findByRole('region', { name })
const calls = (opened: ReturnType<typeof openScreen>, name: string) => opened.core.calls.filter((call) => call.name === name)
const never = () => new Promise<FlagView>(() => undefined)
const row = async (key: string) => {
  const link = await screen.findByRole('link', { name: key })
  const found = link.closest('[role=row]')
  if (!found) throw new Error(key)
  return found
}
/** A confirm takes no key that was held down on the lever: pressed until it was long enough. */
async function confirm(name: RegExp, isSent: () => boolean) {
  const dialog = await screen.findByRole('dialog')
  await waitFor(() => {
    const found = within(dialog).queryByRole('button', { name })
    if (found) fireEvent.click(found)
    expect(isSent()).toBe(true)
  })
}

describe('the list of flags', () => {
  it('counts under four tabs, and says of each line what it exposes and what happens next', async () => {
    openScreen('/flags', world([caseOf('holding')]))
    expect((await row('express-lane')).textContent).toContain('stopped')
    expect((await row('one-tap-reorder')).textContent).toContain('waits for you')
    expect((await row('digest-mails')).textContent).toContain('held')
    expect((await row('tiered-vat')).textContent).toMatch(/25 %.*4[78]:\d\d/)
    for (const [tab, count] of [['Moving', 11], ['On', 13], ['Off', 5], ['Clean up', 5]] as const) expect((await button(new RegExp(`^${tab}`))).textContent).toBe(`${tab} ${count}`)
  })

  it('says under clean up what to remove, with files once the code was searched', async () => {
    openScreen('/flags', world([caseOf('holding')], { references: { at: NOW, tookMs: 40, folders: [], files: 2, lines: 90, skipped: 0, problems: [], byFlag: { 'dark-emails': [{ file: 'a.js', line: 1, column: 1, text: '' }, { file: 'a.js', line: 2, column: 1, text: '' }, { file: 'b.js', line: 1, column: 1, text: '' }, { file: 'b.js', line: 4, column: 1, text: '' }] } } }))
    fireEvent.click(await button(/^Clean up/))
    await waitFor(async () => expect((await row('dark-emails')).textContent).toContain('remove 4 reads in 2 files, keep on'))
    expect((await row('old-vat-table')).textContent).toContain('no reads left, delete the flag')
    closeScreens()
    // No code to search: what the core counted before stands, or that it did not.
    openScreen('/flags', world([caseOf('holding')]))
    fireEvent.click(await button(/^Clean up/))
    expect((await row('dark-emails')).textContent).toContain('remove 4 reads, keep on')
    expect((await row('not-searched')).textContent).toContain('code not searched')
  })

  it('finds over all tabs with /, and opens what is found with the keyboard', async () => {
    const { router } = openScreen('/flags', world([caseOf('holding')]))
    await row('express-lane')
    fireEvent.keyDown(window, { key: '/' })
    const box = screen.getByRole('searchbox', { name: 'Search flags' })
    expect(document.activeElement).toBe(box)
    fireEvent.change(box, { target: { value: 'dark-em' } })
    await row('dark-emails')
    expect(screen.queryByRole('link', { name: 'express-lane' })).toBeNull()
    fireEvent.keyDown(box, { key: 'Enter' })
    await waitFor(() => expect(router.state.location.pathname).toBe(`/flags/${SHOP}/dark-emails`))
  })

  it('draws a screenful of ten thousand', async () => {
    const lines = Array.from({ length: 10_000 }, (_, index) => makeSummary(NOW, `flag-${String(index).padStart(5, '0')}`))
    openScreen('/flags', world([], { lines }))
    await row('flag-00000')
    expect((await button(/^Off/)).textContent).toBe('Off 10,000')
    expect(screen.getAllByRole('row').length).toBeLessThan(60)
  })

  it('changes a line when the stream says so, and asks for the list again only when the digest changed', async () => {
    const { core } = openScreen('/flags', world([caseOf('holding')]))
    await row('wallet-v2')
    act(() => core.push({ kind: 'flag', flag: makeSummary(NOW, 'wallet-v2', { lifecycle: 'active', exposure: '3 %', percent: 3, settledOn: null }) }))
    await waitFor(async () => expect((await row('wallet-v2')).textContent).toContain('3 %'))
    if (core.world.flags) core.world.flags.lines = [makeSummary(NOW, 'brand-new', { lifecycle: 'active', exposure: 'internal' })]
    act(() => core.push({ kind: 'flagSource', source: makeFlagSource(NOW, 2, { digest: 'another' }) }))
    await row('brand-new')
  })

  it('teaches what to declare where no source is, and what a flag is where a source is empty', async () => {
    openScreen('/flags', world([], { sources: [], lines: [] }))
    expect(await screen.findByText('No source of flags is declared')).toBeTruthy()
    expect(screen.getByLabelText('Example').textContent).toContain('file: ./flags')
    closeScreens()
    openScreen('/flags', world([], { lines: [], sources: [makeFlagSource(NOW, 0)] }))
    expect(await screen.findByText('There are no flags in it yet')).toBeTruthy()
    expect(screen.getByRole('link', { name: /New flag/ })).toBeTruthy()
  })

  it('says which source is broken, since when and where, and which does not answer', async () => {
    const broken = makeFlagSource(NOW, 3, { broken: { since: NOW - 200_000, why: 'A comma or } is missing.' }, problems: [{ level: 'error', path: '/flags/a', line: 41, column: 7, message: 'A comma or } is missing.' }] })
    const silent = makeFlagSource(NOW, 0, { name: 'unleash', kind: 'unleash', problem: 'The token is not accepted: 401.', readAt: null })
    openScreen('/flags', world([], { sources: [broken, silent] }))
    const pane = await region('Sources of flags')
    expect(pane.textContent).toContain('the last good version is served')
    expect(pane.textContent).toContain('41:7')
    expect(pane.textContent).toContain('unleash does not answer')
    expect(pane.textContent).toContain('It has never been read')
  })
})

describe('one flag', () => {
  it('says where it is, what happens if nobody does anything, and what each stage promises', async () => {
    openScreen(PATH, world([caseOf('holding')]))
    await waitFor(() => expect(screen.getByRole('heading', { level: 1 }).textContent).toContain('25 % of users'))
    const track = await region('Stages')
    const stages = within(track).getAllByRole('listitem')
    expect(stages).toHaveLength(5)
    expect(stages[0]?.textContent).toContain('held 2 h, pass')
    expect(stages[2]?.getAttribute('aria-current')).toBe('step')
    expect(stages[2]?.textContent).toContain('2:14:')
    expect(stages[2]?.textContent).toContain('harm seen in 18:00')
    expect(stages[4]?.textContent).toContain('Users read given_name only from phase switching on.')
  })

  it('warns where a hold is shorter than it takes to see harm', async () => {
    const rollout = makeRolloutView({ now: NOW, key: KEY })
    const stages = rollout.stages.map((stage, index) => (index === 2 ? { ...stage, tooShort: true } : stage))
    openScreen(PATH, world([caseOf('holding', { rollout: { ...rollout, stages } })]))
    await waitFor(async () => expect((await region('Stages')).textContent).toContain('harm is seen in 18:00, after the hold'))
  })

  it('sends one act per press, on the revision that was seen, and follows it until it is read back', async () => {
    const opened = openScreen(PATH, world([caseOf('holding')], { onAct: () => caseOf('holding', { rollout: makeRolloutView({ now: NOW, key: KEY, changes: { revision: 10, phase: 'exposing', stageIndex: 3, verifiedStage: 2 } }) }) }))
    const lever = await button(/^Expose 50 %/)
    fireEvent.click(lever)
    fireEvent.click(lever)
    await waitFor(() => expect(calls(opened, 'flag.command')).toHaveLength(1))
    expect(opened.core.calls[0]?.input).toMatchObject({ rollout: `${SHOP}/${KEY}-1`, command: 'advance', expectedRevision: 9 })
    const follow = await screen.findByText('read back from its source')
    expect(follow.closest('li')?.getAttribute('data-reached')).toBe('false')
    act(() => opened.core.push({ kind: 'rollout', rollout: makeRolloutView({ now: NOW, key: KEY, changes: { revision: 11, stageIndex: 3, verifiedStage: 3 } }) }))
    await waitFor(() => expect(screen.getByText('read back from its source').closest('li')?.getAttribute('data-reached')).toBe('true'))
  })

  it('says in place why something is blocked and what unblocks it, and does not send it', async () => {
    const view = caseOf('holding')
    const blocked = (view.rollout?.actions ?? []).map((action) => (action.command === 'advance' ? { ...action, blocks: [{ rule: 'need', reason: 'Waits for split full_name.', unblocks: 'When it is in switching.' }] } : action))
    const opened = openScreen(PATH, world([{ ...view, rollout: view.rollout && { ...view.rollout, actions: blocked } }]))
    const lever = await button(/^Expose 50 %/)
    expect(lever.getAttribute('aria-disabled')).toBe('true')
    expect(lever.textContent).toContain('Waits for split full_name.')
    expect((await region('Interlocks')).textContent).toContain('Unblocks: When it is in switching.')
    fireEvent.click(lever)
    fireEvent.keyDown(window, { key: 'p' })
    await act(async () => new Promise((resolve) => setTimeout(resolve, 30)))
    expect(opened.core.calls).toHaveLength(0)
  })

  it('asks for a reason before it overrules what guards it', async () => {
    const view = caseOf('guarded')
    const asking = (view.rollout?.actions ?? []).map((action) => (action.command === 'advance' ? { ...action, needsReason: true } : action))
    const opened = openScreen(PATH, world([{ ...view, rollout: view.rollout && { ...view.rollout, actions: asking } }]))
    expect(await screen.findByText('Paused by the guard.')).toBeTruthy()
    fireEvent.click(await button(/^Expose 50 %/))
    const dialog = await screen.findByRole('dialog')
    expect(within(dialog).getByRole('list', { name: 'Not passed' }).textContent).toContain('20 % slower is proven')
    fireEvent.click(within(dialog).getByRole('button', { name: 'Expose 50 %' }))
    expect(opened.core.calls).toHaveLength(0)
    fireEvent.change(within(dialog).getByRole('textbox', { name: /^Reason/ }), { target: { value: 'the slow region is down' } })
    fireEvent.click(within(dialog).getByRole('button', { name: 'Expose 50 %' }))
    await waitFor(() => expect(opened.core.calls[0]?.input).toMatchObject({ command: 'advance', reason: 'the slow region is down' }))
  })

  it('rolls back with a key and a confirm, on any revision', async () => {
    const opened = openScreen(PATH, world([caseOf('holding')], { onAct: never }))
    await screen.findByRole('group', { name: `Actions on ${KEY}` })
    fireEvent.keyDown(window, { key: 'b' })
    expect((await screen.findByRole('dialog')).textContent).toContain('everyone gets off')
    await confirm(/^Roll back now/, () => calls(opened, 'flag.command').length === 1)
    expect(opened.core.calls[0]?.input).toMatchObject({ command: 'rollBack' })
    expect(opened.core.calls[0]?.input).not.toHaveProperty('expectedRevision')
  })

  it('shows what somebody changed elsewhere, what waits in another system, and what failed, with ways on', async () => {
    openScreen(PATH, world([caseOf('drift')]))
    expect((await screen.findByRole('list', { name: 'What is there instead' })).textContent).toContain('everyone gets on 60 %')
    expect(await button(/^Write 25 % again/)).toBeTruthy()
    closeScreens()
    openScreen(PATH, world([caseOf('submitted')]))
    expect((await screen.findByRole('link', { name: /change-requests\/412/ })).getAttribute('href')).toContain('https://unleash.shop.test')
    closeScreens()
    openScreen(PATH, world([caseOf('failed')]))
    expect((await screen.findByRole('alert')).textContent).toContain('The flag system refused the change')
    expect(await button(/^Try 50 % again/)).toBeTruthy()
  })

  it('compares variants with the numbers behind every word', async () => {
    openScreen(PATH, world([caseOf('holding')]))
    const pane = await region('Comparison of variants')
    await waitFor(() => expect(pane.textContent).toContain('not decided'))
    expect(pane.textContent).toMatch(/\+0\.\d+ pp/)
    expect(within(pane).getByRole('img').getAttribute('aria-label')).toMatch(/interval .* to .* pp, 95 %/)
    expect(pane.textContent).toContain('24.98 % of 25 %, balanced')
    fireEvent.click(within(pane).getByRole('button', { name: 'basket, on' }))
    expect(pane.textContent).toContain('not enough data')
    expect(pane.textContent).toContain('12 users saw two variants')
  })

  it('says plainly that there is nothing to compare and nothing to draw', async () => {
    openScreen(PATH, world([caseOf('holding')], { comparison: () => ({ since: null, users: 0, variants: [], sampleRatio: null, crossedOver: 0, notCounted: 0, metrics: [], notes: ['No user has been reported as exposed.'] }) }))
    expect((await region('Comparison of variants')).textContent).toContain('Comparison')
    expect(await screen.findByText('No user has been reported as exposed.')).toBeTruthy()
    expect((await region('Guards, exposed against unexposed users')).textContent).toContain('The services report no requests by variant.')
  })

  it('shows rules as words, and targeting written by hand as it is', async () => {
    openScreen(PATH, world([caseOf('holding')]))
    expect(await screen.findByText('app.version < 4.2.0')).toBeTruthy()
    expect(screen.getByText('25 % by targeting key, sticky')).toBeTruthy()
    closeScreens()
    openScreen(PATH, world([caseOf('handwritten')]))
    expect((await screen.findByLabelText('Targeting, written by hand')).textContent).toContain('"fractional"')
  })

  it('previews a pasted context, and says where it is no JSON', async () => {
    const opened = openScreen(PATH, world([caseOf('holding')], { preview: () => ({ value: true, variant: 'on', reason: 'TARGETING_MATCH', error: '', rules: [{ words: 'internal get on', matched: true, decided: true }], segments: [{ name: 'internal', matched: true }] }) }))
    fireEvent.click(await screen.findByRole('tab', { name: 'Preview' }))
    const box = await screen.findByRole('textbox', { name: /^Context/ })
    fireEvent.change(box, { target: { value: '{"targetingKey":\n oops}' } })
    expect((await screen.findByText(/Line 2, column/)).textContent).toBeTruthy()
    fireEvent.change(box, { target: { value: '{"targetingKey": "user-7"}' } })
    fireEvent.click(await button('What do they get'))
    expect((await screen.findByRole('list', { name: 'Rules' })).textContent).toContain('decided')
    expect(calls(opened, 'flag.preview')[0]?.input).toMatchObject({ source: SHOP, flag: KEY, context: { targetingKey: 'user-7' } })
  })

  it('names the reads in code, and refuses to remove it with the reason', async () => {
    openScreen(PATH, world([caseOf('stale')]))
    expect((await screen.findByRole('list', { name: 'Reads in code' })).textContent).toContain('services/checkout/server.cjs:41:38')
    const remove = await button('Remove')
    expect(remove.getAttribute('aria-disabled')).toBe('true')
    expect(screen.getByText(/It was evaluated 412 times/)).toBeTruthy()
  })

  it('has its history from the journal, and only its own', async () => {
    openScreen(PATH, world([caseOf('holding')]))
    fireEvent.click(await screen.findByRole('tab', { name: 'History' }))
    expect(await screen.findByText('Expose 25 % of users')).toBeTruthy()
    expect(screen.queryByText('Pause')).toBeNull()
  })

  it('says that there is no such flag', async () => {
    openScreen(`/flags/${SHOP}/nobody`, world([caseOf('holding')]))
    expect(await screen.findByText('No flag is called nobody')).toBeTruthy()
  })
})

describe('the kill switch', () => {
  it('is two presses from the flag, with its effect said first', async () => {
    const opened = openScreen(PATH, world([caseOf('holding')], { onAct: () => caseOf('killed') }))
    const lever = await button(/^Kill: everyone gets off/)
    expect(lever.getAttribute('aria-keyshortcuts')).toBe('Control+Shift+X')
    fireEvent.keyDown(window, { key: 'X', ctrlKey: true, shiftKey: true })
    const dialog = await screen.findByRole('dialog')
    await waitFor(() => expect(dialog.textContent).toContain('Everyone gets "off" with the next evaluation'))
    expect(document.activeElement).toBe(within(dialog).getByRole('button', { name: /^Kill now/ }))
    await confirm(/^Kill now/, () => calls(opened, 'flag.kill').length === 1)
    expect(opened.core.calls[0]?.input).toMatchObject({ source: SHOP, flag: KEY })
    await waitFor(() => expect(screen.getByText('read back from its source').closest('li')?.getAttribute('data-reached')).toBe('true'))
  })

  it('is reached by name from any other screen', async () => {
    const opened = openScreen('/settings', world([caseOf('holding')], { onAct: never }))
    await screen.findByRole('heading', { level: 1 })
    fireEvent.keyDown(window, { key: 'X', ctrlKey: true, shiftKey: true })
    const box = await screen.findByPlaceholderText('Service, action, screen')
    expect(box).toHaveProperty('value', 'kill ')
    // What is typed goes behind the word that is there.
    expect(document.activeElement).toBe(box)
    expect((box as HTMLInputElement).selectionStart).toBe('kill '.length)
    fireEvent.change(box, { target: { value: 'kill new-ch' } })
    const item = await screen.findByRole('option', { name: /Kill new-checkout/ })
    fireEvent.click(item)
    await confirm(/^Kill now/, () => calls(opened, 'flag.kill').length === 1)
    expect(opened.core.calls[0]?.input).toMatchObject({ source: SHOP, flag: KEY })
  })

  it('works while the journal cannot be written, and says where it goes', async () => {
    const status = makeStatus(NOW)
    const opened = openScreen(PATH, world([caseOf('holding')], { onAct: () => caseOf('killed') }, { status: { ...status, journal: { ...status.journal, writable: false, problem: 'The disk is full.' } } }))
    fireEvent.click(await button(/^Kill: everyone gets off/))
    expect((await screen.findByRole('dialog')).textContent).toContain('emergency file')
    await confirm(/^Kill now/, () => calls(opened, 'flag.kill').length === 1)
  })

  it('waits for no other act under way on the flag', async () => {
    const opened = openScreen(PATH, world([caseOf('holding')], { onAct: never }))
    fireEvent.click(await button(/^Hold/))
    await waitFor(() => expect(calls(opened, 'flag.command')).toHaveLength(1))
    fireEvent.click(await button(/^Kill: everyone gets off/))
    await confirm(/^Kill now/, () => calls(opened, 'flag.kill').length === 1)
  })

  it('is off where this console acts on nothing, and says so', async () => {
    const opened = openScreen(PATH, world([caseOf('holding')], {}, { status: makeStatus(NOW, { mode: 'readOnly', modeReason: 'Another console controls this data folder.' }) }))
    const lever = await button(/^Kill: everyone gets off/)
    await waitFor(() => expect(lever.textContent).toContain('read only'))
    fireEvent.click(lever)
    fireEvent.keyDown(window, { key: 'X', ctrlKey: true, shiftKey: true })
    await act(async () => new Promise((resolve) => setTimeout(resolve, 30)))
    expect(screen.queryByRole('dialog')).toBeNull()
    expect(opened.core.calls).toHaveLength(0)
  })

  it('asks for the reason it was not given', async () => {
    const opened = openScreen(PATH, world([caseOf('killed')], { onAct: never }))
    fireEvent.click(await button('Say why'))
    const dialog = await screen.findByRole('dialog')
    fireEvent.change(within(dialog).getByRole('textbox', { name: /^Reason/ }), { target: { value: 'orders were doubled' } })
    await confirm(/^Kill now/, () => calls(opened, 'flag.kill').length === 1)
    expect(opened.core.calls[0]?.input).toMatchObject({ reason: 'orders were doubled' })
  })
})

describe('beginning a rollout', () => {
  it('begins with the plan that is shown, on the version that was looked at', async () => {
    const opened = openScreen(`${PATH}?view=rollout`, world([caseOf('planned')], { onAct: () => caseOf('holding') }))
    const words = await screen.findByRole('list', { name: 'Stages in words' })
    expect(within(words).getAllByRole('listitem')[2]?.textContent).toContain('25 % of users get on, the others off')
    await waitFor(() => expect(words.textContent).toContain('harm would be seen in 18:00'))
    fireEvent.change(screen.getByRole('textbox', { name: 'Share of stage 2, percent' }), { target: { value: '10' } })
    fireEvent.change(screen.getByRole('textbox', { name: /^Reason/ }), { target: { value: 'one page' } })
    await waitFor(() => expect(screen.getByRole('button', { name: /^Begin with internal/ }).getAttribute('aria-disabled')).toBeNull())
    fireEvent.click(screen.getByRole('button', { name: /^Begin with internal/ }))
    await waitFor(() => expect(calls(opened, 'flag.startRollout')).toHaveLength(1))
    expect(opened.core.calls[0]?.input).toMatchObject({ source: SHOP, flag: KEY, expectedVersion: 'v3', reason: 'one page', plan: { flag: KEY, baseline: 'off', stages: [{ percent: 100 }, { percent: 10 }, { percent: 25 }, { percent: 50 }, { percent: 100 }] } })
    await waitFor(() => expect(opened.router.state.location.search).toEqual({}))
  })

  it('says what is no plan at its stage, and what cannot run in the core’s words, and begins neither', async () => {
    const opened = openScreen(`${PATH}?view=rollout`, world([caseOf('planned')]))
    fireEvent.change(await screen.findByRole('textbox', { name: 'Share of stage 2, percent' }), { target: { value: '120' } })
    expect((await screen.findByRole('listitem', { name: 'Stage 2' })).textContent).toContain('share: at most 100')
    expect((await button(/^Begin with/)).getAttribute('aria-disabled')).toBe('true')
    fireEvent.change(screen.getByRole('textbox', { name: 'Share of stage 2, percent' }), { target: { value: '5' } })
    fireEvent.change(screen.getByRole('combobox', { name: 'Variant 1' }), { target: { value: 'off' } })
    expect(await screen.findByText('"off" is both baseline and rolled out.')).toBeTruthy()
    expect((await button(/^Begin with/)).getAttribute('aria-disabled')).toBe('true')
    fireEvent.click(await button(/^Begin with/))
    expect(opened.core.calls).toHaveLength(0)
  })
})

describe('editing a flag', () => {
  it('writes what was typed over the version that was read, and goes back to the flag', async () => {
    const opened = openScreen(`${PATH}?view=edit`, world([caseOf('planned')]))
    expect((await button('Write it')).getAttribute('aria-disabled')).toBe('true')
    fireEvent.click(await button('Add a rule'))
    fireEvent.change(screen.getByRole('combobox', { name: 'Who rule 1 is about' }), { target: { value: 'segment:internal' } })
    fireEvent.change(screen.getByRole('combobox', { name: 'Variant of rule 1' }), { target: { value: 'on' } })
    fireEvent.click(await button('Write it'))
    await waitFor(() => expect(calls(opened, 'flag.define')).toHaveLength(1))
    expect(calls(opened, 'flag.define')[0]?.input).toMatchObject({ expectedVersion: 'v3', definition: { targeting: { kind: 'rules', rules: [{ audience: { kind: 'segments', anyOf: ['internal'] }, serve: { kind: 'variant', variant: 'on' } }] } } })
    await waitFor(() => expect(opened.router.state.location.search).toEqual({}))
  })

  it('keeps what was typed when somebody was faster, shows both changes, and writes only when told to', async () => {
    const mine = caseOf('planned')
    const theirs = { ...makeFlagView({ now: NOW, key: KEY, definition: { ...mine.definition, facts: { ...mine.definition.facts, owner: 'search team' } } }), version: 'v4' }
    const flags: Partial<TestFlags> = {}
    let refused = 0
    const opened = openScreen(`${PATH}?view=edit`, world([mine], {
      ...flags,
      onAct: () => {
        refused += 1
        if (refused > 1) return theirs
        if (opened.core.world.flags) opened.core.world.flags.views = [theirs]
        throw new Fault('staleRevision', 'new-checkout has changed since you looked. Nothing was changed.', 'Look at what it is now.')
      },
    }))
    fireEvent.change(await screen.findByRole('textbox', { name: 'What it is for' }), { target: { value: 'Cart and payment on one page.' } })
    fireEvent.click(await button('Write it'))
    const conflict = await screen.findByRole('alert', { name: 'Changed meanwhile' })
    expect(conflict.textContent).toContain('search team')
    expect(screen.getByRole('textbox', { name: 'What it is for' })).toHaveProperty('value', 'Cart and payment on one page.')
    fireEvent.click(within(conflict).getByRole('button', { name: 'Keep mine' }))
    await waitFor(() => expect(screen.queryByRole('alert', { name: 'Changed meanwhile' })).toBeNull())
    fireEvent.click(await button('Write it'))
    await waitFor(() => expect(calls(opened, 'flag.define')).toHaveLength(2))
    expect(calls(opened, 'flag.define')[1]?.input).toMatchObject({ expectedVersion: 'v4' })
  })

  it('takes targeting written by hand as text, and says what is wrong with it', async () => {
    openScreen(`${PATH}?view=edit`, world([caseOf('handwritten')], { problems: () => [{ level: 'error', path: '/flags/new-checkout/targeting/if/1', line: 12, column: 3, message: 'There is no variant "onn".' }] }))
    fireEvent.change(await screen.findByRole('textbox', { name: 'Targeting, as JsonLogic' }), { target: { value: '{"if": [true, "onn", null]}' } })
    expect(await screen.findByText('There is no variant "onn".')).toBeTruthy()
    expect((await button('Write it')).getAttribute('aria-disabled')).toBe('true')
    fireEvent.change(screen.getByRole('textbox', { name: 'Targeting, as JsonLogic' }), { target: { value: '{"if": [' } })
    expect(await screen.findByText(/Line 1, column/)).toBeTruthy()
  })

  it('makes a new flag that exposes nobody', async () => {
    const made = makeFlagView({ now: NOW, key: 'gift-cards' })
    const opened = openScreen('/flags?view=new&source=shop', world([caseOf('holding')], { onAct: () => made }))
    fireEvent.change(await screen.findByRole('textbox', { name: 'Key' }), { target: { value: '-no' } })
    expect(await screen.findByText(/letter or digit first/)).toBeTruthy()
    fireEvent.change(screen.getByRole('textbox', { name: 'Key' }), { target: { value: 'gift-cards' } })
    fireEvent.click(await button('Make it'))
    await waitFor(() => expect(opened.core.calls.find(({ name }) => name === 'flag.define')?.input).toMatchObject({ flag: 'gift-cards', expectedVersion: null, definition: { defaultVariant: 'off', targeting: { kind: 'rules', rules: [] }, facts: { safeVariant: 'off' } } }))
    await waitFor(() => expect(opened.router.state.location.pathname).toBe('/flags/shop/gift-cards'))
  })

  it('edits segments, all at once, on the digest that was read', async () => {
    const opened = openScreen('/flags?view=segments&source=shop', world([caseOf('holding')]))
    fireEvent.click(await button('Add a segment'))
    const names = screen.getAllByRole('textbox', { name: /^Name of segment/ })
    fireEvent.change(names.at(-1)!, { target: { value: '7seas' } })
    await waitFor(async () => expect((await button('Write them')).getAttribute('aria-disabled')).toBe('true'))
    fireEvent.change(names.at(-1)!, { target: { value: 'sailors' } })
    fireEvent.click(await button('Write them'))
    await waitFor(() => expect(calls(opened, 'flag.defineSegments')).toHaveLength(1))
    expect(calls(opened, 'flag.defineSegments')[0]?.input).toMatchObject({ source: SHOP })
    const sent = calls(opened, 'flag.defineSegments').map(({ input }) => input as { readonly segments: readonly { readonly name: string }[] })
    expect(sent[0]?.segments.map(({ name }) => name)).toEqual(['internal', 'beta', 'oldApps', 'kiosks', 'sailors'])
  })
})

describe('elsewhere', () => {
  it('leads from what waits for a person to the flag', async () => {
    const { router } = openScreen('/', world([caseOf('awaitingApproval')], {}, { waiting: [{ id: 'f', service: KEY, releaseId: null, flag: { source: SHOP, key: KEY }, kind: 'flag', title: 'Approval', detail: '50 % waits for a person.', since: NOW, expiresAt: null }] }))
    fireEvent.click(await screen.findByRole('link', { name: `Open ${KEY}: Flag` }))
    await waitFor(() => expect(router.state.location.pathname).toBe(PATH))
    expect(await button(/^Approve 50 %/)).toBeTruthy()
  })

  it('greys nothing away while the connection is gone: what is shown stays, and nothing can be pressed', async () => {
    const opened = openScreen(PATH, world([caseOf('holding')]))
    await button(/^Expose 50 %/)
    act(() => opened.cut())
    await waitFor(async () => expect((await button(/^Expose 50 %/)).textContent).toContain('not connected'))
    expect((await region('Stages')).textContent).toContain('25 %')
    opened.restore()
    await waitFor(async () => expect((await button(/^Expose 50 %/)).getAttribute('aria-disabled')).toBeNull())
  })
})
