import { parentPort, workerData } from 'node:worker_threads'
import { Fault } from '../contract/fault.ts'
import { pipeOverPort } from '../contract/port-pipe.ts'
import type { ComposeCore, ComposeOptions } from './core-api.ts'
import type { ThreadReport, ThreadRequest } from './core-thread.ts'
import { portLike } from './port-like.ts'
import { createDispatcher } from './serve.ts'

/** Runs inside the core thread: composes the core, then serves a session on every port the host hands over. */
export async function serveThread(compose: ComposeCore): Promise<void> {
  const host = parentPort
  if (!host) throw new Error('serveThread runs in a worker thread')
  const report = (message: ThreadReport) => host.postMessage(message)
  const log = (line: string) => report({ type: 'log', line })
  try {
    const core = await compose(workerData as ComposeOptions)
    const dispatcher = createDispatcher(core.dispatch, { log, validateOutputs: process.env['SIGNALBOX_VALIDATE_OUTPUTS'] === '1' })
    host.on('message', (request: ThreadRequest) => {
      if (request.type === 'session') dispatcher.serve(pipeOverPort(portLike(request.port)), request.facts)
      if (request.type === 'close') {
        void core
          .close()
          .catch((error: unknown) => log(`closing the core: ${String(error)}`))
          .finally(() => {
            report({ type: 'closed' })
            host.close()
            // Whatever still holds the thread open is of no use to anyone now.
            setTimeout(() => process.exit(0), 0)
          })
      }
    })
    report({ type: 'ready' })
  } catch (error) {
    const fault =
      error instanceof Fault ? error : new Fault('internal', `The core did not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, 'Report this with the log.')
    report({ type: 'failed', fault: fault.data })
    host.close()
  }
}
