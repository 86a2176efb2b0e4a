import { useEffect, useRef, useState } from 'react'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import type { VerifyProgress } from '../../../src-main/contract/journal.ts'
import { useConsole } from '../../lib/console-context.tsx'
import { toFault } from '../../lib/session.ts'

export type VerifyState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly done: number; readonly total: number; readonly rowsPerSecond: number }
  | { readonly kind: 'done'; readonly at: number; readonly result: Extract<VerifyProgress, { readonly kind: 'result' }> }
  | { readonly kind: 'failed'; readonly fault: FaultData }

/** Walks the whole chain from entry 1, with progress; can be stopped. */
export function useVerify() {
  const { session, store } = useConsole()
  const [state, setState] = useState<VerifyState>({ kind: 'idle' })
  const running = useRef<AbortController | null>(null)
  useEffect(() => () => running.current?.abort(), [])
  const start = async () => {
    if (running.current) return
    const stop = new AbortController()
    running.current = stop
    setState({ kind: 'running', done: 0, total: store.status()?.journal.count ?? 0, rowsPerSecond: 0 })
    try {
      const steps = await session.call((client) => client.journal.verify(undefined, { signal: stop.signal }))
      for await (const step of steps) {
        if (step.kind === 'progress') setState({ ...step, kind: 'running' })
        else setState({ kind: 'done', at: store.now(), result: step })
      }
    } catch (error) {
      setState(stop.signal.aborted ? { kind: 'idle' } : { kind: 'failed', fault: toFault(error) })
    } finally {
      running.current = null
    }
  }
  return { state, start, stop: () => running.current?.abort() }
}
