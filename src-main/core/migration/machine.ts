import { Fault, type FaultData } from '../../contract/fault.ts'
import type { CriterionResult } from '../../contract/analysis.ts'
import { MIGRATION_COMMANDS, type MigrationCommand, type MigrationPhase, type MigrationState, type MigrationStep, type MigrationWork } from '../../contract/migration.ts'
import { type Operator, SYSTEM_OPERATOR } from '../../contract/release.ts'
import type { Verdict } from '../../contract/vocabulary.ts'
import { approvableOf, nextReads, workLeft } from './state.ts'
import { commandWords, phaseWords } from './words.ts'

export interface MigrationCommandInput {
  readonly kind: 'command'
  readonly command: MigrationCommand
  readonly by: Operator
  readonly reason: string
  readonly at: number
}

/** What the engine reports of the work and the world. */
export type MigrationSignal =
  | { readonly type: 'workDone'; readonly work: MigrationWork }
  | { readonly type: 'workFailed'; readonly fault: FaultData }
  | { readonly type: 'judged'; readonly verdict: Verdict; readonly results: readonly CriterionResult[] }
  /** Something that a person must look at before anything advances: a trigger hole, drift. */
  | { readonly type: 'alarmed'; readonly why: string }
  /** While rolling back: nothing live needs the new structure any more. */
  | { readonly type: 'unused' }
export type MigrationSignalType = MigrationSignal['type']

export interface MigrationSignalInput {
  readonly kind: 'signal'
  readonly signal: MigrationSignal
  readonly at: number
}
export type MigrationInput = MigrationCommandInput | MigrationSignalInput

/** The next state and the one step that is committed together with it. */
export interface MigrationMove {
  readonly next: MigrationState
  readonly step: MigrationStep
}

type OnSignal<T extends MigrationSignalType> = (state: MigrationState, signal: Extract<MigrationSignal, { type: T }>, at: number) => MigrationMove | null

/** One row answers every question about its phase. */
export interface MigrationPhaseRow {
  readonly ended: boolean
  /** Something was made in the database that a roll back takes away. Then `rollBack` is a command of the row: proved by test. */
  readonly madeSomething: boolean
  /** A roll back from here loses nothing. False only past the point of no return. */
  readonly lossless: boolean
  readonly on: { readonly [C in MigrationCommand]?: (state: MigrationState, input: MigrationCommandInput) => MigrationMove | null }
  readonly when: { readonly [T in MigrationSignalType]?: OnSignal<T> }
}

function enter(state: MigrationState, phase: MigrationPhase, at: number, more: Partial<MigrationState> = {}): MigrationState {
  return { ...state, phase, phaseSince: at, dueAt: null, failure: null, ...more }
}

const still = (next: MigrationState): MigrationMove => ({ next, step: 'none' })

/** Back to before everything: readers and writers first, which takes no lock on any table; structure when nobody live needs it. */
function rollBack(state: MigrationState, input: { readonly by: Operator; readonly reason: string; readonly at: number }): MigrationMove {
  const switched = state.readsPercent > 0 || state.writes === 'new'
  const next = enter(state, 'rollingBack', input.at, { readsPercent: 0, writes: 'old', paused: null, rollback: { by: input.by, reason: input.reason, at: input.at, from: state.phase } })
  return { next, step: state.phase === 'tombstoned' ? 'untombstone' : switched ? 'setWrites' : 'none' }
}

function pause(state: MigrationState, by: Operator, why: string, at: number): MigrationMove | null {
  return state.paused ? null : still({ ...state, paused: { at, by, why } })
}

const common: MigrationPhaseRow['on'] = {
  pause: (s, i) => pause(s, i.by, '', i.at),
  resume: (s, i) => (s.paused ? still({ ...s, paused: null, dueAt: s.dueAt === null ? null : Math.max(s.dueAt, i.at) }) : null),
  retry: (s) => (s.failure ? still({ ...s, failure: null }) : null),
  rollBack: (s, i) => rollBack(s, i),
}

function approve(state: MigrationState, input: MigrationCommandInput): MigrationMove | null {
  const of = approvableOf(state)
  return of === null ? null : still({ ...state, approvals: [...state.approvals, { by: input.by, at: input.at, of }] })
}

const failed: OnSignal<'workFailed'> = (s, signal, at) => still({ ...s, failure: { at, fault: signal.fault } })
const alarmed: OnSignal<'alarmed'> = (s, signal, at) => pause(s, SYSTEM_OPERATOR, signal.why, at)

/** While rows are copied or both sides are written and read from old: harm stops the work and asks. There is nothing to flip. */
const judgedBefore: OnSignal<'judged'> = (s, signal, at) => {
  const judged = { ...s, analysis: [...signal.results] }
  const worst = signal.results.find(({ verdict }) => verdict === 'fail')
  return (signal.verdict === 'fail' && worst && pause(judged, SYSTEM_OPERATOR, worst.why, at)) || null
}

/** Once users read or write the new side: harm takes them back by itself, and asks. */
const judgedSwitched: OnSignal<'judged'> = (s, signal, at) => {
  if (signal.verdict !== 'fail') return null
  const worst = signal.results.find(({ verdict, severity }) => verdict === 'fail' && severity === 'fail')
  const back = enter(s, 'dualWrites', at, { readsPercent: 0, writes: 'old', analysis: [...signal.results], paused: { at, by: SYSTEM_OPERATOR, why: worst?.why ?? 'A criterion failed.' }, dueAt: at })
  return { next: back, step: s.writes === 'new' ? 'setWrites' : 'setReads' }
}

