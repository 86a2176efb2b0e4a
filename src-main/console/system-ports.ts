import { randomBytes } from 'node:crypto'
import type { Clock, Ids } from '../core/ports.ts'

/** The machine's own clocks and timers. A timer never keeps the process alive. */
export const SYSTEM_CLOCK: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    // setTimeout takes at most 2^31-1 ms; whoever waits longer looks again when it fires.
    const timer = setTimeout(callback, Math.min(delayMs, 2_147_483_647))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/**
 * UUID version 7: sortable by time, unique across hosts.
 * @see RFC 9562, section 5.7
 */
export function uuidV7(nowMs: number): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

export const SYSTEM_IDS: Ids = { next: () => uuidV7(Date.now()), random: () => Math.random() }
