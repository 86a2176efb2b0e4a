import { z } from 'zod'
import { Fault } from '../../../../contract/fault.ts'
import { migrationStateSchema } from '../../../../contract/migration.ts'
import type { MigrationState, MigrationStep } from '../../../../contract/migration.ts'
import type { AppliedStep, ApplyStep } from '../../../../core/migration/ports.ts'
import { driftOf } from './drift.ts'
import { addEvent } from '../events.ts'
import { oldTables, readFacts } from '../facts.ts'
import type { TableDetail } from '../facts.ts'
import { isLockTrouble } from '../database-fault.ts'
import { installControl } from './install.ts'
import { oldHolders } from '../copying/lock-holders.ts'
import { beginSql, rowsOf } from '../session.ts'
import type { Session, Sessions } from '../session.ts'
import { readStanding } from './standing.ts'
import { lockStatements, stepSql, stepText } from './structure.ts'
import type { StepSql, Structure } from './structure.ts'

/** Steps after which more of the new structure stands: refused when someone else changed what they build on. */
const FORWARD: ReadonlySet<MigrationStep> = new Set(['expand', 'setReads', 'tombstone', 'drop'])
/** Between two looks at who holds the tables. */
const LOOK_AGAIN_MS = 25
/** So often at most it waits in line although someone has held the table for long: a queue of readers never ends by itself. */
const WAIT_IN_LINE_EACH_MS = 1000

const appliedSchema = z.object({ applied: z.object({ tookMs: z.number(), attempts: z.number(), sql: z.string() }) })

interface StoredRow {
  readonly revision: number
  readonly epoch: number
  readonly state: MigrationState | null
  readonly structure: readonly TableDetail[]
}

/** Runs a step and its change of state as one transaction, tried again while its locks are not to be had. */
export async function applyStep(sessions: Sessions, request: ApplyStep): Promise<AppliedStep> {
  const startedAt = performance.now()
  await installControl(sessions)
  const before = await sessions.use((session) => answeredBefore(session, request))
  if (before) return before
  const lockTimeoutMs = request.next.definition.policy.lockTimeoutMs
  let attempts = 0
  let holders: readonly string[] = []
  let inLineAt = performance.now()
  const left = () => request.deadlineMs - (performance.now() - startedAt)
  for (;;) {
    const sql = await sessions.use((session) => planned(session, request))
    holders = sql.locks.length > 0 ? await sessions.use((session) => oldHolders(session, sql.locks, lockTimeoutMs)) : []
    if (holders.length === 0 || performance.now() - inLineAt >= WAIT_IN_LINE_EACH_MS || left() <= 0) {
      if (holders.length > 0) inLineAt = performance.now()
      attempts += 1
      const done = await attempt(sessions, request, { lockTimeoutMs, attempts, startedAt })
      if (done) return done
    }
    if (left() <= 0) {
      throw new Fault('timeout', `The locks of the step ${request.step} were not to be had within ${Math.round(request.deadlineMs)} ms${holders.length > 0 ? `; held by ${holders.join(', ')}` : ''}. Nothing was changed.`, 'Let what holds the tables end, then try again.')
    }
    await new Promise((resolve) => setTimeout(resolve, holders.length > 0 ? LOOK_AGAIN_MS : jitterMs(lockTimeoutMs, attempts)))
  }
}

/** Grows to a second, never in step with other tries. */
function jitterMs(lockTimeoutMs: number, attempts: number): number {
  const whole = Math.min(1000, lockTimeoutMs * 2 ** Math.min(attempts - 1, 5))
  return whole * (0.5 + Math.random())
}

async function answeredBefore(session: Session, { event, next }: ApplyStep): Promise<AppliedStep | null> {
  const [found] = await rowsOf(session, `SELECT id::int, evidence FROM signalbox.events WHERE operation_id = $1 AND migration = $2 AND evidence ? 'applied' ORDER BY id LIMIT 1`, [event.operationId, next.id], (row) => row)
  if (!found) return null
  return { eventId: Number(found['id']), ...appliedSchema.parse(found['evidence']).applied }
}

/** Looks without locking what the step is going to run; runs what goes before its transaction. */
async function planned(session: Session, request: ApplyStep): Promise<StepSql> {
  const row = await storedRow(session, request.next.id, '')
  const { sql } = await checkedSql(session, request, row)
  for (const statement of sql.before) {
    await session.query(`SET lock_timeout = ${request.next.definition.policy.lockTimeoutMs}; SET statement_timeout = ${request.next.definition.policy.statementTimeoutMs}`)
    await retried(session, statement)
    await session.query('RESET lock_timeout; RESET statement_timeout')
  }
  return sql
}

async function retried(session: Session, statement: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await session.query(statement)
      return
    } catch (error) {
      if (!isLockTrouble(error) || tries >= 100) throw error
      await new Promise((resolve) => setTimeout(resolve, jitterMs(50, tries)))
    }
  }
}

