import type { MigrationEvent } from '../../../contract/migration.ts'
import { migrationEventSchema } from '../../../contract/migration.ts'
import type { Operator } from '../../../contract/release.ts'
import { rowsOf } from './session.ts'
import type { Session } from './session.ts'

export interface NewEvent {
  readonly migration: string
  readonly kind: string
  readonly summary: string
  readonly operationId: string
  readonly by: Operator
  readonly evidence: unknown
}

/** Adds one event in the transaction of what it tells of. Answers with its id. */
export async function addEvent(session: Session, event: NewEvent): Promise<number> {
  const [id] = await rowsOf(
    session,
    'INSERT INTO signalbox.events (migration, kind, summary, operation_id, by, evidence) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id::int',
    [event.migration, event.kind, event.summary, event.operationId, JSON.stringify(event.by), JSON.stringify(event.evidence ?? null)],
    (row) => Number(row['id']),
  )
  return id ?? 0
}

/** Oldest first. */
export async function readEvents(session: Session, afterId: number, limit: number): Promise<readonly MigrationEvent[]> {
  return rowsOf(
    session,
    `SELECT id::int, migration, (extract(epoch FROM at) * 1000)::float8 AS at, kind, summary, operation_id AS "operationId", by, evidence
     FROM signalbox.events WHERE id > $1 ORDER BY id LIMIT $2`,
    [afterId, limit],
    (row) => migrationEventSchema.parse(row),
  )
}
