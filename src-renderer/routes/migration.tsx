import { Link, useParams } from '@tanstack/react-router'
import { Band, Empty, Skeleton } from '../components/pane.tsx'
import { MigrationBody } from '../features/migration/migration-body.tsx'
import { MigrationSentence, MigrationTitle } from '../features/migration/migration-headline.tsx'
import { MigrationLevers } from '../features/migration/migration-levers.tsx'
import { useReady, useTitle } from '../lib/console-context.tsx'
import { useMigrationView } from '../features/migration/use-migration-view.ts'

export function MigrationRoute() {
  const { id } = useParams({ from: '/migrations/$id' })
  const view = useMigrationView(id)
  const ready = useReady()
  useTitle(view?.title || id)
  if (!view) {
    return (
      <>
        <Band title={id} sentence={ready ? 'The workspace declares no such migration.' : 'Connecting.'} />
        <main className="min-h-0 flex-1 bg-bg-1">
          {ready ? (
            <Empty title={`No migration is called ${id}`}>
              <Link to="/migrations" className="link">
                See every migration
              </Link>
            </Empty>
          ) : (
            <Skeleton rows={8} />
          )}
        </main>
      </>
    )
  }
  return (
    <>
      <Band title={<MigrationTitle view={view} />} sentence={<MigrationSentence view={view} />} levers={<MigrationLevers view={view} />} />
      <main className="flex min-h-0 flex-1 flex-col">
        <MigrationBody key={id} view={view} />
      </main>
    </>
  )
}
