import { nodesOf, parseExpression, parseStatements, stringOf, textOf, walk } from './lint-parse.ts'
import type { Parsed, SqlNode, SqlSlip } from './lint-parse.ts'

/**
 * What an expression over one row may not be, as far as its text tells: it runs for each row in a trigger, in the
 * backfill and in comparisons, and must answer the same each time.
 */

/** Functions whose answer is another one each time, in another session, or that act. Volatility of others is asked of the server. */
const UNSTEADY: Readonly<Record<string, string>> = {
  ...named('another value each time', ['random', 'random_normal', 'gen_random_uuid', 'uuid_generate_v1', 'uuid_generate_v1mc', 'uuid_generate_v4', 'uuidv4', 'uuidv7', 'gen_random_bytes', 'gen_salt', 'clock_timestamp', 'timeofday']),
  ...named('the time of the transaction that asks', ['now', 'transaction_timestamp', 'statement_timestamp', 'txid_current', 'txid_current_if_assigned', 'pg_current_xact_id', 'pg_current_xact_id_if_assigned']),
  ...named('a sequence', ['nextval', 'currval', 'lastval', 'setval']),
  ...named('the session that asks', ['current_setting', 'set_config', 'pg_backend_pid', 'inet_client_addr', 'inet_client_port', 'current_schemas', 'current_query', 'pg_trigger_depth']),
  ...named('what is stored elsewhere', ['query_to_xml', 'table_to_xml', 'cursor_to_xml', 'lo_get', 'lo_put', 'pg_read_file', 'pg_read_binary_file', 'dblink', 'dblink_exec']),
  ...named('an act', ['pg_sleep', 'pg_sleep_for', 'pg_sleep_until', 'pg_notify', 'pg_advisory_lock', 'pg_advisory_xact_lock', 'pg_terminate_backend', 'pg_cancel_backend']),
}
const AGGREGATES = new Set(['count', 'sum', 'avg', 'min', 'max', 'array_agg', 'string_agg', 'json_agg', 'jsonb_agg', 'json_object_agg', 'jsonb_object_agg', 'xmlagg', 'bool_and', 'bool_or', 'every', 'bit_and', 'bit_or', 'bit_xor', 'stddev', 'variance', 'percentile_cont', 'percentile_disc', 'mode', 'any_value'])
const SETS = new Set(['generate_series', 'unnest', 'regexp_matches', 'regexp_split_to_table', 'string_to_table', 'json_each', 'jsonb_each', 'json_array_elements', 'jsonb_array_elements', 'json_object_keys', 'jsonb_object_keys', 'jsonb_path_query'])

function named(why: string, functions: readonly string[]): Record<string, string> {
  return Object.fromEntries(functions.map((name) => [name, why]))
}

export interface CheckedExpression {
  readonly node: SqlNode
  /** Bare column names it reads, each once. */
  readonly columns: readonly string[]
  /** Functions it calls, by bare name, with the number of their arguments. */
  readonly functions: readonly { readonly schema: string | null; readonly name: string; readonly arguments: number }[]
}

/** Parses and checks one expression over a row. */
export function checkExpression(text: string): Parsed<CheckedExpression> {
  const parsed = parseExpression(text)
  if (!parsed.ok) return parsed
  const slip = forbidden(parsed.value, text)
  if (slip) return { ok: false, slip }
  return { ok: true, value: { node: parsed.value, columns: columnsOf(parsed.value), functions: functionsOf(parsed.value) } }
}

/** A default is no expression over a row: it may be volatile, but reads no column. */
export function checkDefault(text: string): Parsed<CheckedExpression> {
  const parsed = parseExpression(text)
  if (!parsed.ok) return parsed
  const columns = columnsOf(parsed.value)
  const expected = 'a value, or an expression that reads no column: `0`, `\'new\'`, `now()`'
  if (columns.length > 0) return { ok: false, slip: { message: `a default that reads the column \`${columns[0] ?? ''}\``, expected, offset: 0 } }
  let message = ''
  walk(parsed.value, (node) => {
    message ||= node.kind === 'SubLink' ? 'a default with a subquery' : node.kind === 'SetToDefault' ? 'the word DEFAULT as a default' : node.kind === 'ParamRef' ? 'a default with a parameter' : ''
    return undefined
  })
  if (message !== '') return { ok: false, slip: { message, expected, offset: 0 } }
  return { ok: true, value: { node: parsed.value, columns: [], functions: functionsOf(parsed.value) } }
}

/** A question of the operator's own: one SELECT that writes and locks nothing, and takes the key as `$1`. */
export function checkQuery(text: string): SqlSlip | null {
  const expected = 'one SELECT that takes the key as `$1`'
  const slip = (message: string): SqlSlip => ({ message, expected, offset: 0 })
  const parsed = parseStatements(text)
  if (!parsed.ok) return { ...parsed.slip, expected }
  const [select, ...more] = parsed.value
  if (more.length > 0) return slip('more than one statement')
  if (select?.kind !== 'SelectStmt') return slip('a statement that is not a SELECT')
  let message = ''
  let key = false
  walk(select, (node) => {
    if (/^(Insert|Update|Delete|Merge)Stmt$/.test(node.kind)) message ||= 'a SELECT that writes'
    if (node.kind === 'LockingClause') message ||= 'a SELECT that locks rows'
    if (node.kind === 'FuncCall') {
      const why = UNSTEADY[bareName(node)]
      if (why === 'an act' || why === 'a sequence') message ||= `\`${bareName(node)}\` in a question`
    }
    if (node.kind === 'ParamRef' && node.fields['number'] === 1) key = true
    else if (node.kind === 'ParamRef') message ||= 'a parameter other than `$1`'
    return undefined
  })
  if ('intoClause' in select.fields) message ||= 'a SELECT that makes a table'
  if (message === '' && !key) message = 'a question without the key `$1`'
  return message === '' ? null : slip(message)
}

