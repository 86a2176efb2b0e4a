/**
 * What is known of one variant and metric: users exposed, and the sum and sum of squares of their values. A conversion
 * is a value of 1; a user without an event counts as 0. Users are independent; events of one user are not.
 */
export interface Arm {
  readonly users: number
  readonly sum: number
  readonly sumOfSquares: number
}

export interface Moments {
  readonly mean: number
  /** Of one user's value; unbiased. */
  readonly variance: number
}

export function momentsOf({ users, sum, sumOfSquares }: Arm): Moments {
  const mean = sum / users
  return { mean, variance: users > 1 ? Math.max(0, (sumOfSquares - users * mean * mean) / (users - 1)) : 0 }
}

/** Counts that can be true: finite, not negative, and squares that fit the sum (Cauchy-Schwarz). */
export function isPlausible({ users, sum, sumOfSquares }: Arm): boolean {
  if (!Number.isSafeInteger(users) || users < 0 || !Number.isFinite(sum) || !Number.isFinite(sumOfSquares) || sumOfSquares < 0) return false
  return sum * sum <= users * sumOfSquares * (1 + 1e-9) + 1e-9
}
