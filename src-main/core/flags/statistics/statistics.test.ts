import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../bench/measure.ts'
import type { Arm } from './arm.ts'
import { type ComparisonOptions, DEFAULT_COMPARISON, type MetricDeclaration, type VariantCounts, compareVariants } from './compare-variants.ts'
import { alwaysValidP, halfWidth } from './confidence-sequence.ts'
import { usersNeeded } from './power.ts'
import { sampleRatio } from './sample-ratio.ts'

/** Draws one user's value. */
type Draw = (random: () => number) => number
const bernoulli = (p: number): Draw => (random) => (random() < p ? 1 : 0)
/** Spending: nothing for most, else lognormal. Mean 0.3 · e^0.5. */
const spending: Draw = (random) => (random() < 0.3 ? Math.exp(Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())) : 0)

interface World {
  readonly variant: Draw
  readonly control: Draw
  readonly truth: number
  readonly metric: MetricDeclaration
}
const conversion: MetricDeclaration = { name: 'm', kind: 'proportion', better: 'higher', negligible: null }
const revenue: MetricDeclaration = { name: 'm', kind: 'mean', better: 'higher', negligible: null }
const WORLDS: readonly (readonly [string, World])[] = [
  ['1 %, no difference', { variant: bernoulli(0.01), control: bernoulli(0.01), truth: 0, metric: conversion }],
  ['10 % against 12 %', { variant: bernoulli(0.12), control: bernoulli(0.1), truth: 0.02, metric: conversion }],
  ['50 %, no difference', { variant: bernoulli(0.5), control: bernoulli(0.5), truth: 0, metric: conversion }],
  ['skewed spending', { variant: spending, control: spending, truth: 0, metric: revenue }],
]
const OPTIONS: ComparisonOptions = { ...DEFAULT_COMPARISON, control: 'off', runtimeMs: 30 * 24 * 3_600_000 }
const RUNS = 400
const USERS = 10_000
/** A look after every so many users. */
const EVERY = 25

/** Shares of runs in which the interval missed the truth at any look: ours, and a fixed-sample interval of 95 %. */
function peek(world: World, seed: number): { ours: number; fixed: number; looks: number } {
  const random = seededRandom(seed)
  let ours = 0
  let fixed = 0
  let looks = 0
  for (let run = 0; run < RUNS; run += 1) {
    const arms = [empty(), empty()] as const
    let missed = false
    let fixedMissed = false
    for (let user = 1; user <= USERS; user += 1) {
      const side = random() < 0.5 ? 0 : 1
      add(arms[side], (side === 0 ? world.variant : world.control)(random))
      if (user % EVERY !== 0 || (missed && fixedMissed)) continue
      const { difference } = compareVariants(table(arms[0], arms[1]), [world.metric], OPTIONS).comparisons[0]!
      if (!difference) continue
      looks += 1
      if (world.truth < difference.low || world.truth > difference.high) missed = true
      const half = 1.959964 * Math.sqrt(varianceOf(arms[0]) / arms[0].users + varianceOf(arms[1]) / arms[1].users)
      if (Math.abs(difference.estimate - world.truth) > half) fixedMissed = true
    }
    if (missed) ours += 1
    if (fixedMissed) fixed += 1
  }
  return { ours: ours / RUNS, fixed: fixed / RUNS, looks }
}

describe('coverage while looking all the time', () => {
  it.each(WORLDS)('is nominal at least, where an interval for one look fails: %s', (_name, world) => {
    const { ours, fixed, looks } = peek(world, 20_261_121)
    expect(looks).toBeGreaterThan(RUNS * 10)
    // 5 % nominal; 2.5 standard deviations of 400 runs above it.
    expect(ours).toBeLessThanOrEqual(0.05 + 2.5 * Math.sqrt((0.05 * 0.95) / RUNS))
    // The control arm: far beyond its nominal 5 %.
    expect(fixed).toBeGreaterThan(0.1)
  })

  it('covers all metrics of a table at once', () => {
    const random = seededRandom(7)
    const metrics = Array.from({ length: 5 }, (_, index) => ({ ...conversion, name: `m${index}` }))
    let any = 0
    for (let run = 0; run < 150; run += 1) {
      const arms = [metrics.map(empty), metrics.map(empty)] as const
      let missed = false
      for (let user = 1; user <= 4000 && !missed; user += 1) {
        const side = random() < 0.5 ? 0 : 1
        for (const arm of arms[side]) add(arm, random() < 0.2 ? 1 : 0)
        if (user % 50 !== 0) continue
        const counts = (variant: string, list: readonly MutableArm[]): VariantCounts => ({ variant, share: 50, users: list[0]!.users, metrics: Object.fromEntries(list.map((arm, index) => [`m${index}`, { ...arm }])) })
        missed = compareVariants([counts('on', arms[0]), counts('off', arms[1])], metrics, OPTIONS).comparisons.some(({ difference }) => difference !== null && (difference.low > 0 || difference.high < 0))
      }
      if (missed) any += 1
    }
    expect(any / 150).toBeLessThanOrEqual(0.05 + 2.5 * Math.sqrt((0.05 * 0.95) / 150))
  })

  it('agrees with its own p-value: p is alpha where the interval touches zero', () => {
    for (const count of [200, 5000, 100_000]) {
      const half = halfWidth(0.3 / count, count, 0.05, 10_000)
      expect(alwaysValidP(half, 0.3 / count, count, 0.05, 10_000)).toBeCloseTo(0.05, 6)
    }
  })
})

