import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'

/** A process that cannot be mistaken for a later one that got the same number. */
export interface ProcessIdentity {
  readonly pid: number
  /** As the kernel counts it (Linux: clock ticks since boot, proc(5) field 22). */
  readonly startTime: string
  readonly bootId: string
}

/** Differs after every boot. Without /proc: the minute the machine came up. */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return `up-${Math.round((Date.now() / 1000 - uptime()) / 60)}`
  }
}

/** Fields of /proc/PID/stat after the name in parentheses; the name itself may hold spaces and parentheses. */
export function statFields(text: string): readonly string[] {
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Null when there is no such process, or only its zombie. */
export function readStartTime(pid: number): string | null {
  try {
    const fields = statFields(readFileSync(`/proc/${pid}/stat`, 'latin1'))
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  } catch {
    if (process.platform === 'linux') return null
  }
  try {
    process.kill(pid, 0)
    if (process.platform === 'win32') return 'alive'
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null
  } catch {
    return null
  }
}

export function identify(pid: number): ProcessIdentity | null {
  const startTime = readStartTime(pid)
  return startTime === null ? null : { pid, startTime, bootId: readBootId() }
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identity.bootId === readBootId() && readStartTime(identity.pid) === identity.startTime
}

/** Signals a process only while it is the one that is meant. False when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false
  try {
    process.kill(identity.pid, signal)
    return true
  } catch {
    return false
  }
}
