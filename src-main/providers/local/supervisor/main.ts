// The supervisor process: owns the listening sockets and the process table of one data folder, and outlives consoles.
// Started as: node main.ts --data FOLDER --router FILE [--flag-server FILE]
import { existsSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { extname } from 'node:path'
import { parseArgs } from 'node:util'
import { isAlive } from '../identity.ts'
import { localPaths, readToken } from '../paths.ts'
import { FOLDER_GONE, type ListenerKind } from '../router/messages.ts'
import type { ListeningHandle } from './listeners.ts'
import { releaseLock, takeLock } from './lock.ts'
import { createMemory } from './memory.ts'
import { openStateLog } from './state-log.ts'
import { createSupervisor, type Inherited } from './supervisor.ts'

/** How long a console's supervisor waits for a living router to bring back its own, which has the sockets. */
const REVIVAL_WAIT_MS = 8_000
const INHERIT_TIMEOUT_MS = 10_000

const { values } = parseArgs({ options: { data: { type: 'string' }, router: { type: 'string' }, 'flag-server': { type: 'string' } } })
if (!values.data || !values.router) throw new Error('usage: main.ts --data FOLDER --router FILE')

/** The sockets of a router that outlived the supervisor before this one, and started this one. */
function inherit(): Promise<Inherited | null> {
  if (!process.send) return Promise.resolve(null)
  return new Promise((resolve) => {
    const sockets: Inherited['sockets'][number][] = []
    const timer = setTimeout(() => resolve(null), INHERIT_TIMEOUT_MS)
    const onMessage = (message: { type: string; service: string; kind: ListenerKind; port: number; router: number }, handle: unknown) => {
      if (message.type === 'inherit') sockets.push({ service: message.service, kind: message.kind, port: message.port, handle: handle as ListeningHandle })
      if (message.type !== 'inherited') return
      clearTimeout(timer)
      process.off('message', onMessage)
      resolve({ router: message.router, sockets })
    }
    process.on('message', onMessage)
    process.send?.({ type: 'ready' })
  })
}

async function main(dataFolder: string, routerEntry: string): Promise<void> {
  // Brought back for a folder that was deleted meanwhile: there is nothing to come back to.
  if (process.send && !existsSync(dataFolder)) process.exit(FOLDER_GONE)
  const paths = localPaths(dataFolder)
  if (!takeLock(paths.lock)) process.exit(0)
  const log = await openStateLog(paths.folder)
  const memory = createMemory(log)
  const survivors = memory.routers().filter(isAlive)
  if (survivors.length > 0 && !process.send) {
    // Its router lives and is bringing back a supervisor that has the sockets. Make way; act alone only if that fails.
    releaseLock(paths.lock)
    const deadline = performance.now() + REVIVAL_WAIT_MS
    while (performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      if (!takeLock(paths.lock)) process.exit(0)
      if (!survivors.some(isAlive)) break
      if (performance.now() < deadline - 100) releaseLock(paths.lock)
    }
  }
  const inherited = await inherit()
  for (const router of survivors) {
    if (router.pid !== inherited?.router && isAlive(router)) process.kill(router.pid, 'SIGKILL')
  }
  const outputFd = openSync(paths.output, 'a', 0o600)
  const supervisor = await createSupervisor({
    paths,
    token: readToken(paths.token),
    log,
    memory,
    inherited,
    router: { node: process.execPath, entry: routerEntry, outputFd, outputFile: paths.output },
    selfEntry: fileURLToPath(import.meta.url),
    dataFolder,
    flagServerEntry: values['flag-server'] ?? fileURLToPath(new URL(`../../flagd/flag-server/main${extname(import.meta.url)}`, import.meta.url)),
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void supervisor.stopAll(2_000, `Stopped: the supervisor was told to end (${signal}).`))
  }
  process.on('SIGHUP', () => {})
}

process.on('unhandledRejection', (error) => console.error('unhandled', error))
await main(values.data, values.router)
