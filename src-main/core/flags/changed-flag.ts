import type { FlagDefinition, FlagRule } from '../../contract/flag-definition.ts'
import { atStage, fullyOn, killed } from './exposure.ts'
import { sameJson } from './json.ts'
import type { FlagChange } from './ports.ts'

/** What a change asks for, as a definition. `now`: the flag as it is; null: there is none. Null: nothing to change. */
export function changedFlag(change: FlagChange, now: FlagDefinition | null): FlagDefinition | null {
  switch (change.kind) {
    case 'define':
    case 'restore':
      return change.definition
    case 'expose':
      return exposed(change, now)
    case 'finish':
      return now && fullyOn(now, change.variant)
    case 'kill':
      return now && killed(now, change.variant)
    case 'archive':
      return now && { ...now, facts: { ...now.facts, archived: true } }
  }
}

/** Targeting and default are the plan's; facts, variants and metadata stay as they are now. */
function exposed({ before, plan, stage }: Extract<FlagChange, { kind: 'expose' }>, now: FlagDefinition | null): FlagDefinition | null {
  if (!now) return null
  const { state, defaultVariant, targeting } = atStage(before, plan, stage, keptRules(before, plan.stages.slice(0, stage + 1).map(({ audience }) => audience)))
  return { ...now, state, defaultVariant, targeting }
}

/** Rules for audiences of their own that no stage in force is about. What everyone had is replaced by the plan. */
function keptRules(before: FlagDefinition, reached: readonly FlagRule['audience'][]): readonly FlagRule[] {
  if (before.targeting.kind !== 'rules') return []
  return before.targeting.rules.filter(({ audience }) => audience.kind !== 'everyone' && !reached.some((one) => sameJson(one, audience)))
}
