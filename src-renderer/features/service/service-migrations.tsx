import { Link } from '@tanstack/react-router'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { PaneHeading } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'
import { useMigrations } from '../../lib/console-context.tsx'
import { phaseLine } from '../migration/migration-words.ts'

/** Migrations of tables this service uses: where each is, and which running version it holds up or is held up by. */
export function ServiceMigrations({ service }: { readonly service: ServiceView }) {
  const all = useMigrations().filter(({ definition }) => definition.services.some((each) => each.service === service.name))
  if (all.length === 0) return null
  return (
    <section aria-label="Migrations" className="pb-2">
      <PaneHeading title="Migrations" detail="of tables it uses" />
      <ul>
        {all.map((migration) => (
          <li key={migration.id} className="px-4 py-[3px]">
            <div className="flex items-baseline gap-2">
              <Link to="/migrations/$id" params={{ id: migration.id }} className="link min-w-0 truncate font-mono text-12">
                {migration.id}
              </Link>
              <span className="ml-auto flex-none text-12 text-ink-2">{migration.observed.kind === 'unknown' ? 'cannot be read' : phaseLine(migration)}</span>
            </div>
            {migration.usedBy
              .filter((each) => each.service === service.name)
              .map(({ environment, version, needs, blocks }) => (
                <p key={environment} className="text-12 leading-4 text-ink-3">
                  <PlaceText text={`${environment} ${version}`} /> {needs}
                  {blocks !== '' && <span className="text-ink-2">, holds back: {blocks}</span>}
                </p>
              ))}
          </li>
        ))}
      </ul>
    </section>
  )
}
