import type { FaultData } from '../../contract/fault.ts'
import { type Operator, type Release, SYSTEM_OPERATOR } from '../../contract/release.ts'
import type { Effect } from '../ports.ts'
import { candidateWeights, isWarning, missingApprovals, nextStepIndex, stableEnvironment, stableWeights } from './state.ts'

/** A changed release and what must happen to the world because of it. */
export interface Move {
  readonly next: Release
  readonly effects: readonly Effect[]
}

interface By {
  readonly by: Operator
  readonly at: number
}

const noTimer = { dueAt: null, dueSince: null } as const

/** Runs a timed thing from `at`. Nothing timed at all when it lasts 0 ms. */
function timer(ms: number, at: number) {
  return { dueAt: at + ms, dueSince: at }
}

export function begin(release: Release, at: number): Move {
  return {
    next: { ...release, phase: 'deploying', startedAt: release.startedAt ?? at, queued: false, failure: null },
    effects: [{ type: 'deploy', environment: release.candidateEnvironment, version: release.candidate }],
  }
}

/** Gives up a release that never touched live traffic. */
export function abandon(release: Release, at: number): Move {
  const deployed = release.startedAt !== null
  return {
    next: { ...release, ...noTimer, phase: 'abandoned', queued: false, paused: null, endedAt: at },
    effects: deployed ? [{ type: 'stop', environment: release.candidateEnvironment, drainMs: 0 }] : [],
  }
}

/** Goes on: into the next step, into baking after the last. While paused nothing moves forward by itself. */
export function advance(release: Release, at: number): Move {
  if (release.paused) return { next: release, effects: [] }
  const index = nextStepIndex(release)
  if (index === null) return bake(release, at)
  return enterStep(release, index, at)
}

/** Enters a step, or waits for the approvals it needs. */
export function enterStep(release: Release, index: number, at: number): Move {
  const step = release.plan.steps[index]
  if (!step) return bake(release, at)
  if (missingApprovals(release, index) > 0) {
    return { next: { ...release, ...noTimer, phase: 'awaitingApproval', pendingStep: index, failure: null }, effects: [] }
  }
  const weights = candidateWeights(release, step.weightPercent)
  return {
    next: { ...release, ...noTimer, phase: 'shifting', stepIndex: index, pendingStep: null, desiredWeights: weights, shiftPending: true, failure: null, analysis: [], acknowledged: [] },
    effects: [shift(release, weights)],
  }
}

function shift(release: Release, weights: Release['desiredWeights']): Effect {
  return {
    type: 'setWeights',
    weights,
    back: false,
    force: false,
    lease: { ttlMs: release.plan.lease.ttlMs, onExpiry: release.plan.lease.onExpiry, revertTo: stableWeights(release) },
  }
}

/** After the weights of a step were read back: starts its hold, or goes on when it has none. */
export function finishHold(release: Release, at: number): Move {
  const hold = release.plan.steps[release.stepIndex]?.hold
  if (!hold || hold.kind === 'manual') return { next: { ...release, ...noTimer }, effects: [] }
  if (hold.kind === 'timed' && hold.ms === 0) return advance(release, at)
  if (release.paused) return { next: { ...release, ...noTimer, paused: { ...release.paused, remainingMs: hold.ms } }, effects: [] }
  return { next: { ...release, ...timer(hold.ms, at) }, effects: [] }
}

function bake(release: Release, at: number): Move {
  if (release.plan.bakeMs === 0) return complete(release, at)
  return { next: { ...release, ...timer(release.plan.bakeMs, at), phase: 'baking' }, effects: [] }
}

/** The candidate is the new stable side. The old one stays warm for the rollback window. */
export function complete(release: Release, at: number): Move {
  if (release.stable === null) return { next: { ...release, ...noTimer, phase: 'retired', endedAt: at }, effects: [] }
  if (release.plan.rollbackWindowMs === 0) return retire(release, at)
  return { next: { ...release, ...timer(release.plan.rollbackWindowMs, at), phase: 'completed' }, effects: [] }
}

/** Ends the rollback window: the old environment is stopped. */
export function retire(release: Release, at: number): Move {
  return {
    next: { ...release, ...noTimer, phase: 'retired', paused: null, endedAt: at },
    effects: [{ type: 'stop', environment: stableEnvironment(release), drainMs: release.plan.drainMs }],
  }
}

