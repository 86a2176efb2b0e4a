import { createHash } from 'node:crypto'

const MAX_USERS_PER_FLAG = 200_000
const MAX_FLAGS = 500
const MAX_METRICS = 200

/** Sums of one variant and metric; users without an event count as 0. */
export interface MetricSums {
  /** Users with an event at least. */
  readonly converted: number
  /** Of each user's values together. */
  readonly sum: number
  readonly sumOfSquares: number
}

export interface ExposedVariant {
  readonly variant: string
  /** Each counted once. Users seen with two variants are in none of them. */
  readonly users: number
  readonly metrics: Readonly<Record<string, MetricSums>>
}

export interface ExposedFlag {
  readonly set: string
  readonly flag: string
  /** Changes when an operator starts over; counts are of this one alone. */
  readonly experiment: string
  /** Wall clock ms. */
  readonly since: number
  readonly variants: readonly ExposedVariant[]
  readonly crossedOver: number
  /** Users beyond the bound: not counted, and so not judged. */
  readonly notCounted: number
}

export interface Exposures {
  /** False when a bound leaves no room for it. */
  expose(set: string, flag: string, experiment: string, variant: string, targetingKey: string): boolean
  /** Counts for every flag of the set this user was exposed to before, and that is still an experiment. `value` null: once. */
  convert(set: string, metric: string, targetingKey: string, value: number | null, goesOn: (flag: string) => boolean): boolean
  list(): readonly ExposedFlag[]
}

interface User {
  /** Null: seen with two variants. */
  variant: string | null
  readonly values: Map<string, number>
}

interface Flag {
  readonly experiment: string
  readonly since: number
  readonly users: Map<string, User>
  notCounted: number
}

/**
 * Who was exposed to which variant, and what they did afterwards, held in memory by a digest of the targeting key.
 * What is counted twice by a client that retries is counted once for exposures, twice for values.
 */
export function countExposures(now: () => number = Date.now, maxUsersPerFlag = MAX_USERS_PER_FLAG): Exposures {
  const flags = new Map<string, Flag>()
  const metrics = new Set<string>()
  const digest = (targetingKey: string): string => createHash('sha256').update(targetingKey).digest('base64').slice(0, 16)

  return {
    expose(set, flag, experiment, variant, targetingKey) {
      const key = `${set}\n${flag}`
      let entry = flags.get(key)
      if (!entry || entry.experiment !== experiment) {
        if (!entry && flags.size >= MAX_FLAGS) return false
        entry = { experiment, since: now(), users: new Map(), notCounted: 0 }
        flags.set(key, entry)
      }
      const who = digest(targetingKey)
      const user = entry.users.get(who)
      if (user) {
        if (user.variant !== variant) user.variant = null
      } else if (entry.users.size < maxUsersPerFlag) entry.users.set(who, { variant, values: new Map() })
      else entry.notCounted += 1
      return true
    },
    convert(set, metric, targetingKey, value, goesOn) {
      if (!metrics.has(metric)) {
        if (metrics.size >= MAX_METRICS) return false
        metrics.add(metric)
      }
      const who = digest(targetingKey)
      for (const [key, { users }] of flags) {
        if (!key.startsWith(`${set}\n`)) continue
        const user = users.get(who)
        if (user && goesOn(key.slice(set.length + 1))) user.values.set(metric, value === null ? Math.max(1, user.values.get(metric) ?? 0) : (user.values.get(metric) ?? 0) + value)
      }
      return true
    },
    list: () => [...flags].map(([key, flag]) => summarize(key, flag)),
  }
}

function summarize(key: string, { experiment, since, users, notCounted }: Flag): ExposedFlag {
  const [set = '', flag = ''] = key.split('\n')
  const variants = new Map<string, { users: number; metrics: Record<string, { converted: number; sum: number; sumOfSquares: number }> }>()
  let crossedOver = 0
  for (const { variant, values } of users.values()) {
    if (variant === null) {
      crossedOver += 1
      continue
    }
    const counted = variants.get(variant) ?? { users: 0, metrics: {} }
    variants.set(variant, counted)
    counted.users += 1
    for (const [metric, value] of values) {
      const sums = (counted.metrics[metric] ??= { converted: 0, sum: 0, sumOfSquares: 0 })
      sums.converted += 1
      sums.sum += value
      sums.sumOfSquares += value * value
    }
  }
  return { set, flag, experiment, since, variants: [...variants].map(([variant, counted]) => ({ variant, ...counted })), crossedOver, notCounted }
}
