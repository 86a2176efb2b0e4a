import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../../contract/fault.ts'
import { serverOrWhy, startServer } from '../testing/servers.ts'
import type { TestServer } from '../testing/servers.ts'
import { openSessions } from './session.ts'
import { openMigrationTarget } from './target.ts'

const why = serverOrWhy('15')
let server: TestServer
beforeAll(async () => {
  if (why === null) server = await startServer('15')
})
afterAll(() => server?.stop())

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Fault)) throw new Error(`a fault was wanted, not ${String(error)}`)
  return error
}

async function faultOfUse(url: string, text = 'SELECT 1'): Promise<Fault> {
  const sessions = openSessions({ database: 'shop', url })
  try {
    return await faultOf(sessions.use((session) => session.query(text)))
  } finally {
    await sessions.close()
  }
}

test('nobody there, a name that is none, and an address that is none', async () => {
  const listener = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => listener.once('listening', resolve))
  const { port } = listener.address() as AddressInfo
  await new Promise((resolve) => listener.close(resolve))
  const refused = await faultOfUse(`postgres://shop:hush@127.0.0.1:${port}/shop`)
  expect(refused.code).toBe('providerUnavailable')
  expect(refused.message).not.toContain('hush')
  expect((await faultOfUse('postgres://shop@no-such-host.invalid/shop')).code).toBe('providerUnavailable')
  expect((await faultOfUse('shop on the left')).code).toBe('invalidInput')
  expect((await faultOfUse('mysql://shop@127.0.0.1/shop')).message).toContain('mysql:')
})

describe.skipIf(why)(`sessions on PostgreSQL 15${why ? ` (${why})` : ''}`, () => {
  test('what the server says becomes a fault with what it means', async () => {
    await server.sql(`DROP ROLE IF EXISTS guarded; CREATE ROLE guarded LOGIN PASSWORD 'right'`)
    const wrong = await faultOfUse(server.url().replace('postgres@', 'guarded:wrong-secret@'))
    expect(wrong.code).toBe('providerUnavailable')
    expect(wrong.message).toContain('user or password')
    expect(wrong.message).not.toContain('wrong-secret')
    expect((await faultOfUse(server.url('nowhere'))).message).toContain('is not on that server')
    const cases: readonly (readonly [string, string])[] = [
      ['SET ROLE guarded; CREATE SCHEMA x', 'notAllowed'],
      [`SET statement_timeout = 20; SELECT pg_sleep(5)`, 'timeout'],
      ['BEGIN READ ONLY; CREATE TABLE public.x (id int)', 'unsupported'],
      ['SELECT nothing_like_it', 'invalidInput'],
      ['SELECT 1/0', 'invalidInput'],
      ['CREATE TABLE public.a (id int PRIMARY KEY); INSERT INTO a VALUES (1), (1)', 'gateFailed'],
      ['CREATE TABLE public.b (id int); CREATE VIEW public.v AS SELECT id FROM b; DROP TABLE b', 'interlocked'],
      ['SELECT pg_terminate_backend(pg_backend_pid())', 'providerUnavailable'],
    ]
    for (const [text, code] of cases) expect((await faultOfUse(server.url(), text)).code, text).toBe(code)
  })

  test('sessions are pinned, whatever the role or the database says', async () => {
    const url = await server.createDatabase('pinned')
    await server.sql(`ALTER DATABASE pinned SET search_path = nowhere; ALTER DATABASE pinned SET "DateStyle" = 'German'; ALTER DATABASE pinned SET lock_timeout = 0`)
    const sessions = openSessions({ database: 'pinned', url })
    const { rows } = await sessions.use((session) => session.query(`SELECT '2026-03-01'::date AS day, current_setting('search_path') AS path, current_setting('lock_timeout') AS lock, current_setting('application_name') AS name`))
    expect(rows).toEqual([{ day: '2026-03-01', path: 'pg_catalog, public, pg_temp', lock: '1s', name: 'signalbox' }])
    await sessions.close()
  })

  test('after a restart of the server the next use connects again; a dedicated session tells that it was lost', async () => {
    const own = await startServer('15')
    const sessions = openSessions({ database: 'shop', url: own.url() })
    let lost: Fault | null = null
    const dedicated = await sessions.dedicated((fault) => {
      lost = fault
    })
    await sessions.use((session) => session.query('SELECT 1'))
    await own.restart('immediate')
    await expect.poll(() => dedicated.lost()).toBe(true)
    expect(lost).toMatchObject({ code: 'providerUnavailable' })
    await expect.poll(() => sessions.use((session) => session.query('SELECT 1')).then(({ rowCount }) => rowCount, () => 0)).toBe(1)
    await dedicated.end()
    await sessions.close()
    await own.stop()
  })

  test('an address that changes is followed', async () => {
    const [one, two] = [await server.createDatabase('first_home'), await server.createDatabase('second_home')]
    let url = one
    const sessions = openSessions({ database: 'shop', url: () => Promise.resolve(url) })
    const name = () => sessions.use((session) => session.query('SELECT current_database() AS name')).then(({ rows }) => rows[0]?.name as string)
    expect(await name()).toBe('first_home')
    url = two
    expect(await name()).toBe('second_home')
    await sessions.close()
  })

  test('a target nobody prepared reads as nothing, and tells what it finds', async () => {
    const url = await server.createDatabase('bare')
    const target = openMigrationTarget({ database: 'bare', url: () => Promise.resolve(url), consoleName: 'test' })
    expect(await target.read('anything')).toBeNull()
    expect(await target.events(0, 10)).toEqual([])
    expect(await target.mismatches('anything', { limit: 10 })).toEqual([])
    const found = await target.test()
    expect(found.map(({ name, ok }) => `${name} ${ok}`)).toEqual(['connection true', 'version true', 'writable true', 'schema rights true', 'connections true', 'control schema true'])
    await target.close()
    const away = openMigrationTarget({ database: 'bare', url: () => Promise.reject(new Fault('providerUnavailable', 'Not started.', 'Start it.')), consoleName: 'test' })
    expect(await away.test()).toEqual([{ name: 'connection', ok: false, detail: 'Not started.', next: 'Start it.' }])
    await away.close()
  })
})
