import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWebConsole, type WebConsole } from '../web/console.ts'
import { linkTo } from './link.ts'
import { runTerminal } from './run.ts'

/** Real processes on a machine that may be busy with other things. */
const PATIENCE_MS = 120_000

/** The real terminal, a real console, real services behind the real router. */
const main = fileURLToPath(new URL('main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'signalbox-real-'))
const dataFolder = join(folder, 'data')
const workspaceFile = join(folder, 'signalbox.yaml')
let console_: WebConsole | undefined

beforeAll(() => {
  for (const version of ['1.0.0', '2.0.0', '3.0.0']) {
    mkdirSync(join(folder, 'releases', version), { recursive: true })
    writeFileSync(join(folder, 'releases', version, 'server.mjs'), `import { createServer } from 'node:http'\ncreateServer((_request, response) => response.end(process.env.VERSION)).listen(process.env.PORT, '127.0.0.1')\n`)
  }
  writeFileSync(
    workspaceFile,
    `workspace: real
tier: dev
services:
  checkout:
    run: "'${process.execPath}' server.mjs"
    versions: ./releases
    ready: /
    initial: 1.0.0
    plan:
      steps: [{weight: 50, hold: manual}, 100]
      bake: 1h
      rollback-window: 1h
      drain: 1s
`,
  )
  writeFileSync(join(folder, 'index.html'), '<!doctype html>')
})

afterAll(async () => {
  await console_?.close()
  await terminal('stop', '--all', '--reason', 'end of the test')
  rmSync(folder, { recursive: true, force: true })
}, PATIENCE_MS)

interface Answer {
  readonly code: number | null
  readonly out: string
  readonly error: string
}

const where = () => ['--workspace', workspaceFile, '--data', dataFolder]

/** In this process, over the console's socket or with a core of its own: all of it but the starting of Node. */
async function terminal(...args: string[]): Promise<Answer> {
  let out = ''
  let error = ''
  const streams = { out: { write: (text: string) => (out += text) }, error: { write: (text: string) => (error += text) }, columns: null }
  const code = await runTerminal([...args, ...where()], { streams, linkTo, ask: null })
  return { code, out, error }
}

/** As a process of its own, as typed into a shell. */
function typed(...args: string[]): Promise<Answer & { readonly tookMs: number }> {
  return new Promise((resolve) => {
    const startedAt = performance.now()
    const child = spawn(process.execPath, [main, ...args, ...where()], { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let error = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')))
    child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString('utf8')))
    child.on('close', (code) => resolve({ code, out, error, tookMs: performance.now() - startedAt }))
  })
}

interface StatusDocument {
  readonly console: string
  readonly services: readonly { readonly observed: { readonly kind: string; readonly value?: { readonly liveAddress: string; readonly weights: unknown } } }[]
}

async function status(): Promise<StatusDocument> {
  const answer = await terminal('status', '--json')
  if (answer.code !== 0) throw new Error(answer.error)
  return JSON.parse(answer.out) as StatusDocument
}

async function liveVersions(): Promise<ReadonlySet<string>> {
  const address = (await status()).services[0]?.observed.value?.liveAddress ?? ''
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      get(address, { agent: false }, (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')))
        response.on('end', () => resolve(body))
      }).on('error', reject)
    })
  const seen = new Set<string>()
  for (let i = 0; i < 20; i += 1) seen.add(await ask())
  return seen
}

async function openConsole(): Promise<void> {
  console_ = await startWebConsole({
    compose: { host: 'web', dataFolder, workspaceFile, auditFile: null, trustWorkspace: false, scope: 'whole' },
    coreEntry: new URL('../core-worker.ts', import.meta.url),
    rendererFolder: folder,
    port: 0,
    log: () => undefined,
  })
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 60; i += 1) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`never ${what}`)
}

