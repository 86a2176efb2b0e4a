import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Gate } from '../contract/plan.ts'
import { createDataSync } from './data-sync.ts'
import { createGateRunner } from './gate-runner.ts'

const server = createServer((request, response) => {
  if (request.url === '/slow') setTimeout(() => response.end('late'), 300)
  else if (request.url === '/lag') response.end('{"lagMs": 250}')
  else if (request.url === '/nonsense') response.end('soon')
  else response.writeHead(request.url === '/broken' ? 500 : 200, { 'x-kind': 'tea' }).end('all is well')
})
let address = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  address = `http://127.0.0.1:${typeof bound === 'object' && bound ? bound.port : 0}`
})
afterAll(() => server.close())

const runner = createGateRunner({ folder: () => tmpdir(), wallMs: () => 7 })
const http = (change: Partial<Extract<Gate, { kind: 'http' }>>): Gate => ({ kind: 'http', name: 'probe', method: 'GET', path: '/', expectStatus: 200, expectBody: null, expectHeaders: {}, maxLatencyMs: null, timeoutMs: 2000, times: 1, ...change })
const command = (text: string, timeoutMs = 5000): Gate => ({ kind: 'command', name: 'check', command: text, timeoutMs })
const run = (gate: Gate, signal = new AbortController().signal) => runner.run(gate, { service: 'checkout', environment: 'green', version: '2.0.0', previewAddress: address }, signal)

describe('gates', () => {
  it.each([
    ['status', http({}), 'passed', '1 of 1'],
    ['wrong status', http({ path: '/broken' }), 'failed', 'status 500, expected 200'],
    ['body', http({ expectBody: 'well' }), 'passed', ''],
    ['wrong body', http({ expectBody: 'ill' }), 'failed', 'does not contain "ill"'],
    ['header', http({ expectHeaders: { 'x-kind': 'tea' } }), 'passed', ''],
    ['wrong header', http({ expectHeaders: { 'x-kind': 'coffee' } }), 'failed', 'header x-kind is "tea", expected "coffee"'],
    ['too slow', http({ path: '/slow', maxLatencyMs: 100 }), 'failed', 'limit 100 ms'],
    ['no answer', http({ path: '/slow', timeoutMs: 50 }), 'failed', 'no answer within 50 ms'],
    ['many times', http({ times: 20 }), 'passed', '20 of 20'],
  ] as const)('judges %s', async (_name, gate, state, detail) => {
    const result = await run(gate)
    expect(result).toMatchObject({ state, endedAt: 7 })
    expect(result.detail).toContain(detail)
  })

  it('says what is missing when nobody answers', async () => {
    const result = await runner.run(http({}), { service: 's', environment: 'blue', version: '1', previewAddress: 'http://127.0.0.1:1' }, new AbortController().signal)
    expect(result.state).toBe('failed')
    expect(result.detail).toContain('ECONNREFUSED')
  })

  it('gives a command the preview address and nothing secret, and keeps exit code and output', async () => {
    process.env['SIGNALBOX_TEST_SECRET'] = 'hush'
    const passed = await run(command('echo "$PREVIEW_URL $SERVICE $ENVIRONMENT $VERSION [$SIGNALBOX_TEST_SECRET]"'))
    expect(passed).toMatchObject({ state: 'passed', exitCode: 0, output: `${address} checkout green 2.0.0 []\n` })
    const failed = await run(command('echo why >&2; exit 3'))
    expect(failed).toMatchObject({ state: 'failed', exitCode: 3, output: 'why\n' })
  })

  it('ends a command and all it started at the deadline, or when stopped', async () => {
    const late = await run(command('sleep 30 & sleep 30; wait', 100))
    expect(late.detail).toContain('Not done within')
    const aborter = new AbortController()
    setTimeout(() => aborter.abort(), 50)
    expect((await run(command('sleep 30'), aborter.signal)).detail).toContain('Stopped')
  })

  it('reads data lag from an address or a command, and refuses nonsense', async () => {
    const sync = createDataSync({ folder: () => tmpdir() })
    const mode = (url: string | null, text: string | null) => ({ kind: 'perEnvironment' as const, sync: { url, command: text }, maxLagMs: 1000 })
    expect(await sync.lagMs('mail', mode(`${address}/lag`, null), null)).toBe(250)
    expect(await sync.lagMs('mail', mode(null, 'echo \'{"lagMs": 4}\''), null)).toBe(4)
    await expect(sync.lagMs('mail', mode(`${address}/nonsense`, null), null)).rejects.toMatchObject({ code: 'providerUnavailable' })
    await expect(sync.lagMs('mail', mode(null, 'exit 1'), null)).rejects.toMatchObject({ code: 'providerUnavailable' })
  })
})
