import { normalQuantile } from '../../analysis/special-functions.ts'
import { halfWidth } from './confidence-sequence.ts'

export interface PowerQuestion {
  /** Variance of one user's value in each variant; of a proportion p it is p (1 - p). */
  readonly variances: readonly [variant: number, control: number]
  /** Parts of all users, summing to 1 at most. */
  readonly shares: readonly [variant: number, control: number]
  /** The difference that is to be found. */
  readonly effect: number
  readonly alpha: number
  /** Chance of having found it by then, such as 0.8. */
  readonly power: number
}

export interface PowerAnswer {
  /** Users of both variants together by which it is found with this chance, looking all the time. */
  readonly users: number
  /** The same for one look at the end: what always looking costs. */
  readonly usersAtOneLook: number
}

const MAX_USERS = 1e12

/**
 * An upper bound: it counts what the interval shows at that very number of users, not that it may have shown before.
 * The interval is tuned for the number found, which is what `plannedUsers` should be set to.
 */
export function usersNeeded({ variances, shares, effect, alpha, power }: PowerQuestion): PowerAnswer {
  const total = shares[0] + shares[1]
  const perUser = total * (variances[0] / shares[0] + variances[1] / shares[1])
  const z = normalQuantile(power)
  const shows = (users: number): boolean => Math.abs(effect) - z * Math.sqrt(perUser / users) >= halfWidth(perUser / users, users, alpha, users)
  let low = 2
  let high = 2
  while (!shows(high)) {
    if (high > MAX_USERS) return { users: Infinity, usersAtOneLook: Infinity }
    low = high
    high *= 2
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (shows(middle)) high = middle
    else low = middle
  }
  return { users: high, usersAtOneLook: Math.ceil(perUser * ((normalQuantile(1 - alpha / 2) + z) / effect) ** 2) }
}
