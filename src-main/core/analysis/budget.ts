import type { JudgeOptions } from './judge-input.ts'

/**
 * False alarms that all sequential tests of a release may cause together in an hour in which nothing is wrong, by the
 * guarantee of their e-values. A release whose weight grows spends a quarter more with each step (evidence.ts, STEP_MASS).
 * What they cause in fact is measured by `npm run bench -- detect`.
 */
export const FALSE_ALARMS_PER_HOUR = 1e-3

/** The two sequential tests of the default criteria. */
export const DEFAULT_OPTIONS: JudgeOptions = { sharedBy: 2 }

/** The e-value at which a test has shown harm. */
export function evidenceLimit({ sharedBy }: JudgeOptions): number {
  return Math.max(1, sharedBy) / FALSE_ALARMS_PER_HOUR
}

/** What the options were, read from a limit that was journaled. */
export function optionsOfLimit(limit: number): JudgeOptions {
  return { sharedBy: Math.max(1, limit * FALSE_ALARMS_PER_HOUR) }
}
