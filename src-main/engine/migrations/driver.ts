import { Fault } from '../../contract/fault.ts'
import type { MigrationReading, MigrationState, MigrationWork } from '../../contract/migration.ts'
import { overallVerdict } from '../../core/analysis/judge.ts'
import { keepsNewShape } from '../../core/interlocks/migration-rules.ts'
import { SYSTEM_OPERATOR } from '../../contract/release.ts'
import type { Ownership } from '../../core/migration/ports.ts'
import { bothSidesExist, hasEnded, workLeft } from '../../core/migration/state.ts'
import { type Acts, toFault } from './acts.ts'
import type { Board } from './board.ts'
import type { MigrationsDeps } from './deps.ts'

const TICK_MS = 1000
/** A database that does not answer is asked less often. */
const UNREACHABLE_MS = 5000
/** What must stop before a step is given so long. */
const QUIET_MS = 5000
const RETRY_MS = 2000
/** A flag that does not go back is asked again so often. */
const FLAG_RETRY_MS = 5000

const WORK_WORDS: { readonly [W in MigrationWork]: string } = { shadowScan: 'Every row was read through the new shape', backfill: 'Every row is on the new side', validate: 'Constraints are valid and indexes built', fullPass: 'Every row was compared' }

interface Running {
  readonly key: string
  readonly aborter: AbortController
  readonly ended: Promise<void>
}

