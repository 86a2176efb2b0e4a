import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { Fault, type FaultData, faultFromData } from '../contract/fault.ts'
import type { ComposeOptions } from './core-api.ts'
import type { SessionFacts } from './session.ts'

/** Host to thread. */
export type ThreadRequest = { readonly type: 'session'; readonly port: MessagePort; readonly facts: SessionFacts } | { readonly type: 'close' }
/** Thread to host. */
export type ThreadReport =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly fault: FaultData }
  | { readonly type: 'closed' }
  | { readonly type: 'log'; readonly line: string }

/** The thread that runs core, engine and journal writer, as its host sees it. */
export interface CoreThread {
  /** A port to one new client session. Frames go over it as `pipeOverPort` sends them. */
  openSession(facts?: SessionFacts): MessagePort
  /** Closes the core and ends the thread. Services and their supervisor go on. */
  close(): Promise<void>
  /** Settles when the thread is gone: null after `close`, otherwise why it died. */
  readonly ended: Promise<Error | null>
}

const CLOSE_DEADLINE_MS = 3000

/**
 * Starts the core off this thread, so that a host only forwards. `entry` is the thread's module, which calls
 * `serveThread`. Faults: whatever composing the core throws.
 */
export async function startCoreThread(entry: URL, options: ComposeOptions, log: (line: string) => void): Promise<CoreThread> {
  const worker = new Worker(entry, { workerData: options })
  let closing = false
  let failure: Error | null = null
  const ended = new Promise<Error | null>((resolve) => {
    worker.on('error', (error: unknown) => {
      failure = error instanceof Error ? error : new Error(String(error))
    })
    worker.on('exit', (code) => resolve(closing ? null : (failure ?? new Error(`the core thread ended with code ${code}`))))
  })
  await new Promise<void>((resolve, reject) => {
    worker.on('message', (report: ThreadReport) => {
      if (report.type === 'ready') resolve()
      if (report.type === 'failed') reject(faultFromData(report.fault))
      if (report.type === 'log') log(report.line)
    })
    void ended.then((error) => reject(new Fault('internal', `The core did not start: ${error?.message ?? 'it was closed'}.`, 'Read the log above.', { cause: error })))
  }).catch(async (error: unknown) => {
    closing = true
    await worker.terminate()
    throw error
  })

  return {
    openSession(facts = {}) {
      const { port1, port2 } = new MessageChannel()
      worker.postMessage({ type: 'session', port: port2, facts } satisfies ThreadRequest, [port2])
      return port1
    },
    async close() {
      closing = true
      worker.postMessage({ type: 'close' } satisfies ThreadRequest)
      const deadline = setTimeout(() => void worker.terminate(), CLOSE_DEADLINE_MS)
      await ended
      clearTimeout(deadline)
    },
    ended,
  }
}
