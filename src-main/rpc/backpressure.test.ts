import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClient } from '../contract/client.ts'
import type { WatchItem } from '../contract/system.ts'
import { type BrowserDouble, enterAsBrowser } from '../hosts/web/testing/browser-double.ts'
import { type ServerFixture, startServerFixture } from '../hosts/web/testing/server-fixture.ts'
import { coreDouble } from './testing/core-double.ts'
import { createWatchBroadcast } from './watch.ts'

/** A slow client over a real WebSocket: what it does not read must not pile up anywhere. */
const CHUNK = 'x'.repeat(64 * 1024)
/** What the operating system's buffers and our window may hold, generously. */
const IN_FLIGHT_CHUNKS = (16 * 1024 * 1024) / CHUNK.length

let produced = 0
const waiting = (title: string): WatchItem => ({ kind: 'waiting', items: [{ id: 'a', service: 'a', releaseId: null, kind: 'gate', title, detail: CHUNK, expiresAt: null, since: 0 }] })
let current = waiting('start')
const broadcast = createWatchBroadcast(() => [current])

let fixture: ServerFixture
let browser: BrowserDouble

beforeAll(async () => {
  fixture = await startServerFixture({
    api: coreDouble({
      system: { watch: (_input, { signal }) => broadcast.subscribe(signal) },
      journal: {
        async *export(_input, { signal }) {
          for (; !signal.aborted; produced += 1) yield { kind: 'chunk', text: CHUNK }
        },
      },
    }),
  })
  browser = await enterAsBrowser(fixture.server.issueUrl())
})
afterAll(async () => {
  broadcast.close()
  await fixture.close()
})

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('a stream waits for a client that stopped reading, and goes on with it', async () => {
  const { pipe, socket } = await browser.openSocket()
  const client = await openClient(pipe, { secret: await browser.tabSecret() })
  const stream = await client.journal.export({ format: 'jsonl' })

  // Control: while it reads, far more flows than ever may pile up.
  for (let i = 0; i < 2 * IN_FLIGHT_CHUNKS; i += 1) await stream.next()
  expect(produced).toBeGreaterThan(2 * IN_FLIGHT_CHUNKS - 1)

  socket.pause()
  // What was on its way already counts too: how much that is depends on how busy the machine was.
  const atPause = produced
  // A second and a half is time for thousands of chunks, were nothing to hold them back.
  await sleep(1500)
  const stalledAt = produced
  expect(stalledAt - atPause).toBeLessThan(IN_FLIGHT_CHUNKS)

  socket.resume()
  for (let i = 0; i < 2 * IN_FLIGHT_CHUNKS; i += 1) await stream.next()
  expect(produced).toBeGreaterThan(stalledAt)
  socket.terminate()
}, 60_000)

test('a client that slept through a thousand changes gets the newest, not all of them', async () => {
  const { pipe, socket } = await browser.openSocket()
  const client = await openClient(pipe, { secret: await browser.tabSecret() })
  const stream = await client.system.watch({ metrics: true })
  expect((await stream.next()).value).toMatchObject({ kind: 'waiting' })
  expect((await stream.next()).value).toMatchObject({ kind: 'ready' })

  socket.pause()
  for (let i = 0; i < 1000; i += 1) {
    current = waiting(`change ${i}`)
    broadcast.publish(current)
    if (i % 10 === 0) await sleep(1)
  }
  socket.resume()
  let received = 0
  for (let title = ''; title !== 'change 999'; received += 1) {
    const next = await stream.next()
    if (next.done !== true && next.value.kind === 'waiting') title = next.value.items[0]?.title ?? ''
  }
  expect(received).toBeLessThan(IN_FLIGHT_CHUNKS)
  socket.terminate()
}, 60_000)
