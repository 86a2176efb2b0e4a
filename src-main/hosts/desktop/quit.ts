import { app } from 'electron'
import type { CoreThread } from '../../rpc/core-thread.ts'

/** Before the app ends the core closes; services and their supervisor go on. */
export function closeInOrder(core: CoreThread, rest: () => Promise<void>): { readonly leaving: () => boolean } {
  let state: 'open' | 'closing' | 'closed' = 'open'
  app.on('before-quit', () => {
    if (state === 'open') state = 'closing'
  })
  let begun = false
  app.on('will-quit', (event) => {
    if (state === 'closed') return
    event.preventDefault()
    if (begun) return
    begun = true
    void Promise.allSettled([core.close(), rest()]).finally(() => {
      state = 'closed'
      app.quit()
    })
  })
  return { leaving: () => state !== 'open' }
}
