import type { MigrationView } from '../../../src-main/contract/migration.ts'
import { attentionOf, isOver } from './migration-words.ts'

/** Smaller needs a person sooner. */
function rank(view: MigrationView): number {
  const reading = view.observed.kind === 'known' ? view.observed.value : null
  const state = attentionOf(view, reading)
  if (state === 'fail') return 0
  if (view.phase === 'rollingBack') return 1
  if (state === 'unknown') return 2
  if (isOver(view.phase)) return 6
  if (view.phase === 'planned') return 5
  return state === 'watch' ? 3 : 4
}

export function sortMigrations(views: readonly MigrationView[]): readonly MigrationView[] {
  return views.toSorted((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1))
}