test('nothing of a workspace runs before it is trusted', async () => {
  const refused = await terminal('trust')
  expect(refused.code).toBe(1)
  expect(refused.error).toContain('server.mjs')
  expect((await terminal('deploy', 'checkout', '2.0.0')).code).toBe(1)
}, PATIENCE_MS)

test('looking, with no console running, starts nothing and writes nothing', async () => {
  const before = readFileSync(join(dataFolder, 'journal.db')).length
  expect((await status()).console).toBe('none')
  expect(readFileSync(join(dataFolder, 'journal.db')).length).toBe(before)
}, PATIENCE_MS)

test('a release through the running console: trust, deploy, promote, roll back, in the words of what was read back', async () => {
  await openConsole()
  expect((await terminal('trust', '--yes')).code).toBe(0)
  await until('1.0.0 live', async () => (await status()).services[0]?.observed.value?.weights !== undefined && (await liveVersions().catch(() => new Set())).has('1.0.0'))
  expect((await status()).console).toBe('running')

  const deployed = await terminal('deploy', 'checkout', '2.0.0', '--follow', '--reason', 'faster')
  expect(deployed).toMatchObject({ code: 0, out: expect.stringMatching(/^green \(2\.0\.0\) has 50 % of live requests, read back after/) as unknown })
  expect(await liveVersions()).toEqual(new Set(['1.0.0', '2.0.0']))
  expect((await terminal('promote', 'checkout')).out).toMatch(/^green \(2\.0\.0\) has 100 %/)
  expect(await liveVersions()).toEqual(new Set(['2.0.0']))

  const back = await terminal('rollback', 'checkout', '--reason', 'errors')
  expect(back).toMatchObject({ code: 0, error: '', out: expect.stringMatching(/^Rolled back to blue \(1\.0\.0\) after \d+(\.\d+)? s/) as unknown })
  expect(await liveVersions()).toEqual(new Set(['1.0.0']))
}, PATIENCE_MS)

test('roll back with no console running', async () => {
  expect((await terminal('deploy', 'checkout', '3.0.0', '--follow')).code).toBe(0)
  expect(await liveVersions()).toEqual(new Set(['1.0.0', '3.0.0']))
  await console_?.close()
  console_ = undefined

  const back = await typed('rollback', 'checkout', '--reason', 'three in the morning')
  expect(back).toMatchObject({ code: 0, out: expect.stringMatching(/^Rolled back to blue \(1\.0\.0\) after \d+(\.\d+)? s/) as unknown })
  expect(await liveVersions()).toEqual(new Set(['1.0.0']))
  process.stdout.write(`roll back with no console: ${Math.round(back.tookMs)} ms from the shell, ${back.out.split('\n')[0] ?? ''}\n`)
}, PATIENCE_MS)

test('the journal has it all, verifies, exports and is backed up', async () => {
  const audit = await terminal('audit', '--action', 'release.rollBack', '--json')
  expect((JSON.parse(audit.out) as { entries: { reason: string }[] }).entries.map((entry) => entry.reason)).toEqual(expect.arrayContaining(['errors', 'three in the morning']))
  expect(await terminal('verify')).toMatchObject({ code: 0, out: expect.stringMatching(/^The chain holds: \d+ entries/) as unknown })
  const out = join(folder, 'journal.jsonl')
  expect((await terminal('export', '--out', out)).code).toBe(0)
  expect(readFileSync(out, 'utf8')).toContain('three in the morning')
  expect((await terminal('backup', join(folder, 'backup.db'))).code).toBe(0)
  expect(await terminal('verify', '--audit', join(folder, 'backup.db'))).toMatchObject({ code: 0, out: expect.stringContaining('The chain holds') as unknown })
  expect((await terminal('restore', join(folder, 'backup.db'))).code).toBe(0)
  expect((await terminal('verify')).code).toBe(0)
  const restored = await terminal('audit', '--action', 'journal.restored', '--json')
  expect((JSON.parse(restored.out) as { entries: { after: { count: number } }[] }).entries[0]?.after.count).toBeGreaterThan(10)
}, PATIENCE_MS)
