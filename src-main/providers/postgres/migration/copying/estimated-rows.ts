import type { TableName } from '../../../../contract/migration-definition.ts'
import { rowsOf, type Session } from '../session.ts'
import { quotedTable } from '../units.ts'

/** Tables up to this size are counted rather than estimated. */
const CHEAP_BYTES = 64 * 1024 ** 2
const BYTES_PER_ROW = 100

/** Counted where that is cheap, otherwise the planner's estimate. */
export async function estimatedRows(session: Session, { from }: { readonly from: TableName }, countBelowBytes = CHEAP_BYTES): Promise<number> {
  const table = quotedTable(from)
  const [known] = await rowsOf(
    session,
    `SELECT sum(greatest(c.reltuples, 0)) AS rows, sum(pg_relation_size(c.oid)) AS bytes, bool_or(c.reltuples < 0) AS unknown FROM pg_class c
    WHERE c.relkind = 'r' AND c.oid IN (SELECT to_regclass($1)::oid UNION SELECT relid FROM pg_partition_tree(to_regclass($1)) WHERE isleaf)`,
    [table],
    (row) => ({ rows: Number(row['rows']), bytes: Number(row['bytes']), unknown: row['unknown'] === true }),
  )
  if (known && known.bytes > countBelowBytes) {
    // Never analyzed, and too large to be counted by the way.
    if (!known.unknown) return known.rows
    if (known.bytes > CHEAP_BYTES) return Math.round(known.bytes / BYTES_PER_ROW)
  }
  const [rows = 0] = await rowsOf(session, `SELECT count(*) AS rows FROM ${table}`, [], ({ rows }) => Number(rows))
  return rows
}
