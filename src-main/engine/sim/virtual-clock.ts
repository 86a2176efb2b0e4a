import type { Clock } from '../../core/ports.ts'

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly callback: () => void
}

/** Lets every promise that can settle without time passing settle. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/**
 * Time that passes only when told to. Timers run in order of due time, then of creation; between two of them all
 * pending promises settle, so that a run depends on its inputs alone.
 */
export function createVirtualClock(startWallMs = Date.UTC(2026, 0, 1)) {
  let monotonicMs = 0
  let wallOffsetMs = startWallMs
  let order = 0
  const timers: Timer[] = []

  const before = (a: Timer, b: Timer) => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
  function push(timer: Timer): void {
    timers.push(timer)
    for (let i = timers.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1
      const [child, above] = [timers[i], timers[parent]]
      if (!child || !above || !before(child, above)) break
      timers[i] = above
      timers[parent] = child
      i = parent
    }
  }
  function pop(): Timer | undefined {
    const top = timers[0]
    const last = timers.pop()
    if (!top || !last || timers.length === 0) return top
    timers[0] = last
    for (let i = 0; ; ) {
      const [left, right] = [2 * i + 1, 2 * i + 2]
      let least = i
      for (const child of [left, right]) {
        const [a, b] = [timers[child], timers[least]]
        if (a && b && before(a, b)) least = child
      }
      if (least === i) break
      const [a, b] = [timers[i], timers[least]]
      if (!a || !b) break
      timers[i] = b
      timers[least] = a
      i = least
    }
    return top
  }

  const clock: Clock = {
    wallMs: () => wallOffsetMs + monotonicMs,
    monotonicMs: () => monotonicMs,
    setTimer(delayMs, callback) {
      let cancelled = false
      push({ dueMs: monotonicMs + Math.max(0, delayMs), order: (order += 1), callback: () => cancelled || callback() })
      return () => {
        cancelled = true
      }
    },
  }

  return {
    clock,
    /** Moves the wall clock, as an administrator or NTP would. Monotonic time goes on. */
    jumpWall(deltaMs: number): void {
      wallOffsetMs += deltaMs
    },
    /** Runs everything that falls due within so many milliseconds. `settled` runs between two timers. */
    async advance(ms: number): Promise<void> {
      const endMs = monotonicMs + ms
      await settle()
      for (let next = timers[0]; next && next.dueMs <= endMs; next = timers[0]) {
        pop()
        monotonicMs = Math.max(monotonicMs, next.dueMs)
        next.callback()
        await settle()
      }
      monotonicMs = endMs
    },
    settle,
  }
}
export type VirtualClock = ReturnType<typeof createVirtualClock>
