import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, credentials } from '@grpc/grpc-js'
import { FlagdProvider } from '@openfeature/flagd-provider'
import { OFREPProvider } from '@openfeature/ofrep-provider'
import { OpenFeature, ProviderEvents } from '@openfeature/server-sdk'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FlagDefinition } from '../../../contract/flag-definition.ts'
import { emptyDocument, putFlag, putSegment, writeDocument } from '../../../core/flags/flag-set.ts'
import { booleanFlag } from '../../../core/flags/testing/flags.ts'
import { publishFlagFile } from '../flag-files.ts'
import { eventually, type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'
import { countEvaluations } from './evaluation-counts.ts'
import { countExposures } from './exposures.ts'
import { createLazyStorage } from './lazy-storage.ts'
import { type FlagServer, startFlagServer } from './start-flag-server.ts'
import { decodeRequest } from './wire.ts'

const rollout = (percent: number): FlagDefinition =>
  booleanFlag('new-checkout', [
    { audience: { kind: 'segments', anyOf: ['internal'] }, serve: { kind: 'variant', variant: 'on' } },
    { audience: { kind: 'everyone' }, serve: { kind: 'split', percent, variants: [{ variant: 'on', share: 100 }], otherwise: 'off' } },
  ])
const text = (percent: number, experiment = ''): string => {
  const document = putSegment(putFlag(emptyDocument(), { ...rollout(percent), metadata: experiment === '' ? {} : { 'signalbox.experiment': experiment } }), { name: 'internal', rule: { kind: 'conditions', match: 'all', conditions: [{ test: 'endsWith', attribute: 'email', value: '@signal.box' }] } })
  return writeDocument(putFlag(putFlag(document, { ...booleanFlag('code-default'), defaultVariant: null }), { ...booleanFlag('disabled'), state: 'DISABLED' }))
}

let folder: TemporaryFolder
let file: string
let server: FlagServer
beforeEach(async () => {
  folder = await temporaryFolder()
  file = join(folder.path, 'flags.json')
  await publishFlagFile(file, text(0), 'any')
  server = await startFlagServer({ folder: folder.path, host: '127.0.0.1', httpPort: 0, syncPort: 0, defaultSet: 'flags' })
})
afterEach(async () => {
  await OpenFeature.close()
  await server.close()
  await folder.remove()
})
afterAll(() => OpenFeature.close())

const user = { targetingKey: 'user-1' }
const staff = { targetingKey: 'user-1', email: 'a@signal.box' }
const base = (): string => `http://127.0.0.1:${server.httpPort}`
const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> => fetch(base() + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) })
const report = async (name: string): Promise<Record<string, never>> => (await (await fetch(`${base()}/signalbox/v1/${name}`)).json()) as Record<string, never>

