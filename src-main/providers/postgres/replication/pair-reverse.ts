import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import { otherEnvironment } from '../../../contract/vocabulary.ts'
import { Fault } from '../../../contract/fault.ts'
import { quotedTable, spoken } from '../migration/units.ts'
import { closeWrites, openWrites, refuseWrites, removeFences } from './pair-fence.ts'
import { beat, readLag, untilArrived } from './pair-lag.ts'
import type { PairLag } from './pair-lag.ts'
import { dropSlot, ensureSlot, follow, unfollow } from './pair-set-up.ts'
import type { PairParts } from './pair-set-up.ts'
import type { Held, Side } from './pair-side.ts'
import { readPair } from './pair-state.ts'
import type { PairState } from './pair-state.ts'
import { aheadOf, readSequences } from './pair-tables.ts'

/** Named places where a test ends the switch, as a crash would. A no-op in production. */
export type PairCrashPoint = (name: 'prepared' | 'closed' | 'drained' | 'slotMade' | 'opened' | 'following' | 'slotDropped') => void | Promise<void>

export interface SwitchOptions {
  /** Most that the follower may be behind when writes are closed, ms. */
  readonly maxLagMs: number
  /** For closing and for the last changes to arrive; then writes are opened again where they were, ms. */
  readonly deadlineMs: number
  readonly crashPoint: PairCrashPoint
}

export interface SwitchResult {
  readonly source: EnvironmentName
  readonly generation: number
  /** From closing writes on one side to opening them on the other; 0 when that was done before. */
  readonly closedMs: number
  /** Sequences that were set ahead, in words. */
  readonly sequences: readonly string[]
}

/**
 * Gives the writes to `to`: closes them on the side that has them, waits until the other has replayed every one, sets
 * its sequences, puts a slot where its own writes will begin, and opens it. The opening is one transaction on `to`;
 * before it everything can be taken back, after it nothing is ever undone. Clients that write meanwhile wait.
 * Faults: `interlocked` (not in step, too far behind, someone else switches), `timeout` (as before again), `providerUnavailable`.
 */
export async function beforeSwitch(parts: PairParts, to: EnvironmentName, options: SwitchOptions): Promise<SwitchResult> {
  return underLocks(parts, async (locked) => {
    const state = await readPair(parts.sides, parts.pair, parts.names)
    const from = otherEnvironment(to)
    const [giver, taker] = [locked[from], locked[to]]
    const asItIs = { source: to, generation: state.generation, closedMs: 0, sequences: [] }
    // It has them, or is just giving them away: then that is taken back.
    if (state.source === to) {
      if (state.phase === 'closing') await takeBack(taker, parts)
      return asItIs
    }
    mustBeAbleToSwitch(parts, state, to)
    const generation = state.generation + 1
    const { tables } = state[from]
    await sameSequences(parts, to, tables)
    if (state.phase !== 'closing') await keepsUp(parts, state, options)
    await holdEarlyWriters(taker, parts, tables, state[to].closed, options.deadlineMs)
    await ensureSlot(parts.sides[to], parts.names.earlySlot(to), options.deadlineMs)
    await options.crashPoint('prepared')

    const closedAt = performance.now()
    try {
      // Closed by an earlier try, it stays so: those who wait at the fence hold locks that closing again would wait for.
      if (state.phase !== 'closing') {
        await closeWrites(giver, {
          ...parts,
          tables,
          holdMs: options.deadlineMs,
          deadlineMs: options.deadlineMs,
          also: async (query) => void (await query(`UPDATE signalbox.pairs SET step = 'closing', changed_at = clock_timestamp() WHERE pair = $1`, [parts.pair])),
        })
      }
      await options.crashPoint('closed')
      const mark = await beat(giver.query, parts.pair, from, state.generation)
      if (!(await untilArrived(taker.query, parts.pair, from, state.generation, mark.beat, options.deadlineMs))) {
        throw new Fault('timeout', `${to} did not get the last changes of ${from} within ${options.deadlineMs} ms. Writes are open on ${from} as before; nothing is lost.`, `See why ${to} is behind, then switch again.`)
      }
      await options.crashPoint('drained')
      await slotForWrites(taker, parts, to, generation)
      await options.crashPoint('slotMade')
    } catch (error) {
      // Nothing was opened there, and the lock on this side is held: it can only be taken back. Where that fails too,
      // the side stays closed, and the same call or `cancelSwitch` goes on from there.
      await takeBack(giver, parts).catch(() => undefined)
      await refuseWrites(taker.query, parts.pair).catch(() => undefined)
      await dropSlot(parts.sides[to], parts.names.earlySlot(to)).catch(() => undefined)
      throw error
    }
    const sequences = await openThere(taker, parts, to, generation, tables)
    const closedMs = performance.now() - closedAt
    await options.crashPoint('opened')
    return { source: to, generation, closedMs, sequences }
  })
}

