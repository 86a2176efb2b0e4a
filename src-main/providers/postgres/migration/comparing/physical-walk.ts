import { listedAndCounted, NOTHING_COMPARED, together, type Compared } from './compare-rows.ts'
import { countSql } from './compare-sql.ts'
import type { Comparison } from './compare-units.ts'
import { isRowError, isTimeout } from '../context.ts'
import type { StopSignal } from '../../../../core/ports.ts'
import { statementValues } from '../page.ts'
import { rowsOf, type Session } from '../session.ts'
import type { ThrottleVerdict } from '../copying/throttle.ts'
import { quotedTable } from '../units.ts'
import type { WorkProgress } from '../copying/work-progress.ts'

/** A snapshot holds vacuum back; so one is kept for tables that are walked in some seconds only. */
const MOST_ROWS = 5_000_000

export interface PhysicalRequest {
  readonly sessions: readonly Session[]
  readonly verdict: () => ThrottleVerdict
  readonly signal: StopSignal
  readonly progress: WorkProgress
  readonly chunkRows: number
}

/**
 * Compares a table in the order it is stored, at the speed of a plain scan, on several connections under one snapshot: a
 * row that moves meanwhile is still seen where it was, once. Null where that does not fit (the table is too large, a
 * transform fails, it has to wait): then it is walked by its key. Nothing is recorded here.
 */
export async function physicalWalk(request: PhysicalRequest, comparison: Comparison, rowsTotal: number): Promise<Compared | null> {
  const { sessions, chunkRows } = request
  const [first, ...others] = sessions
  if (!first || !comparison.unit.sameRow || rowsTotal > MOST_ROWS) return null
  try {
    await first.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    const [place] = await rowsOf(first, PLACE_SQL, [quotedTable(comparison.from)], (row) => ({ snapshot: String(row['snapshot']), blocks: Number(row['blocks']) }))
    if (!place) return null
    for (const other of others) await other.query(`BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET TRANSACTION SNAPSHOT '${place.snapshot}'`)
    const step = Math.max(1, Math.ceil((place.blocks * chunkRows) / Math.max(rowsTotal, 1)))
    let next = 0
    const take = () => {
      const from = next
      next += step
      return from < place.blocks ? { from, upTo: next >= place.blocks ? null : next } : null
    }
    const lanes = await Promise.all(sessions.map((session) => lane(request, session, comparison, take)))
    return lanes.includes(null) ? null : lanes.filter((compared) => compared !== null).reduce(together)
  } catch (error) {
    if (!isRowError(error) && !isTimeout(error)) throw error
    return null
  } finally {
    for (const session of sessions) await session.query('ROLLBACK').catch(() => undefined)
  }
}

/** One connection's share: chunk after chunk until none is left. Null: it has to stop. */
async function lane({ verdict, signal, progress, chunkRows }: PhysicalRequest, session: Session, comparison: Comparison, take: () => { readonly from: number; readonly upTo: number | null } | null): Promise<Compared | null> {
  let all: Compared = NOTHING_COMPARED
  const size = { rows: chunkRows, recentMs: [] }
  for (let blocks = take(); blocks; blocks = take()) {
    if (signal.aborted || verdict().level !== 'run') return null
    const values = statementValues()
    const [counted] = await rowsOf(session, countSql(comparison, { blocks }, values), values.list, ({ rows, different, standing }) => ({ rows: Number(rows), different: Number(different), standing }))
    if (counted?.standing !== comparison.standing.text) return { ...all, overtaken: true }
    const compared = await listedAndCounted(session, comparison, { blocks }, counted, 'fullPass')
    if (compared === null) return { ...all, overtaken: true }
    all = together(all, compared)
    progress.batch(counted.rows, size)
  }
  return all
}

const PLACE_SQL = `SELECT pg_export_snapshot() AS snapshot, pg_relation_size(c.oid) / current_setting('block_size')::int AS blocks FROM pg_class c WHERE c.oid = to_regclass($1) AND c.relkind = 'r'`
