import type { Mismatch, PreflightCheck } from '../../../../contract/migration.ts'
import type { TableChange } from '../../../../contract/migration-definition.ts'
import type { TableDetail } from '../facts.ts'
import { finding } from './lint.ts'
import { ask, isLost, serverError } from './preflight-context.ts'
import type { PreflightContext } from './preflight-context.ts'
import { estimatedRows, MAX_ROWS, MAX_WHOLE_ROWS, mismatch, recordOf, texts } from './preflight-rows.ts'
import type { ScanLimits } from './preflight-rows.ts'
import { projectionsOf } from './preflight-shape.ts'
import type { Shape } from './preflight-shape.ts'
import { quoted, quotedTable, spoken } from '../units.ts'

/**
 * Whether old tables come back from the new ones as they are: the links up, then the links down, in one statement for
 * each old table.
 */
export async function roundTrip(context: PreflightContext, limits: ScanLimits): Promise<{ readonly checks: readonly PreflightCheck[]; readonly rows: readonly Mismatch[] }> {
  const { change } = context.definition
  if (change.kind !== 'tables' || change.down.length === 0) return { checks: [], rows: [] }
  const several = change.new.find((table) => change.up.filter((link) => link.existence && spoken(link.to) === spoken(table.name)).length > 1)
  if (several) return { checks: [finding('round trip', 'warning', `Rows of ${spoken(several.name)} are made by several links: whether everything comes back was not tried beforehand.`, 'Comparison in both directions tells, once rows are there.')], rows: [] }
  const found: Mismatch[] = []
  const checks: PreflightCheck[] = []
  const shapes = projectionsOf(change, context.tables)
  for (const table of context.tables) {
    const sql = lostRowsSql(change, table, shapes, MAX_ROWS - found.length)
    if (sql === null || found.length >= MAX_ROWS) continue
    if (limits.signal.aborted || Date.now() >= limits.deadlineAt) return { checks: [...checks, notTried(table, 'the time was up')], rows: found }
    if ((await estimatedRows(context, quotedTable(table.name))) > MAX_WHOLE_ROWS) {
      checks.push(notTried(table, 'it is too large for that here'))
      continue
    }
    try {
      await context.session.query(`SET statement_timeout = ${Math.max(100, limits.deadlineAt - Date.now())}`)
      const at = Date.now()
      for (const row of await ask(context.session, sql)) {
        const missing = row['missing'] === true
        const key = Object.fromEntries(Object.entries(recordOf(row, 'key')).map(([name, text]) => [name, text ?? '']))
        const before = recordOf(row, 'before')
        const after = recordOf(row, 'after')
        const columns = Object.keys(after).filter((name) => before[name] !== after[name])
        found.push(mismatch({ found, at }, spoken(table.name), key, 'lossy', missing ? [] : columns, before, missing ? null : after, missing ? 'The row would not come back.' : `${columns.map((name) => `${name} would not come back: ${before[name] ?? 'NULL'} becomes ${after[name] ?? 'NULL'}`).join('; ')}.`))
      }
    } catch (error) {
      if (isLost(error)) throw error
      checks.push(notTried(table, serverError(error).message))
    }
  }
  if (found.length > 0) checks.push(finding('round trip', 'warning', `${found.length >= MAX_ROWS ? `At least ${found.length}` : found.length} rows of the old tables would not come back as they are. Once writes are switched, a write of such a row changes its old columns.`, 'Let the links under `down` restore them, or accept the difference with an ignore rule; they are listed below.'))
  return { checks, rows: found }
}

function notTried(table: TableDetail, why: string): PreflightCheck {
  return finding('round trip', 'warning', `Whether rows of ${spoken(table.name)} come back was not found out: ${why}.`, 'Comparison in both directions tells, once rows are there.')
}

function lostRowsSql(change: TableChange, table: TableDetail, shapes: ReadonlyMap<string, Shape>, limit: number): string | null {
  const links = change.down.filter((link) => spoken(link.to) === spoken(table.name))
  if (links.length === 0) return null
  const typeOf = (name: string) => table.columns.find((column) => column.name === name)?.type ?? 'text'
  const joins = links.map((link, index) => {
    const list = [...link.key, ...link.set].map(({ column, expression }) => `(${expression})::${typeOf(column)} AS ${quoted(column)}`)
    return `LEFT JOIN (SELECT true AS "sb:there", ${list.join(', ')} FROM ${shapes.get(spoken(link.from))?.sql ?? ''}) AS back${index} ON ${link.key.map(({ column }) => `back${index}.${quoted(column)} = o.${quoted(column)}`).join(' AND ')}`
  })
  const there = links.flatMap(({ existence }, index) => (existence ? [`back${index}."sb:there"`] : []))
  const missing = there.length === 0 ? 'false' : `coalesce(${[...there, 'false'].join(', ')}) IS NOT TRUE`
  // What several links give of one column is given by the one that has the row.
  const given = new Map<string, string[]>()
  links.forEach((link, index) => link.set.forEach(({ column }) => given.set(column, [...(given.get(column) ?? []), `WHEN back${index}."sb:there" THEN back${index}.${quoted(column)}`])))
  const after = [...given].map(([name, whens]) => ({ name, sql: `CASE ${whens.join(' ')} ELSE o.${quoted(name)} END` }))
  const differs = after.map(({ name, sql }) => (/^(?:json|xml|point|polygon|line)\b(?!b)/iu.test(typeOf(name)) ? `o.${quoted(name)}::text IS DISTINCT FROM (${sql})::text` : `o.${quoted(name)} IS DISTINCT FROM ${sql}`))
  const key = texts(table.primaryKey.map((name) => ({ name, sql: `o.${quoted(name)}` })))
  const before = texts(after.map(({ name }) => ({ name, sql: `o.${quoted(name)}` })))
  return `SELECT ${key} AS key, ${missing} AS missing, ${before} AS before, ${texts(after)} AS after FROM ${quotedTable(table.name)} AS o ${joins.join(' ')} WHERE ${[missing, ...differs].map((condition) => `(${condition})`).join(' OR ')} LIMIT ${limit}`
}
