import { Fault, type FaultData } from '../../contract/fault.ts'
import type { CriterionResult, FrozenBaseline } from '../../contract/analysis.ts'
import { type GateResult, type Operator, type Release, SYSTEM_OPERATOR } from '../../contract/release.ts'
import { RELEASE_COMMANDS, type ReleaseCommand, type ReleasePhase, type Verdict } from '../../contract/vocabulary.ts'
import type { Effect } from '../ports.ts'
import { abandon, advance, approve, begin, complete, deployStable, enterStep, fail, finishHold, type Move, pause, pauseToAsk, resume, retire, retry, rollBack, suspendGuard } from './moves.ts'
import { analysisAllows, guardIsSuspended, isWarning } from './state.ts'
import { commandWords, phaseWords } from './words.ts'

/** What an operator asks. `at` is wall clock milliseconds, given, never read. */
export interface CommandInput {
  readonly kind: 'command'
  readonly command: ReleaseCommand
  readonly by: Operator
  readonly reason: string
  readonly force: boolean
  /** SHA-256 of what an approval is bound to; empty for other commands. */
  readonly digest: string
  /** Suspending the guard: for how long, milliseconds. */
  readonly forMs?: number
  readonly at: number
  readonly baseline?: FrozenBaseline | null
}

/** What the engine reports of the world. */
export type Signal =
  | { readonly type: 'deployed' }
  | { readonly type: 'ready' }
  | { readonly type: 'gateProgress'; readonly gates: readonly GateResult[] }
  | { readonly type: 'gatesDone'; readonly gates: readonly GateResult[] }
  | { readonly type: 'weightsVerified' }
  | { readonly type: 'stopped' }
  | { readonly type: 'due' }
  | { readonly type: 'judged'; readonly verdict: Verdict; readonly results: readonly CriterionResult[] }
  | { readonly type: 'effectFailed'; readonly effect: Effect['type']; readonly fault: FaultData }
  | { readonly type: 'revertedElsewhere'; readonly reason: string }
  | { readonly type: 'superseded' }
  | { readonly type: 'clockJumped'; readonly deltaMs: number }
export type SignalType = Signal['type']

export interface SignalInput {
  readonly kind: 'signal'
  readonly signal: Signal
  readonly at: number
  /** The old version's record so far: kept by the move that gives the candidate its first live traffic. */
  readonly baseline?: FrozenBaseline | null
}
export type Input = CommandInput | SignalInput

type OnSignal<T extends SignalType> = (release: Release, signal: Extract<Signal, { type: T }>, at: number) => Move | null

/** One row answers every question about its phase. */
export interface PhaseRow {
  /** Nothing follows by itself; a new release may take over. */
  readonly ended: boolean
  /** Live traffic may be off the last known stable environment. Then `rollBack` is a command of the row: proved by test. */
  readonly trafficMayBeOff: boolean
  /** What it waits for when it is not paused. */
  readonly waitsFor: (release: Release) => 'operator' | 'provider' | 'clock' | null
  /** What to say happens if nobody does anything is derived from this by actions.ts. */
  readonly on: { readonly [C in ReleaseCommand]?: (release: Release, input: CommandInput) => Move | null }
  readonly when: { readonly [T in SignalType]?: OnSignal<T> }
}

const GUARD_SUSPENSION_MS = 15 * 60_000

const provider = () => 'provider' as const
const nobody = () => null

/** Shared by phases in which a candidate exists but the plan has not taken traffic to it in this phase. */
const untouched = (release: Release) => release.stepIndex === -1

const clockJumped: OnSignal<'clockJumped'> = (release, signal) =>
  release.dueAt === null && release.trafficSince === null ? null : { next: { ...release, ...moved(release, signal.deltaMs) }, effects: [] }

/** Every instant that something is counted from or to, and the record that is compared with. */
function moved(release: Release, deltaMs: number): Partial<Release> {
  const later = (at: number | null) => (at === null ? null : at + deltaMs)
  const { guardSuspended, baseline } = release
  return {
    dueAt: later(release.dueAt),
    dueSince: later(release.dueSince),
    trafficSince: later(release.trafficSince),
    weightSince: later(release.weightSince),
    baseline: baseline && { fromAt: baseline.fromAt + deltaMs, toAt: baseline.toAt + deltaMs, series: { ...baseline.series, at: baseline.series.at.map((at) => at + deltaMs) } },
    guardSuspended: guardSuspended && { ...guardSuspended, until: guardSuspended.until + deltaMs },
  }
}

const revertedElsewhere: OnSignal<'revertedElsewhere'> = (release, signal, at) => rollBack(release, { by: SYSTEM_OPERATOR, reason: signal.reason, force: false, at })

const failedEffect: OnSignal<'effectFailed'> = (release, signal, at) => fail(release, signal.fault, at)

