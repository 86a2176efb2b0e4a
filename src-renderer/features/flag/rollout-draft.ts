import { flagRolloutPlanSchema, type Audience, type FlagRolloutPlan, type RolloutStage } from '../../../src-main/contract/flag-definition.ts'
import { draftDuration, UNITS_MS, type DurationDraft } from '../release/plan-draft.ts'

export interface StageDraft {
  /** Tells rows apart while they come and go. */
  readonly key: number
  readonly audience: Audience
  readonly percent: string
  readonly hold: DurationDraft
  readonly approval: boolean
  readonly criteria: RolloutStage['criteria']
}

/** A rollout's plan, as it is typed. */
export interface RolloutDraft {
  readonly variants: readonly { readonly variant: string; readonly share: string }[]
  readonly baseline: string
  readonly stages: readonly StageDraft[]
}

/** What is wrong, by where: `stages.1.percent`, `variants`. */
export type DraftErrors = ReadonlyMap<string, string>

export function draftRollout(plan: FlagRolloutPlan): RolloutDraft {
  return {
    variants: plan.variants.map(({ variant, share }) => ({ variant, share: String(share) })),
    baseline: plan.baseline,
    stages: plan.stages.map((stage, key) => ({ key, audience: stage.audience, percent: String(stage.percent), hold: draftDuration(stage.holdMs), approval: stage.approval, criteria: stage.criteria })),
  }
}

/** Nothing typed is not zero. */
const numberOf = (text: string) => (text.trim() === '' ? Number.NaN : Number(text))

interface Issue {
  readonly code: string
  readonly message: string
  readonly path: readonly PropertyKey[]
  readonly minimum?: unknown
  readonly maximum?: unknown
}

export function issueWords(issue: Issue): string {
  if (issue.code === 'invalid_type') return 'a number is needed'
  if (issue.code === 'too_small' && typeof issue.minimum === 'number') return issue.path.length > 0 && issue.message.includes('character') ? 'something is needed' : `at least ${issue.minimum}`
  if (issue.code === 'too_big' && typeof issue.maximum === 'number') return `at most ${issue.maximum}`
  return issue.message
}

/** Errors of the contract by their place; the first of each. */
export function errorsByPlace(issues: readonly Issue[]): DraftErrors {
  const errors = new Map<string, string>()
  for (const issue of issues) {
    const where = issue.path.join('.')
    if (!errors.has(where)) errors.set(where, issueWords(issue))
  }
  return errors
}

/** The plan that was typed, or what the contract finds wrong with it. Whether it can run is the core's word. */
export function readRollout(draft: RolloutDraft, flag: string): { readonly plan: FlagRolloutPlan; readonly errors: null } | { readonly plan: null; readonly errors: DraftErrors } {
  const read = flagRolloutPlanSchema.safeParse({
    flag,
    variants: draft.variants.map(({ variant, share }) => ({ variant, share: numberOf(share) })),
    baseline: draft.baseline,
    stages: draft.stages.map(({ audience, percent, hold, approval, criteria }) => ({ audience, percent: numberOf(percent), holdMs: Math.round(numberOf(hold.amount) * UNITS_MS[hold.unit]), approval, criteria })),
  })
  return read.success ? { plan: read.data, errors: null } : { plan: null, errors: errorsByPlace(read.error.issues) }
}

/** One more stage in the middle of the largest gap before the last. */
export function withStage(draft: RolloutDraft): RolloutDraft {
  const last = draft.stages.at(-1)
  const before = draft.stages.at(-2)
  const from = before && before.audience.kind === 'everyone' ? numberOf(before.percent) || 0 : 0
  const stage: StageDraft = {
    key: Math.max(-1, ...draft.stages.map(({ key }) => key)) + 1,
    audience: { kind: 'everyone' },
    percent: String(Math.max(1, Math.round((from + 100) / 2))),
    hold: before?.hold ?? { amount: '1', unit: 'h' },
    approval: false,
    criteria: before?.criteria ?? null,
  }
  return { ...draft, stages: last ? [...draft.stages.slice(0, -1), stage, last] : [stage] }
}
