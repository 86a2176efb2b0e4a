import { classify } from './compare-classify.ts'
import { compareKeys } from './compare-rows.ts'
import { fromSql, type Comparison } from './compare-units.ts'
import { errorText, isRowError, sqlState, type MigrationContext } from '../context.ts'
import { recordMismatches } from './mismatches.ts'
import { schemaNames } from '../names.ts'
import { keyRecord, statementValues, withinKeys, type Key } from '../page.ts'
import { checked } from './written-keys.ts'
import type { Session } from '../session.ts'
import { quoted, quotedTable } from '../units.ts'

export type ReadOutcome = { readonly result: 'same' | 'different' | 'unverifiable' | 'overtaken'; readonly oldMs: number | null; readonly newMs: number | null }

type Query = MigrationContext['definition']['verify']['queries'][number]

/**
 * The same row read through both shapes, in one snapshot and in random order, each timed; what they hold is then
 * compared in one statement. A query of the operator's own takes the place of both reads.
 */
export async function sampledRead(session: Session, context: MigrationContext, comparison: Comparison, key: Key, query: Query | null, random: () => number): Promise<ReadOutcome> {
  const forms = query ? queried(query, key) : read(comparison, key)
  const took: { old: number | null; new: number | null } = { old: null, new: null }
  const rows: { old: string; new: string } = { old: '', new: '' }
  let failed: unknown = null
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
  try {
    for (const side of random() < 0.5 ? (['old', 'new'] as const) : (['new', 'old'] as const)) {
      // An operator asks the same of both shapes by the same names. A schema that is not there (yet, or any more) is skipped.
      if (query) await session.query(`SET LOCAL search_path = ${quoted(schemaNames(context)[side])}, public`)
      const begun = performance.now()
      const result = await session.query({ text: forms[side].text, values: [...forms[side].values], rowMode: 'array' })
      took[side] = performance.now() - begun
      rows[side] = JSON.stringify(result.rows)
    }
  } catch (error) {
    failed = error
  }
  await session.query(failed === null ? 'COMMIT' : 'ROLLBACK')
  const times = { oldMs: took.old, newMs: took.new }
  if (failed !== null && (query !== null || !isRowError(failed))) {
    const state = sqlState(failed)
    // An operator's query may be wrong in any way; a lost connection is nobody's answer.
    if (state !== '57014' && (query === null || state === '' || /^(?:08|57P|58)/u.test(state))) throw failed
    await unverifiable(session, context, comparison, key, errorText(failed))
    return { result: 'unverifiable', ...times }
  }
  if (query) {
    if (rows.old === rows.new) {
      await settleQuery(session, context, comparison, key, query)
      return { result: 'same', ...times }
    }
    await answeredDifferently(session, context, comparison, key, query, rows)
    return { result: 'different', ...times }
  }
  const seen = await compareKeys(session, comparison, [key], 'sample')
  if (seen.overtaken) return { result: 'overtaken', ...times }
  if (!(await checked(session, context, comparison, [key], 'sample'))) return { result: 'overtaken', ...times }
  return { result: seen.mismatches === 0 ? 'same' : 'different', ...times }
}

interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
}

/** As a program would read the row: the columns of the old shape, and those of the new one. */
function read(comparison: Comparison, key: Key): { readonly old: Statement; readonly new: Statement } {
  const { unit, shown, columns, toKey, projected } = comparison
  const source = (list: readonly string[]): Statement => {
    const values = statementValues()
    return { text: `SELECT ${list.length === 0 ? '1' : list.join(', ')} FROM ${fromSql(comparison)} AS f WHERE ${withinKeys(comparison.key, [key], values, 'f')}`, values: values.list }
  }
  const target = (): Statement => {
    const values = statementValues()
    const list = columns.length === 0 ? '1' : columns.map(({ stored }) => `t.${quoted(stored)}`).join(', ')
    const keys = `SELECT ${toKey.map(({ expression }) => expression).join(', ')} FROM ${fromSql(comparison)} AS f WHERE ${withinKeys(comparison.key, [key], values, 'f')}`
    return { text: `SELECT ${list} FROM ${quotedTable(comparison.to)} AS t WHERE (${toKey.map(({ column }) => `t.${quoted(column.physical)}`).join(', ')}) = (${keys})`, values: values.list }
  }
  const from = source(shown.map(({ physical }) => `f.${quoted(physical)}`))
  const to = projected ? source(columns.map(({ expected }) => expected)) : unit.sameRow ? source(columns.map(({ stored }) => `f.${quoted(stored)}`)) : target()
  return comparison.direction === 'oldToNew' ? { old: from, new: to } : { old: to, new: from }
}

function queried(query: Query, key: Key): { readonly old: Statement; readonly new: Statement } {
  return { old: { text: query.old, values: key.slice(0, 1) }, new: { text: query.new, values: key.slice(0, 1) } }
}

async function settleQuery(session: Session, context: MigrationContext, comparison: Comparison, key: Key, query: Query): Promise<void> {
  const asked = [context.id, queryUnit(query), JSON.stringify(keyRecord(key, comparison.key))]
  await session.query(`UPDATE signalbox.mismatches SET status = 'gone', last_seen = clock_timestamp() WHERE migration = $1 AND unit = $2 AND key = $3::jsonb AND status IN ('open', 'accepted')`, asked)
}

/** Its own name, so that comparing the row itself does not settle what a query answered. */
function queryUnit({ name }: Query): string {
  return `query ${name}`
}

async function unverifiable(session: Session, context: MigrationContext, comparison: Comparison, key: Key, why: string): Promise<void> {
  await recordMismatches(
    session,
    context.id,
    [],
    [{ unit: comparison.unit.name, class: 'unverifiable', key: keyRecord(key, comparison.key), columns: [], old: null, new: null, foundBy: 'sample', detail: `no answer: ${why}`, differences: [] }],
    Date.now(),
  )
}

async function answeredDifferently(session: Session, context: MigrationContext, comparison: Comparison, key: Key, query: Query, rows: { readonly old: string; readonly new: string }): Promise<void> {
  const differences = [{ column: query.name, old: rows.old, new: rows.new }]
  const { class: kind } = classify({ inSource: true, inTarget: true, differs: [query.name], lossy: [], forbidden: [], source: {}, stored: { [query.name]: rows.new }, expected: { [query.name]: rows.old }, back: {} }, true)
  await recordMismatches(
    session,
    context.id,
    context.definition.verify.ignore,
    [
      {
        unit: queryUnit(query),
        class: kind,
        key: keyRecord(key, comparison.key),
        columns: [query.name],
        old: { [query.name]: rows.old },
        new: { [query.name]: rows.new },
        foundBy: 'sample',
        detail: `the query ${query.name} answers differently in the two shapes`,
        differences,
      },
    ],
    Date.now(),
  )
}
