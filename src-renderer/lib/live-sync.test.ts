import { afterEach, expect, it } from 'vitest'
import type { WatchItem } from '../../src-main/contract/system.ts'
import { createLiveStore } from './live-store.ts'
import { startLiveSync } from './live-sync.ts'
import { createSession, type Client, type Link } from './session.ts'
import { makeService, makeStatus } from './test-fixtures.ts'

const NOW = 1_790_000_000_000
let stop: () => void = () => undefined
afterEach(() => stop())

async function until(check: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !check(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(check()).toBe(true)
}

it('says that the connection is lost and why, keeps what was seen, and comes back with a fresh snapshot', async () => {
  const store = createLiveStore({ wallMs: () => NOW, schedule: (flush) => flush() })
  const session = createSession()
  let names = ['checkout', 'search']
  let refuse = false
  let cut: () => void = () => undefined
  let fresh = 0
  async function* watch(): AsyncGenerator<WatchItem> {
    yield { kind: 'status', status: makeStatus(NOW) }
    for (const name of names) yield { kind: 'service', service: makeService(name, { now: NOW }) }
    yield { kind: 'ready' }
    await new Promise(() => undefined)
  }
  const connect = async (): Promise<Link> => {
    if (refuse) throw new Error('the console cannot be reached')
    const closed = new Promise<string>((resolve) => (cut = () => resolve('the console closed the connection')))
    return { client: { system: { watch: async () => watch() } } as unknown as Client, closed, close: () => undefined }
  }
  stop = startLiveSync({ connect, session, store, onFresh: () => (fresh += 1), retryMs: [5] })
  await until(() => store.ready() && store.connection().kind === 'live')
  refuse = true
  cut()
  await until(() => store.connection().kind === 'lost')
  expect(store.services()).toHaveLength(2)
  await until(() => {
    const connection = store.connection()
    return connection.kind === 'lost' && connection.why === 'the console cannot be reached'
  })
  await expect(session.call(async () => 1)).rejects.toMatchObject({ data: { code: 'disconnected' } })
  names = ['checkout']
  refuse = false
  await until(() => store.connection().kind === 'live')
  expect(store.services().map((service) => service.name)).toEqual(['checkout'])
  expect(fresh).toBe(2)
})

it('calls what is shown as old as the last word heard, when the core only falls silent', async () => {
  let now = NOW
  const store = createLiveStore({ wallMs: () => now, schedule: (flush) => flush() })
  async function* watch(): AsyncGenerator<WatchItem> {
    yield { kind: 'status', status: makeStatus(NOW) }
    yield { kind: 'ready' }
    await new Promise(() => undefined)
  }
  const connect = async (): Promise<Link> => ({ client: { system: { watch: async () => watch() } } as unknown as Client, closed: new Promise(() => undefined), close: () => undefined })
  stop = startLiveSync({ connect, session: createSession(), store, onFresh: () => undefined, retryMs: [60_000], silentMs: 40 })
  await until(() => store.ready())
  now = NOW + 40
  await until(() => store.connection().kind === 'lost')
  expect(store.connection()).toMatchObject({ since: NOW })
})
