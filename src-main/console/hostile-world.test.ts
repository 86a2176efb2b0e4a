import { renameSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openLoop, targetOf } from '../bench/load.ts'
import { command, halfway, holding, observedOf, refusalOf, release, rolledBack, settled, weightsOf } from './testing/acts.ts'
import { type Shop, withShop } from './testing/shop.ts'

/** Real processes are killed, real ports are taken, real programs do not start. Traffic, words and ways out are looked at. */

const until = async (what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 15_000) => {
  const deadline = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function answers(address: string, version: string): Promise<boolean> {
  return fetch(address, { signal: AbortSignal.timeout(1000) }).then(
    async (response) => response.status === 200 && (await response.text()) === version,
    () => false,
  )
}

describe('what dies under the console', () => {
  test(
    'the supervisor: it is brought back, no request is lost, and acts go on',
    withShop({}, async (shop) => {
      const console = await shop.open()
      const view = await halfway(console)
      const before = await shop.pids()
      const load = openLoop(targetOf(await shop.live()), 100)
      process.kill(before.supervisor, 'SIGKILL')
      await until('another supervisor', async () => ![0, before.supervisor].includes((await shop.pids()).supervisor))
      await console.until('it is read again', ({ observed }) => observed.kind === 'known')
      const after = await shop.pids()
      expect([after.router, after.blue, after.green]).toEqual([before.router, before.blue, before.green])
      await command(console, view, 'promote')
      const done = await console.until('it is at 100 %', ({ release: found, observed }) => found?.release.phase === 'completed' && observed.kind === 'known')
      expect(weightsOf(done)).toEqual({ blue: 0, green: 100 })
      const { errors, sent } = await load.stop()
      expect(errors).toEqual({})
      expect(sent).toBeGreaterThan(20)
    }),
  )

  test(
    'supervisor and router together: the console says that it cannot read traffic, and brings both back',
    withShop({}, async (shop) => {
      const console = await shop.open()
      const view = await halfway(console)
      const before = await shop.pids()
      const live = await shop.live()
      const seen: string[] = []
      const watching = setInterval(() => {
        void console.service.get({ service: 'web' }).then(
          ({ observed }) => observed.kind === 'unknown' && seen.push(observed.why),
          () => {},
        )
      }, 10)
      // The router first: a supervisor that is killed alone is brought back by it.
      process.kill(before.supervisor, 'SIGSTOP')
      process.kill(before.router, 'SIGKILL')
      process.kill(before.supervisor, 'SIGKILL')
      await until('nobody answers (control)', async () => !(await answers(live, 'good-1')) && !(await answers(live, 'good-2')), 3000)
      await until('traffic is back', async () => (await answers(live, 'good-1')) || answers(live, 'good-2'))
      await console.until('it is read again', ({ observed }) => observed.kind === 'known' && observed.value.weights.blue === 50)
      clearInterval(watching)
      expect(seen.join('\n')).toMatch(/supervisor/)
      expect((await shop.pids()).blue).toBe(before.blue)
      await command(console, view, 'rollBack')
      expect(weightsOf(await rolledBack(console))).toEqual({ blue: 100, green: 0 })
    }),
  )

  test(
    'the router: the next one takes the same sockets, and only what was in flight is lost',
    withShop({}, async (shop) => {
      const console = await shop.open()
      const view = await halfway(console)
      const before = await shop.pids()
      const load = openLoop(targetOf(await shop.live()), 100)
      await until('requests flow', () => load.sent() > 30)
      process.kill(before.router, 'SIGKILL')
      await until('another router', async () => ![0, before.router].includes((await shop.pids()).router))
      const atReturn = load.errors()
      await until('more requests', () => load.sent() > 100)
      await command(console, view, 'rollBack')
      expect(weightsOf(await rolledBack(console))).toEqual({ blue: 100, green: 0 })
      const { errors } = await load.stop()
      const lost = Object.values(errors).reduce((sum, count) => sum + count, 0)
      expect({ errors, lost: lost <= Math.max(atReturn, 20) }).toEqual({ errors, lost: true })
      expect(Object.keys(errors).filter((error) => error === 'ECONNREFUSED')).toEqual([])
    }),
  )

  test(
    'the live process: failing, in the inbox, started again; its requests are missed meanwhile (control)',
    withShop({ service: '    restart: {max: 5, window: 1m, pause: 2s, longest-pause: 2s}' }, async (shop) => {
      shop.writeWorkspace(shop.workspaceText().replace('    restart: {max: 2, window: 1m, pause: 50ms, longest-pause: 100ms}\n', ''))
      const console = await shop.open()
      await settled(console)
      const load = openLoop(targetOf(await shop.live()), 50)
      process.kill((await shop.pids()).blue, 'SIGKILL')
      const failing = await console.until('it fails', ({ health }) => health === 'failing')
      expect(failing.healthReason).toMatch(/^blue has 100 % of live traffic and is (crashed|starting|unready)/)
      await until('the inbox has it', () => console.waiting().some((item) => item.kind === 'health' && item.service === 'web'))
      // Its error ratio is bad news for some seconds more; that it is dead is over.
      await console.until('it is ready again', ({ healthReason, observed }) => !healthReason.includes('and is') && observed.kind === 'known' && observed.value.environments.blue.readiness === 'ready')
      expect((await load.stop()).errors).not.toEqual({})
      expect(shop.starts()).toHaveLength(2)
    }),
  )

  test(
    'the candidate during a shift: no further step, the rest of the traffic goes on, roll back is one press',
    withShop({}, async (shop) => {
      const console = await shop.open()
      let view = await halfway(console)
      // As often as it takes for the supervisor to give it up.
      for (let tries = 0; tries < 10; tries += 1) {
        const { green } = await shop.pids()
        if (green > 0) process.kill(green, 'SIGKILL')
        await new Promise((resolve) => setTimeout(resolve, 150))
        view = await console.service.get({ service: 'web' })
        if (view.observed.kind === 'known' && view.observed.value.environments.green.readiness === 'crashed') break
      }
      view = await console.until('green is given up', ({ observed }) => observed.kind === 'known' && observed.value.environments.green.readiness === 'crashed')
      expect(view.health).toBe('failing')
      const refused = await refusalOf(command(console, view, 'promote'))
      expect([refused.code, refused.message]).toEqual(['interlocked', expect.stringContaining('green (good-2) is crashed')])
      await command(console, view, 'rollBack')
      expect(weightsOf(await rolledBack(console))).toEqual({ blue: 100, green: 0 })
      expect(await answers(await shop.live(), 'good-1')).toBe(true)
    }),
  )
})

describe('what does not come up', () => {
  test(
    'a version that is not there, or ends at once, or is never ready, or whose command is missing: said at once or at the end of its time, traffic untouched',
    withShop({ versions: ['good-1', 'good-2', 'crashes-1', 'unready-1'] }, async (shop) => {
      const console = await shop.open()
      await settled(console)
      const load = openLoop(targetOf(await shop.live()), 50)

      const unknown = await refusalOf(release(console, 'good-9'))
      expect([unknown.code, unknown.message, unknown.data.next]).toEqual(['versionUnknown', expect.stringContaining('is not a folder in'), expect.stringContaining('listed version')])
      expect((await refusalOf(release(console, '../data'))).code).toBe('versionUnknown')

      // There when it was picked, gone when it is started.
      const planned = await release(console, 'good-2', { start: false })
      renameSync(join(shop.folder, 'versions', 'good-2'), join(shop.folder, 'good-2'))
      await console.release.command({ releaseId: planned.release.id, command: 'start', reason: '', force: false, operationId: 'operation-start-1' })
      const gone = await console.until('the deploy failed', ({ release: found }) => found?.release.phase === 'failed')
      expect(gone.release?.release.failure?.fault).toMatchObject({ code: 'versionUnknown' })
      expect(gone.release?.actions.map((action) => action.command)).toEqual(expect.arrayContaining(['retry', 'abandon']))
      await until('the inbox has it', () => console.waiting().some((item) => item.kind === 'failed'))
      renameSync(join(shop.folder, 'good-2'), join(shop.folder, 'versions', 'good-2'))
      await command(console, gone, 'retry')
      await command(console, await holding(console), 'rollBack')
      await rolledBack(console)

      await release(console, 'crashes-1')
      const crashed = await console.until('it ended at once', ({ release: found }) => found?.release.phase === 'failed')
      expect(crashed.release?.release.failure?.fault).toMatchObject({ code: 'processCrashed', message: expect.stringMatching(/crashes-1 on green does not stay up.*Live traffic was not touched/s) })
      await command(console, crashed, 'abandon')
      await console.until('it is abandoned', ({ release: found }) => found?.release.phase === 'abandoned')

      await release(console, 'unready-1')
      const unready = await console.until('it was never ready', ({ release: found }) => found?.release.phase === 'failed')
      expect(unready.release?.release.failure?.fault).toMatchObject({ code: 'readinessTimeout', message: expect.stringMatching(/did not become ready.*Live traffic was not touched/s) })
      await command(console, unready, 'rollBack')
      const back = await rolledBack(console)
      expect(weightsOf(back)).toEqual({ blue: 100, green: 0 })

      shop.writeWorkspace(shop.workspaceText().replace(/run: .*/, 'run: no-such-program app.cjs'))
      await console.workspace.reload()
      await console.workspace.trust({ commandsDigest: (await console.workspace.get()).commandsDigest })
      const missing = await refusalOf(release(console, 'good-2'))
      expect([missing.code, missing.message]).toEqual(['commandNotFound', expect.stringContaining('no-such-program was not found')])

      const { errors, sent } = await load.stop()
      expect(errors).toEqual({})
      expect(sent).toBeGreaterThan(50)
      const refused = (await console.journal.search({ filter: { text: '', kind: 'refusal' }, limit: 10 })).entries
      expect(refused.map((entry) => [entry.action, entry.outcome])).toEqual([['release.create', 'failed'], ['release.create', 'refused'], ['release.create', 'refused']])
    }),
    60_000,
  )

  test('a port that is taken: who holds it is said, and once it is free the service comes up by itself', async () => {
    const holder = await listening()
    const { port } = holder.address() as AddressInfo
    await withShop({ service: `    port: ${port}` }, async (shop: Shop) => {
      const console = await shop.open()
      const held = await console.until('it says who', ({ observed }) => observed.kind === 'unknown' && observed.why.includes(String(port)))
      expect(held.observed.kind === 'unknown' && held.observed.why).toContain(String(process.pid))
      expect((await console.system.status()).providers[0]).toMatchObject({ ok: false, detail: expect.stringContaining(String(port)) })
      await new Promise((resolve) => holder.close(resolve))
      const view = await settled(console)
      expect(observedOf(view).liveAddress).toBe(`http://127.0.0.1:${port}`)
      expect(await answers(`http://127.0.0.1:${port}`, 'good-1')).toBe(true)
    })().finally(() => holder.close())
  })

  test(
    'the old version is gone when it is rolled back to: it is started again first, and traffic stays until it is ready',
    withShop({ plan: '\n      steps: [100]\n      criteria: []\n      bake: 0s\n      drain: 1s\n      rollback-window: 0s' }, async (shop) => {
      const console = await shop.open()
      await settled(console)
      await release(console, 'good-2')
      const retired = await console.until('blue is stopped', ({ release: found, observed }) => found?.release.candidate.version === 'good-2' && found.release.phase === 'retired' && observed.kind === 'known' && observed.value.environments.blue.readiness === 'stopped')
      const load = openLoop(targetOf(await shop.live()), 50)
      await command(console, retired, 'rollBack')
      const back = await rolledBack(console)
      expect(weightsOf(back)).toEqual({ blue: 100, green: 0 })
      expect(await answers(await shop.live(), 'good-1')).toBe(true)
      expect((await load.stop()).errors).toEqual({})
      // Control: it did have to be started.
      expect(shop.starts().filter((line) => line.startsWith('good-1 blue'))).toHaveLength(2)
    }),
  )
})

function listening(): Promise<Server> {
  const server = createServer()
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
