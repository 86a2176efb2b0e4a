// @vitest-environment happy-dom
import { fireEvent, screen, waitFor, within } from '@testing-library/react'
import { afterEach, describe, expect, it } from 'vitest'
import { CASES } from '../../dev/cases.ts'
import type { TestWorld } from '../../lib/test-core.ts'
import { closeScreens, openScreen } from '../../testing/open-screen.tsx'

afterEach(closeScreens)

function world(name: string): TestWorld {
  const make = CASES[name]
  if (!make) throw new Error(`no case ${name}`)
  return { ...make(), onCommand: () => [...make().services.values()].find((service) => service.name === 'checkout') ?? [...make().services.values()][0]! }
}

describe('how close to rollback', () => {
  it('says value, limit and how far each criterion is, with its verdict in words', async () => {
    openScreen('/services/checkout', world('shifting'))
    const pane = await screen.findByRole('region', { name: 'How close to rollback' })
    expect(within(pane).getByRole('img', { name: 'Latency p99: pass, 83 % of the way to where it rolls back' })).toBeTruthy()
    expect(pane.textContent).toContain('watch331 of 400 ms')
    expect(pane.textContent).toContain('31.4 min 20 orders/min')
    fireEvent.click(within(pane).getByText('Errors over blue'))
    expect(pane.textContent).toContain('blue over the same time, 0.19 %')
    expect(pane.textContent).toContain('fails at 7.6')
  })

  it('says since when data is missing, that both sides are bad, and what a breach does', async () => {
    openScreen('/services/checkout', world('suspended'))
    const pane = await screen.findByRole('region', { name: 'How close to rollback' })
    expect(pane.textContent).toContain('no dataof 400 ms')
    expect(pane.textContent).toMatch(/missingsince \d\d:\d\d:\d\d\. Missing data holds\./)
    expect(pane.textContent).toContain('both sides')
    expect(pane.textContent).toContain('moving traffic would not help')
    expect(pane.textContent).toContain('pauses and asks')
  })

  it('says before a release what guards it, in sentences', async () => {
    openScreen('/services/checkout', world('first'))
    const pane = await screen.findByRole('region', { name: 'What guards a release' })
    expect(pane.textContent).toContain('Fails above 1 % over 30 s, twice in a row, from 50 requests on.')
    expect(pane.textContent).toContain('Fails below 20 orders/min over 1 min')
    expect(pane.textContent).toContain('Missing for 2 min pauses and asks.')
  })

  it('shows after a roll back what it was judged on, and how it went back', async () => {
    openScreen('/services/checkout', world('failing'))
    const pane = await screen.findByRole('region', { name: 'At the verdict' })
    expect(pane.textContent).toContain('fail4.1 of 1 %')
    const way = await screen.findByRole('region', { name: 'How it went back' })
    expect(within(way).getAllByRole('listitem')).toHaveLength(3)
    expect(way.textContent).toContain('390 ms')
    expect(screen.getByRole('region', { name: 'What went wrong' }).textContent).toContain('Seen in the data plane 390 ms after the verdict.')
    expect(screen.getByRole('link', { name: 'Evidence, entry 48214' })).toBeTruthy()
    expect(screen.getAllByRole('img', { name: /^Error ratio failed on the samples from / })).toHaveLength(1)
  })
})

describe('verdicts over time', () => {
  it('are walked with the arrow keys, each with its time and why', async () => {
    openScreen('/services/checkout', world('shifting'))
    const strip = await screen.findByRole('slider', { name: 'Verdicts of Latency p99' })
    fireEvent.focus(strip)
    expect(strip.getAttribute('aria-valuetext')).toMatch(/^pass on 1\.9\.0 from \d\d:\d\d:\d\d, still\. Latency p99 379 ms/)
    fireEvent.keyDown(strip, { key: 'ArrowLeft' })
    expect(strip.getAttribute('aria-valuetext')).toMatch(/^asks on 1\.9\.0 from .* to .*\. Latency p99 404 ms/)
    expect(strip.textContent).toContain('Latency p99 404 ms over 30 s, limit 400 ms: 1 of 2 times in a row.')
    fireEvent.blur(strip)
    expect(strip.textContent).toBe('')
  })

  it('are kept per version, newest release first', async () => {
    openScreen('/services/checkout', world('failing'))
    fireEvent.click(await screen.findByRole('tab', { name: 'Verdicts' }))
    const table = await screen.findByRole('region', { name: 'Verdicts by version, newest first' })
    expect(within(table).getByRole('rowheader').textContent).toMatch(/^1\.9\.0checkout-2rolled back/)
    expect(within(table).getAllByRole('row')[2]?.textContent).toContain('fail')
  })
})

