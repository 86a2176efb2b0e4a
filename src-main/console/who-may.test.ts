import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { command, halfway, holding, operationId, refusalOf, release, rolledBack, settled, weightsOf } from './testing/acts.ts'
import { withShop } from './testing/shop.ts'

const me = userInfo().username
const rolesOf = (role: string) => `roles: {someone-else: admin${role === '' ? '' : `, ${me}: ${role}`}}`

describe('presses', () => {
  test(
    'a double click is one act, also when its first answer was lost; two people on one revision are not',
    withShop({}, async (shop) => {
      const console = await shop.open()
      await settled(console)
      const create = operationId()
      const [first, second] = await Promise.all([release(console, 'good-2', { operationId: create }), release(console, 'good-2', { operationId: create })])
      expect(second.release.id).toBe(first.release.id)
      const view = await holding(console)
      expect((await release(console, 'good-2', { operationId: create })).release.id).toBe(first.release.id)
      expect(shop.starts()).toHaveLength(2)

      const seen = view.release!.release.revision
      const promote = operationId()
      const doubled = await Promise.all([command(console, view, 'promote', { operationId: promote, expectedRevision: seen }), command(console, view, 'promote', { operationId: promote, expectedRevision: seen })])
      expect(doubled[0]).toEqual(doubled[1])
      const stale = await refusalOf(command(console, view, 'pause', { expectedRevision: seen }))
      expect([stale.code, stale.data.next]).toEqual(['staleRevision', 'Look at what it is now, then decide again.'])
      const done = await console.until('it is at 100 %', ({ release: found }) => found?.release.phase === 'completed')
      expect(weightsOf(done)).toEqual({ blue: 0, green: 100 })
      const { entries } = await console.journal.search({ filter: { text: '', action: 'release.promote' }, limit: 10 })
      expect(entries).toHaveLength(1)
      // Roll back is decided on whatever is seen: an old revision does not stop it.
      await command(console, done, 'rollBack', { expectedRevision: seen })
      await rolledBack(console)
    }),
  )

  test(
    'a second release of a service is refused with who is in the way, or queued and started by itself',
    withShop({}, async (shop) => {
      const console = await shop.open()
      const view = await halfway(console)
      const refused = await refusalOf(release(console, 'good-3'))
      expect([refused.code, refused.message]).toEqual(['releaseInProgress', expect.stringContaining('web-2 (good-2) is shifting')])
      const queued = await release(console, 'good-3', { queue: true })
      expect(queued.release).toMatchObject({ phase: 'planned', queued: true })
      expect((await console.service.get({ service: 'web' })).queued.map((found) => found.release.candidate.version)).toEqual(['good-3'])
      await command(console, view, 'rollBack')
      const next = await console.until('the queued one runs', ({ release: found }) => found?.release.candidate.version === 'good-3' && found.release.phase === 'shifting' && !found.release.shiftPending)
      expect(next.queued).toEqual([])
      await command(console, next, 'rollBack')
      await rolledBack(console)
    }),
  )
})

