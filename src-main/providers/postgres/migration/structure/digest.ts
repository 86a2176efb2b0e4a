import { createHash } from 'node:crypto'
import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { TableDetail } from '../facts.ts'
import { concurrentIndexes } from './indexes.ts'
import { PREVIEWED_STEPS } from './sql-preview.ts'
import { stepSql, stepText } from './structure.ts'

/**
 * SHA-256, hex, of the declared change and the SQL that is made of it. Owners, grants, comments and the server's
 * version are left out: they differ between a database and the one it is rehearsed on.
 */
export function migrationDigest(definition: MigrationDefinition, tables: readonly TableDetail[]): string {
  const plain = tables.map((table) => ({ ...table, owner: '', grants: [], subscribed: false, columns: table.columns.map((column) => ({ ...column, grants: [], comment: null })) }))
  const context = { definition, tables: plain, serverVersion: 150_000, role: '' }
  const sql = PREVIEWED_STEPS.map(({ step, standing, writes, readsPercent }) => stepText(stepSql(context, step, { standing, writes, readsPercent })))
  return createHash('sha256')
    .update(JSON.stringify([definition.id, definition.change, definition.entity, sql, concurrentIndexes(definition, plain).map(({ create }) => create)]))
    .digest('hex')
}
