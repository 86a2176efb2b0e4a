import { type WatchItem, watchItemKey } from '../contract/system.ts'
import { type Broadcast, createBroadcast } from './broadcast.ts'

/**
 * The broadcast behind `system.watch`. Journal entries all count; of everything else only the newest matters.
 * `snapshot` gives status, services and waiting items as they are now; `ready` is added after it.
 */
export function createWatchBroadcast(snapshot: () => Iterable<WatchItem> | Promise<Iterable<WatchItem>>): Broadcast<WatchItem> {
  return createBroadcast<WatchItem>({
    keyOf: (item) => (item.kind === 'journal' ? null : watchItemKey(item)),
    sequenceOf: (item) => (item.kind === 'journal' ? item.entry.seq : null),
    resync: (reason) => ({ kind: 'resync', reason }),
    async snapshot() {
      return [...(await snapshot()), { kind: 'ready' }]
    },
    maxKeys: 4096,
    maxCounted: 256,
  })
}
