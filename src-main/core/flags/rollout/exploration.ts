import { Fault } from '../../../contract/fault.ts'
import { type FlagRollout, ROLLOUT_COMMANDS } from '../../../contract/flag.ts'
import type { FlagRolloutPlan } from '../../../contract/flag-definition.ts'
import { SYSTEM_OPERATOR } from '../../../contract/release.ts'
import { booleanFlag } from '../testing/flags.ts'
import { type RolloutInput, type RolloutMove, type RolloutSignal, transition } from './machine.ts'
import { planRollout } from './state.ts'

/** Internal users first, then a tenth with approval of what follows, then everyone. */
export const SAMPLE_PLAN: FlagRolloutPlan = {
  flag: 'new-checkout',
  variants: [{ variant: 'on', share: 100 }],
  baseline: 'off',
  stages: [
    { audience: { kind: 'segments', anyOf: ['internal'] }, percent: 100, holdMs: 60_000, approval: false, criteria: null },
    { audience: { kind: 'everyone' }, percent: 10, holdMs: 60_000, approval: true, criteria: null },
    { audience: { kind: 'everyone' }, percent: 100, holdMs: 60_000, approval: false, criteria: null },
  ],
}

/** Two variants at once: a person chooses at the end. */
export const SAMPLE_TEST_PLAN: FlagRolloutPlan = {
  ...SAMPLE_PLAN,
  variants: [
    { variant: 'a', share: 50 },
    { variant: 'b', share: 50 },
  ],
  stages: SAMPLE_PLAN.stages.slice(1),
}

export function sampleRollout(plan: FlagRolloutPlan = SAMPLE_PLAN): FlagRollout {
  const definition = booleanFlag('new-checkout')
  return planRollout({ id: 'rollout-1', source: 'shop', set: 'prod', flag: 'new-checkout', number: 1, plan, criteria: [], before: { definition, native: {}, version: 'v0' }, by: SYSTEM_OPERATOR, reason: '', at: 0 })
}

const BROKEN = new Fault('notAllowed', 'It was refused.', 'Ask for the right.').data
const BREACH = { name: 'error ratio', severity: 'fail' as const, verdict: 'fail' as const, why: 'error ratio 4 %, limit 1 %', value: 0.04, baseline: null, against: 'limit' as const, limit: 0.01, requests: 100, statistic: null, closeness: 1, fromAt: 0, toAt: 0, absentSince: null, bothSides: false }

const SIGNALS: readonly RolloutSignal[] = [
  { type: 'verified', version: 'v1' },
  { type: 'submitted', what: 'change request 7', url: 'https://flags.example/7' },
  { type: 'failed', fault: BROKEN },
  { type: 'due' },
  { type: 'judged', verdict: 'pass', results: [] },
  { type: 'judged', verdict: 'warn', results: [{ ...BREACH, severity: 'warn' }] },
  { type: 'judged', verdict: 'fail', results: [BREACH] },
  { type: 'drifted', version: 'theirs', difference: ['flag new-checkout: targeting'] },
  { type: 'clockJumped', deltaMs: 0 },
]

export function everyInput(at: number): readonly RolloutInput[] {
  const commands = ROLLOUT_COMMANDS.map((command): RolloutInput => ({ kind: 'command', command, by: SYSTEM_OPERATOR, reason: '', variant: 'a', at }))
  return [...commands, ...SIGNALS.map((signal): RolloutInput => ({ kind: 'signal', signal, at }))]
}

/** Null also where the table refuses. */
export function tryMove(rollout: FlagRollout, input: RolloutInput): RolloutMove | null {
  try {
    return transition(rollout, input)
  } catch (error) {
    if (error instanceof Fault && error.code === 'illegalCommand') return null
    throw error
  }
}

export function nameOf(input: RolloutInput): string {
  if (input.kind === 'command') return input.command
  return input.signal.type === 'judged' ? `(judged ${input.signal.verdict})` : `(${input.signal.type})`
}

function shapeOf(rollout: FlagRollout): string {
  const { phase, stageIndex, verifiedStage, dueAt, paused, failure, submitted, drift, rollback, finishWith, acknowledged } = rollout
  return JSON.stringify([phase, stageIndex, verifiedStage, dueAt !== null, paused && [paused.why, (paused.remainingMs ?? null) !== null], failure !== null, submitted !== null, drift !== null, rollback && [rollback.to, rollback.byGuard], finishWith ?? null, acknowledged])
}

export interface Explored {
  readonly rollout: FlagRollout
  readonly moves: readonly { readonly input: RolloutInput; readonly move: RolloutMove }[]
}

/** Every state of the sample rollout that differs for the table, reached from planned, each with the moves out of it. */
export function explore(plan: FlagRolloutPlan = SAMPLE_PLAN): readonly Explored[] {
  const seen = new Map<string, Explored>()
  const queue = [sampleRollout(plan)]
  for (let rollout = queue.pop(); rollout; rollout = queue.pop()) {
    const key = shapeOf(rollout)
    if (seen.has(key)) continue
    const from = rollout
    const moves = everyInput(1000).flatMap((input) => {
      const move = tryMove(from, input)
      return move ? [{ input, move }] : []
    })
    seen.set(key, { rollout, moves })
    queue.push(...moves.map(({ move }) => ({ ...move.next, approvals: [], stages: move.next.stages.slice(-1) })))
  }
  return [...seen.values()]
}