/**
 * Makes the side that gave the writes away follow the one that has them now; until then its changes are kept in a
 * slot. Repeat it until it is done: rolling back is possible from then on.
 */
export async function afterSwitch(parts: PairParts, to: EnvironmentName, crashPoint: PairCrashPoint): Promise<PairLag> {
  return underLocks(parts, async (locked) => {
    const state = await readPair(parts.sides, parts.pair, parts.names)
    if (state.source !== to || state.phase === 'closing') throw new Fault('illegalCommand', `${to} does not take the writes of the pair ${parts.pair} yet. ${state.words}`, 'Run the step before the switch first.')
    const from = otherEnvironment(to)
    const { generation } = state
    const [source, target] = [parts.sides[to], parts.sides[from]]
    await target.query(`UPDATE signalbox.pairs SET source = $2, generation = $3, step = 'settled', changed_at = clock_timestamp() WHERE pair = $1`, [parts.pair, to, generation])
    await refuseWrites(target.query, parts.pair)
    if (state[from].subscription === null) await follow({ names: parts.names, source, target, slot: parts.names.slot(to, generation), copy: false })
    await crashPoint('following')
    await dropSlot(source, parts.names.earlySlot(to))
    await dropSlot(target, parts.names.slot(from, generation - 1))
    await crashPoint('slotDropped')
    await source.query('DELETE FROM signalbox.pair_heartbeats WHERE pair = $1 AND generation < $2', [parts.pair, generation])
    await removeFences(locked[to], parts.names, state[to].tables)
    await source.query(`UPDATE signalbox.pairs SET step = 'settled', changed_at = clock_timestamp() WHERE pair = $1`, [parts.pair])
    return readLag(source, target, parts.pair, generation, parts.names, 5000)
  })
}

/** Opens writes again where they were, when a switch was begun and cannot be finished. Faults: `illegalCommand` once the other side has opened. */
export async function cancelSwitch(parts: PairParts): Promise<PairState> {
  return underLocks(parts, async (locked) => {
    const state = await readPair(parts.sides, parts.pair, parts.names)
    if (state.source === null) throw new Fault('illegalCommand', `The pair ${parts.pair} was never set up.`, 'Set it up first.')
    const to = otherEnvironment(state.source)
    if (state.phase === 'opened') throw new Fault('illegalCommand', `${state.source} takes the writes already.`, `Finish the switch; then switch back to ${to} if need be.`)
    if (state.phase === 'closing') await takeBack(locked[state.source], parts)
    for (const slot of [parts.names.slot(to, state.generation + 1), parts.names.earlySlot(to)]) await dropSlot(parts.sides[to], slot)
    return readPair(parts.sides, parts.pair, parts.names)
  })
}

/**
 * Session locks in both databases, always blue first. What decides runs in these very sessions: whoever lost one can
 * no longer commit anything in it.
 */
async function underLocks<T>(parts: PairParts, work: (locked: Readonly<Record<EnvironmentName, Held>>) => Promise<T>): Promise<T> {
  return parts.sides.blue.held((blue) =>
    parts.sides.green.held(async (green) => {
      for (const held of [blue, green]) {
        const [got] = await held.query(`SELECT pg_try_advisory_lock(hashtextextended('signalbox pair ' || $1, 0)) AS got`, [parts.pair])
        if (got?.['got'] !== true) throw new Fault('interlocked', `Another console switches the pair ${parts.pair} right now.`, 'Wait for it, then look again.')
      }
      return work({ blue, green })
    }),
  )
}

function mustBeAbleToSwitch(parts: PairParts, state: PairState, to: EnvironmentName): void {
  if (state.phase === 'inStep' || state.phase === 'closing') return
  const next = state.phase === 'none' ? 'Set the pair up first.' : state.phase === 'copying' ? 'Wait until all tables are copied.' : state.phase === 'opened' ? 'Finish the last switch first.' : 'Mend that first.'
  throw new Fault('interlocked', `Writes of the pair ${parts.pair} cannot go to ${to}. ${state.words}`, next)
}