const judgedWhileMoving: OnSignal<'judged'> = (release, signal, at) => {
  const judged = { ...release, analysis: [...signal.results] }
  if (signal.verdict === 'fail' && !guardIsSuspended(release, at)) {
    const worst = signal.results.find((result) => result.verdict === 'fail' && result.severity === 'fail')
    return rollBack(judged, { by: SYSTEM_OPERATOR, reason: worst?.why ?? 'A criterion failed.', force: false, at })
  }
  const warning = signal.results.find((result) => isWarning(result) && !release.acknowledged.includes(result.name))
  return (warning && pauseToAsk(judged, warning.why, at)) ?? { next: judged, effects: [] }
}

/** While the guard may take traffic back, a person may hold it off for a time, with a reason; and give it back. */
const guard: PhaseRow['on'] = {
  suspendGuard: (r, i) => (untouched(r) ? null : suspendGuard(r, { by: i.by, reason: i.reason, at: i.at, forMs: i.forMs ?? GUARD_SUSPENSION_MS })),
  restoreGuard: (r) => (r.guardSuspended === null ? null : { next: { ...r, guardSuspended: null }, effects: [] }),
}

/** The release machine: a record over every phase. */
export const RELEASE_MACHINE: { readonly [P in ReleasePhase]: PhaseRow } = {
  planned: {
    ended: false,
    trafficMayBeOff: false,
    waitsFor: (release) => (release.queued ? 'clock' : 'operator'),
    on: { start: (r, i) => begin(r, i.at), abandon: (r, i) => abandon(r, i.at) },
    when: {},
  },
  deploying: {
    ended: false,
    trafficMayBeOff: false,
    waitsFor: provider,
    on: { rollBack, pause, resume: (r, i) => resume(r, i.at), abandon: (r, i) => abandon(r, i.at) },
    when: {
      deployed: (r) => ({ next: r, effects: [{ type: 'awaitReady', environment: r.candidateEnvironment, version: r.candidate, timeoutMs: 0 }] }),
      // Without gates of its own the engine still looks whether the data keeps up.
      ready: (r) => ({ next: { ...r, phase: 'verifying' }, effects: [{ type: 'runGates' }] }),
      effectFailed: failedEffect,
    },
  },
  verifying: {
    ended: false,
    trafficMayBeOff: false,
    waitsFor: (release) => (release.paused ? 'operator' : 'provider'),
    on: { rollBack, pause, resume: (r, i) => resume(r, i.at), abandon: (r, i) => abandon(r, i.at) },
    when: {
      gateProgress: (r, s) => ({ next: { ...r, gates: [...s.gates] }, effects: [] }),
      gatesDone: (r, s, at) => {
        const next = { ...r, gates: [...s.gates] }
        const failed = s.gates.find((gate) => gate.state !== 'passed')
        if (!failed && r.rejectedBefore !== null) {
          const why = `This version was rolled back by the guard before: ${r.rejectedBefore} It gets no live traffic until someone resumes it.`
          return pauseToAsk({ ...next, rejectedBefore: null }, why, at) ?? { next, effects: [] }
        }
        if (!failed) return advance(next, at)
        const fault = new Fault('gateFailed', `Gate "${failed.name}" failed: ${failed.detail} Live traffic was not touched.`, 'Mend the version and release it again, or retry the gates if the cause is gone.')
        return fail(next, fault.data, at)
      },
      effectFailed: failedEffect,
    },
  },
  awaitingApproval: {
    ended: false,
    trafficMayBeOff: true,
    waitsFor: () => 'operator',
    on: {
      approve,
      rollBack,
      pause,
      resume: (r, i) => resume(r, i.at),
      abandon: (r, i) => (untouched(r) ? abandon(r, i.at) : null),
      ...guard,
    },
    when: { judged: judgedWhileMoving, revertedElsewhere, clockJumped },
  },
  shifting: {
    ended: false,
    trafficMayBeOff: true,
    waitsFor: (release) => (release.shiftPending ? 'provider' : release.paused || release.dueAt === null ? 'operator' : 'clock'),
    on: {
      promote: (r, i) => advance({ ...r, paused: null }, i.at),
      promoteFully: (r, i) => (r.stepIndex < r.plan.steps.length - 1 ? enterStep({ ...r, paused: null }, r.plan.steps.length - 1, i.at) : null),
      pause,
      resume: (r, i) => resume(r, i.at),
      rollBack,
      ...guard,
    },
    when: {
      weightsVerified: (r, _s, at) => finishHold({ ...r, shiftPending: false, trafficSince: r.trafficSince ?? at, weightSince: at }, at),
      due: (r, _s, at) => (r.paused || r.shiftPending || !analysisAllows(r) ? null : advance(r, at)),
      judged: judgedWhileMoving,
      // Whether it has traffic is not known: it is judged from now on as if it had.
      effectFailed: (r, s, at) => fail({ ...r, trafficSince: r.trafficSince ?? at }, s.fault, at),
      revertedElsewhere,
      clockJumped,
    },
  },
  baking: {
    ended: false,
    trafficMayBeOff: true,
    waitsFor: (release) => (release.paused ? 'operator' : 'clock'),
    on: { promote: (r, i) => complete({ ...r, paused: null }, i.at), pause, resume: (r, i) => resume(r, i.at), rollBack, ...guard },
    when: { due: (r, _s, at) => (r.paused ? null : complete(r, at)), judged: judgedWhileMoving, revertedElsewhere, clockJumped },
  },
  completed: {
    ended: false,
    trafficMayBeOff: true,
    waitsFor: (release) => (release.paused ? 'operator' : 'clock'),
    on: { rollBack, retire: (r, i) => retire(r, i.at), pause, resume: (r, i) => resume(r, i.at), ...guard },
    when: {
      judged: judgedWhileMoving,
      due: (r, _s, at) => (r.paused ? null : retire(r, at)),
      superseded: (r, _s, at) => ({ next: { ...r, phase: 'retired', dueAt: null, dueSince: null, paused: null, endedAt: at }, effects: [] }),
      revertedElsewhere,
      clockJumped,
    },
  },
  retired: {
    ended: true,
    trafficMayBeOff: true,
    waitsFor: nobody,
    on: { rollBack: (r, i) => (r.stable === null ? null : rollBack(r, i)) },
    when: {},
  },
  rollingBack: {
    ended: false,
    trafficMayBeOff: true,
    waitsFor: provider,
    on: { rollBack },
    when: {
      weightsVerified: (r, _s, at) => ({
        next: { ...r, phase: 'rolledBack', shiftPending: false, endedAt: at, failure: null },
        effects: [{ type: 'stop', environment: r.candidateEnvironment, drainMs: r.plan.drainMs }],
      }),
      // The stable side is not ready: traffic stays where it is while it is started again.
      effectFailed: (r, s, at) => (r.stable === null ? rollBackAgain(r, at) : deployStable(r, s.fault, at)),
      deployed: (r) => (r.stable === null ? null : { next: r, effects: [{ type: 'awaitReady', environment: stableOf(r), version: r.stable, timeoutMs: 0 }] }),
      ready: (r, _s, at) => rollBackAgain(r, at),
    },
  },
  rolledBack: { ended: true, trafficMayBeOff: false, waitsFor: nobody, on: {}, when: {} },
  failed: {
    ended: false,
    trafficMayBeOff: true,
    waitsFor: () => 'operator',
    on: { retry: (r, i) => retry(r, i.at), rollBack, abandon: (r, i) => (untouched(r) ? abandon(r, i.at) : null), ...guard },
    when: { revertedElsewhere, judged: judgedWhileMoving, clockJumped },
  },
  abandoned: { ended: true, trafficMayBeOff: false, waitsFor: nobody, on: {}, when: {} },
}

