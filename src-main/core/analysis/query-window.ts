import type { Criterion } from '../../contract/analysis.ts'

/** A query's own `${window}` where the judge has none of its own: enough points for a rate, however slow the source is. */
const WINDOW_INTERVALS = 4

/** What `${window}` is for a criterion, ms: its threshold's window; else four intervals, since other judges look at many points. */
export function queryWindowMs(criterion: Criterion, intervalMs: number): number {
  return criterion.judge.kind === 'threshold' ? criterion.judge.windowMs : WINDOW_INTERVALS * intervalMs
}
