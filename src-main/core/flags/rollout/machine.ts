import type { CriterionResult, FrozenBaseline } from '../../../contract/analysis.ts'
import { Fault, type FaultData } from '../../../contract/fault.ts'
import { type FlagRollout, ROLLOUT_COMMANDS, type RolloutCommand, type RolloutPhase } from '../../../contract/flag.ts'
import { type Operator, SYSTEM_OPERATOR } from '../../../contract/release.ts'
import type { Verdict } from '../../../contract/vocabulary.ts'
import { isWarning } from '../../release/state.ts'
import type { FlagChange } from '../ports.ts'
import { approve, backAgain, enterStage, finish, goOn, pause, resume, retry, rollBack, stand } from './moves.ts'
import { mayBeExposed, nextStage, onlyVariant, stageOf, wantedChange } from './state.ts'
import { commandWords, phaseWords } from './words.ts'

export interface RolloutCommandInput {
  readonly kind: 'command'
  readonly command: RolloutCommand
  readonly by: Operator
  readonly reason: string
  /** Finish, where several variants were rolled out. */
  readonly variant?: string | undefined
  readonly at: number
}

/** What the engine reports of the source and of time. */
export type RolloutSignal =
  /** The flag was read back and is what was asked for; `frozen`: what unexposed users did until then. */
  | { readonly type: 'verified'; readonly version: string; readonly frozen?: FrozenBaseline | null }
  | { readonly type: 'submitted'; readonly what: string; readonly url: string }
  | { readonly type: 'failed'; readonly fault: FaultData }
  /** The hold is over and nothing holds. */
  | { readonly type: 'due' }
  | { readonly type: 'judged'; readonly verdict: Verdict; readonly results: readonly CriterionResult[] }
  /** The flag is neither as it was nor as a change of ours makes it. */
  | { readonly type: 'drifted'; readonly version: string; readonly difference: readonly string[] }
  | { readonly type: 'clockJumped'; readonly deltaMs: number }
export type RolloutSignalType = RolloutSignal['type']

export interface RolloutSignalInput {
  readonly kind: 'signal'
  readonly signal: RolloutSignal
  readonly at: number
}
export type RolloutInput = RolloutCommandInput | RolloutSignalInput

/** The next state, and what is asked of the source because of it; null: nothing new. */
export interface RolloutMove {
  readonly next: FlagRollout
  readonly effect: FlagChange | null
}

type OnSignal<T extends RolloutSignalType> = (rollout: FlagRollout, signal: Extract<RolloutSignal, { type: T }>, at: number) => FlagRollout | null

/** One row answers every question about its phase. */
export interface RolloutPhaseRow {
  /** Nothing follows by itself; a new rollout may begin. */
  readonly ended: boolean
  readonly on: { readonly [C in RolloutCommand]?: (rollout: FlagRollout, input: RolloutCommandInput) => FlagRollout | null }
  readonly when: { readonly [T in RolloutSignalType]?: OnSignal<T> }
}

const back: RolloutPhaseRow['on'] = {
  rollBack: (r, i) => (mayBeExposed(r) ? rollBack(r, { ...i, to: 'before' }) : null),
  kill: (r, i) => (mayBeExposed(r) ? rollBack(r, { ...i, to: 'safe' }) : null),
}
const stops: RolloutPhaseRow['on'] = { pause: (r, i) => pause(r, i.by, '', i.at), resume: (r, i) => resume(r, i.at) }
const abandon: RolloutPhaseRow['on'] = { abandon: (r, i) => stand(r, 'abandoned', i.at) }

const chosen = (rollout: FlagRollout, variant: string | undefined): string | null => onlyVariant(rollout.plan) ?? rollout.plan.variants.find((one) => one.variant === variant)?.variant ?? null

const failed: OnSignal<'failed'> = (r, { fault }, at) => ({ ...r, phase: 'failed', dueAt: null, submitted: null, failure: { at, fault } })
const submitted: OnSignal<'submitted'> = (r, { what, url }, at) => (r.submitted?.what === what && r.submitted.url === url ? null : { ...r, submitted: { at, what, url } })