describe('roles', () => {
  test(
    'a viewer reads and nothing else, an operator acts, an admin trusts; every refusal is an entry; a change of roles holds at once',
    withShop({}, async (shop) => {
      const console = await shop.open()
      const view = await halfway(console)
      const as = async (role: string) => {
        shop.writeWorkspace(shop.workspaceText({ workspace: role === 'everyone' ? '' : rolesOf(role) }))
        // An admin may read the file again; for everybody else the console is opened again.
        await console.workspace.reload()
      }

      await as('')
      await console.until('the service is read again', ({ observed }) => observed.kind === 'known')
      expect((await console.system.status()).role).toBe('viewer')
      const now = await console.service.get({ service: 'web' })
      expect(now.release?.actions.every((action) => action.blocks.some((block) => block.rule === 'role' && block.reason.includes('viewer')))).toBe(true)
      expect(now.newReleaseBlocks.map((block) => block.rule)).toContain('role')
      const tries = [
        () => command(console, view, 'promote'),
        () => command(console, view, 'rollBack'),
        () => command(console, view, 'pause'),
        () => command(console, view, 'suspendGuard', { reason: 'noise' }),
        () => release(console, 'good-3', { queue: true }),
        () => console.system.stopAll({ reason: '', operationId: operationId() }),
        () => console.workspace.reload(),
        () => console.workspace.trust({ commandsDigest: 'x' }),
      ]
      for (const attempt of tries) expect((await refusalOf(attempt())).code).toBe('notAllowed')
      expect(weightsOf(await console.service.get({ service: 'web' }))).toEqual({ blue: 50, green: 50 })
      const refusals = (await console.journal.search({ filter: { text: '', kind: 'refusal' }, limit: 50 })).entries
      expect(refusals).toHaveLength(tries.length)
      expect(refusals.every((entry) => entry.outcome === 'refused' && entry.operator.id.startsWith(me) && entry.reason.includes('viewer'))).toBe(true)
      // It reads all the same, and what it takes out is noted.
      expect((await console.journal.export({ format: 'jsonl' })).at(-1)).toMatchObject({ kind: 'result' })
      await console.close()

      shop.writeWorkspace(shop.workspaceText({ workspace: rolesOf('operator') }))
      const operator = await shop.open()
      const again = await operator.until('the service is read', ({ observed }) => observed.kind === 'known')
      expect((await operator.system.status()).role).toBe('operator')
      await command(operator, again, 'rollBack')
      await rolledBack(operator)
      expect((await refusalOf(operator.system.stopAll({ reason: '', operationId: operationId() }))).code).toBe('notAllowed')
      const reloads = (await operator.journal.search({ filter: { text: '', action: 'workspace.reloaded' }, limit: 10 })).entries
      expect(reloads[0]).toMatchObject({ before: { roles: {} }, after: { roles: { 'someone-else': 'admin' } } })
    }),
  )

  test(
    'a queued release starts under a viewer’s console too: it is the plan that starts it',
    withShop({ plan: '\n      steps: [{weight: 50, hold: 3s}, 100]\n      criteria: []\n      bake: 0s\n      drain: 1s\n      rollback-window: 0s' }, async (shop) => {
      const admin = await shop.open()
      await halfway(admin)
      await release(admin, 'good-3', { queue: true })
      shop.writeWorkspace(shop.workspaceText({ workspace: rolesOf('') }))
      await admin.workspace.reload()
      const done = await admin.until('good-3 is live', ({ release: found, observed }) => found?.release.candidate.version === 'good-3' && found.release.phase === 'retired' && observed.kind === 'known')
      expect(weightsOf(done)).toEqual({ blue: 100, green: 0 })
      expect((await admin.journal.search({ filter: { text: '', kind: 'refusal' }, limit: 10 })).entries).toEqual([])
    }),
  )

  test(
    'who acts is what the system says and what was typed; both stand in every entry from then on',
    withShop({}, async (shop) => {
      const console = await shop.open()
      const view = await halfway(console)
      expect(await console.system.status()).toMatchObject({ identityNeeded: true, operator: { name: me, known: 'osUser' } })
      await console.system.identify({ name: 'Ada', email: 'ada@example.com' })
      await command(console, view, 'rollBack')
      await rolledBack(console)
      const find = async (action: string) => (await console.journal.search({ filter: { text: '', action }, limit: 10 })).entries
      expect((await find('release.create')).map((entry) => entry.operator.known)).toEqual(['osUser', 'system'])
      expect((await find('operator.identified'))[0]).toMatchObject({ before: { name: me, email: '' }, after: { name: 'Ada', email: 'ada@example.com' } })
      expect((await find('release.rollBack'))[0]?.operator).toMatchObject({ name: 'Ada', email: 'ada@example.com', known: 'selfDeclared', id: expect.stringContaining(`${me}@`) })
      await console.close()
      expect(await (await shop.open()).system.status()).toMatchObject({ identityNeeded: false, operator: { name: 'Ada' } })
    }),
  )
})