/** The migration machine: a record over every phase. */
export const MIGRATION_MACHINE: { readonly [P in MigrationPhase]: MigrationPhaseRow } = {
  planned: {
    ended: false,
    madeSomething: false,
    lossless: true,
    on: { start: (s, i) => ({ next: enter(s, 'shadowReads', i.at, { startedBy: i.by, startedAt: i.at, reason: i.reason }), step: 'createShadow' }) },
    when: {},
  },
  shadowReads: {
    ended: false,
    madeSomething: true,
    lossless: true,
    on: { ...common, advance: (s, i) => ({ next: enter(s, 'backfilling', i.at), step: 'expand' }) },
    when: { workDone: (s, { work }) => still({ ...s, done: [...s.done, work] }), workFailed: failed, alarmed },
  },
  backfilling: {
    ended: false,
    madeSomething: true,
    lossless: true,
    on: common,
    when: { workDone: (s, { work }, at) => still(enter(s, 'verifying', at, { done: [...s.done, work] })), workFailed: failed, alarmed, judged: judgedBefore },
  },
  verifying: {
    ended: false,
    madeSomething: true,
    lossless: true,
    on: common,
    when: {
      workDone: (s, { work }, at) => {
        const done = { ...s, done: [...s.done, work] }
        return still(workLeft(done).length > 0 ? done : enter(done, 'dualWrites', at, { dueAt: at + s.definition.policy.soakMs }))
      },
      workFailed: failed,
      alarmed,
      judged: judgedBefore,
    },
  },
  dualWrites: {
    ended: false,
    madeSomething: true,
    lossless: true,
    on: {
      ...common,
      approve,
      advance: (s, i) => {
        const percent = nextReads(s)
        return percent === null ? null : { next: enter(s, 'switchingReads', i.at, { readsPercent: percent, dueAt: i.at + s.definition.policy.readHoldMs }), step: 'setReads' }
      },
    },
    when: { alarmed, judged: judgedBefore, workFailed: failed },
  },
  switchingReads: {
    ended: false,
    madeSomething: true,
    lossless: true,
    on: {
      ...common,
      approve,
      advance: (s, i) => {
        const percent = nextReads(s)
        return percent === null
          ? { next: enter(s, 'switchedWrites', i.at, { writes: 'new', dueAt: i.at + s.definition.policy.switchSoakMs }), step: 'setWrites' }
          : { next: enter(s, 'switchingReads', i.at, { readsPercent: percent, dueAt: i.at + s.definition.policy.readHoldMs }), step: 'setReads' }
      },
      stepBack: (s, i) => ({ next: enter(s, 'dualWrites', i.at, { readsPercent: 0, dueAt: i.at }), step: 'setReads' }),
    },
    when: { alarmed, judged: judgedSwitched, workFailed: failed },
  },
  switchedWrites: {
    ended: false,
    madeSomething: true,
    lossless: true,
    on: {
      ...common,
      advance: (s, i) => ({ next: enter(s, 'tombstoned', i.at, { dueAt: i.at + s.definition.policy.tombstoneMs }), step: 'tombstone' }),
      stepBack: (s, i) => ({ next: enter(s, 'switchingReads', i.at, { writes: 'old', dueAt: i.at }), step: 'setWrites' }),
    },
    when: { alarmed, judged: judgedSwitched, workFailed: failed },
  },
  tombstoned: {
    ended: false,
    madeSomething: true,
    lossless: true,
    on: {
      ...common,
      approve,
      advance: (s, i) => ({ next: enter(s, 'completed', i.at, { endedAt: i.at }), step: 'drop' }),
      stepBack: (s, i) => ({ next: enter(s, 'switchedWrites', i.at, { dueAt: i.at }), step: 'untombstone' }),
    },
    when: { alarmed, workFailed: failed },
  },
  completed: { ended: true, madeSomething: false, lossless: false, on: {}, when: {} },
  rollingBack: {
    ended: false,
    madeSomething: true,
    lossless: true,
    // Pressed again it is the same roll back; it never gives up by itself.
    on: { rollBack: (s) => still(s), retry: (s) => (s.failure ? still({ ...s, failure: null }) : null) },
    when: { unused: (s, _signal, at) => ({ next: enter(s, 'rolledBack', at, { endedAt: at, done: [], approvals: [] }), step: 'collapse' }), workFailed: failed },
  },
  rolledBack: { ended: true, madeSomething: false, lossless: true, on: {}, when: {} },
}

/**
 * What becomes of a migration. Null: the phase has no use for the signal. A command that the phase does not know throws
 * `illegalCommand`. Pure: time comes with the input.
 */
export function transition(state: MigrationState, input: MigrationInput): MigrationMove | null {
  const row = MIGRATION_MACHINE[state.phase]
  if (input.kind === 'signal') {
    const on = row.when[input.signal.type] as OnSignal<MigrationSignalType> | undefined
    return counted(state, on?.(state, input.signal, input.at) ?? null)
  }
  const move = counted(state, row.on[input.command]?.(state, input) ?? null)
  if (!move) throw new Fault('illegalCommand', `${state.id} is ${phaseWords(state.phase)}${state.paused ? ', paused' : ''}: there is nothing to ${commandWords(input.command)}.`, 'Look at what it offers now.')
  return move
}

function counted(state: MigrationState, move: MigrationMove | null): MigrationMove | null {
  return move && { ...move, next: { ...move.next, revision: state.revision + 1 } }
}

/** Commands the table knows now; found by trying it, so that there is no second list. */
export function legalCommands(state: MigrationState): readonly MigrationCommand[] {
  const row = MIGRATION_MACHINE[state.phase]
  return MIGRATION_COMMANDS.filter((command) => (row.on[command]?.(state, { kind: 'command', command, by: SYSTEM_OPERATOR, reason: '', at: state.phaseSince }) ?? null) !== null)
}
