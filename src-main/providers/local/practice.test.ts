import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { embeddedPackage } from '../postgres/practice/binaries.ts'
import { serverUser } from '../postgres/practice/unprivileged-user.ts'
import { isAlive, identify } from './identity.ts'
import { withBench, type Bench } from './test-bench.ts'

const why = embeddedPackage() === undefined ? 'no PostgreSQL of npm for this platform' : serverUser() === undefined ? 'root, and no user to drop to' : ''
const onServer = (title: string, work: (bench: Bench) => Promise<void>) =>
  test.skipIf(why !== '')(why === '' ? title : `${title} (skipped: ${why})`, withBench({}, async (bench) => {
    try {
      await work(bench)
    } finally {
      await bench.provider.stopAll(0)
      for (const name of ['shop', 'other']) {
        const place = join(bench.dataFolder, 'practice', name, 'place')
        if (existsSync(place)) rmSync(readFileSync(place, 'utf8'), { recursive: true, force: true })
      }
    }
  }))

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

const serverOf = async (bench: Bench) => (await bench.provider.supervisorStatus())?.practice.find(({ name }) => name === 'shop')

onServer('a practice database is made when first asked for, and is the same one from then on', async (bench) => {
  await bench.provider.ensureSupervisor()
  expect(await serverOf(bench)).toBeUndefined()
  const [url, again] = await Promise.all([bench.provider.practiceUrl('shop'), bench.openProvider().practiceUrl('shop')])
  expect(again).toBe(url)
  expect(await ask(url, 'SELECT current_database() AS name, version() LIKE $$PostgreSQL 18%$$ AS newest')).toEqual([{ name: 'shop', newest: true }])
  const server = await serverOf(bench)
  expect(server).toMatchObject({ state: 'ready', port: Number(new URL(url).port) })
  // Only who knows the password gets in, and only its owner can read that.
  await expect(ask(url.replace(/:[0-9a-f]{48}@/, ':guessed@'), 'SELECT 1')).rejects.toThrow('password authentication failed')
  expect(statSync(join(bench.dataFolder, 'practice', 'shop', 'password')).mode & 0o777).toBe(0o600)
})

onServer('a crashed practice server comes back at the same address with everything that was committed', async (bench) => {
  const url = await bench.provider.practiceUrl('shop')
  await ask(url, 'CREATE TABLE kept AS SELECT 7 AS n')
  const before = (await serverOf(bench))?.pid ?? 0
  process.kill(before, 'SIGKILL')
  await bench.until('the server is back', async () => {
    const now = await serverOf(bench)
    return now?.state === 'ready' && now.pid !== before
  })
  expect(await bench.provider.practiceUrl('shop')).toBe(url)
  expect(await ask(url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
})

onServer('it outlives its supervisor, and the next one takes it over', async (bench) => {
  const url = await bench.provider.practiceUrl('shop')
  const before = await bench.provider.supervisorStatus()
  const held = new Client({ connectionString: url })
  await held.connect()
  process.kill(before?.pid ?? 0, 'SIGKILL')
  await bench.until('another supervisor', async () => {
    await bench.provider.ensureSupervisor()
    return (await bench.provider.supervisorStatus())?.pid !== before?.pid
  })
  expect(await bench.provider.practiceUrl('shop')).toBe(url)
  expect((await serverOf(bench))?.pid).toBe(before?.practice[0]?.pid)
  // A connection from before never noticed.
  expect((await held.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  await held.end()
  // Taken over, it is still watched.
  process.kill(before?.practice[0]?.pid ?? 0, 'SIGKILL')
  await bench.until('the server is back', async () => (await serverOf(bench))?.pid !== before?.practice[0]?.pid && (await serverOf(bench))?.state === 'ready')
})

onServer('stopping everything ends it cleanly; the next start finds its data', async (bench) => {
  const url = await bench.provider.practiceUrl('shop')
  await ask(url, 'CREATE TABLE kept AS SELECT 7 AS n')
  const identity = identify((await serverOf(bench))?.pid ?? 0)
  if (!identity) throw new Error('no server')
  const idle = new Client({ connectionString: url })
  idle.on('error', () => undefined)
  await idle.connect()
  await bench.provider.stopAll(0)
  expect(isAlive(identity)).toBe(false)
  await bench.until('the supervisor is gone', async () => (await bench.provider.supervisorStatus()) === null)
  await bench.provider.ensureSupervisor()
  expect(await bench.provider.practiceUrl('shop')).toBe(url)
  expect(await ask(url, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
  // A clean end leaves nothing to recover.
  const log = readFileSync(join(bench.dataFolder, 'practice', 'shop', 'server.log'), 'utf8')
  expect(log).not.toContain('automatic recovery')
  process.kill((await serverOf(bench))?.pid ?? 0, 'SIGKILL')
  await bench.until('recovery is told', () => readFileSync(join(bench.dataFolder, 'practice', 'shop', 'server.log'), 'utf8').includes('automatic recovery'))
})

onServer('a declared port is used, and refused with words when somebody else has it', async (bench) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const address = other.address()
  const port = typeof address === 'object' && address ? address.port : 0
  await expect(bench.provider.practiceUrl('other', port)).rejects.toMatchObject({ code: 'portTaken' })
  await new Promise((resolve) => other.close(resolve))
  expect(new URL(await bench.provider.practiceUrl('other', port)).port).toBe(String(port))
})

test('where npm has no PostgreSQL, there is none', () => {
  expect(embeddedPackage('sunos', 'x64')).toBeUndefined()
})

onServer('a service that refers to a practice database gets its address, and starts the server by that', async (bench) => {
  const { live } = await bench.start({
    env: { DATABASE_URL: '${database:shop}', OTHER: 'at ${database:far}' },
    databases: { shop: { kind: 'practice', port: 0 }, far: { kind: 'url', url: 'postgres://me:${env:PATH}@far/x' } },
  })
  const env: unknown = await (await fetch(`${live}/env`)).json()
  expect(env).toMatchObject({ DATABASE_URL: await bench.provider.practiceUrl('shop'), OTHER: `at postgres://me:${process.env['PATH']}@far/x` })
  // The address holds the password: it is in nothing the supervisor keeps.
  const { password } = new URL(await bench.provider.practiceUrl('shop'))
  for (const file of ['state.0', 'state.1', 'supervisor.log']) expect(readFileSync(join(bench.dataFolder, 'local', file), 'utf8')).not.toContain(password)
})

onServer('a service whose database is not declared does not start, and says so', async (bench) => {
  await bench.provider.register(bench.config('web', { env: { DATABASE_URL: '${database:shop}' } }))
  await bench.deploy('blue', 'good-1')
  await bench.until('it is refused', async () => (await bench.blue()).readiness === 'crashed')
  expect((await bench.blue()).detail).toContain('the workspace has no database shop any more')
})
