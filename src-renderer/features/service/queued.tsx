import type { ServiceView } from '../../../src-main/contract/service.ts'
import { PaneHeading } from '../../components/pane.tsx'
import { Version } from '../../components/place.tsx'
import { Button } from '../../components/button.tsx'
import { useConsole } from '../../lib/console-context.tsx'

/** Releases that wait for the one under way. */
export function Queued({ service }: { readonly service: ServiceView }) {
  const { acts, session } = useConsole()
  if (service.queued.length === 0) return null
  return (
    <section aria-label="Queued" className="pb-2">
      <PaneHeading title="Queued" detail={service.queued.length} />
      {service.queued.map((view) => (
        <div key={view.release.id} className="flex items-center gap-2 px-4 leading-6">
          <Version version={view.release.candidate.version} className="font-semibold" />
          <span className="min-w-0 flex-1 truncate text-12 text-ink-3" title={view.next}>
            {view.release.createdBy.name}, {view.next}
          </span>
          {view.actions.map((action) => (
            <Button
              key={action.command}
              look="bare"
              off={action.blocks.length > 0}
              title={action.blocks[0]?.reason ?? action.effect}
              onClick={() =>
                void acts.press({
                  service: service.name,
                  command: action.command,
                  label: action.label,
                  send: (operationId) => session.call((client) => client.release.command({ releaseId: view.release.id, command: action.command, expectedRevision: view.release.revision, operationId })),
                })
              }
            >
              {action.label}
            </Button>
          ))}
        </div>
      ))}
    </section>
  )
}
