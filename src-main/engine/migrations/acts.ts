import { Fault } from '../../contract/fault.ts'
import type { Json, JournalDraft, JournalEntry } from '../../contract/journal.ts'
import type { MigrationCommand, MigrationState } from '../../contract/migration.ts'
import { type Block, type Operator, SYSTEM_OPERATOR } from '../../contract/release.ts'
import { blocksForMigration } from '../../core/interlocks/migration-rules.ts'
import { describe } from '../../core/migration/actions.ts'
import { legalCommands, type MigrationMove, type MigrationSignal, transition } from '../../core/migration/machine.ts'
import type { Ownership } from '../../core/migration/ports.ts'
import { hasEnded } from '../../core/migration/state.ts'
import { phaseWords } from '../../core/migration/words.ts'
import { batchOf } from '../ledger.ts'
import type { Board } from './board.ts'
import type { MigrationsDeps } from './deps.ts'

/** How long one act tries to get its locks before it says so. */
const DEADLINE_MS = 15_000
/** A connection that was lost in the middle of a step: the same step is asked for again so often. */
/** A flag is given so long to be taken back before the way back goes on without it. */
const FLAG_MS = 5000
const TRIES = 4
const RETRY_MS = 500

export interface MigrationCommandRequest {
  readonly migration: string
  readonly command: MigrationCommand
  readonly expectedRevision?: number | undefined
  readonly reason: string
  readonly typed: string
  readonly operationId: string
}

/** How acts reach the database: who owns it there, and what runs that must stop first. */
export interface ActPorts {
  /** Becomes, or already is, the one who drives it. */
  readonly own: (migration: string) => Promise<Ownership>
  /** Stops work and comparing, and waits until they hold nothing. */
  readonly quiet: (migration: string) => Promise<void>
  /** Reads the database now. */
  readonly refresh: (migration: string) => Promise<void>
}

function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null)) as Json
}

/** What of a migration an auditor compares before and after. */
function portrait(state: MigrationState): Json {
  return { phase: state.phase, readsPercent: state.readsPercent, writes: state.writes, paused: state.paused !== null, done: [...state.done], approvals: state.approvals.map(({ by, of }) => `${by.name}: ${of}`) }
}

/**
 * Load, decide, intend, apply, read back. The database is the truth: each act reads it first, and its step and state are
 * one transaction there, under a durable intent here.
 */
