import type { FlagRollout } from '../../../contract/flag.ts'
import type { Operator } from '../../../contract/release.ts'
import { isWarning } from '../../release/state.ts'
import { nextStage, onlyVariant } from './state.ts'

const STILL = { dueAt: null, submitted: null, failure: null, drift: null } as const

export function enterStage(rollout: FlagRollout, index: number, at: number): FlagRollout {
  return { ...rollout, ...STILL, phase: 'exposing', stageIndex: index, stageSince: at, paused: null }
}

export function finish(rollout: FlagRollout, variant: string, at: number): FlagRollout {
  return { ...rollout, ...STILL, phase: 'finishing', finishWith: variant, stageSince: at, paused: null }
}

/** Into the next stage; to the end after the last. Where several variants were rolled out, a person says which one stays. */
export function goOn(rollout: FlagRollout, at: number): FlagRollout | null {
  const index = nextStage(rollout)
  if (index !== null) return enterStage(rollout, index, at)
  const variant = onlyVariant(rollout.plan)
  if (variant !== null) return finish(rollout, variant, at)
  return rollout.dueAt === null && rollout.phase === 'holding' ? null : { ...rollout, phase: 'holding', dueAt: null }
}

/** Who lets the next stage begin, where the plan asks for somebody. */
export function approve(rollout: FlagRollout, by: Operator, at: number): FlagRollout {
  const asked = rollout.plan.stages[rollout.stageIndex]?.approval === true
  return asked ? { ...rollout, approvals: [...rollout.approvals, { by, at, stage: rollout.stageIndex }] } : rollout
}

export function pause(rollout: FlagRollout, by: Operator, why: string, at: number): FlagRollout | null {
  if (rollout.paused) return null
  const remainingMs = rollout.dueAt === null ? null : Math.max(0, rollout.dueAt - at)
  return { ...rollout, dueAt: null, paused: { at, by, why, remainingMs } }
}

/** Goes on with what is left of the hold. After somebody else changed the flag: with the stage written again, and its whole hold. */
export function resume(rollout: FlagRollout, at: number): FlagRollout | null {
  if (!rollout.paused) return null
  const warned = rollout.analysis.filter(isWarning).map(({ name }) => name)
  const resumed = { ...rollout, paused: null, drift: null, acknowledged: [...new Set([...(rollout.acknowledged ?? []), ...warned])] }
  // What they made of it is what is replaced: another change of theirs is asked about again.
  if (rollout.drift) return again({ ...resumed, version: rollout.drift.version }, at)
  const left = rollout.paused.remainingMs ?? null
  return { ...resumed, dueAt: left === null ? null : at + left }
}

/** Writes again what is meant to be in force. */
function again(rollout: FlagRollout, at: number): FlagRollout {
  if (rollout.phase === 'finishing' || (rollout.phase === 'failed' && wasFinishing(rollout))) return { ...rollout, ...STILL, phase: 'finishing' }
  return { ...enterStage(rollout, Math.max(0, rollout.stageIndex), at), acknowledged: rollout.acknowledged }
}

/** It failed on its last change, which was the end, and not a stage. */
function wasFinishing(rollout: FlagRollout): boolean {
  return (rollout.finishWith ?? null) !== null
}

export function retry(rollout: FlagRollout): FlagRollout | null {
  if (rollout.drift) return null
  return { ...rollout, failure: null, paused: null, phase: wasFinishing(rollout) ? 'finishing' : 'exposing' }
}

/** To the state before, or to the safe variant: at once, from anywhere. */
export function rollBack(rollout: FlagRollout, input: { readonly by: Operator; readonly reason: string; readonly at: number; readonly to: 'before' | 'safe'; readonly byGuard?: boolean }): FlagRollout {
  const { by, reason, at, to, byGuard = false } = input
  return { ...rollout, ...STILL, phase: 'rollingBack', paused: null, endedAt: null, rollback: { by, reason, at, to, byGuard } }
}

export function backAgain(rollout: FlagRollout, input: { readonly by: Operator; readonly reason: string; readonly at: number; readonly to: 'before' | 'safe' }): FlagRollout {
  const same = rollout.rollback?.to === input.to
  return same ? { ...rollout, failure: null } : rollBack(rollout, input)
}

/** It is over; the flag stays as it is. */
export function stand(rollout: FlagRollout, phase: 'finished' | 'rolledBack' | 'abandoned', at: number): FlagRollout {
  return {
    ...rollout,
    dueAt: null,
    submitted: null,
    paused: null,
    drift: null,
    phase,
    endedAt: at,
    stages: rollout.stages.map((stage) => (stage.endedAt === null ? { ...stage, endedAt: at } : stage)),
  }
}
