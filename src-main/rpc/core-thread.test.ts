import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { openClient } from '../contract/client.ts'
import { pipeOverPort } from '../contract/port-pipe.ts'
import { startCoreThread } from './core-thread.ts'
import { portLike } from './port-like.ts'

const options = { host: 'web', dataFolder: '', workspaceFile: null, auditFile: null, trustWorkspace: false, scope: 'whole' } as const
const folder = mkdtempSync(join(tmpdir(), 'signalbox-thread-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A thread whose core is what `compose` says, as the text of a function. */
function threadOf(name: string, compose: string): URL {
  const file = join(folder, `${name}.mjs`)
  const here = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  writeFileSync(
    file,
    `import { serveThread } from ${here('serve-thread.ts')}
import { composeConformanceDouble } from ${here('testing/core-double.ts')}
import { Fault } from ${here('../contract/fault.ts')}
await serveThread(${compose})
`,
  )
  return pathToFileURL(file)
}

const log = () => undefined

test('a fault while composing is the fault of starting', async () => {
  const entry = threadOf('fault', `() => Promise.reject(new Fault('dataFolderBusy', 'Somebody has it.', 'Wait.'))`)
  await expect(startCoreThread(entry, options, log)).rejects.toMatchObject({ data: { code: 'dataFolderBusy', next: 'Wait.' } })
})

test('a bug while composing, and a module that cannot be loaded, are faults too', async () => {
  await expect(startCoreThread(threadOf('bug', `() => { throw new Error('a bug') }`), options, log)).rejects.toMatchObject({ data: { code: 'internal', message: expect.stringContaining('a bug') as unknown } })
  await expect(startCoreThread(pathToFileURL(join(folder, 'gone.mjs')), options, log)).rejects.toMatchObject({ data: { code: 'internal' } })
})

test('close closes the core, ends the thread and its sessions', async () => {
  const thread = await startCoreThread(threadOf('close', 'composeConformanceDouble'), options, log)
  const client = await openClient(pipeOverPort(portLike(thread.openSession())))
  expect((await client.system.status()).appVersion).toBe('0.0.0-double')
  const hanging = expect(client.workspace.trust({ commandsDigest: '' })).rejects.toMatchObject({ data: { code: 'disconnected' } })
  await thread.close()
  expect(await thread.ended).toBeNull()
  await hanging
})

test('a core that does not close is given up after its deadline', async () => {
  const thread = await startCoreThread(threadOf('stuck', `async (options) => ({ ...(await composeConformanceDouble(options)), close: () => new Promise(() => setInterval(() => {}, 1000)) })`), options, log)
  await thread.close()
  expect(await thread.ended).toBeNull()
})

test('a thread that dies says why, and its sessions end as disconnected', async () => {
  const thread = await startCoreThread(threadOf('dies', `async (options) => { setTimeout(() => { throw new Error('it fell over') }, 200); return composeConformanceDouble(options) }`), options, log)
  const client = await openClient(pipeOverPort(portLike(thread.openSession())))
  const hanging = client.workspace.trust({ commandsDigest: '' })
  await expect(hanging).rejects.toMatchObject({ data: { code: 'disconnected' } })
  expect((await thread.ended)?.message).toContain('it fell over')
})
