import type { Json, JournalDraft } from '../../contract/journal.ts'
import type { MigrationEvent } from '../../contract/migration.ts'
import { batchOf } from '../ledger.ts'
import type { MigrationsDeps } from './deps.ts'

const PAGE = 200

/**
 * Takes the databases' own events into the journal, each once. What this console did itself has its intent and outcome
 * there already; what others did, and what work and repair did, comes from here.
 */
export function createMirror(deps: MigrationsDeps) {
  const seen = new Map<string, number>()

  function entryOf(database: string, event: MigrationEvent): JournalDraft {
    return {
      kind: 'event',
      action: 'migration.event',
      operator: event.by,
      target: { migration: event.migration },
      summary: event.summary,
      reason: '',
      ticket: '',
      before: null,
      after: null,
      operationId: event.operationId,
      outcome: 'recorded',
      evidence: { database, event: event.id, at: event.at, kind: event.kind, evidence: event.evidence as Json },
    }
  }

  return async function mirror(database: string): Promise<void> {
    const target = deps.target(database)
    for (;;) {
      const events = await target.events(seen.get(database) ?? 0, PAGE)
      for (const event of events) {
        // Named by time too: a database made anew counts its events from one again.
        const id = `mirror:${database}:${event.id}:${Math.round(event.at)}`
        if (!deps.store.findOperation(id)) {
          const own = deps.store.findOperation(event.operationId) !== null
          const entries = await deps.store.commit(batchOf({ entries: own && event.kind === 'state' ? [] : [entryOf(database, event)], operation: { id, releaseId: `migration:${event.migration}` } }))
          for (const entry of entries) deps.publish({ kind: 'journal', entry })
        }
        seen.set(database, event.id)
      }
      if (events.length < PAGE) return
    }
  }
}
