import type { ThrottleOptions } from '../../../../contract/migration-definition.ts'

/** What was seen of the server at one moment. Null: not asked for, or not to be had. */
export interface LoadSigns {
  /** The replica that is furthest behind, by name. */
  readonly replica: { readonly name: string; readonly lagMs: number } | null
  /** Write-ahead log kept back by a slot or waiting to be archived, whichever is more. */
  readonly walBacklog: { readonly what: string; readonly bytes: number } | null
  /** An autovacuum worker on one of the tables. */
  readonly autovacuumOn: string | null
  /** Sessions that wait for a lock which one of ours holds. */
  readonly lockWaiters: number
  readonly activeSessions: number
  readonly probeMs: number | null
}

export interface ThrottleVerdict {
  /** `abort`: what runs for long and cannot pause (building an index) is cancelled, too. */
  readonly level: 'run' | 'pause' | 'abort'
  /** Why, with value and limit; empty for `run`. */
  readonly reason: string
}

/** Above so many times a limit, statements that cannot pause are cancelled. */
const ABORT_FACTOR = 4

/**
 * Whether to work right now. One reason is named, the most telling first: what people asked for, then harm to users,
 * then what the server says. `atMs`: wall clock, for the hours.
 */
export function throttleVerdict(options: ThrottleOptions, signs: LoadSigns, asked: { readonly paused: boolean; readonly foregroundHarm: string }, atMs: number): ThrottleVerdict {
  if (asked.paused) return pause('paused by an operator')
  if (asked.foregroundHarm !== '') return pause(asked.foregroundHarm)
  if (options.hours !== null && !withinHours(options.hours, atMs)) return pause(`works between ${options.hours.replace('-', ' and ')} UTC, now ${clockOf(atMs)}`)
  const { replica, walBacklog } = signs
  const limited = [
    options.maxReplicaLagMs !== null && replica ? above(`replica lag`, replica.lagMs, options.maxReplicaLagMs, inMs, ` on ${replica.name}`, true) : null,
    options.maxWalBacklogBytes !== null && walBacklog ? above(`write-ahead log kept for ${walBacklog.what}`, walBacklog.bytes, options.maxWalBacklogBytes, inBytes, '', true) : null,
    above('sessions waiting for our locks', signs.lockWaiters, options.maxLockWaiters, String, '', false),
    options.maxActiveSessions !== null ? above('active sessions', signs.activeSessions, options.maxActiveSessions, String, '', true) : null,
    options.maxProbeMs !== null && signs.probeMs !== null ? above('probing read', signs.probeMs, options.maxProbeMs, inMs, '', false) : null,
  ].filter((verdict) => verdict !== null)
  const worst = limited.find(({ level }) => level === 'abort') ?? limited[0]
  if (worst) return worst
  if (options.waitForAutovacuum && signs.autovacuumOn !== null) return pause(`autovacuum works on ${signs.autovacuumOn}`)
  return { level: 'run', reason: '' }
}

/** How long to rest after a batch, ms. */
export function restMs(options: Pick<ThrottleOptions, 'niceRatio'>, batchMs: number): number {
  return options.niceRatio * batchMs
}

function pause(reason: string): ThrottleVerdict {
  return { level: 'pause', reason }
}

function above(what: string, value: number, limit: number, say: (value: number) => string, where: string, aborts: boolean): ThrottleVerdict | null {
  if (value <= limit) return null
  return { level: aborts && value > limit * ABORT_FACTOR ? 'abort' : 'pause', reason: `${what} ${say(value)} > ${say(limit)}${where}` }
}

function inMs(value: number): string {
  return value < 10 ? `${Number(value.toFixed(1))} ms` : `${Math.round(value)} ms`
}

function inBytes(value: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(value, 1)) / 10))
  return `${Number((value / 1024 ** power).toFixed(1))} ${units[power]}`
}

function clockOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 16)
}

/** `22:00-06:00` goes over midnight; equal ends mean the whole day. */
function withinHours(hours: string, atMs: number): boolean {
  const [from = '', to = ''] = hours.split('-')
  const now = clockOf(atMs)
  if (from === to) return true
  return from < to ? now >= from && now < to : now >= from || now < to
}