const drifted: OnSignal<'drifted'> = (r, { version, difference }, at) => {
  if (r.drift?.version === version) return null
  const stopped = pause(r, SYSTEM_OPERATOR, 'Somebody changed the flag elsewhere.', at) ?? r
  return { ...stopped, drift: { at, version, difference: [...difference] } }
}

/** Harm takes it back by itself; a warning pauses and asks, once. */
const judged: OnSignal<'judged'> = (r, { verdict, results }, at) => {
  if (r.verifiedStage === -1) return null
  const seen = { ...r, analysis: [...results] }
  if (verdict === 'fail') {
    const worst = results.find((result) => result.verdict === 'fail' && result.severity === 'fail')
    return rollBack(seen, { by: SYSTEM_OPERATOR, reason: worst?.why ?? 'A criterion failed.', at, to: 'before', byGuard: true })
  }
  const warning = results.find((result) => isWarning(result) && !(r.acknowledged ?? []).includes(result.name))
  return (warning && pause(seen, SYSTEM_OPERATOR, warning.why, at)) ?? seen
}

/** Only time this console watched counts. */
const clockJumped: OnSignal<'clockJumped'> = (r, { deltaMs }) => {
  const later = (at: number | null) => (at === null ? null : at + deltaMs)
  if (r.dueAt === null && r.stages.length === 0) return null
  return {
    ...r,
    dueAt: later(r.dueAt),
    stageSince: r.stageSince + deltaMs,
    stages: r.stages.map((stage) => ({ ...stage, exposedAt: stage.exposedAt + deltaMs, endedAt: later(stage.endedAt) })),
    frozen: r.frozen ? { fromAt: r.frozen.fromAt + deltaMs, toAt: r.frozen.toAt + deltaMs, series: { ...r.frozen.series, at: r.frozen.series.at.map((at) => at + deltaMs) } } : null,
  }
}

/** The rollout machine: a record over every phase. */
export const ROLLOUT_MACHINE: { readonly [P in RolloutPhase]: RolloutPhaseRow } = {
  planned: {
    ended: false,
    on: { start: (r, i) => enterStage(r, 0, i.at), ...abandon },
    when: {},
  },
  exposing: {
    ended: false,
    on: { ...stops, ...back, abandon: (r, i) => (r.drift || r.submitted ? stand(r, 'abandoned', i.at) : null) },
    when: {
      verified: (r, { version, frozen }, at) => {
        const holdMs = stageOf(r)?.holdMs ?? 0
        const widened = r.stageIndex > r.verifiedStage
        const stages = widened ? [...r.stages.map((stage) => (stage.endedAt === null ? { ...stage, endedAt: at } : stage)), { stage: r.stageIndex, exposedAt: at, endedAt: null }] : r.stages
        const held = { ...r, phase: 'holding' as const, verifiedStage: r.stageIndex, version, submitted: null, failure: null, analysis: [], acknowledged: [], stageSince: at, stages, frozen: frozen ?? r.frozen ?? null }
        return r.paused ? { ...held, dueAt: null, paused: { ...r.paused, remainingMs: holdMs } } : { ...held, dueAt: at + holdMs }
      },
      submitted,
      failed,
      drifted,
      judged,
      clockJumped,
    },
  },
  holding: {
    ended: false,
    on: {
      ...stops,
      ...back,
      ...abandon,
      // A person who goes on is the person an approval asks for.
      advance: (r, i) => (nextStage(r) === null && onlyVariant(r.plan) === null ? null : goOn(approve(r, i.by, i.at), i.at)),
      finish: (r, i) => {
        const variant = chosen(r, i.variant)
        return variant === null ? null : finish(r, variant, i.at)
      },
    },
    when: {
      due: (r, _signal, at) => (r.paused || r.drift || r.dueAt === null ? null : stageOf(r)?.approval ? { ...r, phase: 'awaitingApproval', dueAt: null } : goOn(r, at)),
      drifted,
      judged,
      clockJumped,
    },
  },
  awaitingApproval: {
    ended: false,
    on: { ...stops, ...back, ...abandon, approve: (r, i) => goOn(approve(r, i.by, i.at), i.at) },
    when: { drifted, judged, clockJumped },
  },
  finishing: {
    ended: false,
    on: { ...stops, ...back, abandon: (r, i) => (r.drift || r.submitted ? stand(r, 'abandoned', i.at) : null) },
    when: {
      verified: (r, { version }, at) => ({ ...stand(r, 'finished', at), version }),
      submitted,
      failed,
      drifted,
      judged,
      clockJumped,
    },
  },
  // What everyone has may still have to be taken back, long after.
  finished: { ended: true, on: back, when: {} },
  rollingBack: {
    ended: false,
    // Pressed again it is the same roll back; the kill switch is stronger, and never taken for less.
    on: { rollBack: (r, i) => backAgain(r, { ...i, to: r.rollback?.to ?? 'before' }), kill: (r, i) => backAgain(r, { ...i, to: 'safe' }) },
    when: {
      verified: (r, { version }, at) => ({ ...stand(r, 'rolledBack', at), version, failure: null }),
      submitted,
      // It never gives up; the same trouble again is no news.
      failed: (r, { fault }, at) => (r.failure?.fault.message === fault.message ? null : { ...r, failure: { at, fault } }),
    },
  },
  rolledBack: {
    ended: true,
    // Who killed without saying why says it later.
    on: { kill: (r, i) => (r.rollback?.to === 'safe' && r.rollback.reason === '' && i.reason !== '' ? { ...r, rollback: { ...r.rollback, reason: i.reason } } : null) },
    when: {},
  },
  failed: {
    ended: false,
    on: { ...back, ...abandon, retry: (r) => retry(r), resume: (r, i) => resume(r, i.at) },
    when: { judged, drifted, clockJumped },
  },
  abandoned: { ended: true, on: back, when: {} },
}

