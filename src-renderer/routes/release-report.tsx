import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { FaultNote } from '../components/fault-note.tsx'
import { Lever } from '../components/lever.tsx'
import { Band, Skeleton } from '../components/pane.tsx'
import { AnyBackLever } from '../features/acts/any-back-lever.tsx'
import { Report } from '../features/audit/report.tsx'
import { useConsole, useTitle } from '../lib/console-context.tsx'
import { plural } from '../lib/format.ts'
import { releaseQuery, reportQuery } from '../lib/queries.ts'
import { toFault } from '../lib/session.ts'

export function ReleaseReportRoute() {
  const { id } = useParams({ from: '/audit/release/$id' })
  const { session } = useConsole()
  const navigate = useNavigate()
  const report = useQuery({ ...reportQuery(session, id), refetchOnMount: 'always' })
  const release = useQuery(releaseQuery(session, id))
  useTitle(`Report of ${id}`)
  return (
    <>
      <Band
        title={`Report of ${id}`}
        sentence={report.data ? `${plural(report.data.entries.length, 'entry', 'entries')}, with the checkpoint of the journal. Print it, or save it as PDF.` : 'Reading the journal.'}
        levers={
          <div role="group" aria-label="Actions on the report" className="flex gap-2 narrow:flex-wrap">
            <Lever slot={3} label="Print" detail="one release" {...(report.data ? { onPress: () => window.print() } : {})} />
            <Lever slot={3} label="Its entries" detail="in the journal" onPress={() => void navigate({ to: '/audit', search: { release: id } })} />
            <AnyBackLever />
          </div>
        }
      />
      <main tabIndex={0} aria-label="Report" className="min-h-0 flex-1 overflow-auto bg-bg-1 -outline-offset-2 print:overflow-visible print:bg-[#fff]">
        {report.isPending && <Skeleton rows={12} />}
        {report.isError && <FaultNote fault={toFault(report.error)} onRetry={() => void report.refetch()} />}
        {report.data && <Report report={report.data} view={release.data ?? null} onSelect={(seq) => void navigate({ to: '/audit', search: { release: id, entry: seq } })} />}
      </main>
    </>
  )
}
