import type { Criterion, CriterionResult } from '../../contract/analysis.ts'
import type { Plan } from '../../contract/plan.ts'
import type { Operator, Release } from '../../contract/release.ts'
import { OUT_OF_SERVICE, type VersionRef, type Weights } from '../../contract/traffic.ts'
import { type EnvironmentName, otherEnvironment, type ReleasePhase } from '../../contract/vocabulary.ts'

export interface NewRelease {
  readonly id: string
  readonly service: string
  readonly plan: Plan
  readonly candidate: VersionRef
  readonly candidateEnvironment: EnvironmentName
  readonly stable: VersionRef | null
  readonly createdBy: Operator
  readonly at: number
  readonly reason: string
  readonly ticket: string
  readonly notes: string
  readonly queued: boolean
  /** Why the guard took this very version back before, or null. */
  readonly rejectedBefore: string | null
}

/**
 * A planned release. A service's first release has nobody to share traffic with, so only the last step of its plan
 * remains: all or nothing.
 */
export function planRelease(input: NewRelease): Release {
  const last = input.plan.steps.at(-1)
  const plan = input.stable === null && last ? { ...input.plan, steps: [last] } : input.plan
  return {
    id: input.id,
    service: input.service,
    revision: 1,
    phase: 'planned',
    plan,
    candidate: input.candidate,
    candidateEnvironment: input.candidateEnvironment,
    stable: input.stable,
    stepIndex: -1,
    pendingStep: null,
    desiredWeights: stableWeights(input),
    shiftPending: false,
    paused: null,
    dueAt: null,
    dueSince: null,
    gates: plan.gates.map((gate) => ({ name: gate.name, state: 'waiting', detail: '', exitCode: null, output: '', endedAt: null })),
    analysis: [],
    baseline: null,
    trafficSince: null,
    weightSince: null,
    guardSuspended: null,
    acknowledged: [],
    rejectedBefore: input.rejectedBefore,
    approvals: [],
    failure: null,
    rollback: null,
    queued: input.queued,
    createdBy: input.createdBy,
    createdAt: input.at,
    startedAt: null,
    endedAt: null,
    reason: input.reason,
    ticket: input.ticket,
    notes: input.notes,
  }
}

/** Weights with the candidate at so many percent and the stable side at the rest. */
export function candidateWeights(release: Pick<Release, 'candidateEnvironment' | 'stable'>, percent: number): Weights {
  const candidate = release.stable === null ? 100 : percent
  return release.candidateEnvironment === 'blue' ? { blue: candidate, green: 100 - candidate } : { blue: 100 - candidate, green: candidate }
}

/** Where a roll back puts traffic: all on the stable side, or out of service when there never was one. */
export function stableWeights(release: Pick<Release, 'candidateEnvironment' | 'stable'>): Weights {
  return release.stable === null ? OUT_OF_SERVICE : candidateWeights(release, 0)
}

export function stableEnvironment(release: Release): EnvironmentName {
  return otherEnvironment(release.candidateEnvironment)
}

export function sameWeights(a: Weights, b: Weights): boolean {
  return a.blue === b.blue && a.green === b.green
}

export function sameVersion(a: VersionRef, b: VersionRef): boolean {
  return a.version === b.version && a.configDigest === b.configDigest
}

/** The step a promote would enter, or null when the plan has no further one. */
export function nextStepIndex(release: Release): number | null {
  const next = release.pendingStep ?? release.stepIndex + 1
  return next < release.plan.steps.length ? next : null
}

/** Percent of live requests the candidate is meant to have now. */
export function candidatePercent(release: Release): number {
  return release.desiredWeights[release.candidateEnvironment]
}

/** Phases in which traffic is as a step left it: waiting for the next one, or baking at the last. */
const AT_A_STEP: readonly ReleasePhase[] = ['shifting', 'awaitingApproval', 'baking', 'failed']

/**
 * What is judged now: the step's own criteria if it names any, else the plan's. On a service's first release they pause
 * and ask: there is nothing to go back to, and out of service is worse than half working for anybody but a person to choose.
 */
export function criteriaInForce(release: Pick<Release, 'plan' | 'phase' | 'stepIndex' | 'stable'>): readonly Criterion[] {
  const step = AT_A_STEP.includes(release.phase) ? release.plan.steps[release.stepIndex] : undefined
  const criteria = step?.criteria ?? release.plan.criteria
  return release.stable === null ? criteria.map(asking) : criteria
}

function asking(criterion: Criterion): Criterion {
  const { absence } = criterion
  return { ...criterion, severity: 'warn', absence: absence.action === 'rollBack' ? { ...absence, action: 'pause' } : absence }
}

/** A breach that pauses and asks instead of taking traffic back. */
export function isWarning(result: CriterionResult): boolean {
  return result.verdict === 'fail' && result.severity === 'warn'
}

/** Rolled back because of a verdict, by nobody's decision. */
export function takenBackByGuard(release: Pick<Release, 'phase' | 'rollback' | 'analysis'>): boolean {
  return release.phase === 'rolledBack' && release.rollback?.by.known === 'system' && release.analysis.some(({ verdict }) => verdict === 'fail')
}

/** True while a person has suspended automatic roll back. */
export function guardIsSuspended(release: Pick<Release, 'guardSuspended'>, at: number): boolean {
  return release.guardSuspended !== null && at < release.guardSuspended.until
}

/**
 * What keeps a hold for analysis from ending: criteria in force that were not judged or did not pass. A person who has
 * seen a warning and gone on, and a criterion whose doubt is no gate, keep nothing. Missing data always holds.
 */
export function holdingCriteria(release: Release): readonly Criterion[] {
  if (release.plan.steps[release.stepIndex]?.hold.kind !== 'analysis') return []
  return criteriaInForce(release).filter(({ name, doubt }) => {
    const result = release.analysis.find((each) => each.name === name)
    if (!result) return true
    if (result.verdict === 'inconclusive') return doubt !== 'goOn' || result.absentSince !== null || result.bothSides
    return result.verdict === 'fail' && !(isWarning(result) && release.acknowledged.includes(name))
  })
}

/**
 * What was judged without its data being there. Until it is back nothing goes on by itself, whatever a hold waits for:
 * time that nobody saw is no time watched. A person who was asked because of it and went on is not held.
 */
export function blindResults(release: Pick<Release, 'analysis' | 'acknowledged'>): readonly CriterionResult[] {
  return release.analysis.filter((result) => result.absentSince !== null && !(isWarning(result) && release.acknowledged.includes(result.name)))
}

/** Doubt holds. */
export function analysisAllows(release: Release): boolean {
  return holdingCriteria(release).length === 0
}

/** Approvals still missing before a step may be entered. */
export function missingApprovals(release: Release, stepIndex: number): number {
  const needed = release.plan.steps[stepIndex]?.approvals ?? 0
  const given = release.approvals.filter((approval) => approval.stepIndex === stepIndex).length
  return Math.max(0, needed - given)
}

/**
 * A planned release as it would be planned now: what was live when it was written may not be live when it starts.
 */
export function rebase(release: Release, stable: { environment: EnvironmentName; deployed: VersionRef } | null): Release {
  const candidateEnvironment = stable ? otherEnvironment(stable.environment) : 'blue'
  const rebased = { ...release, candidateEnvironment, stable: stable?.deployed ?? null }
  return { ...rebased, desiredWeights: stableWeights(rebased) }
}
