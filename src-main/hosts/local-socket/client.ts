import { existsSync } from 'node:fs'
import { WebSocket } from 'ws'
import { type ConsoleClient, openClient } from '../../contract/client.ts'
import { Fault } from '../../contract/fault.ts'
import { type Hello, PROTOCOL_VERSION } from '../../contract/wire.ts'
import { pipeOverWs } from './ws-pipe.ts'
import { answerChallenge, consolePlace, readConsoleToken } from './place.ts'
import { CHALLENGE_HEADER } from './server.ts'

export interface TerminalLink {
  readonly client: ConsoleClient
  close(): void
}

/** Joins the console that holds the data folder; null when none runs there. Faults: as `openClient`. */
export async function joinConsole(dataFolder: string): Promise<TerminalLink | null> {
  const dialled = await dial(dataFolder, '/rpc')
  if (!dialled) return null
  const client = await openClient(pipeOverWs(dialled.socket), { secret: dialled.answer })
  return { client, close: () => dialled.socket.terminate() }
}

/** A new one-time address from the running console; null when none runs, or it is not a web one. */
export async function askForUrl(dataFolder: string): Promise<string | null> {
  const dialled = await dial(dataFolder, '/open')
  if (!dialled) return null
  const { socket, answer } = dialled
  socket.send(JSON.stringify({ hello: 'signalbox', protocol: PROTOCOL_VERSION, secret: answer } satisfies Hello))
  const reply = await new Promise<string>((resolve, reject) => {
    socket.once('message', (data) => resolve((data as Buffer).toString('utf8')))
    socket.once('close', () => reject(new Fault('disconnected', 'The console did not answer.', 'Try again.')))
  })
  const parsed: unknown = JSON.parse(reply)
  return typeof parsed === 'object' && parsed !== null && 'url' in parsed && typeof parsed.url === 'string' ? parsed.url : null
}

async function dial(dataFolder: string, path: string): Promise<{ readonly socket: WebSocket; readonly answer: string } | null> {
  if (!existsSync(dataFolder)) return null
  const place = consolePlace(dataFolder)
  const socket = new WebSocket(`ws+unix:${place.socket}:${path}`, { perMessageDeflate: false, handshakeTimeout: 3000 })
  let challenge = ''
  socket.once('upgrade', (response) => {
    challenge = String(response.headers[CHALLENGE_HEADER] ?? '')
  })
  const open = await new Promise<boolean>((resolve) => {
    socket.once('open', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  if (!open) {
    socket.on('error', () => undefined)
    socket.terminate()
    return null
  }
  return { socket, answer: answerChallenge(readConsoleToken(place.token), challenge) }
}
