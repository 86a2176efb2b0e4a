import type { MigrationContext } from '../context.ts'
import type { StopSignal } from '../../../../core/ports.ts'
import { DOUBLE, isDouble, type Found, type TextRow } from './compare-classify.ts'
import { comparisonsOf, fromSql, type Comparison } from './compare-units.ts'
import { isRowError } from '../context.ts'
import { fullPass } from './full-pass.ts'
import { recordMismatches, settleMismatches, unsettled } from './mismatches.ts'
import { keyOf, keyRecord, keyTexts } from '../page.ts'
import { rowsOf, type Session } from '../session.ts'
import type { Throttle } from '../copying/throttle-loop.ts'
import type { WorkProgress } from '../copying/work-progress.ts'

export interface ScanRequest {
  readonly context: MigrationContext
  readonly session: Session
  readonly throttle: Throttle
  readonly progress: WorkProgress
  readonly signal: StopSignal
}

const LISTED = 500

/**
 * Tries the new shape on all rows without writing any: transforms that fail, values that would not come back,
 * constraints that do not hold, chunk by chunk; then what would not be unique, in one statement each.
 */
export async function shadowScan({ context, session, throttle, progress, signal }: ScanRequest): Promise<'done' | 'stopped'> {
  const startedAt = new Date()
  const verdict = () => throttle.verdict()
  const outcome = await fullPass({ work: 'shadowScan', context, sessions: [session], verdict, progress, signal, restRatio: context.definition.throttle.niceRatio / 5 })
  if (outcome === 'stopped' || outcome === 'overtaken') return 'stopped'
  for (const comparison of comparisonsOf(context)) {
    for (const { words, expressions } of comparison.unique) {
      if (signal.aborted) return 'stopped'
      const found = await doubles(session, comparison, words, expressions)
      await recordMismatches(session, context.id, context.definition.verify.ignore, found, Date.now())
    }
  }
  const before = await unsettled(session, context.id, LISTED, { before: startedAt })
  await settleMismatches(session, before.filter(({ detail }) => isDouble(detail)).map(({ id }) => id), 'gone')
  return 'done'
}

/** Rows that share a value. Where a transform fails this cannot be told; the pass has named those rows already. */
async function doubles(session: Session, comparison: Comparison, words: string, expressions: readonly string[]): Promise<readonly Found[]> {
  const list = expressions.join(', ')
  const given = expressions.map((expression) => `${expression} IS NOT NULL`).join(' AND ')
  const from = `${fromSql(comparison)} AS f WHERE ${given}`
  try {
    const [any] = await rowsOf(session, `SELECT EXISTS (SELECT FROM ${from} GROUP BY ${list} HAVING count(*) > 1) AS any`, [], ({ any }) => any === true)
    if (any !== true) return []
    const texts = expressions.map((expression) => `(${expression})::text`).join(', ')
    return await rowsOf(
      session,
      `SELECT * FROM (SELECT ${keyTexts(comparison.key)}, concat_ws(', ', ${texts}) AS value, count(*) OVER (PARTITION BY ${list}) AS many FROM ${from}) d WHERE many > 1 LIMIT ${LISTED}`,
      [],
      (row) => doubled(comparison, words, keyRecord(keyOf(row, comparison.key), comparison.key), { [words]: String(row['value']) }, Number(row['many'])),
    )
  } catch (error) {
    if (!isRowError(error)) throw error
    return []
  }
}

function doubled(comparison: Comparison, words: string, key: Readonly<Record<string, string>>, value: TextRow, many: number): Found {
  return { unit: comparison.unit.name, class: 'rejected', key, columns: [words], old: null, new: value, foundBy: 'shadowScan', detail: `${DOUBLE}: ${words} '${value[words] ?? ''}' is on ${many} rows`, differences: [] }
}
