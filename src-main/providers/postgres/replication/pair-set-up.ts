import { setTimeout as wait } from 'node:timers/promises'
import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import { otherEnvironment } from '../../../contract/vocabulary.ts'
import { Fault } from '../../../contract/fault.ts'
import { quoted, quotedTable } from '../migration/units.ts'
import { closeWrites, openWrites, removeFences } from './pair-fence.ts'
import { beat } from './pair-lag.ts'
import { literal } from './pair-names.ts'
import type { PairNames } from './pair-names.ts'
import { PAIR_SQL } from './pair-schema.ts'
import type { Held, Query, Side } from './pair-side.ts'
import { readSide } from './pair-state.ts'
import type { PairState } from './pair-state.ts'
import type { PairTable } from './pair-tables.ts'

export interface PairParts {
  readonly pair: string
  readonly names: PairNames
  readonly sides: Readonly<Record<EnvironmentName, Side>>
}

const CLOSE_DEADLINE_MS = 20_000
const SLOT_TIMEOUT_MS = 55_000

/**
 * Makes one side follow the other, whatever is there of it already: control tables, publications on both sides, the
 * follower closed for clients, slot, subscription. Each part is looked for before it is made, so it can be repeated
 * after it was cut off anywhere. `copy`: the follower's tables are empty and get the rows that are there.
 */
export async function setUpPair(parts: PairParts, state: PairState, tables: readonly PairTable[], from: EnvironmentName, copy: boolean): Promise<void> {
  const { pair, names, sides } = parts
  const source = sides[from]
  const target = sides[otherEnvironment(from)]
  if (state.source !== null && state.source !== from) throw new Fault('illegalCommand', `${state.source} takes the writes of the pair ${pair}; setting it up from ${from} would overwrite them.`, `Set it up from ${state.source}, or switch to ${from}.`)
  if (state.phase === 'closing' || state.phase === 'opened') throw new Fault('illegalCommand', `A switch of the pair ${pair} is under way. ${state.words}`, 'Finish the switch, or cancel it.')
  const generation = Math.max(1, state.generation)
  const listed = tables.map(({ name }) => name)
  for (const side of [source, target]) {
    await side.query(PAIR_SQL)
    await side.query(
      `INSERT INTO signalbox.pairs (pair, side, source, generation, step, tables) VALUES ($1, $2, $3, $4, 'settled', $5)
       ON CONFLICT (pair) DO UPDATE SET side = $2, source = $3, generation = $4, step = 'settled', tables = $5, changed_at = clock_timestamp()`,
      [pair, side.name, from, generation, JSON.stringify(listed)],
    )
    await side.query('INSERT INTO signalbox.pair_fences (pair, closing, opened, hold_ms) VALUES ($1, 0, 0, 0) ON CONFLICT DO NOTHING', [pair])
    await publish(side, names, tables)
  }
  await target.held((held) => closeWrites(held, { pair, names, tables: listed, holdMs: 0, deadlineMs: CLOSE_DEADLINE_MS, also: async () => {} }))
  const there = await readSide(target.query, pair, names)
  if (there.subscription === null) await target.query('DELETE FROM signalbox.pair_heartbeats WHERE pair = $1', [pair])
  await ensureSlot(source, names.slot(from, generation))
  if (there.subscription === null) await follow({ names, source, target, slot: names.slot(from, generation), copy })
  else {
    await target.query(`ALTER SUBSCRIPTION ${quoted(names.subscription)} CONNECTION ${literal(await source.peerUrl())}`)
    await target.query(`ALTER SUBSCRIPTION ${quoted(names.subscription)} REFRESH PUBLICATION WITH (copy_data = ${copy})`)
  }
  await beat(source.query, pair, from, generation)
}

async function publish(side: Side, names: PairNames, tables: readonly PairTable[]): Promise<void> {
  const list = [...tables.map(({ name }) => quotedTable(name)), 'signalbox.pair_heartbeats'].join(', ')
  const [there] = await side.query('SELECT FROM pg_publication WHERE pubname = $1', [names.publication])
  await side.query(there === undefined ? `CREATE PUBLICATION ${quoted(names.publication)} FOR TABLE ${list}` : `ALTER PUBLICATION ${quoted(names.publication)} SET TABLE ${list}`)
}

/**
 * Waits for transactions under way anywhere on that server: their changes would be half in it. Faults: `timeout`,
 * with nothing left of it.
 */
