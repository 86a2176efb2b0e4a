import type { MigrationContext } from '../context.ts'
import type { StopSignal } from '../../../../core/ports.ts'
import type { Verification } from '../../../../contract/migration.ts'
import { assertFence, beginCheckpoint, moveCheckpoint, readCheckpoint, type Checkpoint } from '../copying/checkpoints.ts'
import { compareExtra, compareKeys, compareRange, counts, needsExtraWalk, type Compared } from './compare-rows.ts'
import { comparisonsOf, type Comparison } from './compare-units.ts'
import { estimatedRows } from '../copying/estimated-rows.ts'
import { rest } from '../context.ts'
import { recordMismatches } from './mismatches.ts'
import { chunkBounds } from './pass-plan.ts'
import { keyFromRecord, type Key, type KeyRange } from '../page.ts'
import { physicalWalk } from './physical-walk.ts'
import { lookAgain } from './look-again.ts'
import type { Session } from '../session.ts'
import type { ThrottleVerdict } from '../copying/throttle.ts'
import { quotedTable } from '../units.ts'
import type { WorkProgress } from '../copying/work-progress.ts'

export type LastPass = NonNullable<Verification['lastPass']>

export interface PassRequest {
  /** Under which name it keeps where it is. */
  readonly work: 'fullPass' | 'shadowScan'
  readonly context: MigrationContext
  /** As many chunks are compared at once. */
  readonly sessions: readonly Session[]
  readonly verdict: () => ThrottleVerdict
  readonly progress: WorkProgress
  readonly signal: StopSignal
  /** Rests so many times as long as comparing took. */
  readonly restRatio: number
}

/** What was compared since is compared again after a crash. */
const KEEP_EVERY_MS = 500

/** Walks of one pass: each comparison by the source's key, and where that cannot see what is too much, the target's. */
interface Walk {
  readonly name: string
  readonly comparison: Comparison
  readonly extra: boolean
}

/**
 * Compares all rows, chunk by chunk, each in one statement with one snapshot: as both sides are written in one
 * transaction, whatever differs is a defect, however busy the tables are. `overtaken`: the migration moved on meanwhile.
 */
export async function fullPass(request: PassRequest): Promise<LastPass | 'stopped' | 'overtaken'> {
  const { work, context, sessions, signal } = request
  const [session] = sessions
  if (!session) throw new Error('a pass needs a session')
  const compared = comparisonsOf(context)
  const walks = compared.flatMap((comparison): Walk[] => [
    { name: comparison.unit.name, comparison, extra: false },
    ...(needsExtraWalk(comparison) ? [{ name: `${comparison.unit.name} (extra)`, comparison, extra: true }] : []),
  ])
  const startedAt = await beginOrResume(session, work, context, walks)
  for (const walk of walks) {
    const outcome = await walked(request, session, walk)
    if (outcome !== 'done') return outcome
  }
  if (signal.aborted) return 'stopped'
  // What was wrong before this pass and did not come up in it is right by now.
  await lookAgain(session, context, { before: new Date(startedAt) })
  const totals = await places(session, context.id, work, walks)
  const last: LastPass = {
    startedAt,
    endedAt: Date.now(),
    rows: totals.reduce((sum, at, index) => sum + (walks[index]?.extra === true ? 0 : (at?.rowsDone ?? 0)), 0),
    mismatches: totals.reduce((sum, at) => sum + Number(at?.extra['mismatches'] ?? 0), 0),
    textOnly: totals.reduce((sum, at) => sum + Number(at?.extra['textOnly'] ?? 0), 0),
    direction: context.state.writes === 'old' ? 'oldToNew' : 'newToOld',
  }
  // A scan of what is only projected is a pass over all rows, too.
  await beginCheckpoint(session, context.id, 'fullPass', '*', [], { highKey: null, rowsTotal: 0 })
  await moveCheckpoint(session, context.id, 'fullPass', '*', [], { lastKey: null, rows: 0, done: true, extra: { lastPass: last } })
  return last
}

/** A pass that was interrupted goes on, unless it compared something else. */
async function beginOrResume(session: Session, work: PassRequest['work'], { id, definition }: MigrationContext, walks: readonly Walk[]): Promise<number> {
  const standing = walks[0]?.comparison.standing.text ?? ''
  const before = await places(session, id, work, walks)
  const resumable = before.every((at) => at !== null && at.extra['standing'] === standing && Date.now() - at.startedAtMs < definition.policy.maxPassAgeMs) && before.some((at) => at !== null && !at.done)
  if (resumable) return Math.min(...before.map((at) => at?.startedAtMs ?? Date.now()))
  for (const { name, comparison, extra } of walks) {
    const rowsTotal = await estimatedRows(session, extra ? { from: comparison.to } : comparison, 0)
    await beginCheckpoint(session, id, work, name, [], { highKey: null, rowsTotal })
    await moveCheckpoint(session, id, work, name, [], { lastKey: null, rows: 0, done: false, extra: { standing, mismatches: 0, textOnly: 0 } })
  }
  const [first] = await places(session, id, work, walks.slice(0, 1))
  return first?.startedAtMs ?? Date.now()
}

