import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { identify, isAlive, statFields, type ProcessIdentity } from '../identity.ts'
import { baseVariables, fillTemplate, type LaunchSpec } from '../versions.ts'

/** In the environment of every process the supervisor starts, so that one whose start was not recorded can be found again. */
export const SPAWN_MARK = 'SIGNALBOX_SPAWN'
const POLL_ADOPTED_MS = 200

export interface Ended {
  /** Null when it ended by a signal, or while nobody was there to learn it. */
  readonly code: number | null
  readonly signal: string | null
}

/** A running process (group) of one environment. */
export interface ServiceProcess {
  readonly identity: ProcessIdentity
  readonly ended: Promise<Ended>
  /** To the whole group. */
  signal(signal: NodeJS.Signals): void
}

export interface LaunchContext {
  readonly service: string
  readonly environment: string
  readonly version: string
  readonly port: number
  readonly spawnId: string
  /** Puts values in place of references to variables; only here, on the way to the process. */
  fill(text: string): string
  readonly stdoutFd: number
  readonly stderrFd: number
}

/** A plain command takes the shell's place, so that signals and exit codes are its own. */
function shellLine(run: string): string {
  const plain = !/[;&|<>(){}`\n]/.test(run) && !/^\s*([A-Za-z_][A-Za-z0-9_]*=|(exec|cd|eval|export|set|\.|:|if|for|while|until|case|trap|ulimit|umask|!)\s)/.test(run)
  return plain ? `exec ${run}` : run
}

/** True while a process of this session runs; one that ended and only waits to be collected does not. */
export function sessionRuns(leader: number): boolean {
  try {
    process.kill(-leader, 0)
  } catch {
    return false
  }
  let names: readonly string[]
  try {
    names = readdirSync('/proc')
  } catch {
    return true
  }
  return names.some((name) => {
    if (name.charCodeAt(0) > 57) return false
    try {
      const [state, , , session] = statFields(readFileSync(`/proc/${name}/stat`, 'latin1'))
      return Number(session) === leader && state !== 'Z' && state !== 'X'
    } catch {
      return false
    }
  })
}

/** Starts the command by the shell, as leader of its own session, in a clean environment. */
export function launchProcess(spec: LaunchSpec, context: LaunchContext): ServiceProcess {
  const port = String(context.port)
  const declared = Object.fromEntries(Object.entries(spec.env).map(([name, value]) => [name, context.fill(fillTemplate(value, { port }))]))
  const child = spawn('/bin/sh', ['-c', shellLine(fillTemplate(spec.run, { port }))], {
    cwd: spec.folder,
    detached: true,
    stdio: ['ignore', context.stdoutFd, context.stderrFd],
    env: {
      ...baseVariables(),
      PORT: port,
      VERSION: context.version,
      ENVIRONMENT: context.environment,
      SERVICE: context.service,
      ...declared,
      [SPAWN_MARK]: context.spawnId,
    },
  })
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: 127, signal: null }))
  })
  const identity = child.pid === undefined ? null : identify(child.pid)
  return handle(identity ?? { pid: child.pid ?? -1, startTime: 'gone', bootId: '' }, ended)
}

/** Takes over a process that an earlier supervisor started. Its exit code cannot be learned. */
export function adoptProcess(identity: ProcessIdentity): ServiceProcess {
  const ended = new Promise<Ended>((resolve) => {
    const timer = setInterval(() => {
      if (isAlive(identity)) return
      clearInterval(timer)
      resolve({ code: null, signal: null })
    }, POLL_ADOPTED_MS)
  })
  return handle(identity, ended)
}

function handle(identity: ProcessIdentity, ended: Promise<Ended>): ServiceProcess {
  return {
    identity,
    ended,
    signal(signal) {
      if (identity.pid <= 1) return
      try {
        process.kill(-identity.pid, signal)
      } catch {
        // The group is gone already.
      }
    },
  }
}

/** Finds the session leader started under a mark, by its initial environment (proc(5): /proc/PID/environ). */
export function findBySpawnId(spawnId: string): ProcessIdentity | null {
  const wanted = `${SPAWN_MARK}=${spawnId}`
  let names: readonly string[]
  try {
    names = readdirSync('/proc')
  } catch {
    return null
  }
  for (const name of names) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    try {
      if (!readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(wanted)) continue
      const leader = identify(Number(statFields(readFileSync(`/proc/${name}/stat`, 'latin1'))[3]))
      if (leader) return leader
    } catch {
      // Gone meanwhile, or not ours.
    }
  }
  return null
}

/** How a process ended, in words for the operator. */
export function endedWords({ code, signal }: Ended): string {
  if (signal) return `was ended by ${signal}`
  if (code === null) return 'ended while no supervisor was there to learn why'
  if (code === 127) return 'ended with code 127 (command not found)'
  if (code === 126) return 'ended with code 126 (command cannot be run)'
  return `ended with code ${code}`
}
