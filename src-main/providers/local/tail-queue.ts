import type { Fault } from '../../contract/fault.ts'
import type { StopSignal } from '../../core/ports.ts'

/** Lines kept for a reader that is slower than the writer; older ones are dropped. */
const MAX_QUEUED = 10_000

/** Turns pushed batches into an async iterable that ends when the signal aborts, and throws when the source is lost. */
export async function* tailQueue<T>(signal: StopSignal, open: (push: (items: readonly T[]) => void, fail: (fault: Fault) => void) => () => void): AsyncGenerator<T> {
  let queue: T[] = []
  let lost: Fault | null = null
  let wake = () => {}
  const cancel = open(
    (items) => {
      queue.push(...items)
      if (queue.length > MAX_QUEUED) queue = queue.slice(-MAX_QUEUED)
      wake()
    },
    (fault) => {
      lost = fault
      wake()
    },
  )
  const onAbort = () => wake()
  signal.addEventListener('abort', onAbort)
  try {
    for (;;) {
      const batch = queue
      queue = []
      for (const item of batch) {
        if (signal.aborted) return
        yield item
      }
      if (signal.aborted) return
      if (lost) throw lost
      if (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    cancel()
  }
}
