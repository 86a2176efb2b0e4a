import { expect, test } from 'vitest'
import { composeCore } from '../../compose.ts'
import type { JournalEntry } from '../../contract/journal.ts'
import { command, halfway, operationId, refusalOf, release, rolledBack } from '../testing/acts.ts'
import type { ChildConsole } from '../testing/child-console.ts'
import { withShop } from '../testing/shop.ts'
import { openReceiver, type Receiver } from './testing/receiver.ts'

/** Consoles in processes of their own, on real services, telling real receivers. */

async function withReceivers(count: number, work: (...receivers: Receiver[]) => Promise<void>): Promise<void> {
  const receivers = await Promise.all(Array.from({ length: count }, () => openReceiver()))
  try {
    await work(...receivers)
  } finally {
    await Promise.all(receivers.map((receiver) => receiver.close()))
  }
}

const hook = (name: string, url: string, more = '') => `  ${name}: {url: "${url}", on: [rolled-back, waiting, guard-suspended]${more}}\n`
const events = ({ received }: Receiver) => received.map(({ headers }) => String(headers['signalbox-event']))
const idsOf = ({ received }: Receiver, event: string) => received.filter(({ headers }) => headers['signalbox-event'] === event).map(({ headers }) => String(headers['signalbox-id']))
const entriesOf = async (console: ChildConsole, action: string): Promise<readonly JournalEntry[]> => (await console.journal.search({ filter: { text: '', action }, limit: 50 })).entries.toReversed()

async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test.each(['notification.before', 'notification.after'])('killed at %s: the next console tells it, with the same id', (point) =>
  withReceivers(1, (there) =>
    withShop({ workspace: `notify:\n${hook('ops', there.url)}` }, async (shop) => {
      const first = await shop.open()
      const view = await halfway(first)
      await until('the step was told', async () => events(there).includes('waiting') && (await entriesOf(first, 'notification.sent')).length === 1)
      first.arm(`${point}:1`)
      await command(first, view, 'rollBack').catch(() => {})
      await first.gone
      const before = idsOf(there, 'rolledBack')
      expect(before).toHaveLength(point === 'notification.before' ? 0 : 1)
      const second = await shop.open()
      await rolledBack(second)
      await until('it was told', () => idsOf(there, 'rolledBack').length === before.length + 1)
      const [entry] = await entriesOf(second, 'release.rollBack')
      expect(new Set(idsOf(there, 'rolledBack'))).toEqual(new Set([entry?.hash]))
      await until('it is journaled', async () => (await entriesOf(second, 'notification.sent')).length === 2)
      expect(await second.journal.verify()).toContainEqual(expect.objectContaining({ kind: 'result', ok: true }))
    })(),
  ),
)

test('a webhook that hangs holds up neither a roll back, nor another webhook; the console that only looks tells nobody', () =>
  withReceivers(2, (hangs, good) =>
    withShop({ workspace: `notify:\n${hook('hangs', hangs.url)}${hook('good', good.url)}` }, async (shop) => {
      hangs.script(...Array.from({ length: 50 }, () => () => {}))
      const console = await shop.open()
      const looking = await shop.open({ trustWorkspace: false })
      expect((await looking.system.status()).mode).toBe('readOnly')
      const view = await halfway(console)
      await hangs.got(1)
      await command(console, view, 'rollBack')
      await rolledBack(console)
      await good.got(2)
      await until('it is journaled', async () => (await entriesOf(console, 'notification.sent')).length === 2)
      const order = (await console.journal.search({ filter: { text: '', releaseId: 'web-2' }, limit: 100 })).entries.toReversed()
      const at = (action: string, outcome: string) => order.findLastIndex((entry) => entry.action === action && entry.outcome === outcome)
      expect([at('release.rollBack', 'sent'), at('effect.setWeights', 'verified'), at('notification.failed', 'failed')]).toEqual([expect.any(Number), expect.any(Number), -1])
      expect(at('release.rollBack', 'sent')).toBeGreaterThan(0)
      expect(at('effect.setWeights', 'verified')).toBeGreaterThan(at('release.rollBack', 'sent'))
      // Two consoles are open: everything came once.
      await new Promise((resolve) => setTimeout(resolve, 500))
      expect(events(good)).toEqual(['waiting', 'rolledBack'])
      expect(hangs.received).toHaveLength(1)
      expect(await refusalOf(looking.system.testConnection({ provider: 'webhook:good' }))).toMatchObject({ code: 'readOnly' })
    })(),
  ))

