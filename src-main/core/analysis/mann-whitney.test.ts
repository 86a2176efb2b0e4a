import { describe, expect, test } from 'vitest'
import { kayentaClassify } from './bench/kayenta.ts'
import { classify, mannWhitney } from './mann-whitney.ts'

// The numbers of Kayenta's own tests (ClassifierSuite and MannWhitneySuite of spinnaker/kayenta), to six digits.
const TEN = [9.776734, 10.587072, 7.837551, 9.324333, 8.377451, 8.935926, 8.270766, 9.748431, 11.623747, 9.275344, 8.153805, 10.562021, 13.498136, 11.054419, 6.95389, 12.521008, 9.021636, 4.923486, 11.25136, 11.59845, 8.435232, 11.110229, 10.700634, 8.921277, 10.086167, 11.421075, 9.379235, 7.798032, 10.623398, 11.909642]
const TEN_CONTROL = [11.145359, 9.961806, 7.068574, 7.301266, 9.794463, 9.603792, 6.186779, 12.3456, 10.371892, 8.60943, 9.913163, 10.361375, 14.2068, 10.946154, 10.215877, 11.739761, 10.907627, 12.823354, 8.101861, 8.498162, 12.113441, 13.272211, 10.114579, 6.946396, 6.210528, 10.160402, 8.345771, 8.383822, 7.002021, 10.755757]
const TWENTY = [20.878413, 21.785506, 19.708281, 15.859947, 19.510059, 19.392006, 22.926528, 17.15653, 18.655118, 23.422608, 24.055818, 22.6269, 21.979473, 21.659319, 20.067708, 22.11957, 16.440371, 21.559623, 21.000181, 17.779369, 17.806006, 18.537201, 20.55555, 19.552928, 21.771119, 21.80962, 20.96176, 20.977572, 19.106303, 16.976919]
const TWENTY_CONTROL = [20.758114, 22.80206, 20.61234, 20.973275, 23.469237, 21.53134, 21.767354, 18.30805, 19.062145, 25.879498, 18.98263, 17.39917, 18.995398, 24.228421, 20.050985, 18.234045, 17.870515, 23.058104, 18.400260, 16.971352, 19.467529, 17.904654, 17.553949, 16.104612, 24.381711, 15.91929, 20.47941, 19.083072, 17.455788, 18.853827]
const OPTIONS = { confidence: 0.95, tolerance: 0.1 }

describe("Kayenta's published tests", () => {
  test('interval, estimate and p value', () => {
    const result = mannWhitney([10, 20, 30, 40], [1, 2, 3, 4], 0.95)
    expect(result.low).toBeCloseTo(6, 6)
    expect(result.high).toBeCloseTo(39, 6)
    expect(result.estimate).toBeCloseTo(22.5, 6)
    expect(result.pValue).toBeCloseTo(0.02857142857142857, 6)
  })
  test.each([
    ['pass', TEN, TEN_CONTROL, 'either', 'same'],
    ['high', TWENTY, TEN_CONTROL, 'either', 'high'],
    ['low', TEN, TWENTY_CONTROL, 'either', 'low'],
    ['only increases count', TEN, TWENTY_CONTROL, 'above', 'same'],
    ['only decreases count', TWENTY, TEN_CONTROL, 'below', 'same'],
    ['an increase', TWENTY, TEN_CONTROL, 'above', 'high'],
    ['a decrease', TEN, TWENTY_CONTROL, 'below', 'low'],
  ] as const)('%s', (_, experiment, control, direction, expected) => {
    expect(kayentaClassify(experiment, control, direction, OPTIONS)).toBe(expected)
  })
  test('no data, and two equal arrays', () => {
    expect(kayentaClassify([], [1, 2], 'either')).toBe('noData')
    expect(kayentaClassify([10, 20, 30], [10, 20, 30], 'either')).toBe('same')
  })
})

test('a published example with ties: U 223, p 0.5427 (normal approximation, corrected)', () => {
  const left = [310, 195, 530, 155, 530, 245, 385, 450, 465, 545, 170, 180, 125, 180, 230, 75, 430, 480, 495, 295]
  const right = [116, 171, 176, 421, 111, 326, 481, 111, 346, 441, 261, 411, 206, 521, 456, 446, 296, 51, 426, 261]
  const result = mannWhitney(left, right, 0.95)
  expect(result.u).toBe(223)
  expect(result.pValue).toBeCloseTo(0.5426959774289482, 10)
})

test('swapping the samples mirrors everything; shifting one shifts the estimate', () => {
  const a = mannWhitney(TEN, TWENTY_CONTROL, 0.98)
  const b = mannWhitney(TWENTY_CONTROL, TEN, 0.98)
  expect(a.estimate).toBeCloseTo(-b.estimate, 9)
  expect(a.low).toBeCloseTo(-b.high, 9)
  expect(a.pValue).toBeCloseTo(b.pValue, 12)
  expect(mannWhitney(TEN.map((value) => value + 3), TWENTY_CONTROL, 0.98).estimate).toBeCloseTo(a.estimate + 3, 9)
})

test('many points: the same by bisection as by listing', () => {
  const x = Array.from({ length: 700 }, (_, i) => ((i * 7919) % 1009) / 10)
  const y = Array.from({ length: 700 }, (_, i) => ((i * 104_729) % 997) / 11)
  const large = mannWhitney(x, y, 0.95)
  const all = x.flatMap((a) => y.map((b) => a - b)).toSorted((a, b) => a - b)
  expect(large.estimate).toBeCloseTo(((all[244_999] ?? 0) + (all[245_000] ?? 0)) / 2, 6)
  expect(classify(large, 0.25, 'either')).toBe('high')
})