export function createActs(deps: MigrationsDeps, board: Board, ports: ActPorts) {
  const turns = new Map<string, Promise<unknown>>()
  const pending = new Map<string, Promise<void>>()

  function inTurn<T>(migration: string, act: () => Promise<T>): Promise<T> {
    const turn = (turns.get(migration) ?? Promise.resolve()).then(act, act)
    turns.set(
      migration,
      turn.catch(() => {}),
    )
    return turn
  }

  async function commit(entries: readonly JournalDraft[], operation: { readonly id: string; readonly releaseId: string } | null, emergency: boolean): Promise<void> {
    const batch = batchOf({ entries, operation })
    let written: readonly JournalEntry[] = []
    try {
      written = await deps.store.commit(batch)
    } catch (error) {
      if (!emergency) throw error
      await deps.store.commitEmergency(batch)
    }
    for (const entry of written) deps.publish({ kind: 'journal', entry })
  }

  function draft(parts: Pick<JournalDraft, 'kind' | 'action' | 'summary' | 'outcome' | 'operationId'> & Partial<JournalDraft>, migration: string): JournalDraft {
    return { operator: SYSTEM_OPERATOR, target: { migration }, reason: '', ticket: '', before: null, after: null, evidence: null, ...parts }
  }

  /** The state as the database has it now; planned where it has none. */
  async function stateNow(migration: string, forStart: boolean): Promise<{ readonly state: MigrationState; readonly revision: number }> {
    await ports.refresh(migration)
    const seat = board.seat(migration)
    if (!seat) throw new Fault('notFound', `The workspace declares no migration ${migration}.`, `Choose one of: ${board.ids().join(', ') || 'none is declared'}.`)
    if (seat.observed.kind === 'unknown') throw new Fault('providerUnavailable', `The database ${seat.definition.database} cannot be read: ${seat.observed.why}`, 'Nothing was changed. Try again when it answers.')
    const stored = seat.observed.value?.state ?? null
    if (!stored) return { state: board.planned(seat.definition, 0, 0, seat.preflight?.digest ?? ''), revision: 0 }
    if (forStart && hasEnded(stored.phase)) return { state: board.planned(seat.definition, stored.attempt, stored.revision, seat.preflight?.digest ?? ''), revision: stored.revision }
    return { state: stored, revision: stored.revision }
  }

  /** Intent, step, outcome. The way back goes on when the journal cannot commit. */
  async function perform(migration: string, before: MigrationState, revision: number, move: MigrationMove, what: { action: string; summary: string; operator: Operator; reason: string; operationId: string; evidence?: unknown }): Promise<void> {
    const seat = board.seat(migration)
    if (!seat) return
    const isBack = move.next.phase === 'rollingBack' || move.next.phase === 'rolledBack' || move.next.readsPercent < before.readsPercent || (before.writes === 'new' && move.next.writes === 'old')
    const ownership = await ports.own(migration)
    deps.crashPoint('migration.beforeIntent')
    const intent = draft({ kind: 'intent', action: what.action, operator: what.operator, summary: what.summary, reason: what.reason, before: portrait(before), after: { ...(portrait(move.next) as object), step: move.step, epoch: ownership.epoch }, operationId: what.operationId, outcome: 'sent', evidence: plain(what.evidence) }, migration)
    await commit([intent], { id: what.operationId, releaseId: `migration:${migration}` }, isBack)
    deps.crashPoint('migration.afterIntent')
    seat.acting = { command: what.action.slice('migration.'.length), since: deps.clock.wallMs(), detail: what.summary }
    board.publish(migration)
    try {
      // Readers first: a flag that code reads by is taken back before anything here is.
      if (move.next.readsPercent < before.readsPercent) await takeFlagBack(migration, before, what)
      if (move.step !== 'none') await ports.quiet(migration)
      const applied = await applied_(migration, { ownership, expectRevision: revision, step: move.step, next: move.next, event: { kind: 'state', summary: what.summary, operationId: what.operationId, by: what.operator, evidence: what.evidence ?? null }, deadlineMs: DEADLINE_MS })
      if (move.step !== 'none') seat.ran.set(move.step, applied.tookMs)
      deps.crashPoint('migration.afterStep')
      const outcome = draft({ kind: 'outcome', action: 'migration.step', summary: `${what.summary}: done in ${Math.round(applied.tookMs)} ms`, before: portrait(before), after: portrait(move.next), operationId: what.operationId, outcome: 'verified', evidence: plain({ step: move.step, event: applied.eventId, attempts: applied.attempts, tookMs: applied.tookMs, sql: applied.sql }) }, migration)
      await settled(outcome, isBack)
    } catch (error) {
      const fault = toFault(error)
      await settled(draft({ kind: 'outcome', action: 'migration.step', summary: `${what.summary}: ${fault.message}`, after: portrait(before), operationId: what.operationId, outcome: 'failed', evidence: plain(fault.data) }, migration), isBack)
      throw fault
    } finally {
      seat.acting = null
      await ports.refresh(migration).catch(() => undefined)
      board.publish(migration)
    }
  }

  /**
   * What the flag's source does not answer in time does not hold up the way back: both sides are kept equal until the
   * flag is seen back, and the driver goes on trying.
   */
  async function takeFlagBack(migration: string, state: MigrationState, { operator, reason, operationId }: { readonly operator: Operator; readonly reason: string; readonly operationId: string }): Promise<void> {
    const flag = state.definition.readsFlag
    if (!flag || deps.readsFlags.given(flag).given === 'nobody') return
    let late: () => void = () => undefined
    const timeout = new Promise<never>((_, reject) => (late = deps.clock.setTimer(FLAG_MS, () => reject(new Fault('timeout', `The flag ${flag.flag} was not taken back within ${FLAG_MS / 1000} s.`, 'It is tried again.')))))
    try {
      await Promise.race([deps.readsFlags.takeBack(flag, operator, reason === '' ? `${migration} is taken back` : reason, `${operationId}-flag`), timeout])
    } catch (error) {
      await settled(draft({ kind: 'outcome', action: 'migration.flagBack', summary: `The flag ${flag.flag} of ${flag.source} is not back yet: ${toFault(error).message}`, operationId, outcome: 'failed', evidence: plain(toFault(error).data) }, migration), true)
    } finally {
      late()
    }
  }

  /** Asked again under its operation id when nobody knows whether it was committed: it is done once. */
  async function applied_(migration: string, request: Parameters<ReturnType<MigrationsDeps['target']>['apply']>[0]) {
    const target = deps.target(board.seat(migration)?.definition.database ?? '')
    for (let tries = 1; ; tries += 1) {
      try {
        return await target.apply(request)
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'providerUnavailable' || tries >= TRIES) throw error
        await new Promise<void>((resolve) => deps.clock.setTimer(RETRY_MS * tries, resolve))
      }
    }
  }

  /** An outcome is not lost because the journal is full for a moment: it is told of in the log then, and the database has it. */
  async function settled(entry: JournalDraft, emergency: boolean): Promise<void> {
    await commit([entry], null, emergency).catch((error: unknown) => deps.log(`an outcome could not be journaled: ${entry.summary}: ${String(error)}`))
  }

  async function refuse(migration: string, action: string, summary: string, operator: Operator, operationId: string, fault: Fault): Promise<never> {
    await settled(draft({ kind: 'refusal', action, operator, summary: `Refused: ${summary}`, reason: fault.message, operationId, outcome: 'refused', evidence: { code: fault.code } }, migration), false)
    throw fault
  }

  function command(request: MigrationCommandRequest, operator: Operator): Promise<void> {
    const running = pending.get(request.operationId)
    if (running) return running
    if (deps.store.findOperation(request.operationId)) return Promise.resolve()
    const promise = inTurn(request.migration, () => commandChecked(request, operator)).finally(() => pending.delete(request.operationId))
    pending.set(request.operationId, promise)
    return promise
  }

  async function commandChecked(request: MigrationCommandRequest, operator: Operator): Promise<void> {
    const { migration, command: asked } = request
    const { state, revision } = await stateNow(migration, asked === 'start')
    const seat = board.seat(migration)
    if (!seat) return
    const words = describe(state, asked)
    try {
      if (request.expectedRevision !== undefined && asked !== 'rollBack' && asked !== 'start' && request.expectedRevision !== state.revision) {
        throw new Fault('staleRevision', `${migration} has changed since you looked: it is ${phaseWords(state.phase)} now.`, 'Look at what it is now, then decide again.')
      }
      // The table first: of two reasons, the one that no waiting will change.
      if (!legalCommands(state).includes(asked)) transition(state, { kind: 'command', command: asked, by: operator, reason: '', at: 0 })
      if (asked === 'start') await preflightFor(migration)
      const block = blocksForMigration(state, asked, { ...board.facts(seat, request.typed), operatorId: operator.id, reading: seat.observed.kind === 'known' ? seat.observed.value : null })[0]
      if (block) throw faultOf(block)
      const from = asked === 'start' ? { ...state, digest: seat.preflight?.digest ?? state.digest } : state
      const move = transition(from, { kind: 'command', command: asked, by: operator, reason: request.reason, at: deps.clock.wallMs() })
      if (move) await perform(migration, state, revision, move, { action: `migration.${asked}`, summary: words.label, operator, reason: request.reason, operationId: request.operationId, evidence: evidenceOf(migration, asked) })
    } catch (error) {
      if (error instanceof Fault && error.data.cause === 'refused') await refuse(migration, `migration.${asked}`, words.label, operator, request.operationId, error)
      throw error
    }
  }

  /** What a decision was made on. */
  function evidenceOf(migration: string, asked: MigrationCommand): unknown {
    const shown = board.view(migration)
    if (!shown) return null
    return asked === 'start' ? { preflight: shown.preflight?.checks ?? [], rehearsal: shown.rehearsal } : asked === 'advance' ? { gates: shown.gates } : null
  }

  /** Nothing is started on what was true yesterday. */
  async function preflightFor(migration: string): Promise<void> {
    const seat = board.seat(migration)
    if (!seat) return
    seat.preflight = await deps.target(seat.definition.database).preflight(seat.definition, new AbortController().signal)
  }

  function faultOf(block: Block): Fault {
    const code = block.rule === 'role' || block.rule === 'fourEyes' ? 'notAllowed' : block.rule === 'readOnly' ? 'readOnly' : block.rule === 'journal' ? 'journalUnavailable' : block.rule === 'databaseUnreachable' ? 'providerUnavailable' : 'interlocked'
    return new Fault(code, block.reason, block.unblocks)
  }

  /** What the engine found out. Null: the phase had no use for it. */
  function signal(migration: string, what: MigrationSignal, summary: string, evidence: unknown = null): Promise<boolean> {
    return inTurn(migration, async () => {
      const { state, revision } = await stateNow(migration, false)
      if (revision === 0) return false
      const move = transition(state, { kind: 'signal', signal: what, at: deps.clock.wallMs() })
      if (!move) return false
      await perform(migration, state, revision, move, { action: move.step === 'collapse' ? 'migration.collapse' : what.type === 'judged' ? 'migration.guard' : 'migration.follow', summary, operator: SYSTEM_OPERATOR, reason: '', operationId: `${migration}-${what.type}-${deps.ids.next()}`, evidence })
      return true
    })
  }

  return { command, signal, inTurn, commit, draft, settled, refuse, preflightFor }
}
export type Acts = ReturnType<typeof createActs>

export function toFault(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault('internal', error instanceof Error ? error.message : String(error), 'Look into the log; nothing is known to have changed.')
}
