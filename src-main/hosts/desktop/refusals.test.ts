import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fail, runDesktopHost } from './run.ts'
import { seen } from './testing/electron-double.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-refusals-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
  seen.switches.clear()
  seen.hasLock = true
})
const start = () =>
  runDesktopHost(
    { host: 'desktop', dataFolder: join(folder, 'data'), workspaceFile: null, auditFile: null, trustWorkspace: false, scope: 'whole' },
    { coreEntry: new URL('testing/attentive-core-worker.ts', import.meta.url), preloadFile: '/preload.cjs', rendererFolder: folder, iconsFolder: '/icons', runtimeManifest: '/none' },
  )

test('without Chromium’s sandbox it does not start, and says what to do', async () => {
  seen.switches.add('no-sandbox')
  const error: unknown = await start().catch((reason: unknown) => reason)
  expect(error).toMatchObject({ data: { code: 'unsupported', next: expect.stringContaining('.deb') } })
  expect(existsSync(join(folder, 'data'))).toBe(false)
  fail(error)
  expect(seen.errors.at(-1)).toContain('without Chromium’s sandbox')
  expect(seen.errors.at(-1)).toContain('Next step:')
  expect(seen.exitCode).toBe(1)
})

test('a second launch on a data folder quits before it opens anything', async () => {
  seen.hasLock = false
  await start()
  expect(seen.quitDone).toBe(true)
  expect(seen.windows).toEqual([])
  expect(seen.handlers.size).toBe(0)
})

test('without screens it says so', async () => {
  await expect(start()).rejects.toMatchObject({ data: { code: 'notFound', message: expect.stringContaining('screens are not built') } })
})