describe('the workspace file', () => {
  test(
    'not seen before: nothing runs until it is trusted; commands that change are asked for again, and meanwhile what was trusted stays in force',
    withShop({}, async (shop) => {
      const console = await shop.open({ trustWorkspace: false })
      const asked = await console.workspace.get()
      expect([asked.trusted, asked.commands.map(({ command: line }) => line)]).toEqual([false, expect.arrayContaining([expect.stringContaining('app.cjs')])])
      expect((await refusalOf(release(console, 'good-2'))).code).toBe('workspaceUntrusted')
      expect(shop.starts()).toEqual([])
      expect((await refusalOf(console.workspace.trust({ commandsDigest: 'another' }))).code).toBe('staleRevision')
      await console.workspace.trust({ commandsDigest: asked.commandsDigest })
      let view = await halfway(console)

      shop.writeWorkspace(shop.workspaceText().replace("app.cjs\"", "app.cjs --changed\""))
      await console.workspace.reload()
      expect(await console.workspace.get()).toMatchObject({ trusted: false, problems: [] })
      view = await console.until('it is still driven', ({ observed }) => observed.kind === 'known')
      await command(console, view, 'promote')
      await console.until('it is at 100 %', ({ release: found }) => found?.release.phase === 'completed')
      await console.close()

      // The same in the next life of the console.
      const next = await shop.open({ trustWorkspace: false })
      expect((await next.workspace.get()).trusted).toBe(false)
      view = await next.until('it is read', ({ observed }) => observed.kind === 'known')
      await command(next, view, 'rollBack')
      expect(weightsOf(await rolledBack(next))).toEqual({ blue: 100, green: 0 })
      await next.workspace.trust({ commandsDigest: (await next.workspace.get()).commandsDigest })
      expect(await next.workspace.get()).toMatchObject({ trusted: true })
      expect((await next.journal.search({ filter: { text: '', action: 'workspace.trusted' }, limit: 10 })).entries).toHaveLength(2)
    }),
  )

  test(
    'broken while a release is under way: said with file, line and column; the last valid one stays in force, also after a restart',
    withShop({}, async (shop) => {
      let console = await shop.open()
      const view = await halfway(console)
      shop.writeWorkspace(shop.workspaceText().replace('    ready:', '    reddy:'))
      await console.workspace.reload()
      const broken = await console.workspace.get()
      expect(broken.problems[0]).toMatchObject({ place: { file: shop.workspaceFile, line: expect.any(Number) as number, column: 5 }, message: expect.stringContaining('reddy') })
      expect(broken.text.split('\n')[broken.problems[0]!.place.line - 1]).toContain('reddy')
      await command(console, view, 'promote')
      await console.until('it is at 100 %', ({ release: found }) => found?.release.phase === 'completed')
      await console.kill()

      console = await shop.open()
      expect((await console.workspace.get()).problems).toHaveLength(1)
      const now = await console.until('it is read', ({ observed }) => observed.kind === 'known')
      await command(console, now, 'rollBack')
      await rolledBack(console)
      shop.writeWorkspace(shop.workspaceText())
      await console.workspace.reload()
      expect(await console.workspace.get()).toMatchObject({ problems: [], trusted: true })
    }),
  )
})

