import type { FlagDefinition, FlagLifecycle } from '../../contract/flag-definition.ts'
import { exposureOf, safeVariantOf } from './exposure.ts'

export interface LifecycleFacts {
  /** Wall clock ms. */
  readonly now: number
  /** A rollout of it is going on. */
  readonly rollout: boolean
  /** The last evaluation any process reported, wall clock ms; null: none since `evaluationsSince`. */
  readonly lastEvaluatedAt: number | null
  /** Since when evaluations are counted without a gap, wall clock ms; null: they are not. Absence counts only from then on. */
  readonly evaluationsSince: number | null
  /** Since when it gives everyone the same, wall clock ms; null: take the file's own date. */
  readonly settledSince: number | null
  /** Settled for so long: stale. */
  readonly settledForMs: number
  /** Not evaluated for so long: stale. */
  readonly silentForMs: number
}

export interface Lifecycle {
  readonly state: FlagLifecycle
  /** One sentence, with the numbers behind it. */
  readonly why: string
  /** Everyone gets this variant: what code would keep after the flag is removed. */
  readonly settledOn: string | null
  /** Evaluations were seen within the silent time: removing it would change what callers get. */
  readonly stillEvaluated: 'yes' | 'no' | 'unknown'
}

const DAY_MS = 24 * 3_600_000

/** Where a flag is in its life. What is not known is never a reason to call it stale. */
export function lifecycleOf(flag: FlagDefinition, facts: LifecycleFacts): Lifecycle {
  const settledOn = exposureOf(flag).everyone
  const silentSince = facts.lastEvaluatedAt ?? facts.evaluationsSince
  const watchedLongEnough = facts.evaluationsSince !== null && facts.now - facts.evaluationsSince >= facts.silentForMs
  const recent = facts.lastEvaluatedAt !== null && facts.now - facts.lastEvaluatedAt < facts.silentForMs
  const stillEvaluated = recent ? 'yes' : watchedLongEnough ? 'no' : 'unknown'
  const tell = (state: FlagLifecycle, why: string): Lifecycle => ({ state, why, settledOn, stillEvaluated })

  if (flag.facts.archived) return tell('archived', 'It was removed from use; its definition is kept.')
  if (facts.rollout) return tell('rollingOut', 'A rollout of it is going on.')
  if (flag.facts.permanent) return tell('permanent', flag.facts.owner === null ? 'Declared permanent, with no owner.' : `Declared permanent by its owner, ${flag.facts.owner}.`)
  if (stillEvaluated === 'no' && silentSince !== null) return tell('stale', `Not evaluated for ${days(facts.now - silentSince)}.`)
  const settledSince = facts.settledSince ?? flag.facts.changedAt
  if (settledOn !== null && settledSince !== null && facts.now - settledSince >= facts.settledForMs) return tell('stale', `Everyone has had "${settledOn}" for ${days(facts.now - settledSince)}.`)
  if (settledOn !== null) {
    const since = settledSince === null ? '' : ` for ${days(facts.now - settledSince)}`
    return settledOn === safeVariantOf(flag) ? tell('fullyOff', `Everyone has had "${settledOn}", its safe variant${since}.`) : tell('fullyOn', `Everyone has had "${settledOn}"${since}.`)
  }
  return tell('active', flag.targeting.kind === 'handwritten' ? 'Its targeting is written by hand.' : flag.state === 'DISABLED' ? 'Its state is DISABLED: every caller gets the default in its own code.' : 'Who gets what depends on the context.')
}

function days(ms: number): string {
  const whole = Math.floor(ms / DAY_MS)
  return whole === 1 ? '1 day' : whole > 1 ? `${whole} days` : 'less than a day'
}
