import type { StopSignal } from '../../../../core/ports.ts'
import type { Mismatch, PreflightCheck } from '../../../../contract/migration.ts'
import { comparisons } from '../comparing/compare-units.ts'
import type { Comparison } from '../comparing/compare-units.ts'
import { finding } from './lint.ts'
import { keyAtSql, keyOf, keyRecord, keyTexts, lastKeySql, statementValues, withinRange } from '../page.ts'
import type { Key, KeyRange } from '../page.ts'
import { ask, isLost, numberOf, serverError, textOf } from './preflight-context.ts'
import type { CatalogRow, PreflightContext } from './preflight-context.ts'
import { quoted, quotedTable, spoken } from '../units.ts'

/** Tries the transforms on rows, without writing any. */

/** So many rows are named; that there are more is said. */
export const MAX_ROWS = 50
const FIRST_CHUNK_ROWS = 5000
const MIN_CHUNK_ROWS = 50
const MAX_CHUNK_ROWS = 50_000
const CHUNK_TARGET_MS = 500
/** Above so many rows nothing is sorted or joined as a whole: it would fill the server's disk with temporary files. */
export const MAX_WHOLE_ROWS = 3_000_000
/** Of a value so much is shown. */
const MAX_TEXT = 300

export interface RowsFound {
  readonly checks: readonly PreflightCheck[]
  readonly rows: readonly Mismatch[]
  readonly scanned: number
}

export interface ScanLimits {
  readonly signal: StopSignal
  /** By `Date.now()`. */
  readonly deadlineAt: number
}

/** A reason why a row would not do. */
interface Reason {
  readonly class: 'rejected' | 'lossy'
  readonly columns: readonly string[]
  readonly words: string
  readonly sql: string
}

interface Scan {
  readonly context: PreflightContext
  readonly limits: ScanLimits
  readonly comparison: Comparison
  readonly reasons: readonly Reason[]
  readonly found: Mismatch[]
  readonly at: number
}

export async function scanRows(context: PreflightContext, limits: ScanLimits): Promise<RowsFound> {
  const at = Date.now()
  const found: Mismatch[] = []
  const checks: PreflightCheck[] = []
  let scanned = 0
  const all = comparisons(context.definition, context.tables, { phase: 'planned', writes: 'old' }, 'oldToNew')
  for (const comparison of all) {
    const scan: Scan = { context, limits, comparison, reasons: reasonsOf(comparison), found, at }
    const outcome = await walk(scan)
    scanned += outcome.scanned
    if (outcome.stopped !== '') checks.push(finding('rows', 'warning', `Of ${comparison.unit.name} ${outcome.scanned} rows were tried; ${outcome.stopped}.`, 'Shadow reads try every row before anything is written.'))
  }
  const rejected = found.filter((row) => row.class === 'rejected').length
  const lossy = found.length - rejected
  const some = (count: number) => (found.length >= MAX_ROWS ? `at least ${count}` : String(count))
  if (rejected > 0) checks.push(finding('rows', 'blocker', `The transforms or constraints of the new shape fail on ${some(rejected)} of ${scanned} rows tried.`, 'Mend these rows, or let the expressions handle them; they are listed below.'))
  if (lossy > 0) checks.push(finding('round trip', 'warning', `${some(lossy)} of ${scanned} rows tried would not come back as they were: down(up(x)) is not x. Once writes are switched, a write of such a row changes its old columns.`, 'Let `down` restore them, or accept the difference with an ignore rule; they are listed below.'))
  if (rejected === 0) for (const comparison of all) checks.push(...(await duplicates({ context, limits, comparison, reasons: [], found, at })))
  if (found.length === 0 && checks.length === 0) checks.push(finding('rows', 'ok', `${scanned} rows were tried: transforms and constraints hold, and every value comes back.`))
  return { checks, rows: found, scanned }
}

