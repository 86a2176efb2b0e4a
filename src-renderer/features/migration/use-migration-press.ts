import { useQueryClient } from '@tanstack/react-query'
import type { MigrationAction, MigrationView } from '../../../src-main/contract/migration.ts'
import { useConsole } from '../../lib/console-context.tsx'
import { formatCount, plural } from '../../lib/format.ts'
import { useValue } from '../../lib/value-store.ts'

/** The newest act on a migration on this screen, if any. */
export function useMigrationAct(migration: string) {
  const { migrationActs } = useConsole()
  return useValue(migrationActs.state, (all) => all.get(migration) ?? null)
}

export function findMigrationAction(view: MigrationView | null, command: MigrationAction['command']): MigrationAction | null {
  return view?.actions.find((action) => action.command === command) ?? null
}

/** The revision that was looked at; none while nothing is started or its database cannot be read. */
function revisionOf(view: MigrationView): number | null {
  return view.observed.kind === 'known' && view.observed.value ? view.observed.value.state.revision : null
}

/** Sends one of the migration's actions, once per press, on the revision the operator saw. */
export function usePressMigration() {
  const { migrationActs, session } = useConsole()
  const queries = useQueryClient()
  return async (view: MigrationView, action: MigrationAction, extra: { readonly reason?: string; readonly typed?: string; readonly ids?: readonly string[] | 'all'; readonly label?: string } = {}): Promise<boolean> => {
    const { id: migration } = view
    const { command } = action
    const reason = extra.reason ?? ''
    const done = await migrationActs.press({
      migration,
      command,
      label: extra.label ?? action.label,
      send: (operationId) =>
        session.call(async (client) => {
          if (command === 'preflight') {
            const report = await client.migration.preflight({ migration })
            queries.setQueryData(['migration.preflight', migration], report)
            const blockers = report.checks.filter((check) => check.state === 'blocker').length
            return blockers === 0 ? `no blocker in ${plural(report.checks.length, 'check')}` : plural(blockers, 'blocker')
          }
          if (command === 'rehearse') return (await client.migration.rehearse({ migration, operationId })).rehearsal?.summary ?? ''
          if (command === 'repair') {
            const { repaired, left } = await client.migration.repair({ migration, ids: extra.ids === undefined || extra.ids === 'all' ? 'all' : [...extra.ids], reason, operationId })
            return `${plural(repaired, 'row')} repaired, ${formatCount(left)} left`
          }
          const revision = revisionOf(view)
          // Roll back is decided on what is seen now, whatever happened in between.
          await client.migration.command({ migration, command, reason, typed: extra.typed ?? '', ...(command === 'rollBack' || revision === null ? {} : { expectedRevision: revision }), operationId })
          return ''
        }),
    })
    if (command === 'repair') void queries.invalidateQueries({ queryKey: ['migration.mismatches', migration] })
    return done
  }
}

/** Does an action the way its weight asks for: at once, after a confirm, or after the id was typed. */
export function useRunMigration() {
  const { ui } = useConsole()
  const press = usePressMigration()
  return (view: MigrationView, action: MigrationAction) => {
    if (action.blocks.length > 0) return
    if (action.command === 'rollBack' || action.command === 'repair' || action.weight === 'irreversible') ui.set((before) => ({ ...before, migrationConfirm: { id: view.id, command: action.command } }))
    else void press(view, action)
  }
}
