import type { MigrationView } from '../../contract/migration.ts'
import type { WaitingItem } from '../../contract/service.ts'
import { count, openMismatches } from './gates.ts'

/** What of a migration waits for a person. */
export function waitingFor(view: MigrationView): readonly WaitingItem[] {
  const reading = view.observed.kind === 'known' ? view.observed.value : null
  if (!reading || view.phase === 'completed' || view.phase === 'rolledBack') return []
  const { state } = reading
  const items: WaitingItem[] = []
  const add = (key: string, title: string, detail: string, since: number, expiresAt: number | null = null) =>
    items.push({ id: `migration:${view.id}:${key}`, service: view.title, releaseId: null, migration: view.id, kind: 'migration', title, detail, since, expiresAt })
  if (state.failure) add('failed', 'Stopped', `${state.failure.fault.message} ${state.failure.fault.next}`, state.failure.at)
  if (state.paused) add('paused', state.paused.why === '' ? 'Paused' : 'Asks', state.paused.why === '' ? `Paused by ${state.paused.by.name}.` : state.paused.why, state.paused.at)
  const open = openMismatches(reading)
  if (open > 0) add('mismatches', 'Mismatches', `${count(open)} open: repair them, or decide.`, state.phaseSince)
  const advance = view.actions.find(({ command }) => command === 'advance')
  if (advance && advance.blocks.every(({ rule }) => rule === 'typed')) add('advance', 'Next phase', `${advance.label}. ${advance.effect}`, Math.max(state.phaseSince, state.dueAt ?? 0))
  else if (advance?.blocks.length === 1 && advance.blocks[0]?.rule === 'gate:approval') add('approval', 'Approval', `${advance.label} waits for approval.`, Math.max(state.phaseSince, state.dueAt ?? 0))
  return items
}