function reasonsOf({ forbidden, back, toKey, columns, unit }: Comparison): readonly Reason[] {
  const distinct = (a: string, b: string, type: string) => (/^(?:json|xml|point|polygon|line)\b(?!b)/iu.test(type) ? `${a}::text IS DISTINCT FROM (${b})::text` : `${a} IS DISTINCT FROM ${b}`)
  return [
    ...forbidden.map(({ words, sql }): Reason => ({ class: 'rejected', columns: columns.map(({ name }) => name), words, sql })),
    ...(unit.existence ? toKey.map(({ column, expression }): Reason => ({ class: 'rejected', columns: [column.name], words: `its key ${column.name} would be null`, sql: `(${expression}) IS NULL` })) : []),
    ...back.map(({ name, stored, expected, type }): Reason => ({ class: 'lossy', columns: [name], words: `${name} would not come back`, sql: distinct(`f.${quoted(stored)}`, `(${expected})`, type) })),
  ]
}

/** Page by page along the key. */
async function walk(scan: Scan): Promise<{ readonly scanned: number; readonly stopped: string }> {
  const { comparison, context, limits } = scan
  const table = quotedTable(comparison.from)
  let scanned = 0
  let after: Key | null = null
  let chunkRows = FIRST_CHUNK_ROWS
  for (;;) {
    if (limits.signal.aborted) return { scanned, stopped: 'then it was asked to stop' }
    if (scan.found.length >= MAX_ROWS) return { scanned, stopped: `${MAX_ROWS} rows that would not do are enough` }
    if (Date.now() >= limits.deadlineAt) return { scanned, stopped: 'then its time was up' }
    try {
      const upTo = await nextKey(context, comparison, { after, upTo: null }, chunkRows - 1)
      const begunAt = Date.now()
      const rows = await tryRange(scan, { after, upTo: upTo.key })
      scanned += rows
      if (upTo.last) return { scanned, stopped: '' }
      after = upTo.key
      const tookMs = Math.max(1, Date.now() - begunAt)
      chunkRows = Math.round(Math.min(MAX_CHUNK_ROWS, Math.max(MIN_CHUNK_ROWS, chunkRows * Math.min(2, Math.max(0.25, CHUNK_TARGET_MS / tookMs)))))
    } catch (error) {
      if (isLost(error)) throw error
      if (serverError(error).code !== '57014') return { scanned, stopped: `then ${table} could not be read: ${serverError(error).message}` }
      if (chunkRows <= MIN_CHUNK_ROWS) return { scanned, stopped: `then ${MIN_CHUNK_ROWS} rows took longer than a statement may` }
      chunkRows = Math.max(MIN_CHUNK_ROWS, Math.floor(chunkRows / 4))
    }
  }
}

async function nextKey({ session }: PreflightContext, { from, key }: Comparison, range: KeyRange, offset: number): Promise<{ readonly key: Key | null; readonly last: boolean }> {
  const values = statementValues()
  const [row] = await ask(session, keyAtSql(quotedTable(from), key, range, offset, values), values.list)
  if (row) return { key: keyOf(row, key), last: false }
  const [last] = await ask(session, lastKeySql(quotedTable(from), key))
  return { key: last ? keyOf(last, key) : null, last: true }
}

/** Answers with how many rows there are. When one fails, the range is halved until it is alone. */
async function tryRange(scan: Scan, range: KeyRange): Promise<number> {
  const { context, comparison, reasons } = scan
  const { session } = context
  const values = statementValues()
  const where = `${quotedTable(comparison.from)} AS f WHERE ${withinRange(comparison.key, range, values, 'f')}`
  // Counting a value computes it, also where no reason looks at it.
  const computed = [...comparison.toKey.map(({ expression }) => expression), ...comparison.columns.map(({ expected }) => expected)].map((sql, index) => `count(${sql}) AS c${index}`)
  const any = reasons.length === 0 ? 'false' : reasons.map(({ sql }) => `(${sql})`).join(' OR ')
  try {
    const [row = {}] = await ask(session, `SELECT ${['count(*) AS rows', `count(*) FILTER (WHERE ${any}) AS bad`, ...computed].join(', ')} FROM ${where}`, values.list)
    if (numberOf(row, 'bad') > 0) await list(scan, where, values.list, any)
    return numberOf(row, 'rows')
  } catch (error) {
    if (!isOfRow(error)) throw error
    return halve(scan, range, error)
  }
}

