import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Empty, Skeleton } from '../../components/pane.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { Place, Version } from '../../components/place.tsx'
import { Moment } from '../../components/time.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { formatDuration } from '../../lib/format.ts'
import { releasesQuery } from '../../lib/queries.ts'
import { phaseWords } from '../../lib/release-words.ts'
import { toFault } from '../../lib/session.ts'

/** Every release of the service, newest first, each with its report. */
export function ReleaseHistory({ service }: { readonly service: string }) {
  const { session } = useConsole()
  const query = useQuery(releasesQuery(session, service))
  if (query.isPending) return <Skeleton rows={4} />
  if (query.isError) return <FaultNote fault={toFault(query.error)} onRetry={() => void query.refetch()} />
  if (query.data.length === 0) return <Empty title="No releases yet">A release is one attempt to bring a version to 100 %. Each one stays here with its report.</Empty>
  return (
    <div className="min-h-0 flex-1 overflow-auto" tabIndex={0} role="region" aria-label="Releases, newest first">
      <table className="w-full text-12">
        <thead className="sticky top-0 bg-bg-1 text-11 text-ink-3">
          <tr className="h-6 [&>th]:px-4">
            <th scope="col">release</th>
            <th scope="col">version</th>
            <th scope="col">to</th>
            <th scope="col">how it ended</th>
            <th scope="col">by</th>
            <th scope="col">started</th>
            <th scope="col" className="text-right">
              took
            </th>
            <th scope="col">reason</th>
          </tr>
        </thead>
        <tbody>
          {query.data.map(({ release }) => (
            <tr key={release.id} className="h-7 border-t border-line-1 [&>td]:max-w-64 [&>td]:truncate [&>td]:px-4">
              <td>
                <Link to="/audit/release/$id" params={{ id: release.id }} className="link">
                  {release.id}
                </Link>
              </td>
              <td>
                <Version version={release.candidate.version} />
              </td>
              <td>
                <Place environment={release.candidateEnvironment} />
              </td>
              <td>{phaseWords(release)}</td>
              <td>{release.createdBy.name}</td>
              <td className="text-ink-2">{release.startedAt === null ? 'not started' : <Moment at={release.startedAt} />}</td>
              <td className="text-right text-ink-2">{release.startedAt !== null && release.endedAt !== null ? formatDuration(Math.round((release.endedAt - release.startedAt) / 1000) * 1000) : ''}</td>
              <td className="text-ink-2" title={release.rollback?.reason ?? release.reason}>
                {release.rollback?.reason || release.reason}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
