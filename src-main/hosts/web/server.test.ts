import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openClient } from '../../contract/client.ts'
import { MAX_CLIENT_FRAME_BYTES } from '../../contract/wire.ts'
import { CLOSE_CODES } from './socket-session.ts'
import { MAX_BODY_BYTES } from './read-small-json.ts'
import { startWebServer } from './server.ts'
import { ask, type BrowserDouble, enterAsBrowser, type HttpAsk } from './testing/browser-double.ts'
import { SECRET_OUTSIDE, type ServerFixture, startServerFixture } from './testing/server-fixture.ts'

let fixture: ServerFixture
let browser: BrowserDouble

beforeAll(async () => {
  fixture = await startServerFixture()
  browser = await enterAsBrowser(fixture.server.issueUrl())
})
afterAll(() => fixture.close())

const askConsole = (options: HttpAsk) => ask(fixture.server.port, options)
const host = () => fixture.server.authority
const origin = () => `http://${host()}`
const json = () => ({ host: host(), origin: origin(), 'content-type': 'application/json' })
const tokenOf = (url: string) => new URL(url).hash.slice('#token='.length)
const enter = (token: unknown, headers: HttpAsk['headers'] = json()) => askConsole({ method: 'POST', path: '/enter', headers: headers ?? {}, body: JSON.stringify({ token }) })

