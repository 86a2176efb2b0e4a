/**
 * Flagger's rule, after its documented behaviour (docs/gitbook/usage/how-it-works.md and pkg/controller/scheduler.go of
 * fluxcd/flagger): each interval the metrics are checked; a value outside its range, no value, or an error of the metrics
 * server is a failed check; with `threshold` failed checks the canary is rolled back. The built-in success rate must be 99 %
 * in its samples, the interval one minute.
 */
export interface FlaggerCheck {
  /** Percent of requests that succeeded; null when nobody knows. */
  readonly successPercent: number | null
}

export function flaggerFailedChecks(checks: readonly FlaggerCheck[], minPercent: number): number {
  return checks.filter(({ successPercent }) => successPercent === null || Number.isNaN(successPercent) || successPercent < minPercent).length
}

export function flaggerRollsBack(checks: readonly FlaggerCheck[], minPercent: number, threshold: number): boolean {
  return flaggerFailedChecks(checks, minPercent) >= threshold
}
