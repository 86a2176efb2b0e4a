import type { Criterion } from '../contract/analysis.ts'
import { judgeCriterion } from '../core/analysis/judge.ts'
import type { JudgeInput } from '../core/analysis/judge-input.ts'
import { sliceSeries } from './recording.ts'

/** More than any judge looks back beyond its window, to see gaps and intervals. */
const SLACK_MS = 60_000

/** No more of the samples than the verdict needs: recomputed here, so that what is kept is known to give the same. */
export function trimmed(criterion: Criterion, input: JudgeInput, sharedBy: number): JudgeInput {
  const { judge } = criterion
  const windowMs = 'windowMs' in judge ? judge.windowMs + ('consecutive' in judge ? judge.consecutive * 1000 : 0) : 'windows' in judge ? Math.max(...judge.windows.map(({ longMs }) => longMs)) : input.now - input.candidateSince
  const withLatency = criterion.metric.source === 'router' || criterion.metric.source === 'probe' ? criterion.metric.of === 'latency' : false
  const cut = (fromAt: number): JudgeInput => ({ ...input, candidate: sliceSeries(input.candidate, fromAt, withLatency), baseline: sliceSeries(input.baseline, fromAt, withLatency) })
  const small = cut(input.now - windowMs - SLACK_MS)
  const same = JSON.stringify(judgeCriterion(criterion, small, { sharedBy })) === JSON.stringify(judgeCriterion(criterion, input, { sharedBy }))
  return same ? small : cut(-Infinity)
}
