import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, readlinkSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Fault } from '../../../contract/fault.ts'
import { practiceAddress, preparePractice, type PracticeFolder } from '../../postgres/practice/practice-folder.ts'
import { identify, isAlive, signalProcess, type ProcessIdentity } from '../identity.ts'
import { baseVariables } from '../versions.ts'
import { findFreePort } from './probe.ts'
import { adoptProcess } from './service-process.ts'

/** A crash recovery of much written data takes its time. */
const READY_WITHIN_MS = 60_000
const POLL_MS = 20
const ATTEMPTS = 4
const BACKOFF_MS = 250
/** More ends than these within the window: it is not started again by itself. */
const MAX_ENDS = 5
const WINDOW_MS = 60_000
/** A fast shutdown writes a checkpoint; after this it is made to end without one, which costs a recovery at the next start. */
const FAST_STOP_MS = 15_000
const LOG_KEPT_BYTES = 5 << 20

/** What of a practice server survives the supervisor. */
export interface PracticeDurable {
  /** Kept from the first start on, so that addresses stay the same; 0: none yet. */
  readonly port: number
  readonly wanted: 'running' | 'stopped'
  readonly identity: ProcessIdentity | null
}
export const NEW_PRACTICE: PracticeDurable = { port: 0, wanted: 'stopped', identity: null }

export interface PracticeView {
  readonly name: string
  readonly state: 'stopped' | 'starting' | 'ready' | 'crashed'
  readonly port: number | null
  readonly pid: number | null
  /** Why it is not ready, in words. */
  readonly detail: string
}

export interface PracticeServerOptions {
  readonly name: string
  readonly folder: string
  readonly durable: PracticeDurable
  persist(durable: PracticeDurable): void
  note(text: string): void
}

/** One practice database's server: started when first asked for, outlives the supervisor as services do, restarted when it crashes. */
export interface PracticeServer {
  /** Its address once it takes connections. `port` 0: any. Faults: `unsupported`, `portTaken`, `processCrashed`, `providerUnavailable`. */
  start(port: number): Promise<string>
  view(): PracticeView
  /** After a supervisor's start: takes over a server that runs, brings back one that should. */
  recover(): void
  stop(): Promise<void>
}

interface Running {
  readonly identity: ProcessIdentity
  readonly port: number
  readonly ended: Promise<unknown>
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

export function createPracticeServer(options: PracticeServerOptions): PracticeServer {
  const { name } = options
  let { durable } = options
  let state: PracticeView['state'] = 'stopped'
  let detail = ''
  let current: Running | null = null
  let address = ''
  let starting: Promise<string> | null = null
  let again: NodeJS.Timeout | null = null
  let ends: number[] = []
  /** Grows with every stop: what was begun before gives up. */
  let run = 0

  function save(patch: Partial<PracticeDurable>): void {
    durable = { ...durable, ...patch }
    options.persist(durable)
  }

  function start(port: number): Promise<string> {
    if (state === 'ready') return Promise.resolve(address)
    if (again) clearTimeout(again)
    starting ??= begin(port).finally(() => {
      starting = null
    })
    return starting
  }

  async function begin(wantedPort: number): Promise<string> {
    const mine = run
    state = 'starting'
    detail = 'Starting.'
    save({ wanted: 'running' })
    try {
      const folder = await preparePractice(options.folder, name)
      for (let attempt = 1; ; attempt += 1) {
        const port = await portFor(wantedPort)
        const found = surviving(folder, durable.identity)
        current = found ?? launch(folder, port)
        save({ port: current.port, identity: current.identity })
        const why = await readiness(folder, current, () => mine !== run)
        if (mine !== run) throw new Fault('providerUnavailable', `The practice database ${name} was stopped while it started.`, 'Try again.')
        if (why === null) {
          address = practiceAddress(folder.password, current.port, name)
          state = 'ready'
          detail = ''
          options.note(`practice database ${name}: process ${current.identity.pid} on port ${current.port}${found ? ', taken over' : ''}`)
          watch(current)
          return address
        }
        const taken = why.includes('could not create any TCP/IP sockets')
        if (taken && wantedPort !== 0) throw new Fault('portTaken', `The practice database ${name} cannot listen on port ${wantedPort}: another program does.`, 'End that program, or write another `port` in the workspace, or none.')
        if (attempt === ATTEMPTS) throw new Fault('processCrashed', `The practice database ${name} does not start: ${why}`, `Look at ${folder.log}.`)
        if (taken) save({ port: 0 })
        // After a crash its last processes need a moment to notice and go; until then a new server refuses to start.
        await sleep(BACKOFF_MS * 2 ** attempt)
      }
    } catch (error) {
      if (mine === run) {
        current = null
        state = 'crashed'
        detail = error instanceof Error ? error.message : String(error)
        save({ identity: null })
      }
      throw error
    }
  }

  async function portFor(wanted: number): Promise<number> {
    return wanted || durable.port || findFreePort()
  }

  function watch(running: Running): void {
    void running.ended.then(() => {
      if (current !== running) return
      current = null
      save({ identity: null })
      const now = performance.now()
      ends = [...ends.filter((at) => now - at < WINDOW_MS), now]
      detail = `It ended by itself (process ${running.identity.pid}).`
      options.note(`practice database ${name}: ${detail}`)
      if (ends.length > MAX_ENDS) {
        state = 'crashed'
        detail = `It ended ${ends.length} times within a minute and is not started again by itself. server.log in its folder says why.`
        return
      }
      state = 'starting'
      again = setTimeout(() => void start(running.port).catch((error: unknown) => options.note(String(error))), BACKOFF_MS)
    })
  }

  function launch(folder: PracticeFolder, port: number): Running {
    if ((statSync(folder.log, { throwIfNoEntry: false })?.size ?? 0) > LOG_KEPT_BYTES) renameSync(folder.log, `${folder.log}.1`)
    const log = openSync(folder.log, 'a', 0o600)
    const child = spawn(folder.postgres, ['-D', folder.data, '-p', String(port)], {
      ...folder.user,
      cwd: dirname(folder.data),
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...baseVariables(), LC_ALL: 'C' },
    })
    closeSync(log)
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    child.unref()
    const identity = child.pid === undefined ? null : identify(child.pid)
    return { identity: identity ?? { pid: child.pid ?? -1, startTime: 'gone', bootId: '' }, port, ended }
  }

