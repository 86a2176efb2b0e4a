import { app } from 'electron'

/** Holds the app's end until `close` has closed the core in order; services and their supervisor go on. */
export function closeInOrder(close: () => Promise<void>): { readonly leaving: () => boolean } {
  let state: 'open' | 'leaving' | 'closing' | 'closed' = 'open'
  app.on('before-quit', () => {
    if (state === 'open') state = 'leaving'
  })
  app.on('will-quit', (event) => {
    if (state === 'closed') return
    event.preventDefault()
    if (state === 'closing') return
    state = 'closing'
    void close()
      .catch(() => {})
      .finally(() => {
        state = 'closed'
        app.quit()
      })
  })
  return { leaving: () => state !== 'open' }
}
