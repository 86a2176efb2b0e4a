import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { identify, isAlive, readBootId, type ProcessIdentity } from '../identity.ts'

/** Takes the lock of a data folder for this process. False when a living supervisor has it. */
export function takeLock(file: string): boolean {
  const own = identify(process.pid)
  if (!own) throw new Error('this process cannot tell its own start time')
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      writeFileSync(file, JSON.stringify(own), { flag: 'wx', mode: 0o600 })
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = readLock(file)
    if (holder && isAlive(holder)) return false
    // Only one of several that found it abandoned gets to move it away; it makes sure that it moved what it read.
    const aside = `${file}.${process.pid}`
    try {
      renameSync(file, aside)
    } catch {
      continue
    }
    const moved = readLock(aside)
    if (moved && isAlive(moved)) {
      renameSync(aside, file)
      return false
    }
    rmSync(aside, { force: true })
  }
  return false
}

/** True when a supervisor took the lock since the last boot and has not given it back, whether it lives or was killed. */
export function isClaimed(file: string): boolean {
  return readLock(file)?.bootId === readBootId()
}

export function holdsLock(file: string): boolean {
  return readLock(file)?.pid === process.pid
}

export function releaseLock(file: string): void {
  if (holdsLock(file)) rmSync(file, { force: true })
}

export function readLock(file: string): ProcessIdentity | null {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<ProcessIdentity>
    return typeof value.pid === 'number' && typeof value.startTime === 'string' && typeof value.bootId === 'string' ? { pid: value.pid, startTime: value.startTime, bootId: value.bootId } : null
  } catch {
    return null
  }
}
