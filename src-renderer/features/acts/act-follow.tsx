import { useEffect, useRef } from 'react'
import { Icon } from '../../components/icons.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { PlaceText } from '../../components/place.tsx'
import { useBandEdge } from '../../lib/band-edge.ts'
import { useConsole, useNow } from '../../lib/console-context.tsx'
import { formatDuration } from '../../lib/format.ts'
import { useValue } from '../../lib/value-store.ts'
import { seenAfterMs, type Act, type ActStage } from '../../lib/acts.ts'

const STAGES: readonly ActStage[] = ['sent', 'accepted', 'verified']
const STAGE_WORDS: Readonly<Record<string, string>> = { sent: 'sent', accepted: 'accepted', verified: 'seen in the data plane' }
const KEEP_MS = 5_000

/** Follows the newest act under the levers: sent, accepted, seen in the data plane; or what went wrong and the next step. */
export function ActFollow() {
  const { acts } = useConsole()
  const newest = useValue(acts.state, (all) => [...all.values()].toSorted((a, b) => b.startedAt - a.startedAt)[0] ?? null)
  if (!newest) return null
  return <Follow key={newest.operationId} act={newest} onDismiss={() => acts.dismiss(newest.service)} />
}

function Follow({ act, onDismiss }: { readonly act: Act; readonly onDismiss: () => void }) {
  const edge = useBandEdge()
  const isDone = act.stage === 'verified' || act.stage === 'recorded'
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
            <b>{act.service}</b> <PlaceText text={act.label} />
          </p>
          {act.stage === 'failed' ? <FailedLine /> : act.stage === 'recorded' ? <p className="text-12 text-ink-2">done, in the journal</p> : <Stages act={act} />}
        </div>
      )}
    </div>
  )
}

function FailedLine() {
  return (
    <p className="flex items-center gap-1.5 text-12 text-fail-ink">
      <Icon name="fail" className="text-fail" /> did not go through; the service page says what it means for traffic
    </p>
  )
}

function Stages({ act }: { readonly act: Act }) {
  const now = useNow(1000)
  const reached = STAGES.indexOf(act.stage)
  const tookMs = seenAfterMs(act)
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
