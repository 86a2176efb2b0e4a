import { Fault } from '../../contract/fault.ts'
import type { Audience, Condition } from '../../contract/flag-definition.ts'
import type { GateCondition } from './model.ts'

/** Statsig's tests of text ignore case; these two alone do not. */
const TEXT = { startsWith: 'str_starts_with_any', endsWith: 'str_ends_with_any', contains: 'str_contains_any' } as const
const NUMBERS = { atLeast: 'gte', above: 'gt', atMost: 'lte', below: 'lt' } as const
const VERSIONS = { versionAtLeast: 'version_gte', versionBelow: 'version_lt' } as const
/** Attributes with a type of their own. */
const TYPES = { targetingKey: 'user_id', email: 'email' } as const

/** Conditions of one rule each. Faults: `unsupported`. */
export function ruleConditions(audience: Audience): readonly (readonly GateCondition[])[] {
  switch (audience.kind) {
    case 'everyone':
      return [[{ type: 'public' }]]
    case 'segments':
      return [[{ type: 'passes_segment', operator: 'any', targetValue: [...audience.anyOf] }]]
    case 'conditions': {
      const conditions = audience.conditions.map(gateCondition)
      return audience.match === 'all' ? [conditions] : conditions.map((condition) => [condition])
    }
  }
}

function gateCondition(condition: Condition): GateCondition {
  const make = (operator: string, targetValue: readonly (string | number)[]): GateCondition => {
    const attribute = 'attribute' in condition ? condition.attribute : ''
    if (attribute === 'targetingKey' || attribute === 'email') return { type: TYPES[attribute], operator, targetValue: [...targetValue] }
    return { type: 'custom_field', field: attribute, operator, targetValue: [...targetValue] }
  }
  switch (condition.test) {
    case 'is':
      return make('any_case_sensitive', [String(condition.value)])
    case 'in':
      return make('any_case_sensitive', condition.values.map(String))
    case 'startsWith':
    case 'endsWith':
    case 'contains':
      return make(TEXT[condition.test], [condition.value])
    case 'atLeast':
    case 'above':
    case 'atMost':
    case 'below':
      return make(NUMBERS[condition.test], [condition.value])
    case 'versionAtLeast':
    case 'versionBelow':
      return make(VERSIONS[condition.test], [condition.version])
    case 'isNot':
    case 'notIn':
      throw refused('its "none of" also holds for everyone who does not have the attribute')
    default:
      throw refused(`it has no test that says ${condition.test}`)
  }
}

function refused(why: string): Fault {
  return new Fault('unsupported', `Statsig cannot hold this audience: ${why}. Nothing was written.`, 'Choose another audience, or make it a segment in Statsig and name that.')
}

/** Null: one the console has no words for. */
export function audienceOf(conditions: readonly GateCondition[]): Audience | null {
  const [only] = conditions
  if (conditions.length === 1 && only?.type === 'public') return { kind: 'everyone' }
  if (conditions.length === 1 && only?.type === 'passes_segment') {
    const names = texts(only)
    return names.length > 0 ? { kind: 'segments', anyOf: names } : null
  }
  const read = conditions.map(conditionOf)
  return read.length > 0 && read.every((condition) => condition !== null) ? { kind: 'conditions', match: 'all', conditions: read } : null
}

function conditionOf(condition: GateCondition): Condition | null {
  const attribute = condition.type === 'user_id' ? 'targetingKey' : condition.type === 'email' ? 'email' : condition.type === 'custom_field' ? (condition.field ?? '') : ''
  const values = texts(condition)
  const [value] = values
  if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/.test(attribute) || value === undefined) return null
  if (condition.operator === 'any_case_sensitive' || condition.operator === 'any') return values.length === 1 ? { test: 'is', attribute, value } : { test: 'in', attribute, values: [...values] }
  if (values.length > 1) return null
  for (const test of ['startsWith', 'endsWith', 'contains'] as const) if (TEXT[test] === condition.operator && value !== '') return { test, attribute, value }
  for (const test of ['atLeast', 'above', 'atMost', 'below'] as const) if (NUMBERS[test] === condition.operator && Number.isFinite(Number(value))) return { test, attribute, value: Number(value) }
  for (const test of ['versionAtLeast', 'versionBelow'] as const) if (VERSIONS[test] === condition.operator && /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(value)) return { test, attribute, version: value }
  return null
}

function texts({ targetValue }: GateCondition): string[] {
  const list: readonly unknown[] = Array.isArray(targetValue) ? targetValue : targetValue === undefined || targetValue === null ? [] : [targetValue]
  return list.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
}
