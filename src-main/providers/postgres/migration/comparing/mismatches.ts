import type { Mismatch, MismatchClass } from '../../../../contract/migration.ts'
import type { IgnoreRule } from '../../../../contract/migration-definition.ts'
import type { Found, TextRow } from './compare-classify.ts'
import { rowsOf, type Session } from '../session.ts'

/** Once more seen ones are updated, whether open or accepted; others are new. Answers how many of them rules accept that would matter otherwise. */
export async function recordMismatches(session: Session, migration: string, rules: readonly IgnoreRule[], found: readonly Found[], atMs: number): Promise<{ readonly accepted: number }> {
  if (found.length === 0) return { accepted: 0 }
  const accepted = await acceptedOnes(session, rules, found, atMs)
  const rows = new Map(found.map((one, index) => [`${one.unit} ${JSON.stringify(one.key)}`, { ...one, old_row: one.old, new_row: one.new, found_by: one.foundBy, status: accepted.has(index) ? 'accepted' : 'open' }]))
  const list = [...rows.values()]
  const examples = new Set(list.filter((one) => one.class === 'textOnly' && one.status === 'open').slice(0, TEXT_ONLY_KEPT))
  await session.query(RECORD_SQL, [migration, JSON.stringify(list.filter((one) => one.class !== 'textOnly' || one.status !== 'open' || examples.has(one)))])
  return { accepted: list.filter((one) => one.status === 'accepted' && one.class !== 'textOnly').length }
}

/** Looked at again and right: no longer open. Answers how many. */
export async function settleMismatches(session: Session, ids: readonly string[], status: 'gone' | 'repaired'): Promise<number> {
  if (ids.length === 0) return 0
  const result = await session.query(`UPDATE signalbox.mismatches SET status = $2, last_seen = clock_timestamp() WHERE id = ANY ($1::bigint[]) AND status IN ('open', 'accepted')`, [ids, status])
  return result.rowCount ?? 0
}

/** Newest first. */
export async function listMismatches(session: Session, migration: string, filter: { readonly class?: MismatchClass | undefined; readonly status?: Mismatch['status'] | undefined; readonly limit: number }): Promise<readonly Mismatch[]> {
  return rowsOf(session, LIST_SQL, [migration, filter.class ?? null, filter.status ?? null, filter.limit], mismatchOf)
}

/** What is on record as wrong, for looking at it again. */
export interface OnRecord {
  readonly id: string
  readonly unit: string
  readonly class: MismatchClass
  readonly key: Readonly<Record<string, unknown>>
  readonly status: Mismatch['status']
  readonly detail: string
}

export async function unsettled(session: Session, migration: string, limit: number, which: { readonly before?: Date; readonly ids?: readonly string[] }): Promise<readonly OnRecord[]> {
  return rowsOf(
    session,
    `SELECT id, unit, class, key, status, detail FROM signalbox.mismatches WHERE migration = $1 AND status IN ('open', 'accepted') AND ($3::bigint[] IS NULL OR id = ANY ($3)) AND ($4::timestamptz IS NULL OR last_seen < $4) ORDER BY last_seen LIMIT $2`,
    [migration, limit, which.ids ?? null, which.before?.toISOString() ?? null],
    (row) => ({ id: String(row['id']), unit: String(row['unit']), class: row['class'] as MismatchClass, key: row['key'] as Record<string, unknown>, status: row['status'] as Mismatch['status'], detail: String(row['detail']) }),
  )
}

/** Which of these (by place) rules accept: each difference by a rule for its column or for rows, that has not expired. */
async function acceptedOnes(session: Session, rules: readonly IgnoreRule[], found: readonly Found[], atMs: number): Promise<ReadonlySet<number>> {
  const accepted = new Set<number>()
  const left = new Map(found.map((one, index) => [index, new Set(one.differences.map(({ column }) => column))]))
  for (const rule of rules.filter(({ expiresAt }) => expiresAt > atMs)) {
    const asked = found.flatMap((one, index): readonly Asked[] =>
      rule.column === null ? [{ index, column: null, old: rowText(one.old), new: rowText(one.new) }] : one.differences.filter(({ column }) => column === rule.column).map((difference) => ({ index, ...difference })),
    )
    if (asked.length === 0) continue
    const verdicts = await rowsOf(session, ruleSql(rule), [asked.map((one) => one.old), asked.map((one) => one.new)], ({ accepted }) => accepted === true)
    for (const [place, { index, column }] of asked.entries()) {
      if (verdicts[place] !== true) continue
      const columns = left.get(index)
      if (column === null) accepted.add(index)
      else columns?.delete(column)
      if (column !== null && columns?.size === 0) accepted.add(index)
    }
  }
  return accepted
}