async function keepsUp(parts: PairParts, state: PairState, { maxLagMs, deadlineMs }: SwitchOptions): Promise<void> {
  if (state.source === null) return
  const to = otherEnvironment(state.source)
  const { lagMs } = await readLag(parts.sides[state.source], parts.sides[to], parts.pair, state.generation, parts.names, Math.min(maxLagMs, deadlineMs))
  if (lagMs > maxLagMs) throw new Fault('interlocked', `${to} is ${Math.round(lagMs)} ms behind, limit ${maxLagMs} ms. Nothing was closed.`, `Wait until ${to} has caught up.`)
}

async function sameSequences(parts: PairParts, to: EnvironmentName, tables: PairState['blue']['tables']): Promise<void> {
  const [own, other] = await Promise.all([readSequences(parts.sides[to].query, tables), readSequences(parts.sides[otherEnvironment(to)].query, tables)])
  const known = new Set(own.map(({ name }) => spoken(name)))
  const missing = other.filter(({ name }) => !known.has(spoken(name)))
  if (missing.length > 0) throw new Fault('interlocked', `${to} lacks ${missing.map(({ name }) => spoken(name)).join(', ')}: it could not go on numbering where the other side stopped.`, `Create ${missing.length === 1 ? 'the sequence' : 'the sequences'} on ${to}.`)
}

/** Writers that come early wait at the taker's door instead of failing. A follower whose fence someone took away gets one again. */
async function holdEarlyWriters(taker: Held, parts: PairParts, tables: PairState['blue']['tables'], closed: boolean, holdMs: number): Promise<void> {
  if (closed) await taker.query('UPDATE signalbox.pair_fences SET hold_ms = $2 WHERE pair = $1', [parts.pair, holdMs])
  else await closeWrites(taker, { ...parts, tables, holdMs, deadlineMs: holdMs, also: async () => {} })
}

async function takeBack(giver: Held, { pair }: PairParts): Promise<void> {
  await giver.transaction(async (query) => {
    await query(`UPDATE signalbox.pairs SET step = 'settled', changed_at = clock_timestamp() WHERE pair = $1`, [pair])
    await openWrites(query, pair)
  })
}

/**
 * A slot that begins behind everything that was applied here and before the first write of a client. Moving a slot is
 * kept only in memory for a while; its copy is on the disk before it is used.
 */
async function slotForWrites(taker: Held, { pair, names }: PairParts, to: EnvironmentName, generation: number): Promise<void> {
  // Changes are applied without waiting for the disk; this commit is on the disk only after all of them are.
  await taker.query('UPDATE signalbox.pairs SET changed_at = clock_timestamp() WHERE pair = $1', [pair])
  const slot = names.slot(to, generation)
  await dropSlot(taker, slot)
  await taker.query('SELECT pg_replication_slot_advance($1, pg_current_wal_flush_lsn())', [names.earlySlot(to)])
  await taker.query('SELECT pg_copy_logical_replication_slot($1, $2)', [names.earlySlot(to), slot])
}

/** The point at which the switch happens: all of it or none, in one transaction. */
async function openThere(taker: Held, parts: PairParts, to: EnvironmentName, generation: number, tables: PairState['blue']['tables']): Promise<readonly string[]> {
  const giver: Side = parts.sides[otherEnvironment(to)]
  const theirs = await readSequences(giver.query, tables)
  return taker.transaction(async (query) => {
    const told: string[] = []
    for (const own of await readSequences(query, tables)) {
      const other = theirs.find(({ name }) => spoken(name) === spoken(own.name))
      if (other === undefined) continue
      const { value, isCalled } = aheadOf(own, other)
      await query('SELECT setval($1::regclass, $2, $3)', [quotedTable(own.name), value.toString(), isCalled])
      told.push(`${spoken(own.name)} to ${value}`)
    }
    await unfollow(query, parts.names)
    await query(`UPDATE signalbox.pairs SET source = $2, generation = $3, step = 'opened', changed_at = clock_timestamp() WHERE pair = $1`, [parts.pair, to, generation])
    await openWrites(query, parts.pair)
    return told
  })
}
