import { spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpsServer, get as httpsGet } from 'node:https'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Webhook } from '../../contract/workspace.ts'
import { QUEUE_LIMIT } from './outbox.ts'
import { type Harness, openHarness, webhook } from './testing/harness.ts'
import { openReceiver, type Receiver } from './testing/receiver.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function receiver(port = 0): Promise<Receiver> {
  const opened = await openReceiver(port)
  cleanups.push(() => opened.close())
  return opened
}
async function harness(...webhooks: Webhook[]): Promise<Harness> {
  const opened = await openHarness(webhooks)
  cleanups.push(() => opened.dispose())
  return opened
}
async function freePort(): Promise<number> {
  const opened = await openReceiver()
  await opened.close()
  return opened.port
}
/** Evidence of the outcomes that are journaled, oldest first. */
async function outcomes(from: Harness, action: 'notification.sent' | 'notification.failed') {
  return (await from.entries(action)).map(({ evidence, summary }) => ({ ...(evidence as { id: string; webhook: string; host: string; attempts: number; status: number | null }), summary }))
}

describe('what arrives', () => {
  test('a roll back, once, as JSON, with the id of its entry; and its outcome is in the journal', async () => {
    const there = await receiver()
    const here = await harness(webhook('ops', there.url))
    here.open()
    const entry = await here.rollBack()
    const [{ body, headers, url }] = (await there.got(1)) as [Receiver['received'][0]]
    expect(JSON.parse(body)).toEqual({
      format: 'signalbox-notification',
      formatVersion: 1,
      id: entry.hash,
      event: 'rolledBack',
      workspace: 'shop',
      tier: 'prod',
      service: 'checkout',
      releaseId: 'checkout-2',
      version: '1.9.0',
      title: 'checkout is rolled back by itself',
      detail: 'Roll back to blue (1.8.0): Error ratio 12 %, limit 1 %.',
      at: new Date(entry.at).toISOString(),
      entrySeq: entry.seq,
      entryHash: entry.hash,
    })
    expect([url, headers['signalbox-id'], headers['signalbox-event'], headers['signalbox-attempt'], headers['content-type'], headers['signalbox-signature']]).toEqual(['/hook/t0p-s3cret', entry.hash, 'rolledBack', '1', 'application/json; charset=utf-8', undefined])
    await here.until('it is journaled', async () => (await outcomes(here, 'notification.sent')).length === 1)
    expect((await here.entries('notification.sent'))[0]).toMatchObject({ kind: 'outcome', outcome: 'accepted', operator: { id: 'system' }, target: { service: 'checkout', releaseId: 'checkout-2' }, evidence: { id: entry.hash, webhook: 'ops', host: `127.0.0.1:${there.port}`, event: 'rolledBack', attempts: 1, status: 200, entrySeq: entry.seq } })
    // News of news would never end.
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(there.received).toHaveLength(1)
    expect(JSON.stringify(await here.entries()) + here.log.join()).not.toContain('t0p-s3cret')
  })

  test('a signature that anybody can verify with the secret, and that fails for another body, time or secret (control)', async () => {
    const there = await receiver()
    const here = await harness(webhook('ops', '${env:HOOK}', { secret: '${env:SECRET}' }))
    here.variables.set('HOOK', there.url).set('SECRET', 'correct horse')
    here.open()
    await here.rollBack()
    const [{ body, headers }] = (await there.got(1)) as [Receiver['received'][0]]
    const verify = (secret: string, text: string, shiftS = 0): boolean => {
      const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['signalbox-signature'])) ?? []
      return createHmac('sha256', secret).update(`${Number(t) + shiftS}.${text}`).digest('hex') === v1 && Math.abs(Date.now() / 1000 - Number(t)) < 300
    }
    expect([verify('correct horse', body), verify('wrong horse', body), verify('correct horse', `${body} `), verify('correct horse', body, 1)]).toEqual([true, false, false, false])
    await here.until('it is journaled', async () => (await outcomes(here, 'notification.sent')).length === 1)
    expect(JSON.stringify(await here.entries()) + here.log.join() + readFileSync(join(here.folder, 'notifications.json'), 'utf8')).not.toMatch(/correct horse|t0p-s3cret/)
  })

  test('only what a webhook asks for', async () => {
    const [all, some] = [await receiver(), await receiver()]
    const here = await harness(webhook('all', all.url), webhook('some', some.url, { on: ['completed'] }))
    here.open()
    await here.rollBack()
    await here.commit({ action: 'release.advance', target: { service: 'checkout', releaseId: 'checkout-3' }, before: { phase: 'baking' }, after: { phase: 'completed' } })
    await all.got(2)
    await some.got(1)
    expect(some.received.map(({ headers }) => headers['signalbox-event'])).toEqual(['completed'])
  })

  test('an item of the inbox once, however often it is told; again when it comes back after a minute, not when it flaps', async () => {
    const there = await receiver()
    const here = await harness(webhook('ops', there.url))
    let nowMs = Date.now()
    const notifier = here.open({ clock: { wallMs: () => nowMs, monotonicMs: () => performance.now(), setTimer: () => () => {} } })
    const item = { id: 'health:checkout', service: 'checkout', releaseId: 'checkout-2', kind: 'health' as const, title: 'Failing', detail: 'green error ratio 9 %.', expiresAt: null, since: 5 }
    const tell = async (items: readonly (typeof item)[]) => {
      notifier.see({ kind: 'waiting', items: [...items] })
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
    await tell([item])
    await tell([{ ...item, detail: 'green error ratio 10 %.', since: 6 }])
    await tell([])
    nowMs += 30_000
    await tell([{ ...item, since: 7 }])
    expect(there.received).toHaveLength(1)
    await tell([])
    nowMs += 61_000
    await tell([{ ...item, since: 8 }])
    await there.got(2)
    expect(there.received.map(({ headers }) => headers['signalbox-id'])).toEqual(['health:checkout@5', 'health:checkout@8'])
  })
})

