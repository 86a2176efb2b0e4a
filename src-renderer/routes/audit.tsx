import { useNavigate, useSearch } from '@tanstack/react-router'
import { Band } from '../components/pane.tsx'
import { FaultNote } from '../components/fault-note.tsx'
import { AuditBody } from '../features/audit/audit-body.tsx'
import { AuditLevers } from '../features/audit/audit-levers.tsx'
import { toFilter, type AuditSearch } from '../features/audit/audit-search.ts'
import { AuditSentence } from '../features/audit/audit-sentence.tsx'
import { useExport } from '../features/audit/export.ts'
import { useVerify } from '../features/audit/verify.ts'
import { useConnection, useLiveJournal, useStatus, useTitle } from '../lib/console-context.tsx'
import { plural } from '../lib/format.ts'

export function AuditRoute() {
  const search = useSearch({ from: '/audit' })
  const navigate = useNavigate()
  const status = useStatus()
  const live = useLiveJournal()
  const connection = useConnection()
  const verify = useVerify()
  const exporting = useExport()
  useTitle('Audit')
  const count = Math.max(status?.journal.count ?? 0, live.at(-1)?.seq ?? 0)
  const { entry: _entry, ...filters } = search
  const opened = live.find((each) => each.seq === search.entry)
  const onSearch = (next: AuditSearch) => void navigate({ to: '/audit', search: next, replace: next.q !== search.q || next.entry !== search.entry })
  return (
    <>
      <Band
        title={
          <>
            Journal <span className="text-16 font-medium text-ink-2">{plural(count, 'entry', 'entries')}</span>
          </>
        }
        sentence={<AuditSentence status={status} verify={verify.state} />}
        levers={
          <AuditLevers
            verify={verify}
            exporting={exporting}
            filter={toFilter(search)}
            filtered={Object.keys(filters).length > 0}
            count={count}
            releaseId={search.release ?? opened?.target.releaseId ?? null}
            off={connection.kind === 'live' ? null : 'not connected'}
          />
        }
      />
      {exporting.state.kind === 'failed' && <FaultNote fault={exporting.state.fault} />}
      <main className="flex min-h-0 flex-1 flex-col">
        <AuditBody search={search} onSearch={onSearch} />
      </main>
    </>
  )
}
