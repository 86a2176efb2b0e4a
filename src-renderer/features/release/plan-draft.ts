import { planSchema, type Hold, type Plan, type Step } from '../../../src-main/contract/plan.ts'
import { formatDuration, plural } from '../../lib/format.ts'
import { holdWords } from '../../lib/release-words.ts'

/** A length of time as it is typed: a number, and what of. */
export interface DurationDraft {
  readonly amount: string
  readonly unit: DurationUnit
}
export const UNITS_MS = { s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const
export type DurationUnit = keyof typeof UNITS_MS
export const DURATION_UNITS = ['s', 'min', 'h', 'd'] as const satisfies readonly DurationUnit[]

export interface StepDraft {
  /** Tells rows apart while they come and go. */
  readonly key: number
  readonly weight: string
  readonly hold: Hold['kind']
  readonly holdFor: DurationDraft
  readonly approvals: string
  readonly criteria: Step['criteria']
}

/** What can be changed for one release, as it is typed. Gates and criteria stay the workspace's. */
export interface PlanDraft {
  readonly steps: readonly StepDraft[]
  readonly bake: DurationDraft
  readonly drain: DurationDraft
  readonly rollbackWindow: DurationDraft
}

/** What is wrong, by where: `steps.1.weightPercent`, `steps`, `bakeMs`. */
export type PlanErrors = ReadonlyMap<string, string>

/** The largest unit in which it is a whole number. */
export function draftDuration(ms: number): DurationDraft {
  const unit = DURATION_UNITS.toReversed().find((each) => ms > 0 && ms % UNITS_MS[each] === 0) ?? 's'
  return { amount: String(ms / UNITS_MS[unit]), unit }
}

export function draftPlan(plan: Plan): PlanDraft {
  return {
    steps: plan.steps.map((step, key) => ({
      key,
      weight: String(step.weightPercent),
      hold: step.hold.kind,
      holdFor: draftDuration(step.hold.kind === 'manual' ? 0 : step.hold.ms),
      approvals: String(step.approvals),
      criteria: step.criteria,
    })),
    bake: draftDuration(plan.bakeMs),
    drain: draftDuration(plan.drainMs),
    rollbackWindow: draftDuration(plan.rollbackWindowMs),
  }
}

/** Nothing typed is not zero. */
const numberOf = (text: string) => (text.trim() === '' ? Number.NaN : Number(text))
const msOf = ({ amount, unit }: DurationDraft) => Math.round(numberOf(amount) * UNITS_MS[unit])

function readStep(step: StepDraft): unknown {
  const hold = step.hold === 'manual' ? { kind: 'manual' } : { kind: step.hold, ms: msOf(step.holdFor) }
  return { weightPercent: numberOf(step.weight), hold, approvals: numberOf(step.approvals), ...(step.criteria ? { criteria: step.criteria } : {}) }
}

interface Issue {
  readonly code: string
  readonly message: string
  readonly path: readonly PropertyKey[]
  readonly minimum?: unknown
  readonly maximum?: unknown
}

function issueWords(issue: Issue): string {
  const isTime = String(issue.path.at(-1)).toLowerCase().endsWith('ms')
  const words = (limit: unknown) => (isTime ? formatDuration(Number(limit)) : String(limit))
  if (issue.code === 'invalid_type') return 'a whole number is needed'
  if (issue.code === 'too_small') return `at least ${words(issue.minimum)}`
  if (issue.code === 'too_big') return `at most ${words(issue.maximum)}`
  return issue.message
}

/** The plan that was typed, or what the contract finds wrong with it. */
export function readPlan(draft: PlanDraft, base: Plan): { readonly plan: Plan; readonly errors: null } | { readonly plan: null; readonly errors: PlanErrors } {
  const read = planSchema.safeParse({ ...base, steps: draft.steps.map(readStep), bakeMs: msOf(draft.bake), drainMs: msOf(draft.drain), rollbackWindowMs: msOf(draft.rollbackWindow) })
  if (read.success) return { plan: read.data, errors: null }
  const errors = new Map<string, string>()
  for (const issue of read.error.issues) {
    const where = issue.path.join('.')
    if (!errors.has(where)) errors.set(where, issueWords(issue))
  }
  return { plan: null, errors }
}

/** One more step in the middle of the largest gap before the last. */
export function withStep(draft: PlanDraft): PlanDraft {
  const last = draft.steps.at(-1)
  const before = draft.steps.at(-2)
  const from = before ? numberOf(before.weight) || 0 : 0
  const step: StepDraft = {
    key: Math.max(-1, ...draft.steps.map(({ key }) => key)) + 1,
    weight: String(Math.max(1, Math.round((from + 100) / 2))),
    hold: before?.hold ?? 'manual',
    holdFor: before?.holdFor ?? { amount: '5', unit: 'min' },
    approvals: '0',
    criteria: undefined,
  }
  return { ...draft, steps: last ? [...draft.steps.slice(0, -1), step, last] : [step] }
}

const shares = (plan: Plan) => plan.steps.map((step) => `${step.weightPercent} %`).join(', ')

/** In which points a release's plan is not the workspace's; empty when it is the same. */
export function planDifferences(plan: Plan, base: Plan): readonly string[] {
  const found: string[] = []
  if (shares(plan) !== shares(base)) found.push(`steps of ${shares(plan)} instead of ${shares(base)}`)
  for (const step of plan.steps) {
    const other = base.steps.find((each) => each.weightPercent === step.weightPercent)
    if (!other) continue
    if (JSON.stringify(step.hold) !== JSON.stringify(other.hold)) found.push(`at ${step.weightPercent} %: ${holdWords(step.hold)} instead of ${holdWords(other.hold)}`)
    if (step.approvals !== other.approvals) found.push(`at ${step.weightPercent} %: ${plural(step.approvals, 'approval')} instead of ${other.approvals}`)
  }
  const times = [
    ['bake', plan.bakeMs, base.bakeMs],
    ['drain', plan.drainMs, base.drainMs],
    ['rollback window', plan.rollbackWindowMs, base.rollbackWindowMs],
  ] as const
  for (const [name, ms, baseMs] of times) if (ms !== baseMs) found.push(`${name} ${formatDuration(ms)} instead of ${formatDuration(baseMs)}`)
  return found
}
