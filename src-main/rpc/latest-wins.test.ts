import { describe, expect, test } from 'vitest'
import { createBroadcast } from './broadcast.ts'
import { createLatestWins, type LatestWinsOptions } from './latest-wins.ts'

interface Item {
  readonly key: string | null
  readonly value: number
  readonly seq?: number
}

const options: LatestWinsOptions<Item> = {
  keyOf: (item) => item.key,
  sequenceOf: (item) => item.seq ?? null,
  resync: (reason) => ({ key: `resync: ${reason}`, value: -1 }),
  snapshot: () => [{ key: 'snapshot', value: 0 }],
  maxKeys: 10,
  maxCounted: 5,
}

const keyed = (key: string, value: number): Item => ({ key, value })
const counted = (seq: number): Item => ({ key: null, value: seq, seq })

async function take(stream: AsyncIterator<Item>, count: number): Promise<readonly Item[]> {
  const items: Item[] = []
  while (items.length < count) {
    const next = await stream.next()
    if (next.done === true) break
    items.push(next.value)
  }
  return items
}

describe('latest wins', () => {
  test('a reader that keeps up sees everything in order', async () => {
    const queue = createLatestWins(options)
    const stream = queue.read(new AbortController().signal)
    expect(await take(stream, 1)).toEqual([keyed('snapshot', 0)])
    for (let i = 0; i < 5; i += 1) {
      queue.push(keyed('a', i))
      expect(await take(stream, 1)).toEqual([keyed('a', i)])
    }
  })

  test('a slow reader gets the newest of each key, and nothing grows', async () => {
    const queue = createLatestWins(options)
    const stream = queue.read(new AbortController().signal)
    await take(stream, 1)
    for (let i = 0; i < 100_000; i += 1) queue.push(keyed(i % 2 ? 'odd' : 'even', i))
    expect(queue.size).toBe(2)
    expect(await take(stream, 2)).toEqual([keyed('even', 99_998), keyed('odd', 99_999)])
  })

  test('too many keys at once: resync, then a fresh snapshot, then changes again', async () => {
    const queue = createLatestWins(options)
    const stream = queue.read(new AbortController().signal)
    await take(stream, 1)
    for (let i = 0; i < 100_000; i += 1) queue.push(keyed(`k${i}`, i))
    expect(queue.size).toBe(0)
    expect((await take(stream, 2)).map((item) => item.key)).toEqual(['resync: this reader fell behind', 'snapshot'])
    queue.push(keyed('after', 1))
    expect(await take(stream, 1)).toEqual([keyed('after', 1)])
  })

  test('items that count are never replaced; too many of them resync', async () => {
    const queue = createLatestWins(options)
    const stream = queue.read(new AbortController().signal)
    await take(stream, 1)
    for (let seq = 1; seq <= 5; seq += 1) queue.push(counted(seq))
    expect((await take(stream, 5)).map((item) => item.seq)).toEqual([1, 2, 3, 4, 5])
    for (let seq = 6; seq <= 11; seq += 1) queue.push(counted(seq))
    expect((await take(stream, 1))[0]?.key).toBe('resync: this reader fell behind')
  })

  test('a hole in the sequence resyncs; a repeated one is dropped', async () => {
    const queue = createLatestWins(options)
    const stream = queue.read(new AbortController().signal)
    await take(stream, 1)
    queue.push(counted(1))
    queue.push(counted(1))
    queue.push(counted(2))
    expect((await take(stream, 2)).map((item) => item.seq)).toEqual([1, 2])
    queue.push(counted(4))
    expect((await take(stream, 2)).map((item) => item.key)).toEqual(['resync: entries were missed', 'snapshot'])
    queue.push(counted(5))
    expect((await take(stream, 1)).map((item) => item.seq)).toEqual([5])
  })

  test('the snapshot after a resync is made when the reader comes, so it is fresh', async () => {
    let state = 1
    const queue = createLatestWins({ ...options, snapshot: () => [keyed('state', state)] })
    const stream = queue.read(new AbortController().signal)
    await take(stream, 1)
    for (let i = 0; i < 20; i += 1) queue.push(keyed(`k${i}`, i))
    state = 2
    expect((await take(stream, 2))[1]).toEqual(keyed('state', 2))
  })

  test('aborting ends a waiting reader', async () => {
    const controller = new AbortController()
    const stream = createLatestWins(options).read(controller.signal)
    await take(stream, 1)
    const pending = stream.next()
    controller.abort()
    expect(await pending).toEqual({ done: true, value: undefined })
  })
})

describe('broadcast', () => {
  test('each client has its own queue: one that never reads costs the others nothing', async () => {
    const broadcast = createBroadcast(options)
    const fast = broadcast.subscribe(new AbortController().signal)
    const stuck = broadcast.subscribe(new AbortController().signal)
    await take(fast, 1)
    await take(stuck, 1)
    for (let i = 0; i < 50; i += 1) {
      broadcast.publish(keyed(`k${i}`, i))
      expect((await take(fast, 1))[0]?.value).toBe(i)
    }
    expect((await take(stuck, 1))[0]?.key).toBe('resync: this reader fell behind')
  })

  test('what a client does not want reaches it neither in the snapshot nor later', async () => {
    const broadcast = createBroadcast({ ...options, snapshot: () => [keyed('metrics', 1), keyed('service', 1)] })
    const stream = broadcast.subscribe(new AbortController().signal, (item) => item.key !== 'metrics')
    expect((await take(stream, 1))[0]?.key).toBe('service')
    broadcast.publish(keyed('metrics', 2))
    broadcast.publish(keyed('service', 2))
    expect((await take(stream, 1))[0]).toEqual(keyed('service', 2))
  })

  test('changes during a slow snapshot come after it', async () => {
    const broadcast = createBroadcast({
      ...options,
      async snapshot() {
        await new Promise((resolve) => setTimeout(resolve, 10))
        return [keyed('service', 1)]
      },
    })
    const stream = broadcast.subscribe(new AbortController().signal)
    const first = take(stream, 2)
    broadcast.publish(keyed('service', 2))
    expect((await first).map((item) => item.value)).toEqual([1, 2])
  })

  test('a client that leaves, by return or by abort, is forgotten; close ends the rest', async () => {
    const broadcast = createBroadcast(options)
    const controller = new AbortController()
    const returned = broadcast.subscribe(new AbortController().signal)
    const aborted = broadcast.subscribe(controller.signal)
    const closed = broadcast.subscribe(new AbortController().signal)
    for (const stream of [returned, aborted, closed]) await take(stream, 1)
    expect(broadcast.readers).toBe(3)
    await returned.return(undefined)
    expect(broadcast.readers).toBe(2)
    const pending = aborted.next()
    controller.abort()
    await pending
    expect(broadcast.readers).toBe(1)
    const last = closed.next()
    broadcast.close()
    expect((await last).done).toBe(true)
    expect(broadcast.readers).toBe(0)
  })
})
