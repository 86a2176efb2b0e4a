/**
 * Passes a stream on, ends it the moment the signal aborts even while the source is still thinking, and closes the
 * source exactly once in every case. `mapError` decides what a consumer sees when the source throws.
 */
export function endWithSignal<T>(source: AsyncIterator<T>, signal: AbortSignal | undefined, mapError: (error: unknown) => unknown): AsyncIteratorObject<T, undefined, undefined> {
  return pass(source, signal, mapError)
}

async function* pass<T>(source: AsyncIterator<T>, signal: AbortSignal | undefined, mapError: (error: unknown) => unknown): AsyncGenerator<T, undefined, undefined> {
  let onAbort: (() => void) | undefined
  const aborted = new Promise<'aborted'>((resolve) => {
    onAbort = () => resolve('aborted')
    if (signal?.aborted === true) resolve('aborted')
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
  try {
    while (signal?.aborted !== true) {
      const pending = source.next()
      const result = await Promise.race([pending, aborted])
      if (result === 'aborted') {
        // The source may reject later; nobody is left to tell.
        pending.catch(() => undefined)
        return undefined
      }
      if (result.done === true) return undefined
      yield result.value
    }
    return undefined
  } catch (error) {
    throw mapError(error)
  } finally {
    if (onAbort) signal?.removeEventListener('abort', onAbort)
    // A generator in the middle of next() queues this; do not wait for it.
    void Promise.resolve(source.return?.()).catch(() => undefined)
  }
}