describe('power', () => {
  it('finds the declared effect by the number of users it names, and not by half of them', () => {
    const question = { variances: [0.12 * 0.88, 0.1 * 0.9], shares: [0.5, 0.5], effect: 0.02, alpha: 0.05, power: 0.8 } as const
    const { users, usersAtOneLook } = usersNeeded(question)
    // The textbook: about 3,841 a side.
    expect(usersAtOneLook).toBeGreaterThan(7500)
    expect(usersAtOneLook).toBeLessThan(7800)
    expect(users / usersAtOneLook).toBeLessThan(2.2)
    const random = seededRandom(3)
    const found = { all: 0, third: 0 }
    const runs = 150
    for (let run = 0; run < runs; run += 1) {
      const arms = [empty(), empty()] as const
      for (let user = 1; user <= users; user += 1) {
        const side = user % 2 === 0 ? 0 : 1
        add(arms[side], random() < (side === 0 ? 0.12 : 0.1) ? 1 : 0)
        if (user % 100 !== 0 && user !== users) continue
        if (compareVariants(table(arms[0], arms[1]), [conversion], { ...OPTIONS, plannedUsers: users }).comparisons[0]!.verdict !== 'better') continue
        found.all += 1
        if (user < users / 3) found.third += 1
        break
      }
    }
    expect(found.all / runs).toBeGreaterThan(0.74)
    expect(found.third / runs).toBeLessThan(0.5)
  })
})

describe('sample ratio', () => {
  it('is rarely wrong while looking after every user, and finds a loss of users', () => {
    const random = seededRandom(11)
    let wrong = 0
    let chi = 0
    const runs = 300
    for (let run = 0; run < runs; run += 1) {
      const counts = [0, 0]
      let mismatch = false
      let chiMismatch = false
      for (let user = 1; user <= 5000; user += 1) {
        const side = random() < 0.5 ? 0 : 1
        counts[side] = (counts[side] ?? 0) + 1
        if (user % 10 !== 0) continue
        mismatch ||= sampleRatio(counts, [50, 50], 0.05).mismatch
        chiMismatch ||= ((counts[0] ?? 0) - (counts[1] ?? 0)) ** 2 / user > 3.841459
      }
      if (mismatch) wrong += 1
      if (chiMismatch) chi += 1
    }
    expect(wrong / runs).toBeLessThanOrEqual(0.05 + 2.5 * Math.sqrt((0.05 * 0.95) / runs))
    expect(chi / runs).toBeGreaterThan(0.2)
    expect(sampleRatio([10_000, 9300], [50, 50]).mismatch).toBe(true)
    expect(sampleRatio([10_000, 9900], [50, 50]).mismatch).toBe(false)
    expect(sampleRatio([1000, 4000, 1], [20, 80, 0]).mismatch).toBe(true)
  })
})

describe('verdicts', () => {
  const arm = (users: number, sum: number): Arm => ({ users, sum, sumOfSquares: sum })
  const judge = (a: Arm, b: Arm, more: Partial<ComparisonOptions> = {}, metric = conversion) => compareVariants(table(a, b), [metric], { ...OPTIONS, ...more }).comparisons[0]!

  it.each([
    ['too few users', judge(arm(50, 10), arm(5000, 500)), 'notEnoughData'],
    ['too few of the rarer outcome', judge(arm(5000, 3), arm(5000, 500)), 'notEnoughData'],
    ['impossible counts', judge({ users: 5000, sum: 900, sumOfSquares: 1 }, arm(5000, 500)), 'notEnoughData'],
    ['one whale', judge({ users: 5000, sum: 100_000, sumOfSquares: 9e9 }, { users: 5000, sum: 50_000, sumOfSquares: 1e6 }, {}, revenue), 'notEnoughData'],
    ['gain too early', judge(arm(5000, 1000), arm(5000, 500), { runtimeMs: 1000 }), 'tooEarly'],
    ['harm early', judge(arm(5000, 500), arm(5000, 1000), { runtimeMs: 1000 }), 'worse'],
    ['gain', judge(arm(5000, 1000), arm(5000, 500)), 'better'],
    ['difference without a better side', judge(arm(5000, 1000), arm(5000, 500), {}, { ...conversion, better: null }), 'different'],
    ['nothing to tell', judge(arm(5000, 505), arm(5000, 500)), 'undecided'],
    ['negligible', judge(arm(50_000, 5050), arm(50_000, 5000), {}, { ...conversion, negligible: 0.02 }), 'noDifference'],
    ['lost users', judge(arm(9000, 1800), arm(5000, 500)), 'sampleRatioMismatch'],
  ] as const)('%s', (_name, comparison, verdict) => {
    expect(comparison.verdict).toBe(verdict)
    expect(comparison.why).toMatch(/\.$/)
    expect(comparison.difference === null).toBe(verdict === 'notEnoughData')
  })

  it('says so when a variant or the control has no counts', () => {
    expect(compareVariants([{ variant: 'on', share: 50, users: 5, metrics: {} }], [conversion], OPTIONS).comparisons[0]!.verdict).toBe('notEnoughData')
  })
})

interface MutableArm {
  users: number
  sum: number
  sumOfSquares: number
}
function empty(): MutableArm {
  return { users: 0, sum: 0, sumOfSquares: 0 }
}
function add(arm: MutableArm, value: number): void {
  arm.users += 1
  arm.sum += value
  arm.sumOfSquares += value * value
}
function varianceOf({ users, sum, sumOfSquares }: Arm): number {
  return (sumOfSquares - (sum * sum) / users) / (users - 1)
}
function table(variant: Arm, control: Arm): VariantCounts[] {
  return [
    { variant: 'on', share: 50, users: variant.users, metrics: { m: { ...variant } } },
    { variant: 'off', share: 50, users: control.users, metrics: { m: { ...control } } },
  ]
}
