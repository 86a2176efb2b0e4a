import type { WatchItem } from '../../src-main/contract/system.ts'
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
  /** A connection on which nothing came for so long is given up, milliseconds. The core says something every two seconds. */
  readonly silentMs?: number
}

const RETRY_MS = [250, 500, 1000, 2000, 3000] as const
const SILENT_MS = 7_000

/** Keeps a connection open and its watch stream flowing into the store, until the returned function is called. */
export function startLiveSync(options: LiveSyncOptions): () => void {
  const { connect, session, store, onFresh } = options
  const retryMs = options.retryMs ?? RETRY_MS
  const silentMs = options.silentMs ?? SILENT_MS
  const stop = new AbortController()

  async function once(): Promise<string> {
    // A core that hangs keeps its sockets open: only its silence tells. What is shown would look fresh for ever.
    const silence = watchSilence(silentMs)
    const giveUp = () => silence.stop()
    stop.signal.addEventListener('abort', giveUp)
    try {
      return await Promise.race([silence.over, listen(silence)])
    } finally {
      silence.stop()
      stop.signal.removeEventListener('abort', giveUp)
    }
  }

  async function listen(silence: Silence): Promise<string> {
    const link = await connect(silence.signal)
    if (silence.signal.aborted) {
      link.close()
      return SILENT
    }
    session.setLink(link)
    try {
      const over = Promise.race([link.closed, silence.over])
      const items = await Promise.race([link.client.system.watch({ metrics: true }), over])
      if (typeof items === 'string') return items
      // One race for the whole stream: one per item would pile up on a promise that outlives them all.
      const state = { over: false }
      void over.then(() => (state.over = true))
      return await Promise.race([readInto(items, silence, state), over])
    } finally {
      session.setLink(null)
      link.close()
    }
  }

  async function readInto(items: AsyncIterable<WatchItem>, silence: Silence, state: { readonly over: boolean }): Promise<string> {
    for await (const item of items) {
      if (state.over) break
      silence.heard()
      store.apply(item)
      if (item.kind === 'ready') onFresh()
    }
    return 'the core ended the stream'
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
      // What is shown is as old as the last word heard, not as the moment the silence was noticed.
      const since = store.now() - (reason.why === SILENT ? silentMs : 0)
      store.setConnection(before.kind === 'lost' ? { ...before, ...reason } : { kind: 'lost', since, ...reason })
      await sleep(retryMs[Math.min(Math.max(attempt - 1, 0), retryMs.length - 1)] ?? 1000, stop.signal)
    }
  }

  void run()
  return () => stop.abort()
}

const SILENT = 'the core says nothing any more'

interface Silence {
  /** Settles when nothing was heard for too long, or it was stopped. */
  readonly over: Promise<string>
  readonly signal: AbortSignal
  heard(): void
  stop(): void
}

function watchSilence(silentMs: number): Silence {
  const aborter = new AbortController()
  const over = new Promise<string>((resolve) => aborter.signal.addEventListener('abort', () => resolve(SILENT), { once: true }))
  let heardAt = performance.now()
  const timer = setInterval(() => {
    if (performance.now() - heardAt > silentMs) aborter.abort()
  }, Math.min(500, silentMs))
  aborter.signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  return {
    over,
    signal: aborter.signal,
    heard: () => {
      heardAt = performance.now()
    },
    stop: () => aborter.abort(),
  }
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
