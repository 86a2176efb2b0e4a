import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { MigrationView, SqlStep } from '../../../src-main/contract/migration.ts'
import { CopyButton } from '../../components/copy-button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { Icon } from '../../components/icons.tsx'
import { Skeleton } from '../../components/pane.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { migrationSqlQuery } from '../../lib/queries.ts'
import { toFault } from '../../lib/session.ts'
import { SqlText } from './sql-text.tsx'

/** What every step runs, and the lock it takes, before it runs. */
export function SqlPane({ view }: { readonly view: MigrationView }) {
  const { session } = useConsole()
  const { data, error, refetch } = useQuery(migrationSqlQuery(session, view.id, view.preflight?.digest ?? ''))
  const [picked, setPicked] = useState<string | null>(null)
  if (error) return <FaultNote fault={toFault(error)} onRetry={() => void refetch()} className="m-4" />
  if (!data) return <Skeleton rows={6} />
  const shown = data.find((step) => step.step === picked) ?? data.find((step) => step.step === nextStep(view)) ?? data[0]
  if (!shown) return <p className="p-4 text-ink-2">This migration runs no SQL.</p>
  return (
    <div className="grid min-h-0 flex-1 grid-cols-[200px_minmax(0,1fr)] narrow:grid-cols-1">
      <ul aria-label="Steps" className="min-h-0 overflow-y-auto border-r border-line-1 py-1 narrow:border-r-0 narrow:border-b">
        {data.map((step) => (
          <li key={step.step}>
            <button type="button" aria-pressed={step === shown} onClick={() => setPicked(step.step)} className={`flex w-full items-center gap-2 px-4 py-1 text-12 hover:bg-bg-2 ${step === shown ? 'bg-bg-2 font-medium shadow-[inset_2px_0_0_var(--ink-1)]' : ''}`}>
              <span className="min-w-0 flex-1 truncate">{step.title}</span>
              {step.step === nextStep(view) && <span className="text-11 text-ink-3">next</span>}
            </button>
          </li>
        ))}
      </ul>
      <StepSql step={shown} />
    </div>
  )
}

export function StepSql({ step }: { readonly step: SqlStep }) {
  return (
    <div className="flex min-h-0 min-w-0 flex-col">
      <div className="flex flex-none items-start gap-2 px-4 py-2 text-12">
        <Icon name="lock" className="mt-0.5" />
        <p className="min-w-0 flex-1">
          <b>Lock.</b> <span className="text-ink-2">{step.lock}</span>
        </p>
        <CopyButton label="Copy" text={() => step.sql} />
      </div>
      <pre tabIndex={0} aria-label={`SQL of ${step.title}`} className="min-h-24 flex-1 overflow-auto border-t border-line-1 bg-bg-2 px-4 py-3 font-mono text-12 leading-[18px] break-words whitespace-pre-wrap -outline-offset-2">
        <SqlText sql={step.sql} />
      </pre>
    </div>
  )
}

/** What the next forward act runs, to begin the list with. Which acts are legal is the core's; this only picks what to show. */
function nextStep({ phase, observed }: MigrationView): SqlStep['step'] {
  const reading = observed.kind === 'known' ? observed.value : null
  switch (phase) {
    case 'shadowReads':
      return 'expand'
    case 'backfilling':
      return 'backfill'
    case 'verifying':
      return reading?.progress?.work ?? 'fullPass'
    case 'dualWrites':
      return 'setReads'
    case 'switchingReads':
      return reading?.state.readsPercent === 100 ? 'setWrites' : 'setReads'
    case 'switchedWrites':
      return 'tombstone'
    case 'tombstoned':
      return 'drop'
    case 'rollingBack':
      return 'collapse'
    default:
      return 'createShadow'
  }
}
