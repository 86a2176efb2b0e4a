import { createLatestWins, type LatestWins, type LatestWinsOptions } from './latest-wins.ts'

export interface Broadcast<T> {
  /** To every reader at once; costs one map entry per reader that has not caught up. */
  publish(item: T): void
  /** A snapshot, then changes, for one client. `wants` leaves items out, of both. */
  subscribe(signal: AbortSignal, wants?: (item: T) => boolean): AsyncGenerator<T, undefined, undefined>
  /** Clients reading now. */
  readonly readers: number
  /** Ends every stream. */
  close(): void
}

/** The one place where changes fan out to clients, each with its own bounded queue. */
export function createBroadcast<T>(options: LatestWinsOptions<T>): Broadcast<T> {
  const readers = new Set<{ readonly queue: LatestWins<T>; readonly wants: (item: T) => boolean }>()
  const closing = new AbortController()

  async function* subscribe(signal: AbortSignal, wants: (item: T) => boolean = () => true): AsyncGenerator<T, undefined, undefined> {
    const queue = createLatestWins<T>({
      ...options,
      async snapshot() {
        return [...(await options.snapshot())].filter(wants)
      },
    })
    const reader = { queue, wants }
    // Before the snapshot is asked for: what changes while it is made waits behind it.
    readers.add(reader)
    try {
      yield* queue.read(AbortSignal.any([signal, closing.signal]))
      return undefined
    } finally {
      readers.delete(reader)
    }
  }

  return {
    publish(item) {
      for (const reader of readers) if (reader.wants(item)) reader.queue.push(item)
    },
    subscribe,
    get readers() {
      return readers.size
    },
    close: () => closing.abort(),
  }
}
