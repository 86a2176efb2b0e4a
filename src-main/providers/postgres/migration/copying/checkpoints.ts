import { escapeLiteral } from 'pg'
import type { MigrationWork } from '../../../../contract/migration.ts'
import { Fault } from '../../../../contract/fault.ts'
import type { MigrationContext } from '../context.ts'
import { keyFromRecord, keyRecord, type Key, type KeyColumn } from '../page.ts'
import { rowsOf, type Session } from '../session.ts'

/** Where one work on one unit is. */
export interface Checkpoint {
  readonly lastKey: Key | null
  /** Last key when it began: what comes later is right already. Null: no rows then. */
  readonly highKey: Key | null
  readonly rowsDone: number
  readonly rowsTotal: number
  readonly done: boolean
  readonly startedAtMs: number
  readonly extra: Readonly<Record<string, unknown>>
}

/** `watch`: what continuous comparing counted. */
export type CheckpointWork = MigrationWork | 'watch'

export async function readCheckpoint(session: Session, migration: string, work: CheckpointWork, unit: string, key: readonly KeyColumn[]): Promise<Checkpoint | null> {
  const [row] = await rowsOf(
    session,
    `SELECT last_key, high_key, rows_done, rows_total, done, extract(epoch FROM started_at) * 1000 AS started_at, extra FROM signalbox.checkpoints WHERE migration = $1 AND work = $2 AND unit = $3`,
    [migration, work, unit],
    (row): Checkpoint => ({
      lastKey: keyFromRecord(row['last_key'] as Record<string, unknown> | null, key),
      highKey: keyFromRecord(row['high_key'] as Record<string, unknown> | null, key),
      rowsDone: Number(row['rows_done']),
      rowsTotal: Number(row['rows_total']),
      done: row['done'] === true,
      startedAtMs: Math.round(Number(row['started_at'])),
      extra: (row['extra'] as Record<string, unknown> | null) ?? {},
    }),
  )
  return row ?? null
}

/** Begins anew, whatever was there. */
export async function beginCheckpoint(session: Session, migration: string, work: CheckpointWork, unit: string, key: readonly KeyColumn[], at: { readonly highKey: Key | null; readonly rowsTotal: number }): Promise<void> {
  await session.query(
    `INSERT INTO signalbox.checkpoints (migration, work, unit, high_key, rows_total) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (migration, work, unit) DO UPDATE SET last_key = NULL, high_key = excluded.high_key, rows_done = 0, rows_total = excluded.rows_total, done = false, started_at = clock_timestamp(), updated_at = clock_timestamp(), extra = NULL`,
    [migration, work, unit, at.highKey ? JSON.stringify(keyRecord(at.highKey, key)) : null, at.rowsTotal],
  )
}

/** Moves on, in the transaction of the session if there is one. */
export async function moveCheckpoint(
  session: Session,
  migration: string,
  work: CheckpointWork,
  unit: string,
  key: readonly KeyColumn[],
  to: { readonly lastKey: Key | null; readonly rows: number; readonly done: boolean; readonly extra: object | null },
): Promise<void> {
  await session.query(
    `UPDATE signalbox.checkpoints SET last_key = coalesce($4::jsonb, last_key), rows_done = rows_done + $5, done = $6, extra = coalesce($7::jsonb, extra), updated_at = clock_timestamp()
    WHERE migration = $1 AND work = $2 AND unit = $3`,
    [migration, work, unit, to.lastKey ? JSON.stringify(keyRecord(to.lastKey, key)) : null, to.rows, to.done, to.extra ? JSON.stringify(to.extra) : null],
  )
}

/** The same as text, to be sent with others. */
export function moveText(migration: string, work: CheckpointWork, unit: string, key: readonly KeyColumn[], to: { readonly lastKey: Key | null; readonly rows: number; readonly extra: object }): string {
  const lastKey = to.lastKey ? `${escapeLiteral(JSON.stringify(keyRecord(to.lastKey, key)))}::jsonb` : 'last_key'
  return `UPDATE signalbox.checkpoints SET last_key = ${lastKey}, rows_done = rows_done + ${to.rows}, extra = ${escapeLiteral(JSON.stringify(to.extra))}::jsonb, updated_at = clock_timestamp()
    WHERE migration = ${escapeLiteral(migration)} AND work = ${escapeLiteral(work)} AND unit = ${escapeLiteral(unit)}`
}

/** Every batch asks, and keeps the answer true until it commits: a console that was overtaken writes nothing more. */
export async function assertFence(session: Session, { id, epoch }: Pick<MigrationContext, 'id' | 'epoch'>): Promise<void> {
  const [row] = await rowsOf(session, 'SELECT epoch, owner FROM signalbox.migrations WHERE id = $1 FOR SHARE', [id], (row) => row)
  refuseStale(row, { id, epoch })
}

/** The same as the end of what begins a transaction, in one trip. */
export async function beginFenced(session: Session, fence: Pick<MigrationContext, 'id' | 'epoch'>, begin: string): Promise<void> {
  const results: unknown = await session.query(`${begin}; SELECT epoch, owner FROM signalbox.migrations WHERE id = ${escapeLiteral(fence.id)} FOR SHARE`)
  const last = (results as readonly { readonly rows: readonly Readonly<Record<string, unknown>>[] }[]).at(-1)
  refuseStale(last?.rows[0], fence)
}

function refuseStale(row: Readonly<Record<string, unknown>> | undefined, { id, epoch }: Pick<MigrationContext, 'id' | 'epoch'>): void {
  const owner = typeof row?.['owner'] === 'string' ? row['owner'] : 'nobody'
  if (!row) throw new Fault('staleFence', `The migration ${id} is not in this database any more. This console stopped working on it.`, 'Look at the state of the migration again.')
  if (Number(row['epoch']) !== epoch) throw new Fault('staleFence', `The migration ${id} is driven by ${owner} now. This console stopped working on it; nothing of it is half done.`, 'Watch it from here, or take it over.')
}
