import { Fault } from '../../contract/fault.ts'
import type { FlagRollout } from '../../contract/flag.ts'
import type { FlagChange, ObservedFlag } from '../../core/flags/ports.ts'
import { describe } from '../../core/flags/rollout/actions.ts'
import type { RolloutSignal } from '../../core/flags/rollout/machine.ts'
import { exposeChange, percentAt, wantedChange } from '../../core/flags/rollout/state.ts'
import { stageWords, variantWords } from '../../core/flags/rollout/words.ts'
import type { Board } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import { withDifference } from './difference.ts'
import { flagPortrait, plain, rolloutDraft } from './drafts.ts'
import type { Guard } from './guard.ts'
import type { Rollouts } from './rollouts.ts'

interface Found {
  readonly action: string
  readonly summary: string
  readonly kind: 'outcome' | 'event'
  readonly result: 'verified' | 'failed' | 'accepted' | 'recorded'
  readonly before?: ObservedFlag | null
  readonly after?: ObservedFlag | null
  readonly evidence?: unknown
}

export interface MakerPorts {
  /** The flag is being read. */
  readonly looked: (rollout: FlagRollout) => void
  /** A change towards more exposure that is on its way, if any. */
  readonly onItsWay: (rollout: FlagRollout) => Promise<void> | undefined
  /** A change was read back. */
  readonly changed: (rollout: FlagRollout) => Promise<void>
}

/** Names what the engine does by itself. */
export const operationOf = (rollout: FlagRollout): string => `${rollout.id}:${rollout.revision}`

