import { lnGamma } from '../../analysis/special-functions.ts'

export interface SampleRatio {
  /** Evidence against the declared shares: an e-value, 1 at the start. */
  readonly evidence: number
  readonly limit: number
  readonly mismatch: boolean
  readonly expected: readonly number[]
  readonly observed: readonly number[]
}

/** Prior as strong as so many users who came as declared: small deviations need many users before they count. */
const PRIOR_USERS = 100

/**
 * Whether users are split as declared, at any time: the Bayes factor of a Dirichlet-multinomial against the declared
 * multinomial is a martingale with mean 1 when the shares are right (Lindon and Malek, "Anytime-valid inference for
 * multinomial count data", NeurIPS 2022), so it ever passes 1/alpha with probability alpha at most (Ville).
 * A mismatch means users were lost or sent elsewhere on the way: no comparison of these variants is worth anything.
 */
export function sampleRatio(observed: readonly number[], shares: readonly number[], alpha = 0.001): SampleRatio {
  const total = shares.reduce((sum, share) => sum + share, 0)
  const users = observed.reduce((sum, count) => sum + count, 0)
  const expected = shares.map((share) => (share / total) * users)
  let log = lnGamma(PRIOR_USERS) - lnGamma(PRIOR_USERS + users)
  for (const [index, share] of shares.entries()) {
    const theta = share / total
    const count = observed[index] ?? 0
    // A variant nobody should have: one user there is proof.
    if (theta === 0) log = count > 0 ? Infinity : log
    else log += lnGamma(PRIOR_USERS * theta + count) - lnGamma(PRIOR_USERS * theta) - count * Math.log(theta)
  }
  const evidence = Math.exp(Math.min(700, log))
  return { evidence, limit: 1 / alpha, mismatch: evidence >= 1 / alpha, expected, observed }
}