describe('the data folder', () => {
  test(
    'a second console on it reads only, says who has it, and follows what the first one does',
    withShop({}, async (shop) => {
      const first = await shop.open()
      await settled(first)
      const second = await shop.open()
      expect(await second.system.status()).toMatchObject({ mode: 'readOnly', modeReason: expect.stringContaining(`process ${first.pid}`) })
      expect((await refusalOf(release(second, 'good-2'))).code).toBe('readOnly')
      await release(first, 'good-2')
      const view = await holding(second)
      expect(view.release?.actions.every((action) => action.blocks.some((block) => block.rule === 'readOnly'))).toBe(true)
      for (const name of ['promote', 'rollBack'] as const) expect((await refusalOf(command(second, view, name))).code).toBe('readOnly')
      expect((await refusalOf(second.system.stopAll({ reason: '', operationId: operationId() }))).code).toBe('readOnly')
      expect(weightsOf(await first.service.get({ service: 'web' }))).toEqual({ blue: 50, green: 50 })
      expect((await second.journal.verify()).at(-1)).toMatchObject({ ok: true })
      await first.kill()
      const third = await shop.open()
      expect((await third.system.status()).mode).toBe('control')
      await command(third, await holding(third), 'rollBack')
      await rolledBack(third)
      await second.until('the reader sees it', ({ release: found }) => found?.release.phase === 'rolledBack')
    }),
  )

  test(
    'a journal that cannot be read: the console opens, says what is wrong and the way on, acts on nothing, and keeps the file',
    withShop({}, async (shop) => {
      let console = await shop.open()
      const view = await settled(console)
      await console.close()
      const journal = join(shop.dataFolder, 'journal.db')
      const file = openSync(journal, 'r+')
      writeSync(file, Buffer.alloc(4096, 'damaged'), 0, 4096, 0)
      closeSync(file)
      const damaged = readFileSync(journal)
      console = await shop.open({ trustWorkspace: false })
      const status = await console.system.status()
      expect(status.journal).toMatchObject({ writable: false, problem: expect.stringMatching(/journal\.db.*restore/s) })
      expect((await refusalOf(console.journal.search({ filter: { text: '' }, limit: 10 }))).code).toBe('journalUnavailable')
      await refusalOf(release(console, 'good-2'))
      expect(readFileSync(journal).equals(damaged)).toBe(true)
      expect((await fetch(view.observed.kind === 'known' ? (view.observed.value.liveAddress ?? '') : '')).status).toBe(200)
      expect(shop.starts()).toHaveLength(1)
    }),
  )
})

test('one set of data per environment: promoted, by hand or by plan, only while they are in step; roll back waits for nothing', async () => {
  let lagMs: number | null = 60_000
  const sync = createServer((_request, response) => {
    response.statusCode = lagMs === null ? 503 : 200
    response.end(lagMs === null ? 'no idea' : JSON.stringify({ lagMs }))
  })
  await new Promise<void>((resolve) => sync.listen(0, '127.0.0.1', resolve))
  const data = `    data: {per-environment: {sync: {url: "http://127.0.0.1:${(sync.address() as AddressInfo).port}/lag"}, max-lag: 2s}}`
  try {
    await withShop({ service: data, plan: '\n      steps: [{weight: 20, hold: manual}, {weight: 50, hold: 1s}, 100]\n      criteria: []\n      bake: 0s\n      drain: 1s\n      rollback-window: 1h' }, async (shop) => {
      const console = await shop.open()
      lagMs = 0
      let view = await halfway(console)
      const blocked = async (why: string) => {
        view = await console.until(why, ({ release: found }) => found?.actions.some((action) => action.command === 'promote' && action.blocks.some((block) => block.reason.includes(why))) === true)
        expect((await refusalOf(command(console, view, 'promote'))).code).toBe('interlocked')
        expect(view.release?.actions.find((action) => action.command === 'rollBack')?.blocks).toEqual([])
      }
      lagMs = 60_000
      await blocked('60000 ms behind')
      lagMs = null
      await blocked('cannot be read')
      lagMs = 10
      await console.until('nothing is in the way', ({ release: found }) => found?.actions.find((action) => action.command === 'promote')?.blocks.length === 0)
      lagMs = 10
      await command(console, view, 'promote')
      lagMs = 60_000
      // The hold of the second step is over long before the data is in step again.
      view = await console.until('the plan waits', ({ release: found }) => found?.release.stepIndex === 1 && found.next.startsWith('Held'))
      expect(view.release?.next).toContain('60000 ms behind')
      expect(weightsOf(view)).toEqual({ blue: 50, green: 50 })
      lagMs = 10
      view = await console.until('the plan goes on', ({ release: found }) => found?.release.phase === 'completed')
      lagMs = null
      await command(console, view, 'rollBack')
      await rolledBack(console)
    })()
  } finally {
    sync.closeAllConnections()
    sync.close()
  }
})
