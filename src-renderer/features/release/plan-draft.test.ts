import { expect, test } from 'vitest'
import { PLAN } from '../../lib/test-fixtures.ts'
import { draftDuration, draftPlan, type PlanDraft, planDifferences, readPlan, type StepDraft, withStep } from './plan-draft.ts'

const withStepChanged = (draft: PlanDraft, index: number, changes: Partial<StepDraft>): PlanDraft => ({ ...draft, steps: draft.steps.map((step, at) => (at === index ? { ...step, ...changes } : step)) })

test('a plan nobody touched is the same plan', () => {
  const { plan } = readPlan(draftPlan(PLAN), PLAN)
  expect(plan).toEqual(PLAN)
  expect(plan && planDifferences(plan, PLAN)).toEqual([])
  expect([draftDuration(0), draftDuration(90_000), draftDuration(86_400_000)]).toEqual([{ amount: '0', unit: 's' }, { amount: '90', unit: 's' }, { amount: '1', unit: 'd' }])
})

test('what differs is said in words', () => {
  const draft = withStepChanged(withStepChanged(draftPlan(PLAN), 1, { hold: 'manual' }), 4, { approvals: '2' })
  const read = readPlan({ ...draft, steps: draft.steps.filter((_, index) => index !== 2), bake: { amount: '5', unit: 'min' } }, PLAN)
  expect(read.plan && planDifferences(read.plan, PLAN)).toEqual([
    'steps of 5 %, 25 %, 75 %, 100 % instead of 5 %, 25 %, 50 %, 75 %, 100 %',
    expect.stringMatching(/^at 25 %: .* instead of /),
    'at 100 %: 2 approvals instead of 1',
    'bake 5:00 instead of 30:00',
  ])
})

test('errors are the contract’s, and stand where they belong', () => {
  const errorsOf = (draft: PlanDraft) => Object.fromEntries(readPlan(draft, PLAN).errors ?? [])
  const draft = draftPlan(PLAN)
  expect(errorsOf(withStepChanged(draft, 1, { weight: '5' }))).toEqual({ 'steps.1.weightPercent': 'weights must grow: 5 % follows 5 %' })
  expect(errorsOf(withStepChanged(draft, 1, { weight: '' }))).toEqual({ 'steps.1.weightPercent': 'a whole number is needed' })
  expect(errorsOf(withStepChanged(draft, 0, { weight: '0' }))).toEqual({ 'steps.0.weightPercent': 'at least 1' })
  expect(errorsOf(withStepChanged(draft, 0, { holdFor: { amount: '31', unit: 'd' } }))).toEqual({ 'steps.0.hold.ms': 'at most 30 d' })
  expect(errorsOf(withStepChanged(draft, 4, { approvals: '11' }))).toEqual({ 'steps.4.approvals': 'at most 10' })
  expect(errorsOf(withStepChanged(draft, 4, { weight: '90' }))).toEqual({ steps: 'the last step must have weight 100' })
  expect(errorsOf({ ...draft, bake: { amount: 'x', unit: 'min' } })).toEqual({ bakeMs: 'a whole number is needed' })
})

test('one more step lies before the last', () => {
  const read = readPlan(withStep(draftPlan(PLAN)), PLAN)
  expect(read.plan?.steps.map((step) => step.weightPercent)).toEqual([5, 25, 50, 75, 88, 100])
})