interface Asked {
  readonly index: number
  readonly column: string | null
  readonly old: string | null
  readonly new: string | null
}

function ruleSql(rule: IgnoreRule): string {
  return `SELECT (${rule.when}) AS accepted FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS v(old, new, place) ORDER BY place`
}

function rowText(row: TextRow | null): string | null {
  return row === null ? null : JSON.stringify(row)
}

/**
 * Differences of text alone stop nothing, and there may be one for each row that is written: of those that are open, about
 * so many are kept as examples. How many there are in all, each full pass counts.
 */
const TEXT_ONLY_KEPT = 1000

/** What the mirror could not write stays `rejected` for as long as it is in quarantine, whatever it looks like. */
const RECORD_SQL = `
WITH kept AS (
  SELECT count(*) AS n FROM (SELECT FROM signalbox.mismatches WHERE migration = $1 AND class = 'textOnly' AND status = 'open' LIMIT ${TEXT_ONLY_KEPT}) AS examples
), found AS (
  SELECT x.*, CASE WHEN EXISTS (SELECT FROM signalbox.quarantine q WHERE q.migration = $1 AND q.unit = x.unit AND q.key = x.key) THEN 'rejected' ELSE x.class END AS kept
  FROM jsonb_to_recordset($2::jsonb) AS x(unit text, class text, key jsonb, columns text[], old_row jsonb, new_row jsonb, found_by text, detail text, status text)
), seen AS (
  UPDATE signalbox.mismatches m SET class = f.kept, columns = f.columns, old_row = f.old_row, new_row = f.new_row, status = f.status, last_seen = clock_timestamp(),
    detail = CASE WHEN f.kept = 'rejected' AND m.class = 'rejected' AND f.class <> 'rejected' THEN m.detail ELSE f.detail END
  FROM found f WHERE m.migration = $1 AND m.unit = f.unit AND m.key = f.key AND m.status IN ('open', 'accepted')
  RETURNING m.unit, m.key
)
INSERT INTO signalbox.mismatches (migration, unit, class, key, columns, old_row, new_row, found_by, detail, status)
SELECT $1, f.unit, f.kept, f.key, f.columns, f.old_row, f.new_row, f.found_by, f.detail, f.status FROM found f
WHERE NOT EXISTS (SELECT FROM seen s WHERE s.unit = f.unit AND s.key = f.key) AND (f.kept <> 'textOnly' OR f.status <> 'open' OR (SELECT n FROM kept) < ${TEXT_ONLY_KEPT})
ON CONFLICT (migration, unit, key) WHERE status = 'open' DO UPDATE SET last_seen = clock_timestamp()`

const LIST_SQL = `
SELECT id, class, unit, key, columns, old_row, new_row, found_by, detail, status,
  extract(epoch FROM first_seen) * 1000 AS first_seen, extract(epoch FROM last_seen) * 1000 AS last_seen
FROM signalbox.mismatches WHERE migration = $1 AND ($2::text IS NULL OR class = $2) AND ($3::text IS NULL OR status = $3) ORDER BY id DESC LIMIT $4`

function mismatchOf(row: Readonly<Record<string, unknown>>): Mismatch {
  const kind = row['class'] as MismatchClass
  const columns = row['columns'] as string[]
  return {
    id: String(row['id']),
    class: kind,
    table: String(row['unit']),
    key: row['key'] as Mismatch['key'],
    columns,
    old: row['old_row'] as Mismatch['old'],
    new: row['new_row'] as Mismatch['new'],
    foundBy: row['found_by'] as Mismatch['foundBy'],
    detail: String(row['detail']),
    firstSeenAt: Math.round(Number(row['first_seen'])),
    lastSeenAt: Math.round(Number(row['last_seen'])),
    status: row['status'] as Mismatch['status'],
    repair: row['status'] === 'open' ? repairWords(kind, columns) : '',
  }
}

/** What a repair would do; empty: a person must decide. */
function repairWords(kind: MismatchClass, columns: readonly string[]): string {
  const named = columns.length === 0 ? 'it' : columns.join(', ')
  switch (kind) {
    case 'missing':
    case 'differs':
    case 'textOnly':
    case 'conflict':
      return `writes ${named} again from the authoritative side`
    case 'extra':
      return 'deletes the row that nothing accounts for'
    case 'rejected':
      return 'tries the transform again'
    case 'lossy':
    case 'unverifiable':
      return ''
  }
}
