import type { FlagDefinition, FlagRule, JsonValue } from '../../contract/flag-definition.ts'
import { audienceOf } from './gate-conditions.ts'
import type { Gate, GateRule } from './model.ts'

/** Of all environments. */
export const EVERYWHERE = '*'
export const ARCHIVED = 'Archived'

/** Rules that count in the set, and no others: those the console may change. */
export function isOwn(rule: GateRule, set: string): boolean {
  return set === EVERYWHERE ? rule.environments === null : rule.environments?.length === 1 && rule.environments[0] === set
}

export function countsIn(rule: GateRule, set: string): boolean {
  return set === EVERYWHERE || rule.environments === null || rule.environments.includes(set)
}

/** A gate in one environment, as the console knows flags: pass is `on`, fail is `off`. */
export function definitionOf(gate: Gate, set: string): FlagDefinition {
  return {
    key: gate.id,
    type: 'boolean',
    state: 'ENABLED',
    variants: [
      { name: 'on', value: true },
      { name: 'off', value: false },
    ],
    ...servedBy(gate, set),
    metadata: {},
    facts: { owner: gate.owner, description: gate.description === '' ? null : gate.description, safeVariant: 'off', permanent: gate.type === 'PERMANENT', createdAt: gate.createdTime, changedAt: gate.lastModifiedTime, archived: gate.status === ARCHIVED },
  }
}

function servedBy(gate: Gate, set: string): Pick<FlagDefinition, 'defaultVariant' | 'targeting'> {
  const nobody: Pick<FlagDefinition, 'defaultVariant' | 'targeting'> = { defaultVariant: 'off', targeting: { kind: 'rules', rules: [] } }
  if (!gate.isEnabled) return nobody
  const counting = gate.rules.filter((rule) => countsIn(rule, set))
  // Rules after one for everyone count for nobody.
  const last = counting.findIndex((rule) => audienceOf(rule.conditions)?.kind === 'everyone')
  const reached = last < 0 ? counting : counting.slice(0, last + 1)
  const [first] = reached
  if (first && reached.length === 1 && last === 0 && first.passPercentage === 0) return nobody
  const rules = reached.map((rule): FlagRule | null => {
    const audience = audienceOf(rule.conditions)
    if (!audience || (set === EVERYWHERE && rule.environments !== null) || Math.abs(rule.passPercentage * 100 - Math.round(rule.passPercentage * 100)) > 1e-9) return null
    return { audience, serve: rule.passPercentage === 100 ? { kind: 'variant', variant: 'on' } : { kind: 'split', percent: rule.passPercentage, variants: [{ variant: 'on', share: 100 }], otherwise: 'off' } }
  })
  if (gate.holdoutIDs.length > 0 || !rules.every((rule) => rule !== null)) return { defaultVariant: 'off', targeting: { kind: 'handwritten', logic: JSON.parse(JSON.stringify({ rules: reached, holdouts: gate.holdoutIDs })) as { readonly [key: string]: JsonValue } } }
  const [only] = rules
  if (only && rules.length === 1 && only.audience.kind === 'everyone' && only.serve.kind === 'variant') return { defaultVariant: 'on', targeting: { kind: 'rules', rules: [] } }
  return { defaultVariant: 'off', targeting: { kind: 'rules', rules } }
}
