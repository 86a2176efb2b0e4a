import { execFileSync } from 'node:child_process'

/** Who PostgreSQL runs as: it refuses to run as root. `null`: as whoever runs Signalbox. */
export type ServerUser = { readonly uid: number; readonly gid: number } | null

/**
 * As root: an existing unprivileged user to drop to, `postgres` where a distribution made one, else `nobody`.
 * No user is created. `undefined` when the machine has neither.
 */
export function serverUser(): ServerUser | undefined {
  if (process.platform === 'win32' || process.getuid?.() !== 0) return null
  for (const name of ['postgres', 'nobody']) {
    const uid = idOf(name, '-u')
    const gid = idOf(name, '-g')
    if (uid !== undefined && gid !== undefined && uid !== 0) return { uid, gid }
  }
  return undefined
}

function idOf(name: string, which: '-u' | '-g'): number | undefined {
  try {
    const id = Number(execFileSync('id', [which, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
    return Number.isInteger(id) ? id : undefined
  } catch {
    return undefined
  }
}
