import { Fault } from '../../../contract/fault.ts'
import type { ObservedService } from '../../../contract/traffic.ts'

const EVERY_MS = 1_000
/** Changes that come together are told together. */
const GATHER_MS = 5

interface Watcher {
  onObserved(observed: ObservedService): void
  onFault(fault: Fault): void
}

/** Tells watchers what is observed: after every change, and every second. */
export interface Watchers {
  add(service: string, watcher: Watcher): () => void
  changed(service: string): void
  close(): void
}

export function createWatchers(observe: (service: string) => Promise<ObservedService>): Watchers {
  const watched = new Map<string, Set<Watcher>>()
  const pending = new Set<string>()

  async function tell(service: string, watchers: Iterable<Watcher>): Promise<void> {
    try {
      const observed = await observe(service)
      for (const watcher of watchers) watcher.onObserved(observed)
    } catch (error) {
      const fault = error instanceof Fault ? error : new Fault('internal', `Observing ${service} failed: ${String(error)}`, 'Look into supervisor.log in the data folder.')
      for (const watcher of watchers) watcher.onFault(fault)
    }
  }

  const timer = setInterval(() => {
    for (const [service, watchers] of watched) void tell(service, watchers)
  }, EVERY_MS)

  return {
    add(service, watcher) {
      const watchers = watched.get(service) ?? new Set()
      watched.set(service, watchers)
      watchers.add(watcher)
      void tell(service, [watcher])
      return () => {
        watchers.delete(watcher)
        if (watchers.size === 0) watched.delete(service)
      }
    },
    changed(service) {
      const watchers = watched.get(service)
      if (!watchers || pending.has(service)) return
      pending.add(service)
      setTimeout(() => {
        pending.delete(service)
        void tell(service, watchers)
      }, GATHER_MS)
    },
    close: () => clearInterval(timer),
  }
}
