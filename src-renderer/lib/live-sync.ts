import type { LiveStore } from './live-store.ts'
import type { Connect, Session } from './session.ts'
import { toFault } from './session.ts'

export interface LiveSyncOptions {
  readonly connect: Connect
  readonly session: Session
  readonly store: LiveStore
  /** Called after each new connection has delivered its snapshot: whatever was fetched before may be old. */
  readonly onFresh: () => void
  /** Waits between attempts, milliseconds; the last one repeats. */
  readonly retryMs?: readonly number[]
}

const RETRY_MS = [250, 500, 1000, 2000, 3000] as const

/** Keeps a connection open and its watch stream flowing into the store, until the returned function is called. */
export function startLiveSync(options: LiveSyncOptions): () => void {
  const { connect, session, store, onFresh } = options
  const retryMs = options.retryMs ?? RETRY_MS
  const stop = new AbortController()

  async function once(): Promise<string> {
    const link = await connect(stop.signal)
    session.setLink(link)
    try {
      const closed = link.closed.then((why) => ({ done: true as const, why }))
      const items = await Promise.race([link.client.system.watch({ metrics: true }), closed])
      if ('why' in items) return items.why
      const iterator = items[Symbol.asyncIterator]()
      for (;;) {
        const next = await Promise.race([iterator.next(), closed])
        if ('why' in next) return next.why
        if (next.done) return 'the core ended the stream'
        store.apply(next.value)
        if (next.value.kind === 'ready') onFresh()
      }
    } finally {
      session.setLink(null)
      link.close()
    }
  }

  async function run() {
    let attempt = 0
    while (!stop.signal.aborted) {
      const startedAt = performance.now()
      const reason = await once().then(
        (why) => ({ why, next: '' }),
        (error: unknown) => reasonOf(error),
      )
      if (stop.signal.aborted) return
      // A connection that lasted is not one more failed attempt.
      attempt = performance.now() - startedAt > 5000 ? 0 : attempt + 1
      const before = store.connection()
      store.setConnection(before.kind === 'lost' ? { ...before, ...reason } : { kind: 'lost', since: store.now(), ...reason })
      await sleep(retryMs[Math.min(Math.max(attempt - 1, 0), retryMs.length - 1)] ?? 1000, stop.signal)
    }
  }

  void run()
  return () => stop.abort()
}

function reasonOf(error: unknown): { readonly why: string; readonly next: string } {
  const fault = toFault(error)
  return fault.code === 'internal' ? { why: error instanceof Error ? error.message : fault.message, next: '' } : { why: fault.message, next: fault.next }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
