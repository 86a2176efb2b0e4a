import type { MigrationWork } from '../../../../contract/migration.ts'
import type { MigrationContext } from '../context.ts'
import type { StopSignal } from '../../../../core/ports.ts'
import { firstBatch, halved, LEAST_ROWS, nextBatch, type BatchSize } from './batch-size.ts'
import { pageSql } from './backfill-sql.ts'
import { estimatedRows } from './estimated-rows.ts'
import { assertFence, beginCheckpoint, beginFenced, moveCheckpoint, moveText, readCheckpoint } from './checkpoints.ts'
import { compareKeys } from '../comparing/compare-rows.ts'
import { comparisons, fromSql, type Comparison } from '../comparing/compare-units.ts'
import { errorText, isCollision, isRowError, rest } from '../context.ts'
import { recordMismatches } from '../comparing/mismatches.ts'
import { countKeysSql, keyAtSql, keyOf, keyRecord, lastKeySql, statementValues, type Key, type KeyRange } from '../page.ts'
import { rowsOf, type Session } from '../session.ts'
import { restMs } from './throttle.ts'
import type { Throttle } from './throttle-loop.ts'
import { quotedTable, spoken } from '../units.ts'
import type { WorkProgress } from './work-progress.ts'

const WORK: MigrationWork = 'backfill'

/** Below the server's deadlock_timeout of 1 s: whatever this collides with, it is this that gives way. */
const LOCK_TIMEOUT_MS = 300

export interface BackfillRequest {
  readonly context: MigrationContext
  readonly session: Session
  /** Further connections: as many more pages are copied at once. */
  readonly lanes: readonly Session[]
  readonly throttle: Throttle
  readonly progress: WorkProgress
  readonly signal: StopSignal
}

/** Copies all rows that were there when it began, page by page, each with its checkpoint in one transaction. */
export async function backfill(request: BackfillRequest): Promise<'done' | 'stopped'> {
  const { context, signal } = request
  for (const comparison of comparisons(context.definition, context.tables, { phase: 'backfilling', writes: 'old' }, 'oldToNew')) {
    await backfillUnit(request, comparison)
    if (signal.aborted) return 'stopped'
  }
  return 'done'
}

async function backfillUnit(request: BackfillRequest, comparison: Comparison): Promise<void> {
  const { context, session, throttle, progress, signal } = request
  const { throttle: options } = context.definition
  const at = await started(session, context, comparison)
  progress.begin(spoken(comparison.unit.from), at.rowsDone, at.rowsTotal)
  if (at.done) return
  if (at.highKey === null || comparison.columns.length + comparison.toKey.length === 0) return finish(request, comparison, at.lastKey)
  const silence = await silenceSql(session, context.id, comparison)
  let size = firstBatch(options.maxBatchRows)
  let after = at.lastKey
  while (!signal.aborted) {
    const verdict = throttle.verdict()
    progress.waiting(verdict.reason)
    if (verdict.level !== 'run') {
      await rest(100, signal)
      continue
    }
    const pages = await nextPages(request, comparison, { after, upTo: at.highKey }, size.rows)
    const outcomes = await Promise.all(pages.map(({ range, rows }, lane) => copied({ ...request, session: request.lanes[lane - 1] ?? session, comparison, silence, size, checkpoint: lane === 0 }, range, rows)))
    if (outcomes.some((outcome) => outcome === 'stopped')) return
    const [first] = outcomes
    const last = pages.at(-1)
    if (first === 'smaller' || first === 'stopped' || first === undefined || !last) {
      size = halved(size)
      continue
    }
    // A later page that met locks is done again with the next, smaller ones.
    const whole = outcomes.findIndex((outcome) => outcome === 'smaller')
    const done = (whole === -1 ? outcomes : outcomes.slice(0, whole)).map((outcome) => (typeof outcome === 'object' ? outcome : { rows: 0, tookMs: 0 }))
    const rows = done.reduce((sum, outcome) => sum + outcome.rows, 0)
    after = pages[done.length - 1]?.range.upTo ?? last.range.upTo
    size = whole === -1 ? nextBatch(size, first, options.targetBatchMs, options.maxBatchRows) : halved(size)
    progress.batch(rows, size)
    if (done.length > 1) await moveCheckpoint(session, context.id, WORK, comparison.unit.name, comparison.key, { lastKey: after, rows: rows - first.rows, done: false, extra: null })
    if (whole === -1 && last.rows === null) return finish(request, comparison, after)
    await rest(restMs(options, Math.max(...done.map(({ tookMs }) => tookMs))), signal)
  }
}

