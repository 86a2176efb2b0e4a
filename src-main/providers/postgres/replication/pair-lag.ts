import { setTimeout as wait } from 'node:timers/promises'
import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import type { PairNames } from './pair-names.ts'
import type { Query, Side } from './pair-side.ts'

export interface PairLag {
  /** The side whose writes count, and the one that follows. */
  readonly from: EnvironmentName
  readonly to: EnvironmentName
  /** How far the follower is behind, by the source's clock alone: 0 to about 10 while it keeps up. */
  readonly lagMs: number
  /** Write-ahead log that the follower has not confirmed as safe on its disk. */
  readonly behindBytes: number
}

const POLL_MS = 4

/** A mark in the stream of changes: who sees it has everything that was committed before it. */
export async function beat(query: Query, pair: string, from: EnvironmentName, generation: number): Promise<{ readonly beat: bigint; readonly atMs: number }> {
  const [row] = await query(
    `INSERT INTO signalbox.pair_heartbeats AS h (pair, side, generation, beat, at) VALUES ($1, $2, $3, 1, clock_timestamp())
     ON CONFLICT (pair, side, generation) DO UPDATE SET beat = h.beat + 1, at = clock_timestamp() RETURNING beat::text AS beat, extract(epoch FROM at)::float8 * 1000 AS at_ms`,
    [pair, from, generation],
  )
  return { beat: BigInt(String(row?.['beat'])), atMs: Number(row?.['at_ms']) }
}

/** The newest mark that arrived; beat 0 when none did. */
export async function arrived(query: Query, pair: string, from: EnvironmentName, generation: number): Promise<{ readonly beat: bigint; readonly atMs: number | null }> {
  const [row] = await query('SELECT beat::text AS beat, extract(epoch FROM at)::float8 * 1000 AS at_ms FROM signalbox.pair_heartbeats WHERE pair = $1 AND side = $2 AND generation = $3', [pair, from, generation])
  return row === undefined ? { beat: 0n, atMs: null } : { beat: BigInt(String(row['beat'])), atMs: Number(row['at_ms']) }
}

/** Waits until the follower has replayed a mark. False: not within the time. */
export async function untilArrived(query: Query, pair: string, from: EnvironmentName, generation: number, mark: bigint, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs
  for (;;) {
    if ((await arrived(query, pair, from, generation)).beat >= mark) return true
    if (performance.now() >= endMs) return false
    await wait(POLL_MS)
  }
}

/** Sends a mark and looks how old what has arrived is. Waits at most `patienceMs` for the new one: more is lag. */
export async function readLag(source: Side, target: Side, pair: string, generation: number, names: PairNames, patienceMs = 250): Promise<PairLag> {
  const before = await arrived(target.query, pair, source.name, generation)
  const begunMs = performance.now()
  const sent = await beat(source.query, pair, source.name, generation)
  const here = await untilArrived(target.query, pair, source.name, generation, sent.beat, patienceMs)
  const tookMs = performance.now() - begunMs
  const newest = here ? before : await arrived(target.query, pair, source.name, generation)
  const [now] = await source.query(
    `SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now_ms, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), (SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = $1)), 0)::text AS behind`,
    [names.slot(source.name, generation)],
  )
  // Nothing arrived yet at all: it is behind at least since this first mark was sent.
  const lagMs = here ? tookMs : Number(now?.['now_ms']) - (newest.atMs ?? sent.atMs)
  return { from: source.name, to: target.name, lagMs: Math.max(0, lagMs), behindBytes: Number(now?.['behind']) }
}
