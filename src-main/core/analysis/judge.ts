import type { Criterion, CriterionResult } from '../../contract/analysis.ts'
import { DEFAULT_OPTIONS } from './budget.ts'
import { judgeBurnRate } from './burn-rate-judge.ts'
import { judgeErrors } from './errors-judge.ts'
import type { JudgeInput, JudgeOptions } from './judge-input.ts'
import { judgeLatency } from './latency-judge.ts'
import { judgeMannWhitney } from './mann-whitney-judge.ts'
import { judgeThreshold } from './threshold-judge.ts'

/**
 * Judges one criterion on everything its input holds. Pure: the same input gives the same result, now and when it is
 * recomputed from evidence. Absence of data is `inconclusive`, never `pass` and never `fail`.
 *
 * `options.sharedBy`: how many sequential tests (`errors`, `latency`) of the release share the budget of false alarms.
 */
export function judgeCriterion(criterion: Criterion, input: JudgeInput, options: JudgeOptions = DEFAULT_OPTIONS): CriterionResult {
  const { judge } = criterion
  switch (judge.kind) {
    case 'threshold':
      return judgeThreshold(criterion, judge, input)
    case 'errors':
      return judgeErrors(criterion, judge.harm, input, options)
    case 'latency':
      return judgeLatency(criterion, judge.harm, input, options)
    case 'mannWhitney':
      return judgeMannWhitney(criterion, judge, input)
    case 'burnRate':
      return judgeBurnRate(criterion, judge, input)
  }
}

/**
 * One verdict over all criteria. `fail`: a criterion that rolls back failed. `warn`: one that pauses and asks failed.
 * `inconclusive`: any doubt left. No criteria pass: time alone decides then.
 */
export function overallVerdict(results: readonly CriterionResult[]): 'pass' | 'warn' | 'fail' | 'inconclusive' {
  const failed = results.filter((result) => result.verdict === 'fail')
  if (failed.some((result) => result.severity === 'fail')) return 'fail'
  if (failed.length > 0) return 'warn'
  return results.some((result) => result.verdict === 'inconclusive') ? 'inconclusive' : 'pass'
}
