import { useEffect, useRef, useState } from 'react'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import type { JournalFilter } from '../../../src-main/contract/journal.ts'
import { useConsole } from '../../lib/console-context.tsx'
import { toFault } from '../../lib/session.ts'

export type ExportState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly done: number; readonly total: number }
  | { readonly kind: 'done'; readonly count: number; readonly fileName: string }
  | { readonly kind: 'failed'; readonly fault: FaultData }

/** Collects an export and hands it over as a download; can be stopped. */
export function useExport() {
  const { session } = useConsole()
  const [state, setState] = useState<ExportState>({ kind: 'idle' })
  const running = useRef<AbortController | null>(null)
  useEffect(() => () => running.current?.abort(), [])
  const start = async (format: 'jsonl' | 'csv', filter: JournalFilter | null) => {
    if (running.current) return
    const stop = new AbortController()
    running.current = stop
    setState({ kind: 'running', done: 0, total: 0 })
    const chunks: string[] = []
    try {
      const steps = await session.call((client) => client.journal.export({ format, ...(filter ? { filter } : {}) }, { signal: stop.signal }))
      for await (const step of steps) {
        if (step.kind === 'progress') setState({ kind: 'running', done: step.done, total: step.total })
        else if (step.kind === 'chunk') chunks.push(step.text)
        else {
          download(chunks, step.fileName, format)
          setState({ kind: 'done', count: step.count, fileName: step.fileName })
        }
      }
    } catch (error) {
      setState(stop.signal.aborted ? { kind: 'idle' } : { kind: 'failed', fault: toFault(error) })
    } finally {
      running.current = null
    }
  }
  return { state, start, stop: () => running.current?.abort() }
}

function download(chunks: readonly string[], fileName: string, format: 'jsonl' | 'csv'): void {
  const blob = new Blob([...chunks], { type: format === 'csv' ? 'text/csv' : 'application/x-ndjson' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = fileName
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