/** Bare names; `r.name` of a row inside would be one too, but nothing in an expression can make such a row. */
export function columnsOf(node: SqlNode): readonly string[] {
  const found = new Set<string>()
  walk(node, (inner) => {
    if (inner.kind !== 'ColumnRef') return undefined
    const fields = nodesOf(inner.fields['fields'])
    const [first] = fields
    if (fields.length === 1 && first?.kind === 'String') found.add(stringOf({ String: first.fields }))
    return false
  })
  return [...found]
}

function functionsOf(node: SqlNode): CheckedExpression['functions'] {
  const found = new Map<string, CheckedExpression['functions'][number]>()
  walk(node, (inner) => {
    if (inner.kind !== 'FuncCall') return undefined
    const names = namesOf(inner)
    const count = Array.isArray(inner.fields['args']) ? inner.fields['args'].length : 0
    const one = { schema: names.length > 1 ? (names[0] ?? null) : null, name: names.at(-1) ?? '', arguments: count }
    found.set(JSON.stringify(one), one)
    return undefined
  })
  return [...found.values()]
}

function forbidden(root: SqlNode, text: string): SqlSlip | null {
  let found: SqlSlip | null = null
  const slip = (message: string, expected: string, node: SqlNode): undefined => {
    found ??= { message, expected, offset: placeOf(node, text) }
    return undefined
  }
  const sameEachTime = 'an expression that answers the same for the same row, whoever asks and whenever'
  walk(root, (node) => {
    switch (node.kind) {
      case 'SubLink':
        return slip('a subquery', 'an expression over one row; what comes from another table belongs in a link between tables', node)
      case 'WindowFunc':
      case 'GroupingFunc':
        return slip('a question about several rows', 'an expression over one row', node)
      case 'ParamRef':
        return slip(`a parameter, \`$${textOf(node, 'number')}\``, 'columns by their names', node)
      case 'SetToDefault':
      case 'CurrentOfExpr':
        return slip('a word that has no value here', 'an expression over one row', node)
      case 'SQLValueFunction':
        return slip(`\`${textOf(node, 'op').replace('SVFOP_', '')}\` gives the session or the time that asks`, sameEachTime, node)
      case 'ColumnRef': {
        const fields = nodesOf(node.fields['fields'])
        if (fields.some(({ kind }) => kind === 'A_Star')) return slip('a star', 'columns by their names', node)
        if (fields.length > 1) return slip(`\`${fields.map((inner) => textOf(inner, 'sval')).join('.')}\` names a table, and there is none around an expression`, 'columns by their bare names; for a field of a composite column `(column).field`', node)
        return undefined
      }
      case 'A_Indirection':
        return nodesOf(node.fields['indirection']).some(({ kind }) => kind === 'A_Star') ? slip('a star', 'fields by their names', node) : undefined
      case 'FuncCall':
        return forbiddenCall(node, sameEachTime, slip)
      default:
        return undefined
    }
  })
  return found
}

function forbiddenCall(node: SqlNode, sameEachTime: string, slip: (message: string, expected: string, node: SqlNode) => undefined): undefined {
  const name = bareName(node)
  if ('over' in node.fields) return slip(`\`${name}\` over a window`, 'an expression over one row', node)
  const aggregate = ['agg_star', 'agg_distinct', 'agg_order', 'agg_filter', 'agg_within_group'].some((key) => key in node.fields)
  if (aggregate || (AGGREGATES.has(name) && builtIn(node))) return slip(`\`${name}\` is about several rows`, 'an expression over one row', node)
  if (SETS.has(name) && builtIn(node)) return slip(`\`${name}\` gives several values`, 'an expression with one value', node)
  const why = Object.hasOwn(UNSTEADY, name) ? UNSTEADY[name] : undefined
  return why === undefined ? undefined : slip(`\`${name}\` gives ${why}`, sameEachTime, node)
}

function builtIn(node: SqlNode): boolean {
  const names = namesOf(node)
  return names.length === 1 || names[0] === 'pg_catalog'
}

function bareName(node: SqlNode): string {
  return namesOf(node).at(-1) ?? ''
}

function namesOf(node: SqlNode): readonly string[] {
  const names = node.fields['funcname']
  return Array.isArray(names) ? names.map((name) => stringOf(name)) : []
}

/** Locations in the tree count bytes from the `S` of `SELECT (`. */
function placeOf(node: SqlNode, text: string): number {
  const location = node.fields['location']
  if (typeof location !== 'number') return 0
  const bytes = location - 'SELECT ('.length
  return bytes <= 0 ? 0 : Buffer.from(text).subarray(0, bytes).toString('utf8').length
}

