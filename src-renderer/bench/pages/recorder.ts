/** What a page's main thread did while it was recorded. */
export interface Recorded {
  /** Tasks over 50 ms, milliseconds. */
  readonly longTasksMs: readonly number[]
  /** Time between frames, milliseconds. */
  readonly framesMs: readonly number[]
  /** Most rows that were in the document at once. */
  readonly rows: number
}

/** Records frames, long tasks and rows for `ms`, on any page, in the same way. */
export async function record(ms: number): Promise<Recorded> {
  const longTasksMs: number[] = []
  const framesMs: number[] = []
  let rows = 0
  const observer = new PerformanceObserver((list) => longTasksMs.push(...list.getEntries().map((entry) => entry.duration)))
  observer.observe({ entryTypes: ['longtask'] })
  const start = performance.now()
  let before = start
  await new Promise<void>((resolve) => {
    const frame = (at: number) => {
      framesMs.push(at - before)
      before = at
      if (framesMs.length % 15 === 0) rows = Math.max(rows, document.querySelectorAll('[role=row]').length)
      if (at - start < ms) requestAnimationFrame(frame)
      else resolve()
    }
    requestAnimationFrame(frame)
  })
  // Long tasks are reported a little later.
  await new Promise((resolve) => setTimeout(resolve, 200))
  observer.disconnect()
  return { longTasksMs, framesMs: framesMs.slice(1), rows }
}
