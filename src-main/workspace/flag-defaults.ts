import type { FlagSourceConfig } from '../contract/flag.ts'
import type { RolloutStage } from '../contract/flag-definition.ts'
import type { Tier } from '../contract/vocabulary.ts'
import { DEFAULT_CRITERIA } from '../core/analysis/default-criteria.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export const DEFAULT_PERCENTS = [1, 5, 25, 50, 100] as const

/** How long a stage is watched where the file says nothing: the first ones show errors, the later ones what comes back the next day. */
export const HOLD_DEFAULTS: Readonly<Record<Tier, readonly number[]>> = {
  dev: [MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS],
  staging: [10 * MINUTE_MS, 10 * MINUTE_MS, 10 * MINUTE_MS, 10 * MINUTE_MS, 10 * MINUTE_MS],
  prod: [HOUR_MS, 4 * HOUR_MS, DAY_MS, DAY_MS, DAY_MS],
}

export function defaultStages(tier: Tier): RolloutStage[] {
  return DEFAULT_PERCENTS.map((percent, index) => ({ audience: { kind: 'everyone' }, percent, holdMs: HOLD_DEFAULTS[tier][index] ?? MINUTE_MS, approval: false, criteria: null }))
}

/** What a stage that gives no hold of its own gets: that of the nearest default stage. */
export function defaultHoldMs(tier: Tier, percent: number): number {
  const index = DEFAULT_PERCENTS.findIndex((reached) => percent <= reached)
  return HOLD_DEFAULTS[tier][index] ?? MINUTE_MS
}

export const FLAG_DEFAULTS = {
  criteria: [...DEFAULT_CRITERIA],
  settledForMs: 30 * DAY_MS,
  silentForMs: 14 * DAY_MS,
} as const satisfies Partial<FlagSourceConfig>