/** The next page for each lane. `rows` null: the last one, not counted yet. */
async function nextPages({ session, lanes }: BackfillRequest, comparison: Comparison, left: KeyRange, rows: number): Promise<readonly { readonly range: KeyRange; readonly rows: number | null }[]> {
  const pages: { readonly range: KeyRange; readonly rows: number | null }[] = []
  for (let { after } = left; pages.length <= lanes.length; ) {
    const values = statementValues()
    const [next] = await rowsOf(session, keyAtSql(fromSql(comparison), comparison.key, { after, upTo: left.upTo }, rows - 1, values), values.list, (row) => keyOf(row, comparison.key))
    pages.push({ range: { after, upTo: next ?? left.upTo }, rows: next ? rows : null })
    if (!next) break
    after = next
  }
  return pages
}

type Copying = Omit<BackfillRequest, 'lanes'> & {
  readonly comparison: Comparison
  readonly silence: string
  readonly size: BatchSize
  /** The page moves the checkpoint, in its own transaction. One that is copied beside it is done again after a crash. */
  readonly checkpoint: boolean
}

type Copied = { readonly rows: number; readonly tookMs: number }

/** One page; halved where a row fails, until that row is alone and put into quarantine. `rows`: null when not counted yet. */
async function copied(copying: Copying, page: KeyRange, rows: number | null): Promise<Copied | 'stopped' | 'smaller'> {
  const { session, comparison, progress, signal } = copying
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    try {
      const count = rows ?? (await counted(session, comparison, page))
      return { rows: count, tookMs: await batch(copying, page, count) }
    } catch (error) {
      await session.query('ROLLBACK')
      if (isRowError(error)) return split(copying, page)
      if (!isCollision(error)) throw error
      // Rows of this page are locked by somebody: they come first, and a smaller page meets fewer of them.
      progress.waiting(attempt < 3 ? '' : `rows are locked by another session (${errorText(error)})`)
      await rest(Math.min(2000, 20 * 2 ** attempt) * (0.5 + Math.random()), signal)
      if (attempt === 2 && copying.size.rows > LEAST_ROWS) return 'smaller'
    }
  }
  return 'stopped'
}

/** One page in one transaction, in three trips to the server. Answers how long rows were locked, ms. */
async function batch({ context, session, comparison, silence, progress, checkpoint }: Copying, page: KeyRange, rows: number): Promise<number> {
  const values = statementValues()
  const begin = `BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}; ${silence}`
  await beginFenced(session, context, begin)
  const begun = performance.now()
  await session.query(pageSql(comparison, { range: page }, values), values.list)
  await session.query(`${checkpoint ? moveText(context.id, WORK, comparison.unit.name, comparison.key, { lastKey: page.upTo, rows, extra: progress.kept() }) : ''}; COMMIT`)
  return performance.now() - begun
}

async function split(copying: Copying, page: KeyRange): Promise<Copied | 'stopped'> {
  const { session, comparison } = copying
  const rows = await counted(session, comparison, page)
  if (rows <= 1) return alone(copying, page)
  const values = statementValues()
  const [middle] = await rowsOf(session, keyAtSql(fromSql(comparison), comparison.key, page, Math.ceil(rows / 2) - 1, values), values.list, (row) => keyOf(row, comparison.key))
  // Rows went away meanwhile; the page is tried as it is.
  if (!middle) return { rows: 0, tookMs: 0 }
  const halves: readonly KeyRange[] = [{ after: page.after, upTo: middle }, { after: middle, upTo: page.upTo }]
  let done = 0
  let tookMs = 0
  for (const half of halves) {
    const outcome = await copied({ ...copying, size: { ...copying.size, rows: LEAST_ROWS } }, half, null)
    if (outcome === 'stopped' || outcome === 'smaller') return 'stopped'
    done += outcome.rows
    tookMs = Math.max(tookMs, outcome.tookMs)
  }
  return { rows: done, tookMs }
}