describe('standard SDKs', () => {
  it('flagd in process, by the sync stream: changes arrive by push, last good stays, the stream comes back', async () => {
    const provider = new FlagdProvider({ resolverType: 'in-process', host: '127.0.0.1', port: server.syncPort, tls: false, retryBackoffMs: 50, retryBackoffMaxMs: 200 })
    await OpenFeature.setProviderAndWait('sync', provider)
    const client = OpenFeature.getClient('sync')
    expect(await client.getBooleanValue('new-checkout', true, user)).toBe(false)
    expect(await client.getBooleanDetails('new-checkout', false, staff)).toMatchObject({ value: true, variant: 'on', reason: 'TARGETING_MATCH' })
    expect(server.status().subscribers).toBe(1)
    const changed: (readonly string[] | undefined)[] = []
    client.addHandler(ProviderEvents.ConfigurationChanged, (details) => void changed.push(details?.flagsChanged))
    await publishFlagFile(file, text(100), 'any')
    await eventually(() => client.getBooleanValue('new-checkout', false, user), (value) => value)
    expect(changed).toEqual([['new-checkout']])

    const { syncPort } = server
    await server.close()
    expect(await client.getBooleanValue('new-checkout', false, user)).toBe(true)
    await publishFlagFile(file, text(0), 'any')
    server = await startFlagServer({ folder: folder.path, host: '127.0.0.1', httpPort: 0, syncPort, defaultSet: 'flags' })
    await eventually(() => client.getBooleanValue('new-checkout', true, user), (value) => !value)
  })

  it('flagd in process, by file', async () => {
    await OpenFeature.setProviderAndWait('file', new FlagdProvider({ resolverType: 'in-process', offlineFlagSourcePath: file }))
    const client = OpenFeature.getClient('file')
    expect(await client.getBooleanValue('new-checkout', true, user)).toBe(false)
    await publishFlagFile(file, text(100), 'any')
    // The SDK looks at the file every five seconds.
    await eventually(() => client.getBooleanValue('new-checkout', false, user), (value) => value)
  })

  it('by OFREP, with errors as OpenFeature knows them', async () => {
    await OpenFeature.setProviderAndWait('ofrep', new OFREPProvider({ baseUrl: base() }))
    const client = OpenFeature.getClient('ofrep')
    expect(await client.getBooleanDetails('new-checkout', false, staff)).toMatchObject({ value: true, variant: 'on', reason: 'TARGETING_MATCH', flagMetadata: { owner: 'checkout team' } })
    expect(await client.getBooleanValue('new-checkout', true, user)).toBe(false)
    expect(await client.getBooleanDetails('nowhere', true, user)).toMatchObject({ value: true, errorCode: 'FLAG_NOT_FOUND' })
    expect(await client.getStringDetails('new-checkout', 'x', user)).toMatchObject({ value: 'x', errorCode: 'TYPE_MISMATCH' })
    expect((await report('evaluations'))['variants']).toMatchObject([{ flag: 'new-checkout', variant: 'on', total: 1 }, { flag: 'new-checkout', variant: 'off', total: 2 }])
  })
})

describe('OFREP on the wire', () => {
  it('answers in bulk with an ETag that changes with flags and context alone', async () => {
    const first = await post('/ofrep/v1/evaluate/flags', { context: user })
    const etag = first.headers.get('etag') ?? ''
    const body = (await first.json()) as { flags: Record<string, unknown>[]; eventStreams: unknown }
    expect(body.flags).toMatchObject([{ key: 'new-checkout', value: false, variant: 'off', reason: 'DEFAULT' }, { key: 'code-default', reason: 'DEFAULT' }, { key: 'disabled', reason: 'DISABLED' }].map((one) => (one.key === 'new-checkout' ? { ...one, reason: expect.any(String) } : one)))
    expect(body.flags[1]).not.toHaveProperty('value')
    expect(body.eventStreams).toMatchObject([{ type: 'sse', endpoint: { requestUri: '/ofrep/v1/events?set=flags' } }])
    const again = await post('/ofrep/v1/evaluate/flags', { context: user }, { 'if-none-match': `"x", W/${etag}` })
    expect([again.status, await again.text()]).toEqual([304, ''])
    expect((await post('/ofrep/v1/evaluate/flags', { context: staff }, { 'if-none-match': etag })).status).toBe(200)
    await publishFlagFile(file, text(50), 'any')
    await eventually(async () => (await post('/ofrep/v1/evaluate/flags', { context: user }, { 'if-none-match': etag })).status, (status) => status === 200)
  })

  it.each<[string, () => Promise<Response>, number, object]>([
    ['no such flag', () => post('/ofrep/v1/evaluate/flags/nowhere', { context: user }), 404, { key: 'nowhere', errorCode: 'FLAG_NOT_FOUND' }],
    ['no such set', () => post('/ofrep/v1/evaluate/flags/new-checkout', { context: user }, { 'flagd-selector': 'prod' }), 404, { errorCode: 'FLAG_NOT_FOUND' }],
    ['a context that is no object', () => post('/ofrep/v1/evaluate/flags/new-checkout', { context: 'me' }), 400, { key: 'new-checkout', errorCode: 'INVALID_CONTEXT' }],
    ['no JSON', () => post('/ofrep/v1/evaluate/flags/new-checkout', '{'), 400, { key: 'new-checkout', errorCode: 'PARSE_ERROR' }],
    ['no JSON in bulk', () => post('/ofrep/v1/evaluate/flags', '{'), 400, { errorCode: 'PARSE_ERROR' }],
    ['too long', () => post('/ofrep/v1/evaluate/flags', `"${'x'.repeat(1_100_000)}"`), 413, {}],
    ['a key badly encoded', () => post('/ofrep/v1/evaluate/flags/%E0%A4%A', {}), 400, { errorCode: 'PARSE_ERROR' }],
    ['another method', () => fetch(`${base()}/ofrep/v1/evaluate/flags`), 405, {}],
    ['the name of a property of every object', () => post('/ofrep/v1/evaluate/flags/constructor', {}), 404, { errorCode: 'FLAG_NOT_FOUND' }],
    ['an empty body', () => post('/ofrep/v1/evaluate/flags/new-checkout', ''), 200, { value: false }],
  ])('%s', async (_name, ask, status, body) => {
    const response = await ask()
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject(body)
  })

  it('tells changes by server-sent events', async () => {
    const response = await fetch(`${base()}/ofrep/v1/events?set=flags`)
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader.read()).value).toContain('connected')
    await publishFlagFile(file, text(50), 'any')
    expect((await reader.read()).value).toMatch(/^id: [0-9a-f]{64}\ndata: \{"type":"refetchEvaluation","etag":"[0-9a-f]{64}"\}\n\n$/)
    await reader.cancel()
    await eventually(() => server.status().eventStreams, (count) => count === 0)
  })
})

