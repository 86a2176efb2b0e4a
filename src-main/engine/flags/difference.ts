import type { FlagRollout } from '../../contract/flag.ts'
import type { FlagDefinition, JsonValue } from '../../contract/flag-definition.ts'
import { changedFlag } from '../../core/flags/changed-flag.ts'
import { diffFlagSets } from '../../core/flags/diff-flag-sets.ts'
import { writeFlag } from '../../core/flags/flag-set.ts'
import { isJsonObject } from '../../core/flags/json.ts'
import { exposeChange } from '../../core/flags/rollout/state.ts'
import { exposureWords } from '../../core/flags/rollout/words.ts'

const LONGEST = 300

function short(value: JsonValue | undefined): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

/** What makes one definition another, part by part, in words; empty when nothing but words about it differs. */
export function differenceOf(before: FlagDefinition | null, after: FlagDefinition | null): readonly string[] {
  if (!before || !after) return [after ? 'The flag is there; it was not.' : 'The flag is gone.']
  const from = writeFlag(before)
  const to = writeFlag(after)
  const [change] = diffFlagSets({ flags: { [after.key]: from } }, { flags: { [after.key]: to } })
  const parts = change && isJsonObject(change.before) && isJsonObject(change.after) ? change.parts : []
  return [
    ...(exposureWords(before).words === exposureWords(after).words ? [] : [`Exposure: ${exposureWords(before).words} became ${exposureWords(after).words}.`]),
    ...parts.map((part) => `${part}: ${short(from[part])} became ${short(to[part])}`),
  ]
}

/** What somebody made of the flag, against what the rollout had made of it. */
export function withDifference(rollout: FlagRollout, observed: FlagDefinition | null, before: FlagDefinition | null): readonly string[] {
  const ours = before ?? changedFlag(exposeChange(rollout, Math.max(0, rollout.verifiedStage)), observed ?? rollout.before.definition)
  const difference = differenceOf(ours, observed)
  return difference.length > 0 ? difference : ['Its version changed; what it gives to whom did not.']
}
