import { Band, Skeleton } from '../components/pane.tsx'
import { StateMark } from '../components/state-mark.tsx'
import { AnyBackLever } from '../features/acts/any-back-lever.tsx'
import { MigrationList } from '../features/migration/migration-list.tsx'
import { attentionOf, isOver } from '../features/migration/migration-words.ts'
import { useMigrations, useReady, useTitle } from '../lib/console-context.tsx'
import { plural } from '../lib/format.ts'

export function MigrationsRoute() {
  const ready = useReady()
  const migrations = useMigrations()
  useTitle('Migrations')
  return (
    <>
      <Band title={ready ? plural(migrations.length, 'migration') : 'Migrations'} sentence={ready ? <MigrationsSentence /> : 'Connecting.'} levers={<AnyBackLever />} />
      <main className="flex min-h-0 flex-1 flex-col bg-bg-1">{ready ? <MigrationList /> : <Skeleton rows={8} />}</main>
    </>
  )
}

/** All of them in one sentence; what is fine is not mentioned. */
function MigrationsSentence() {
  const migrations = useMigrations()
  if (migrations.length === 0) return 'None is declared in this workspace.'
  const moving = migrations.filter((view) => !isOver(view.phase) && view.phase !== 'planned')
  const count = (state: string) => migrations.filter((view) => attentionOf(view, view.observed.kind === 'known' ? view.observed.value : null) === state).length
  const [failing, watch, unknown] = [count('fail'), count('watch'), count('unknown')]
  return (
    <>
      {moving.length === 0 ? 'None is under way' : `${moving.length} under way`}
      {failing > 0 && (
        <>
          , <StateMark state="fail">{failing} stopped</StateMark>
        </>
      )}
      {watch > 0 && (
        <>
          , <StateMark state="watch">{watch} on watch</StateMark>
        </>
      )}
      {unknown > 0 && (
        <>
          , <StateMark state="unknown">{unknown} cannot be read</StateMark>
        </>
      )}
      .
    </>
  )
}