describe('overruling', () => {
  it('suspends automatic roll back for a chosen time, with a reason and not without one', async () => {
    const { core } = openScreen('/services/checkout', world('shifting'))
    await screen.findByRole('button', { name: /^Send 50 % to green/ })
    fireEvent.keyDown(window, { key: 'k', ctrlKey: true })
    fireEvent.change(await screen.findByRole('combobox'), { target: { value: 'checkout suspend' } })
    fireEvent.click(await screen.findByRole('option', { name: /Suspend automatic roll back/ }))
    const dialog = await screen.findByRole('dialog')
    fireEvent.click(within(dialog).getByRole('button', { name: 'Suspend automatic roll back' }))
    expect(dialog.textContent).toContain('say why')
    expect(core.calls).toHaveLength(0)
    fireEvent.click(within(dialog).getByLabelText('4 h'))
    fireEvent.change(within(dialog).getByRole('textbox'), { target: { value: 'The payment provider is down.' } })
    fireEvent.click(within(dialog).getByRole('button', { name: 'Suspend automatic roll back' }))
    await waitFor(() => expect(core.calls).toMatchObject([{ input: { command: 'suspendGuard', forMs: 4 * 3_600_000, reason: 'The payment provider is down.', expectedRevision: 9 } }]))
    expect(screen.queryByRole('dialog')).toBeNull()
  })

  it('says who holds the guard off, why and how long, what would happen, and ends it with one press', async () => {
    const { core } = openScreen('/services/checkout', world('suspended'))
    const banner = await screen.findByRole('region', { name: 'Automatic roll back is suspended' })
    expect(banner.textContent).toMatch(/suspended for 57:\d\d/)
    expect(banner.textContent).toContain('Mira Okafor')
    expect(banner.textContent).toContain('The payment provider is down; its errors are not ours.')
    expect(banner.textContent).toContain('It would go back now: Error ratio 2.1 %')
    fireEvent.click(within(banner).getByRole('button', { name: 'Guard it again' }))
    await waitFor(() => expect(core.calls).toMatchObject([{ input: { command: 'restoreGuard' } }]))
  })

  it('asks in place why a release may go on that has not passed, and says what is in doubt', async () => {
    const { core } = openScreen('/services/checkout', world('suspended'))
    const lever = await screen.findByRole('button', { name: /^Send 50 % to green/ })
    fireEvent.keyDown(window, { key: 'p' })
    const dialog = await screen.findByRole('dialog')
    expect(core.calls).toHaveLength(0)
    expect(within(dialog).getByRole('list', { name: 'Not passed' }).textContent).toContain('Latency p99')
    expect(lever.textContent).toContain('asks for a reason')
    fireEvent.change(within(dialog).getByRole('textbox'), { target: { value: 'Known noise.' } })
    fireEvent.keyDown(within(dialog).getByRole('textbox'), { key: 'Enter', ctrlKey: true })
    await waitFor(() => expect(core.calls).toMatchObject([{ input: { command: 'promote', reason: 'Known noise.' } }]))
  })

  it('shows what the guard asks with its two ways on', async () => {
    const { core } = openScreen('/services/checkout', world('asking'))
    const banner = await screen.findByRole('status', { name: 'The guard asks' })
    expect(banner.textContent).toContain('CPU 91 % over 30 s, limit 85 %')
    fireEvent.click(within(banner).getByRole('button', { name: /^Roll back to/ }))
    expect((await screen.findByRole('dialog')).textContent).toContain('Roll back checkout?')
    fireEvent.keyDown(document.activeElement ?? document.body, { key: 'Escape' })
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    fireEvent.click(within(banner).getByRole('button', { name: 'Go on, having seen it' }))
    await waitFor(() => expect(core.calls).toMatchObject([{ input: { command: 'resume' } }]))
  })

  it('says of a version that it was rolled back before', async () => {
    openScreen('/services/checkout', world('rejected'))
    const banner = await screen.findByRole('region', { name: 'Rolled back before' })
    expect(banner.textContent).toContain('Error ratio 4.1 %')
    expect(banner.textContent).toContain('no live traffic until someone says so')
  })
})

describe('evidence and trying', () => {
  it('draws a verdict from what the journal keeps, in words too', async () => {
    openScreen('/audit?entry=48214', world('failing'))
    const picture = await screen.findByRole('region', { name: 'Error ratio, what decided' })
    expect(picture.textContent).toContain('breaches in a row 2, fails at 2')
    expect(picture.textContent).toMatch(/new version54 errors in \d{3} requests/)
    expect(await within(picture).findByRole('img', { name: /^Error ratio from .*Limit 1 %\. Judged on .*: fail\.$/ })).toBeTruthy()
  })

  it('prints the same picture in the report of a release', async () => {
    openScreen('/audit/release/checkout-2', world('failing'))
    expect((await screen.findByRole('region', { name: 'Error ratio, what decided' })).textContent).toContain('54 errors')
  })

  it('tries a criterion: the query as it was sent, the samples, the notes and the verdict', async () => {
    const { core } = openScreen('/settings', world('shifting'))
    fireEvent.change(await screen.findByLabelText('Service'), { target: { value: 'checkout' } })
    fireEvent.change(screen.getByLabelText('Criterion'), { target: { value: 'Orders' } })
    fireEvent.change(screen.getByLabelText('Environment'), { target: { value: 'green' } })
    fireEvent.click(screen.getByRole('button', { name: 'Try it' }))
    const answer = await screen.findByRole('region', { name: 'What Orders says of green' })
    expect(within(answer).getByLabelText('Query as it was sent').textContent).toContain('orders_total{service="checkout",environment="green"}')
    expect(within(answer).getByRole('list', { name: 'Notes' }).textContent).toContain('matched 2 series')
    expect(answer.textContent).toContain('12 min 20 orders/min')
    expect(await within(answer).findByRole('img', { name: /^Orders on green: \d+ samples between / })).toBeTruthy()
    expect(core.calls).toMatchObject([{ name: 'service.tryCriterion', input: { service: 'checkout', environment: 'green', criterion: { name: 'Orders' } } }])
    expect(screen.getByRole('list', { name: 'Sources of metrics' }).textContent).toContain('prometheus')
  })
})
