import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { Fault } from '../../../contract/fault.ts'
import { flagPlaces, type FileSettings } from '../../flagd/file-settings.ts'
import type { FlagServerPorts } from '../../flagd/flag-server-link.ts'
import { getJson } from '../../flagd/get-json.ts'
import { identify, isAlive, signalProcess, type ProcessIdentity } from '../identity.ts'
import { ownVariables } from '../versions.ts'
import { findFreePort } from './probe.ts'
import { adoptProcess } from './service-process.ts'

const READY_WITHIN_MS = 30_000
const POLL_MS = 50
const STATUS_MS = 500
const ATTEMPTS = 4
const BACKOFF_MS = 250
/** More ends than these within the window: it is not started again by itself, only when somebody asks for it. */
const MAX_ENDS = 5
const WINDOW_MS = 60_000
const STOP_MS = 5_000
/** It makes much short-lived garbage, and needs no large nursery for it. */
const SMALL = ['--max-semi-space-size=1']
const LOG_KEPT_BYTES = 1 << 20

/** What of a flag server survives the supervisor. */
export interface FlagServerDurable {
  /** Kept from the first start on, so that addresses stay the same; 0: none yet. */
  readonly ports: FlagServerPorts
  readonly wanted: 'running' | 'stopped'
  readonly identity: ProcessIdentity | null
  readonly settings: FileSettings | null
}

export const NEW_FLAG_SERVER: FlagServerDurable = { ports: { httpPort: 0, syncPort: 0 }, wanted: 'stopped', identity: null, settings: null }

export interface FlagServerView {
  readonly name: string
  readonly state: 'stopped' | 'starting' | 'ready' | 'crashed'
  readonly httpPort: number | null
  readonly syncPort: number | null
  readonly pid: number | null
  /** Why it is not ready. */
  readonly detail: string
}

export interface FlagServerOptions {
  readonly name: string
  readonly dataFolder: string
  /** Node and the program's file. */
  readonly command: readonly [node: string, entry: string]
  readonly durable: FlagServerDurable
  persist(durable: FlagServerDurable): void
  note(text: string): void
}

/** The flag server of one source: started when first asked for, outlives the supervisor as services do, restarted when it dies. */
export interface FlagServerProcess {
  /** Where it listens; starts it when it does not run, and anew when its settings are others. Faults: `portTaken`, `processCrashed`. */
  start(settings: FileSettings): Promise<FlagServerPorts>
  view(): FlagServerView
  /** Finds out what became of it while there was no supervisor. */
  recover(): void
  stop(): Promise<void>
}

interface Running {
  readonly identity: ProcessIdentity
  readonly ended: Promise<unknown>
}

const statusSchema = z.object({ pid: z.int(), folder: z.string() })
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

