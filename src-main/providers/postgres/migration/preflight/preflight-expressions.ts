import type { PreflightCheck } from '../../../../contract/migration.ts'
import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import { checkExpression } from './lint-expression.ts'
import { finding } from './lint.ts'
import { ask, isLost, isTimeout, serverError, textOf } from './preflight-context.ts'
import type { Check, PreflightContext } from './preflight-context.ts'
import { newShapeOf, projectionsOf, shapeOf } from './preflight-shape.ts'
import type { Shape } from './preflight-shape.ts'
import type { Session } from '../session.ts'

/** Checks that only the server can make of expressions: that it knows everything in them, and that they answer the same each time. */

interface Placed {
  readonly what: string
  readonly expression: string
  /** Rows it reads: something for FROM. */
  readonly from: Shape
  /** Type it is cast to; null: a condition. */
  readonly type: string | null
}

export const checkExpressions: Check = async (context) => {
  const found: PreflightCheck[] = []
  const placed = placedOf(context)
  for (const { what, expression, from, type } of placed) {
    const problem = await tried(context.session, `SELECT (${expression})${type === null ? '' : `::${type}`} AS value FROM ${from.sql} LIMIT 0`)
    if (problem?.message !== undefined) {
      found.push(finding('expressions', 'blocker', `PostgreSQL cannot run ${what}: ${problem.message}.`, 'Mend the expression. What is not in pg_catalog or public must be written with its schema.'))
      continue
    }
    if (type === null && problem?.type !== 16) found.push(finding('expressions', 'blocker', `${what} is not a condition: it gives no boolean.`, 'Write an expression that is true or false.'))
  }
  for (const { what, type } of typesOf(context.definition)) {
    const problem = await tried(context.session, `SELECT NULL::${type} AS value LIMIT 0`)
    if (problem?.message !== undefined) found.push(finding('types', 'blocker', `PostgreSQL has no type ${type} for ${what}: ${problem.message}.`, 'Mend its name. A type that is not in pg_catalog or public must be written with its schema.'))
  }
  found.push(...(await volatility(context, placed)), ...(await queries(context)))
  return found.length > 0 ? found : [finding('expressions', 'ok', `PostgreSQL can run all ${placed.length} expressions.`)]
}

/**
 * Runs each transform over a sample, twice as it will run and once in a session with other formats. Triggers run in
 * clients' sessions, and comparisons in ours: what depends on a session can never agree.
 */
export const checkSteadiness: Check = async (context) => {
  const found: PreflightCheck[] = []
  for (const { what, expression, from } of placedOf(context).filter(({ type }) => type !== null)) {
    const type = await tried(context.session, `SELECT (${expression}) AS value FROM ${from.sql} LIMIT 0`)
    if (type?.type === undefined) continue
    const [send] = await ask(context.session, `SELECT CASE WHEN typsend <> 0 THEN typsend::regproc::text END AS send FROM pg_type WHERE oid = $1`, [type.type])
    const bytes = textOf(send ?? {}, 'send') === '' || type.type === 705 ? `textsend((${expression})::text)` : `${textOf(send ?? {}, 'send')}((${expression}))`
    const sql = `SELECT md5(string_agg(coalesce(md5(${bytes}), ''), ',')) AS digest, count(*) AS rows FROM (SELECT /* signalbox */ * FROM ${from.sql} ORDER BY ${from.order} LIMIT 500) AS sample`
    try {
      // Rows that change meanwhile would look like an expression that does.
      const [first, other, again] = await inOneSnapshot(context.session, sql, ['', OTHER_FORMATS, ''])
      if (first !== again) found.push(finding('expressions', 'blocker', `${what} gave another value for the same row when asked again.`, 'Write an expression that answers the same each time.'))
      else if (first !== other) found.push(finding('expressions', 'blocker', `${what} depends on settings of the session (TimeZone, DateStyle, IntervalStyle, extra_float_digits or bytea_output): each client would write another value.`, 'Say the zone and the format: AT TIME ZONE \'UTC\', to_char(…), encode(…, \'hex\').'))
    } catch (error) {
      if (isLost(error)) throw error
      // A row that fails is found, and named, by the scan of rows.
    }
  }
  return found.length > 0 ? found : [finding('steady', 'ok', 'Transforms answer the same each time, whatever the session’s formats.')]
}

const OTHER_FORMATS = `SET LOCAL "TimeZone" = 'Pacific/Kiritimati'; SET LOCAL "DateStyle" = 'SQL, DMY'; SET LOCAL "IntervalStyle" = 'sql_standard'; SET LOCAL extra_float_digits = -10; SET LOCAL bytea_output = 'escape'`
const OUR_FORMATS = `SET LOCAL "TimeZone" = 'UTC'; SET LOCAL "DateStyle" = 'ISO, YMD'; SET LOCAL "IntervalStyle" = 'postgres'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'`

async function inOneSnapshot(session: Session, sql: string, settings: readonly string[]): Promise<readonly string[]> {
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
  try {
    const digests: string[] = []
    for (const setting of settings) {
      await session.query(setting === '' ? OUR_FORMATS : setting)
      digests.push(textOf((await ask(session, sql))[0] ?? {}, 'digest'))
    }
    return digests
  } finally {
    await session.query('ROLLBACK').catch(() => undefined)
  }
}

/** The server's words when it cannot be run, or the type of its one column. */
async function tried(session: Session, sql: string): Promise<{ readonly message?: string; readonly type?: number } | null> {
  try {
    const { fields } = await session.query(sql)
    return { type: fields[0]?.dataTypeID ?? 0 }
  } catch (error) {
    if (isLost(error) || isTimeout(error)) throw error
    return { message: serverError(error).message }
  }
}