test('the secret is read when it is used: without it nothing is sent, and the journal says why; "test it" says the same', () =>
  withReceivers(1, (there) =>
    withShop({ workspace: `notify:\n${hook('ops', '${env:HOOK_URL}', ', secret: "${env:HOOK_SECRET}"')}` }, async (shop) => {
      const first = await shop.open({ env: { HOOK_URL: there.url, HOOK_SECRET: 'correct horse' } })
      const view = await halfway(first)
      await there.got(1)
      expect(there.received[0]?.headers['signalbox-signature']).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/)
      const tested = await first.system.testConnection({ provider: 'webhook:ops' })
      expect(tested.checks).toMatchObject([{ name: 'address', ok: true, detail: `http://127.0.0.1:${there.port}, json, signed` }, { name: 'answer', ok: true }])
      expect(events(there)).toEqual(['waiting', 'test'])
      there.script(404)
      expect((await first.system.testConnection({ provider: 'webhook:ops' })).checks[1]).toMatchObject({ ok: false, detail: 'It answered 404.', next: expect.stringContaining('address') })
      expect(await refusalOf(first.system.testConnection({ provider: 'webhook:none' }))).toMatchObject({ code: 'notFound', message: expect.stringContaining('none') })
      expect(first.log() + JSON.stringify(await first.journal.search({ filter: { text: '' }, limit: 500 }))).not.toMatch(/correct horse|t0p-s3cret/)
      await first.close()
      const sent = there.received.length

      // What was valid stays in force while the file has problems: its variables are gone all the same.
      const second = await shop.open({ env: { HOOK_URL: there.url } })
      expect((await second.workspace.get()).problems).toHaveLength(1)
      await second.until('it is read', ({ release: found, observed }) => found?.release.phase === 'shifting' && observed.kind === 'known')
      await command(second, view, 'rollBack')
      await until('it is journaled', async () => (await entriesOf(second, 'notification.failed')).some(({ evidence }) => JSON.stringify(evidence).includes('rolledBack')))
      expect((await entriesOf(second, 'notification.failed')).at(-1)?.summary).toContain('The variable HOOK_SECRET is not set')
      expect(second.log()).toContain('The variable HOOK_SECRET is not set')
      expect((await second.system.testConnection({ provider: 'webhook:ops' })).checks).toMatchObject([{ ok: false, detail: expect.stringContaining('HOOK_SECRET') }])
      expect(there.received).toHaveLength(sent)
    })(),
  ))

test('a roll back from a terminal with no console running is told too; the next console does not tell it again', () =>
  withReceivers(1, (there) =>
    withShop({ workspace: `notify:\n${hook('ops', there.url)}` }, async (shop) => {
      const first = await shop.open()
      const { release: held } = await halfway(first)
      await there.got(1)
      await until('it is journaled', async () => (await entriesOf(first, 'notification.sent')).length === 1)
      await first.close()
      const lever = await composeCore({ host: 'terminal', auditFile: null, scope: 'leverOnly', dataFolder: shop.dataFolder, workspaceFile: shop.workspaceFile, trustWorkspace: false })
      const context = { signal: new AbortController().signal }
      await lever.dispatch.service.list({}, context)
      await until('traffic is read', async () => (await lever.dispatch.service.get({ service: 'web' }, context)).observed.kind === 'known')
      await lever.dispatch.release.command({ releaseId: held?.release.id ?? '', command: 'rollBack', reason: 'from a plane', force: false, operationId: operationId() }, context)
      await lever.close()
      expect(events(there)).toEqual(['waiting', 'rolledBack'])
      const second = await shop.open()
      await rolledBack(second)
      await release(second, 'good-3')
      await there.got(3)
      expect(events(there)).toEqual(['waiting', 'rolledBack', 'waiting'])
    })(),
  ))
