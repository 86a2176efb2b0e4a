/** Logarithms of probabilities, and the normal distribution. Names and formulas as in Abramowitz and Stegun. */

const LANCZOS = [676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7]

/** ln of the gamma function for x > 0 (Lanczos, g = 7; below 1e-13 relative). */
export function lnGamma(x: number): number {
  if (x > 30) {
    const inverse = 1 / x
    const square = inverse * inverse
    return (x - 0.5) * Math.log(x) - x + 0.9189385332046727 + inverse * (1 / 12 - square * (1 / 360 - square / 1260))
  }
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x)
  const z = x - 1
  let sum = 0.99999999999980993
  for (let i = 0; i < LANCZOS.length; i += 1) sum += (LANCZOS[i] ?? 0) / (z + i + 1)
  const t = z + 7.5
  return 0.9189385332046727 + (z + 0.5) * Math.log(t) - t + Math.log(sum)
}

/** ln of the probability of `count` events where `mean` are expected. */
export function lnPoisson(count: number, mean: number): number {
  if (count === 0) return -mean
  return count * Math.log(mean) - mean - lnGamma(count + 1)
}

/** The same when the rate itself varies like a gamma variable of this shape (variance of the rate: mean² / shape). */
export function lnNegativeBinomial(count: number, mean: number, shape: number): number {
  const scale = Math.log1p(mean / shape)
  if (count === 0) return -shape * scale
  return lnRising(shape, count) - lnGamma(count + 1) + count * (Math.log(mean / shape) - scale) - shape * scale
}

/** ln(shape · (shape + 1) · … ), `count` factors. */
function lnRising(shape: number, count: number): number {
  if (count > 12 || !Number.isInteger(count)) return lnGamma(shape + count) - lnGamma(shape)
  let product = 1
  for (let i = 0; i < count; i += 1) product *= shape + i
  return Math.log(product)
}

const TABLED = 1 << 16

/** ln(Γ(shape + count) / Γ(shape)) for one shape: whole counts are looked up, since a judge asks for thousands. */
export function risingTable(shape: number): (count: number) => number {
  const known: number[] = [0]
  return (count) => {
    if (count >= TABLED || !Number.isInteger(count)) return lnGamma(shape + count) - lnGamma(shape)
    let last = known[known.length - 1] ?? 0
    for (let next = known.length; next <= count; next += 1) {
      last += Math.log(shape + next - 1)
      known.push(last)
    }
    return known[count] ?? 0
  }
}

/** Share of a standard normal below z. */
export function normalBelow(z: number): number {
  if (z < -8) return 0
  if (z > 8) return 1
  // Marsaglia 2004: a Taylor series, exact to the last digits in this range.
  let sum = z
  let term = z
  for (let i = 3; Math.abs(term) > 1e-17 && i < 400; i += 2) {
    term *= (z * z) / i
    sum += term
  }
  return 0.5 + sum * Math.exp(-0.5 * z * z - 0.9189385332046727)
}

/** z with this share below it, for a share within (0, 1): bisection, to 1e-12. */
export function normalQuantile(share: number): number {
  let low = -8
  let high = 8
  while (high - low > 1e-12) {
    const middle = (low + high) / 2
    if (normalBelow(middle) < share) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** The tenth percentile of a Poisson count, by the cube-root transformation (Wilson and Hilferty 1931); not rounded. */
export function poissonTenthPercentile(mean: number): number {
  if (mean <= 0) return 0
  const t = 1 - 1 / (9 * mean) - 1.2815515655446004 / (3 * Math.sqrt(mean))
  return t <= 0 ? 0 : mean * t * t * t
}
