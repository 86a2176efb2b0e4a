/** Shares are counted in so many parts. */
export const WHOLE_SHARE = 1024

/** What was seen of the queue of written keys during the last second. */
export interface QueueSeen {
  readonly share: number
  /** Keys that came in, of the share that is queued. */
  readonly arrivedPerSecond: number
  readonly queued: number
}

/**
 * The share of written keys to queue, in 1/1024, so that those that are queued can be re-read in time: lowered at once
 * when more arrive than may be read, raised by half at a time when there is room. At least one key in 128 stays.
 */
export function nextShare({ share, arrivedPerSecond, queued }: QueueSeen, perSecond: number, withinMs: number): number {
  const all = (arrivedPerSecond * WHOLE_SHARE) / Math.max(share, 1)
  const bearable = Math.max(WHOLE_SHARE / 128, Math.min(WHOLE_SHARE, Math.floor((WHOLE_SHARE * perSecond * 0.8) / Math.max(all, 1))))
  const late = queued > (perSecond * withinMs) / 1000
  if (bearable < share && (late || arrivedPerSecond > perSecond)) return bearable
  if (bearable > share && queued < perSecond) return Math.min(bearable, Math.max(share + 1, Math.floor(share * 1.5)))
  return share
}
