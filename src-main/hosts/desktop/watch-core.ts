import type { MessagePort } from 'node:worker_threads'
import { openClient } from '../../contract/client.ts'
import { pipeOverPort } from '../../contract/port-pipe.ts'
import type { WatchItem } from '../../contract/system.ts'
import { portLike } from '../../rpc/port-like.ts'

/**
 * Hands over what the core publishes, as one more client of it, until the session ends. Resolves then; the core's end
 * is told elsewhere.
 */
export async function watchCore(session: MessagePort, onItem: (item: WatchItem) => void): Promise<void> {
  try {
    const client = await openClient(pipeOverPort(portLike(session)))
    for await (const item of await client.system.watch({ metrics: false })) onItem(item)
  } catch {
    // The session closed, with the console or with its core.
  } finally {
    session.close()
  }
}
