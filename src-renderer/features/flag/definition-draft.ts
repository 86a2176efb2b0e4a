import { flagDefinitionSchema, type FlagDefinition, type FlagRule, type FlagType, type JsonValue } from '../../../src-main/contract/flag-definition.ts'
import { placeWords, readJson } from './json-text.ts'
import { errorsByPlace, type DraftErrors } from './rollout-draft.ts'

/** A flag as it is typed: values of variants are text until they are read. */
export interface DefinitionDraft {
  readonly definition: FlagDefinition
  readonly variants: readonly { readonly key: number; readonly name: string; readonly value: string }[]
  /** Targeting written by hand, as text; null: rules. */
  readonly logic: string | null
}

export function draftDefinition(definition: FlagDefinition): DefinitionDraft {
  return {
    definition,
    variants: definition.variants.map(({ name, value }, key) => ({ key, name, value: typeof value === 'object' && value !== null ? JSON.stringify(value, null, 2) : JSON.stringify(value) })),
    logic: definition.targeting.kind === 'handwritten' ? JSON.stringify(definition.targeting.logic, null, 2) : null,
  }
}

const VARIANTS: Readonly<Record<FlagType, FlagDefinition['variants']>> = {
  boolean: [{ name: 'on', value: true }, { name: 'off', value: false }],
  string: [{ name: 'new', value: 'new' }, { name: 'old', value: 'old' }],
  number: [{ name: 'high', value: 2 }, { name: 'low', value: 1 }],
  object: [{ name: 'new', value: {} }, { name: 'old', value: {} }],
}

/** A flag that gives everyone what they have without it. */
export function emptyDefinition(type: FlagType): FlagDefinition {
  const variants = VARIANTS[type]
  const safe = variants.at(-1)?.name ?? ''
  return { key: '', type, state: 'ENABLED', variants, defaultVariant: safe, targeting: { kind: 'rules', rules: [] }, metadata: {}, facts: { owner: null, description: null, safeVariant: safe, permanent: false, createdAt: null, changedAt: null, archived: false } }
}

/** A variant's value as typed: JSON, or for text flags the bare text. */
export function readValue(text: string, type: FlagType): { readonly value: JsonValue; readonly problem: string | null } {
  const read = readJson(text)
  if (read.problem) return type === 'string' && !/^\s*["{[]/.test(text) ? { value: text, problem: null } : { value: null, problem: placeWords(read.problem) }
  const value = read.value as JsonValue
  if (type === 'string' && typeof value !== 'string') return { value: text, problem: null }
  const is = typeof value === 'object' && value !== null ? 'object' : typeof value
  return is === type ? { value, problem: null } : { value, problem: `a ${type} is needed` }
}

export type ReadDefinition = { readonly definition: FlagDefinition; readonly errors: null } | { readonly definition: null; readonly errors: DraftErrors }

/** The flag that was typed, or what is no flag about it. Whether it makes sense is the core's word. */
export function readDefinition(draft: DefinitionDraft): ReadDefinition {
  const errors = new Map<string, string>()
  const variants = draft.variants.map(({ name, value }, index) => {
    const read = readValue(value, draft.definition.type)
    if (read.problem !== null) errors.set(`variants.${index}.value`, read.problem)
    return { name, value: read.value }
  })
  const names = draft.variants.map(({ name }) => name)
  names.forEach((name, index) => {
    if (names.indexOf(name) !== index) errors.set(`variants.${index}.name`, 'there already')
  })
  let targeting = draft.definition.targeting
  if (draft.logic !== null) {
    const read = readJson(draft.logic)
    if (read.problem) errors.set('targeting.logic', placeWords(read.problem))
    else if (typeof read.value !== 'object' || read.value === null || Array.isArray(read.value)) errors.set('targeting.logic', 'an object of JsonLogic is needed')
    else targeting = { kind: 'handwritten', logic: read.value as Extract<FlagDefinition['targeting'], { kind: 'handwritten' }>['logic'] }
  }
  const parsed = flagDefinitionSchema.safeParse({ ...draft.definition, variants, targeting })
  if (!parsed.success) for (const [place, words] of errorsByPlace(parsed.error.issues)) if (!errors.has(place)) errors.set(place, words)
  return parsed.success && errors.size === 0 ? { definition: parsed.data, errors: null } : { definition: null, errors }
}

/** One more rule before the one for everyone, if there is one. */
export function withRule(rules: readonly FlagRule[], variant: string): readonly FlagRule[] {
  const rule: FlagRule = { audience: rules.length === 0 ? { kind: 'everyone' } : { kind: 'conditions', match: 'all', conditions: [{ test: 'is', attribute: 'plan', value: '' }] }, serve: { kind: 'variant', variant } }
  const last = rules.at(-1)
  return last?.audience.kind === 'everyone' ? [...rules.slice(0, -1), { ...rule, audience: { kind: 'conditions', match: 'all', conditions: [{ test: 'is', attribute: 'plan', value: '' }] } }, last] : [...rules, rule]
}

/** Everything under a place, joined: what is said beside a part of the form. */
export function errorsUnder(errors: DraftErrors | null, place: string): string | null {
  const found = [...(errors ?? [])].filter(([where]) => where === place || where.startsWith(`${place}.`)).map(([where, words]) => (where === place ? words : `${where.slice(place.length + 1)}: ${words}`))
  return found.length === 0 ? null : found.join('; ')
}