describe('events from apps', () => {
  it('counts exposures once per user, conversions after them, and refuses what is not there', async () => {
    const { digest } = server.status().sets[0] ?? { digest: '' }
    await publishFlagFile(file, text(50), 'any')
    await eventually(() => server.status().sets[0]?.digest, (now) => now !== digest)
    const event = (body: object): object => ({ kind: 'exposure', flag: 'new-checkout', ...body })
    const answer = await post('/signalbox/v1/events', {
      events: [
        { kind: 'conversion', metric: 'order', targetingKey: 'a' },
        event({ variant: 'on', targetingKey: 'a' }),
        event({ variant: 'on', targetingKey: 'a' }),
        event({ variant: 'off', targetingKey: 'b' }),
        event({ variant: 'on', targetingKey: 'c' }),
        event({ variant: 'off', targetingKey: 'c' }),
        { kind: 'conversion', metric: 'signUp', targetingKey: 'b' },
        { kind: 'conversion', metric: 'signUp', targetingKey: 'b' },
        { kind: 'conversion', metric: 'revenue', targetingKey: 'a', value: 3 },
        { kind: 'conversion', metric: 'revenue', targetingKey: 'a', value: 4 },
        { kind: 'evaluations', flag: 'new-checkout', variant: 'on', count: 250 },
        event({ variant: 'blue', targetingKey: 'a' }),
        event({ flag: 'nowhere', variant: 'on', targetingKey: 'a' }),
        { kind: 'conversion', metric: 'a b', targetingKey: 'a' },
        null,
      ],
    })
    expect(await answer.json()).toMatchObject({ accepted: 11, rejected: [{ index: 11 }, { index: 12 }, { index: 13 }, { index: 14 }] })
    const shown = (await report('experiments'))['flags'] as unknown
    expect(shown).toMatchObject([{ flag: 'new-checkout', crossedOver: 1, variants: [{ variant: 'on', users: 1, metrics: { revenue: { converted: 1, sum: 7, sumOfSquares: 49 } } }, { variant: 'off', users: 1, metrics: { signUp: { converted: 1, sum: 1, sumOfSquares: 1 } } }] }])
    expect((await report('evaluations'))['variants']).toMatchObject([{ variant: 'on', total: 250 }])

    await publishFlagFile(file, text(50, 'second'), 'any')
    await eventually(async () => {
      await post('/signalbox/v1/events', { events: [event({ variant: 'on', targetingKey: 'z' })] })
      return (await report('experiments'))['flags'] as unknown as { experiment: string; variants: { users: number }[] }[]
    }, (flags) => flags[0]?.experiment === 'second' && flags[0].variants[0]?.users === 1)
  })

  it('answers to names of this machine alone, so that no name made to lead here gets in', async () => {
    const asked = (host: string) =>
      new Promise<number>((resolve, reject) => {
        request({ host: '127.0.0.1', port: server.httpPort, path: '/signalbox/v1/status', headers: { host } }, (answer) => resolve(answer.resume().statusCode ?? 0))
          .on('error', reject)
          .end()
      })
    const statuses: number[] = []
    for (const host of [`127.0.0.1:${server.httpPort}`, 'localhost:1', 'flags.localhost', '[::1]:80', 'rebound.example', '127.0.0.1.example', 'localhost.example']) statuses.push(await asked(host))
    expect(statuses).toEqual([200, 200, 200, 200, 421, 421, 421])
  })

  it('takes JSON alone, so that no page in a browser can send it unasked', async () => {
    expect((await post('/signalbox/v1/events', { events: [] }, { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await post('/signalbox/v1/events', { events: 'x' })).status).toBe(400)
    expect((await post('/signalbox/v1/events', { events: Array.from({ length: 1001 }, () => null) })).status).toBe(400)
  })

  it('keeps minutes apart and forgets after two hours', () => {
    let now = 1_000 * 60_000
    const counts = countEvaluations(() => now)
    counts.add('s', 'f', 'on', 5)
    now += 2 * 60_000
    counts.add('s', 'f', 'on', 1)
    expect(counts.list(3)[0]?.perMinute).toEqual([5, 0, 1])
    now += 200 * 60_000
    expect(counts.list(120)[0]).toMatchObject({ total: 6, lastAt: 1_002 * 60_000, perMinute: Array.from({ length: 120 }, () => 0) })
  })

  it('is bounded in users', () => {
    const exposures = countExposures(Date.now, 100)
    for (let index = 0; index < 105; index += 1) exposures.expose('s', 'f', '', 'on', String(index))
    exposures.expose('s', 'f', '', 'on', '0')
    expect(exposures.list()[0]).toMatchObject({ notCounted: 5, variants: [{ users: 100 }] })
  })
})

describe('sync on the wire', () => {
  it('answers FetchAllFlags and GetMetadata, and refuses an unknown set', async () => {
    const client = new Client(`127.0.0.1:${server.syncPort}`, credentials.createInsecure())
    const ask = (method: string, request: Buffer): Promise<Buffer> => new Promise((resolve, reject) => client.makeUnaryRequest(`/flagd.sync.v1.FlagSyncService/${method}`, (bytes: Buffer) => bytes, (bytes: Buffer) => bytes, request, (error, value) => (error ? reject(error) : resolve(value ?? Buffer.alloc(0)))))
    expect((await ask('FetchAllFlags', Buffer.alloc(0))).toString()).toContain('new-checkout')
    expect((await ask('GetMetadata', Buffer.alloc(0))).toString()).toContain('signalbox')
    await expect(ask('FetchAllFlags', Buffer.from('\u0012\u0004prod'))).rejects.toMatchObject({ code: 5 })
    client.close()
    expect(decodeRequest(Buffer.from('\u0012\u0004prod'))).toEqual({ providerId: '', selector: 'prod' })
    expect(() => decodeRequest(Buffer.from('\u0012\u0009prod'))).toThrow(RangeError)
  })

  it('holds one version for a subscriber that does not read, and gives it the newest when it does', async () => {
    const client = new Client(`127.0.0.1:${server.syncPort}`, credentials.createInsecure())
    const stream = client.makeServerStreamRequest('/flagd.sync.v1.FlagSyncService/SyncFlags', (bytes: Buffer) => bytes, (bytes: Buffer) => bytes.toString(), Buffer.alloc(0))
    stream.on('error', () => undefined)
    const got: string[] = []
    stream.on('data', (data: string) => void got.push(data))
    await eventually(() => got.length, (count) => count === 1)
    stream.pause()
    const big = (index: number): string => writeDocument(putFlag(emptyDocument(), { ...booleanFlag(`flag-${index}`), metadata: Object.fromEntries(Array.from({ length: 1000 }, (_, key) => [`m${key}`, 'x'.repeat(1900)])) }))
    for (let index = 0; index < 30; index += 1) {
      const before = server.status().sets[0]?.digest
      await publishFlagFile(file, big(index), 'any')
      await eventually(() => server.status().sets[0]?.digest, (digest) => digest !== before)
    }
    expect(server.status().skippedVersions).toBeGreaterThan(10)
    stream.resume()
    await eventually(() => got.at(-1)?.includes('flag-29'), (newest) => newest === true)
    expect(got.length).toBeLessThan(20)
    stream.cancel()
    client.close()
    await eventually(() => server.status().subscribers, (count) => count === 0)
  })
})

describe('lazy storage', () => {
  it('compiles again only what changed', () => {
    const storage = createLazyStorage()
    const document = putFlag(putFlag(emptyDocument(), booleanFlag('a')), booleanFlag('b'))
    storage.setDocument(document)
    const [a, b] = [storage.getFlag('a'), storage.getFlag('b')]
    storage.setDocument(putFlag(structuredClone(document), { ...booleanFlag('b'), defaultVariant: 'on' }))
    expect(storage.getFlag('a')).toBe(a)
    expect(storage.getFlag('b')).not.toBe(b)
    expect(storage.getFlag('b')?.defaultVariant).toBe('on')
    storage.setDocument({ ...document, metadata: { version: '2' } })
    expect(storage.getFlag('a')?.metadata).toMatchObject({ version: '2' })
  })
})

describe('the process', () => {
  let kept: TemporaryFolder
  beforeAll(async () => {
    kept = await temporaryFolder()
  })
  afterAll(() => kept.remove())

  it('serves, and ends in order with a stream open', async () => {
    await publishFlagFile(join(kept.path, 'flags.json'), text(100), 'any')
    const child = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url)), '--folder', kept.path, '--http-port', '0', '--sync-port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { httpPort, syncPort } = JSON.parse(line.toString()) as { httpPort: number; syncPort: number }
    const answer = await fetch(`http://127.0.0.1:${httpPort}/ofrep/v1/evaluate/flags/new-checkout`, { method: 'POST', body: JSON.stringify({ context: user }) })
    expect(await answer.json()).toMatchObject({ value: true })
    const provider = new FlagdProvider({ resolverType: 'in-process', host: '127.0.0.1', port: syncPort, tls: false })
    await OpenFeature.setProviderAndWait('process', provider)
    const idle = connect(httpPort, '127.0.0.1')
    idle.on('error', () => undefined)
    await once(idle, 'connect')
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number | null]
    expect(code).toBe(0)
    expect(await OpenFeature.getClient('process').getBooleanValue('new-checkout', false, user)).toBe(true)
    idle.destroy()
  })

  it('says why it cannot start', async () => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url)), '--folder', kept.path, '--http-port', String(server.httpPort), '--sync-port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })
    const [line] = (await once(child.stderr, 'data')) as [Buffer]
    expect(line.toString()).toMatch(/could not start: .*EADDRINUSE/)
    expect(((await once(child, 'exit')) as [number])[0]).toBe(1)
  })
})