function rollBackAgain(release: Release, at: number): Move {
  return rollBack(release, { by: release.rollback?.by ?? SYSTEM_OPERATOR, reason: release.rollback?.reason ?? '', force: false, at })
}

function stableOf(release: Release) {
  return release.candidateEnvironment === 'blue' ? 'green' : 'blue'
}

/**
 * The next state and the effects it asks for. Pure. A command outside the table throws `illegalCommand`; a signal the
 * phase has no use for (a late answer of an overtaken effect) gives null.
 */
export function transition(release: Release, input: Input): Move | null {
  const row = RELEASE_MACHINE[release.phase]
  const move = input.kind === 'command' ? row.on[input.command]?.(release, input) : applySignal(row, release, input)
  if (move) {
    const startsTraffic = release.stepIndex === -1 && move.next.stepIndex >= 0
    const baseline = startsTraffic ? (input.baseline ?? null) : move.next.baseline
    return { next: { ...move.next, baseline, revision: release.revision + 1 }, effects: move.effects }
  }
  if (input.kind === 'signal') return null
  throw new Fault(
    'illegalCommand',
    `${release.id} is ${phaseWords(release.phase)}: ${commandWords(input.command)} does not apply there. Traffic was not touched.`,
    `What applies now: ${legalCommands(release).map(commandWords).join(', ') || 'nothing; start a new release'}.`,
  )
}

function applySignal(row: PhaseRow, release: Release, input: SignalInput): Move | null {
  // The table is typed per signal; indexing it by the signal's own type is the one place TypeScript cannot follow.
  const handle = row.when[input.signal.type] as OnSignal<SignalType> | undefined
  return handle?.(release, input.signal, input.at) ?? null
}

/** Commands the table allows in this state, before interlocks. Tried, not listed: there is no second rule to drift. */
export function legalCommands(release: Release): readonly ReleaseCommand[] {
  const row = RELEASE_MACHINE[release.phase]
  const probe: Omit<CommandInput, 'command'> = { kind: 'command', by: SYSTEM_OPERATOR, reason: '', force: false, digest: '', at: release.createdAt }
  return RELEASE_COMMANDS.filter((command) => row.on[command]?.(release, { ...probe, command }) != null)
}
