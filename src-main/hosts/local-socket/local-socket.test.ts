import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pipeOverPort } from '../../contract/port-pipe.ts'
import { portLike } from '../../rpc/port-like.ts'
import { createDispatcher } from '../../rpc/serve.ts'
import { coreDouble, statusDouble } from '../../rpc/testing/core-double.ts'
import { askForUrl, joinConsole } from './client.ts'
import { answerChallenge, challengeMet, consolePlace } from './place.ts'
import { type LocalSocket, startLocalSocket } from './server.ts'

let folder: string
let sockets: LocalSocket[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-local-'))
  sockets = []
})
afterEach(async () => {
  for (const socket of sockets) await socket.close()
  rmSync(folder, { recursive: true })
})

async function serve(dataFolder = folder): Promise<LocalSocket | null> {
  const dispatcher = createDispatcher(coreDouble({ system: { status: () => Promise.resolve(statusDouble) } }), { log: () => undefined, validateOutputs: true })
  const socket = await startLocalSocket({
    dataFolder,
    issueUrl: () => 'http://signalbox.localhost:1/#token=x',
    openSession() {
      const { port1, port2 } = new MessageChannel()
      dispatcher.serve(pipeOverPort(portLike(port2)))
      return port1
    },
  })
  if (socket) sockets.push(socket)
  return socket
}

test('a terminal of the same user joins by the token beside the socket, and gets new addresses', async () => {
  await serve()
  const link = await joinConsole(folder)
  expect((await link?.client.system.status())?.appVersion).toBe('0.0.0-double')
  link?.close()
  expect(await askForUrl(folder)).toBe('http://signalbox.localhost:1/#token=x')
})

test('socket 0600, token 0600, folder 0700, whatever they were before', async () => {
  mkdirSync(join(folder, 'console'), { mode: 0o755 })
  chmodSync(join(folder, 'console'), 0o755)
  await serve()
  const mode = (path: string) => statSync(join(folder, path)).mode & 0o777
  expect([mode('console'), mode('console/console.sock'), mode('console/token')]).toEqual([0o700, 0o600, 0o600])
})

test('a wrong token is refused, for sessions and for addresses', async () => {
  await serve()
  const file = consolePlace(folder).token
  const right = readFileSync(file, 'utf8')
  writeFileSync(file, 'ab'.repeat(32))
  await expect(joinConsole(folder)).rejects.toMatchObject({ data: { code: 'notAllowed' } })
  expect(await askForUrl(folder)).toBeNull()
  writeFileSync(file, right)
  const link = await joinConsole(folder)
  expect(link).not.toBeNull()
  link?.close()
})

test('an answer fits its own challenge and token only', () => {
  const [token, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const answer = answerChallenge(token, 'challenge')
  expect(challengeMet(token, 'challenge', answer)).toBe(true)
  expect(challengeMet(token, 'another', answer)).toBe(false)
  expect(challengeMet(other, 'challenge', answer)).toBe(false)
  expect(challengeMet(token, 'challenge', '')).toBe(false)
})

test('no console: null, and nothing is made', async () => {
  expect(await joinConsole(join(folder, 'never'))).toBeNull()
  expect(existsSync(join(folder, 'never'))).toBe(false)
  expect(await joinConsole(folder)).toBeNull()
})

test('a socket left behind by a killed console is taken over; a served one is not', async () => {
  const { socket } = consolePlace(folder)
  // A listener that is closed without unlinking, as after kill -9: the file stays and refuses.
  writeFileSync(socket, '')
  expect(await serve()).not.toBeNull()
  expect(await serve()).toBeNull()
  const link = await joinConsole(folder)
  expect(link).not.toBeNull()
  link?.close()
})

test('a data folder with a long path gets a short socket path', async () => {
  const long = join(folder, 'x'.repeat(100))
  const socket = await serve(long)
  expect(Buffer.byteLength(socket?.path ?? '')).toBeLessThan(104)
  const link = await joinConsole(long)
  expect(link).not.toBeNull()
  link?.close()
})

test('something else that listens there is not taken for a console', async () => {
  const other = createServer((connection) => connection.resume().end('hello\r\n\r\n'))
  await new Promise<void>((resolve) => other.listen(consolePlace(folder).socket, resolve))
  expect(await joinConsole(folder)).toBeNull()
  await new Promise((resolve) => other.close(resolve))
})
