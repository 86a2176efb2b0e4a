import type { MessagePort } from 'node:worker_threads'

/** The members of Electron's MessagePortMain that are used. */
export interface PagePort {
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown
  on(event: 'close', listener: () => void): unknown
  postMessage(message: unknown): void
  start(): void
  close(): void
}

/** Joins a page's port to a session in the core thread. Everything passes untouched, receipts included. */
export function bridge(page: PagePort, core: MessagePort): void {
  page.on('message', (event) => core.postMessage(event.data))
  page.on('close', () => core.close())
  core.on('message', (message: unknown) => page.postMessage(message))
  core.on('close', () => page.close())
  page.start()
}
