import { Link, useParams } from '@tanstack/react-router'
import { useEffect } from 'react'
import { Band, Empty, Skeleton } from '../components/pane.tsx'
import { ServiceLevers } from '../features/acts/service-levers.tsx'
import { ServiceBody } from '../features/service/service-body.tsx'
import { ServiceSentence, ServiceTitle } from '../features/service/service-headline.tsx'
import { useConsole, useReady, useService, useTitle } from '../lib/console-context.tsx'

export function ServiceRoute() {
  const { name } = useParams({ from: '/services/$name' })
  const service = useService(name)
  const ready = useReady()
  const { ui } = useConsole()
  useTitle(name)
  useEffect(() => ui.set((before) => ({ ...before, selectedService: name })), [ui, name])
  if (!service) {
    return (
      <>
        <Band title={name} sentence={ready ? 'The workspace declares no such service.' : 'Connecting.'} />
        <main className="min-h-0 flex-1 bg-bg-1">
          {ready ? (
            <Empty title={`No service is called ${name}`}>
              <Link to="/" className="link">
                See every service
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
      <Band title={<ServiceTitle service={service} />} sentence={<ServiceSentence service={service} />} levers={<ServiceLevers name={name} />} />
      <main className="flex min-h-0 flex-1 flex-col">
        <ServiceBody key={name} service={service} />
      </main>
    </>
  )
}
