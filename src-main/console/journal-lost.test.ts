import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openLoop, targetOf } from '../bench/load.ts'
import type { Fault } from '../contract/fault.ts'
import type { ServiceView } from '../contract/service.ts'
import { temporaryFolder } from '../store/testing/fixtures.ts'
import { command, generationOf, halfway, refusalOf, release, rolledBack, weightsOf } from './testing/acts.ts'
import type { ChildConsole } from './testing/child-console.ts'
import { createShop, type Shop } from './testing/shop.ts'

const canMount = triesToMount()
/** Everything but roll back is refused, says why, and nothing of it happens. */
async function expectOnlyRollBack(console: ChildConsole, view: ServiceView): Promise<void> {
  for (const name of ['promote', 'promoteFully', 'pause'] as const) {
    const fault = await refusalOf(command(console, view, name))
    expect([name, fault.code, fault.data.next.length > 0]).toEqual([name, 'journalUnavailable', true])
  }
  const created = await refusalOf(release(console, 'good-3', { start: false, queue: true }))
  expect(created.code).toBe('journalUnavailable')
  const now = await console.service.get({ service: 'web' })
  expect([weightsOf(now), generationOf(now), now.release?.release.phase]).toEqual([{ blue: 50, green: 50 }, generationOf(view), 'shifting'])
  // Buttons say it too, before they are pressed.
  expect(now.release?.actions.find((action) => action.command === 'promote')?.blocks.map((block) => block.rule)).toContain('journal')
  expect(now.release?.actions.find((action) => action.command === 'rollBack')?.blocks).toEqual([])
}

async function rollBack(console: ChildConsole, view: ServiceView): Promise<void> {
  await command(console, view, 'rollBack')
  const back = await rolledBack(console)
  expect(weightsOf(back)).toEqual({ blue: 100, green: 0 })
  expect(generationOf(back)).toBe(generationOf(view) + 1)
}

/** The roll back is in the journal afterwards, as what it was, and the chain holds. */
async function expectMerged(console: ChildConsole, releaseId: string): Promise<void> {
  const find = async () => (await console.journal.search({ filter: { text: '', releaseId }, limit: 100 })).entries
  for (let waited = 0; waited < 8000 && !(await find()).some((entry) => entry.action === 'release.rollBack'); waited += 100) await new Promise((resolve) => setTimeout(resolve, 100))
  const entries = await find()
  const intent = entries.find((entry) => entry.action === 'release.rollBack')
  expect(intent).toMatchObject({ emergency: true, kind: 'intent', reason: 'the test', outcome: 'sent' })
  expect(entries.find((entry) => entry.action === 'effect.setWeights' && entry.operationId === intent?.operationId)).toMatchObject({ emergency: true, outcome: 'verified' })
  // What was refused left no trace of having been done.
  expect(entries.filter((entry) => entry.action === 'release.promote')).toEqual([])
  expect((await console.journal.verify()).at(-1)).toMatchObject({ kind: 'result', ok: true })
  expect((await console.system.status()).journal).toMatchObject({ writable: true, problem: '' })
}

function fillUp(file: string): void {
  const ballast = openSync(file, 'w')
  try {
    for (const size of [1 << 20, 4096, 512, 1]) {
      try {
        for (;;) writeSync(ballast, Buffer.alloc(size))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  } finally {
    closeSync(ballast)
  }
}

async function withMount(mount: (shop: Shop) => void, work: (shop: Shop) => Promise<void>): Promise<void> {
  const shop = createShop()
  mkdirSync(shop.dataFolder, { mode: 0o700 })
  mount(shop)
  const isMounted = () => spawnSync('mountpoint', ['-q', shop.dataFolder]).status === 0
  let failure: unknown
  await work(shop).catch((error: unknown) => (failure = error))
  await shop
    .dispose(() => {
      // A process that has just ended may hold on for a moment.
      for (let tries = 0; tries < 100 && isMounted(); tries += 1) {
        if (spawnSync('umount', [shop.dataFolder], { stdio: 'ignore' }).status !== 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
      }
    })
    .catch((error: unknown) => (failure ??= error))
  if (failure !== undefined) throw failure
}

test.skipIf(!canMount)('a full disk: everything is refused but roll back, which is done, kept, and merged when there is room', async () => {
  await withMount(
    ({ dataFolder }) => expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', dataFolder]).status).toBe(0),
    async (shop) => {
      let console = await shop.open()
      let view = await halfway(console)
      const load = openLoop(targetOf(await shop.live()), 200)
      const ballast = join(shop.dataFolder, 'ballast')
      fillUp(ballast)

      // The log has some room of its own left: acts go through, whole, until it is used up; then one is refused, whole.
      let fault: Fault | null = null
      for (let i = 0; i < 400 && !fault; i += 1) {
        const before = await console.service.get({ service: 'web' })
        fault = await command(console, before, before.release?.release.paused ? 'resume' : 'pause').then(
          () => null,
          (error: Fault) => error,
        )
        view = await console.service.get({ service: 'web' })
        if (fault) expect(view.release?.release).toEqual(before.release?.release)
        fillUp(ballast)
      }
      expect(fault).toMatchObject({ data: { code: 'journalUnavailable', cause: 'errored', retryable: true, message: expect.stringMatching(/full|space/i) } })
      expect((await console.system.status()).journal).toMatchObject({ writable: false, problem: expect.stringMatching(/full|space/i) })

      if (view.release?.release.paused === null) await expectOnlyRollBack(console, view)
      else expect((await refusalOf(command(console, view, 'promote'))).code).toBe('journalUnavailable')
      await rollBack(console, view)
      const releaseId = view.release?.release.id ?? ''

      // The same on the same full disk in the next life of the console.
      await console.kill()
      console = await shop.open()
      expect((await console.until('it is read', ({ observed }) => observed.kind === 'known')).release?.release.phase).toBe('rolledBack')
      expect((await console.system.status()).journal.writable).toBe(false)

      rmSync(ballast)
      await expectMerged(console, releaseId)
      const { errors, sent } = await load.stop()
      expect(errors).toEqual({})
      expect(sent).toBeGreaterThan(100)
    },
  )
}, 60_000)

test.skipIf(!canMount)('a data folder that became read-only: the same, from the start of the console', async () => {
  await withMount(
    () => {},
    async (shop) => {
      let console = await shop.open()
      const view = await halfway(console)
      await console.close()
      // For whoever comes from now on; the supervisor has its files open already, as on a disk that was remounted.
      expect(spawnSync('mount', ['--bind', shop.dataFolder, shop.dataFolder]).status).toBe(0)
      expect(spawnSync('mount', ['-o', 'remount,ro,bind', shop.dataFolder]).status).toBe(0)
      console = await shop.open()
      await console.until('it is read', ({ observed }) => observed.kind === 'known')
      expect((await console.system.status()).journal).toMatchObject({ writable: false, problem: expect.stringMatching(/read-only|cannot be written/i) })
      await expectOnlyRollBack(console, view)
      await rollBack(console, view)
      await console.close()
      expect(spawnSync('umount', [shop.dataFolder]).status).toBe(0)
      console = await shop.open()
      await expectMerged(console, view.release?.release.id ?? '')
    },
  )
}, 60_000)

function triesToMount(): boolean {
  const place = temporaryFolder()
  try {
    const able = process.getuid?.() === 0 && existsSync('/bin/mount') && spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', place.path]).status === 0
    if (able) spawnSync('umount', [place.path])
    else console.warn('SKIPPED: a console on a full and on a read-only disk needs the right to mount one')
    return able
  } finally {
    place.dispose()
  }
}