async function halve(scan: Scan, range: KeyRange, error: unknown): Promise<number> {
  const { context, comparison, found, limits } = scan
  if (found.length >= MAX_ROWS || Date.now() >= limits.deadlineAt || limits.signal.aborted) return 0
  const values = statementValues()
  const [counted = {}] = await ask(context.session, `SELECT count(*) AS rows FROM ${quotedTable(comparison.from)} AS f WHERE ${withinRange(comparison.key, range, values, 'f')}`, values.list)
  const rows = numberOf(counted, 'rows')
  if (rows === 0) return 0
  const { key: middle } = await nextKey(context, comparison, range, Math.ceil(rows / 2) - 1)
  if (rows === 1 || middle === null) {
    await reject(scan, range, error)
    return rows
  }
  return (await tryRange(scan, { after: range.after, upTo: middle })) + (await tryRange(scan, { after: middle, upTo: range.upTo }))
}

async function list(scan: Scan, where: string, values: readonly unknown[], any: string): Promise<void> {
  const { context, comparison, reasons, found } = scan
  const shown = texts(comparison.shown.map(({ name, physical }) => ({ name, sql: `f.${quoted(physical)}` })))
  const made = texts([...comparison.toKey.map(({ column, expression }) => ({ name: column.name, sql: expression })), ...comparison.columns.map(({ name, expected }) => ({ name, sql: expected }))])
  const back = texts(comparison.back.map(({ name, expected }) => ({ name, sql: expected })))
  const flags = `ARRAY[${reasons.map(({ sql }) => `coalesce((${sql}), false)`).join(', ')}]`
  const rows = await ask(context.session, `SELECT ${keyTexts(comparison.key)}, ${flags} AS flags, ${shown} AS shown, ${made} AS made, ${back} AS back FROM ${where} AND (${any}) ORDER BY ${comparison.key.map(({ physical }) => `f.${quoted(physical)}`).join(', ')} LIMIT ${MAX_ROWS - found.length}`, values)
  for (const row of rows) {
    const flagged = reasons.filter((_, index) => Array.isArray(row['flags']) && row['flags'][index] === true)
    const rejected = flagged.filter((reason) => reason.class === 'rejected')
    const about = rejected.length > 0 ? rejected : flagged
    const columns = [...new Set(about.flatMap((reason) => reason.columns))]
    const detail = rejected.length > 0 ? `The new shape refuses it: ${about.map(({ words }) => words).join('; ')}.` : about.map(({ words, columns: [column = ''] }) => `${words}: ${shownText(row, 'shown', column)} becomes ${shownText(row, 'back', column)}.`).join(' ')
    found.push(mismatch(scan, comparison.unit.name, keyRecord(keyOf(row, comparison.key), comparison.key), rejected.length > 0 ? 'rejected' : 'lossy', columns, recordOf(row, 'shown'), recordOf(row, 'made'), detail))
  }
}

/** A row on which an expression itself fails: what it would be cannot be shown. */
async function reject(scan: Scan, range: KeyRange, error: unknown): Promise<void> {
  const { context, comparison, found } = scan
  const values = statementValues()
  const shown = texts(comparison.shown.map(({ name, physical }) => ({ name, sql: `f.${quoted(physical)}` })))
  const [row] = await ask(context.session, `SELECT ${keyTexts(comparison.key)}, ${shown} AS shown FROM ${quotedTable(comparison.from)} AS f WHERE ${withinRange(comparison.key, range, values, 'f')} LIMIT 1`, values.list)
  if (!row) return
  found.push(mismatch(scan, comparison.unit.name, keyRecord(keyOf(row, comparison.key), comparison.key), 'rejected', comparison.columns.map(({ name }) => name), recordOf(row, 'shown'), null, `The transform fails: ${serverError(error).message}.`))
}