describe('receivers that fail', () => {
  test('500 and then 200: tried again with the same body and id', async () => {
    const there = await receiver()
    there.script(500, (response) => response.destroy())
    const here = await harness(webhook('ops', there.url))
    here.open()
    await here.rollBack()
    const all = await there.got(3)
    expect(new Set(all.map(({ body }) => body)).size).toBe(1)
    expect(all.map(({ headers }) => headers['signalbox-attempt'])).toEqual(['1', '2', '3'])
    await here.until('it is journaled', async () => (await outcomes(here, 'notification.sent')).length === 1)
    expect(await outcomes(here, 'notification.sent')).toMatchObject([{ attempts: 3, status: 200 }])
  })

  test('Retry-After is honoured, by everything for that webhook', async () => {
    const there = await receiver()
    there.script((response) => response.writeHead(429, { 'retry-after': '1' }).end())
    const here = await harness(webhook('ops', there.url))
    here.open()
    await here.rollBack('checkout')
    await there.got(1)
    await here.rollBack('search')
    const all = await there.got(3)
    const [first, ...later] = all.map(({ at }) => at)
    for (const at of later) expect(at - (first ?? 0)).toBeGreaterThan(950)
  })

  test.each([
    [404, 1],
    [307, 1],
    [408, 8],
    [503, 8],
  ])('%i: given up after %i tries', async (status, attempts) => {
    const [there, elsewhere] = [await receiver(), await receiver()]
    there.script(...Array.from({ length: 20 }, () => (response: import('node:http').ServerResponse) => void response.writeHead(status, { location: elsewhere.url }).end('<p>secret t0p-s3cret</p>')))
    const here = await harness(webhook('ops', there.url))
    here.open()
    await here.rollBack()
    await here.until('it is journaled', async () => (await outcomes(here, 'notification.failed')).length === 1)
    expect(await outcomes(here, 'notification.failed')).toMatchObject([{ attempts, status, summary: expect.stringContaining(`It answered ${status}`) }])
    expect([there.received.length, elsewhere.received.length]).toEqual([attempts, 0])
    expect(JSON.stringify(await here.entries()) + here.log.join()).not.toContain('t0p-s3cret')
  })

  test('hangs, is not there, answers without end: each is one try, and the words say which', async () => {
    const [hangs, endless] = [await receiver(), await receiver()]
    hangs.script(...Array.from({ length: 8 }, () => () => {}))
    endless.script((response) => {
      response.writeHead(200)
      const more = () => !response.destroyed && response.write('x'.repeat(64 * 1024), more)
      more()
    })
    const here = await harness(webhook('hangs', hangs.url), webhook('nobody', `http://127.0.0.1:${await freePort()}/x`), webhook('endless', endless.url))
    here.open({ retryDelaysMs: [20], timeoutMs: 200 })
    await here.rollBack()
    await here.until('they are journaled', async () => (await outcomes(here, 'notification.failed')).length === 2 && (await outcomes(here, 'notification.sent')).length === 1)
    const failed = await outcomes(here, 'notification.failed')
    expect(failed.find(({ webhook: name }) => name === 'hangs')).toMatchObject({ attempts: 2, status: null, summary: expect.stringContaining('did not answer within 0.2 s') })
    expect(failed.find(({ webhook: name }) => name === 'nobody')).toMatchObject({ attempts: 2, status: null, summary: expect.stringContaining('ECONNREFUSED') })
    expect(await outcomes(here, 'notification.sent')).toMatchObject([{ webhook: 'endless', attempts: 1 }])
  })

  test.skipIf(spawnSync('openssl', ['version']).status !== 0)('a certificate nobody vouches for is refused, even where the environment says not to look (control: it would have been taken)', async () => {
    const here = await harness()
    const [key, cert] = [join(here.folder, 'key.pem'), join(here.folder, 'cert.pem')]
    const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert])
    expect(made.status).toBe(0)
    let requests = 0
    const server = createHttpsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
      requests += 1
      response.end()
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const url = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/x`
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    cleanups.push(async () => {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    })
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    here.declare([webhook('ops', url)])
    here.open({ retryDelaysMs: [] })
    await here.rollBack()
    await here.until('it is journaled', async () => (await outcomes(here, 'notification.failed')).length === 1)
    expect(await outcomes(here, 'notification.failed')).toMatchObject([{ status: null, summary: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT') }])
    expect(requests).toBe(0)
    await new Promise<void>((resolve, reject) => void httpsGet(url, { agent: false }, (response) => response.resume().on('end', resolve)).on('error', reject))
    expect(requests).toBe(1)
  })

  test('killed, and back on the same port: what came meanwhile arrives', async () => {
    const there = await openReceiver()
    const { port } = there
    await there.close()
    const here = await harness(webhook('ops', there.url))
    here.open({ retryDelaysMs: Array.from({ length: 200 }, () => 30) })
    const entry = await here.rollBack()
    await here.until('it was tried', () => here.log.some((line) => line.includes('ECONNREFUSED')))
    const back = await receiver(port)
    await back.got(1)
    expect(back.received[0]?.headers['signalbox-id']).toBe(entry.hash)
  })

  test('a dead webhook holds up no other, and its queue ends', async () => {
    const [dead, good] = [await receiver(), await receiver()]
    const many = QUEUE_LIMIT + 20
    dead.script(...Array.from({ length: many * 2 }, () => () => {}))
    const here = await harness(webhook('dead', dead.url), webhook('good', good.url))
    here.open({ timeoutMs: 60_000 })
    for (let n = 0; n < many; n += 1) await here.rollBack(`service-${n}`)
    await good.got(many)
    expect(dead.received).toHaveLength(1)
    await here.until('the rest is journaled', async () => (await outcomes(here, 'notification.failed')).length === 20)
    expect((await outcomes(here, 'notification.failed'))[0]).toMatchObject({ webhook: 'dead', attempts: 0, summary: expect.stringContaining('wait for this webhook already') })
  })

  test('a secret that is not set: nothing is sent, and the journal says which variable', async () => {
    const there = await receiver()
    const here = await harness(webhook('ops', there.url, { secret: '${env:SECRET}' }), webhook('chat', '${env:CHAT_URL}', { format: 'slack' }))
    here.open()
    await here.rollBack()
    await here.until('they are journaled', async () => (await outcomes(here, 'notification.failed')).length === 2)
    const failed = await outcomes(here, 'notification.failed')
    expect(failed.map(({ summary }) => summary).toSorted()).toEqual([expect.stringMatching(/^chat could not .* The variable CHAT_URL is not set/), expect.stringMatching(/^ops \(127.* The variable SECRET is not set/)])
    expect(failed.every(({ attempts }) => attempts === 0)).toBe(true)
    expect(here.log.join('\n')).toContain('The variable SECRET is not set')
    expect(there.received).toEqual([])
  })
})

describe('a console that ends', () => {
  test('between the journal and the delivery: the next one delivers, with the same id', async () => {
    const there = await receiver()
    const here = await harness(webhook('ops', there.url))
    const first = here.open()
    await here.rollBack('search')
    await there.got(1)
    await first.close()
    // In the journal, and never told: as if it had been killed in between.
    const entry = await here.rollBack('checkout', 'why', false)
    here.open()
    await there.got(2)
    await here.until('both are journaled', async () => (await outcomes(here, 'notification.sent')).length === 2)
    expect(there.received.map(({ headers }) => headers['signalbox-id'])).toEqual([expect.any(String), entry.hash])
  })

  test('while the receiver is away: the next one goes on where it was', async () => {
    const away = await freePort()
    const here = await harness(webhook('ops', `http://127.0.0.1:${away}/x`))
    const first = here.open({ retryDelaysMs: [20, 600_000] })
    const entry = await here.rollBack()
    await here.until('it was tried twice', () => here.log.filter((line) => line.includes('ECONNREFUSED')).length === 2)
    await first.close()
    const file = join(here.folder, 'notifications.json')
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { deliveries: { attempts: number; nextAt: number }[] }
    expect(kept.deliveries).toMatchObject([{ attempts: 2 }])
    // Control: what is not due waits.
    const there = await receiver(away)
    const second = here.open()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(there.received).toEqual([])
    await second.close()
    writeFileSync(file, JSON.stringify({ ...kept, deliveries: kept.deliveries.map((delivery) => ({ ...delivery, nextAt: 0 })) }))
    here.open()
    await there.got(1)
    expect([there.received[0]?.headers['signalbox-id'], there.received[0]?.headers['signalbox-attempt']]).toEqual([entry.hash, '3'])
  })

  test('after the answer was journaled and before that was kept: nothing is sent again', async () => {
    const there = await receiver()
    const here = await harness(webhook('ops', there.url))
    const first = here.open()
    await here.rollBack('search')
    await here.until('it is journaled', async () => (await outcomes(here, 'notification.sent')).length === 1)
    await first.close()
    const file = join(here.folder, 'notifications.json')
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { seq: number }
    const [entry] = await here.entries('release.rollBack')
    const delivery = { webhook: 'ops', attempts: 0, nextAt: 0, status: null, ended: null, envelope: { id: entry?.hash, event: 'rolledBack', workspace: 'shop', tier: 'prod', service: 'search', releaseId: null, version: '', title: '', detail: '', at: 1, entrySeq: 1, entryHash: entry?.hash } }
    writeFileSync(file, JSON.stringify({ ...kept, seq: 1, deliveries: [delivery] }))
    const second = here.open()
    await here.rollBack('checkout')
    await there.got(2)
    await second.close()
    expect(there.received.map(({ body }) => (JSON.parse(body) as { service: string }).service)).toEqual(['search', 'checkout'])
  })

  test('what the inbox held before is no news to the next one', async () => {
    const there = await receiver()
    const here = await harness(webhook('ops', there.url))
    const item = { id: 'approval:checkout', service: 'checkout', releaseId: 'checkout-2', kind: 'approval' as const, title: 'Approval', detail: 'When it is approved, 50 % goes to green.', expiresAt: null, since: 5 }
    const first = here.open()
    first.see({ kind: 'waiting', items: [item] })
    await there.got(1)
    await first.close()
    const second = here.open()
    second.see({ kind: 'waiting', items: [item] })
    second.see({ kind: 'waiting', items: [item, { ...item, id: 'approval:search', service: 'search' }] })
    await there.got(2)
    expect(there.received.map(({ body }) => (JSON.parse(body) as { service: string }).service)).toEqual(['checkout', 'search'])
  })

  test('an outcome that the journal does not take waits until it does, and nothing is sent twice for it', async () => {
    const there = await receiver()
    const here = await harness(webhook('ops', there.url))
    here.failJournal(true)
    const first = here.open()
    await here.rollBack()
    await here.until('the log says so', () => here.log.some((line) => line.includes('could not be journaled yet')))
    await first.close()
    here.failJournal(false)
    here.open()
    await here.until('it is journaled', async () => (await outcomes(here, 'notification.sent')).length === 1)
    expect(there.received).toHaveLength(1)
  })

  test('a workspace that is not in force: what is on its way waits; a webhook that is no longer declared is given up', async () => {
    const there = await receiver()
    const here = await harness(webhook('ops', there.url))
    const first = here.open()
    await first.close()
    here.declare(null)
    const second = here.open({ retryDelaysMs: [600_000] })
    await here.rollBack()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(there.received).toEqual([])
    here.declare([webhook('ops', there.url)])
    second.start()
    await there.got(1)
    there.script(500)
    await here.rollBack('search')
    await there.got(2)
    await here.until('it waits for its next try', () => here.log.some((line) => line.includes('Tried again in 600 s')))
    here.declare([])
    second.start()
    await here.until('it is journaled', async () => (await outcomes(here, 'notification.failed')).length === 1)
    expect(there.received).toHaveLength(2)
    expect(await outcomes(here, 'notification.failed')).toMatchObject([{ webhook: 'ops', attempts: 1, summary: expect.stringContaining('does not declare it any more') }])
  })

  test('a roll back that went through the emergency file is told once the journal has it, though nobody says so', async () => {
    const there = await receiver()
    const here = await harness(webhook('ops', there.url))
    here.open({ beatMs: 50 })
    await here.emergencyRollBack()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(there.received).toEqual([])
    await here.commit({}, false)
    await there.got(1)
    const [entry] = await here.entries('release.rollBack')
    expect([there.received[0]?.headers['signalbox-id'], entry?.emergency]).toEqual([entry?.hash, true])
  })

  test('without webhooks nothing is written, and what was before the first one is history', async () => {
    const there = await receiver()
    const here = await harness()
    const first = here.open()
    await here.rollBack()
    await first.close()
    expect(() => readFileSync(join(here.folder, 'notifications.json'))).toThrow('ENOENT')
    here.declare([webhook('ops', there.url)])
    here.open()
    await here.rollBack('search')
    await there.got(1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(there.received.map(({ body }) => (JSON.parse(body) as { service: string }).service)).toEqual(['search'])
  })
})