async function places(session: Session, id: string, work: PassRequest['work'], walks: readonly Walk[]): Promise<readonly (Checkpoint | null)[]> {
  const found: (Checkpoint | null)[] = []
  for (const { name } of walks) found.push(await readCheckpoint(session, id, work, name, []))
  return found
}

/** The quick way. What it found is looked at once more by its keys, in a snapshot of now, before it is on record. */
async function inOneSnapshot(request: PassRequest, session: Session, name: string, comparison: Comparison, rowsTotal: number): Promise<'done' | 'overtaken' | 'notFit'> {
  const { work, context, progress } = request
  const { id, definition } = context
  const seen = await physicalWalk({ ...request, chunkRows: definition.verify.chunkRows }, comparison, rowsTotal)
  if (seen === null) return 'notFit'
  const keys = seen.found.map(({ key }) => keyFromRecord(key, comparison.key)).filter((key) => key !== null)
  const now = await compareKeys(session, comparison, keys, work)
  if (seen.overtaken || now.overtaken) return 'overtaken'
  const recorded = await recordMismatches(session, id, definition.verify.ignore, now.found, Date.now())
  const listed = counts(seen.found)
  const mismatches = seen.mismatches - listed.mismatches + now.mismatches - recorded.accepted
  const textOnly = seen.textOnly - listed.textOnly + now.textOnly
  await assertFence(session, context)
  await moveCheckpoint(session, id, work, name, comparison.key, { lastKey: null, rows: seen.rows, done: true, extra: { ...progress.kept(), standing: comparison.standing.text, mismatches, textOnly } })
  return 'done'
}

async function walked(request: PassRequest, session: Session, { name, comparison, extra }: Walk): Promise<'done' | 'stopped' | 'overtaken'> {
  const { work, context, sessions, verdict, progress, signal } = request
  const { id, definition } = context
  const key = extra ? comparison.toKey.map(({ column }) => column) : comparison.key
  const at = await readCheckpoint(session, id, work, name, key)
  if (!at || at.done) return 'done'
  progress.begin(name, at.rowsDone, at.rowsTotal)
  if (at.lastKey === null && !extra && request.restRatio <= 1) {
    const outcome = await inOneSnapshot(request, session, name, comparison, at.rowsTotal)
    if (outcome !== 'notFit') return outcome
    progress.begin(name, at.rowsDone, at.rowsTotal)
  }
  const bounds = await chunkBounds(session, quotedTable(extra ? comparison.to : comparison.from), key, at.lastKey, at.rowsTotal - at.rowsDone, definition.verify.chunkRows)
  const chunks: readonly KeyRange[] = [...bounds, null].map((upTo: Key | null, index) => ({ after: index === 0 ? at.lastKey : (bounds[index - 1] ?? null), upTo }))
  let mismatches = Number(at.extra['mismatches'] ?? 0)
  let textOnly = Number(at.extra['textOnly'] ?? 0)
  let keptAtMs = performance.now()
  let unkept = 0
  let size = { rows: definition.verify.chunkRows, recentMs: [] as readonly number[] }
  for (let next = 0; next < chunks.length; ) {
    if (signal.aborted) return 'stopped'
    const { level, reason } = verdict()
    progress.waiting(reason)
    if (level !== 'run') {
      await rest(100, signal)
      continue
    }
    const turn = chunks.slice(next, next + sessions.length)
    const begun = performance.now()
    const results = await Promise.all(
      turn.map((range, lane): Promise<Compared> => {
        const on = sessions[lane] ?? session
        return extra ? compareExtra(on, comparison, { range }, work) : compareRange(on, comparison, range, work)
      }),
    )
    if (results.some(({ overtaken }) => overtaken)) return 'overtaken'
    const recorded = await recordMismatches(session, id, definition.verify.ignore, results.flatMap(({ found }) => found), Date.now())
    const rows = results.reduce((sum, result) => sum + result.rows, 0)
    mismatches += results.reduce((sum, result) => sum + result.mismatches, 0) - recorded.accepted
    textOnly += results.reduce((sum, result) => sum + result.textOnly, 0)
    next += turn.length
    const tookMs = performance.now() - begun
    size = { rows: definition.verify.chunkRows, recentMs: [...size.recentMs, tookMs].slice(-10) }
    progress.batch(rows, size)
    unkept += rows
    if (next < chunks.length && performance.now() - keptAtMs < KEEP_EVERY_MS) {
      await rest(request.restRatio * tookMs, signal)
      continue
    }
    keptAtMs = performance.now()
    await assertFence(session, context)
    await moveCheckpoint(session, id, work, name, key, {
      lastKey: chunks[next - 1]?.upTo ?? null,
      rows: unkept,
      done: next >= chunks.length,
      extra: { ...progress.kept(), standing: comparison.standing.text, mismatches, textOnly },
    })
    unkept = 0
    if (next < chunks.length) await rest(request.restRatio * tookMs, signal)
  }
  return 'done'
}
