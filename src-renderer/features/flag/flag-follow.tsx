import { useEffect, useRef } from 'react'
import { FaultNote } from '../../components/fault-note.tsx'
import { Icon } from '../../components/icons.tsx'
import { useBandEdge } from '../../lib/band-edge.ts'
import { useConsole, useNow } from '../../lib/console-context.tsx'
import type { FlagAct, FlagActStage } from '../../lib/flag-acts.ts'
import { formatDuration } from '../../lib/format.ts'
import { useValue } from '../../lib/value-store.ts'

const STAGES: readonly FlagActStage[] = ['sent', 'accepted', 'verified']
const STAGE_WORDS: Readonly<Record<string, string>> = { sent: 'sent', accepted: 'accepted', verified: 'read back from its source' }
const KEEP_MS = 5_000

/** Follows the newest act on a flag under the levers: sent, accepted, read back; or what went wrong and the next step. */
export function FlagFollow() {
  const { flagActs } = useConsole()
  const newest = useValue(flagActs.state, (all) => [...all.values()].toSorted((a, b) => b.startedAt - a.startedAt)[0] ?? null)
  // An edit that is refused is shown where it is edited, with what was typed.
  if (!newest || (newest.fault && (newest.command === 'define' || newest.command === 'defineSegments' || newest.command === 'startRollout'))) return null
  return <Follow key={newest.operationId} act={newest} onDismiss={() => flagActs.dismiss(newest.source, newest.key)} />
}

function Follow({ act, onDismiss }: { readonly act: FlagAct; readonly onDismiss: () => void }) {
  const edge = useBandEdge()
  const isDone = act.stage === 'verified'
  // Whatever is around it is drawn anew every second; the time it stays is counted from when it was done.
  const dismiss = useRef(onDismiss)
  useEffect(() => {
    dismiss.current = onDismiss
  })
  useEffect(() => {
    if (!isDone) return
    const timer = setTimeout(() => dismiss.current(), KEEP_MS)
    return () => clearTimeout(timer)
  }, [isDone])
  return (
    <div style={{ top: edge + 6 }} className="fixed right-[7px] z-30 w-[480px] max-w-[calc(100vw-14px)] rounded-2 border border-line-3 bg-bg-2 print:hidden">
      {act.fault ? (
        <FaultNote fault={act.fault} onDismiss={onDismiss} />
      ) : (
        <div role="status" className="px-4 py-2.5">
          <p className="truncate">
            <b className="mono">{act.key || act.source}</b> {act.label}
          </p>
          {act.stage === 'failed' ? (
            <p className="flex items-center gap-1.5 text-12 text-fail-ink">
              <Icon name="fail" className="text-fail" /> did not go through; the flag's page says what it means for users
            </p>
          ) : (
            <Stages act={act} />
          )}
        </div>
      )}
    </div>
  )
}

function Stages({ act }: { readonly act: FlagAct }) {
  const now = useNow(1000)
  const reached = STAGES.indexOf(act.stage)
  const tookMs = act.sentAt === null || act.seenAt === null ? null : act.seenAt - act.sentAt
  return (
    <ol className="flex items-center gap-4 text-12">
      {STAGES.map((stage, index) => (
        <li key={stage} data-reached={index <= reached} className={`flex items-center gap-1.5 ${index <= reached ? 'text-ink-1' : 'text-ink-3'}`}>
          <Icon name={index <= reached ? 'pass' : index === reached + 1 ? 'run' : 'wait'} />
          {STAGE_WORDS[stage]}
          {index > reached && <span className="sr-only"> not yet</span>}
        </li>
      ))}
      <li className="ml-auto text-ink-3">{act.stage === 'verified' ? (tookMs === null ? '' : `${formatDuration(tookMs)} after it was sent`) : now - act.stageAt > 3000 ? 'still waiting' : ''}</li>
    </ol>
  )
}
