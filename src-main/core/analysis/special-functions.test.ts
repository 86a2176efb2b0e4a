import { expect, test } from 'vitest'
import { lnGamma, lnNegativeBinomial, lnPoisson, normalBelow, normalQuantile, poissonTenthPercentile, risingTable } from './special-functions.ts'

test('known values', () => {
  expect(lnGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 12)
  expect(lnGamma(10)).toBeCloseTo(Math.log(362_880), 11)
  expect(lnGamma(100)).toBeCloseTo(359.1342053695754, 9)
  expect(lnPoisson(3, 2.5)).toBeCloseTo(Math.log(0.21376301724973648), 12)
  expect(normalBelow(1.959963984540054)).toBeCloseTo(0.975, 12)
  expect(normalQuantile(0.99)).toBeCloseTo(2.3263478740408408, 9)
  expect(poissonTenthPercentile(20)).toBeCloseTo(14.4, 0)
})

test('a negative binomial sums to one, has its mean and variance, and tends to Poisson', () => {
  const chances = Array.from({ length: 400 }, (_, count) => Math.exp(lnNegativeBinomial(count, 6, 1.3)))
  const mean = chances.reduce((sum, chance, count) => sum + chance * count, 0)
  expect(chances.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 10)
  expect(mean).toBeCloseTo(6, 8)
  expect(chances.reduce((sum, chance, count) => sum + chance * (count - mean) ** 2, 0)).toBeCloseTo(6 + 36 / 1.3, 5)
  expect(lnNegativeBinomial(7, 4, 1e9)).toBeCloseTo(lnPoisson(7, 4), 6)
})

test('the table agrees with the function', () => {
  const rising = risingTable(0.7)
  for (const count of [0, 1, 2, 17, 500, 2.5, 70_000]) expect(rising(count) / Math.max(1, lnGamma(0.7 + count) - lnGamma(0.7))).toBeCloseTo(count === 0 ? 0 : (lnGamma(0.7 + count) - lnGamma(0.7)) / Math.max(1, lnGamma(0.7 + count) - lnGamma(0.7)), 10)
})
