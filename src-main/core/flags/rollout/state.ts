import type { Criterion, CriterionResult } from '../../../contract/analysis.ts'
import type { FlagRollout, RolloutPhase } from '../../../contract/flag.ts'
import type { FlagRolloutPlan, RolloutStage } from '../../../contract/flag-definition.ts'
import type { Operator } from '../../../contract/release.ts'
import { isWarning } from '../../release/state.ts'
import { safeVariantOf } from '../exposure.ts'
import type { FlagChange, ObservedFlag } from '../ports.ts'

export interface NewRollout {
  readonly id: string
  readonly source: string
  readonly set: string
  readonly flag: string
  readonly number: number
  readonly plan: FlagRolloutPlan
  readonly criteria: readonly Criterion[]
  readonly before: ObservedFlag
  readonly by: Operator
  readonly reason: string
  readonly at: number
}

/** A rollout that is written down and nothing else: the flag is as it was. */
export function planRollout(input: NewRollout): FlagRollout {
  return {
    id: input.id,
    source: input.source,
    set: input.set,
    flag: input.flag,
    number: input.number,
    revision: 1,
    phase: 'planned',
    plan: input.plan,
    criteria: [...input.criteria],
    stageIndex: -1,
    verifiedStage: -1,
    stageSince: input.at,
    dueAt: null,
    paused: null,
    failure: null,
    submitted: null,
    drift: null,
    before: { definition: input.before.definition, native: input.before.native, version: input.before.version },
    version: null,
    rollback: null,
    approvals: [],
    stages: [],
    analysis: [],
    acknowledged: [],
    frozen: null,
    startedBy: input.by,
    startedAt: input.at,
    endedAt: null,
    reason: input.reason,
  }
}

const ENDED: readonly RolloutPhase[] = ['finished', 'rolledBack', 'abandoned']

/** Nothing follows by itself; a new rollout of the flag may begin. */
export function rolloutEnded(phase: RolloutPhase): boolean {
  return ENDED.includes(phase)
}

export function stageOf(rollout: FlagRollout, index = rollout.stageIndex): RolloutStage | null {
  return rollout.plan.stages[index] ?? null
}

/** The one variant that was rolled out; null where there are several, and a person chooses at the end. */
export function onlyVariant(plan: FlagRolloutPlan): string | null {
  return plan.variants.length === 1 ? (plan.variants[0]?.variant ?? null) : null
}

/** What the kill switch serves while it is rolled out: the flag's safe variant, or the plan's baseline where none is declared. */
export function killVariant(rollout: FlagRollout): string {
  return safeVariantOf(rollout.before.definition) ?? rollout.plan.baseline
}

export function exposeChange(rollout: FlagRollout, stage: number): FlagChange {
  return { kind: 'expose', before: rollout.before.definition, plan: rollout.plan, stage }
}

/** What is to become of the flag now; null: it is as it should be. Found from the state alone, so that it is the same after a restart. */
export function wantedChange(rollout: FlagRollout): FlagChange | null {
  switch (rollout.phase) {
    case 'exposing':
      return exposeChange(rollout, rollout.stageIndex)
    case 'finishing':
      return { kind: 'finish', variant: rollout.finishWith ?? onlyVariant(rollout.plan) ?? rollout.plan.baseline }
    case 'rollingBack':
      return rollout.rollback?.to === 'safe' ? { kind: 'kill', variant: killVariant(rollout) } : { kind: 'restore', native: rollout.before.native, definition: rollout.before.definition }
    case 'planned':
    case 'holding':
    case 'awaitingApproval':
    case 'finished':
    case 'rolledBack':
    case 'failed':
    case 'abandoned':
      return null
  }
}

/** What the flag was last read back to be; null: as before the rollout. */
export function changeInForce(rollout: FlagRollout): FlagChange | null {
  return rollout.verifiedStage === -1 ? null : exposeChange(rollout, rollout.verifiedStage)
}

/** Somebody has it who would not have it without the rollout, or may have. */
export function mayBeExposed(rollout: FlagRollout): boolean {
  return rollout.phase !== 'planned' && rollout.phase !== 'rolledBack' && rollout.stageIndex >= 0
}

/** Percent of everyone at a stage, as far as the plan tells: people in audiences of their own are more than none. */
export function percentAt(plan: FlagRolloutPlan, stage: number): number {
  const reached = plan.stages.slice(0, stage + 1)
  const everyone = reached.filter(({ audience }) => audience.kind === 'everyone').map(({ percent }) => percent)
  const some = reached.some(({ percent }) => percent > 0) ? 0.01 : 0
  return Math.max(some, ...everyone)
}

/** What is judged at a stage: the criteria it names, else all. */
export function criteriaAt(rollout: Pick<FlagRollout, 'plan' | 'criteria'>, stage: number): readonly Criterion[] {
  const named = rollout.plan.stages[stage]?.criteria ?? null
  return named === null ? rollout.criteria : rollout.criteria.filter(({ name }) => named.includes(name))
}

export function criteriaInForce(rollout: FlagRollout): readonly Criterion[] {
  return criteriaAt(rollout, Math.max(0, rollout.verifiedStage))
}

/** Several variants are judged one by one: a result is named after its criterion and, then, its variant. */
export function resultName(criterion: string, variant: string, plan: FlagRolloutPlan): string {
  return plan.variants.length === 1 ? criterion : `${criterion} (${variant})`
}

export function isAcknowledged(rollout: FlagRollout, result: CriterionResult): boolean {
  return isWarning(result) && (rollout.acknowledged ?? []).includes(result.name)
}

export interface Holding {
  readonly name: string
  readonly why: string
}

/**
 * What keeps a hold from ending by itself: what was not judged or did not pass. A warning somebody went on from, and a
 * criterion whose doubt is no gate, keep nothing. Once everyone is exposed there is only a record to compare with, which
 * ages: doubt keeps nothing then, as in the bake of a release. Missing data always holds.
 */
export function holdingResults(rollout: FlagRollout): readonly Holding[] {
  const everyone = percentAt(rollout.plan, Math.max(0, rollout.verifiedStage)) >= 100
  return criteriaInForce(rollout).flatMap((criterion) =>
    rollout.plan.variants.flatMap(({ variant }): Holding[] => {
      const name = resultName(criterion.name, variant, rollout.plan)
      const result = rollout.analysis.find((each) => each.name === name)
      if (!result) return [{ name, why: 'It was not judged yet.' }]
      if (result.verdict === 'pass' || isAcknowledged(rollout, result)) return []
      if (result.verdict === 'inconclusive' && (everyone || criterion.doubt === 'goOn') && result.absentSince === null && !result.bothSides) return []
      return [{ name, why: result.why }]
    }),
  )
}

/** A stage ended by time and by what was judged: where the plan goes then. */
export function nextStage(rollout: FlagRollout): number | null {
  const next = rollout.stageIndex + 1
  return next < rollout.plan.stages.length ? next : null
}

/** Taken back by nobody's decision. */
export function takenBackByGuard(rollout: FlagRollout): boolean {
  return rollout.rollback?.byGuard === true
}