/** Watches every migration's database, and does in each phase what the phase does by itself. */
export function createDriver(deps: MigrationsDeps, board: Board, acts: () => Acts, mirror: (database: string) => Promise<void>) {
  const owned = new Map<string, Ownership>()
  const work = new Map<string, Running>()
  const watch = new Map<string, Running>()
  const busy = new Set<string>()
  const notBefore = new Map<string, number>()
  const flagNotBefore = new Map<string, number>()
  const alarmed = new Map<string, string>()
  let stopped = false
  let cancel: () => void = () => undefined

  /** Reads one migration's database now. */
  async function refresh(id: string): Promise<void> {
    const seat = board.seat(id)
    if (!seat) return
    try {
      const value = await deps.target(seat.definition.database).read(id)
      board.observe(id, { kind: 'known', value, observedAt: deps.clock.wallMs() })
    } catch (error) {
      board.observe(id, { kind: 'unknown', since: deps.clock.wallMs(), why: toFault(error).message })
      notBefore.set(id, deps.clock.monotonicMs() + UNREACHABLE_MS)
    }
  }

  async function own(id: string): Promise<Ownership> {
    const held = owned.get(id)
    if (held) return held
    const seat = board.seat(id)
    if (!seat) throw new Fault('notFound', `There is no migration ${id}.`, 'Look at the workspace.')
    const ownership = await deps.target(seat.definition.database).acquire(id, deps.consoleName)
    owned.set(id, ownership)
    return ownership
  }

  /** What no longer has its place: another console took over, or the session was lost. */
  function disown(id: string): void {
    owned.delete(id)
    work.get(id)?.aborter.abort()
    watch.get(id)?.aborter.abort()
  }

  async function quiet(id: string): Promise<void> {
    const running = [work.get(id), watch.get(id)].filter((each) => each !== undefined)
    for (const { aborter } of running) aborter.abort()
    let late: () => void = () => undefined
    const timeout = new Promise<void>((resolve) => (late = deps.clock.setTimer(QUIET_MS, resolve)))
    await Promise.race([Promise.all(running.map(({ ended }) => ended)), timeout])
    late()
  }

  function once(key: string, act: () => Promise<void>): void {
    if (busy.has(key) || stopped) return
    busy.add(key)
    void act()
      .catch((error: unknown) => deps.log(`${key}: ${toFault(error).message}`))
      .finally(() => busy.delete(key))
  }

  function start(kind: Map<string, Running>, id: string, key: string, act: (signal: AbortSignal) => Promise<void>): void {
    if (stopped || kind.get(id)?.key === key) return
    kind.get(id)?.aborter.abort()
    const aborter = new AbortController()
    const ended = (kind.get(id)?.ended ?? Promise.resolve())
      .then(() => (aborter.signal.aborted ? undefined : act(aborter.signal)))
      .catch(async (error: unknown) => {
        if (stopped) return
        const fault = toFault(error)
        deps.log(`${id}, ${key}: ${fault.message}`)
        if (fault.code === 'staleFence' || fault.code === 'interlocked') disown(id)
        // A session that was lost took the ownership with it.
        if (fault.code === 'providerUnavailable') owned.delete(id)
        await new Promise<void>((resolve) => deps.clock.setTimer(RETRY_MS, resolve))
      })
      .finally(() => {
        if (kind.get(id)?.aborter === aborter) kind.delete(id)
      })
    kind.set(id, { key, aborter, ended })
  }

  function isPaused(id: string): boolean {
    const seat = board.seat(id)
    return seat ? board.stateOf(seat).paused !== null : true
  }

  /** What the services' criteria say against the copying, in words; empty when nothing. */
  function harm(id: string): string {
    const seat = board.seat(id)
    const failing = seat && deps.judge(board.stateOf(seat))?.find(({ verdict }) => verdict === 'fail')
    return failing ? failing.why : ''
  }

  async function doWork(id: string, which: MigrationWork, signal: AbortSignal): Promise<void> {
    const seat = board.seat(id)
    if (!seat) return
    const ownership = await own(id)
    const startedMs = deps.clock.monotonicMs()
    try {
      const outcome = await deps.target(seat.definition.database).work({ ownership, work: which, signal, paused: () => isPaused(id), foregroundHarm: () => harm(id) })
      if (outcome === 'done') seat.ran.set(which, deps.clock.monotonicMs() - startedMs)
      if (outcome === 'done') await acts().signal(id, { type: 'workDone', work: which }, WORK_WORDS[which])
    } catch (error) {
      const fault = toFault(error)
      if (signal.aborted || fault.data.retryable || fault.code === 'staleFence' || fault.code === 'interlocked') throw fault
      await acts().signal(id, { type: 'workFailed', fault: fault.data }, `Stopped: ${fault.message}`, fault.data)
    }
  }

  async function doWatch(id: string, signal: AbortSignal): Promise<void> {
    const seat = board.seat(id)
    if (!seat) return
    const ownership = await own(id)
    await deps.target(seat.definition.database).watch({ ownership, signal, paused: () => isPaused(id), onSample: (sample) => board.addSample(id, sample) })
  }

  /** Things a person must look at before anything advances. Said once each. */
  function alarm(id: string, reading: MigrationReading): void {
    const { drift, verification, state } = reading
    const hole = verification.repairsAfterBackfill > 0 ? `Rows had to be repaired after the backfill (${verification.repairsAfterBackfill}): something writes past the triggers.` : ''
    const why = drift.length > 0 ? `Someone changed the structure: ${drift.join(' ')}` : hole
    if (why === '' || alarmed.get(id) === why) return
    // Seen before by this row: whoever resumed it has seen it.
    alarmed.set(id, why)
    if (state.paused === null) once(`alarm ${id}`, async () => void (await acts().signal(id, { type: 'alarmed', why }, `Paused: ${why}`, { drift, repairs: verification.repairsAfterBackfill })))
  }

  function guard(id: string, state: MigrationState): void {
    if (!bothSidesExist(state.phase) || state.paused !== null) return
    const results = deps.judge(state)
    if (!results || results.length === 0) return
    const verdict = overallVerdict(results)
    const worst = results.find((result) => result.verdict === 'fail')
    if (verdict === 'fail' && worst) once(`guard ${id}`, async () => void (await acts().signal(id, { type: 'judged', verdict, results }, `Taken back by the guard: ${worst.why}`, { results })))
  }

  /** Goes on with what the phase does by itself. */
  function drive(id: string): void {
    const seat = board.seat(id)
    const reading = seat && board.readingOf(seat)
    if (!seat || !reading || deps.readOnly() !== null) return
    const { state, owner } = reading
    if (hasEnded(state.phase)) {
      work.get(id)?.aborter.abort()
      watch.get(id)?.aborter.abort()
      const held = owned.get(id)
      owned.delete(id)
      if (held) void deps.target(seat.definition.database).release(held).catch(() => undefined)
      return
    }
    if (owner && !owner.isThis) return disown(id)
    if (state.phase === 'rollingBack') {
      work.get(id)?.aborter.abort()
      const flag = state.definition.readsFlag
      if (flag && deps.readsFlags.given(flag).given !== 'nobody' && (flagNotBefore.get(id) ?? 0) <= deps.clock.monotonicMs()) {
        flagNotBefore.set(id, deps.clock.monotonicMs() + FLAG_RETRY_MS)
        once(`flag of ${id}`, () => deps.readsFlags.takeBack(flag, SYSTEM_OPERATOR, `${id} is rolled back`, `${id}-flag-${deps.ids.next()}`))
      }
      if (keepsNewShape(state, board.facts(seat)) !== null) return
      if (state.failure === null) once(`collapse ${id}`, async () => void (await acts().signal(id, { type: 'unused' }, 'Take the new structure away')))
      return
    }
    alarm(id, reading)
    guard(id, state)
    const next = state.failure === null ? workLeft(state)[0] : undefined
    if (next && !seat.acting) start(work, id, `${state.attempt}:${state.phase}:${next}`, (signal) => doWork(id, next, signal))
    else if (!next) work.get(id)?.aborter.abort()
    if (!seat.acting) start(watch, id, `${state.attempt}:${state.phase}:${state.writes}`, (signal) => doWatch(id, signal))
  }

  function tick(): void {
    for (const id of board.ids()) {
      if ((notBefore.get(id) ?? 0) > deps.clock.monotonicMs()) continue
      once(`read ${id}`, async () => {
        await refresh(id)
        drive(id)
      })
    }
    const databases = new Set(board.ids().flatMap((id) => (board.seat(id)?.observed.kind === 'known' ? [board.seat(id)?.definition.database ?? ''] : [])))
    if (deps.readOnly() === null) for (const database of databases) once(`mirror ${database}`, () => mirror(database))
  }

  return {
    refresh,
    own,
    quiet,
    start(): void {
      const beat = () => {
        if (stopped) return
        tick()
        cancel = deps.clock.setTimer(TICK_MS, beat)
      }
      beat()
    },
    /** Ends what runs and gives up what is owned: whoever comes next need not wait. */
    async stop(): Promise<void> {
      stopped = true
      cancel()
      for (const id of board.ids()) await quiet(id)
      for (const [id, ownership] of owned) {
        const database = board.seat(id)?.definition.database
        if (database !== undefined) await deps.target(database).release(ownership).catch(() => undefined)
      }
      owned.clear()
    },
  }
}
export type Driver = ReturnType<typeof createDriver>
