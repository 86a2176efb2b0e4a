/**
 * An interval that holds at all times at once: it may be looked at after every event, and acted on.
 *
 * Asymptotic confidence sequences: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory
 * and asymptotic confidence sequences", Annals of Statistics 52 (2024), 2613-2640, theorem 2.2: Robbins' normal mixture
 * over a strongly approximated sum. The price against an interval for one look: about 1.4 times the width where it is tightest, twice the users.
 * Asymptotic means: with few events it is not exact, so callers wait for some (`not-enough.ts`).
 */
export interface Interval {
  readonly estimate: number
  readonly low: number
  readonly high: number
}

/**
 * Half the width, for an estimate of this variance after `count` observations. `tunedFor`: the count at which the
 * interval is tightest (equation 9's rule, approximated); it must not be chosen after looking.
 */
export function halfWidth(variance: number, count: number, alpha: number, tunedFor: number): number {
  const rho2 = (2 * Math.log(1 / alpha) + Math.log(1 + 2 * Math.log(1 / alpha))) / tunedFor
  const t = count * rho2
  return Math.sqrt(variance * ((2 * (t + 1)) / t) * Math.log(Math.sqrt(t + 1) / alpha))
}

/**
 * The smallest alpha at which the interval excludes zero: a p-value that holds at any time. Solves
 * `estimate = halfWidth` for alpha with the tuning of `alpha0` kept.
 */
export function alwaysValidP(estimate: number, variance: number, count: number, alpha0: number, tunedFor: number): number {
  if (!(variance > 0)) return 1
  const rho2 = (2 * Math.log(1 / alpha0) + Math.log(1 + 2 * Math.log(1 / alpha0))) / tunedFor
  const t = count * rho2
  return Math.min(1, Math.exp(0.5 * Math.log(t + 1) - (estimate * estimate * t) / (2 * variance * (t + 1))))
}