export function createFlagServerProcess(options: FlagServerOptions): FlagServerProcess {
  const { name } = options
  let { durable } = options
  let state: FlagServerView['state'] = 'stopped'
  let detail = ''
  let current: Running | null = null
  /** One act at a time. */
  let turn: Promise<unknown> = Promise.resolve()
  let again: NodeJS.Timeout | null = null
  let ends: number[] = []

  function save(patch: Partial<FlagServerDurable>): void {
    durable = { ...durable, ...patch }
    options.persist(durable)
  }

  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = turn.then(act, act)
    turn = mine.catch(() => undefined)
    return mine
  }

  function start(settings: FileSettings): Promise<FlagServerPorts> {
    if (state === 'ready' && sameSettings(settings, durable.settings)) return Promise.resolve(durable.ports)
    return inTurn(() => begin(settings))
  }

  async function begin(settings: FileSettings): Promise<FlagServerPorts> {
    if (state === 'ready' && sameSettings(settings, durable.settings)) return durable.ports
    if (again) clearTimeout(again)
    again = null
    if (state === 'ready') await end()
    state = 'starting'
    detail = 'Starting.'
    save({ wanted: 'running', settings })
    try {
      const places = flagPlaces(options.dataFolder, name, settings)
      for (let attempt = 1; ; attempt += 1) {
        const ports = await portsFor(settings)
        save({ ports })
        const found = await surviving(ports, places.folder)
        current = found ?? launch(settings, ports)
        save({ identity: current.identity })
        const why = await readiness(current, ports, places)
        if (why === null) {
          state = 'ready'
          detail = ''
          options.note(`flag server ${name}: process ${current.identity.pid} on ports ${ports.httpPort} and ${ports.syncPort}${found ? ', taken over' : ''}`)
          watch(current)
          return ports
        }
        const taken = why.includes('EADDRINUSE') || why.includes('address already in use')
        const declared = [settings.httpPort, settings.syncPort].filter((port) => port !== 0)
        if (attempt > 1 && taken && declared.length > 0) throw new Fault('portTaken', `The flag server ${name} cannot listen on port ${declared.join(' or ')}: another program does.`, 'End that program, or write other ports in the workspace, or none.')
        if (attempt === ATTEMPTS) throw new Fault('processCrashed', `The flag server ${name} does not start: ${why}`, `Look at ${places.log}.`)
        // The last one may need a moment to let go of them; after that they are somebody else's.
        if (taken && attempt > 1) save({ ports: NEW_FLAG_SERVER.ports })
        await sleep(BACKOFF_MS * 2 ** attempt)
      }
    } catch (error) {
      current = null
      state = 'crashed'
      detail = error instanceof Error ? error.message : String(error)
      save({ identity: null })
      throw error
    }
  }

  async function portsFor({ httpPort, syncPort }: FileSettings): Promise<FlagServerPorts> {
    return { httpPort: httpPort || durable.ports.httpPort || (await findFreePort()), syncPort: syncPort || durable.ports.syncPort || (await findFreePort()) }
  }

  function watch(running: Running): void {
    void running.ended.then(() => {
      if (current !== running) return
      current = null
      save({ identity: null })
      const now = performance.now()
      ends = [...ends.filter((at) => now - at < WINDOW_MS), now]
      detail = `It ended by itself (process ${running.identity.pid}).`
      options.note(`flag server ${name}: ${detail}`)
      const { settings } = durable
      if (ends.length > MAX_ENDS || !settings) {
        state = 'crashed'
        detail = `It ended ${ends.length} times within a minute and is not started again by itself. server.log in its folder says why.`
        return
      }
      state = 'starting'
      again = setTimeout(() => void start(settings).catch((error: unknown) => options.note(String(error))), ends.length > 1 ? BACKOFF_MS * 2 ** ends.length : 0)
    })
  }

  function launch(settings: FileSettings, { httpPort, syncPort }: FlagServerPorts): Running {
    const places = flagPlaces(options.dataFolder, name, settings)
    mkdirSync(dirname(places.log), { recursive: true, mode: 0o700 })
    if ((statSync(places.log, { throwIfNoEntry: false })?.size ?? 0) > LOG_KEPT_BYTES) renameSync(places.log, `${places.log}.1`)
    const log = openSync(places.log, 'a', 0o600)
    const [node, entry] = options.command
    const seed = settings.seed === null ? [] : ['--seed', settings.seed]
    const child = spawn(node, [...SMALL, entry, '--folder', places.folder, '--keep', places.kept, ...seed, '--set', settings.defaultSet, '--http-port', String(httpPort), '--sync-port', String(syncPort)], {
      cwd: dirname(places.log),
      detached: true,
      stdio: ['ignore', log, log],
      env: ownVariables(),
    })
    closeSync(log)
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    child.unref()
    const identity = child.pid === undefined ? null : identify(child.pid)
    return { identity: identity ?? { pid: child.pid ?? -1, startTime: 'gone', bootId: '' }, ended }
  }

  /** One that runs on these sets at these ports already, recorded or not. */
  async function surviving(ports: FlagServerPorts, folder: string): Promise<Running | null> {
    const answer = await statusOf(ports)
    const identity = answer?.folder === folder ? identify(answer.pid) : null
    return identity && { identity, ended: adoptProcess(identity).ended }
  }

  async function end(): Promise<void> {
    const running = current
    current = null
    if (!running || !isAlive(running.identity)) return
    for (const [signal, waitMs] of [['SIGTERM', STOP_MS], ['SIGKILL', 1_000]] as const) {
      if (!signalProcess(running.identity, signal)) return
      if (await Promise.race([running.ended.then(() => true), sleep(waitMs).then(() => false)])) return
      options.note(`flag server ${name} did not end within ${waitMs} ms of ${signal}`)
    }
  }

  return {
    start,
    view() {
      const ready = state === 'ready'
      return { name, state, httpPort: ready ? durable.ports.httpPort : null, syncPort: ready ? durable.ports.syncPort : null, pid: current?.identity.pid ?? null, detail }
    },
    recover() {
      const { identity, wanted, settings } = durable
      if (wanted === 'stopped' || !settings) return
      // After a reboot nothing runs that would need it; the first who does starts it.
      if (identity && identity.bootId !== identify(process.pid)?.bootId) return
      if (identity && !isAlive(identity)) options.note(`flag server ${name} ended while no supervisor was there`)
      start(settings).catch((error: unknown) => options.note(String(error)))
    },
    stop: () =>
      inTurn(async () => {
        if (again) clearTimeout(again)
        again = null
        await end()
        state = 'stopped'
        detail = ''
        save({ wanted: 'stopped', identity: null })
      }),
  }
}

function sameSettings(a: FileSettings, b: FileSettings | null): boolean {
  return b !== null && JSON.stringify([a.folder, a.seed, a.httpPort, a.syncPort, a.defaultSet]) === JSON.stringify([b.folder, b.seed, b.httpPort, b.syncPort, b.defaultSet])
}

async function statusOf({ httpPort }: FlagServerPorts): Promise<z.infer<typeof statusSchema> | null> {
  try {
    return statusSchema.parse((await getJson(httpPort, '/signalbox/v1/status', STATUS_MS)).body)
  } catch {
    return null
  }
}

/** Null once it answers; otherwise why it does not, from its log. */
async function readiness({ identity, ended }: Running, ports: FlagServerPorts, { log }: { readonly log: string }): Promise<string | null> {
  let over = false
  const end = ended.then(() => {
    over = true
    return null
  })
  for (const deadline = performance.now() + READY_WITHIN_MS; !over && performance.now() < deadline; await sleep(POLL_MS)) {
    const answer = await Promise.race([statusOf(ports), end])
    if (answer?.pid === identity.pid) return null
  }
  if (!over) signalProcess(identity, 'SIGKILL')
  return over ? lastLine(log) : `it was not ready within ${READY_WITHIN_MS / 1000} s`
}

function lastLine(log: string): string {
  try {
    return readFileSync(log, 'utf8').trim().split('\n').at(-1)?.slice(-800) ?? ''
  } catch {
    return 'it wrote nothing'
  }
}
