import type { Criterion, CriterionResult } from '../../contract/analysis.ts'

/**
 * A judgement as it counts: with what the metrics provider said of missing data, and, where the data has been missing for
 * as long as its criterion declares, what that declares. Nothing else turns absence into an act. Pure: with the problem
 * that was kept beside the samples it gives the same again.
 */
export function withAbsence(criterion: Criterion, result: CriterionResult, now: number, problem: string): CriterionResult {
  if (result.absentSince === null) return result
  const said = problem === '' ? result : { ...result, why: `${result.why} ${problem}` }
  const { action, afterMs } = criterion.absence
  const missingMs = now - result.absentSince
  if (action === 'hold' || result.verdict !== 'inconclusive' || missingMs < afterMs) return said
  const declared = action === 'pause' ? 'it pauses and asks' : 'it rolls back'
  return { ...said, verdict: 'fail', severity: action === 'pause' ? 'warn' : 'fail', why: `${said.why} It has been missing for ${Math.round(missingMs / 1000)} s, and for that the workspace declares that ${declared}.` }
}
