import { openClient } from '../../src-main/contract/client.ts'
import { Fault } from '../../src-main/contract/fault.ts'
import { pipeOverPort } from '../../src-main/contract/port-pipe.ts'
import type { FramePipe } from '../../src-main/contract/wire.ts'
import type { Connect, Link } from './session.ts'

/** What the desktop's preload offers; absent in a browser. Asking makes it post a port to this window. */
interface DesktopHost {
  readonly requestPort: () => void
}

/** The one place that knows of two hosts. */
export const connect: Connect = async (signal) => {
  const desktop = (globalThis as { signalboxDesktop?: DesktopHost }).signalboxDesktop
  return desktop ? connectByPort(desktop, signal) : connectBySocket(signal)
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

async function connectBySocket(signal: AbortSignal): Promise<Link> {
  await redeemToken(signal)
  const answer = await post('/tab', {}, signal)
  if (answer.status === 401) throw notLetIn()
  if (!answer.ok) throw new Error(`the console answered ${answer.status}`)
  const { secret } = (await answer.json()) as { secret: string }
  const socket = new WebSocket(`ws://${window.location.host}/rpc`)
  socket.binaryType = 'arraybuffer'
  const giveUp = () => socket.close()
  signal.addEventListener('abort', giveUp)
  socket.addEventListener('close', () => signal.removeEventListener('abort', giveUp))
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('close', () => reject(new Error('the console cannot be reached')))
  })
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

/** Takes the one-time token out of the address bar, before anything can bookmark it, and trades it for a cookie. */
async function redeemToken(signal: AbortSignal): Promise<void> {
  const token = /^#token=([\w-]+)$/.exec(window.location.hash)?.[1]
  if (token === undefined) return
  window.history.replaceState(null, '', window.location.pathname + window.location.search)
  // Refused when it was used before; this browser may still hold the cookie it was used for.
  await post('/enter', { token }, signal)
}

function post(path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  return fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal, redirect: 'error' })
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