/**
 * What becomes of a rollout. Null: the phase has no use for the signal. A command the phase does not know throws
 * `illegalCommand`. Pure: time comes with the input.
 */
export function transition(rollout: FlagRollout, input: RolloutInput): RolloutMove | null {
  const row = ROLLOUT_MACHINE[rollout.phase]
  if (input.kind === 'signal') {
    // The table is typed per signal; indexing it by the signal's own type is the one place TypeScript cannot follow.
    const on = row.when[input.signal.type] as OnSignal<RolloutSignalType> | undefined
    return counted(rollout, on?.(rollout, input.signal, input.at) ?? null)
  }
  const move = counted(rollout, row.on[input.command]?.(rollout, input) ?? null)
  if (!move) {
    const legal = legalCommands(rollout).map(commandWords).join(', ')
    throw new Fault('illegalCommand', `The rollout of ${rollout.flag} is ${phaseWords(rollout.phase)}${rollout.paused ? ', paused' : ''}: ${commandWords(input.command)} does not apply there.`, `What applies now: ${legal || 'nothing; start a new rollout'}.`)
  }
  return move
}

function counted(before: FlagRollout, next: FlagRollout | null): RolloutMove | null {
  if (!next) return null
  const wanted = wantedChange(next)
  const asked = before.phase === next.phase && before.stageIndex === next.stageIndex && before.rollback?.to === next.rollback?.to
  return { next: { ...next, revision: before.revision + 1 }, effect: asked ? null : wanted }
}

/** Commands the table allows in this state, before interlocks. Tried, not listed: there is no second rule to drift. */
export function legalCommands(rollout: FlagRollout): readonly RolloutCommand[] {
  const row = ROLLOUT_MACHINE[rollout.phase]
  const probe = { kind: 'command', by: SYSTEM_OPERATOR, reason: '', variant: rollout.plan.variants[0]?.variant, at: rollout.stageSince } as const
  return ROLLOUT_COMMANDS.filter((command) => (row.on[command]?.(rollout, { ...probe, command }) ?? null) !== null)
}
