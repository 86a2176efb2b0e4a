import type { MessagePort } from 'node:worker_threads'
import type { PortLike } from '../contract/port-pipe.ts'

/** Node types its ports' events more loosely than the DOM does; they are the same. */
export function portLike(port: MessagePort): PortLike {
  return port as unknown as PortLike
}