function placedOf(context: PreflightContext): readonly Placed[] {
  const { change } = context.definition
  if (change.kind === 'columns') {
    const [table] = context.tables
    if (!table) return []
    const old = shapeOf(table)
    const fresh = newShapeOf(change, table)
    return [
      ...change.add.map(({ name, up, type }): Placed => ({ what: `up of ${name}`, expression: up, from: old, type })),
      ...change.replace.map(({ name, down }): Placed => ({ what: `down of ${name}`, expression: down, from: fresh, type: table.columns.find((column) => column.name === name)?.type ?? 'text' })),
      ...change.checks.map(({ name, expression }): Placed => ({ what: `check ${name}`, expression, from: fresh, type: null })),
    ]
  }
  const projections = projectionsOf(change, context.tables)
  const typeOf = (table: string, column: string) => projections.get(table)?.types.get(column) ?? 'text'
  const links = [...change.up, ...change.down].flatMap((link) => {
    const from = projections.get(`${link.from.schema}.${link.from.table}`)
    const to = `${link.to.schema}.${link.to.table}`
    return from ? [...link.key, ...link.set].map(({ column, expression }): Placed => ({ what: `the link to ${to}.${column}`, expression, from, type: typeOf(to, column) })) : []
  })
  const checks = change.new.flatMap(({ name, checks }) => {
    const from = projections.get(`${name.schema}.${name.table}`)
    return from ? checks.map((check): Placed => ({ what: `check ${check.name}`, expression: check.expression, from, type: null })) : []
  })
  return [...links, ...checks]
}

function typesOf({ change }: MigrationDefinition): readonly { readonly what: string; readonly type: string }[] {
  return change.kind === 'columns' ? change.add.map(({ name, type }) => ({ what: name, type })) : change.new.flatMap(({ columns }) => columns.map(({ name, type }) => ({ what: name, type })))
}

/** What PostgreSQL's own catalog says of the functions that are called. */
async function volatility({ session }: PreflightContext, placed: readonly Placed[]): Promise<readonly PreflightCheck[]> {
  const found: PreflightCheck[] = []
  const seen = new Set<string>()
  for (const { what, expression } of placed) {
    const checked = checkExpression(expression)
    for (const called of checked.ok ? checked.value.functions : []) {
      const key = `${what} ${called.schema ?? ''}.${called.name}/${called.arguments}`
      if (seen.has(key)) continue
      seen.add(key)
      const rows = await ask(
        session,
        `SELECT p.provolatile AS volatility, p.prokind AS kind, p.proretset AS set, n.nspname = 'pg_catalog' AS built_in FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE p.proname = $1 AND ($2::text IS NULL AND pg_function_is_visible(p.oid) OR n.nspname = $2) AND $3 BETWEEN p.pronargs - p.pronargdefaults AND CASE WHEN p.provariadic <> 0 THEN 1000 ELSE p.pronargs END`,
        [called.name, called.schema, called.arguments],
      )
      const every = (test: (row: (typeof rows)[number]) => boolean) => rows.length > 0 && rows.every(test)
      const some = (test: (row: (typeof rows)[number]) => boolean) => rows.some(test)
      if (every((row) => row['kind'] !== 'f') || every((row) => row['set'] === true)) found.push(finding('expressions', 'blocker', `${what} calls ${called.name}, which is not about one value of one row.`, 'Write an expression over one row.'))
      else if (every((row) => row['volatility'] === 'v')) found.push(finding('expressions', 'blocker', `${what} calls ${called.name}, which is VOLATILE: PostgreSQL does not expect it to answer the same each time.`, 'If it does, declare it so: ALTER FUNCTION … IMMUTABLE.'))
      else if (some((row) => row['volatility'] !== 'i' && row['built_in'] !== true)) found.push(finding('expressions', 'warning', `${what} calls ${called.name}, which is not IMMUTABLE: when what it reads changes, rows that were filled before are not.`, 'Make it depend on its arguments alone, and declare it IMMUTABLE.'))
    }
  }
  return found
}

/** The operator's own questions, as far as they can be asked before the new shape is there. */
async function queries({ session, definition }: PreflightContext): Promise<readonly PreflightCheck[]> {
  const found: PreflightCheck[] = []
  for (const { name, old } of definition.verify.queries) {
    try {
      await session.query(`SELECT /* signalbox */ * FROM (${old.trim().replace(/;$/, '')}\n) AS question LIMIT 0`, [null])
    } catch (error) {
      if (isLost(error) || isTimeout(error)) throw error
      found.push(finding('queries', 'blocker', `PostgreSQL cannot run the query ${name}: ${serverError(error).message}.`, 'Mend it; $1 is the key as text, to be cast: $1::bigint.'))
    }
  }
  for (const { name, when } of definition.verify.ignore) {
    const problem = await tried(session, `SELECT (${when}) AS value FROM (SELECT NULL::text AS "old", NULL::text AS "new") AS pair LIMIT 0`)
    if (problem?.message !== undefined) found.push(finding('ignore rules', 'blocker', `PostgreSQL cannot run the ignore rule ${name}: ${problem.message}.`, 'Mend it; `old` and `new` are texts.'))
    else if (problem?.type !== 16) found.push(finding('ignore rules', 'blocker', `The ignore rule ${name} is not a condition: it gives no boolean.`, 'Write an expression that is true or false.'))
  }
  return found
}
