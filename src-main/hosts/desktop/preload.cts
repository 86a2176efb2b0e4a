// Runs in the page's isolated, sandboxed world. Offers the page one thing: to ask for a port to the core.
// contextBridge cannot carry ports, so the port travels by window.postMessage; no Electron object reaches the page.
const { contextBridge, ipcRenderer } = require('electron') as typeof import('electron')

contextBridge.exposeInMainWorld('signalboxDesktop', {
  requestPort(): void {
    const { port1, port2 } = new MessageChannel()
    ipcRenderer.postMessage('signalbox:connect', null, [port2 as never])
    // To this very window and origin: no frame of another origin can receive it.
    const page = globalThis as unknown as PageWindow
    page.postMessage('signalbox:port', page.location.origin, [port1])
  },
})

/** The part of the DOM's Window used here; this layer is compiled without DOM types. */
interface PageWindow {
  readonly location: { readonly origin: string }
  postMessage(message: string, targetOrigin: string, transfer: readonly unknown[]): void
}
