import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Fault } from '../contract/fault.ts'
import { createHttpApi, type HttpApi } from './http-api.ts'
import { type FakeApi, startFakeApi } from './testing/fake-api.ts'

const SECRET = 'a-very-secret-token'
let fake: FakeApi
let api: HttpApi
const open = (url: string, timeoutMs = 20_000): HttpApi => createHttpApi({ who: 'The vendor', meaning: 'Nothing changes.', url, headers: { authorization: 'Bearer ${env:TOKEN}' }, timeoutMs, readSecret: (name) => (name === 'TOKEN' ? SECRET : null), wallMs: Date.now })

beforeEach(async () => {
  fake = await startFakeApi(({ path, headers }) => ({ status: 200, body: { path: [...path], authorization: headers.authorization ?? '' } }))
  api = open(fake.url)
})
afterEach(async () => {
  await api.close()
  await fake.close()
})

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error = await promise.then(() => null, (thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Fault)
  const fault = error as Fault
  expect(JSON.stringify(fault.data) + String(fault.stack) + String((fault.cause as Error | undefined)?.stack)).not.toContain(SECRET)
  return fault
}

describe('a vendor’s API over HTTP', () => {
  it('fills secrets in when it sends, and hands answers on with their status', async () => {
    expect((await api.ask('GET', '/a/b')).body).toEqual({ path: ['a', 'b'], authorization: `Bearer ${SECRET}` })
    fake.next.push({ status: 404, body: { message: `no ${SECRET} here`, code: 'not_found' } })
    const answer = await api.ask('PUT', '/a', { body: { x: 1 } })
    expect([answer.status, api.said(answer)]).toEqual([404, 'no ••• here; not_found'])
    expect(fake.asked.at(-1)).toMatchObject({ method: 'PUT', body: { x: 1 } })
  })

  it.each<[string, Readonly<Record<string, string>>]>([
    ['seconds', { 'retry-after': '1' }],
    ['a date', { 'retry-after': new Date(Math.ceil(Date.now() / 1000) * 1000 + 2000).toUTCString() }],
    ['no time at all', {}],
  ])('waits when it is told to come back: %s', async (_name, headers) => {
    fake.next.push({ status: 429, headers })
    const startedAt = performance.now()
    expect((await api.ask('POST', '/x')).status).toBe(200)
    expect(performance.now() - startedAt).toBeGreaterThan(headers['retry-after']?.includes('GMT') === true ? 0 : 900)
    expect(fake.asked.map(({ method }) => method)).toEqual(['POST', 'POST'])
  })

  it('tells how long is too long, and sends nothing until then', async () => {
    for (const headers of [{ 'retry-after': '60' }, { 'x-ratelimit-reset': String(Date.now() + 60_000) }]) {
      const own = open(fake.url)
      const before = fake.asked.length
      fake.next.push({ status: 429, headers })
      const fault = await faultOf(own.ask('GET', '/x'))
      expect(fault.code).toBe('providerUnavailable')
      expect(fault.data.retryAfterMs).toBeGreaterThan(50_000)
      expect((await faultOf(own.ask('GET', '/y'))).code).toBe('providerUnavailable')
      expect(fake.asked.length - before).toBe(1)
      await own.close()
    }
  })

  it('asks again after a 503 only when it says when', async () => {
    fake.next.push({ status: 503, headers: { 'retry-after': '0' } })
    expect((await api.ask('PATCH', '/x')).status).toBe(200)
    expect(fake.asked.length).toBe(2)
    fake.next.push({ status: 503 })
    expect((await faultOf(api.ask('PATCH', '/x'))).message).toMatch(/answered 503/)
    expect(fake.asked.length).toBe(3)
  })

  it('does not follow a redirect, nor go on without being let in', async () => {
    fake.next.push({ status: 302, headers: { location: `${fake.url}/elsewhere` } }, { status: 401, body: { message: 'no' } })
    expect((await faultOf(api.ask('GET', '/x'))).message).toMatch(/redirect/)
    expect((await faultOf(api.ask('GET', '/x'))).data.next).toMatch(/token/)
    expect(fake.asked.map(({ path }) => path.join('/'))).toEqual(['x', 'x'])
  })

  it('says of a write that was not answered that it may have been done', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const own = open(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`, 200)
    const write = await faultOf(own.ask('POST', '/x'))
    expect([write.code, write.message]).toEqual(['timeout', expect.stringMatching(/Whether it was done/)])
    expect((await faultOf(own.ask('GET', '/x'))).message).not.toMatch(/Whether it was done/)
    await own.close()
    silent.close()
  })

  it('names the variable that is not set, and an address where nobody is', async () => {
    const unset = createHttpApi({ who: 'The vendor', meaning: '', url: fake.url, headers: { authorization: '${env:MISSING}' }, timeoutMs: 1000, readSecret: () => null, wallMs: Date.now })
    expect((await faultOf(unset.ask('GET', '/x'))).message).toMatch(/MISSING/)
    const nobody = open('http://127.0.0.1:9')
    expect((await faultOf(nobody.ask('GET', '/x'))).message).toMatch(/cannot be reached at http:\/\/127\.0\.0\.1:9/)
    await Promise.all([unset.close(), nobody.close()])
  })
})
