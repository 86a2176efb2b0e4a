import { Fault } from '../../contract/fault.ts'
import type { Audience, Condition } from '../../contract/flag-definition.ts'
import type { Clause } from './model.ts'

const TEXT = { startsWith: 'startsWith', endsWith: 'endsWith', contains: 'contains' } as const
const NUMBERS = { atLeast: 'greaterThanOrEqual', above: 'greaterThan', atMost: 'lessThanOrEqual', below: 'lessThan' } as const

/** The clauses of one rule each, which all must hold; whoever meets any of the rules is meant. Faults: `unsupported`. */
export function ruleClauses(audience: Audience, contextKind: string): readonly (readonly Clause[])[] {
  switch (audience.kind) {
    case 'everyone':
      return [[]]
    case 'segments':
      return [[{ attribute: 'segmentMatch', op: 'segmentMatch', values: [...audience.anyOf], negate: false }]]
    case 'conditions': {
      const clauses = audience.conditions.map((condition) => clauseOf(condition, contextKind))
      return audience.match === 'all' ? [clauses] : clauses.map((clause) => [clause])
    }
  }
}

/** A negated clause does not hold for who lacks the attribute either: as the console's tests do not. */
function clauseOf(condition: Condition, contextKind: string): Clause {
  const make = (op: string, values: Clause['values'], negate = false): Clause => ({ attribute: 'attribute' in condition ? nativeName(condition.attribute) : '', op, values, negate, contextKind })
  switch (condition.test) {
    case 'is':
    case 'isNot':
      return make('in', [condition.value], condition.test === 'isNot')
    case 'in':
    case 'notIn':
      return make('in', condition.values, condition.test === 'notIn')
    case 'startsWith':
    case 'endsWith':
    case 'contains':
      return make(TEXT[condition.test], [condition.value])
    case 'atLeast':
    case 'above':
    case 'atMost':
    case 'below':
      return make(NUMBERS[condition.test], [condition.value])
    case 'versionBelow':
      return make('semVerLessThan', [condition.version])
    default:
      throw new Fault('unsupported', `LaunchDarkly has no test that says ${condition.test}. Nothing was written.`, 'Choose another audience, or make it a segment in LaunchDarkly and name that.')
  }
}

/** Null: one the console has no words for. */
export function audienceOf(clauses: readonly Clause[], contextKind: string): Audience | null {
  if (clauses.length === 0) return { kind: 'everyone' }
  const [only] = clauses
  if (clauses.length === 1 && only?.op === 'segmentMatch' && !only.negate && only.values.length > 0) {
    return { kind: 'segments', anyOf: only.values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))) }
  }
  const conditions = clauses.map((clause) => conditionOf(clause, contextKind))
  return conditions.every((condition) => condition !== null) ? { kind: 'conditions', match: 'all', conditions } : null
}

function conditionOf({ attribute: native, op, values, negate, contextKind: kind }: Clause, contextKind: string): Condition | null {
  const attribute = native === 'key' ? 'targetingKey' : native
  if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/.test(attribute) || (kind ?? 'user') !== contextKind) return null
  const plain = values.filter((value) => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
  const [value] = plain
  if (plain.length !== values.length || value === undefined) return null
  if (op === 'in') return plain.length === 1 ? { test: negate ? 'isNot' : 'is', attribute, value } : { test: negate ? 'notIn' : 'in', attribute, values: plain }
  if (negate || plain.length > 1) return null
  for (const test of ['startsWith', 'endsWith', 'contains'] as const) if (TEXT[test] === op && typeof value === 'string' && value !== '') return { test, attribute, value }
  for (const test of ['atLeast', 'above', 'atMost', 'below'] as const) if (NUMBERS[test] === op && typeof value === 'number') return { test, attribute, value }
  return op === 'semVerLessThan' && typeof value === 'string' && /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(value) ? { test: 'versionBelow', attribute, version: value } : null
}

function nativeName(attribute: string): string {
  return attribute === 'targetingKey' ? 'key' : attribute
}