/** The one row that fails: tried once more under its lock, so that no writer mends it between its failing and its record. */
async function alone(copying: Copying, page: KeyRange): Promise<Copied | 'stopped'> {
  const { context, session, comparison, silence, signal, checkpoint } = copying
  const { id, definition } = context
  for (;;) {
    if (signal.aborted) return 'stopped'
    try {
      await session.query(`BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}; ${silence}`)
      await assertFence(session, context)
      const locking = statementValues()
      const [key] = await rowsOf(session, `${keyAtSql(fromSql(comparison), comparison.key, page, 0, locking)} FOR UPDATE`, locking.list, (row) => keyOf(row, comparison.key))
      if (key) await quarantined(session, context, comparison, key, page)
      if (checkpoint) await moveCheckpoint(session, id, WORK, comparison.unit.name, comparison.key, { lastKey: page.upTo, rows: key ? 1 : 0, done: false, extra: null })
      await session.query('COMMIT')
      if (key) {
        const seen = await compareKeys(session, comparison, [key], 'mirror')
        await recordMismatches(session, id, definition.verify.ignore, seen.found, Date.now())
      }
      return { rows: key ? 1 : 0, tookMs: 0 }
    } catch (error) {
      await session.query('ROLLBACK')
      if (!isCollision(error)) throw error
      await rest(50 * (0.5 + Math.random()), signal)
    }
  }
}

async function quarantined(session: Session, { id }: MigrationContext, comparison: Comparison, key: Key, page: KeyRange): Promise<void> {
  await session.query('SAVEPOINT row')
  try {
    const values = statementValues()
    await session.query(pageSql(comparison, { range: page }, values), values.list)
  } catch (error) {
    if (!isRowError(error)) throw error
    await session.query('ROLLBACK TO SAVEPOINT row')
    await session.query(
      `INSERT INTO signalbox.quarantine (migration, unit, key, error) VALUES ($1, $2, $3, $4) ON CONFLICT (migration, unit, key) DO UPDATE SET error = excluded.error, at = clock_timestamp()`,
      [id, comparison.unit.name, JSON.stringify(keyRecord(key, comparison.key)), errorText(error)],
    )
  }
}

async function finish({ context, session, progress }: BackfillRequest, comparison: Comparison, lastKey: Key | null): Promise<void> {
  await session.query('BEGIN')
  await assertFence(session, context)
  await moveCheckpoint(session, context.id, WORK, comparison.unit.name, comparison.key, { lastKey, rows: 0, done: true, extra: progress.kept() })
  await session.query('COMMIT')
}

/** Where it was, or the frozen end of a new beginning. */
async function started(session: Session, { id }: MigrationContext, comparison: Comparison) {
  const before = await readCheckpoint(session, id, WORK, comparison.unit.name, comparison.key)
  if (before) return before
  const [highKey = null] = await rowsOf(session, lastKeySql(fromSql(comparison), comparison.key), [], (row) => keyOf(row, comparison.key))
  const rowsTotal = await estimatedRows(session, comparison)
  await beginCheckpoint(session, id, WORK, comparison.unit.name, comparison.key, { highKey, rowsTotal })
  return { lastKey: null, highKey, rowsDone: 0, rowsTotal, done: false, startedAtMs: 0, extra: {} }
}

async function counted(session: Session, comparison: Comparison, page: KeyRange): Promise<number> {
  const values = statementValues()
  const [rows = 0] = await rowsOf(session, countKeysSql(fromSql(comparison), comparison.key, page, values), values.list, ({ rows }) => Number(rows))
  return rows
}

/**
 * What comes before a page in its transaction. The mirror's triggers look at the first setting. Triggers of the
 * application would act on rows that nobody changed (a column `updated_at`); they are silenced where that is allowed,
 * and where it is not, the mirror still follows what they change.
 */
async function silenceSql(session: Session, id: string, comparison: Comparison): Promise<string> {
  const guard = `SET LOCAL signalbox.backfill = '${id}'`
  if (!comparison.unit.sameRow) return guard
  const [others] = await rowsOf(session, OTHER_TRIGGERS_SQL, [quotedTable(comparison.from)], (row) => ({ may: row['may_silence'] === true, any: row['any'] === true, always: row['always'] === true }))
  return others?.any && others.may && !others.always ? `${guard}; SET LOCAL session_replication_role = replica` : guard
}

const OTHER_TRIGGERS_SQL = `
SELECT count(*) > 0 AS any, coalesce(bool_or(tgenabled IN ('A', 'R')), false) AS always,
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS may_silence
FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal AND tgname NOT LIKE 'zzz\\_signalbox\\_%' AND tgenabled <> 'D' AND tgtype & 16 = 16`