/** Values that must be unique and are not, over the whole table, in the time that is left. */
async function duplicates(scan: Scan): Promise<readonly PreflightCheck[]> {
  const { context, comparison, limits, found } = scan
  const checks: PreflightCheck[] = []
  if (comparison.unique.length > 0 && (await estimatedRows(context, quotedTable(comparison.from))) > MAX_WHOLE_ROWS) return [finding('unique', 'warning', `Whether ${comparison.unique.map(({ words }) => words).join(' and ')} would be unique was not tried: ${spoken(comparison.from)} is too large for that here.`, 'Shadow reads try it before anything is written.')]
  for (const { words, expressions } of comparison.unique) {
    if (limits.signal.aborted || Date.now() >= limits.deadlineAt || found.length >= MAX_ROWS) return [...checks, finding('unique', 'warning', `Whether ${words} would be unique was not tried: the time was up.`, 'Shadow reads try it before anything is written.')]
    const given = expressions.map((expression) => `(${expression}) IS NOT NULL`).join(' AND ')
    const list = expressions.join(', ')
    const shared = `SELECT ${keyTexts(comparison.key)}, left(concat_ws(', ', ${expressions.map((expression) => `(${expression})::text`).join(', ')}), ${MAX_TEXT}) AS value, count(*) OVER (PARTITION BY ${list}) AS many FROM ${quotedTable(comparison.from)} AS f WHERE ${given}`
    try {
      await context.session.query(`SET statement_timeout = ${Math.max(100, limits.deadlineAt - Date.now())}`)
      const rows = await ask(context.session, `SELECT /* signalbox */ * FROM (${shared}) AS shared WHERE many > 1 ORDER BY value, ${comparison.key.map((_, index) => `length(k${index}), k${index}`).join(', ')} LIMIT ${MAX_ROWS - found.length}`)
      for (const row of rows) found.push(mismatch(scan, comparison.unit.name, keyRecord(keyOf(row, comparison.key), comparison.key), 'rejected', [words], null, { [words]: textOf(row, 'value') }, `${words} would not be unique: ${textOf(row, 'value')} is on ${textOf(row, 'many')} rows.`))
      if (rows.length > 0) checks.push(finding('unique', 'blocker', `${words} of ${spoken(comparison.to)} would not be unique: ${rows.length} rows share a value with another.`, 'Mend these rows, or do not declare it unique; they are listed below.'))
    } catch (error) {
      if (isLost(error)) throw error
      checks.push(finding('unique', 'warning', `Whether ${words} would be unique was not found out: ${serverError(error).message}.`, 'Shadow reads try it before anything is written.'))
    }
  }
  return checks
}

/** Rows the planner expects. */
export async function estimatedRows({ session }: PreflightContext, table: string): Promise<number> {
  const [row = {}] = await ask(session, 'SELECT greatest(reltuples, 0) AS rows FROM pg_class WHERE oid = to_regclass($1)', [table])
  return numberOf(row, 'rows')
}

export function mismatch(scan: Pick<Scan, 'found' | 'at'>, table: string, key: Record<string, string>, of: 'rejected' | 'lossy', columns: readonly string[], old: Record<string, string | null> | null, fresh: Record<string, string | null> | null, detail: string): Mismatch {
  return { id: `preflight-${scan.found.length + 1}`, class: of, table, key, columns: [...columns], old, new: fresh, foundBy: 'shadowScan', detail, firstSeenAt: scan.at, lastSeenAt: scan.at, status: 'open', repair: '' }
}

/** Values as text, cut off, by name. */
export function texts(columns: readonly { readonly name: string; readonly sql: string }[]): string {
  if (columns.length === 0) return `'{}'::jsonb`
  return `jsonb_object(ARRAY[${columns.map(({ name }) => `'${name.replaceAll("'", "''")}'`).join(', ')}]::text[], ARRAY[${columns.map(({ sql }) => `left((${sql})::text, ${MAX_TEXT})`).join(', ')}]::text[])`
}

export function recordOf(row: CatalogRow, column: string): Record<string, string | null> {
  const value = row[column]
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  return Object.fromEntries(Object.entries(value).map(([name, text]): [string, string | null] => [name, typeof text === 'string' ? text : null]))
}

function shownText(row: CatalogRow, part: string, column: string): string {
  const text = recordOf(row, part)[column]
  return text === null || text === undefined ? 'NULL' : `'${text}'`
}

/** Failures that are about the values of a row, and not about the server or the statement. */
function isOfRow(error: unknown): boolean {
  return /^(?:0A|21|22|23|2F|38|39|42|P0|XX)/.test(serverError(error).code)
}
