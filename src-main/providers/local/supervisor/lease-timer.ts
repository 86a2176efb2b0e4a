import type { LeaseDurable } from './durable.ts'

/** setTimeout's own limit. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Counts a lease down on the monotonic clock; setting the wall clock does not end a guard. */
export interface LeaseTimer {
  /** Starts over with this lease; one that has run out, or null, ends the counting. */
  set(lease: LeaseDurable | null): void
  /** Wall clock, for showing. */
  expiresAt(): number
}

export function createLeaseTimer(onExpired: () => void): LeaseTimer {
  let timer: NodeJS.Timeout | null = null
  let expiresAt = 0
  return {
    set(lease) {
      if (timer) clearTimeout(timer)
      timer = null
      if (!lease || lease.expired) return
      expiresAt = Date.now() + lease.ttlMs
      timer = setTimeout(onExpired, Math.min(lease.ttlMs, MAX_TIMER_MS))
    },
    expiresAt: () => expiresAt,
  }
}
