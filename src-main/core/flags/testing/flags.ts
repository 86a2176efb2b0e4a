import type { FlagDefinition, FlagRule } from '../../../contract/flag-definition.ts'

/** A boolean flag with these rules, off by default. */
export function booleanFlag(key: string, rules: readonly FlagRule[] = []): FlagDefinition {
  return {
    key,
    type: 'boolean',
    state: 'ENABLED',
    variants: [
      { name: 'on', value: true },
      { name: 'off', value: false },
    ],
    defaultVariant: 'off',
    targeting: { kind: 'rules', rules: [...rules] },
    metadata: {},
    facts: { owner: 'checkout team', description: null, safeVariant: null, permanent: false, createdAt: null, changedAt: null, archived: false },
  }
}
