import { setTimeout as wait } from 'node:timers/promises'
import type { TableName } from '../../../contract/migration-definition.ts'
import { isLockTrouble } from '../migration/database-fault.ts'
import { quoted, quotedTable } from '../migration/units.ts'
import { literal } from './pair-names.ts'
import type { PairNames } from './pair-names.ts'
import type { Held, Query } from './pair-side.ts'

const LOCK_TIMEOUT_MS = 100

/**
 * Closes writes of clients on these tables: after it returns, every write that got through is committed, and no other
 * will be. One transaction, all locks in the order of names, given up and tried again when they are not to be had.
 * `also` runs in the same transaction. Faults: `timeout` with nothing changed.
 */
export async function closeWrites(held: Held, request: { readonly pair: string; readonly names: PairNames; readonly tables: readonly TableName[]; readonly holdMs: number; readonly deadlineMs: number; readonly also: (query: Query) => Promise<void> }): Promise<void> {
  const endMs = performance.now() + request.deadlineMs
  for (;;) {
    try {
      return await held.transaction(async (query) => {
        await query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`)
        await raiseFence(query, request)
        await request.also(query)
      })
    } catch (error) {
      if (!isLockTrouble(error) || performance.now() >= endMs) throw error
      // Whoever holds the lock and everybody queued behind us get room before the next try.
      await wait(LOCK_TIMEOUT_MS * (0.5 + Math.random()))
    }
  }
}

async function raiseFence(query: Query, { pair, names, tables, holdMs }: { readonly pair: string; readonly names: PairNames; readonly tables: readonly TableName[]; readonly holdMs: number }): Promise<void> {
  // Conflicts with every writer, so it waits for those in flight; readers do not notice.
  if (tables.length > 0) await query(`LOCK TABLE ${tables.map(quotedTable).join(', ')} IN SHARE ROW EXCLUSIVE MODE`)
  const [fence] = await query(
    `INSERT INTO signalbox.pair_fences AS f (pair, closing, opened, hold_ms) VALUES ($1, 1, 0, $2)
     ON CONFLICT (pair) DO UPDATE SET closing = f.closing + 1, hold_ms = $2 RETURNING closing::text AS closing`,
    [pair, holdMs],
  )
  const number = literal(String(fence?.['closing']))
  for (const table of tables) {
    await query(
      `CREATE OR REPLACE TRIGGER ${quoted(names.trigger)} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${quotedTable(table)} FOR EACH STATEMENT EXECUTE FUNCTION signalbox.pair_fence(${literal(pair)}, ${number})`,
    )
  }
}

/** Opens at once, for those who wait too; takes no lock on any table. */
export async function openWrites(query: Query, pair: string): Promise<void> {
  await query('UPDATE signalbox.pair_fences SET opened = closing WHERE pair = $1', [pair])
}

/** From now on nobody waits for it to open. */
export async function refuseWrites(query: Query, pair: string): Promise<void> {
  await query('UPDATE signalbox.pair_fences SET hold_ms = 0 WHERE pair = $1', [pair])
}

/** Takes the triggers of an opened fence away, as far as locks are to be had at once: an open fence costs a writer one look at a row. */
export async function removeFences(held: Held, names: PairNames, tables: readonly TableName[], tries = 20): Promise<void> {
  for (const table of tables) {
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      const done = await held
        .transaction(async (query) => {
          await query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS / 2}`)
          await query(`DROP TRIGGER IF EXISTS ${quoted(names.trigger)} ON ${quotedTable(table)}`)
          return true
        })
        .catch((error: unknown) => {
          if (isLockTrouble(error)) return false
          throw error
        })
      if (done) break
      await wait(20 + Math.random() * 50)
    }
  }
}
