import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { emptyDocument, putFlag, writeDocument } from '../../core/flags/flag-set.ts'
import { booleanFlag } from '../../core/flags/testing/flags.ts'
import type { FileSettings } from '../flagd/file-settings.ts'
import { isAlive, identify } from './identity.ts'
import { withBench, type Bench } from './test-bench.ts'

const NONE: FileSettings = { folder: null, seed: null, httpPort: 0, syncPort: 0, defaultSet: 'dev' }

/** A folder of sets to be copied, with one flag that is on. */
function seeded(bench: Bench): FileSettings {
  const seed = join(bench.folder, 'seed')
  mkdirSync(seed)
  writeFileSync(join(seed, 'dev.json'), writeDocument(putFlag(emptyDocument(), { ...booleanFlag('new-checkout'), defaultVariant: 'on' })))
  return { ...NONE, seed }
}
async function start(bench: Bench, settings: FileSettings, name = 'shop') {
  const answer = await bench.provider.flagServer.start(name, settings)
  if ('why' in answer) throw new Error(answer.why)
  return answer
}
const evaluate = async (port: number): Promise<unknown> => (await fetch(`http://127.0.0.1:${port}/ofrep/v1/evaluate/flags/new-checkout`, { method: 'POST', body: '{}' })).json()
const serverOf = async (bench: Bench) => (await bench.provider.supervisorStatus())?.flagServers.find(({ name }) => name === 'shop')
const backInsteadOf = (bench: Bench, pid: number | null | undefined) =>
  bench.until('it is back', async () => {
    const now = await serverOf(bench)
    return now?.state === 'ready' && now.pid !== pid
  })

test('a flag server is started when first asked for, comes back at the same ports when it dies, and outlives its supervisor', withBench({}, async (bench) => {
  await bench.provider.ensureSupervisor()
  expect(await serverOf(bench)).toBeUndefined()
  const settings = seeded(bench)
  const looker = bench.openProvider({ onlyLooks: true })
  expect(await looker.flagServer.start('shop', settings)).toHaveProperty('why')
  const [ports, again] = await Promise.all([start(bench, settings), bench.openProvider().flagServer.start('shop', settings)])
  expect(again).toEqual(ports)
  expect(await looker.flagServer.start('shop', settings)).toEqual(ports)
  expect(await evaluate(ports.httpPort)).toMatchObject({ value: true, variant: 'on' })
  const first = await serverOf(bench)
  expect(first).toMatchObject({ state: 'ready', ...ports })

  process.kill(first?.pid ?? 0, 'SIGKILL')
  await backInsteadOf(bench, first?.pid)
  expect(await start(bench, settings)).toEqual(ports)
  expect(await evaluate(ports.httpPort)).toMatchObject({ value: true })

  const before = await bench.provider.supervisorStatus()
  process.kill(before?.pid ?? 0, 'SIGKILL')
  expect(await evaluate(ports.httpPort)).toMatchObject({ value: true })
  await bench.until('another supervisor', async () => {
    await bench.provider.ensureSupervisor()
    return (await bench.provider.supervisorStatus())?.pid !== before?.pid
  })
  expect(await start(bench, settings)).toEqual(ports)
  expect((await serverOf(bench))?.pid).toBe(before?.flagServers[0]?.pid)
  // Taken over, it is still watched.
  const adopted = await serverOf(bench)
  process.kill(adopted?.pid ?? 0, 'SIGKILL')
  await backInsteadOf(bench, adopted?.pid)

  const identity = identify((await serverOf(bench))?.pid ?? 0)
  await bench.provider.stopAll(0)
  expect(identity && isAlive(identity)).toBe(false)
  await bench.until('the supervisor is gone', async () => (await bench.provider.supervisorStatus()) === null)
  // Whoever goes on looking does not bring back what was ended on purpose.
  await expect(start(bench, settings)).rejects.toMatchObject({ code: 'providerUnavailable' })
  expect(await bench.provider.supervisorStatus()).toBeNull()
  await bench.provider.ensureSupervisor()
  expect(await start(bench, settings)).toEqual(ports)
}), 90_000)

test('a declared port is used, and refused with words when somebody else has it; other settings take hold at once', withBench({}, async (bench) => {
  const other = createServer((socket) => void socket.on('error', () => undefined).resume())
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const address = other.address()
  const httpPort = typeof address === 'object' && address ? address.port : 0
  await expect(start(bench, { ...NONE, httpPort })).rejects.toMatchObject({ code: 'portTaken' })
  await new Promise((resolve) => other.close(resolve))
  expect(await start(bench, { ...NONE, httpPort })).toMatchObject({ httpPort })
  expect(await evaluate(httpPort)).toMatchObject({ errorCode: 'FLAG_NOT_FOUND' })
  expect(await start(bench, { ...seeded(bench), folder: join(bench.folder, 'mine'), httpPort })).toMatchObject({ httpPort })
  expect(await evaluate(httpPort)).toMatchObject({ value: true })
  expect(readFileSync(join(bench.folder, 'mine', 'dev.json'), 'utf8')).toContain('new-checkout')
}), 90_000)

test('a service that refers to a flag server gets its addresses, and starts it by that', withBench({}, async (bench) => {
  const flags = seeded(bench)
  const { live } = await bench.start({ env: { SYNC: '${flags-sync:shop}', HTTP: '${flags-http:shop}', NAMED: '${flags-http:nobody}x' }, flags: { shop: flags, nobody: { ...flags, seed: null } } })
  const { httpPort, syncPort } = await start(bench, flags)
  expect(await (await fetch(`${live}/env`)).json()).toMatchObject({ SYNC: `127.0.0.1:${syncPort}`, HTTP: `http://127.0.0.1:${httpPort}`, NAMED: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+x$/) })
}))

test('a service whose flag source is not declared does not start, and says so', withBench({}, async (bench) => {
  await bench.provider.register(bench.config('web', { env: { HTTP: '${flags-http:shop}' } }))
  await bench.deploy('blue', 'good-1')
  await bench.until('it is refused', async () => (await bench.blue()).readiness === 'crashed')
  expect((await bench.blue()).detail).toContain('the workspace has no flag source shop any more')
}))