export function approve(release: Release, input: By & { digest: string }): Move | null {
  const stepIndex = release.pendingStep
  if (stepIndex === null || missingApprovals(release, stepIndex) === 0) return null
  const next = { ...release, approvals: [...release.approvals, { by: input.by, at: input.at, stepIndex, digest: input.digest }] }
  return missingApprovals(next, stepIndex) > 0 || next.paused ? { next, effects: [] } : enterStep(next, stepIndex, input.at)
}

export function pause(release: Release, input: By): Move | null {
  if (release.paused) return null
  const remainingMs = release.dueAt === null ? null : Math.max(0, release.dueAt - input.at)
  return { next: { ...release, ...noTimer, paused: { at: input.at, by: input.by, remainingMs, why: '' } }, effects: [] }
}

/** Stops the plan where it is and asks, because of what the guard saw. */
export function pauseToAsk(release: Release, why: string, at: number): Move | null {
  const move = pause(release, { by: SYSTEM_OPERATOR, at })
  return move?.next.paused ? { ...move, next: { ...move.next, paused: { ...move.next.paused, why } } } : null
}

export function resume(release: Release, at: number): Move | null {
  if (!release.paused) return null
  const { remainingMs } = release.paused
  // Who goes on has seen what was warned of, in this step.
  const warned = release.analysis.filter(isWarning).map((result) => result.name)
  const resumed = { ...release, paused: null, acknowledged: [...new Set([...release.acknowledged, ...warned])] }
  if (remainingMs !== null) return { next: { ...resumed, ...timer(remainingMs, at) }, effects: [] }
  const gatesPassed = release.phase === 'verifying' && release.gates.every((gate) => gate.state === 'passed')
  if (gatesPassed) return advance(resumed, at)
  const approved = release.phase === 'awaitingApproval' && release.pendingStep !== null && missingApprovals(release, release.pendingStep) === 0
  return approved ? advance(resumed, at) : { next: resumed, effects: [] }
}

/** Stops where it is. Traffic stays as it was last verified. */
export function fail(release: Release, fault: FaultData, at: number): Move {
  return { next: { ...release, ...noTimer, phase: 'failed', failure: { phase: release.phase, fault, at } }, effects: [] }
}

/** Until then nothing is rolled back by itself. Analysis goes on and is shown. */
export function suspendGuard(release: Release, input: By & { reason: string; forMs: number }): Move {
  return { next: { ...release, guardSuspended: { by: input.by, reason: input.reason, at: input.at, until: input.at + input.forMs } }, effects: [] }
}

/** Does again what failed. */
export function retry(release: Release, at: number): Move | null {
  const phase = release.failure?.phase
  if (phase === 'deploying') return begin(release, at)
  if (phase === 'verifying') {
    const gates = release.gates.map((gate) => ({ ...gate, state: 'waiting' as const, detail: '', endedAt: null }))
    return { next: { ...release, phase: 'verifying', failure: null, gates }, effects: [{ type: 'runGates' }] }
  }
  if (phase === 'shifting') {
    return { next: { ...release, phase: 'shifting', failure: null, shiftPending: true }, effects: [shift(release, release.desiredWeights)] }
  }
  return null
}

/**
 * Puts traffic back on the stable side, from anywhere, at once; pressing it again does it again, which is also how an
 * operator forces traffic onto a side that is not ready.
 */
export function rollBack(release: Release, input: By & { reason: string; force: boolean }): Move {
  const weights = stableWeights(release)
  return {
    next: {
      ...release,
      ...noTimer,
      phase: 'rollingBack',
      pendingStep: null,
      paused: null,
      queued: false,
      endedAt: null,
      desiredWeights: weights,
      shiftPending: true,
      rollback: { by: input.by, reason: input.reason, at: release.rollback?.at ?? input.at, forced: input.force, waitingForReady: false },
    },
    effects: [{ type: 'setWeights', weights, back: true, force: input.force, lease: null }],
  }
}

/** The stable side is not ready to be rolled back to: start it, keep traffic where it is meanwhile, and say so. */
export function deployStable(release: Release, fault: FaultData, at: number): Move | null {
  if (release.stable === null || !release.rollback) return null
  return {
    next: { ...release, failure: { phase: 'rollingBack', fault, at }, rollback: { ...release.rollback, waitingForReady: true } },
    effects: [{ type: 'deploy', environment: stableEnvironment(release), version: release.stable }],
  }
}
