import { Band } from '../components/pane.tsx'
import { Skeleton } from '../components/pane.tsx'
import { ServiceLevers } from '../features/acts/service-levers.tsx'
import { MigrationsUnderWay } from '../features/migration/under-way.tsx'
import { FirstSteps } from '../features/overview/first-steps.tsx'
import { FleetSentence } from '../features/overview/fleet-sentence.tsx'
import { Inbox } from '../features/overview/inbox.tsx'
import { ServiceList } from '../features/overview/service-list.tsx'
import { useConsole, useReady, useServiceNames, useTitle } from '../lib/console-context.tsx'
import { plural } from '../lib/format.ts'
import { useValue } from '../lib/value-store.ts'

export function OverviewRoute() {
  const services = useServiceNames()
  const ready = useReady()
  const { ui } = useConsole()
  const selected = useValue(ui, (state) => state.selectedService)
  useTitle('Overview')
  return (
    <>
      <Band
        title={ready ? plural(services.length, 'service') : 'Services'}
        sentence={ready ? <FleetSentence /> : 'Connecting.'}
        levers={selected !== null && <ServiceLevers name={selected} caption />}
      />
      <main className="flex min-h-0 flex-1 flex-col bg-bg-1">
        {ready ? (
          <>
            <FirstSteps />
            <Inbox />
            <MigrationsUnderWay />
            <ServiceList />
          </>
        ) : (
          <Skeleton rows={10} />
        )}
      </main>
    </>
  )
}