export async function ensureSlot(side: Side, slot: string, timeoutMs = SLOT_TIMEOUT_MS): Promise<void> {
  await side.held(async ({ query }) => {
    const [there] = await query('SELECT FROM pg_replication_slots WHERE slot_name = $1', [slot])
    if (there !== undefined) return
    await query(`SET lock_timeout = 0; SET statement_timeout = ${Math.max(100, Math.round(timeoutMs))}`)
    await query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]).catch((error: unknown) => {
      if (sqlState(error) !== '57014') throw error
      throw new Fault('timeout', `${side.label} had no moment without an older transaction within ${Math.round(timeoutMs)} ms, so no replication slot could begin there. Nothing was changed.`, 'End long transactions on that server, also those of other databases, then repeat.', { cause: error })
    })
  })
}

/**
 * Creates the subscription. From PostgreSQL 16 on it asks for changes without an origin only, so that nothing that was
 * applied is ever sent back; before, there is never a moment at which both directions run.
 */
export async function follow({ names, source, target, slot, copy }: { readonly names: PairNames; readonly source: Side; readonly target: Side; readonly slot: string; readonly copy: boolean }): Promise<void> {
  const [version] = await target.query(`SELECT current_setting('server_version_num')::int AS number`)
  const options = [`slot_name = ${literal(slot)}`, 'create_slot = false', 'enabled = true', `copy_data = ${copy}`, ...(Number(version?.['number']) >= 160_000 ? ['origin = none'] : [])]
  await target.query(`CREATE SUBSCRIPTION ${quoted(names.subscription)} CONNECTION ${literal(await source.peerUrl())} PUBLICATION ${quoted(names.publication)} WITH (${options.join(', ')})`).catch((error: unknown) => {
    const why = error instanceof Fault ? error.message : ''
    throw new Fault('providerUnavailable', `${target.label} could not begin to follow ${source.label}. ${why}`.trim(), `See that the server of ${target.name} reaches that address, and that its role may create subscriptions; then repeat.`, { cause: error })
  })
}

/** In a transaction, and without asking the other server: its slot is dropped there. */
export async function unfollow(query: Query, names: PairNames): Promise<void> {
  const [there] = await query('SELECT FROM pg_subscription WHERE subname = $1 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())', [names.subscription])
  if (there === undefined) return
  const name = quoted(names.subscription)
  await query(`ALTER SUBSCRIPTION ${name} DISABLE`)
  await query(`ALTER SUBSCRIPTION ${name} SET (slot_name = NONE)`)
  await query(`DROP SUBSCRIPTION ${name}`)
}

/** Drops a slot once nobody reads from it any more. */
export async function dropSlot(side: { readonly query: Query }, slot: string, timeoutMs = 10_000): Promise<void> {
  const endMs = performance.now() + timeoutMs
  for (;;) {
    const [there] = await side.query('SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1', [slot])
    if (there === undefined) return
    if (there['active_pid'] === null) {
      const gone = await side.query('SELECT pg_drop_replication_slot($1)', [slot]).then(
        () => true,
        (error: unknown) => {
          if (performance.now() >= endMs) throw error
          return false
        },
      )
      if (gone) return
    } else if (performance.now() >= endMs) {
      throw new Fault('timeout', `The replication slot ${slot} is still in use; it keeps write-ahead log until it is dropped.`, 'Repeat the step; it drops the slot once its reader has gone.')
    }
    await wait(50)
  }
}

/** Ends the pair: nothing of ours that acts is left, rows stay as they are, and both sides take writes again. */
export async function tearDownPair(parts: PairParts, state: PairState): Promise<void> {
  for (const side of [parts.sides.blue, parts.sides.green]) {
    // A subscription whose copying was not done has slots of its own on the other server; those go with its workers.
    await side.transaction((query) => unfollow(query, parts.names))
  }
  for (const side of [parts.sides.blue, parts.sides.green]) {
    const { slots, tables } = state[side.name]
    for (const { name } of slots) await dropSlot(side, name)
    await side.query(`DROP PUBLICATION IF EXISTS ${quoted(parts.names.publication)}`)
    await side.held((held: Held) => endFence(held, parts, tables))
  }
}

async function endFence(held: Held, { pair, names }: PairParts, tables: SideTables): Promise<void> {
  const [installed] = await held.query(`SELECT to_regclass('signalbox.pairs') IS NOT NULL AS yes`)
  if (installed?.['yes'] !== true) return
  await openWrites(held.query, pair)
  await removeFences(held, names, tables, 100)
  const [left] = await held.query('SELECT count(*)::int AS n FROM pg_trigger WHERE tgname = $1', [names.trigger])
  if (Number(left?.['n']) > 0) throw new Fault('timeout', 'Tables are in use without a pause: the pair’s write fences are open, but could not all be removed.', 'Repeat tearing down when less is written.')
  for (const table of ['pair_fences', 'pair_heartbeats', 'pairs']) await held.query(`DELETE FROM signalbox.${table} WHERE pair = $1`, [pair])
}

type SideTables = PairState['blue']['tables']

function sqlState(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}