  return {
    start,
    view: () => ({ name, state, port: current?.port ?? null, pid: current?.identity.pid ?? null, detail }),
    recover() {
      const { identity, wanted, port } = durable
      if (wanted === 'stopped') return
      // After a reboot nothing runs that would need it; the first who does starts it.
      if (identity && isAlive(identity)) void start(port).catch((error: unknown) => options.note(String(error)))
      else if (identity && identity.bootId === identify(process.pid)?.bootId) {
        options.note(`practice database ${name} ended while no supervisor was there`)
        void start(port).catch((error: unknown) => options.note(String(error)))
      }
    },
    async stop() {
      run += 1
      if (again) clearTimeout(again)
      await starting?.catch(() => undefined)
      const running = current
      current = null
      state = 'stopped'
      detail = ''
      if (running && isAlive(running.identity)) {
        for (const [signal, waitMs] of [['SIGINT', FAST_STOP_MS], ['SIGQUIT', 5_000], ['SIGKILL', 1_000]] as const) {
          // To the first process alone: what the others make of these signals is its business.
          if (!signalProcess(running.identity, signal)) break
          if (await Promise.race([running.ended.then(() => true), sleep(waitMs).then(() => false)])) break
          options.note(`practice database ${name} did not end within ${waitMs} ms of ${signal}`)
        }
      }
      save({ wanted: 'stopped', identity: null })
    },
  }
}

/** A server that runs on these data already: the recorded one, or one whose start was not recorded any more. */
function surviving(folder: PracticeFolder, recorded: ProcessIdentity | null): Running | null {
  const { pid, port } = pidFile(folder.data)
  const identity = pid === null ? null : identify(pid)
  if (!identity || port === null) return null
  const isRecorded = recorded?.pid === identity.pid && recorded.startTime === identity.startTime
  if (!isRecorded && workingFolder(identity.pid) !== folder.data) return null
  return { identity, port, ended: adoptProcess(identity).ended }
}

/** Null once it takes connections; otherwise why it does not, from its log. */
async function readiness(folder: PracticeFolder, running: Running, isOver: () => boolean): Promise<string | null> {
  let ended = false
  void running.ended.then(() => {
    ended = true
  })
  for (const deadline = performance.now() + READY_WITHIN_MS; !ended && !isOver() && performance.now() < deadline; await sleep(POLL_MS)) {
    const { pid, port, status } = pidFile(folder.data)
    if (status === 'ready' && port === running.port && pid === running.identity.pid) return null
  }
  if (!ended && !isOver()) {
    signalProcess(running.identity, 'SIGQUIT')
    await Promise.race([running.ended, sleep(5_000)])
    return `it was not ready within ${READY_WITHIN_MS / 1000} s`
  }
  if (isOver()) {
    signalProcess(running.identity, 'SIGINT')
    await Promise.race([running.ended, sleep(FAST_STOP_MS)])
  }
  return lastLines(folder.log)
}

/** The server's own file: process, port in its fourth line, state in its eighth. */
function pidFile(data: string): { readonly pid: number | null; readonly port: number | null; readonly status: string } {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    return { pid: Number(lines[0]) || null, port: Number(lines[3]) || null, status: lines[7]?.trim() ?? '' }
  } catch {
    return { pid: null, port: null, status: '' }
  }
}

function workingFolder(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return null
  }
}

function lastLines(log: string): string {
  try {
    return readFileSync(log, 'utf8').trim().split('\n').slice(-4).join(' | ').slice(-800)
  } catch {
    return 'it wrote nothing'
  }
}
