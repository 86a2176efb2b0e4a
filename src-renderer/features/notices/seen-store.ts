import { createValueStore } from '../../lib/value-store.ts'
import type { Seen } from './notices.ts'

const KEY = 'signalbox.seen'

function read(): Seen | null {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null')
    if (typeof stored !== 'object' || stored === null || !('folder' in stored) || !('seq' in stored) || !('waiting' in stored)) return null
    const { folder, seq, waiting } = stored
    if (typeof folder !== 'string' || typeof seq !== 'number' || !Array.isArray(waiting)) return null
    return { folder, seq, waiting: waiting.filter((key) => typeof key === 'string') }
  } catch {
    return null
  }
}

/** Kept by this browser, for all its windows. */
export const seenStore = createValueStore<Seen | null>(read())

export function keepSeen(next: Seen): void {
  const before = seenStore.get()
  if (before && before.folder === next.folder && before.seq === next.seq && before.waiting.join() === next.waiting.join()) return
  try {
    localStorage.setItem(KEY, JSON.stringify(next))
  } catch {
    // Without storage it holds until the window closes.
  }
  seenStore.set(next)
}

if (typeof window !== 'undefined') {
  window.addEventListener('storage', (event) => {
    if (event.key === KEY || event.key === null) seenStore.set(read())
  })
}
