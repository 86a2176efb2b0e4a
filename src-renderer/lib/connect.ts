import { openClient } from '../../src-main/contract/client.ts'
import { Fault } from '../../src-main/contract/fault.ts'
import { pipeOverPort } from '../../src-main/contract/port-pipe.ts'
import type { FramePipe } from '../../src-main/contract/wire.ts'
import { type DesktopHost, desktopHost } from './desktop-host.ts'
import { openSocket, type OpenedSocket } from './open-socket.ts'
import type { Connect, Link } from './session.ts'

/** `early` is a socket that is being opened already, for the first connection. */
export function createConnect(early: Promise<OpenedSocket> | null): Connect {
  return async (signal) => {
    const desktop = desktopHost()
    if (desktop) return connectByPort(desktop, signal)
    const first = early
    early = null
    const opened = await first?.catch(() => null)
    // The console does not wait for ever for a greeting: on a slow machine the early one may be closed again.
    const isGood = opened && (opened === 'notLetIn' || opened.socket.readyState === WebSocket.OPEN)
    return connectBySocket(isGood ? opened : await openSocket(signal), signal)
  }
}

async function connectByPort(desktop: DesktopHost, signal: AbortSignal): Promise<Link> {
  const port = await new Promise<MessagePort>((resolve, reject) => {
    const onMessage = (event: MessageEvent) => {
      const [received] = event.ports
      if (event.source !== window || event.data !== 'signalbox:port' || !received) return
      window.removeEventListener('message', onMessage)
      resolve(received)
    }
    window.addEventListener('message', onMessage)
    signal.addEventListener('abort', () => reject(new Error('no longer wanted')), { once: true })
    desktop.requestPort()
  })
  return greet(pipeOverPort(port), {})
}

function connectBySocket(opened: OpenedSocket, signal: AbortSignal): Promise<Link> {
  if (opened === 'notLetIn') throw notLetIn()
  const { socket, secret } = opened
  signal.addEventListener('abort', () => socket.close(), { once: true })
  return greet(pipeOverSocket(socket), { secret })
}

async function greet(pipe: FramePipe, options: { readonly secret?: string }): Promise<Link> {
  let onClosed: () => void = () => undefined
  const closed = new Promise<string>((resolve) => {
    onClosed = () => resolve('the console closed the connection')
  })
  const client = await openClient({ ...pipe, onClose: (listener) => pipe.onClose(() => (listener(), onClosed())) }, options)
  return { client, closed, close: () => pipe.close() }
}

function notLetIn(): Fault {
  return new Fault(
    'notAllowed',
    'This browser has not been let in, or the console was started anew. Traffic is not affected.',
    'Open the address the console printed, or get a new one: npm run signalbox -- open',
  )
}

function pipeOverSocket(socket: WebSocket): FramePipe {
  return {
    send: (frame) => socket.send(frame as string | Uint8Array<ArrayBuffer>),
    onFrame(listener) {
      socket.addEventListener('message', (event: MessageEvent<string | ArrayBuffer>) => {
        void listener(typeof event.data === 'string' ? event.data : new Uint8Array(event.data))
      })
    },
    onClose: (listener) => socket.addEventListener('close', () => listener()),
    close: () => socket.close(),
  }
}
