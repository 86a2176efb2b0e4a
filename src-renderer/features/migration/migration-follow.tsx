import { useEffect, useRef } from 'react'
import { FaultNote } from '../../components/fault-note.tsx'
import { Icon } from '../../components/icons.tsx'
import { Since } from '../../components/time.tsx'
import { useBandEdge } from '../../lib/band-edge.ts'
import { useConsole, useMigration } from '../../lib/console-context.tsx'
import type { MigrationAct } from '../../lib/migration-acts.ts'
import { useValue } from '../../lib/value-store.ts'

const KEEP_MS = 5_000

/** Follows the newest act on a migration under the levers: sent, under way in the database, done; or what went wrong and the next step. */
export function MigrationFollow() {
  const { migrationActs } = useConsole()
  const newest = useValue(migrationActs.state, (all) => [...all.values()].toSorted((a, b) => b.startedAt - a.startedAt)[0] ?? null)
  if (!newest) return null
  return <Follow key={newest.operationId} act={newest} onDismiss={() => migrationActs.dismiss(newest.migration)} />
}

function Follow({ act, onDismiss }: { readonly act: MigrationAct; readonly onDismiss: () => void }) {
  const edge = useBandEdge()
  const view = useMigration(act.migration)
  const acting = view?.acting ?? null
  const isDone = act.stage === 'done' && acting === null
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
            <b>{act.migration}</b> {act.label}
          </p>
          <p className="flex items-center gap-1.5 text-12 text-ink-2">
            <Icon name={isDone ? 'pass' : 'run'} />
            {isDone ? act.outcome || 'done, in the journal' : (acting?.detail ?? 'sent')}
            {acting && !isDone && (
              <span className="ml-auto text-ink-3">
                <Since at={acting.since} />
              </span>
            )}
          </p>
        </div>
      )}
    </div>
  )
}