/** Makes of a flag what its rollout's state asks for, and looks whether it still is that. Throws what the source throws. */
export function createMaker(deps: FlagsDeps, board: Board, rollouts: Rollouts, guard: Guard, ports: MakerPorts) {
  const { clock } = deps

  /** What the engine found, as a move: with its outcome in the same commit. */
  async function tell(rollout: FlagRollout, signal: RolloutSignal, outcome: Found): Promise<void> {
    const { id } = rollout
    await rollouts.move({
      rolloutId: id,
      input: { kind: 'signal', signal, at: clock.wallMs() },
      action: outcome.action,
      summary: outcome.summary,
      operationId: operationOf(rollout),
      tell: false,
      // What was found is of the state it was asked for: a person may have decided otherwise meanwhile.
      check: (now) => now.phase === rollout.phase && now.stageIndex === rollout.stageIndex && now.rollback?.to === rollout.rollback?.to,
      entries: ({ next }) => [
        rolloutDraft(
          { kind: outcome.kind, action: outcome.action, summary: outcome.summary, outcome: outcome.result, operationId: operationOf(rollout), reason: next.rollback?.reason ?? '', before: flagPortrait(outcome.before?.definition ?? null), after: flagPortrait(outcome.after?.definition ?? null), evidence: plain(outcome.evidence) },
          next,
        ),
      ],
    })
  }

  function doneWords(rollout: FlagRollout): string {
    if (rollout.phase === 'exposing') return `Exposed: ${stageWords(rollout.plan, rollout.stageIndex)} get ${variantWords(rollout.plan)}`
    if (rollout.phase === 'finishing') return `Finished: everyone gets ${rollout.finishWith ?? variantWords(rollout.plan)}, without rules`
    return rollout.rollback?.to === 'safe' ? `Killed: ${describe(rollout, 'kill').label.replace(/^Kill: /, '')}` : 'Rolled back: the flag is as it was before the rollout'
  }

  async function verified(rollout: FlagRollout, before: ObservedFlag | null, after: ObservedFlag): Promise<void> {
    // Once nobody is left unexposed, what they did until now is all there is to compare with.
    const widest = rollout.phase === 'exposing' && percentAt(rollout.plan, rollout.stageIndex) >= 100
    const frozen = rollout.phase === 'exposing' && (widest || rollout.frozen == null) ? guard.freeze(rollout) : null
    await tell(rollout, { type: 'verified', version: after.version, ...(frozen ? { frozen } : {}) }, { kind: 'outcome', action: 'rollout.verified', summary: doneWords(rollout), result: 'verified', before, after })
    await ports.changed(rollout)
  }

  /** The flag is what this rollout made of it, or is making of it, or what it was before the first change. */
  function isOurs(rollout: FlagRollout, observed: ObservedFlag): boolean {
    const source = deps.source(rollout.source)
    if (observed.version === (rollout.version ?? rollout.before.version)) return true
    const inForce: FlagChange = rollout.verifiedStage === -1 ? { kind: 'restore', native: rollout.before.native, definition: rollout.before.definition } : exposeChange(rollout, rollout.verifiedStage)
    return source.matches(inForce, observed)
  }

  /** Also what a failed change may have left half done is ours. */
  function isAsWanted(rollout: FlagRollout, observed: ObservedFlag): boolean {
    if (isOurs(rollout, observed)) return true
    const { stageIndex } = rollout
    return rollout.phase === 'failed' && stageIndex >= 0 && deps.source(rollout.source).matches(exposeChange(rollout, stageIndex), observed)
  }

  async function drifted(rollout: FlagRollout, observed: ObservedFlag | null): Promise<void> {
    if (rollout.drift?.version === (observed?.version ?? '')) return
    const expected = rollout.verifiedStage === -1 ? rollout.before.definition : null
    const difference = withDifference(rollout, observed?.definition ?? null, expected)
    await tell(rollout, { type: 'drifted', version: observed?.version ?? '', difference }, { kind: 'event', action: 'rollout.drifted', summary: `Paused: somebody changed ${rollout.flag} elsewhere`, result: 'recorded', after: observed, evidence: { difference } })
  }

  /** Null: it is gone. */
  async function look(rollout: FlagRollout): Promise<ObservedFlag | null> {
    ports.looked(rollout)
    try {
      return await deps.source(rollout.source).observe(rollout.set, rollout.flag)
    } catch (error) {
      if (error instanceof Fault && error.code === 'notFound') return null
      throw error
    }
  }

  async function watch(rollout: FlagRollout): Promise<void> {
    const observed = await look(rollout)
    if (!observed || !isAsWanted(rollout, observed)) return drifted(rollout, observed)
  }

  async function make(rollout: FlagRollout, wanted: FlagChange): Promise<void> {
    const source = deps.source(rollout.source)
    const isBack = rollout.phase === 'rollingBack'
    const observed = await look(rollout)
    if (observed && source.matches(wanted, observed) && !(isBack && ports.onItsWay(rollout))) return verified(rollout, null, observed)
    if (!isBack) {
      if (!observed || !isOurs(rollout, observed)) return drifted(rollout, observed)
      // Nothing that exposes more is begun while it is paused.
      if (rollout.paused) return
    }
    if (rollout.submitted) return
    board.acting.set(rollout.id, { command: rollout.phase === 'finishing' ? 'finish' : isBack ? (rollout.rollback?.to === 'safe' ? 'kill' : 'rollBack') : 'advance', since: clock.wallMs() })
    try {
      deps.crashPoint('rollout.beforeApply')
      const { submitted } = await source.apply({ set: rollout.set, key: rollout.flag, change: wanted, expect: isBack ? null : (observed?.version ?? null), comment: commentOf(rollout) })
      deps.crashPoint('rollout.afterApply')
      if (submitted) return await tell(rollout, { type: 'submitted', ...submitted }, { kind: 'outcome', action: 'rollout.submitted', summary: `Submitted for approval: ${submitted.what}`, result: 'accepted', evidence: submitted })
      // A change that was on its way may have come after it: only what is there once that is over counts.
      if (isBack) await ports.onItsWay(rollout)
      const after = await look(rollout)
      if (!after || !source.matches(wanted, after)) throw new Fault('notVerified', `${rollout.flag} was changed, and is not read back as asked.`, 'It is read again.')
      await verified(rollout, observed, after)
    } finally {
      board.acting.delete(rollout.id)
    }
  }

  function commentOf(rollout: FlagRollout): string {
    const who = rollout.rollback ? rollout.rollback.by.name : rollout.startedBy.name
    const why = rollout.rollback?.reason ?? rollout.reason
    return `Signalbox: ${doneWords(rollout)}. ${who}${why === '' ? '' : `: ${why}`}`
  }

  return {
    tell,
    look,
    isOurs,
    drifted,
    /** One step towards what the state asks for. */
    async step(rollout: FlagRollout): Promise<void> {
      const wanted = wantedChange(rollout)
      return wanted ? make(rollout, wanted) : watch(rollout)
    },
  }
}
export type Maker = ReturnType<typeof createMaker>
