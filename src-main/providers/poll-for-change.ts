const SLOWEST_MS = 60_000

/**
 * Looks again every `everyMs`, for systems that tell nobody of a change, and calls back when what it reads differs from
 * the time before. While looking fails it looks ever more rarely, at most once a minute. Returns the stop function.
 */
export function pollForChange(options: { readonly everyMs: number; readonly read: () => Promise<string>; readonly onChange: () => void }): () => void {
  let last: string | null = null
  let failures = 0
  let isStopped = false
  let timer = setTimeout(() => void look(), 0)
  timer.unref()

  async function look(): Promise<void> {
    try {
      const now = await options.read()
      // Who could not look may have missed something.
      const changed = (last !== null && now !== last) || failures > 0
      last = now
      failures = 0
      if (changed && !isStopped) options.onChange()
    } catch {
      failures += 1
    }
    if (isStopped) return
    timer = setTimeout(() => void look(), Math.min(SLOWEST_MS, options.everyMs * 2 ** Math.min(failures, 6)))
    timer.unref()
  }

  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}
