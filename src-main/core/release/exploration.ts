import { Fault } from '../../contract/fault.ts'
import type { Plan } from '../../contract/plan.ts'
import { type Release, SYSTEM_OPERATOR } from '../../contract/release.ts'
import type { CriterionResult } from '../../contract/analysis.ts'
import { RELEASE_COMMANDS, type Verdict } from '../../contract/vocabulary.ts'
import { type Input, RELEASE_MACHINE, type Signal, transition } from './machine.ts'
import { missingApprovals, planRelease } from './state.ts'

const BROKEN = new Fault('providerUnavailable', 'It broke.', 'Retry.').data

/** A result of the test plan's criterion. */
function resultOf(verdict: Verdict): CriterionResult {
  return { name: 'error ratio', severity: 'fail', verdict, why: 'because', value: 0, baseline: null, against: 'limit', limit: 0.01, requests: 1, statistic: null, closeness: 0, fromAt: 0, toAt: 0, absentSince: null, bothSides: false }
}

/** Every signal the engine can report, with each content that changes what the table does. */
export const EVERY_SIGNAL: readonly Signal[] = [
  { type: 'deployed' },
  { type: 'ready' },
  { type: 'gateProgress', gates: [] },
  { type: 'gatesDone', gates: [] },
  { type: 'gatesDone', gates: [{ name: 'smoke', state: 'failed', detail: 'status 500', exitCode: null, output: '', endedAt: 1 }] },
  { type: 'gatesDone', gates: [{ name: 'smoke', state: 'passed', detail: '', exitCode: null, output: '', endedAt: 1 }] },
  { type: 'weightsVerified' },
  { type: 'stopped' },
  { type: 'due' },
  { type: 'judged', verdict: 'pass', results: [resultOf('pass')] },
  { type: 'judged', verdict: 'inconclusive', results: [] },
  { type: 'judged', verdict: 'fail', results: [resultOf('fail')] },
  { type: 'judged', verdict: 'warn', results: [{ ...resultOf('fail'), severity: 'warn' }] },
  { type: 'effectFailed', effect: 'setWeights', fault: BROKEN },
  { type: 'revertedElsewhere', reason: 'lease' },
  { type: 'superseded' },
  { type: 'clockJumped', deltaMs: 1000 },
]

export function everyInput(at: number): readonly Input[] {
  const commands = RELEASE_COMMANDS.map((command): Input => ({ kind: 'command', command, by: SYSTEM_OPERATOR, reason: '', force: false, digest: '', at }))
  return [...commands, ...EVERY_SIGNAL.map((signal): Input => ({ kind: 'signal', signal, at }))]
}

/** What tells two states of a release apart for the table. Times and people do not. */
export function shapeOf(release: Release): string {
  return JSON.stringify([
    release.phase,
    release.stepIndex,
    release.pendingStep,
    release.shiftPending,
    release.paused ? release.paused.remainingMs !== null : null,
    release.dueAt !== null,
    release.failure?.phase,
    release.rollback?.waitingForReady,
    release.startedAt !== null,
    release.plan.steps.map((_step, index) => missingApprovals(release, index)),
    release.gates.length > 0 && release.gates.every((gate) => gate.state === 'passed'),
    release.analysis.length > 0 && release.analysis.every((result) => result.verdict === 'pass'),
    release.desiredWeights,
    release.acknowledged.length > 0,
    release.guardSuspended !== null,
    release.rejectedBefore !== null,
  ])
}

export interface Edge {
  readonly from: Release
  readonly input: Input
  readonly to: Release
}

/** Every state that can be reached from a planned release by any sequence of commands and signals, and every edge between them. */
export function explore(plan: Plan, first: boolean, rejected = false): { readonly states: readonly Release[]; readonly edges: readonly Edge[] } {
  const start = planRelease({
    id: 'checkout-1',
    service: 'checkout',
    plan,
    candidate: { version: '2.0.0', configDigest: 'b' },
    candidateEnvironment: 'green',
    stable: first ? null : { version: '1.0.0', configDigest: 'a' },
    createdBy: { ...SYSTEM_OPERATOR, id: 'anna' },
    at: 0,
    reason: '',
    ticket: '',
    notes: '',
    queued: false,
    rejectedBefore: rejected ? 'it answered with errors' : null,
  })
  const seen = new Map<string, Release>([[shapeOf(start), start]])
  const edges: Edge[] = []
  const todo = [start]
  for (let from = todo.pop(); from; from = todo.pop()) {
    if (seen.size > 20_000) throw new Error('the machine has no bounded set of states')
    for (const input of everyInput(1)) {
      const to = tryTransition(from, input)
      if (!to) continue
      edges.push({ from, input, to })
      const shape = shapeOf(to)
      if (seen.has(shape)) continue
      seen.set(shape, to)
      todo.push(to)
    }
  }
  return { states: [...seen.values()], edges }
}

export function tryTransition(from: Release, input: Input): Release | null {
  try {
    return transition(from, input)?.next ?? null
  } catch (error) {
    if (error instanceof Fault) return null
    throw error
  }
}

/** The machine as a Mermaid state diagram, derived by walking it: what ARCHITECTURE.md shows and a test compares. */
export function diagram(plan: Plan): string {
  const arrows = new Map<string, Set<string>>()
  for (const { from, input, to } of [...explore(plan, false).edges, ...explore(plan, true).edges]) {
    if (from.phase === to.phase) continue
    const label = input.kind === 'command' ? input.command : `(${input.signal.type})`
    const key = `${from.phase} --> ${to.phase}`
    arrows.set(key, (arrows.get(key) ?? new Set()).add(label))
  }
  const order = Object.keys(RELEASE_MACHINE)
  const rank = (key: string) => {
    const [from, to] = key.split(' --> ')
    return order.indexOf(from ?? '') * 100 + order.indexOf(to ?? '')
  }
  const lines = [...arrows].toSorted(([a], [b]) => rank(a) - rank(b)).map(([key, labels]) => `  ${key}: ${[...labels].toSorted((a, b) => a.localeCompare(b)).join(', ')}`)
  return ['stateDiagram-v2', '  [*] --> planned', ...lines].join('\n')
}
