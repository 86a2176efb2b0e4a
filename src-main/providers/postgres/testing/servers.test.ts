import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { describe, expect, test } from 'vitest'
import { serverOrWhy, sharedServer, startServer } from './servers.ts'

const VERSIONS = ['14', '15', '18'] as const

describe.each(VERSIONS)('PostgreSQL %s for tests', (version) => {
  const why = serverOrWhy(version)

  test.skipIf(why)(`is the version it says and keeps what was committed through a crash${why ? ` (skipped: ${why})` : ''}`, async () => {
    const server = await startServer(version)
    const shop = await server.createDatabase('shop')
    await server.sql('CREATE TABLE kept (n int); INSERT INTO kept VALUES (1), (2)', 'shop')
    await server.restart('immediate')
    const client = new Client({ connectionString: shop })
    await client.connect()
    const { rows } = await client.query<{ n: number; major: number }>(
      "SELECT count(*)::int AS n, current_setting('server_version_num')::int / 10000 AS major FROM kept",
    )
    await client.end()
    expect(rows).toEqual([{ n: 2, major: Number(version) }])
    await server.stop()
    await expect(server.sql('SELECT 1')).rejects.toThrow('ECONNREFUSED')
  })
})

test.skipIf(serverOrWhy('15'))('a server ends with the process that started it, even when that is killed', async () => {
  const program = `
    import { startServer } from ${JSON.stringify(fileURLToPath(new URL('servers.ts', import.meta.url)))}
    const server = await startServer('15')
    const [{ folder }] = await server.sql("SELECT current_setting('data_directory') AS folder, pg_backend_pid() AS pid")
    console.log(JSON.stringify({ port: server.port, folder }))
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const said = await new Promise<string>((resolve) => child.stdout.once('data', (data: Buffer) => resolve(data.toString())))
  const { folder } = JSON.parse(said)
  expect(existsSync(folder)).toBe(true)
  expect(running(folder)).toBe(true)
  child.kill('SIGKILL')
  await expect.poll(() => existsSync(folder) || running(folder), { timeout: 10_000 }).toBe(false)
})

test.skipIf(serverOrWhy('15'))('a shared server is one server', async () => {
  expect(await sharedServer('15')).toBe(await sharedServer('15'))
})

function running(folder: string): boolean {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(folder)
}
