import { Link } from '@tanstack/react-router'
import type { MigrationView } from '../../../src-main/contract/migration.ts'
import { PaneHeading } from '../../components/pane.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { useLastReading, useMigrations } from '../../lib/console-context.tsx'
import { headlineRest, isOver, phaseLine, attentionOf, stateWord } from './migration-words.ts'
import { MiniPhases } from './mini-phases.tsx'
import { sortMigrations } from './sort-migrations.ts'
import { lastKnown } from './use-migration-view.ts'

const SHOWN = 3

/** Migrations under way, on the overview: a line each, those that need a person first. Nothing where nothing moves. */
export function MigrationsUnderWay() {
  const moving = sortMigrations(useMigrations().filter((view) => !isOver(view.phase) && (view.phase !== 'planned' || view.observed.kind === 'unknown')))
  if (moving.length === 0) return null
  return (
    <section aria-label="Migrations" className="flex-none border-b border-line-1 pb-1">
      <PaneHeading
        title="Migrations"
        detail={`${moving.length} under way`}
        end={
          <Link to="/migrations" className="link">
            all
          </Link>
        }
      />
      <ul>
        {moving.slice(0, SHOWN).map((view) => (
          <Line key={view.id} view={view} />
        ))}
      </ul>
    </section>
  )
}

function Line({ view: seen }: { readonly view: MigrationView }) {
  const last = useLastReading(seen.id)
  const view = lastKnown(seen, last)
  const state = attentionOf(view, last?.reading ?? null)
  const rest = headlineRest(view)
  return (
    <li className="grid min-h-8 grid-cols-[112px_minmax(120px,1fr)_180px_minmax(0,2fr)] items-center gap-3 border-t border-line-1 px-4 py-1 text-12 narrow:grid-cols-[96px_minmax(0,1fr)]">
      <StateMark state={state}>{stateWord(view, last?.reading ?? null)}</StateMark>
      <Link to="/migrations/$id" params={{ id: view.id }} className="truncate text-13 font-medium hover:underline">
        {view.title || view.id}
      </Link>
      <span className="flex items-center gap-2 narrow:hidden">
        <span className="w-24 flex-none">
          <MiniPhases view={view} />
        </span>
        <span className="truncate text-11 text-ink-3">{phaseLine(view).replace(/^phase \d of \d, /, '')}</span>
      </span>
      <span className="truncate text-ink-2 narrow:col-span-2" title={`${rest} ${view.next}`}>
        {view.observed.kind === 'unknown' ? view.observed.why : `${rest === '' ? '' : `${rest}. `}${view.next}`}
      </span>
    </li>
  )
}
