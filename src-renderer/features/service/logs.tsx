import { useEffect, useRef, useState } from 'react'
import type { LogLine, ServiceView } from '../../../src-main/contract/service.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../../../src-main/contract/vocabulary.ts'
import { Plate, Version } from '../../components/place.tsx'
import { useConnection, useConsole } from '../../lib/console-context.tsx'
import { formatClock } from '../../lib/format.ts'
import { toFault } from '../../lib/session.ts'

const KEPT = 1000

/** Both environments' output, side by side, following the end. */
export function Logs({ service }: { readonly service: ServiceView }) {
  if (!service.capabilities.logs) return <p className="p-4 text-ink-2">{service.capabilities.notes['logs'] ?? 'This provider shows no output.'}</p>
  return (
    <div className="grid min-h-0 flex-1 grid-cols-2 divide-x divide-line-1">
      {ENVIRONMENTS.map((environment) => (
        <Tail key={environment} service={service} environment={environment} />
      ))}
    </div>
  )
}

function Tail({ service, environment }: { readonly service: ServiceView; readonly environment: EnvironmentName }) {
  const { lines, problem } = useTail(service.name, environment)
  const [text, setText] = useState('')
  const box = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  const deployed = service.observed.kind === 'known' ? service.observed.value.environments[environment].deployed : null
  const shown = text ? lines.filter((line) => line.text.toLowerCase().includes(text.toLowerCase())) : lines
  useEffect(() => {
    if (follows.current && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [shown.length])
  return (
    <div className="flex min-h-0 min-w-0 flex-col">
      <div className="flex h-8 flex-none items-center gap-2 border-b border-line-1 px-4 text-12">
        <Plate environment={environment} />
        {deployed && <Version version={deployed.version} className="font-semibold" />}
        <input type="search" aria-label={`Filter output of ${environment}`} placeholder="filter" value={text} onChange={(event) => setText(event.target.value)} className="ml-auto h-6 w-32 rounded-2 border border-line-2 bg-bg-1 px-2" />
      </div>
      <div
        ref={box}
        role="log"
        aria-live="off"
        aria-label={`Output of ${environment}`}
        tabIndex={0}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget
          follows.current = scrollHeight - scrollTop - clientHeight < 24
        }}
        className="min-h-24 flex-1 overflow-auto px-4 py-2 font-mono text-11 leading-4 -outline-offset-2"
      >
        {problem && <p className="text-fail-ink">{problem}</p>}
        {shown.map((line, index) => (
          <p key={index} className="break-words whitespace-pre-wrap">
            <span className="text-ink-3">{formatClock(line.at)} </span>
            <span className={line.stream === 'stderr' ? 'text-watch-ink' : line.stream === 'supervisor' ? 'text-ink-3' : 'text-ink-2'}>
              {line.stream === 'stdout' ? '' : `${line.stream}: `}
              {line.text}
            </span>
          </p>
        ))}
        {lines.length === 0 && !problem && <p className="font-sans text-12 text-ink-3">No output yet.</p>}
      </div>
    </div>
  )
}

function useTail(service: string, environment: EnvironmentName): { readonly lines: readonly LogLine[]; readonly problem: string | null } {
  const { session } = useConsole()
  const connection = useConnection()
  const [lines, setLines] = useState<readonly LogLine[]>([])
  const [problem, setProblem] = useState<string | null>(null)
  const isLive = connection.kind === 'live'
  useEffect(() => {
    if (!isLive) return
    const stop = new AbortController()
    const follow = async () => {
      let isFirst = true
      const items = await session.call((client) => client.service.tailLogs({ service, environment, lines: 300 }, { signal: stop.signal }))
      let batch: LogLine[] = []
      let timer: ReturnType<typeof setTimeout> | null = null
      for await (const line of items) {
        batch.push(line)
        timer ??= setTimeout(() => {
          const added = batch
          batch = []
          timer = null
          if (stop.signal.aborted) return
          const keepsOld = !isFirst
          isFirst = false
          setProblem(null)
          setLines((before) => [...(keepsOld ? before : []), ...added].slice(-KEPT))
        }, 100)
      }
    }
    follow().catch((error: unknown) => {
      if (!stop.signal.aborted) setProblem(toFault(error).message)
    })
    return () => stop.abort()
  }, [session, service, environment, isLive])
  return { lines, problem }
}
