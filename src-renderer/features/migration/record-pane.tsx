import { useQuery } from '@tanstack/react-query'
import type { MigrationView } from '../../../src-main/contract/migration.ts'
import { FaultNote } from '../../components/fault-note.tsx'
import { Skeleton } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'
import { Moment } from '../../components/time.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { migrationEventsQuery } from '../../lib/queries.ts'
import { toFault } from '../../lib/session.ts'

/** The database's own record of it: what the journal mirrors, kept there even when no console is. */
export function RecordPane({ view, revision }: { readonly view: MigrationView; readonly revision: number }) {
  const { session } = useConsole()
  const { data, error, refetch } = useQuery(migrationEventsQuery(session, view.id, revision))
  if (error) return <FaultNote fault={toFault(error)} onRetry={() => void refetch()} className="m-4" />
  if (!data) return <Skeleton rows={6} />
  return (
    <div className="min-h-0 flex-1 overflow-y-auto pb-2 -outline-offset-2" tabIndex={0} role="region" aria-label="Record in the database">
      <p className="px-4 py-2 text-12 text-ink-2">
        Kept in {view.database}, written in the same transaction as what it tells; never changed, also after a roll back. {data.length === 0 && 'It begins with the start.'}
      </p>
      <ol>
        {data.toReversed().map((event) => (
          <li key={event.id} className="grid grid-cols-[56px_96px_minmax(0,1fr)_auto] gap-x-2 border-t border-line-1 px-4 text-12 leading-6">
            <span className="text-ink-3">{event.id}</span>
            <span className="text-ink-3">
              <Moment at={event.at} />
            </span>
            <span className="min-w-0 break-words text-ink-2">
              <PlaceText text={event.summary} square={false} />
            </span>
            <span className="max-w-32 truncate text-ink-3">{event.by.name}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}
