import { Link, useParams, useSearch } from '@tanstack/react-router'
import { FaultNote } from '../components/fault-note.tsx'
import { Band, Empty, Skeleton } from '../components/pane.tsx'
import { DefinitionForm } from '../features/flag/definition-form.tsx'
import { FlagBody } from '../features/flag/flag-body.tsx'
import { FlagSentence, FlagTitle } from '../features/flag/flag-headline.tsx'
import { FlagLevers } from '../features/flag/flag-levers.tsx'
import { FlagList } from '../features/flag/flag-list.tsx'
import { RolloutForm } from '../features/flag/rollout-form.tsx'
import { useFlagView } from '../features/flag/use-flag-view.ts'
import { useFlagSources, useReady, useTitle } from '../lib/console-context.tsx'

export function FlagRoute() {
  const { source: sourceName, key } = useParams({ from: '/flags/$source/$key' })
  const { view: pane } = useSearch({ from: '/flags/$source/$key' })
  const ready = useReady()
  const source = useFlagSources().find(({ name }) => name === sourceName) ?? null
  const { view, fault, refetch } = useFlagView(sourceName, key, ready)
  const current = { source: sourceName, key }
  useTitle(key)
  if (!view) {
    const isGone = fault?.code === 'notFound'
    return (
      <>
        <Band title={<span className="mono truncate">{key}</span>} sentence={isGone ? `${sourceName} has no such flag.` : fault ? 'It cannot be shown.' : ready ? 'Reading it.' : 'Connecting.'} />
        <main className="flex min-h-0 flex-1 bg-bg-1 narrow:flex-col">
          <FlagList current={current} />
          <div className="min-w-0 flex-1">
            {isGone ? (
              <Empty title={`No flag is called ${key}`}>
                <Link to="/flags" className="link">
                  See every flag
                </Link>
              </Empty>
            ) : fault ? (
              <FaultNote fault={fault} onRetry={refetch} />
            ) : (
              <Skeleton rows={8} />
            )}
          </div>
        </main>
      </>
    )
  }
  return (
    <>
      <Band title={<FlagTitle view={view} />} sentence={<FlagSentence view={view} />} levers={<FlagLevers view={view} />} />
      <main className="flex min-h-0 flex-1 bg-bg-1 narrow:flex-col">
        <FlagList current={current} />
        <div className="flex min-h-0 min-w-0 flex-1 flex-col">{pane === 'rollout' ? <RolloutForm key={key} view={view} source={source} /> : pane === 'edit' && source ? <DefinitionForm key={key} source={source} view={view} /> : <FlagBody key={`${sourceName} ${key}`} view={view} />}</div>
      </main>
    </>
  )
}
