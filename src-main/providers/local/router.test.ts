import { createHash, randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createBench, type Bench } from './test-bench.ts'

/** What users meet at the live address, on real processes and sockets. */
describe('the router', () => {
  let bench: Bench
  let live: string
  let preview: string
  const port = () => Number(new URL(live).port)

  beforeAll(async () => {
    bench = await createBench()
    ;({ live, preview } = await bench.start({ sticky: { cookie: 'pin' }, timeouts: { headersMs: 700, idleMs: 900, connectMs: 500 } }, true))
  })
  afterAll(() => bench.dispose())
  beforeEach(async () => void (await bench.weights({ blue: 100, green: 0 }, { overrideStickiness: true })))

  const who = async (init: RequestInit = {}) => ((await (await fetch(live, init)).json()) as { environment: string }).environment

  /** Sends bytes, and gives back all that came until the connection closed or nothing more came. */
  function raw(text: string, quietMs = 300): Promise<string> {
    return new Promise((resolve) => {
      let heard = ''
      const socket = connect({ host: '127.0.0.1', port: port() }, () => socket.write(text))
      socket.setTimeout(quietMs, () => socket.destroy())
      socket.on('data', (chunk) => (heard += chunk.toString('latin1')))
      socket.on('error', () => {})
      socket.on('close', () => resolve(heard))
    })
  }

  it('divides requests exactly by weight', async () => {
    await bench.weights({ blue: 75, green: 25 })
    const seen = { blue: 0, green: 0 }
    for (let i = 0; i < 400; i++) seen[(await who()) as 'blue' | 'green'] += 1
    expect(seen).toEqual({ blue: 300, green: 100 })
  })

  it('keeps a user where the cookie says, and overrides that at once on roll back', async () => {
    await bench.weights({ blue: 50, green: 50 })
    let cookie = ''
    for (let i = 0; i < 100 && !cookie.startsWith('pin=green'); i++) {
      const set = (await fetch(live)).headers.get('set-cookie') ?? ''
      cookie = set.split(';')[0] ?? ''
      expect(set).toMatch(/^pin=(blue|green)\.\d+; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/)
    }
    for (let i = 0; i < 20; i++) expect(await who({ headers: { cookie: `a=1; ${cookie}` } })).toBe('green')
    expect((await fetch(live, { headers: { cookie } })).headers.get('set-cookie')).toBeNull()
    // The shift back leaves green some weight, and yet nobody stays pinned there by the old cookie.
    await bench.weights({ blue: 99, green: 1 }, { overrideStickiness: true })
    let onGreen = 0
    for (let i = 0; i < 50; i++) if ((await who({ headers: { cookie } })) === 'green') onGreen += 1
    expect(onGreen).toBeLessThanOrEqual(1)
    await bench.weights({ blue: 100, green: 0 })
    expect(await who({ headers: { cookie: 'pin=green.999999' } })).toBe('blue')
  })

  it('shows the candidate on the preview address, whatever the weights are, and counts none of it as users', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1200))
    const before = (await bench.provider.metrics('web', 0)).green.reduce((sum, sample) => sum + sample.requests, 0)
    for (let i = 0; i < 5; i++) expect((await (await fetch(preview)).json()) as object).toMatchObject({ environment: 'green', version: 'good-2' })
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const after = (await bench.provider.metrics('web', 0)).green.reduce((sum, sample) => sum + sample.requests, 0)
    expect(after).toBe(before)
  })

  it('says where requests come from, and passes on no field that is meant for one connection only', async () => {
    const heard = await raw(
      `GET /headers?q=1 HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 10.1.2.3\r\nX-Forwarded-Proto: https\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nX-Kept: yes\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n`,
    )
    const { headers, url } = JSON.parse(heard.slice(heard.indexOf('{'), heard.lastIndexOf('}') + 1)) as { headers: Record<string, string>; url: string }
    expect(url).toBe('/headers?q=1')
    expect(headers).toMatchObject({ host: 'shop.example', 'x-forwarded-for': '10.1.2.3, 127.0.0.1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example', 'x-kept': 'yes', cookie: 'a=1; b=2' })
    for (const name of ['x-secret', 'te', 'keep-alive']) expect(headers).not.toHaveProperty(name)
    expect(heard).toMatch(/x-answer: yes/i)
    expect(heard).toMatch(/connection: close/i)
    expect(heard).not.toMatch(/signalbox|via:/i)
  })

  it('serves HEAD, HTTP/1.0, absolute targets and several requests on one connection', async () => {
    expect((await fetch(live, { method: 'HEAD' })).status).toBe(200)
    expect(await raw('GET / HTTP/1.0\r\nHost: x\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(await raw(`GET http://shop.example/headers HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`)).toContain('"url":"/headers"')
    const two = await raw('GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(two.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2)
  })

  it('refuses what could be read in two ways', async () => {
    expect(await raw('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/)
    expect(await raw('GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/)
    expect(await raw('GET / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/)
    expect(await raw('OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/)
  })

  it('streams a large upload that is under way during a switch to where it began', async () => {
    const block = randomBytes(1 << 20)
    const hash = createHash('sha256')
    const answer = new Promise<{ bytes: number; hash: string; environment: string }>((resolve, reject) => {
      const upload = httpRequest(`${live}/hash`, { method: 'POST' }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve(JSON.parse(text)))
      })
      upload.on('error', reject)
      void (async () => {
        for (let i = 0; i < 24; i++) {
          hash.update(block)
          if (!upload.write(block)) await new Promise((go) => upload.once('drain', go))
          if (i === 10) await bench.weights({ blue: 0, green: 100 })
        }
        upload.end()
      })()
    })
    expect(await answer).toEqual({ bytes: 24 << 20, hash: hash.digest('hex'), environment: 'blue' })
    expect(await who()).toBe('green')
  })

  it('slows a fast environment down to a slow reader, and loses nothing', async () => {
    const bytes = await new Promise<number>((resolve, reject) => {
      let count = 0
      const asked = httpRequest(`${live}/bytes?n=${20 << 20}`, (response) => {
        response.on('data', (chunk: Buffer) => {
          count += chunk.length
          if (count % (1 << 20) < chunk.length) {
            response.pause()
            setTimeout(() => response.resume(), 10)
          }
        })
        response.on('end', () => resolve(count))
      })
      asked.on('error', reject).end()
    })
    expect(bytes).toBe(20 << 20)
  })

  it('passes an early answer on although the body is still coming', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const upload = httpRequest(`${live}/early`, { method: 'POST', headers: { 'content-length': String(50 << 20) } }, (response) => {
        response.resume()
        resolve(response.statusCode)
        upload.destroy()
      })
      upload.on('error', reject)
      upload.write(Buffer.alloc(1 << 20))
    })
    expect(status).toBe(413)
    expect(await who()).toBe('blue')
  })

  it('lets an event stream go on through a switch, and tells the environment when the client goes', async () => {
    const leave = new AbortController()
    const stream = await fetch(`${live}/events`, { signal: leave.signal })
    const reader = stream.body?.getReader()
    const next = async () => Buffer.from((await reader?.read())?.value ?? []).toString()
    expect(await next()).toContain('blue')
    await bench.weights({ blue: 0, green: 100 })
    await new Promise((resolve) => setTimeout(resolve, 120))
    expect(await next()).toContain('blue')
    expect((await bench.provider.observe('web')).environments.blue.inFlight).toBe(1)
    leave.abort()
    await bench.until('the stream ended upstream', async () => (await bench.provider.observe('web')).environments.blue.inFlight === 0)
    const lines: string[] = []
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 500)
    for await (const line of bench.provider.tailLogs('web', 'blue', 50, stop.signal)) lines.push(line.text)
    expect(lines).toContain('stream closed')
  })

  it('carries WebSockets both ways through a switch, and an answer that is no upgrade', async () => {
    const { socket, first } = await openWebSocket('/chat')
    expect(first).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/)
    const echo = (text: string) => new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())) && socket.write(text))
    expect(await echo('one')).toBe('blue:one')
    await bench.weights({ blue: 0, green: 100 })
    expect(await echo('two')).toBe('blue:two')
    expect((await bench.provider.observe('web')).environments.blue).toMatchObject({ inFlight: 1 })
    socket.destroy()
    await bench.until('it is gone', async () => (await bench.provider.observe('web')).environments.blue.inFlight === 0)
    expect((await openWebSocket('/no-upgrade')).first).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n[^]*no$/)
  })

  async function openWebSocket(path: string) {
    const socket = connect({ host: '127.0.0.1', port: port() })
    socket.on('error', () => {})
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n`)
    const first = await new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())))
    return { socket, first }
  }

  it('aborts the request at the environment when the client goes', async () => {
    const leave = new AbortController()
    const asked = fetch(`${live}/hang`, { signal: leave.signal }).catch(() => null)
    await bench.until('it is in flight', async () => (await bench.provider.observe('web')).environments.blue.inFlight === 1)
    leave.abort()
    await asked
    await bench.until('it is not', async () => (await bench.provider.observe('web')).environments.blue.inFlight === 0)
  })

  it('answers 504 and 502 for an environment that does not, naming nothing that is inside', async () => {
    const late = await fetch(`${live}/hang`)
    expect(late.status).toBe(504)
    for (const text of [await late.text(), JSON.stringify([...late.headers])]) expect(text).not.toMatch(/blue|green|signalbox|127\.0\.0\.1|undici|ECONN|node/i)
    // Half an answer is cut off, so that nobody takes it for a whole one.
    const half = await fetch(`${live}/break`)
    await expect(half.text()).rejects.toThrow()
  })

  it('answers 503 with Retry-After out of service, and counts each second what users got', async () => {
    await bench.weights({ blue: 0, green: 0 })
    const out = await fetch(live)
    expect(out.status).toBe(503)
    expect(out.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await out.text()).not.toMatch(/blue|green|signalbox/i)
    await bench.weights({ blue: 100, green: 0 })
    await new Promise((resolve) => setTimeout(resolve, 1600))
    const from = Date.now()
    for (const code of [200, 200, 204, 301, 404, 500, 503]) await fetch(`${live}/status?code=${code}`, { redirect: 'manual' })
    await fetch(`${live}/hang`)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const samples = (await bench.provider.metrics('web', from)).blue
    const sum = (pick: (sample: (typeof samples)[number]) => number) => samples.reduce((total, sample) => total + pick(sample), 0)
    expect([sum((s) => s.byClass.s2xx), sum((s) => s.byClass.s3xx), sum((s) => s.byClass.s4xx), sum((s) => s.byClass.s5xx), sum((s) => s.byClass.failed)]).toEqual([3, 1, 1, 2, 1])
    expect(sum((s) => s.requests)).toBe(8)
    expect(sum((s) => s.errors)).toBe(3)
    expect(samples.find((sample) => sample.requests > 3)?.p99Ms).toBeGreaterThan(0)
    expect(samples.at(-1)?.memoryBytes).toBeGreaterThan(10e6)
  })
})