describe('token', () => {
  test('the right one is exchanged, once, for a host-only HttpOnly SameSite=Strict cookie that ends with the browser', async () => {
    const token = tokenOf(fixture.server.issueUrl())
    const first = await enter(token)
    expect(first.status).toBe(200)
    const cookie = String(first.headers['set-cookie'])
    expect(cookie).toMatch(/^signalbox-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toMatch(/domain|expires|max-age/i)
    expect((await enter(token)).status).toBe(401)
  })

  test.each([['wrong', 'x'.repeat(43)], ['empty', ''], ['of another type', 7], ['missing', undefined]])('a token that is %s is refused', async (_what, token) => {
    const answer = await enter(token)
    expect(answer.status).toBe(401)
    expect(answer.headers['set-cookie']).toBeUndefined()
  })

  test('it is never in a request: the address carries it in the fragment, and the page sends no referrer', async () => {
    const url = new URL(fixture.server.issueUrl())
    expect(url.hash).toMatch(/^#token=[\w-]{43}$/)
    expect(url.pathname + url.search).toBe('/')
    expect((await askConsole({ headers: { host: host() } })).headers['referrer-policy']).toBe('no-referrer')
  })
})

describe('Host on every request (DNS rebinding)', () => {
  test.each([
    ['another name', () => ({ host: `evil.example:${fixture.server.port}` })],
    ['another name, with an Origin that agrees with it', () => ({ host: `evil.example:${fixture.server.port}`, origin: `http://evil.example:${fixture.server.port}` })],
    ['another name, with our Origin', () => ({ host: `evil.example:${fixture.server.port}`, origin: origin() })],
    ['the bare address', () => ({ host: `127.0.0.1:${fixture.server.port}` })],
    ['localhost', () => ({ host: `localhost:${fixture.server.port}` })],
    ['no port', () => ({ host: 'signalbox.localhost' })],
    ['our name as a prefix', () => ({ host: `${host()}.evil.example` })],
    ['a trailing dot', () => ({ host: `signalbox.localhost.:${fixture.server.port}` })],
  ])('refused: %s', async (_what, headers) => {
    expect((await askConsole({ headers: headers() })).status).toBe(421)
    expect((await askConsole({ path: '/assets/app-1234.js', headers: headers() })).status).toBe(421)
    expect((await askConsole({ method: 'POST', path: '/enter', headers: { ...json(), ...headers() }, body: '{}' })).status).toBe(421)
    await expect(browser.openSocket(headers())).rejects.toThrow('421')
  })

  test('refused: two Host headers, an absolute address, a missing Host', async () => {
    expect(await raw(`GET / HTTP/1.1\r\nHost: ${host()}\r\nHost: evil.example\r\n\r\n`)).toMatch(/^HTTP\/1.1 4(00|21) /)
    expect(await raw(`GET http://${host()}/ HTTP/1.1\r\nHost: ${host()}\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /)
    expect(await raw('GET / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
    expect(await raw('GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 421 /)
  })

  test('control: our own Host is served, with and without Origin', async () => {
    expect((await askConsole({ headers: { host: host() } })).status).toBe(200)
    expect((await askConsole({ headers: { host: host(), origin: origin() } })).status).toBe(200)
    expect(await raw(`GET / HTTP/1.1\r\nHost: ${host()}\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1.1 200 /)
  })
})

describe('Origin on upgrades and on everything but GET', () => {
  const others = [['another site', 'http://evil.example'], ['null', 'null'], ['another port of our name', 'http://signalbox.localhost:1'], ['https', 'https://signalbox.localhost']] as const

  test.each(others)('refused: %s', async (_what, other) => {
    expect((await askConsole({ method: 'POST', path: '/tab', headers: { ...json(), cookie: browser.cookie, origin: other }, body: '{}' })).status).toBe(403)
    await expect(browser.openSocket({ origin: other })).rejects.toThrow('403')
    expect((await askConsole({ headers: { host: host(), origin: other } })).status).toBe(403)
  })

  test('refused: none', async () => {
    const { origin: _left, ...headers } = json()
    expect((await askConsole({ method: 'POST', path: '/tab', headers: { ...headers, cookie: browser.cookie }, body: '{}' })).status).toBe(403)
    await expect(browser.openSocket({ origin: undefined })).rejects.toThrow('403')
  })

  test('control: our own is served', async () => {
    expect(await browser.tabSecret()).toMatch(/^[\w-]{43}$/)
    const { socket } = await browser.openSocket()
    socket.terminate()
  })

  test('a refused exchange does not use the token up', async () => {
    const token = tokenOf(fixture.server.issueUrl())
    expect((await enter(token, { ...json(), origin: 'http://evil.example' })).status).toBe(403)
    expect((await enter(token)).status).toBe(200)
  })
})

describe('Sec-Fetch-Site on GET', () => {
  const navigate = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

  test.each(['cross-site', 'same-site'])('%s: only a top-level visit to the first page', async (site) => {
    const get = (path: string, extra: Record<string, string>) => askConsole({ path, headers: { host: host(), 'sec-fetch-site': site, ...extra } })
    expect((await get('/', {})).status).toBe(403)
    expect((await get('/', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' })).status).toBe(403)
    expect((await get('/', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' })).status).toBe(403)
    expect((await get('/audit', navigate)).status).toBe(403)
    expect((await get('/assets/app-1234.js', navigate)).status).toBe(403)
    expect((await get('/', navigate)).status).toBe(200)
  })

  test.each(['same-origin', 'none'])('control: %s is served', async (site) => {
    expect((await askConsole({ path: '/assets/app-1234.js', headers: { host: host(), 'sec-fetch-site': site } })).status).toBe(200)
  })

  test('an upgrade asked for by another site is refused though its Origin were right', async () => {
    await expect(browser.openSocket({ 'sec-fetch-site': 'cross-site' })).rejects.toThrow('403')
  })
})

describe('files', () => {
  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/%2E%2E%2Fsecret.txt',
    '/..%2fsecret.txt',
    '/%252e%252e/secret.txt',
    '/%25252e%25252e/secret.txt',
    '/..\\secret.txt',
    '/..%5csecret.txt',
    '/assets/..%00/secret.txt',
    '/%c0%ae%c0%ae/secret.txt',
    '//etc/passwd',
    '/./index.html',
    '/%',
  ])('traversal is refused: %s', async (path) => {
    const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: ${host()}\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).not.toContain(SECRET_OUTSIDE)
  })

  test('control: files inside are served, with types, and content-named ones for ever', async () => {
    const page = await askConsole({ headers: { host: host() } })
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' } })
    const script = await askConsole({ path: '/assets/app-1234.js?x=..', headers: { host: host() } })
    expect(script).toMatchObject({ status: 200, body: 'export {}', headers: { 'content-type': 'text/javascript; charset=utf-8' } })
    expect(script.headers['cache-control']).toContain('immutable')
    expect((await askConsole({ path: '/services/checkout', headers: { host: host() } })).body).toBe(page.body)
    expect((await askConsole({ path: '/services/check%20out', headers: { host: host() } })).body).toBe(page.body)
    expect((await askConsole({ path: '/assets/gone.js', headers: { host: host() } })).status).toBe(404)
    expect((await askConsole({ path: '/secret.txt', headers: { host: host() } })).status).toBe(404)
  })

  test('every answer, refusals too, carries the policy headers', async () => {
    for (const headers of [{ host: host() }, { host: 'evil.example' }]) {
      const answer = await askConsole({ headers })
      const policy = String(answer.headers['content-security-policy'])
      for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", `connect-src 'self' ws://${host()}`]) expect(policy).toContain(part)
      expect(policy).not.toMatch(/script-src[^;]*unsafe/)
      expect(answer.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
      })
    }
  })
})

describe('bodies', () => {
  const post = (body: string | Buffer, headers: HttpAsk['headers'] = {}) => askConsole({ method: 'POST', path: '/tab', headers: { ...json(), cookie: browser.cookie, ...headers }, body })

  test('too large is refused by its declared length, and cut off when it declares none', async () => {
    expect((await post(JSON.stringify({ x: 'x'.repeat(MAX_BODY_BYTES) }))).status).toBe(413)
    const chunked = post(JSON.stringify({ x: 'x'.repeat(MAX_BODY_BYTES * 100) }), { 'transfer-encoding': 'chunked' })
    expect(await chunked.then((answer) => answer.status, () => 'cut off')).toSatisfy((status) => status === 413 || status === 'cut off')
  })

  test.each([['no JSON', '{'], ['no object', '[]'], ['nothing', '']])('%s is refused', async (_what, body) => {
    expect((await post(body)).status).toBe(400)
  })

  test('what a form could send is refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) expect((await post('{}', { 'content-type': type })).status).toBe(415)
  })

  test('control: the largest allowed body is read', async () => {
    const body = JSON.stringify({ x: '' })
    expect((await post(JSON.stringify({ x: 'x'.repeat(MAX_BODY_BYTES - body.length) }))).status).toBe(200)
  })

  test('other methods and paths are refused', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) expect((await askConsole({ method, headers: { ...json(), cookie: browser.cookie } })).status).toBe(405)
    expect((await askConsole({ method: 'POST', path: '/elsewhere', headers: json(), body: '{}' })).status).toBe(405)
  })
})

describe('WebSocket', () => {
  const closeCode = (socket: Awaited<ReturnType<BrowserDouble['openSocket']>>['socket']) => new Promise<number>((resolve) => socket.once('close', resolve))

  test('control: cookie and tab secret open a session', async () => {
    const before = fixture.sessions()
    const { pipe, socket } = await browser.openSocket()
    const client = await openClient(pipe, { secret: await browser.tabSecret() })
    expect((await client.system.status()).appVersion).toBe('0.0.0-double')
    expect(fixture.sessions()).toBe(before + 1)
    socket.terminate()
  })

  test.each([['no cookie', undefined], ['a wrong cookie', `signalbox=${'x'.repeat(43)}`]])('%s: no upgrade', async (_what, cookie) => {
    await expect(browser.openSocket({ cookie })).rejects.toThrow('401')
  })

  test('a cookie with the right name and a wrong value: no upgrade, no tab secret', async () => {
    const cookie = `${browser.cookie.split('=')[0]}=${'x'.repeat(43)}`
    await expect(browser.openSocket({ cookie })).rejects.toThrow('401')
    expect((await askConsole({ method: 'POST', path: '/tab', headers: { ...json(), cookie }, body: '{}' })).status).toBe(401)
  })

  test('only at its path', async () => {
    await expect(browser.openSocket({}, '/')).rejects.toThrow('404')
  })

  test('a wrong, missing, used or foreign tab secret is refused, and no session reaches the core', async () => {
    const stranger = await enterAsBrowser(fixture.server.issueUrl())
    const used = await browser.tabSecret()
    const first = await browser.openSocket()
    await openClient(first.pipe, { secret: used })
    const before = fixture.sessions()
    for (const secret of ['x'.repeat(43), '', used, await stranger.tabSecret()]) {
      const { pipe, socket } = await browser.openSocket()
      const closed = closeCode(socket)
      await expect(openClient(pipe, { secret })).rejects.toMatchObject({ data: { code: 'notAllowed' } })
      expect(await closed).toBe(CLOSE_CODES.refused)
    }
    const { pipe } = await browser.openSocket()
    await expect(openClient(pipe)).rejects.toMatchObject({ data: { code: 'notAllowed' } })
    expect(fixture.sessions()).toBe(before)
    first.socket.terminate()
  })

  test.each([['text', 'hello'], ['JSON', '{"hello":"world"}'], ['bytes', Buffer.from([0, 255])], ['too long', `{"hello":"signalbox","protocol":1,"secret":"${'x'.repeat(5000)}"}`]])(
    'a first frame that is no greeting (%s) closes',
    async (_what, frame) => {
      const { socket } = await browser.openSocket()
      socket.send(frame)
      expect(await closeCode(socket)).toBe(CLOSE_CODES.malformed)
    },
  )

  test('silence closes soon', async () => {
    const strict = await startServerFixture({ helloDeadlineMs: 150 })
    const visitor = await enterAsBrowser(strict.server.issueUrl())
    const { socket } = await visitor.openSocket()
    expect(await closeCode(socket)).toBe(CLOSE_CODES.silent)
    await strict.close()
  })

  test('an oversized frame closes; one below the limit is answered', async () => {
    const { pipe, socket } = await browser.openSocket()
    const client = await openClient(pipe, { secret: await browser.tabSecret() })
    const closed = closeCode(socket)
    const notes = (bytes: number) => client.release.create({ service: 'a', version: '1', notes: 'x'.repeat(bytes), start: false, operationId: 'op-123456' })
    await expect(notes(MAX_CLIENT_FRAME_BYTES - 1000)).rejects.toMatchObject({ data: { code: 'invalidInput' } })
    await expect(notes(MAX_CLIENT_FRAME_BYTES)).rejects.toMatchObject({ data: { code: 'disconnected' } })
    expect(await closed).toSatisfy((code) => code === 1009 || code === 1006)
  })

  test('broken framing closes', async () => {
    const { socket } = await browser.openSocket()
    const closed = closeCode(socket)
    // A server must fail unmasked frames (RFC 6455 5.1): write one past the library.
    const { _socket: network } = socket as unknown as { _socket: { write(bytes: Buffer): void } }
    network.write(Buffer.from([0x81, 0x02, 0x68, 0x69]))
    expect(await closed).toSatisfy((code) => code === 1002 || code === 1006)
  })

  test('strangers cannot pile up: beyond a few that say nothing, upgrades are refused', async () => {
    const slow = await startServerFixture({ helloDeadlineMs: 60_000 })
    const visitor = await enterAsBrowser(slow.server.issueUrl())
    const silent = await Promise.all(Array.from({ length: 32 }, () => visitor.openSocket()))
    await expect(visitor.openSocket()).rejects.toThrow('503')
    silent[0]?.socket.terminate()
    await new Promise((resolve) => setTimeout(resolve, 50))
    const { socket } = await visitor.openSocket()
    for (const each of [...silent, { socket }]) each.socket.terminate()
    await slow.close()
  })
})

test('a taken port is a fault that says so', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const attempt = startWebServer({ rendererFolder: new URL('../../../src-renderer', import.meta.url).pathname, openSession: () => { throw new Error('unused') }, port })
  await expect(attempt).rejects.toMatchObject({ data: { code: 'portTaken', message: expect.stringContaining(String(port)) } })
  other.close()
})

/** Sends these bytes and returns everything that comes back. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(fixture.server.port, '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
    socket.setTimeout(1000, () => {
      socket.destroy()
      resolve(text)
    })
  })
}
