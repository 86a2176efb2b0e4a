import type { MigrationPhase, MigrationSample } from '../../../../contract/migration.ts'
import type { StopSignal } from '../../../../core/ports.ts'
import { estimatedRows } from '../copying/estimated-rows.ts'
import { comparisonsOf, type Comparison } from './compare-units.ts'
import { rest, sqlState, type MigrationContext } from '../context.ts'
import { fullPass } from './full-pass.ts'
import { loadReader } from '../copying/load-signs.ts'
import { lookAgain } from './look-again.ts'
import { lastKeySql, type Key } from '../page.ts'
import { boundaryKeys, randomKeys } from './pass-plan.ts'
import { sampledRead } from './sampled-reads.ts'
import { rowsOf, type Session } from '../session.ts'
import { quotedTable } from '../units.ts'
import type { Counting } from './watch-counts.ts'
import { workProgress } from '../copying/work-progress.ts'
import { REREAD_WITHIN_MS, rereadWritten } from './written-keys.ts'
import { nextShare } from './written-share.ts'

export interface WatchRequest {
  /** The migration as it is now; throws what makes watching pointless. */
  readonly load: () => Promise<MigrationContext>
  readonly signal: StopSignal
  /** Passes and sampled reads stand still; written keys are still re-read. */
  readonly paused: () => boolean
  readonly onSample: (sample: MigrationSample) => void
  /** What copying does meanwhile. */
  readonly copying: () => { readonly rowsPerSecond: number; readonly waiting: boolean }
}

export interface Watching {
  readonly request: WatchRequest
  readonly counting: Counting
  /** Keys of the first comparison that were written last. */
  readonly recent: Key[]
}

/** Ends when the migration moved on; then it is begun anew with what is true then. */
export type Loop = (watching: Watching, context: MigrationContext, session: Session) => Promise<void>

/** Rows are still being copied while backfilling: only what was written must be equal by then. */
const READS_IN: readonly MigrationPhase[] = ['shadowReads', 'verifying', 'dualWrites', 'switchingReads', 'switchedWrites', 'tombstoned']
/** Where passes are not part of the phase's own work. */
const PASSES_IN: readonly MigrationPhase[] = ['dualWrites', 'switchingReads', 'switchedWrites', 'tombstoned']
const QUEUE_IN: readonly MigrationPhase[] = ['backfilling', 'verifying', 'dualWrites', 'switchingReads', 'switchedWrites', 'tombstoned']

const QUEUE_EVERY_MS = 250
const LEAST_BETWEEN_PASSES_MS = 5000
const KEYS_FOR_MS = 5000
const RECENT = 100
const IDLE_MS = 1000

/** Re-reads what clients wrote, within seconds, and says which share of it when there is too much. */
export const queueLoop: Loop = async ({ request, counting, recent }, context, session) => {
  if (!QUEUE_IN.includes(context.state.phase)) return rest(IDLE_MS, request.signal)
  const { writtenKeysPerSecond } = context.definition.verify
  const queue = await queueOf(session, context.id)
  let { share } = queue
  let second = { sinceMs: performance.now(), taken: 0, queued: queue.queued }
  let page = Math.max(1, Math.ceil((writtenKeysPerSecond * QUEUE_EVERY_MS) / 1000))
  counting.sampledShare(share / 1024)
  while (!request.signal.aborted) {
    const begun = performance.now()
    try {
      const taken = await rereadWritten(session, context, page)
      if (taken === 'overtaken') return
      counting.written(taken.count)
      second.taken += taken.count
      recent.push(...taken.keys)
      recent.splice(0, Math.max(0, recent.length - RECENT))
      page = Math.max(1, Math.ceil((writtenKeysPerSecond * QUEUE_EVERY_MS) / 1000))
    } catch (error) {
      await session.query('ROLLBACK')
      if (sqlState(error) !== '57014' || page === 1) throw error
      page = Math.ceil(page / 4)
    }
    const passedMs = performance.now() - second.sinceMs
    if (passedMs >= 1000) {
      const { queued } = await queueOf(session, context.id)
      const arrivedPerSecond = (Math.max(0, second.taken + queued - second.queued) * 1000) / passedMs
      const next = nextShare({ share, arrivedPerSecond, queued }, writtenKeysPerSecond, REREAD_WITHIN_MS)
      if (next !== share) await setShare(session, context.id, next)
      share = next
      counting.sampledShare(share / 1024)
      second = { sinceMs: performance.now(), taken: 0, queued }
    }
    await rest(QUEUE_EVERY_MS - (performance.now() - begun), request.signal)
  }
}

