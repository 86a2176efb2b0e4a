import type { MigrationView } from '../../../src-main/contract/migration.ts'
import { useLastReading, useMigration } from '../../lib/console-context.tsx'
import type { LastReading } from '../../lib/live-store.ts'

/** A migration as it is, or as it was when its database was last read: where it is does not change by not being seen. */
export function useMigrationView(id: string): MigrationView | null {
  const view = useMigration(id)
  const last = useLastReading(id)
  return view && lastKnown(view, last)
}

/** What can be pressed is always of now. */
export function lastKnown(view: MigrationView, last: LastReading | null): MigrationView {
  if (view.observed.kind === 'known' || !last) return view
  const { phase, stage, stages, rollBackWords, headline, gates, definition, tables, title } = last.view
  return { ...view, phase, stage, stages, rollBackWords, headline, gates, definition, tables, title }
}
