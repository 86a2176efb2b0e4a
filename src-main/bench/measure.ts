/**
 * What every bench shares: alternating pairs, medians, bootstrap intervals, bars and printing.
 *
 * Machines are noisy, so a bar is a ratio within one run: product and floor take turns A B B A, and the bar fails only
 * when the whole interval lies beyond its limit.
 */

/** One measured way of doing the work. `run` does it once and returns its cost (any unit, lower is better). */
export interface Arm {
  readonly name: string
  run(): number | Promise<number>
}

export interface PairResult {
  /** product / floor, one per pair. */
  readonly ratios: readonly number[]
  readonly ratio: Interval
  readonly floor: readonly number[]
  readonly product: readonly number[]
}

/** A median with its 95 % bootstrap interval. */
export interface Interval {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** One line of a bench's verdict. `direction` says on which side of `limit` the value must be. */
export interface Bar {
  readonly name: string
  readonly value: number
  readonly limit: number
  readonly direction: 'atMost' | 'atLeast'
  /** With an interval, the bar fails only when the whole interval is beyond the limit. */
  readonly interval?: Interval
}

/** Milliseconds with sub-microsecond resolution, from an arbitrary start. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Times one call, in milliseconds. */
export async function timeMs(work: () => unknown): Promise<number> {
  const start = nowMs()
  await work()
  return nowMs() - start
}

/** Value below which the share `q` (0 to 1) of the values lies; NaN for none. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * q
  const below = sorted[Math.floor(place)] ?? Number.NaN
  const above = sorted[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Uniform numbers in [0, 1), the same for the same seed (Mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Percentile bootstrap of the median: 2,000 resamples, seeded, so that the same figures give the same interval. */
export function bootstrapMedian(values: readonly number[], resamples = 2000): Interval {
  const random = seededRandom(values.length * 7919 + 1)
  const medians: number[] = []
  for (let i = 0; i < resamples; i++) {
    medians.push(median(values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN)))
  }
  return { median: median(values), low: quantile(medians, 0.025), high: quantile(medians, 0.975) }
}

/** Runs floor and product in turns A B B A ... and compares the two of each pair. */
export async function comparePairs(floor: Arm, product: Arm, options: { pairs?: number; warmups?: number } = {}): Promise<PairResult> {
  const { pairs = 15, warmups = 1 } = options
  for (let i = 0; i < warmups; i++) {
    await floor.run()
    await product.run()
  }
  const floorCosts: number[] = []
  const productCosts: number[] = []
  for (let i = 0; i < pairs; i++) {
    if (i % 2 === 0) {
      floorCosts.push(await floor.run())
      productCosts.push(await product.run())
    } else {
      productCosts.push(await product.run())
      floorCosts.push(await floor.run())
    }
  }
  const ratios = productCosts.map((cost, i) => cost / (floorCosts[i] ?? Number.NaN))
  return { ratios, ratio: bootstrapMedian(ratios), floor: floorCosts, product: productCosts }
}

/** Whether a bar is met. NaN never is. */
export function barHolds(bar: Bar): boolean {
  const best = bar.interval ? (bar.direction === 'atMost' ? bar.interval.low : bar.interval.high) : bar.value
  return bar.direction === 'atMost' ? best <= bar.limit : best >= bar.limit
}

/**
 * Prints figures and bars (or, with `--json` on the command line, one JSON line) and sets the exit code:
 * 0 when every bar holds, 1 when one falls short.
 */
export function report(bench: string, figures: Readonly<Record<string, number | string>>, bars: readonly Bar[]): void {
  const judged = bars.map((bar) => ({ ...bar, ok: barHolds(bar) }))
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ bench, figures, bars: judged.map(({ name, value, limit, ok }) => ({ name, value, limit, ok })) }))
  } else {
    console.log(`\n${bench}`)
    for (const [name, value] of Object.entries(figures)) console.log(`  ${name.padEnd(44)} ${typeof value === 'number' ? figure(value) : value}`)
    for (const bar of judged) {
      const span = bar.interval ? ` [${figure(bar.interval.low)} .. ${figure(bar.interval.high)}]` : ''
      const relation = bar.direction === 'atMost' ? '<=' : '>='
      console.log(`  ${bar.ok ? 'ok  ' : 'FAIL'} ${bar.name.padEnd(39)} ${figure(bar.value)}${span} ${relation} ${figure(bar.limit)}`)
    }
  }
  if (judged.some((bar) => !bar.ok)) process.exitCode = 1
}

/** A number option such as `--entries 3000000`. */
export function numberOption(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`)
  const value = at === -1 ? Number.NaN : Number(process.argv[at + 1])
  return Number.isFinite(value) ? value : fallback
}

function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(4)))
}