async function checkedSql(session: Session, request: ApplyStep, row: StoredRow | null): Promise<{ readonly sql: StepSql; readonly facts: readonly TableDetail[]; readonly standing: Structure }> {
  const { next, step } = request
  const revision = row?.revision ?? 0
  const underWay = row?.state ? row.state.phase !== 'completed' && row.state.phase !== 'rolledBack' : false
  if (row && row.epoch !== request.ownership.epoch) throw new Fault('staleFence', `Another console took over migration ${next.id}.`, 'Look at what it did; take it over again when it should be driven from here.')
  if (request.expectRevision === 0 ? underWay : revision !== request.expectRevision) {
    throw new Fault('staleRevision', `Migration ${next.id} is at revision ${revision}, not ${request.expectRevision}: it has changed since this was decided.`, 'Look at it again.')
  }
  const standing = await readStanding(session, next)
  const fresh = step === 'createShadow' || row === null || row.structure.length === 0
  const facts = fresh ? await readFacts(session, oldTables(next.definition.change)) : row.structure
  if (FORWARD.has(step) || (step === 'setWrites' && next.writes === 'new')) {
    const breaking = (await driftOf(session, { definition: next.definition, facts, standing, writes: row?.state?.writes ?? 'old' })).filter(({ breaks }) => breaks)
    if (breaking.length > 0) throw new Fault('interlocked', `The structure was changed by someone else: ${breaking.map(({ words }) => words).join('; ')}.`, 'Undo that change, or roll the migration back and start it again.')
  }
  const { serverVersion, role } = await place(session)
  const sql = stepSql({ definition: next.definition, tables: facts, serverVersion, role }, step, { readsPercent: next.readsPercent, writes: next.writes, standing })
  return { sql, facts, standing }
}

async function attempt(sessions: Sessions, request: ApplyStep, run: { readonly lockTimeoutMs: number; readonly attempts: number; readonly startedAt: number }): Promise<AppliedStep | null> {
  const { next, event } = request
  return sessions.use(async (session) => {
    try {
      await session.query(beginSql({ lockTimeoutMs: run.lockTimeoutMs, statementTimeoutMs: next.definition.policy.statementTimeoutMs }))
      const row = await storedRow(session, next.id, 'FOR UPDATE')
      const again = await answeredBefore(session, request)
      if (again) {
        await session.query('ROLLBACK')
        return again
      }
      const { sql, facts } = await checkedSql(session, request, row)
      const text = stepText(sql)
      await session.query(
        `INSERT INTO signalbox.migrations (id, revision, state, epoch, structure) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET revision = EXCLUDED.revision, state = EXCLUDED.state, structure = EXCLUDED.structure`,
        [next.id, next.revision, JSON.stringify(next), request.ownership.epoch, JSON.stringify(facts)],
      )
      const tookMs = Math.round(performance.now() - run.startedAt)
      const evidence = { ...(typeof event.evidence === 'object' && event.evidence !== null && !Array.isArray(event.evidence) ? event.evidence : { given: event.evidence ?? null }), applied: { tookMs, attempts: run.attempts, sql: text } }
      const eventId = await addEvent(session, { migration: next.id, kind: event.kind, summary: event.summary, operationId: event.operationId, by: event.by, evidence })
      if (sql.first.length > 0) await session.query(sql.first.join('\n'))
      const waitUntil = performance.now() + run.lockTimeoutMs
      for (const statement of lockStatements(sql)) {
        // All locks together are waited for no longer than one may be: whoever queues behind the first waits for the last.
        await session.query(`SET LOCAL lock_timeout = ${Math.max(1, Math.round(waitUntil - performance.now()))}; ${statement}`)
      }
      // What follows, commit and all, is one message: the locks are held for no round trip.
      await session.query([...sql.statements, 'COMMIT'].join('\n'))
      return { eventId, tookMs: Math.round(performance.now() - run.startedAt), attempts: run.attempts, sql: text }
    } catch (error) {
      if (!isLockTrouble(error)) throw error
      await session.query('ROLLBACK')
      return null
    }
  })
}

async function storedRow(session: Session, id: string, locking: '' | 'FOR UPDATE'): Promise<StoredRow | null> {
  const [row] = await rowsOf(session, `SELECT revision, epoch::float8 AS epoch, state, structure FROM signalbox.migrations WHERE id = $1 ${locking}`, [id], (found) => found)
  if (!row) return null
  const revision = Number(row['revision'])
  return { revision, epoch: Number(row['epoch']), state: revision === 0 ? null : migrationStateSchema.parse(row['state']), structure: Array.isArray(row['structure']) ? (row['structure'] as TableDetail[]) : [] }
}

/** Where SQL is made for: the server's version and the role that will own what is made. */
export async function place(session: Session): Promise<{ readonly serverVersion: number; readonly role: string }> {
  const [found] = await rowsOf(session, `SELECT current_setting('server_version_num')::int AS version, current_user::text AS role`, [], (row) => ({ serverVersion: Number(row['version']), role: String(row['role']) }))
  return found ?? { serverVersion: 0, role: '' }
}
