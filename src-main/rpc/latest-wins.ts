export interface LatestWinsOptions<T> {
  /** Items with the same key replace each other while they wait; null: every one of them counts, none is replaced. */
  readonly keyOf: (item: T) => string | null
  /** For items that count, a number that grows by one; null where the item has none. A hole makes the reader start afresh. */
  readonly sequenceOf?: (item: T) => number | null
  /** Tells the reader to drop what it has. */
  readonly resync: (reason: string) => T
  /** The whole state now, its end marker included. Asked once at the start and after every resync. */
  readonly snapshot: () => Iterable<T> | Promise<Iterable<T>>
  /** Different keys that may wait before the reader is resynced instead. */
  readonly maxKeys: number
  /** Items that count which may wait before the reader is resynced instead. */
  readonly maxCounted: number
}

export interface LatestWins<T> {
  /** Never waits and never grows beyond the limits. */
  push(item: T): void
  /** Items waiting now. */
  readonly size: number
  /** Snapshot, then changes, until the signal aborts. One reader. */
  read(signal: AbortSignal): AsyncGenerator<T, undefined, undefined>
}

/**
 * What one slow reader has not taken yet. A newer item takes the place of the older with its key; when the limits or
 * a hole in the sequence show that the reader has missed something, all of it is dropped and it gets `resync` and
 * a fresh snapshot, made when the reader comes for it and not before.
 */
export function createLatestWins<T>(options: LatestWinsOptions<T>): LatestWins<T> {
  const waiting = new Map<string | number, T>()
  let counted = 0
  let nextCountedKey = 0
  let lastSequence: number | null = null
  /** Why the reader must start afresh; empty: it need not. While set, pushes are dropped, for the snapshot will hold them. */
  let resyncReason = ''
  let wake: (() => void) | undefined

  const startAfresh = (reason: string) => {
    waiting.clear()
    counted = 0
    lastSequence = null
    resyncReason = reason
  }

  const push = (item: T) => {
    if (resyncReason) return
    const sequence = options.sequenceOf?.(item) ?? null
    if (sequence !== null) {
      if (lastSequence !== null && sequence <= lastSequence) return
      if (lastSequence !== null && sequence !== lastSequence + 1) startAfresh('entries were missed')
      else lastSequence = sequence
    }
    if (!resyncReason) {
      const key = options.keyOf(item)
      if (key === null) {
        waiting.set(nextCountedKey++, item)
        counted += 1
      } else {
        waiting.set(key, item)
      }
      if (counted > options.maxCounted || waiting.size - counted > options.maxKeys) startAfresh('this reader fell behind')
    }
    wake?.()
  }

  async function* read(signal: AbortSignal): AsyncGenerator<T, undefined, undefined> {
    const onAbort = () => wake?.()
    signal.addEventListener('abort', onAbort)
    try {
      yield* await options.snapshot()
      while (!signal.aborted) {
        if (resyncReason) {
          const reason = resyncReason
          resyncReason = ''
          yield options.resync(reason)
          yield* await options.snapshot()
          continue
        }
        const first = waiting.entries().next()
        if (first.done === true) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          wake = undefined
          continue
        }
        const [key, item] = first.value
        waiting.delete(key)
        if (typeof key === 'number') counted -= 1
        yield item
      }
      return undefined
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  return {
    push,
    get size() {
      return waiting.size
    },
    read,
  }
}
