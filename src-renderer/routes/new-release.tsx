import { Link, useParams, useSearch } from '@tanstack/react-router'
import { useEffect } from 'react'
import { Band, Empty, Skeleton } from '../components/pane.tsx'
import { AnyBackLever } from '../features/acts/any-back-lever.tsx'
import { NewReleaseForm } from '../features/release/new-release-form.tsx'
import { useConsole, useReady, useService, useTitle } from '../lib/console-context.tsx'

export function NewReleaseRoute() {
  const { name } = useParams({ from: '/services/$name/release' })
  const { version } = useSearch({ from: '/services/$name/release' })
  const service = useService(name)
  const ready = useReady()
  const { ui } = useConsole()
  useTitle(`Release ${name}`)
  useEffect(() => ui.set((before) => ({ ...before, selectedService: name })), [ui, name])
  const stable = service?.stable
  return (
    <>
      <Band
        title={`New release of ${name}`}
        sentence={
          <>
            {stable ? `${stable.deployed.version} is live on ${stable.environment}. ` : 'Nothing is live yet. '}
            <Link to="/services/$name" params={{ name }} className="link">
              Back to the service
            </Link>
          </>
        }
        levers={<AnyBackLever />}
      />
      <main className="flex min-h-0 flex-1 flex-col bg-bg-1">
        {service ? <NewReleaseForm key={name} service={service} preset={version ?? null} /> : ready ? <Empty title={`No service is called ${name}`}>It may have left the workspace.</Empty> : <Skeleton />}
      </main>
    </>
  )
}