/** Reads by chance, the newest, the ends, and the operator's own questions, through both shapes. */
export const readsLoop: Loop = async ({ request, counting, recent }, context, session) => {
  const { readsPerSecond, queries } = context.definition.verify
  if (!READS_IN.includes(context.state.phase) || readsPerSecond === 0) return rest(IDLE_MS, request.signal)
  const comparisons = comparisonsOf(context)
  let keys: ReadonlyMap<Comparison, readonly Key[]> = new Map()
  let keysAtMs = -Infinity
  for (let turn = 0; !request.signal.aborted; turn += 1) {
    const begun = performance.now()
    if (request.paused()) {
      await rest(IDLE_MS / 4, request.signal)
      continue
    }
    if (begun - keysAtMs > KEYS_FOR_MS) {
      keys = await keysToRead(session, comparisons, Math.min(200, readsPerSecond * 5))
      keysAtMs = begun
    }
    const comparison = comparisons[turn % comparisons.length]
    if (!comparison) return rest(IDLE_MS, request.signal)
    const fresh = comparison === comparisons[0] && turn % 3 === 0 ? recent[Math.floor(Math.random() * recent.length)] : undefined
    const known = keys.get(comparison) ?? []
    const key = fresh ?? known[Math.floor(Math.random() * known.length)]
    const query = queries.length > 0 && turn % 4 === 3 && comparison === comparisons[0] ? (queries[Math.floor(turn / 4) % queries.length] ?? null) : null
    if (key) {
      const outcome = await sampledRead(session, context, comparison, key, query, Math.random)
      if (outcome.result === 'overtaken') return
      counting.read(outcome)
    }
    await rest(1000 / readsPerSecond - (performance.now() - begun), request.signal)
  }
}

/** One pass over all rows after another, with rests as long as they took; between them, what is open is looked at again. */
export const passesLoop: Loop = async ({ request }, context, session) => {
  if (!PASSES_IN.includes(context.state.phase)) return rest(IDLE_MS, request.signal)
  const verdict = () => (request.paused() ? ({ level: 'pause', reason: 'paused by an operator' } as const) : ({ level: 'run', reason: '' } as const))
  while (!request.signal.aborted) {
    const begun = performance.now()
    const progress = workProgress('fullPass', Date.now)
    const outcome = await fullPass({ work: 'fullPass', context, sessions: [session], verdict, progress, signal: request.signal, restRatio: 1 })
    if (outcome === 'stopped' || outcome === 'overtaken') return
    const until = performance.now() + Math.max(LEAST_BETWEEN_PASSES_MS, performance.now() - begun)
    while (performance.now() < until && !request.signal.aborted) {
      await rest(IDLE_MS, request.signal)
      if (!request.signal.aborted) await lookAgain(session, context, {})
    }
  }
}

/** One sample each second, of the server and of what was found. */
export const samplesLoop: Loop = async ({ request, counting }, context, session) => {
  const reader = loadReader({ ...context.definition, throttle: { ...context.definition.throttle, maxProbeMs: null, maxWalBacklogBytes: null } }, null)
  const [first] = comparisonsOf(context)
  const probe = first ? lastKeySql(quotedTable(first.from), first.key) : 'SELECT 1'
  const probes: number[] = []
  while (!request.signal.aborted) {
    const begun = performance.now()
    const { replica } = await reader.read(session, Date.now())
    const probing = performance.now()
    await session.query(probe)
    probes.push(performance.now() - probing)
    if (probes.length > 5) probes.shift()
    await counting.keep(session)
    const [seen] = await rowsOf(session, SAMPLE_SQL, [context.id], (row) => ({ open: Number(row['open']), waitMs: Number(row['wait_ms']) }))
    request.onSample({
      at: Date.now(),
      ...request.copying(),
      replicaLagMs: replica === null ? null : Math.round(replica.lagMs),
      probeMs: probes.toSorted((a, b) => a - b)[Math.floor(probes.length / 2)] ?? null,
      openMismatches: seen?.open ?? 0,
      lockWaitMs: Math.round(seen?.waitMs ?? 0),
    })
    await rest(1000 - (performance.now() - begun), request.signal)
  }
}

async function keysToRead(session: Session, comparisons: readonly Comparison[], count: number): Promise<ReadonlyMap<Comparison, readonly Key[]>> {
  const keys = new Map<Comparison, readonly Key[]>()
  for (const comparison of comparisons) {
    const table = quotedTable(comparison.from)
    const rows = await estimatedRows(session, comparison, 0)
    keys.set(comparison, [...(await randomKeys(session, table, comparison.key, rows, count)), ...(await boundaryKeys(session, table, comparison.key))])
  }
  return keys
}

async function queueOf(session: Session, migration: string): Promise<{ readonly queued: number; readonly share: number }> {
  const [seen] = await rowsOf(session, 'SELECT (SELECT count(*) FROM signalbox.written WHERE migration = $1) AS queued, (SELECT written_share FROM signalbox.switches WHERE migration = $1) AS share', [migration], (row) => ({
    queued: Number(row['queued']),
    share: row['share'] === null ? 1024 : Number(row['share']),
  }))
  return seen ?? { queued: 0, share: 1024 }
}

/** Keys of the queue that the new share does not hold go with it: what is left is re-read in time. */
async function setShare(session: Session, migration: string, share: number): Promise<void> {
  await session.query('UPDATE signalbox.switches SET written_share = $2 WHERE migration = $1', [migration, share])
  await session.query('DELETE FROM signalbox.written WHERE migration = $1 AND (hashtext(key::text) & 1023) >= $2', [migration, share])
}

/** How long anybody has been waiting for a lock that a session of ours holds. */
const SAMPLE_SQL = `
WITH ours AS (SELECT array_agg(pid) AS pids FROM pg_stat_activity WHERE application_name = 'signalbox' AND datname = current_database())
SELECT (SELECT count(*) FROM signalbox.mismatches WHERE migration = $1 AND status = 'open') AS open,
  coalesce((SELECT max(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000) FROM pg_locks l, ours WHERE NOT l.granted AND NOT l.pid = ANY (ours.pids) AND pg_blocking_pids(l.pid) && ours.pids), 0) AS wait_ms`
