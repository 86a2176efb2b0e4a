/** Upper 95 % bound of a Poisson mean of which `count` events were seen (exact: Garwood 1936). 0 gives 3.0. */
export function poissonUpperBound(count: number): number {
  const atMost = (mean: number) => {
    let term = Math.exp(-mean)
    let sum = term
    for (let k = 1; k <= count; k += 1) {
      term *= mean / k
      sum += term
    }
    return sum
  }
  let low = 0
  let high = 2 * count + 20
  while (high - low > 1e-9) {
    const middle = (low + high) / 2
    if (atMost(middle) > 0.05) low = middle
    else high = middle
  }
  return high
}
